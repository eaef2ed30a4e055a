package vulndb

import (
	"slices"
	"strings"

	"github.com/imagevet/imagevet/internal/advisory"
	"github.com/imagevet/imagevet/internal/dbfile"
)

// A limited is a package name that a record calls affected on some platforms
// only.
type limited struct {
	name      string
	platforms []advisory.Platform
}

// platformsOf returns the platforms of the entries on one package, and nothing
// if it is affected on all.
func platformsOf(entries []advisory.Affected) []advisory.Platform {
	var out []advisory.Platform
	for _, a := range entries {
		if len(a.Platforms) == 0 {
			return nil
		}
		out = append(out, a.Platforms...)
	}
	return out
}

// concerns reports whether the record is about a package name as it was
// compiled, which may not be known.
func (r *record) concerns(name string, compiled []string) bool {
	if len(compiled) == 0 {
		return true
	}
	for _, l := range r.limited {
		if l.name == name {
			return slices.ContainsFunc(l.platforms, func(p advisory.Platform) bool {
				return slices.ContainsFunc(compiled, func(c string) bool { return onPlatform(p, c) })
			})
		}
	}
	return true
}

// onPlatform reports whether a program compiled for "OS/ARCH" runs on a
// platform.
func onPlatform(p advisory.Platform, compiled string) bool {
	goos, goarch, ok := strings.Cut(compiled, "/")
	return !ok || (len(p.OS) == 0 || slices.Contains(p.OS, goos)) && (len(p.Arch) == 0 || slices.Contains(p.Arch, goarch))
}

func appendLimited(b []byte, list []limited) []byte {
	b = dbfile.AppendUint(b, uint64(len(list)))
	for _, l := range list {
		b = dbfile.AppendString(b, l.name)
		b = dbfile.AppendUint(b, uint64(len(l.platforms)))
		for _, p := range l.platforms {
			for _, names := range [...][]string{p.OS, p.Arch} {
				b = dbfile.AppendUint(b, uint64(len(names)))
				for _, s := range names {
					b = dbfile.AppendString(b, s)
				}
			}
		}
	}
	return b
}

func decodeLimited(d *dbfile.Decoder) []limited {
	var out []limited
	for range d.Count() {
		l := limited{name: d.String()}
		for range d.Count() {
			var p advisory.Platform
			for _, into := range [...]*[]string{&p.OS, &p.Arch} {
				for range d.Count() {
					*into = append(*into, d.String())
				}
			}
			l.platforms = append(l.platforms, p)
		}
		out = append(out, l)
	}
	return out
}
