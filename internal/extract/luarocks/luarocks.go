// Package luarocks reads what LuaRocks, the package manager of Lua, has
// installed: a rockspec at NAME/VERSION/NAME-VERSION.rockspec in its tree,
// such as usr/local/lib/luarocks/rocks-5.1. The tree's path depends on how
// LuaRocks was built and is not looked at. A rockspec elsewhere is the source
// of a package and is ignored.
//
// Name and version, which includes the revision of the rockspec, are taken
// from the path, as LuaRocks does. The [rockspec] is a program in Lua that
// sets variables, of which these are of interest: description.license,
// description.maintainer and dependencies. It is not run: texts, tables and
// variables are understood (see lua.go), which is what rockspecs are made of.
// Where one has more than that, the package is kept, and a problem tells that
// the rest could not be read.
//
// The content is hostile: the file's size, the depth of tables, the length of
// texts and names and the number of dependencies are limited.
//
// [rockspec]: https://github.com/luarocks/luarocks/blob/main/docs/rockspec_format.md
package luarocks

import (
	"context"
	"path"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/bounded"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// The rockspec of Kong, which lists 700 modules, has 40 KiB.
const (
	maxFile     = 1 << 20
	maxName     = 512
	maxRequires = 1_000
)

// Extractor reads rockspecs. The zero value is ready, and safe for use by many
// goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "luarocks".
func (Extractor) Name() string { return "luarocks" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// Patterns returns the names of rockspecs.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{{Glob: "**/*.rockspec"}}
}

// Extract returns the package that the rockspec belongs to. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	name, version := installed(f.Path())
	if name == "" {
		if err := ctx.Err(); err != nil {
			return inventory.Facts{}, err
		}
		return inventory.Facts{Ignored: 1}, nil
	}
	data, err := bounded.ReadAll(ctx, f, maxFile)
	if err != nil {
		return inventory.Facts{}, err
	}
	var problems lines.Problems
	spec, err := run(ctx, data, "description", "dependencies")
	if err := ctx.Err(); err != nil {
		return inventory.Facts{}, err
	}
	if err != nil {
		problems.Add("licence or dependencies of %q are not known: %v", lines.Clip(name), err)
	} else {
		for _, key := range []string{"description", "dependencies"} {
			if v, ok := spec[key]; ok && v.named == nil {
				problems.Add("%s of %q is not a table that can be read", key, lines.Clip(name))
			}
		}
	}
	pkg := inventory.Package{
		Type:       "luarocks",
		Name:       name,
		Version:    version,
		Maintainer: spec["description"].named["maintainer"].text,
		Requires:   requires(spec["dependencies"], &problems),
	}
	if licence := spec["description"].named["license"].text; licence != "" {
		pkg.Licenses = []string{licence}
	}
	return inventory.Facts{Packages: []inventory.Package{pkg}, Problems: problems.List()}, nil
}

// installed returns the name and version in the path of an installed rockspec.
// They are empty if the path is another one.
func installed(file string) (name, version string) {
	dir, base := path.Split(file)
	dir = strings.TrimSuffix(dir, "/")
	version = path.Base(dir)
	name = path.Base(path.Dir(dir))
	if base != name+"-"+version+".rockspec" || !plausible(name) || !plausible(version) {
		return "", ""
	}
	return name, version
}

func plausible(s string) bool {
	return s != "" && s[0] != '.' && len(s) <= maxName && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == '/' || r == 0x7f })
}

// requires returns the names in a list such as {"lua >= 5.1", "user/lpeg~>1.0"},
// once each, without Lua itself. LuaRocks writes names in lower case, and keeps
// packages of all users under their name alone.
func requires(list value, problems *lines.Problems) []string {
	var names []string
	seen := map[string]bool{"lua": true}
	for _, entry := range list.listed {
		name := strings.TrimSpace(entry.text)
		if i := strings.IndexAny(name, " \t\r\n<>=~!@"); i >= 0 {
			name = name[:i]
		}
		name = strings.ToLower(name[strings.LastIndexByte(name, '/')+1:])
		switch {
		case seen[name]:
		case !plausible(name):
			problems.Add("a dependency is not known: %q", lines.Clip(entry.text))
		case len(names) == maxRequires:
			problems.Add("more than %d dependencies", maxRequires)
			return names
		default:
			seen[name] = true
			names = append(names, name)
		}
	}
	return names
}
