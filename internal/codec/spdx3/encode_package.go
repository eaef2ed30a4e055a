package spdx3

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// digestProperty holds a target's digest that is not one that SPDX has a name
// for.
const digestProperty = codec.Prefix + "digest"

func (e *encoder) target(b *inventory.BOM, id, supplier string) {
	t := &b.Target
	properties := codec.TargetProperties(b)
	p := packageElement{
		head:           head{"software_Package", id, creation, t.Name},
		PackageVersion: t.Version,
		PrimaryPurpose: targetPurpose(t.Kind),
		BuiltTime:      formatTime(t.Created),
		SuppliedBy:     supplier,
	}
	if h, ok := digestHash(t.Digest); ok && p.PrimaryPurpose == "container" {
		p.VerifiedUsing = []hashObject{h}
	} else if t.Digest != "" {
		properties = append(properties, codec.Property{Name: digestProperty, Value: t.Digest})
	}
	p.Extension = extensions(properties)
	e.w.Element(p)
}

func targetPurpose(kind string) string {
	switch kind {
	case "tree":
		return "source"
	case "rootfs":
		return "filesystemImage"
	case "product":
		return "application"
	}
	return "container"
}

// digestHash returns an image's digest, such as "sha256:…", as SPDX has it, if
// it can.
func digestHash(digest string) (hashObject, bool) {
	algorithm, value, _ := strings.Cut(digest, ":")
	switch algorithm {
	case "sha256", "sha384", "sha512":
		return hashObject{"Hash", algorithm, value}, value != "" && strings.ToLower(value) == value
	}
	return hashObject{}, false
}

func hasOS(os *inventory.OS) bool {
	return os.ID != "" || os.Version != "" || os.Name != "" || len(codec.OSProperties(os, false)) > 0
}

func (e *encoder) os(os *inventory.OS) packageElement {
	p := packageElement{
		head:           e.head("software_Package", "os", os.ID),
		Description:    os.Name,
		PackageVersion: os.Version,
		PrimaryPurpose: "operatingSystem",
		Extension:      extensions(codec.OSProperties(os, true)),
	}
	if os.CPE != "" && codec.ValidCPE(os.CPE) != "" {
		p.ExternalIdentifier = []externalIdentifier{cpeIdentifier(os.CPE)}
	}
	return p
}

func cpeIdentifier(cpe string) externalIdentifier {
	kind := "cpe22"
	if strings.HasPrefix(cpe, "cpe:2.3:") {
		kind = "cpe23"
	}
	return externalIdentifier{"ExternalIdentifier", kind, cpe}
}

// packages writes the packages under their identifiers, and what they depend
// on.
func (e *encoder) packages(b *inventory.BOM, target string, ids []string) {
	graph := codec.NewGraph(b.Packages)
	var development, on []string
	for i := range b.Packages {
		p := &b.Packages[i]
		e.pkg(p, ids[i])
		on = on[:0]
		for _, j := range graph.On[i] {
			on = append(on, ids[j])
		}
		completeness := "noAssertion"
		if len(on) < len(p.DependsOn) {
			completeness = "incomplete"
		}
		e.relate(relationship{From: ids[i], Kind: "dependsOn", Completeness: completeness}, "Relationship", on)
		if p.Development {
			development = append(development, ids[i])
		}
	}
	e.relate(relationship{From: target, Kind: "dependsOn", Scope: "development", Completeness: "noAssertion"},
		"LifecycleScopedRelationship", development)
}

// pkg writes a package, and before it the elements that it refers to.
func (e *encoder) pkg(p *inventory.Package, id string) {
	out := packageElement{
		head:           head{"software_Package", id, creation, displayName(p)},
		PackageVersion: p.Version,
		PackageURL:     p.PURL,
		PrimaryPurpose: "library",
		SourceInfo:     sourceInfo(p),
	}
	if p.Vendor != "" {
		out.SuppliedBy = e.agent("Agent", p.Vendor)
	}
	if p.Maintainer != "" {
		out.OriginatedBy = []string{e.agent("Agent", p.Maintainer)}
	}
	has := codec.Fields{Vendor: true, Maintainer: true, Development: true, CPEs: true, Hashes: true, Licenses: true, Expression: true}
	if p.PURL != "" {
		out.ExternalIdentifier = append(out.ExternalIdentifier, externalIdentifier{"ExternalIdentifier", "packageUrl", p.PURL})
	}
	for _, cpe := range p.CPEs {
		if codec.ValidCPE(cpe) == "" {
			has.CPEs = false // the properties hold all, in their order
			continue
		}
		out.ExternalIdentifier = append(out.ExternalIdentifier, cpeIdentifier(cpe))
	}
	for _, h := range codec.Hashes(p) {
		algorithm := toSPDX(h.Algorithm)
		if algorithm == "" {
			has.Hashes = false
			continue
		}
		out.VerifiedUsing = append(out.VerifiedUsing, hashObject{"Hash", algorithm, h.Value})
	}
	licenses := p.Licenses
	if p.LicenseExpression != "" {
		licenses = []string{p.LicenseExpression}
	}
	told, err := packageOf(p.PURL)
	if err != nil { // it will not be read again
		q := *p
		q.PURL = ""
		p = &q
	}
	read, expression := e.reader.read(told.Type, licenses)
	has.Licenses = slices.Equal(read, p.Licenses)
	has.Expression = expression == p.LicenseExpression
	properties := codec.PackageProperties(p, has)
	if !has.Expression && p.LicenseExpression == "" {
		properties = append(properties, codec.Property{Name: codec.Prefix + "licenseExpression"})
	}
	out.Extension = extensions(properties)
	var declared []string
	for _, text := range licenses {
		if text != "" {
			declared = append(declared, e.license(text))
		}
	}
	e.w.Element(out)
	e.relate(relationship{From: id, Kind: "hasDeclaredLicense"}, "Relationship", declared)
}

// displayName is the name by which people know a package.
func displayName(p *inventory.Package) string {
	switch {
	case p.Namespace == "" || codec.OfDistribution(p.Type):
		return p.Name
	case p.Type == "maven":
		return p.Namespace + ":" + p.Name
	}
	return p.Namespace + "/" + p.Name
}

// sourceInfo says in a sentence where the package was found.
func sourceInfo(p *inventory.Package) string {
	if len(p.Paths) == 0 {
		return ""
	}
	by := ""
	if p.Extractor != "" {
		by = " by the extractor " + p.Extractor
	}
	return "Read" + by + " from " + strings.Join(p.Paths, ", ") + "."
}

// license returns the element of a licence, which it writes the first time.
func (e *encoder) license(text string) string {
	if id, ok := e.licenses[text]; ok {
		return id
	}
	l := licenseElement{head: e.head("simplelicensing_LicenseExpression", "license", ""), Expression: text}
	if !isExpression(text) {
		sum := sha256.Sum256([]byte(text))
		ref := "LicenseRef-" + hex.EncodeToString(sum[:16])
		t := licenseText{head: head{"simplelicensing_SimpleLicensingText", e.base + ref, creation, ""}, Text: text}
		if len(text) <= maxLicenseName {
			t.Name = text
		}
		e.w.Element(t)
		l.Expression = ref
		l.CustomIDs = []dictionaryEntry{{"DictionaryEntry", ref, t.ID}}
	}
	e.w.Element(l)
	e.licenses[text] = l.ID
	return l.ID
}

// maxLicenseName is the length in bytes up to which the words of a licence are
// its name too.
const maxLicenseName = 200
