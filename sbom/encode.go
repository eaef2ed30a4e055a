package sbom

import (
	"crypto/sha1"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// A Format is a way to write a [BOM].
type Format int

// The formats.
const (
	// CycloneDXJSON is CycloneDX 1.6 in JSON:
	// https://cyclonedx.org/docs/1.6/json/
	CycloneDXJSON Format = iota + 1
	// CycloneDXXML is CycloneDX 1.6 in XML: https://cyclonedx.org/docs/1.6/xml/
	CycloneDXXML
)

// ErrFormat is returned for a [Format] that is not one of the constants.
var ErrFormat = errors.New("sbom: no such format")

// Encode writes the BOM. Equal BOMs give equal bytes: there is no timestamp,
// and the serial number is a UUID of version 5 made from the content.
//
// A component is written for the operating system and for each package, with
// its package URL, licences, and the files that record it. The layer and the
// source package are properties "imagevet:layer:index",
// "imagevet:layer:diffID", "imagevet:source:name", "imagevet:source:version",
// "imagevet:arch" and "imagevet:extractor"; "imagevet:deletedBy:index" marks
// what [WithDeleted] has kept; "imagevet:relation", "imagevet:development",
// "imagevet:constraint" and "imagevet:line" are what lock files and manifests
// tell. Problems are properties
// "imagevet:problem" of the metadata: what they hide is missing from the list.
func Encode(w io.Writer, b *BOM, f Format) error {
	format := cdx.BOMFileFormatJSON
	switch f {
	case CycloneDXJSON:
	case CycloneDXXML:
		format = cdx.BOMFileFormatXML
	default:
		return fmt.Errorf("%w: %d", ErrFormat, int(f))
	}
	doc := cyclonedx(b)
	hash := sha1.New()
	if err := cdx.NewBOMEncoder(hash, cdx.BOMFileFormatJSON).EncodeVersion(doc, cdx.SpecVersion1_6); err != nil {
		return fmt.Errorf("sbom: %w", err)
	}
	doc.SerialNumber = "urn:uuid:" + uuid5(hash.Sum(nil))
	enc := cdx.NewBOMEncoder(w, format).SetPretty(true).SetEscapeHTML(false)
	if err := enc.EncodeVersion(doc, cdx.SpecVersion1_6); err != nil {
		return fmt.Errorf("sbom: %w", err)
	}
	return nil
}

// uuid5 makes a UUID of version 5 of a SHA-1 sum: RFC 9562, section 5.5.
func uuid5(sum []byte) string {
	u := sum[:16]
	u[6] = u[6]&0x0f | 0x50
	u[8] = u[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[0:4], u[4:6], u[6:8], u[8:10], u[10:16])
}

func cyclonedx(b *BOM) *cdx.BOM {
	doc := cdx.NewBOM()
	root := cdx.Component{
		BOMRef:  "image",
		Type:    cdx.ComponentTypeContainer,
		Name:    b.Target.Name,
		Version: b.Target.Digest,
	}
	root.Properties = properties(
		"imagevet:kind", b.Target.Kind, "imagevet:imageID", b.Target.ImageID, "imagevet:platform", b.Target.Platform)
	doc.Metadata = &cdx.Metadata{
		Component: &root,
		Tools: &cdx.ToolsChoice{Components: &[]cdx.Component{{
			Type: cdx.ComponentTypeApplication, Name: "imagevet",
		}}},
	}
	var problems []string
	for _, p := range b.Problems {
		problems = append(problems, "imagevet:problem", p.Error())
	}
	doc.Metadata.Properties = properties(problems...)
	components := []cdx.Component{}
	dependencies := []cdx.Dependency{}
	if b.OS.ID != "" {
		components = append(components, cdx.Component{
			BOMRef: "os", Type: cdx.ComponentTypeOS, Name: b.OS.ID, Version: b.OS.Version, Description: b.OS.Name, CPE: cpe(b.OS.CPE),
		})
	}
	used := map[string]int{}
	for i := range b.Packages {
		p := &b.Packages[i]
		c := component(p, used)
		components = append(components, c)
		// What depends on a package URL depends on its first component.
		if len(p.DependsOn) > 0 {
			dependencies = append(dependencies, cdx.Dependency{Ref: c.BOMRef, Dependencies: &p.DependsOn})
		}
	}
	doc.Components = &components
	if len(dependencies) > 0 {
		doc.Dependencies = &dependencies
	}
	return doc
}

// component describes a package. Its reference is the package URL, with a
// number if an image has the package several times; used counts them.
func component(p *Package, used map[string]int) cdx.Component {
	ref := p.PURL
	if used[p.PURL]++; used[p.PURL] > 1 {
		ref += "#" + strconv.Itoa(used[p.PURL])
	}
	occurrences := []cdx.EvidenceOccurrence{}
	for _, path := range p.Paths {
		occurrences = append(occurrences, cdx.EvidenceOccurrence{Location: path})
	}
	c := cdx.Component{
		BOMRef:     ref,
		Type:       cdx.ComponentTypeLibrary,
		Name:       p.Name,
		Version:    p.Version,
		Publisher:  p.Maintainer,
		PackageURL: p.PURL,
		Evidence:   &cdx.Evidence{Occurrences: &occurrences},
		Properties: properties(
			"imagevet:arch", p.Arch,
			"imagevet:constraint", p.Constraint,
			"imagevet:development", onlyTrue(p.Development),
			"imagevet:extractor", p.Extractor,
			"imagevet:layer:index", strconv.Itoa(p.Layer.Index),
			"imagevet:layer:diffID", p.Layer.DiffID,
			"imagevet:line", positive(p.Line),
			"imagevet:ownedBy", p.OwnedBy,
			"imagevet:relation", p.Relation.String(),
			"imagevet:source:name", p.Source.Name,
			"imagevet:source:version", p.Source.Version),
	}
	if len(p.CPEs) > 0 {
		c.CPE = cpe(p.CPEs[0])
	}
	var licenses cdx.Licenses
	if p.LicenseExpression != "" {
		licenses = cdx.Licenses{{Expression: p.LicenseExpression}}
	} else {
		for _, l := range p.Licenses { // word for word
			licenses = append(licenses, cdx.LicenseChoice{License: &cdx.License{Name: l}})
		}
	}
	if len(licenses) > 0 {
		c.Licenses = &licenses
	}
	if p.SHA1 != "" {
		c.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA1, Value: p.SHA1}}
	}
	if p.DeletedBy != nil {
		*c.Properties = append(*c.Properties, cdx.Property{Name: "imagevet:deletedBy:index", Value: strconv.Itoa(p.DeletedBy.Index)})
	}
	return c
}

func onlyTrue(b bool) string {
	if b {
		return "true"
	}
	return ""
}

func positive(n int) string {
	if n > 0 {
		return strconv.Itoa(n)
	}
	return ""
}

// properties makes a list of pairs of name and value, without those that have
// no value.
func properties(pairs ...string) *[]cdx.Property {
	var out []cdx.Property
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			out = append(out, cdx.Property{Name: pairs[i], Value: pairs[i+1]})
		}
	}
	if out == nil {
		return nil
	}
	return &out
}

// cpe returns a CPE name that the schema allows, or none.
func cpe(name string) string {
	if strings.HasPrefix(name, "cpe:2.3:") || strings.HasPrefix(name, "cpe:/") {
		return name
	}
	return ""
}
