package image

import (
	"cmp"
	"fmt"
	"runtime"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// A Platform says for which machines an image is made. It is comparable. The
// names are those of Go's GOOS and GOARCH.
type Platform struct {
	OS           string // such as "linux"
	Architecture string // such as "arm64"
	Variant      string // such as "v7", empty where there is only one
}

// ParsePlatform parses "os/architecture" or "os/architecture/variant", such as
// "linux/arm64/v8". Other usual names of an architecture are accepted:
// "linux/x86_64" is linux/amd64, "linux/aarch64" is linux/arm64.
func ParsePlatform(s string) (Platform, error) {
	parts := strings.Split(s, "/")
	if len(parts) < 2 || len(parts) > 3 {
		return Platform{}, fmt.Errorf("image: ParsePlatform(%q): write it as \"linux/amd64\" or \"linux/arm/v7\"", s)
	}
	for _, part := range parts {
		if part == "" || strings.Trim(part, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") != "" {
			return Platform{}, fmt.Errorf("image: ParsePlatform(%q): %q is no name", s, part)
		}
	}
	p := Platform{OS: parts[0], Architecture: parts[1]}
	if len(parts) == 3 {
		p.Variant = parts[2]
	}
	return p.normal(), nil
}

// String returns "os/architecture" or "os/architecture/variant", and an empty
// string for the zero value.
func (p Platform) String() string {
	if p == (Platform{}) {
		return ""
	}
	s := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		s += "/" + p.Variant
	}
	return s
}

// normal replaces other names by Go's. What may be left out is: the variants
// that every machine of an architecture has.
//
// The names are those that containerd knows:
// https://github.com/containerd/platforms/blob/v1.0.0/database.go
func (p Platform) normal() Platform {
	p.OS = strings.ToLower(p.OS)
	p.Architecture = strings.ToLower(p.Architecture)
	p.Variant = strings.ToLower(p.Variant)
	if p.OS == "macos" {
		p.OS = "darwin"
	}
	switch p.Architecture {
	case "i386":
		p.Architecture, p.Variant = "386", ""
	case "x86_64", "x86-64":
		p.Architecture = "amd64"
	case "aarch64":
		p.Architecture = "arm64"
	case "armhf":
		p.Architecture, p.Variant = "arm", "v7"
	case "armel":
		p.Architecture, p.Variant = "arm", "v6"
	}
	if p.Variant != "" && p.Variant[0] >= '0' && p.Variant[0] <= '9' {
		p.Variant = "v" + p.Variant
	}
	switch {
	case p.Architecture == "amd64" && p.Variant == "v1",
		p.Architecture == "arm64" && p.Variant == "v8",
		p.Architecture == "arm64" && p.Variant == "v8.0":
		p.Variant = ""
	}
	return p
}

// noMatch is the rank of what does not run on a platform.
const noMatch = -1

// rank tells how well an image made for p suits a machine of the platform
// want: noMatch if it does not run there, else the higher the better. A machine
// of a variant runs images for this and for all lower variants of the
// architecture. Neither is any variant asked for than is asked for nor another
// architecture, though an amd64 machine does run 386: who scans an image wants
// to know of that one and no other.
//
// The order of variants is that of containerd's platforms.Only:
// https://github.com/containerd/platforms/blob/v1.0.0/compare.go
func (p Platform) rank(want Platform) int {
	p, want = p.normal(), want.normal()
	if p.OS != want.OS || p.Architecture != want.Architecture {
		return noMatch
	}
	have, ok := p.version()
	most, okMost := want.version()
	switch {
	case p.Variant == want.Variant && !ok:
		return 0
	case !ok || !okMost || have > most:
		return noMatch
	}
	return have
}

// version turns a variant such as "v7" or "v9.2" into a number that grows with
// it. A variant that is left out is the usual one.
func (p Platform) version() (int, bool) {
	variant := p.Variant
	if variant == "" {
		switch p.Architecture {
		case "amd64":
			variant = "v1"
		case "arm64":
			variant = "v8"
		case "arm":
			variant = "v7"
		}
	}
	digits, ok := strings.CutPrefix(variant, "v")
	if !ok {
		return 0, false
	}
	major, minor, _ := strings.Cut(digits, ".")
	a, err := strconv.ParseUint(major, 10, 8)
	if err != nil {
		return 0, false
	}
	b, err := strconv.ParseUint(cmp.Or(minor, "0"), 10, 8)
	if err != nil {
		return 0, false
	}
	return int(a)<<8 | int(b), true
}

// defaultPlatforms are the platforms that are looked for, in this order, where
// none is asked for: the machine's own and, as most images are made for Linux
// wherever they are looked at, Linux on the same architecture.
func defaultPlatforms() []Platform {
	own := Platform{OS: runtime.GOOS, Architecture: runtime.GOARCH}
	if own.OS == "linux" {
		return []Platform{own}
	}
	return []Platform{own, {OS: "linux", Architecture: runtime.GOARCH}}
}

func platformOf(p *v1.Platform) Platform {
	if p == nil {
		return Platform{}
	}
	return Platform{OS: p.OS, Architecture: p.Architecture, Variant: p.Variant}
}

// unknown reports whether p is what builders write at things in an index that
// are no images, such as attestations:
// https://docs.docker.com/build/metadata/attestations/attestation-storage/
func (p Platform) unknown() bool { return p.OS == "unknown" || p.Architecture == "unknown" }
