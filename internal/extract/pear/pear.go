// Package pear reads the registry of PEAR, the older package manager of PHP,
// which pecl uses too: a file NAME.reg for each package, in the folder
// ".registry" of the PHP library or, for packages of other channels than
// pear.php.net, in its folder ".channel.CHANNEL". The docker images of PHP
// have the extensions there that were installed by pecl.
//
// The file holds the description of the package, [package.xml], as nested
// arrays in the format of PHP's serialize (see serialized.go). There are two
// versions of the description with different keys. These are of interest: the
// name, the channel, the version and the licence of the release, and the
// packages that are required, named "CHANNEL/NAME".
//
// The content is hostile: the file's size, the depth of arrays, the number of
// dependencies and licences and the length of names and versions are limited.
// Of a file that is damaged after the name and version, these are kept.
//
// [package.xml]: https://pear.php.net/manual/en/guide.developers.package2.php
package pear

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/bounded"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// PEAR's own file has 90 KiB, most of it the list of its files.
const (
	maxFile     = 16 << 20
	maxName     = 512
	maxText     = 64 << 10 // of a licence
	maxLicenses = 100
	maxRequires = 1_000
)

// defaultChannel is the channel of packages that name none.
const defaultChannel = "pear.php.net"

// Extractor reads the registry. The zero value is ready, and safe for use by
// many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "pear".
func (Extractor) Name() string { return "pear" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// Patterns returns the places of the registry's files.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{
		{Glob: "**/.registry/*.reg"},
		{Glob: "**/.registry/.channel.*/*.reg"},
	}
}

// Extract returns the package that the file describes. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	data, err := bounded.ReadAll(ctx, f, maxFile)
	if err != nil {
		return inventory.Facts{}, err
	}
	d := description{channel: channelOf(f.Path())}
	damage := walk(ctx, data, d.take)
	if err := ctx.Err(); err != nil {
		return inventory.Facts{}, err
	}
	if damage != nil {
		if errors.Is(damage, inventory.ErrTooLarge) || d.name == "" || d.version == "" {
			return inventory.Facts{}, damage
		}
		d.problems.Add("the file is damaged: %v", damage)
	}
	var facts inventory.Facts
	switch {
	case d.name == "":
		return inventory.Facts{}, errors.New("no name of a package")
	case !plausible(d.name) || !plausible(d.channel):
		return inventory.Facts{}, fmt.Errorf("%q of channel %q is no name of a package", lines.Clip(d.name), lines.Clip(d.channel))
	case d.version == "":
		d.problems.Add("package %q has no version", d.name)
	case len(d.version) > maxName:
		d.problems.Add("version of package %q is too long: %q", d.name, lines.Clip(d.version))
	default:
		facts.Packages = []inventory.Package{{
			Type:      "pear",
			Namespace: d.channel,
			Name:      d.name,
			Version:   d.version,
			Licenses:  d.licenses,
			Requires:  d.requires(),
		}}
	}
	facts.Problems = d.problems.List()
	return facts, nil
}

// channelOf returns the channel whose folder a file lies in.
func channelOf(file string) string {
	if channel, ok := strings.CutPrefix(path.Base(path.Dir(file)), ".channel."); ok {
		return channel
	}
	return defaultChannel
}

// plausible reports whether s can be the name of a package or a channel.
// PEAR's names are of letters, digits, "_" and "."; a channel is a host, which
// may have a path.
func plausible(s string) bool {
	return s != "" && len(s) <= maxName && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f })
}

// A description is what a file says of a package.
type description struct {
	name, channel, version string
	licenses               []string
	deps                   []dependency
	problems               lines.Problems
}

// A dependency is one of the packages that are named as required.
type dependency struct {
	at            string // where in the list it is
	kind          string // of description 1: "pkg", "php", "ext", …
	name, channel string
	not           bool // it is optional, or must not be there
}

// take takes one value that is no array, with the keys that lead to it.
func (d *description) take(keys []string, value string) {
	switch keys[0] {
	case "name", "package": // of description 2 and 1
		if len(keys) == 1 {
			d.name = strings.TrimSpace(value)
		}
	case "channel":
		if len(keys) == 1 && value != "" {
			d.channel = value
		}
	case "version": // a text, or an array of the versions of release and API
		if len(keys) == 1 || len(keys) == 2 && keys[1] == "release" {
			d.version = strings.TrimSpace(value)
		}
	case "license", "release_license":
		// A text, an array if it has attributes, or a list of either.
		switch {
		case len(keys) == 1,
			len(keys) == 2 && (keys[1] == "_content" || isIndex(keys[1])),
			len(keys) == 3 && isIndex(keys[1]) && keys[2] == "_content":
			d.license(value)
		}
	case "release_deps":
		if len(keys) == 3 {
			d.dependency(keys[1], keys[2], value)
		}
	case "dependencies":
		if len(keys) < 4 || keys[1] != "required" || keys[2] != "package" {
			return
		}
		switch {
		case len(keys) == 4: // the only one
			d.dependency("", keys[3], value)
		case len(keys) == 5: // one of a list
			d.dependency(keys[3], keys[4], value)
		}
	}
}

func isIndex(key string) bool {
	return key != "" && key[0] >= '0' && key[0] <= '9'
}

func (d *description) license(s string) {
	s = strings.TrimSpace(s)
	switch {
	case s == "" || slices.Contains(d.licenses, s):
	case len(s) > maxText:
		d.problems.Add("a licence is too long: %q", lines.Clip(s))
	case len(d.licenses) == maxLicenses:
		d.problems.Add("more than %d licences", maxLicenses)
	default:
		d.licenses = append(d.licenses, s)
	}
}

// dependency takes one property of a dependency.
func (d *description) dependency(at, key, value string) {
	if n := len(d.deps); n == 0 || d.deps[n-1].at != at {
		if n == maxRequires {
			d.problems.Add("more than %d dependencies", maxRequires)
			return
		}
		d.deps = append(d.deps, dependency{at: at, kind: "pkg"})
	}
	dep := &d.deps[len(d.deps)-1]
	switch key {
	case "type":
		dep.kind = value
	case "name":
		dep.name = strings.TrimSpace(value)
	case "channel":
		dep.channel = value
	case "uri":
		dep.channel = "__uri" // the channel of packages from nowhere else
	case "optional":
		dep.not = value == "yes"
	case "rel":
		dep.not = dep.not || value == "not"
	case "conflicts":
		dep.not = true
	}
}

// requires returns the names of the packages that are required, once each.
func (d *description) requires() []string {
	var names []string
	for _, dep := range d.deps {
		if dep.channel == "" {
			dep.channel = defaultChannel
		}
		if dep.kind != "pkg" || dep.not || !plausible(dep.name) || !plausible(dep.channel) {
			continue
		}
		if name := dep.channel + "/" + dep.name; !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}
