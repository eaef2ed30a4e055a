package codec

import (
	"errors"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/package-url/packageurl-go"

	"github.com/imagevet/imagevet/internal/codec/purlspec"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// OfDistribution reports whether packages of a type are a distribution's, whose
// ID is the namespace of the package URL, as the definitions of these types
// ask: https://github.com/package-url/purl-spec/tree/main/types-doc.
func OfDistribution(kind string) bool {
	switch kind {
	case "deb", "apk", "rpm", "alpm":
		return true
	}
	return false
}

// PackageOf returns what a package URL says of a package. Qualifiers that have
// a field of the model are not among its Qualifiers, nor is what [DistroOf]
// returns. The zero value comes with an error.
//
// A distribution's package is built from itself where the URL names no other
// source ("upstream", as Syft and this library write it), but for rpm, of which
// most tools write no source.
func PackageOf(purl string) (inventory.Package, error) {
	if purl == "" {
		return inventory.Package{}, nil
	}
	u, err := purlspec.Parse(purl)
	if err != nil {
		return inventory.Package{}, err
	}
	if text, err := url.PathUnescape(purl); err != nil || !utf8.ValidString(text) {
		return inventory.Package{}, errors.New("it is not UTF-8")
	}
	p := inventory.Package{Type: u.Type, Namespace: u.Namespace, Name: u.Name, Version: u.Version}
	q := u.Qualifiers.Map()
	take := func(key string) string {
		value := q[key]
		delete(q, key)
		return value
	}
	p.Arch = take("arch")
	if OfDistribution(p.Type) {
		for _, key := range []string{"distro", "distro_name", "os_distro", "os_name", "os_version"} {
			delete(q, key)
		}
		// An rpm's epoch is a part of its version.
		epoch := take("epoch")
		if epoch != "" && p.Version != "" && !strings.Contains(p.Version, ":") {
			p.Version = epoch + ":" + p.Version
		}
		p.Module = take("rpmmod")
		p.Source = sourceOf(&p, take("upstream"))
	}
	if len(q) > 0 {
		p.Qualifiers = q
	}
	return p, nil
}

// sourceOf reads "NAME", "NAME@VERSION" or, of an rpm package, the file name of
// the source package.
func sourceOf(p *inventory.Package, upstream string) inventory.Source {
	if upstream == "" {
		if p.Type == "rpm" {
			return inventory.Source{}
		}
		return inventory.Source{Name: p.Name, Version: p.Version}
	}
	if source, ok := SourceRPM(upstream); ok {
		return source
	}
	source := inventory.Source{}
	source.Name, source.Version, _ = strings.Cut(upstream, "@")
	if source.Version == "" {
		source.Version = p.Version
		if p.Type == "rpm" { // a source has no epoch of its own in its name
			_, rest, ok := strings.Cut(p.Version, ":")
			if ok {
				source.Version = rest
			}
		}
	}
	return source
}

// SourceRPM takes the file name of a source package of rpm apart:
// "NAME-VERSION-RELEASE.src.rpm".
func SourceRPM(file string) (inventory.Source, bool) {
	base, ok := strings.CutSuffix(file, ".src.rpm")
	if !ok {
		if base, ok = strings.CutSuffix(file, ".nosrc.rpm"); !ok {
			return inventory.Source{}, false
		}
	}
	release := strings.LastIndexByte(base, '-')
	if release <= 0 {
		return inventory.Source{}, false
	}
	version := strings.LastIndexByte(base[:release], '-')
	if version <= 0 {
		return inventory.Source{}, false
	}
	return inventory.Source{Name: base[:version], Version: base[version+1:]}, true
}

// DistroOf returns the distribution that the package URL of one of its packages
// names: in "distro", as "ID-VERSION" or a code name, or as BuildKit's scanner
// writes it. The zero value means none.
func DistroOf(purl string) inventory.OS {
	u, err := purlspec.Parse(purl)
	if err != nil || !OfDistribution(u.Type) {
		return inventory.OS{}
	}
	q := u.Qualifiers.Map()
	os := inventory.OS{ID: strings.ToLower(u.Namespace)}
	if version := q["os_version"]; version != "" {
		os.Version, os.Codename = version, q["os_distro"]
		if name := q["os_name"]; name != "" {
			os.ID = strings.ToLower(name)
		}
		return os
	}
	distro := q["distro"]
	if distro == "" {
		return inventory.OS{}
	}
	id, version, ok := cutLast(distro, "-")
	switch {
	case ok && version != "" && isDigit(version[0]):
		os.ID, os.Version = strings.ToLower(id), version
		os.Codename = q["distro_name"]
		if _, name, ok := strings.Cut(os.Codename, "-"); ok { // "debian-12" or "bookworm"
			os.Codename = name
		}
		if os.Codename != "" && isDigit(os.Codename[0]) {
			os.Codename = ""
		}
	case isDigit(distro[0]): // the version alone
		os.Version = distro
	case strings.EqualFold(distro, os.ID): // a rolling release
	default:
		os.Codename = strings.ToLower(distro)
		if name, ok := strings.CutPrefix(os.Codename, os.ID+"-"); ok && os.ID != "" {
			os.Codename = name
		}
	}
	if os.ID == "" {
		return inventory.OS{}
	}
	return os
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// ImagePURL returns the package URL of an image that a registry has
// (https://github.com/package-url/purl-spec/blob/main/types-doc/oci-definition.md),
// or "" where name and digest do not tell it.
func ImagePURL(t *inventory.Target) string {
	if t.Kind != "registry" || !strings.HasPrefix(t.Digest, "sha256:") {
		return ""
	}
	repository, _, _ := strings.Cut(t.Name, "@")
	tag := ""
	if name, last, ok := cutLast(repository, ":"); ok && !strings.Contains(last, "/") {
		repository, tag = name, last
	}
	host, _, ok := strings.Cut(repository, "/")
	switch {
	case repository == "":
		return ""
	case !ok:
		repository = "docker.io/library/" + repository
	case !strings.ContainsAny(host, ".:") && host != "localhost":
		repository = "docker.io/" + repository
	}
	_, name, _ := cutLast(repository, "/")
	q := map[string]string{"repository_url": strings.ToLower(repository)}
	if tag != "" {
		q["tag"] = tag
	}
	if _, arch, ok := strings.Cut(t.Platform, "/"); ok {
		q["arch"], _, _ = strings.Cut(arch, "/")
	}
	u, err := purlspec.Format(*packageurl.NewPackageURL("oci", "", strings.ToLower(name), t.Digest, packageurl.QualifiersFromMap(q), ""))
	if err != nil {
		return ""
	}
	return u
}
