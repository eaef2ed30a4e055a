// Package podfilelock reads Podfile.lock, the versions of pods that
// [CocoaPods] has chosen. It is YAML, but always written in the same way, and
// is read line by line:
//
//	PODS:
//	  - AFNetworking (4.0.1):
//	    - AFNetworking/NSURLSession (= 4.0.1)
//	  - AFNetworking/NSURLSession (4.0.1)
//	DEPENDENCIES:
//	  - AFNetworking (~> 4.0)
//	EXTERNAL SOURCES:
//	  Local:
//	    :path: "../Local"
//	CHECKOUT OPTIONS:
//	  Other:
//	    :commit: 0123
//	    :git: https://example.com/other.git
//
// A pod and its subspecs, such as AFNetworking/NSURLSession, are one package,
// of which the first line counts. What the project itself asks for is direct. A
// pod in a folder is no package; one from a repository has the qualifier
// vcs_url. The file does not tell what is needed for tests only.
//
// The content is hostile: the size of the file, the number of pods and of
// dependencies, and the length of names are limited.
//
// [CocoaPods]: https://guides.cocoapods.org/using/using-cocoapods.html#what-is-podfilelock
package podfilelock

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// A large application has some hundred pods: 30 KiB.
const (
	maxFile  = 32 << 20
	maxPods  = 100_000 // subspecs count, and so does what other sections name
	maxEdges = 500_000
	maxText  = 2048
)

// Extractor reads Podfile.lock. The zero value is ready, and safe for use by
// many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "podfilelock".
func (Extractor) Name() string { return "podfilelock" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// Patterns returns the name of the file. Pods/Manifest.lock is a copy of it,
// of what was installed last.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{{Glob: "**/Podfile.lock"}, {Glob: "**/Pods/Manifest.lock"}}
}

// Extract returns the pods of the file. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	p := parser{at: make(map[string]int), edges: make(map[edge]bool), direct: make(map[string]bool), sources: make(map[string]*source)}
	if err := lines.Each(ctx, f, maxFile, p.line); err != nil {
		return inventory.Facts{}, err
	}
	if !p.known {
		return inventory.Facts{}, errors.New("no list of pods")
	}
	facts := inventory.Facts{Declared: true, Packages: p.packages(), Ignored: p.ignored}
	facts.Problems = p.problems.List()
	return facts, nil
}

// A pod is a package, with its subspecs.
type pod struct {
	line          int
	name, version string
	needs         []string // names of pods
}

// A source is where a pod is from, if not from a repository of podspecs.
type source struct{ path, git, commit, tag string }

// An edge is one between pods.
type edge struct{ from, to string }

type parser struct {
	n        int
	section  string
	known    bool // there was the section of pods
	current  int  // the pod whose dependencies follow, -1 for none
	owner    *source
	count    int
	pods     []pod
	at       map[string]int
	edges    map[edge]bool
	direct   map[string]bool
	sources  map[string]*source
	ignored  int
	problems lines.Problems
}

// line takes the next line of the file.
func (p *parser) line(raw []byte) error {
	p.n++
	text := strings.ToValidUTF8(strings.TrimRight(string(raw), " \t\r"), "\uFFFD")
	if p.n == 1 {
		text = strings.TrimPrefix(text, "\ufeff")
	}
	content := strings.TrimLeft(text, " ")
	indent := len(text) - len(content)
	switch {
	case content == "" || content[0] == '#':
		return nil
	case len(text) > maxText:
		p.problems.Add("line %d is too long: %q", p.n, lines.Clip(text))
		return nil
	case indent == 0:
		// A section, or a text of its own, as "COCOAPODS: 1.12.1".
		section, _, ok := strings.Cut(text, ":")
		if !ok {
			p.problems.Add("line %d cannot be understood: %q", p.n, lines.Clip(text))
			section = ""
		}
		p.section, p.current, p.owner = section, -1, nil
		p.known = p.known || section == "PODS"
		return nil
	}
	if p.count++; p.count > maxPods+maxEdges {
		return fmt.Errorf("more than %d entries: %w", maxPods+maxEdges, inventory.ErrTooLarge)
	}
	switch p.section {
	case "PODS":
		return p.pod(indent, content)
	case "DEPENDENCIES":
		if entry, ok := item(content); ok {
			name, _ := split(entry)
			p.direct[root(name)] = true
			return nil
		}
	case "EXTERNAL SOURCES", "CHECKOUT OPTIONS":
		if p.source(indent, content) {
			return nil
		}
	default:
		return nil
	}
	p.problems.Add("line %d cannot be understood: %q", p.n, lines.Clip(content))
	return nil
}

// item returns what follows the dash of an entry of a list, without quotes.
func item(content string) (string, bool) {
	entry, ok := strings.CutPrefix(content, "- ")
	return unquote(strings.TrimSpace(entry)), ok
}

// unquote removes the quotes that YAML needs around some texts.
func unquote(text string) string {
	text = strings.TrimSuffix(text, ":")
	if len(text) > 1 && (text[0] == '"' || text[0] == '\'') && text[len(text)-1] == text[0] {
		return text[1 : len(text)-1]
	}
	return text
}

// split splits "NAME (VERSION)".
func split(entry string) (name, version string) {
	name, rest, _ := strings.Cut(entry, " (")
	version, ok := strings.CutSuffix(rest, ")")
	if !ok {
		version = ""
	}
	return strings.TrimSpace(name), strings.TrimSpace(version)
}

// root returns the name of the pod that a subspec belongs to.
func root(name string) string {
	name, _, _ = strings.Cut(name, "/")
	return name
}

// pod takes a line below PODS.
func (p *parser) pod(indent int, content string) error {
	entry, ok := item(content)
	name, version := split(entry)
	name = root(name)
	switch {
	case !ok || name == "" || strings.ContainsAny(name, " \t"):
		p.problems.Add("line %d: not a pod: %q", p.n, lines.Clip(content))
		if indent < 4 {
			p.current = -1
		}
		return nil
	case indent >= 4:
		return p.edge(name)
	case version == "":
		p.problems.Add("line %d: pod %q has no version", p.n, lines.Clip(name))
		p.current = -1
		return nil
	}
	i, again := p.at[name]
	switch {
	case !again:
		if i = len(p.pods); i == maxPods {
			return fmt.Errorf("more than %d pods: %w", maxPods, inventory.ErrTooLarge)
		}
		p.at[name] = i
		p.pods = append(p.pods, pod{line: p.n, name: name, version: version})
	case p.pods[i].version != version:
		p.problems.Add("line %d: pod %q has version %q too", p.n, lines.Clip(name), lines.Clip(version))
	}
	p.current = i
	return nil
}

// edge takes a dependency of the current pod.
func (p *parser) edge(name string) error {
	if p.current < 0 {
		return nil
	}
	from := &p.pods[p.current]
	e := edge{from.name, name}
	if name == from.name || p.edges[e] {
		return nil
	}
	if len(p.edges) == maxEdges {
		return fmt.Errorf("more than %d dependencies: %w", maxEdges, inventory.ErrTooLarge)
	}
	p.edges[e] = true
	from.needs = append(from.needs, name)
	return nil
}

// source takes a line below EXTERNAL SOURCES or CHECKOUT OPTIONS. It reports
// whether it can be understood.
func (p *parser) source(indent int, content string) bool {
	if indent < 4 {
		name := unquote(content)
		if !strings.HasSuffix(content, ":") || name == "" {
			p.owner = nil
			return false
		}
		if p.owner = p.sources[root(name)]; p.owner == nil {
			p.owner = new(source)
			p.sources[root(name)] = p.owner
		}
		return true
	}
	key, value, ok := strings.Cut(strings.TrimPrefix(content, ":"), ":")
	if !ok || p.owner == nil {
		return false
	}
	value = unquote(strings.TrimSpace(value))
	switch key {
	case "path":
		p.owner.path = value
	case "git":
		p.owner.git = value
	case "commit":
		p.owner.commit = value
	case "tag":
		p.owner.tag = value
	}
	return true
}

// packages returns the pods.
func (p *parser) packages() []inventory.Package {
	var packages []inventory.Package
	for _, d := range p.pods {
		from := p.sources[d.name]
		if from != nil && from.path != "" {
			p.ignored++
			continue
		}
		pkg := inventory.Package{Type: "cocoapods", Name: d.name, Version: d.version, Relation: inventory.Transitive, Line: d.line}
		switch {
		case p.direct[d.name]:
			pkg.Relation = inventory.Direct
		case len(p.direct) == 0:
			pkg.Relation = inventory.RelationUnknown // the file is cut off
		}
		if from != nil && from.git != "" {
			url := "git+" + from.git
			if at := from.commit; at != "" {
				url += "@" + at
			} else if from.tag != "" {
				url += "@" + from.tag
			}
			pkg.Qualifiers = map[string]string{"vcs_url": url}
		}
		for _, name := range d.needs {
			to := name
			if i, ok := p.at[name]; ok {
				if s := p.sources[name]; s != nil && s.path != "" {
					continue
				}
				to += "@" + p.pods[i].version
			}
			pkg.Requires = append(pkg.Requires, to)
		}
		packages = append(packages, pkg)
	}
	return packages
}
