package vex

import (
	"encoding/hex"
	"regexp"
	"slices"
	"strings"

	"github.com/imagevet/imagevet/internal/purlmatch"
)

// addName adds a name of a product, whatever kind it is of, or says why it is
// none.
func (p *Product) addName(name string) (why string) {
	name = strings.TrimSpace(name)
	switch {
	case len(name) > maxText:
		return "its name is too long"
	case strings.HasPrefix(name, "pkg:"):
		if _, err := purlmatch.Parse(name); err != nil {
			return "no package URL: " + err.Error()
		}
		p.PURLs = appendOnce(p.PURLs, name)
	case strings.HasPrefix(strings.ToLower(name), "cpe:"):
		if _, ok := parseCPE(name); !ok {
			return "no CPE: " + quote(name)
		}
		p.CPEs = appendOnce(p.CPEs, name)
	case isDigest(name):
		p.Digests = appendOnce(p.Digests, name)
	default:
		ref, ok := parseImage(name)
		if !ok {
			return "neither a package URL nor a CPE, a digest or an image"
		}
		if ref.digest != "" {
			p.Digests = appendOnce(p.Digests, ref.digest)
			return ""
		}
		p.Images = appendOnce(p.Images, name)
	}
	return ""
}

// versioned reports whether each name of a product says which version it is.
func (p *Product) versioned() bool {
	for _, purl := range p.PURLs {
		if x, err := purlmatch.Parse(purl); err != nil || x.Version() == "" && x.Qualifier("tag") == "" {
			return false
		}
	}
	for _, name := range p.CPEs {
		if c, ok := parseCPE(name); !ok || c.version == "" {
			return false
		}
	}
	return true
}

// addHash adds the digest of an image. Other algorithms name none.
func (p *Product) addHash(algorithm, value string) {
	digest := "sha256:" + strings.ToLower(value)
	if strings.EqualFold(algorithm, "sha-256") && isDigest(digest) {
		p.Digests = appendOnce(p.Digests, digest)
	}
}

func appendOnce(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// isDigest reports whether s is a digest that an image can have.
func isDigest(s string) bool {
	algorithm, digits, ok := strings.Cut(s, ":")
	if !ok || algorithm != "sha256" && algorithm != "sha512" {
		return false
	}
	_, err := hex.DecodeString(digits)
	return err == nil && (len(digits) == 64 || len(digits) == 128) && strings.ToLower(digits) == digits
}

// An imageRef is the name of an image, in full.
type imageRef struct {
	repository  string // "docker.io/library/nginx"
	tag, digest string
}

var (
	repositoryForm = regexp.MustCompile(`^[a-z0-9]+([._-]+[a-z0-9]+)*(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*$`)
	tagForm        = regexp.MustCompile(`^\w[\w.-]{0,127}$`)
)

// parseImage reads the name of an image as Docker does:
// https://github.com/distribution/reference/blob/main/reference.go
func parseImage(name string) (imageRef, bool) {
	var r imageRef
	name, r.digest, _ = strings.Cut(name, "@")
	if i := strings.LastIndexByte(name, ':'); i >= 0 && !strings.Contains(name[i:], "/") {
		name, r.tag = name[:i], name[i+1:]
		if !tagForm.MatchString(r.tag) {
			return imageRef{}, false
		}
	}
	r.repository = fullRepository(name)
	if !repositoryForm.MatchString(r.repository) || r.digest != "" && !isDigest(r.digest) {
		return imageRef{}, false
	}
	return r, true
}

// fullRepository adds what Docker leaves out.
func fullRepository(name string) string {
	name = strings.ToLower(strings.TrimSuffix(name, "/"))
	host, rest, ok := strings.Cut(name, "/")
	switch {
	case !ok:
		return "docker.io/library/" + name
	case !strings.ContainsAny(host, ".:") && host != "localhost":
		return "docker.io/" + name
	case host == "index.docker.io" || host == "registry-1.docker.io" || host == "hub.docker.com":
		host = "docker.io"
	}
	if host == "docker.io" && !strings.Contains(rest, "/") {
		rest = "library/" + rest
	}
	return host + "/" + rest
}

// A cpe is a name of the Common Platform Enumeration, as far as it is compared.
type cpe struct {
	part, vendor, product, version, update string
}

// parseCPE reads the forms "cpe:2.3:" and "cpe:/", NISTIR 7695:
// https://nvlpubs.nist.gov/nistpubs/Legacy/IR/nistir7695.pdf
func parseCPE(name string) (cpe, bool) {
	name = strings.ToLower(name)
	var parts []string
	if rest, ok := strings.CutPrefix(name, "cpe:2.3:"); ok {
		parts = splitEscaped(rest)
	} else if rest, ok := strings.CutPrefix(name, "cpe:/"); ok {
		parts = strings.Split(rest, ":")
	}
	for len(parts) < 5 {
		parts = append(parts, "")
	}
	for i, p := range parts {
		if p == "*" {
			parts[i] = ""
		}
	}
	c := cpe{parts[0], parts[1], parts[2], parts[3], parts[4]}
	return c, c.part != "" && c.vendor != "" && c.product != ""
}

// splitEscaped splits at colons that have no backslash before them, and drops
// backslashes.
func splitEscaped(s string) []string {
	var parts []string
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case s[i] == ':':
			parts = append(parts, b.String())
			b.Reset()
		default:
			b.WriteByte(s[i])
		}
	}
	return append(parts, b.String())
}

// covers reports whether a name of a rule means what another name is of: nothing
// that it states differs.
func (c cpe) covers(other cpe) bool {
	return c.part == other.part && c.vendor == other.vendor && c.product == other.product &&
		(c.version == "" || c.version == other.version && (c.update == "" || c.update == other.update))
}

// coversRelease is the same for distributions. Parts of a product, such as Red
// Hat's AppStream, are applications of the same name; a major version means its
// minor ones.
func (c cpe) coversRelease(os cpe) bool {
	if c.part == "h" || c.vendor != os.vendor || c.product != os.product {
		return false
	}
	if c.version == "" {
		return true
	}
	if c.update != "" {
		return c.version == os.version && c.update == os.update
	}
	return strings.HasPrefix(os.version+".", c.version+".")
}
