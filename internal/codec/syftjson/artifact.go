package syftjson

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// An artifact is a package. What it has beside its name is read apart, so that
// one odd value does not lose the package.
type artifact struct {
	ID, Name, Version, Type, FoundBy, PURL string

	Locations, Licenses, CPEs, Metadata json.RawMessage
}

// A location is a file that Syft found the package in.
type location struct {
	Path, LayerID string
	Annotations   struct{ Evidence string }
}

// A licence is an object since version 8 of the schema, and was a string
// before.
type licence struct{ Value, SPDXExpression, Type string }

func (l *licence) UnmarshalJSON(data []byte) error {
	if isString(data) {
		return json.Unmarshal(data, &l.Value)
	}
	type plain licence // without this method
	return json.Unmarshal(data, (*plain)(l))
}

// A name in the Common Platform Enumeration is an object since version 14 of
// the schema, and was a string before.
type cpe struct{ CPE string }

func (c *cpe) UnmarshalJSON(data []byte) error {
	if isString(data) {
		return json.Unmarshal(data, &c.CPE)
	}
	type plain cpe
	return json.Unmarshal(data, (*plain)(c))
}

func isString(data []byte) bool { return bytes.HasPrefix(data, []byte{'"'}) }

// purlTypes are the types of package URLs for Syft's types of packages, where
// the words differ. It is for artifacts without a package URL.
// https://github.com/anchore/syft/blob/main/syft/pkg/type.go
func purlType(kind string) string {
	switch kind {
	case "python":
		return "pypi"
	case "go-module":
		return "golang"
	case "java-archive", "jenkins-plugin":
		return "maven"
	case "rust-crate":
		return "cargo"
	case "php-composer":
		return "composer"
	case "php-pear", "php-pecl":
		return "pear"
	case "dotnet":
		return "nuget"
	case "pod":
		return "cocoapods"
	case "dart-pub":
		return "pub"
	case "R-package":
		return "cran"
	case "lua-rocks":
		return "luarocks"
	case "portage":
		return "ebuild"
	case "homebrew":
		return "brew"
	case "erlang-otp":
		return "otp"
	case "github-action", "github-action-workflow":
		return "githubactions"
	case "binary", "linux-kernel", "linux-kernel-module":
		return "generic"
	}
	return kind
}

// artifact takes a package.
func (r *JSON) artifact(a *artifact) error {
	p, err := codec.PackageOf(a.PURL)
	if err != nil {
		r.c.Problem("the package URL of %s cannot be understood: %s: %v", codec.Quote(a.Name), codec.Quote(a.PURL), err)
	}
	if p.Type == "" {
		p = unnamed(a)
	} else {
		p.PURL = a.PURL
		r.c.Distro(a.PURL)
	}
	// Names are in the package's own spelling, but with the namespace in
	// front of them for some types.
	if p.PURL != "" && (p.Namespace == "" || codec.OfDistribution(p.Type) || strings.EqualFold(p.Name, a.Name)) {
		p.Name = cmp.Or(a.Name, p.Name)
	}
	p.Version = cmp.Or(a.Version, p.Version)
	p.Extractor = a.FoundBy
	locations := optional[[]location](r, a.Locations, "where the package was found, of", a.Name)
	p.Paths, p.Layer.DiffID = record(locations)
	r.setLicenses(&p, optional[[]licence](r, a.Licenses, "a licence of", a.Name))
	for _, c := range optional[[]cpe](r, a.CPEs, "a CPE of", a.Name) {
		if c.CPE != "" {
			p.CPEs = append(p.CPEs, c.CPE)
		}
	}
	r.setMetadata(&p, a)
	return r.c.Add(a.ID, p)
}

// unnamed returns what an artifact without a package URL says of a package.
func unnamed(a *artifact) inventory.Package {
	p := inventory.Package{Type: purlType(a.Type), Name: a.Name, Version: a.Version}
	switch p.Type {
	case "golang", "npm", "composer", "githubactions":
		if slash := strings.LastIndexByte(a.Name, '/'); slash >= 0 {
			p.Namespace, p.Name = a.Name[:slash], a.Name[slash+1:]
		}
	}
	return p
}

// record returns the files that record a package, and the layer of the first:
// those that Syft calls the primary evidence, or all where it calls none so.
func record(locations []location) (paths []string, layer string) {
	primary := func(l location) bool { return l.Annotations.Evidence == "primary" }
	some := slices.ContainsFunc(locations, primary)
	for _, l := range locations {
		if l.Path == "" || some && !primary(l) {
			continue
		}
		if layer == "" {
			layer = l.LayerID
		}
		paths = append(paths, relative(l.Path))
	}
	slices.Sort(paths)
	return slices.Compact(paths), layer
}

// setLicenses takes the licences that a package declares; what Syft concluded
// from texts of licences counts where it declares none.
func (r *JSON) setLicenses(p *inventory.Package, list []licence) {
	declared := func(l licence) bool { return l.Type != "concluded" && cmp.Or(l.Value, l.SPDXExpression) != "" }
	some := slices.ContainsFunc(list, declared)
	var expressions []string
	for _, l := range list {
		text := cmp.Or(l.Value, l.SPDXExpression)
		if text == "" || some && !declared(l) || slices.Contains(p.Licenses, text) {
			continue
		}
		p.Licenses = append(p.Licenses, text)
		expressions = append(expressions, cmp.Or(l.SPDXExpression, l.Value))
	}
	p.LicenseExpression = r.licenses.Expression(p.Type, expressions)
}

// setMetadata takes what the package's own record says and the model has. The
// objects differ by the type of the package.
// https://github.com/anchore/syft/tree/main/syft/pkg
func (r *JSON) setMetadata(p *inventory.Package, a *artifact) {
	const what = "the metadata of"
	switch a.Type {
	case "deb":
		m := optional[struct{ Source, SourceVersion, Maintainer, Architecture string }](r, a.Metadata, what, a.Name)
		p.Maintainer = m.Maintainer
		p.Arch = cmp.Or(p.Arch, m.Architecture)
		source := cmp.Or(m.Source, p.Source.Name, p.Name)
		if m.Source != "" || p.Source.Version == "" {
			p.Source.Version = cmp.Or(m.SourceVersion, p.Version)
		}
		p.Source.Name = source
	case "apk":
		m := optional[struct{ OriginPackage, Maintainer, Architecture string }](r, a.Metadata, what, a.Name)
		p.Maintainer = m.Maintainer
		p.Arch = cmp.Or(p.Arch, m.Architecture)
		p.Source = inventory.Source{Name: cmp.Or(m.OriginPackage, p.Source.Name, p.Name), Version: p.Version}
	case "rpm":
		r.setRPM(p, a)
	case "java-archive", "jenkins-plugin":
		r.setJava(p, a)
	case "npm":
		m := optional[struct{ Integrity string }](r, a.Metadata, what, a.Name) // of a lock file
		addIntegrity(p, m.Integrity)
	}
}

func (r *JSON) setRPM(p *inventory.Package, a *artifact) {
	m := optional[struct {
		SourceRPM, ModularityLabel, Vendor, Architecture, Arch string
		Signatures                                             json.RawMessage
	}](r, a.Metadata, "the metadata of", a.Name)
	p.Vendor = m.Vendor
	p.Arch = cmp.Or(p.Arch, m.Architecture, m.Arch)
	if source, ok := codec.SourceRPM(m.SourceRPM); ok {
		p.Source = source
	}
	if m.ModularityLabel != "(none)" {
		p.Module = cmp.Or(p.Module, m.ModularityLabel)
	}
	for _, s := range optional[[]struct{ Issuer string }](r, m.Signatures, "the signatures of", a.Name) {
		p.SigningKey = cmp.Or(p.SigningKey, strings.ToLower(s.Issuer))
	}
}

func (r *JSON) setJava(p *inventory.Package, a *artifact) {
	m := optional[struct {
		VirtualPath   string
		PomProperties *struct{ GroupID, ArtifactID string }
		Digest        []struct{ Algorithm, Value string }
	}](r, a.Metadata, "the metadata of", a.Name)
	if p.PURL == "" && m.PomProperties != nil {
		p.Namespace = m.PomProperties.GroupID
		p.Name = cmp.Or(m.PomProperties.ArtifactID, p.Name)
	}
	if inner := inArchive(m.VirtualPath); inner != "" && len(p.Paths) == 1 {
		p.Paths[0] += "!/" + inner
	}
	for _, d := range m.Digest {
		addDigest(p, d.Algorithm, d.Value)
	}
}

// inArchive returns the place in an archive that a virtual path names, as paths
// of an inventory have it. Syft joins archives by colons, and may put a name of
// Maven behind them.
func inArchive(virtual string) string {
	parts := strings.Split(virtual, ":")
	inner := parts[1:]
	isArchive := func(name string) bool {
		dot := strings.LastIndexByte(name, '.')
		switch strings.ToLower(name[dot+1:]) {
		case "jar", "war", "ear", "par", "sar", "nar", "kar", "jpi", "hpi", "lpkg", "zip":
			return dot >= 0
		}
		return false
	}
	for n, name := range inner {
		if !isArchive(name) {
			inner = inner[:n]
			break
		}
		inner[n] = relative(name)
	}
	return strings.Join(inner, "!/")
}

// addDigest adds a digest whose algorithm is one that the model names.
func addDigest(p *inventory.Package, algorithm, value string) {
	name, ok := map[string]string{
		"md5": "MD5", "sha1": "SHA-1", "sha256": "SHA-256", "sha384": "SHA-384", "sha512": "SHA-512",
	}[strings.ReplaceAll(strings.ToLower(algorithm), "-", "")]
	if _, err := hex.DecodeString(value); !ok || value == "" || err != nil {
		return
	}
	codec.AddHash(p, name, value)
}

// addIntegrity adds the digests of npm's "integrity":
// https://www.w3.org/TR/SRI/#the-integrity-attribute.
func addIntegrity(p *inventory.Package, text string) {
	for part := range strings.FieldsSeq(text) {
		algorithm, value, _ := strings.Cut(part, "-")
		value, _, _ = strings.Cut(value, "?")
		if sum, err := base64.StdEncoding.DecodeString(value); err == nil {
			addDigest(p, algorithm, hex.EncodeToString(sum))
		}
	}
}
