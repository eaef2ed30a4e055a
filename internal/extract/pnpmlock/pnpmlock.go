// Package pnpmlock reads pnpm-lock.yaml, the lock file of pnpm, in its
// versions 5, 6 and 9 ([format]).
//
// "importers" has the parts of a workspace with what each asks for; without a
// workspace, versions 5 and 6 have that at the top. "packages" has the packages
// by a key that holds name and version, and what peers they go with:
//
//	/react-dom/18.2.0_react@18.2.0    version 5
//	/react-dom@18.2.0(react@18.2.0)   version 6
//	react-dom@18.2.0                  version 9
//
// In version 9 "snapshots" has the dependencies, by keys with the peers. The
// peers are cut off, so that a package with several is there once. What comes
// from elsewhere has its address in the key, and name and version beside it.
// A package is for development if no part of the workspace leads to it but
// from its devDependencies. Optional dependencies and peers are packages like
// others, but nothing requires them. "integrity" is of the package's archive.
//
// pnpm writes one key a line, so that the file is read line by line. The
// content is hostile: the file's size and the number of packages and
// dependencies are limited.
//
// [format]: https://github.com/pnpm/spec/tree/master/lockfile
package pnpmlock

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/digest"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/internal/extract/nodelock"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// The largest files have some 3 MiB, resolutions some 200 bytes.
const (
	maxFile       = 128 << 20
	maxResolution = 8 << 10
)

// Extractor reads lock files of pnpm. The zero value is ready, and safe for
// use by many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "pnpmlock".
func (Extractor) Name() string { return "pnpmlock" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 2 }

// Patterns returns the names of the files. Before version 3 of pnpm it was
// another one.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{{Glob: "**/pnpm-lock.yaml"}, {Glob: "**/shrinkwrap.yaml"}}
}

// Extract returns the packages of the file. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	p := parser{nodes: map[string]int{}, peers: map[peer]bool{}}
	p.graph.Roots, p.graph.Groups = true, true
	if err := nodelock.EachLine(ctx, f, maxFile, p.line); err != nil {
		return inventory.Facts{}, err
	}
	if err := p.close(); err != nil {
		return inventory.Facts{}, err
	}
	if !p.known {
		return inventory.Facts{}, errors.New("no lockfileVersion")
	}
	if err := p.link(ctx); err != nil {
		return inventory.Facts{}, err
	}
	return p.graph.Facts(ctx)
}

// A parser reads the file.
type parser struct {
	graph nodelock.Graph
	known bool
	// slashes is true before version 6: "/name/1.0.0".
	slashes bool
	section string
	open    bool // there is a record
	record  record
	field   string // of the record
	name    string // of a dependency in the field
	nodes   map[string]int
	needs   []need
	peers   map[peer]bool
	root    int // 1 + the node of the project at the top
}

// A record is an entry of packages, snapshots or importers.
type record struct {
	key, name, version, resolution string
	line, needs                    int // needs: the index of the first one
	peers                          []string
}

type need struct {
	from       int
	name, what string
	kind       nodelock.Kind
}

// A peer is a dependency that another package brings along.
type peer struct {
	from int
	name string
}

// line takes a line of the file.
func (p *parser) line(l nodelock.Line) error {
	if l.Indent == 0 {
		return p.top(l)
	}
	switch p.section {
	case "packages", "snapshots", "importers":
	case "dependencies", "devDependencies", "optionalDependencies":
		// A project without a workspace: as if a part named ".", two columns
		// to the right.
		if p.root == 0 {
			node, err := p.graph.Add(nodelock.Node{Own: true, Line: l.Number})
			if err != nil {
				return err
			}
			p.root = 1 + node
		}
		return p.dependency(p.root-1, p.section, l, l.Indent-2)
	default:
		return nil
	}
	switch {
	case l.Indent == 2 && l.Key == "":
		if err := p.close(); err != nil {
			return err
		}
		p.graph.Problems.Add("line %d: not a key: %q", l.Number, lines.Clip(l.Text))
	case l.Indent == 2:
		if err := p.close(); err != nil {
			return err
		}
		p.open = true
		p.record = record{key: l.Key, line: l.Number, needs: len(p.needs)}
	case !p.open:
	case l.Indent == 4:
		p.field, p.name = l.Key, ""
		switch l.Key {
		case "name":
			p.record.name = l.Value
		case "version":
			p.record.version = l.Value
		case "resolution":
			p.record.resolution = l.Value
		}
	case p.field == "resolution":
		// Where the mapping is not in one line, with or without braces.
		if text := strings.Trim(l.Text, "{} ,"); len(text) <= maxResolution-len(p.record.resolution) {
			p.record.resolution += ", " + text
		}
	default:
		return p.dependency(-1, p.field, l, l.Indent-6)
	}
	return nil
}

// top takes a line that begins a section.
func (p *parser) top(l nodelock.Line) error {
	if err := p.close(); err != nil {
		return err
	}
	p.section, p.field, p.name = l.Key, "", ""
	switch l.Key {
	case "lockfileVersion", "shrinkwrapVersion":
		p.known = true
		major, _, _ := strings.Cut(l.Value, ".")
		p.slashes = len(major) == 1 && major < "6"
	case "":
		if l.Text != "---" {
			p.graph.Problems.Add("line %d: not a key: %q", l.Number, lines.Clip(l.Text))
		}
	}
	return nil
}

// dependency takes a line of a list of dependencies, "name: 1.0.0", or "name:"
// with "version: 1.0.0" below. The node is -1 for that of the record.
func (p *parser) dependency(node int, field string, l nodelock.Line, indent int) error {
	kind := nodelock.Required
	switch field {
	case "dependencies":
	case "optionalDependencies":
		kind = nodelock.Optional
	case "devDependencies", "configDependencies", "packageManagerDependencies":
		kind = nodelock.Development
	case "peerDependencies":
		if indent != 0 {
			return nil
		}
		if len(p.peers)+len(p.record.peers) >= nodelock.MaxEdges {
			return fmt.Errorf("more than %d peers: %w", nodelock.MaxEdges, inventory.ErrTooLarge)
		}
		p.record.peers = append(p.record.peers, l.Key)
		return nil
	default:
		return nil
	}
	name, what := l.Key, l.Value
	switch {
	case l.Key == "":
		p.graph.Problems.Add("line %d: not a dependency: %q", l.Number, lines.Clip(l.Text))
		return nil
	case indent == 0 && l.Value == "":
		p.name = l.Key
		return nil
	case indent == 2 && l.Key == "version" && p.name != "":
		name = p.name
	case indent != 0:
		return nil
	}
	if len(p.needs) == nodelock.MaxEdges {
		return fmt.Errorf("more than %d dependencies: %w", nodelock.MaxEdges, inventory.ErrTooLarge)
	}
	if len(name) <= nodelock.MaxName && len(what) <= nodelock.MaxURL {
		p.needs = append(p.needs, need{node, name, what, kind})
	}
	return nil
}

// close ends a record.
func (p *parser) close() error {
	if !p.open {
		return nil
	}
	p.open, p.field, p.name = false, "", ""
	node, err := p.node()
	if err != nil {
		return err
	}
	for i := p.record.needs; i < len(p.needs); i++ {
		p.needs[i].from = node
	}
	for _, name := range p.record.peers {
		p.peers[peer{node, name}] = true
	}
	return nil
}

// node returns the node that the record is of, or -1 if it cannot be one.
func (p *parser) node() (int, error) {
	r := &p.record
	if p.section == "importers" {
		return p.graph.Add(nodelock.Node{Own: true, Line: r.line})
	}
	key := r.key
	if p.section == "snapshots" {
		key = cutPeers(key)
		if node, ok := p.nodes[key]; ok {
			return node, nil
		}
	}
	n := p.parse(key)
	n.Line = r.line
	node, err := p.graph.Add(n)
	if err == nil && node >= 0 {
		p.nodes[r.key] = node
		p.nodes[key] = node
	}
	return node, err
}

// parse takes a key apart.
func (p *parser) parse(key string) nodelock.Node {
	r := &p.record
	name, reference := p.split(cutPeers(key))
	n := nodelock.Node{Name: name, Version: reference}
	if !nodelock.IsVersion(reference) {
		n.Version = ""
	}
	// What is beside the key counts more.
	if r.name != "" {
		n.Name = r.name
	}
	if r.version != "" {
		n.Version = r.version
	}
	tarball := nodelock.FlowValue(r.resolution, "tarball")
	if repo := nodelock.FlowValue(r.resolution, "repo"); repo != "" {
		n.VCS = nodelock.VCS(repository(repo) + "#" + nodelock.FlowValue(r.resolution, "commit"))
	}
	if n.VCS == "" {
		n.Hashes = digest.SRI(nodelock.FlowValue(r.resolution, "integrity"))
	}
	n.Own = nodelock.FlowValue(r.resolution, "type") == "directory" || strings.HasPrefix(reference, "link:")
	if n.Version == "" {
		n.Version = nodelock.TarballVersion(n.Name, tarball)
	}
	if n.Version == "" {
		n.VCS = ""
		if strings.ContainsAny(reference, ":/") {
			n.Constraint = nodelock.Address(reference)
		}
		if tarball != "" {
			n.Constraint = nodelock.Address(tarball)
		}
	}
	return n
}

// repository returns an address of which nodelock.VCS knows what it is of.
func repository(url string) string {
	if strings.HasPrefix(url, "https://") || strings.HasPrefix(url, "http://") {
		return "git+" + url
	}
	return url
}

// split parts a key without peers into name and version, or what is in its
// place.
func (p *parser) split(key string) (name, reference string) {
	plain := strings.TrimPrefix(key, "/")
	if !p.slashes {
		if name, reference, ok := nodelock.CutName(plain); ok {
			return name, reference
		}
		return plain, key
	}
	// The name has one element, or two, and another registry's name may come
	// before: "registry.example/@s/name/1.0.0".
	elements := strings.Split(plain, "/")
	last := len(elements) - 1
	if len(plain) == len(key) && last > 0 && !strings.HasPrefix(plain, "@") {
		elements = elements[1:]
		last--
	}
	if last >= 1 && nodelock.IsVersion(elements[last]) {
		from := last - 1
		if from > 0 && strings.HasPrefix(elements[from-1], "@") {
			from--
		}
		return strings.Join(elements[from:last], "/"), elements[last]
	}
	return plain, key
}

// cutPeers returns a key without the peers, and the patch, at its end: behind
// a bracket, or before version 6 behind a "_" in the version.
func cutPeers(key string) string {
	if i := strings.IndexByte(key, '('); i > 0 {
		return key[:i]
	}
	if !strings.HasPrefix(key, "/") {
		return key
	}
	// A name may have a "_", a version none. The peers may have slashes, but
	// the name and its scope come first.
	rest, done := key[1:], 1
	for range strings.Count(rest[:min(1, len(rest))], "@") + 1 {
		i := strings.IndexAny(rest, "/")
		if i < 0 {
			return key
		}
		rest, done = rest[i+1:], done+i+1
	}
	if i := strings.IndexByte(rest, '_'); i > 0 && !strings.Contains(rest[:i], "@") {
		return key[:done+i]
	}
	return key
}

// link adds the edges, when all packages are known.
func (p *parser) link(ctx context.Context) error {
	for i, n := range p.needs {
		if i%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if strings.HasPrefix(n.what, "link:") || strings.HasPrefix(n.what, "workspace:") {
			continue // another part of the workspace
		}
		if n.kind == nodelock.Required && p.peers[peer{n.from, n.name}] {
			n.kind = nodelock.Optional
		}
		if err := p.graph.Link(n.from, p.find(n.name, n.what), n.kind, n.name); err != nil {
			return err
		}
	}
	return nil
}

// find returns the node of a dependency, or -1. What is in place of a version
// is a whole key where the name differs, or where it is no version.
func (p *parser) find(name, what string) int {
	for _, key := range []string{"/" + name + "/" + what, "/" + name + "@" + what, name + "@" + what, what} {
		if node, ok := p.nodes[key]; ok {
			return node
		}
		if node, ok := p.nodes[cutPeers(key)]; ok {
			return node
		}
	}
	return -1
}
