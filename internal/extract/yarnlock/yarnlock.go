// Package yarnlock reads yarn.lock of yarn 1 ("[classic]") and of yarn 2 and
// later ("[Berry]").
//
// Both have an entry for each package, headed by what was asked for, of which
// there may be several:
//
//	"@s/a@^1.0.0", "@s/a@^1.2.0":           classic
//	"@s/a@npm:^1.0.0, @s/a@npm:^1.2.0":     Berry
//
// Below are the version, where the package comes from ("resolved",
// "resolution"), and the dependencies, each as it was asked for, so that the
// entry with that in its head is the one that it came to. The name is that of
// the resolution, or for classic of an alias ("ours@npm:theirs@1").
//
// Berry lists the parts of the workspace like packages, with what they ask
// for; classic does not, so that the relation of its packages is unknown.
// Neither tells what is for development. Parts of the workspace and folders
// are no packages. A patched package counts like the one that it was made of.
//
// The digests of an archive are those of "integrity" of classic, or what is
// behind the "#" of its address, SHA-1. "checksum" of Berry is of an archive
// that yarn has made anew for its cache, and not taken.
//
// yarn writes one key a line, so that the file is read line by line. The
// content is hostile: the file's size and the number of packages, descriptors
// and dependencies are limited.
//
// [classic]: https://classic.yarnpkg.com/lang/en/docs/yarn-lock/
// [Berry]: https://yarnpkg.com/configuration/manifest
package yarnlock

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/digest"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/internal/extract/nodelock"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// The largest files have some 3 MiB, and up to ten descriptors for a package.
const (
	maxFile        = 128 << 20
	maxDescriptors = 500_000
)

// Extractor reads lock files of yarn. The zero value is ready, and safe for
// use by many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "yarnlock".
func (Extractor) Name() string { return "yarnlock" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 2 }

// Patterns returns the name of the file.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{{Glob: "**/yarn.lock"}}
}

// Extract returns the packages of the file. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	p := parser{descriptors: map[string]int{}}
	if err := nodelock.EachLine(ctx, f, maxFile, p.line); err != nil {
		return inventory.Facts{}, err
	}
	if err := p.close(); err != nil {
		return inventory.Facts{}, err
	}
	if len(p.descriptors) == 0 && !p.graph.Roots && p.lines > 0 {
		return inventory.Facts{}, errors.New("no entry of a package")
	}
	if err := p.link(ctx); err != nil {
		return inventory.Facts{}, err
	}
	return p.graph.Facts(ctx)
}

// A parser reads the file.
type parser struct {
	graph       nodelock.Graph
	lines       int
	record      record
	field, name string // of the record, of a dependency in the field
	descriptors map[string]int
	needs       []need
}

// A record is an entry.
type record struct {
	open                          bool
	descriptors                   []string
	line, needs                   int // needs: the index of the first one
	version, resolved, resolution string
	integrity                     string
}

type need struct {
	from       int
	descriptor string
	kind       nodelock.Kind
}

// line takes a line of the file.
func (p *parser) line(l nodelock.Line) error {
	p.lines++
	switch {
	case l.Indent == 0:
		return p.head(l)
	case !p.record.open:
	case l.Indent == 2:
		p.field = l.Key
		switch l.Key {
		case "version":
			p.record.version = l.Value
		case "resolved":
			p.record.resolved = l.Value
		case "resolution":
			p.record.resolution = l.Value
		case "integrity":
			p.record.integrity = l.Value
		case "":
			p.graph.Problems.Add("line %d: not a key: %q", l.Number, lines.Clip(l.Text))
		}
	case l.Indent == 4:
		p.name = l.Key
		switch p.field {
		case "dependencies":
			return p.need(l, nodelock.Required)
		case "optionalDependencies":
			return p.need(l, nodelock.Optional)
		}
	case l.Indent == 6 && p.field == "dependenciesMeta" && l.Key == "optional" && l.Value == "true":
		for i := p.record.needs; i < len(p.needs); i++ {
			if name, _, _ := nodelock.CutName(p.needs[i].descriptor); name == p.name {
				p.needs[i].kind = nodelock.Optional
			}
		}
	}
	return nil
}

// head takes the line that begins an entry.
func (p *parser) head(l nodelock.Line) error {
	if err := p.close(); err != nil {
		return err
	}
	p.field, p.name = "", ""
	if l.Key == "__metadata" {
		p.graph.Roots = true // Berry
		return nil
	}
	text, ok := strings.CutSuffix(l.Text, ":")
	if !ok || l.Key == "" && !strings.Contains(text, "@") {
		p.graph.Problems.Add("line %d: not an entry: %q", l.Number, lines.Clip(l.Text))
		return nil
	}
	p.record = record{open: true, line: l.Number, needs: len(p.needs)}
	for part := range strings.SplitSeq(text, `", "`) {
		if part == text {
			part = nodelock.Unquote(part)
		}
		part = strings.Trim(part, `"`)
		for descriptor := range strings.SplitSeq(part, ", ") {
			p.record.descriptors = append(p.record.descriptors, strings.Trim(descriptor, `"`))
		}
	}
	return nil
}

// need takes a dependency of the entry.
func (p *parser) need(l nodelock.Line, kind nodelock.Kind) error {
	if l.Key == "" || l.Value == "" {
		p.graph.Problems.Add("line %d: not a dependency: %q", l.Number, lines.Clip(l.Text))
		return nil
	}
	if len(p.needs) == nodelock.MaxEdges {
		return fmt.Errorf("more than %d dependencies: %w", nodelock.MaxEdges, inventory.ErrTooLarge)
	}
	if len(l.Key)+len(l.Value) < nodelock.MaxURL {
		p.needs = append(p.needs, need{descriptor: l.Key + "@" + l.Value, kind: kind})
	}
	return nil
}

// close ends an entry.
func (p *parser) close() error {
	r := &p.record
	if !r.open {
		return nil
	}
	r.open = false
	node, err := p.graph.Add(p.node())
	if err != nil {
		return err
	}
	for i := r.needs; i < len(p.needs); i++ {
		p.needs[i].from = node
	}
	for _, descriptor := range r.descriptors {
		if len(p.descriptors) >= maxDescriptors {
			return fmt.Errorf("more than %d descriptors: %w", maxDescriptors, inventory.ErrTooLarge)
		}
		p.descriptors[descriptor] = node
	}
	return nil
}

// node returns what the entry is of.
func (p *parser) node() nodelock.Node {
	r := &p.record
	n := nodelock.Node{Version: r.version, Line: r.line}
	var reference string
	if r.resolution != "" {
		n.Name, reference, _ = nodelock.CutName(r.resolution)
	} else {
		n.Name, reference, _ = nodelock.CutName(r.descriptors[0])
		if alias, ok := strings.CutPrefix(reference, "npm:"); ok {
			if name, _, ok := nodelock.CutName(alias); ok {
				n.Name = name
			}
		}
		if r.resolved != "" {
			reference = r.resolved
		}
	}
	location, _, _ := strings.Cut(reference, "#")
	location, _, _ = strings.Cut(location, "::")
	protocol, _, _ := strings.Cut(location, ":")
	switch {
	case protocol == "workspace", protocol == "link", protocol == "portal":
		n.Own = true
	case protocol == "file", strings.HasPrefix(location, "."), strings.HasPrefix(location, "/"):
		n.Own = !slices.ContainsFunc([]string{".tgz", ".tar.gz", ".tar"}, func(ext string) bool { return strings.HasSuffix(location, ext) })
	case protocol != "npm" && protocol != "patch":
		n.VCS = nodelock.VCS(reference)
	}
	if n.Version == "" {
		n.Version = nodelock.TarballVersion(n.Name, reference)
	}
	if r.resolution == "" && n.VCS == "" {
		n.Hashes = hashes(r)
	}
	if n.Version == "" && strings.Contains(reference, ":") {
		n.Constraint, n.VCS = nodelock.Address(reference), ""
	}
	return n
}

// hashes returns the digests of the archive that an entry of classic is of.
func hashes(r *record) []inventory.Hash {
	if list := digest.SRI(r.integrity); len(list) > 0 {
		return list
	}
	// What is behind the address of a repository, which has no such ending, is
	// a commit.
	location, sum, _ := strings.Cut(r.resolved, "#")
	location, _, _ = strings.Cut(location, "?")
	for _, mark := range []string{".tgz", ".tar.gz", ".tar"} {
		if strings.HasSuffix(location, mark) {
			return digest.Hex("SHA-1", sum)
		}
	}
	// The archives of GitHub, of a commit and of its registry.
	if strings.HasPrefix(location, "https://codeload.github.com/") || strings.HasPrefix(location, "https://npm.pkg.github.com/download/") {
		return digest.Hex("SHA-1", sum)
	}
	return nil
}

// link adds the edges, when all entries are known.
func (p *parser) link(ctx context.Context) error {
	for i, n := range p.needs {
		if i%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		name, asked, _ := nodelock.CutName(n.descriptor)
		to, ok := p.descriptors[n.descriptor]
		if !ok {
			// Berry wrote dependencies without the protocol before yarn 4.
			if to, ok = p.descriptors[name+"@npm:"+asked]; !ok {
				to = -1
			}
		}
		if err := p.graph.Link(n.from, to, n.kind, name); err != nil {
			return err
		}
	}
	return nil
}
