// Package osrelease reads the files that say which distribution an image is
// built on: os-release, the older files that each distribution had of its
// own, the list of repositories that apk installs from, and the state of Ubuntu
// Pro.
//
// An image usually has several of them. Each gives an [inventory.OS]; [Merge]
// makes one of them all.
//
// The format of os-release is that of [os-release(5)]. The content is
// hostile: a file of more than 64 KiB, or 1 MiB for the state of Ubuntu Pro, is
// an error.
//
// [os-release(5)]: https://www.freedesktop.org/software/systemd/man/latest/os-release.html
package osrelease

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// maxFile is the size of a file up to which it is read. Real ones have less
// than 2 KiB.
const maxFile = 64 << 10

const apkRepositories = "etc/apk/repositories"

// unnamed is the ID of a system whose os-release has none:
// https://www.freedesktop.org/software/systemd/man/latest/os-release.html#ID=
const unnamed = "linux"

// Extractor reads the files that name the distribution. The zero value is
// ready, and safe for use by many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "osrelease".
func (Extractor) Name() string { return "osrelease" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 2 }

// paths returns the files in the order in which they decide.
//
// os-release comes first, and that in etc before that in usr/lib, as
// os-release(5) has it. Of the older files the one that only one distribution
// has goes before the one that its parent has too: Oracle Linux keeps a
// redhat-release that names Red Hat Enterprise Linux, and old Ubuntu a
// debian_version that names the Debian it was taken from.
func paths() []string {
	return []string{
		"etc/os-release",
		"usr/lib/os-release",
		"etc/oracle-release",
		"etc/rocky-release",
		"etc/almalinux-release",
		"etc/centos-release",
		"etc/fedora-release",
		"etc/redhat-release",
		"etc/system-release",
		"etc/alpine-release",
		"etc/SuSE-release",
		"etc/mariner-release",
		"etc/lsb-release",
		"etc/debian_version",
		"etc/arch-release",
	}
}

// Priority returns the place of a file in the order in which they decide:
// 0 for the one that goes before all others. It returns -1 for a path that
// does not name the distribution.
func Priority(path string) int { return slices.Index(paths(), path) }

// Merge returns the operating system that the files of an image name. The
// Path of each tells which file it was read from. The file of the lowest
// [Priority] decides alone, since half of one and half of another would be a
// release that does not exist; a file that names no distribution, as ID
// "linux", decides only where no other does. Only the Repositories, ContentSets
// and ProServices are taken from wherever they are. With nothing to decide the
// result has no ID.
func Merge(facts []inventory.OS) inventory.OS {
	var merged inventory.OS
	best := -1
	for _, os := range facts {
		priority := Priority(os.Path)
		if priority < 0 || os.ID == "" {
			continue
		}
		if os.ID == unnamed {
			priority += len(paths())
		}
		if best < 0 || priority < best {
			best, merged = priority, os
		}
	}
	merged.IDLike = slices.Clone(merged.IDLike)
	merged.Repositories, merged.ContentSets, merged.ProServices = nil, nil, nil
	for _, os := range facts {
		merged.Repositories = append(merged.Repositories, os.Repositories...)
		merged.ContentSets = append(merged.ContentSets, os.ContentSets...)
		merged.ProServices = append(merged.ProServices, os.ProServices...)
	}
	for _, list := range [...]*[]string{&merged.Repositories, &merged.ContentSets, &merged.ProServices} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return merged
}

// Patterns returns the paths of the files.
func (Extractor) Patterns() []inventory.Pattern {
	var patterns []inventory.Pattern
	for _, p := range paths() {
		patterns = append(patterns, inventory.Pattern{Glob: p})
	}
	return append(patterns, inventory.Pattern{Glob: apkRepositories}, inventory.Pattern{Glob: ubuntuPro})
}

// Extract returns the operating system that f names, and of
// etc/apk/repositories the releases that it lists, of
// var/lib/ubuntu-advantage/status.json the services that are enabled. The ID is "linux" if the
// file names no distribution or none that is known, and its first line is the
// Name then; an empty file gives no operating system. The error wraps
// [inventory.ErrTooLarge] if f has more than 64 KiB, or 1 MiB in the last case.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	if err := ctx.Err(); err != nil {
		return inventory.Facts{}, err
	}
	if f.Path() == ubuntuPro {
		return extractPro(f)
	}
	content, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return inventory.Facts{}, err
	}
	if len(content) > maxFile {
		return inventory.Facts{}, fmt.Errorf("more than %d bytes: %w", maxFile, inventory.ErrTooLarge)
	}
	const byteOrderMark = "\ufeff"
	text := strings.TrimPrefix(string(content), byteOrderMark)

	var facts inventory.Facts
	var os inventory.OS
	switch f.Path() {
	case apkRepositories:
		if os.Repositories = repositories(text); len(os.Repositories) > 0 {
			facts.OS = &os
		}
		return facts, nil
	case "etc/os-release", "usr/lib/os-release":
		os, facts.Problems = parseOSRelease(text)
	case "etc/lsb-release":
		os, facts.Problems = parseLSB(text)
	default:
		os = parseLegacy(f.Path(), text)
	}
	if os.ID == "" {
		line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
		if line == "" {
			facts.Ignored++
			return facts, nil
		}
		os.ID = unnamed
		if os.Name == "" {
			os.Name = lines.Clip(strings.TrimSpace(line))
		}
	}
	facts.OS = &os
	return facts, nil
}

// repositories returns the releases that the repositories are of, such as
// "v3.19", "edge" or "latest-stable", sorted and each once. A line has a tag
// in front if packages come from it only when they are asked for by that tag;
// such a repository says nothing of the others. A repository whose address
// holds no release is not one of Alpine's.
// https://wiki.alpinelinux.org/wiki/Repositories
func repositories(text string) []string {
	var releases []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == '@' {
			continue
		}
		found := ""
		for element := range strings.SplitSeq(line, "/") {
			if isRelease(element) {
				found = element
			}
		}
		if found != "" {
			releases = append(releases, found)
		}
	}
	slices.Sort(releases)
	return slices.Compact(releases)
}

// isRelease reports whether a folder of Alpine's mirrors is that of a release.
func isRelease(folder string) bool {
	if folder == "edge" || folder == "latest-stable" {
		return true
	}
	number, ok := strings.CutPrefix(folder, "v")
	major, minor, hasMinor := strings.Cut(number, ".")
	return ok && hasMinor && isNumber(major) && isNumber(minor)
}

// isNumber reports whether s is a number of at most six digits.
func isNumber(s string) bool {
	return s != "" && len(s) <= 6 && strings.Trim(s, "0123456789") == ""
}
