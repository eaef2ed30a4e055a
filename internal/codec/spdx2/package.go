package spdx2

import (
	"cmp"
	"fmt"
	"reflect"
	"strings"

	"github.com/spdx/tools-golang/spdx/v2/common"
	spdx "github.com/spdx/tools-golang/spdx/v2/v2_3"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// The properties that this package adds to those of package codec.
const (
	propElement     = codec.Prefix + "element"
	propName        = codec.Prefix + "name"
	propVersion     = codec.Prefix + "version"
	propDigest      = codec.Prefix + "digest"
	propPURL        = codec.Prefix + "purl"
	propLicenses    = codec.Prefix + "licenses"
	propLayerDigest = codec.Prefix + "layer:digest"
	propOSID        = codec.Prefix + "os:id"
	propOSVersion   = codec.Prefix + "os:version"
	propOSName      = codec.Prefix + "os:name"

	elementTarget = "target"
	elementOS     = "os"
)

// The purposes that are written: section 7.24.
const (
	purposeApplication = "APPLICATION"
	purposeContainer   = "CONTAINER"
	purposeLibrary     = "LIBRARY"
	purposeOS          = "OPERATING-SYSTEM"
	purposeSource      = "SOURCE"
)

// The types of references: annex F.
const (
	refPURL     = common.TypePackageManagerPURL
	refCPE23    = common.TypeSecurityCPE23Type
	refCPE22    = common.TypeSecurityCPE22Type
	refAdvisory = common.TypeSecurityAdvisory
)

// element returns a package with what all of them have. The fields that version
// 2.3 made optional are mandatory in 2.2.
func (e *encoder) element(id common.ElementID, name, version, purpose string) *spdx.Package {
	p := &spdx.Package{
		PackageName: cmp.Or(line(name), unnamed), PackageSPDXIdentifier: id, PackageVersion: line(version),
		PackageSupplier: &common.Supplier{Supplier: noAssertion}, PackageDownloadLocation: noAssertion,
		PackageLicenseConcluded: noAssertion, PackageLicenseDeclared: noAssertion, PackageCopyrightText: noAssertion,
	}
	if e.version != "2.2" {
		p.PrimaryPackagePurpose = purpose
	}
	return p
}

// annotate adds the annotation with what SPDX has no fields for: section 12.
func (e *encoder) annotate(p *spdx.Package, props codec.Properties) {
	p.Annotations = []spdx.Annotation{{
		Annotator:      common.Annotator{Annotator: codec.Name, AnnotatorType: program},
		AnnotationDate: e.created, AnnotationType: "OTHER", AnnotationComment: comment(props),
		AnnotationSPDXIdentifier: common.DocElementID{ElementRefID: p.PackageSPDXIdentifier},
	}}
}

// addRef adds a reference, if it fits: section 7.21.
func addRef(p *spdx.Package, category, kind, locator string) bool {
	if locator == "" || !plain(locator) {
		return false
	}
	p.PackageExternalReferences = append(p.PackageExternalReferences,
		&spdx.PackageExternalReference{Category: category, RefType: kind, Locator: locator})
	return true
}

func addCPE(p *spdx.Package, cpe string) bool {
	if codec.ValidCPE(cpe) == "" {
		return false
	}
	kind := refCPE22
	if strings.HasPrefix(cpe, "cpe:2.3:") {
		kind = refCPE23
	}
	return addRef(p, common.CategorySecurity, kind, cpe)
}

// target describes what an inventory is of.
func (e *encoder) target(part *part, supplier string) *spdx.Package {
	t := &part.bom.Target
	props := codec.Properties{{Name: propElement, Value: elementTarget}}
	if line(t.Name) != t.Name || t.Name == "" {
		props = append(props, codec.Property{Name: propName, Value: t.Name})
	}
	props.Add("version", t.Version)
	props.Add("digest", t.Digest)
	props = append(props, codec.TargetProperties(part.bom)...)
	purpose := purposeContainer
	switch t.Kind {
	case "tree":
		purpose = purposeSource
	case "product":
		purpose = purposeApplication
	}
	p := e.element(part.target, t.Name, cmp.Or(t.Version, t.Digest), purpose)
	e.annotate(p, props)
	p.PackageChecksums = digestChecksum(t.Digest)
	addRef(p, common.CategoryPackageManager, refPURL, codec.ImagePURL(t))
	if kind, name := stated(supplier, organization); name != "" {
		p.PackageSupplier = &common.Supplier{Supplier: name, SupplierType: kind}
	}
	return p
}

func hasOS(os *inventory.OS) bool { return !reflect.ValueOf(*os).IsZero() }

// os describes the distribution.
func (e *encoder) os(part *part) *spdx.Package {
	os := &part.bom.OS
	props := codec.Properties{{Name: propElement, Value: elementOS}}
	if line(os.ID) != os.ID || os.ID == "" {
		props = append(props, codec.Property{Name: propOSID, Value: os.ID})
	}
	if line(os.Version) != os.Version {
		props.Add("os:version", os.Version)
	}
	props.Add("os:name", os.Name)
	p := e.element(part.os, os.ID, os.Version, purposeOS)
	e.annotate(p, append(props, codec.OSProperties(os, false)...))
	p.PackageSummary = line(os.Name)
	addCPE(p, os.CPE)
	return p
}

// pkg describes a package.
func (e *encoder) pkg(part *part, i int) *spdx.Package {
	p := &part.bom.Packages[i]
	var own codec.Properties
	purpose := purposeLibrary
	if p.Type == "generic" || p.Type == "" {
		purpose = purposeApplication
	}
	out := e.element(part.packages[i], title(p), p.Version, purpose)
	if _, err := codec.PackageOf(p.PURL); err != nil || p.PURL != "" && !addRef(out, common.CategoryPackageManager, refPURL, p.PURL) {
		own.Add("purl", p.PURL)
	}
	has := codec.Fields{CPEs: true}
	for _, cpe := range p.CPEs {
		has.CPEs = addCPE(out, cpe) && has.CPEs
	}
	for _, address := range part.advisories[p.PURL] {
		addRef(out, common.CategorySecurity, refAdvisory, address)
	}
	out.PackageChecksums, has.Hashes = checksums(e.version, p)
	out.PackageSupplier, out.PackageOriginator = suppliers(p.Vendor, p.Maintainer)
	vendor, maintainer := parties(supplierText(out.PackageSupplier), originatorText(out.PackageOriginator))
	has.Vendor, has.Maintainer = vendor == p.Vendor, maintainer == p.Maintainer
	out.PackageLicenseDeclared, has.Expression, has.Licenses = e.licenses.declare(p)
	if len(p.Licenses) == 0 && !has.Licenses {
		own.Add("licenses", "none")
	}
	if !amongLayers(part.bom.Layers, &p.Layer) {
		own.Add("layer:digest", p.Layer.Digest)
	}
	out.PackageSourceInfo = sourceInfo(p)
	e.annotate(out, append(own, codec.PackageProperties(p, has)...))
	return out
}

// title is the name of a package for people.
func title(p *inventory.Package) string {
	switch {
	case p.Namespace == "" || p.PURL == "" || codec.OfDistribution(p.Type):
		return p.Name
	case p.Type == "maven":
		return p.Namespace + ":" + p.Name
	}
	return p.Namespace + "/" + p.Name
}

// sourceInfo says what a distribution's package was built from, in the words by
// which Trivy finds the source that advisories name. Of others it says for
// people where the package was found; a decoder has the properties.
func sourceInfo(p *inventory.Package) string {
	const most = 10
	if p.Source.Name != "" && codec.OfDistribution(p.Type) {
		return strings.TrimSpace(trivyBuiltFrom + line(p.Source.Name+" "+p.Source.Version))
	}
	if len(p.Paths) == 0 {
		return ""
	}
	paths := line(strings.Join(p.Paths[:min(len(p.Paths), most)], ", "))
	if more := len(p.Paths) - most; more > 0 {
		paths += fmt.Sprintf(" and %d more", more)
	}
	if p.Extractor == "" {
		return "found in " + paths
	}
	return "found by the extractor " + line(p.Extractor) + " in " + paths
}

// amongLayers reports whether a decoder finds the layer by its index.
func amongLayers(layers []inventory.Layer, l *inventory.Layer) bool {
	return 0 <= l.Index && l.Index < len(layers) && (l.DiffID == "" || layers[l.Index].DiffID == l.DiffID)
}

// supplierText is a supplier as a document has it.
func supplierText(s *common.Supplier) string {
	if s.SupplierType == "" {
		return s.Supplier
	}
	return s.SupplierType + ": " + s.Supplier
}

func originatorText(o *common.Originator) string {
	return supplierText(&common.Supplier{Supplier: o.Originator, SupplierType: o.OriginatorType})
}
