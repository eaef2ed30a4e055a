// Package npm reads what installed npm packages leave: the [package.json] in
// the folder of each package, and the table of yarn's Plug'n'Play, which keeps
// packages in archives (see pnp.go).
//
// Every file called package.json is seen, but most packages carry more than
// one: markers that say how a subfolder is loaded, examples, whole trees that
// their tests need. What is installed is told by the path, see [locate]: a
// folder that node finds by a package's name, below node_modules, is a package
// whatever its package.json says; other folders inside a package are none.
// npm, pnpm (node_modules/.pnpm), yarn (node_modules/.store, .yarn/unplugged),
// bun and Debian (usr/share/nodejs) are known.
//
// A package.json outside of node_modules belongs to an application. Those that
// are published, as yarn, pnpm below corepack, and Ghost are, count as
// packages; what somebody has built for the image alone does not, since its
// name means nothing to others. See [manifest.published].
//
// Lock files are not read, npm's node_modules/.package-lock.json neither: it
// lists what the folders beside it hold.
//
// The name is the one in package.json, which for an alias is not the folder's.
// Of a file these are of interest: name, version, license and licenses,
// dependencies without those that are optional, and the marks of publishing
// and bundling. Where a key appears twice the last one counts, as in node. The
// content is hostile: the file's size, the length of names and versions, and
// the number of dependencies and licences are limited.
//
// [package.json]: https://docs.npmjs.com/cli/v11/configuring-npm/package-json
package npm

import (
	"context"
	"path"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// The largest package.json that npm's own tools accept are a few hundred KiB.
// npm allows 214 bytes for a name and 256 for a version; there are packages
// with about 1,000 dependencies. A Plug'n'Play table has about 300 bytes for
// each package.
const (
	maxFile     = 8 << 20
	maxTable    = 64 << 20
	maxName     = 512
	maxText     = 64 << 10 // of a licence: some declare its whole text
	maxRequires = 10_000
	maxLicenses = 100
	maxPackages = 50_000
	maxEdges    = 500_000
)

// Extractor reads package.json files and Plug'n'Play tables. The zero value is
// ready, and safe for use by many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "npm".
func (Extractor) Name() string { return "npm" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// Patterns returns the names of the files.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{
		{Glob: "**/package.json"},
		{Glob: "**/.pnp.cjs"},
		{Glob: "**/.pnp.js"}, // yarn 2
		{Glob: "**/.pnp.data.json"},
	}
}

// Extract returns the package of a package.json, or the packages of a
// Plug'n'Play table. The error wraps [inventory.ErrTooLarge] if a limit is
// exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	if path.Base(f.Path()) != "package.json" {
		return table(ctx, f)
	}
	where, folder, bundled := locate(f.Path())
	if where == inside {
		if err := ctx.Err(); err != nil {
			return inventory.Facts{}, err
		}
		return inventory.Facts{Ignored: 1}, nil
	}
	data, err := read(ctx, f, maxFile)
	if err != nil {
		return inventory.Facts{}, err
	}
	var m manifest
	if err := m.parse(data); err != nil {
		return inventory.Facts{}, err
	}
	if where == application && (m.private || !m.published || m.name == "" || m.version == "") {
		return inventory.Facts{Ignored: 1}, nil
	}
	if m.name == "" && m.version == "" && !m.unclear {
		// A marker such as {"type": "module"}.
		return inventory.Facts{Ignored: 1}, nil
	}
	if m.name == "" {
		// Packages from a folder or a repository need no name: node looks
		// for the folder, and npm calls them after it.
		m.name = folder
	}
	var facts inventory.Facts
	switch namespace, name, ok := split(m.name); {
	case !ok:
		m.problems.Add("%q is no name of a package", lines.Clip(m.name))
	case m.version == "" && m.private && !m.unclear:
		// A part of a monorepo, which is not released on its own.
		facts.Ignored = 1
	case m.version == "":
		m.problems.Add("package %q has no version", lines.Clip(m.name))
	default:
		facts.Packages = []inventory.Package{{
			Type:      "npm",
			Namespace: namespace,
			Name:      name,
			Version:   m.version,
			Licenses:  m.licenses,
			Bundled:   bundled || m.bundled,
			Requires:  m.requires,
		}}
	}
	facts.Problems = m.problems.List()
	return facts, nil
}

// split parts a name into its scope with "@", which may be empty, and the
// rest. It refuses what cannot be a name. Names of old packages have upper-case
// letters and more signs than npm allows today.
func split(full string) (scope, name string, ok bool) {
	name = full
	if strings.HasPrefix(full, "@") {
		if scope, name, ok = strings.Cut(full, "/"); !ok || len(scope) == 1 {
			return "", "", false
		}
	}
	for i := range len(full) {
		if full[i] <= ' ' || full[i] == 0x7f {
			return "", "", false
		}
	}
	if name == "" || name[0] == '.' || name[0] == '@' || len(full) > maxName || strings.ContainsAny(name, `/\`) {
		return "", "", false
	}
	return scope, name, true
}
