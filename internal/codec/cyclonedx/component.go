package cyclonedx

import (
	"cmp"
	"regexp"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// metadata describes the document and what it is about.
func (e *encoder) metadata(p *part) *cdx.Metadata {
	m := &cdx.Metadata{Tools: e.tools()}
	if !e.opts.Created.IsZero() {
		m.Timestamp = codec.FormatTime(e.opts.Created)
	}
	if e.version >= cdx.SpecVersion1_5 {
		m.Lifecycles = &[]cdx.Lifecycle{{Phase: cdx.LifecyclePhase(codec.Phase(p.bom.Target.Kind))}}
	}
	if len(e.opts.Authors) > 0 {
		var authors []cdx.OrganizationalContact
		for _, a := range e.opts.Authors {
			authors = append(authors, contact(a))
		}
		m.Authors = &authors
	}
	if e.opts.Supplier != "" {
		m.Supplier = &cdx.OrganizationalEntity{Name: e.opts.Supplier}
	}
	root := e.target(p)
	var problems []cdx.Property // of the document, rather than of the image
	m.Component = &root
	if root.Properties != nil {
		var others []cdx.Property
		for _, prop := range *root.Properties {
			if strings.HasPrefix(prop.Name, codec.Prefix+"problem:") {
				problems = append(problems, prop)
			} else {
				others = append(others, prop)
			}
		}
		root.Properties = pointer(others)
	}
	m.Properties = pointer(problems)
	return m
}

func (e *encoder) tools() *cdx.ToolsChoice {
	all := append([]inventory.Tool{codec.Tool()}, e.opts.Tools...)
	if e.version < cdx.SpecVersion1_5 {
		var tools []cdx.Tool //lint:ignore SA1019 version 1.4 has no other
		for _, t := range all {
			tools = append(tools, cdx.Tool{Name: t.Name, Version: t.Version}) //lint:ignore SA1019 version 1.4 has no other
		}
		return &cdx.ToolsChoice{Tools: &tools}
	}
	var tools []cdx.Component
	for _, t := range all {
		tools = append(tools, cdx.Component{Type: cdx.ComponentTypeApplication, Name: t.Name, Version: t.Version})
	}
	return &cdx.ToolsChoice{Components: &tools}
}

// contact takes "Name <address>" apart.
func contact(author string) cdx.OrganizationalContact {
	name, rest, ok := strings.Cut(author, "<")
	if email, closed := strings.CutSuffix(strings.TrimSpace(rest), ">"); ok && closed && strings.Contains(email, "@") {
		return cdx.OrganizationalContact{Name: strings.TrimSpace(name), Email: email}
	}
	return cdx.OrganizationalContact{Name: author}
}

func targetName(t *inventory.Target) string { return cmp.Or(t.Name, t.Digest, "unnamed") }

// target describes an image, a folder or a product.
func (e *encoder) target(p *part) cdx.Component {
	t := &p.bom.Target
	c := cdx.Component{
		BOMRef: p.ref, Type: cdx.ComponentTypeContainer, Name: targetName(t), Version: cmp.Or(t.Version, t.Digest),
		PackageURL: codec.ImagePURL(t), Properties: properties(codec.TargetProperties(p.bom)),
	}
	switch t.Kind {
	case "tree", "product":
		c.Type = cdx.ComponentTypeApplication
	}
	if t.Name == "" || t.Version != "" && t.Digest != "" || strings.HasPrefix(t.Version, "sha256:") {
		var l codec.Properties
		l.AddAll("target:name", []string{t.Name})
		l.AddAll("target:version", []string{t.Version})
		l.AddAll("target:digest", []string{t.Digest})
		c.Properties = pointer(append(*properties(l), deref(c.Properties)...))
	}
	if hex, ok := strings.CutPrefix(t.Digest, "sha256:"); ok && validHash("SHA-256", hex) {
		c.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hex}}
	}
	c.Description = t.Labels["org.opencontainers.image.description"]
	return c
}

// image describes one of several images with all that is in it.
func (e *encoder) image(p *part) cdx.Component {
	c := e.target(p)
	components := make([]cdx.Component, 0, len(p.packages)+1)
	if p.os != "" {
		components = append(components, e.system(p))
	}
	for i := range p.packages {
		components = append(components, e.component(p, i))
	}
	c.Components = pointer(components)
	return c
}

// system describes the distribution.
func (e *encoder) system(p *part) cdx.Component {
	os := &p.bom.OS
	return cdx.Component{
		BOMRef: p.os, Type: cdx.ComponentTypeOS, Name: os.ID, Version: os.Version, Description: os.Name,
		CPE: codec.ValidCPE(os.CPE), Properties: properties(codec.OSProperties(os, true)),
	}
}

// component describes a package.
func (e *encoder) component(part *part, i int) cdx.Component {
	p := &part.bom.Packages[i]
	c := cdx.Component{
		BOMRef: part.packages[i], Type: cdx.ComponentTypeLibrary, Publisher: p.Maintainer, Name: p.Name, Version: p.Version,
		PackageURL: p.PURL,
	}
	if p.Name == "" {
		c.Name = "unnamed"
	}
	if p.Type == "generic" {
		c.Type = cdx.ComponentTypeApplication
	}
	if !codec.OfDistribution(p.Type) {
		c.Group = p.Namespace
	}
	if p.Development {
		c.Scope = cdx.ScopeExcluded
	}
	if supplier := cmp.Or(p.Vendor, p.Maintainer); supplier != "" {
		c.Supplier = &cdx.OrganizationalEntity{Name: supplier}
	}
	has := codec.Fields{
		Expression: true, Licenses: true, Hashes: true, Maintainer: true, Development: true,
		Vendor: p.Vendor == "" || p.Vendor != p.Maintainer,
	}
	if e.version >= cdx.SpecVersion1_5 {
		has.Paths = true
		has.Line = e.lines && len(p.Paths) > 0
		c.Evidence = e.evidence(p)
	}
	c.Licenses = licenses(p)
	var hashes []cdx.Hash
	for _, h := range codec.Hashes(p) {
		if validHash(h.Algorithm, h.Value) {
			hashes = append(hashes, cdx.Hash{Algorithm: cdx.HashAlgorithm(h.Algorithm), Value: h.Value})
		} else {
			has.Hashes = false
		}
	}
	if has.Hashes {
		c.Hashes = pointer(hashes)
	}
	for _, name := range p.CPEs { // the first only: others are properties
		c.CPE = codec.ValidCPE(name)
		break
	}
	c.Properties = properties(append(codec.PackageProperties(p, has), trivySource(p)...))
	return c
}

// licenses returns the expression, or the licences word for word: up to version
// 1.6 there can be only one or the other.
func licenses(p *inventory.Package) *cdx.Licenses {
	if p.LicenseExpression != "" {
		return &cdx.Licenses{{Expression: p.LicenseExpression}}
	}
	var list cdx.Licenses
	for _, l := range p.Licenses {
		if l == "" {
			l = "unnamed"
		}
		list = append(list, cdx.LicenseChoice{License: &cdx.License{Name: l}})
	}
	if list == nil {
		return nil
	}
	return &list
}

// evidence says where a package was found and by whom.
func (e *encoder) evidence(p *inventory.Package) *cdx.Evidence {
	ev := &cdx.Evidence{}
	occurrences := make([]cdx.EvidenceOccurrence, 0, len(p.Paths))
	for i, path := range p.Paths {
		o := cdx.EvidenceOccurrence{Location: path}
		if i == 0 && p.Line > 0 && e.lines {
			o.Line = &p.Line
		}
		occurrences = append(occurrences, o)
	}
	if len(occurrences) > 0 {
		ev.Occurrences = &occurrences
	}
	if p.Extractor != "" {
		technique, confidence := techniqueOf(p)
		identity := cdx.EvidenceIdentity{
			Field: cdx.EvidenceIdentityFieldTypePURL, Confidence: &confidence,
			Methods: &[]cdx.EvidenceIdentityMethod{{Technique: technique, Confidence: &confidence, Value: p.Extractor}},
		}
		if p.PURL == "" {
			identity.Field = cdx.EvidenceIdentityFieldTypeName
		}
		ev.Identity = &cdx.EvidenceIdentityChoice{Identity: &identity}
		if e.version >= cdx.SpecVersion1_6 {
			identity.ConcludedValue = cmp.Or(p.PURL, p.Name)
			ev.Identity = &cdx.EvidenceIdentityChoice{Identities: &[]cdx.EvidenceIdentity{identity}}
		}
	}
	if ev.Occurrences == nil && ev.Identity == nil {
		return nil
	}
	return ev
}

// techniqueOf says how an extractor knows a package, and how sure that is: a
// package manager's record is certain, a version that was found in a program's
// bytes nearly so, the name of a file a guess.
func techniqueOf(p *inventory.Package) (cdx.EvidenceIdentityTechnique, float32) {
	switch p.Extractor {
	case "executable":
		return cdx.EvidenceIdentityTechniqueBinaryAnalysis, 1
	case "fingerprint":
		return cdx.EvidenceIdentityTechniqueBinaryAnalysis, 0.8
	case "sbomfile":
		return cdx.EvidenceIdentityTechniqueAttestation, 0.9
	case "jar":
		if p.Namespace == "" {
			return cdx.EvidenceIdentityTechniqueFilename, 0.5
		}
	}
	if p.Constraint != "" {
		return cdx.EvidenceIdentityTechniqueManifestAnalysis, 0.5 // which version is not known
	}
	return cdx.EvidenceIdentityTechniqueManifestAnalysis, 1
}

var hexadecimal = regexp.MustCompile(`^[a-fA-F0-9]+$`)

// hashSizes are the lengths of digests in hexadecimal digits, by the names of
// the specification: https://cyclonedx.org/docs/1.6/json/#components_items_hashes_items_alg
var hashSizes = map[string]int{
	"MD5": 32, "SHA-1": 40, "SHA-256": 64, "SHA-384": 96, "SHA-512": 128, "SHA3-256": 64, "SHA3-384": 96, "SHA3-512": 128,
	"BLAKE2b-256": 64, "BLAKE2b-384": 96, "BLAKE2b-512": 128, "BLAKE3": 64,
}

func validHash(algorithm, value string) bool {
	size, ok := hashSizes[algorithm]
	return ok && (len(value) == size || algorithm == "BLAKE3" && (len(value) == 32 || len(value) == 128)) && hexadecimal.MatchString(value)
}

func properties(l codec.Properties) *[]cdx.Property {
	out := make([]cdx.Property, len(l))
	for i, p := range l {
		out[i] = cdx.Property{Name: p.Name, Value: p.Value}
	}
	return pointer(out)
}

// pointer returns nil for an empty list, as the library leaves that out.
func pointer[T any](list []T) *[]T {
	if len(list) == 0 {
		return nil
	}
	return &list
}

func deref[T any](list *[]T) []T {
	if list == nil {
		return nil
	}
	return *list
}
