package cyclonedx

import (
	"cmp"
	"path"
	"strconv"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// The prefixes of other tools' properties.
const (
	trivy  = "aquasecurity:trivy:" // https://trivy.dev/docs/latest/supply-chain/sbom/#cyclonedx
	syft   = "syft:"
	cdxgen = "cdx:" // https://cyclonedx.github.io/cdxgen/#/CUSTOM_PROPERTIES?id=custom-properties
)

// A foreign value collects what another tool's properties say of a package.
type foreign struct {
	ours                                                  bool // this library's properties say it too
	sourceName, sourceVersion, sourceRelease, sourceEpoch string
	epoch                                                 string
	layerDigest, layerDiffID                              string
	sourceRPM                                             string
	paths                                                 []string
}

// property takes one property.
func (f *foreign) property(p *inventory.Package, prop codec.Property) {
	value := prop.Value
	if name, ok := strings.CutPrefix(prop.Name, trivy); ok {
		switch name {
		case "SrcName":
			f.sourceName = value
		case "SrcVersion":
			f.sourceVersion = value
		case "SrcRelease":
			f.sourceRelease = value
		case "SrcEpoch":
			f.sourceEpoch = value
		case "LayerDigest":
			f.layerDigest = value
		case "LayerDiffID":
			f.layerDiffID = value
		case "Modularitylabel":
			p.Module = cmp.Or(p.Module, value)
		case "FilePath":
			f.paths = append(f.paths, value)
		}
		return
	}
	name, ok := strings.CutPrefix(prop.Name, syft)
	if !ok {
		if prop.Name == "SrcFile" || prop.Name == cdxgen+"npm:package_json" { // cdxgen
			f.paths = append(f.paths, value)
		}
		return
	}
	switch name {
	case "metadata:source", "metadata:originPackage":
		f.sourceName = value
	case "metadata:sourceVersion":
		f.sourceVersion = value
	case "metadata:sourceRpm":
		f.sourceRPM = value
	case "metadata:epoch":
		f.epoch = value
	case "metadata:modularityLabel":
		p.Module = cmp.Or(p.Module, value)
	case "cpe23":
		if len(p.CPEs) == 0 || p.CPEs[0] != value {
			p.CPEs = append(p.CPEs, value)
		}
	default: // "location:NUMBER:path" and "location:NUMBER:layerID"
		rest, ok := strings.CutPrefix(name, "location:")
		if !ok {
			return
		}
		number, field, _ := strings.Cut(rest, ":")
		switch {
		case field == "path":
			f.paths = append(f.paths, value)
		case field == "layerID" && number == "0":
			f.layerDiffID = value
		}
	}
}

// finish puts together what the properties said.
func (f *foreign) finish(p *inventory.Package, b *inventory.BOM) {
	if f.ours {
		return
	}
	if f.sourceRPM != "" {
		if source, ok := codec.SourceRPM(f.sourceRPM); ok {
			p.Source = source
		}
	}
	if f.epoch != "" && f.epoch != "0" && p.Type == "rpm" && p.Version != "" && !strings.Contains(p.Version, ":") {
		p.Version = f.epoch + ":" + p.Version
	}
	if f.sourceName != "" {
		p.Source = inventory.Source{Name: f.sourceName, Version: f.version(p)}
	}
	for _, file := range f.paths {
		if file = strings.TrimPrefix(path.Clean("/"+file), "/"); len(p.Paths) < 1000 {
			p.Paths = append(p.Paths, file)
		}
	}
	if f.layerDigest == "" && f.layerDiffID == "" || p.Layer.DiffID != "" {
		return
	}
	p.Layer = inventory.Layer{DiffID: f.layerDiffID, Digest: f.layerDigest}
	for i := range b.Layers {
		if b.Layers[i].DiffID == f.layerDiffID && f.layerDiffID != "" {
			p.Layer = b.Layers[i]
		}
	}
}

// version is the source package's version. Trivy has its parts each in a
// property.
func (f *foreign) version(p *inventory.Package) string {
	v := f.sourceVersion
	if v == "" {
		return p.Version
	}
	if f.sourceRelease != "" {
		v += "-" + f.sourceRelease
	}
	if _, err := strconv.Atoi(f.sourceEpoch); err == nil && f.sourceEpoch != "0" && !strings.Contains(v, ":") {
		v = f.sourceEpoch + ":" + v
	}
	return v
}

// trivySource says what a distribution's package was built from, where that is
// not the package itself, in the properties by which Trivy finds the source that
// advisories name. Others read it in the package URL.
func trivySource(p *inventory.Package) codec.Properties {
	if p.Source.Name == "" || !codec.OfDistribution(p.Type) || p.Source.Name == p.Name && p.Source.Version == p.Version {
		return nil
	}
	var l codec.Properties
	add := func(name, value string) {
		if value != "" {
			l = append(l, codec.Property{Name: trivy + name, Value: value})
		}
	}
	version, release, epoch := p.Source.Version, "", ""
	if p.Type != "apk" { // whose release is part of the version
		if before, after, ok := strings.Cut(version, ":"); ok {
			epoch, version = before, after
		}
		if i := strings.LastIndexByte(version, '-'); i >= 0 {
			version, release = version[:i], version[i+1:]
		}
	}
	add("SrcName", p.Source.Name)
	add("SrcVersion", version)
	add("SrcRelease", release)
	add("SrcEpoch", epoch)
	return l
}

// trivyApplication returns the file whose packages Trivy lists below a component
// of its own.
func trivyApplication(c *cdx.Component) (string, bool) {
	if c.Type != cdx.ComponentTypeApplication || c.PackageURL != "" {
		return "", false
	}
	for _, p := range deref(c.Properties) {
		if p.Name == trivy+"Class" && p.Value == "lang-pkgs" {
			return strings.TrimPrefix(path.Clean("/"+c.Name), "/"), true
		}
	}
	return "", false
}

// foreignTarget takes another tool's property of an image.
func foreignTarget(b *inventory.BOM, p codec.Property) {
	switch {
	case p.Name == trivy+"ImageID":
		b.Target.ImageID = p.Value
	case p.Name == trivy+"DiffID": // one for each layer, in order
		if len(b.Layers) < 10_000 {
			b.Layers = append(b.Layers, inventory.Layer{Index: len(b.Layers), DiffID: p.Value})
		}
	case p.Name == trivy+"RepoDigest":
		if _, digest, ok := strings.Cut(p.Value, "@"); ok && b.Target.Digest == "" {
			b.Target.Digest = digest
		}
	case strings.HasPrefix(p.Name, syft+"image:labels:org.opencontainers.image."):
		if b.Target.Labels == nil {
			b.Target.Labels = map[string]string{}
		}
		b.Target.Labels[strings.TrimPrefix(p.Name, syft+"image:labels:")] = p.Value
	case strings.HasPrefix(p.Name, trivy+"Labels:org.opencontainers.image."):
		if b.Target.Labels == nil {
			b.Target.Labels = map[string]string{}
		}
		b.Target.Labels[strings.TrimPrefix(p.Name, trivy+"Labels:")] = p.Value
	}
}

// foreignOS takes another tool's property of the distribution.
func foreignOS(os *inventory.OS, p codec.Property) {
	switch p.Name {
	case syft + "distro:id":
		os.ID = p.Value
	case syft + "distro:versionID":
		os.Version = p.Value
	case syft + "distro:versionCodename":
		os.Codename = p.Value
	case syft + "distro:prettyName":
		os.Name = p.Value
	case syft + "distro:variantID":
		os.Variant = p.Value
	case syft + "distro:cpeName":
		os.CPE = cmp.Or(os.CPE, p.Value)
	default:
		if strings.HasPrefix(p.Name, syft+"distro:idLike") {
			os.IDLike = append(os.IDLike, p.Value)
		}
	}
}
