package npm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// table reads a table of [Plug'n'Play]. With it there is no node_modules: yarn
// keeps most packages in zip archives, anywhere, and node asks the table. It is
// JSON: the file .pnp.data.json, or a part of the loader .pnp.cjs. It has the
// resolved dependencies, but no licences.
//
// [Plug'n'Play]: https://yarnpkg.com/advanced/pnp-spec
func table(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	data, err := read(ctx, f, maxTable)
	if err != nil {
		return inventory.Facts{}, err
	}
	if !strings.HasSuffix(f.Path(), ".json") {
		var elsewhere bool
		if data, elsewhere = cutTable(data); elsewhere {
			return inventory.Facts{Ignored: 1}, nil
		}
		if data == nil {
			return inventory.Facts{}, errors.New("no table of packages in the loader")
		}
	}
	if err := checkObject(data); err != nil {
		return inventory.Facts{}, err
	}
	t := tableParser{ctx: ctx, index: map[string]int{}}
	known := false
	members(data, func(key, value []byte) {
		if string(key) == "packageRegistryData" {
			known = true
			elements(value, t.named)
		}
	})
	switch {
	case t.err != nil:
		return inventory.Facts{}, t.err
	case !known:
		return inventory.Facts{}, errors.New("no packageRegistryData in the table")
	}
	t.facts.Problems = t.problems.List()
	return t.facts, nil
}

// cutTable finds the JSON in the loader: a text between single quotes since
// yarn 4, before that the first argument of a call, quoted or not. It lies elsewhere if the
// loader reads .pnp.data.json, and for yarn 1, which keeps packages unpacked
// in folders called node_modules.
func cutTable(loader []byte) (object []byte, elsewhere bool) {
	if _, after, ok := bytes.Cut(loader, []byte("RAW_RUNTIME_STATE =")); ok {
		if i := space(after, 0); i < len(after) && after[i] == '\'' {
			return unquote(after[i+1:]), false
		}
	}
	const call = "hydrateRuntimeState("
	for rest := loader; ; {
		_, after, ok := bytes.Cut(rest, []byte(call))
		if !ok {
			break
		}
		if i := space(after, 0); i < len(after) && after[i] == '{' {
			return after[i:skip(after, i)], false
		}
		if quoted, ok := bytes.CutPrefix(after, []byte("JSON.parse('")); ok {
			return unquote(quoted), false
		}
		rest = after
	}
	return nil, bytes.Contains(loader, []byte("pnp.data.json")) ||
		bytes.Contains(loader, []byte("packageInformationStores = new Map"))
}

// unquote returns the text up to a single quote. yarn puts a backslash before
// quotes, backslashes and line ends, and uses no other escape.
func unquote(quoted []byte) []byte {
	out := make([]byte, 0, len(quoted))
	for i := 0; i < len(quoted); i++ {
		switch c := quoted[i]; c {
		case '\'':
			return out
		case '\\':
			if i++; i < len(quoted) && quoted[i] != '\n' {
				out = append(out, quoted[i])
			}
		default:
			out = append(out, c)
		}
	}
	return nil // no end
}

// A tableParser collects the packages of a table.
type tableParser struct {
	ctx      context.Context
	facts    inventory.Facts
	index    map[string]int // of the packages, by name and version
	edges    int
	problems lines.Problems
	err      error
}

// named takes all packages of one name: ["name", [["reference", {…}], …]].
func (t *tableParser) named(entry []byte) {
	name, packages, ok := pair(entry)
	if !ok {
		t.problems.Add("not a pair of a name and its packages: %q", lines.Clip(entry))
		return
	}
	elements(packages, func(entry []byte) {
		if t.err == nil {
			t.err = t.ctx.Err()
		}
		if t.err != nil {
			return
		}
		reference, info, ok := pair(entry)
		if !ok {
			t.problems.Add("not a pair of a reference and a package: %q", lines.Clip(entry))
			return
		}
		t.add(string(text(name)), string(text(reference)), info)
	})
}

// add takes one package. Yarn lists it once more for each set of peers that it
// meets, under a virtual reference; these are put together.
func (t *tableParser) add(full, reference string, info []byte) {
	version, outside := versionOf(reference)
	if outside || full == "" && reference == "" { // the application
		t.facts.Ignored++
		return
	}
	scope, name, ok := split(full)
	switch {
	case !ok:
		t.problems.Add("%q is no name of a package", lines.Clip(full))
		return
	case version == "" || len(version) > maxName:
		t.problems.Add("package %q has no version, its reference is %q", lines.Clip(full), lines.Clip(reference))
		return
	}
	key := full + "@" + version
	i, known := t.index[key]
	if !known {
		if i = len(t.facts.Packages); i == maxPackages {
			t.err = fmt.Errorf("more than %d packages: %w", maxPackages, inventory.ErrTooLarge)
			return
		}
		t.index[key] = i
		t.facts.Packages = append(t.facts.Packages, inventory.Package{Type: "npm", Namespace: scope, Name: name, Version: version})
	}
	pkg := &t.facts.Packages[i]
	seen := map[string]bool{key: true}
	for _, r := range pkg.Requires {
		seen[r] = true
	}
	for _, r := range t.dependencies(info) {
		if !seen[r] {
			seen[r] = true
			pkg.Requires = append(pkg.Requires, r)
		}
	}
}

// dependencies returns the names and versions that a package's entry leads to,
// without its peers, which those provide who require it.
func (t *tableParser) dependencies(info []byte) []string {
	var dependencies, peers []byte
	members(info, func(key, value []byte) {
		switch string(key) {
		case "packageDependencies":
			dependencies = value
		case "packagePeers":
			peers = value
		}
	})
	isPeer := map[string]bool{}
	elements(peers, func(peer []byte) { isPeer[string(text(peer))] = true })
	var names []string
	elements(dependencies, func(entry []byte) {
		if t.edges++; t.edges > maxEdges && t.err == nil {
			t.err = fmt.Errorf("more than %d dependencies: %w", maxEdges, inventory.ErrTooLarge)
		}
		name, reference, ok := pair(entry)
		if t.err != nil || !ok || isPeer[string(text(name))] {
			return
		}
		if kind(reference) == '[' { // an alias: ["ours", ["theirs", "npm:1.0.0"]]
			if name, reference, ok = pair(reference); !ok {
				return
			}
		}
		version, outside := versionOf(string(text(reference)))
		full := string(text(name))
		if _, _, ok := split(full); ok && !outside && version != "" && len(version) <= maxName {
			names = append(names, full+"@"+version)
		}
	})
	return names
}

// versionOf returns the version that a reference names, or that it leads to a
// folder outside, the application's own. References are, for instance:
//
//	npm:1.2.3
//	npm:1.2.3::__archiveUrl=https%3A%2F%2F…
//	virtual:6a03…#npm:1.2.3
//	patch:fsevents@npm%3A2.3.2#optional!builtin<compat/fsevents>::version=2.3.2&hash=18f3a7
//	workspace:packages/a
func versionOf(reference string) (version string, outside bool) {
	if strings.HasPrefix(reference, "virtual:") {
		_, reference, _ = strings.Cut(reference, "#")
	}
	protocol, rest, _ := strings.Cut(reference, ":")
	switch protocol {
	case "workspace", "link", "portal":
		return "", true
	case "npm":
		version, _, _ = strings.Cut(rest, "::")
		return version, false
	case "patch":
		if i := strings.LastIndex(rest, "::"); i >= 0 {
			for param := range strings.SplitSeq(rest[i+2:], "&") {
				if v, ok := strings.CutPrefix(param, "version="); ok {
					return v, false
				}
			}
		}
	}
	return "", false
}

// pair returns the two elements of a JSON array.
func pair(array []byte) (first, second []byte, ok bool) {
	n := 0
	elements(array, func(value []byte) {
		switch n {
		case 0:
			first = value
		case 1:
			second = value
		}
		n++
	})
	return first, second, n == 2
}
