// Package condaenv reads environment.yml, in which a project lists what conda
// is to install, and in which conda writes what it has installed ([format]).
//
// "dependencies" is a list of match specifications ([MatchSpec]), and may hold
// a list "pip" with lines of a requirements file. A specification has a version
// where it allows one only: "name==1.2", "name 1.2", or with a build behind it,
// "name=1.2=py39_0". "name=1.2" stands for 1.2.* as well and is a constraint,
// except in a file with "prefix": such a file was written by "conda env
// export", which puts the version that is installed there. What is written by
// hand is direct.
//
// A file of the name without "dependencies" is of something else.
//
// The content is hostile: the size of the file and the number of dependencies
// are limited. Aliases of YAML are followed once, and not expanded.
//
// [format]: https://docs.conda.io/projects/conda/en/stable/user-guide/tasks/manage-environments.html#creating-an-environment-file-manually
// [MatchSpec]: https://docs.conda.io/projects/conda/en/stable/user-guide/concepts/pkg-specs.html#package-match-specifications
package condaenv

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/imagevet/imagevet/internal/extract/bounded"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/internal/extract/pydep"
	"github.com/imagevet/imagevet/internal/extract/requirements"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// Files that conda has written have some 500 lines of 30 bytes. YAML takes up
// to 100 times its size in memory.
const (
	maxFile     = 1 << 20
	maxPackages = 20_000
	maxField    = 1024
)

// Extractor reads environment files of conda. The zero value is ready, and safe
// for use by many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "condaenv".
func (Extractor) Name() string { return "condaenv" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// Patterns returns the names of the file.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{{Glob: "**/environment.yml"}, {Glob: "**/environment.yaml"}}
}

// Extract returns what the file asks for. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	data, err := bounded.ReadAll(ctx, f, maxFile)
	if err != nil {
		return inventory.Facts{}, err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return inventory.Facts{}, errors.New(lines.Clip(err.Error()))
	}
	p := parser{ctx: ctx}
	p.facts.Declared = true
	list := member(&doc, "dependencies")
	if list == nil || list.Kind != yaml.SequenceNode {
		p.facts.Ignored = 1
		return p.facts, nil
	}
	p.exported = member(&doc, "prefix") != nil
	for _, node := range list.Content {
		if err := p.item(node); err != nil {
			return inventory.Facts{}, err
		}
	}
	p.facts.Problems = p.problems.List()
	return p.facts, nil
}

// follow returns what a document or an alias stands for.
func follow(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.DocumentNode && len(n.Content) > 0 {
		n = n.Content[0]
	}
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		n = n.Alias
	}
	return n
}

// member returns the value of a key of a mapping, nil if there is none.
func member(n *yaml.Node, key string) *yaml.Node {
	n = follow(n)
	if n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return follow(n.Content[i+1])
		}
	}
	return nil
}

// A parser collects the packages of a file.
type parser struct {
	ctx      context.Context
	exported bool
	facts    inventory.Facts
	problems lines.Problems
}

// item takes one dependency, or the list of pip's.
func (p *parser) item(node *yaml.Node) error {
	if err := p.ctx.Err(); err != nil {
		return err
	}
	line := node.Line
	switch node = follow(node); {
	case node.Kind == yaml.ScalarNode:
		pkg, ok := p.spec(strings.TrimSpace(node.Value))
		if !ok {
			p.problems.Add("line %d: %q is no package", line, lines.Clip(pydep.CleanURL(node.Value)))
			return nil
		}
		return p.add(pkg, line)
	case node.Kind == yaml.MappingNode && member(node, "pip") != nil:
		return p.pip(member(node, "pip"))
	}
	p.problems.Add("line %d: neither a package nor a list of pip's", line)
	return nil
}

// pip takes lines of a requirements file.
func (p *parser) pip(list *yaml.Node) error {
	for _, node := range list.Content {
		line := node.Line
		node = follow(node)
		text, _, _ := strings.Cut(node.Value, " #")
		text = strings.TrimSpace(text)
		option, rest, _ := strings.Cut(text, " ")
		editable := option == "-e" || option == "--editable"
		switch {
		case editable:
			text = strings.TrimSpace(rest)
		case option == "-r" || option == "--requirement":
			p.problems.Add("line %d: includes %q", line, lines.Clip(rest))
			continue
		case node.Kind != yaml.ScalarNode || text == "":
			p.problems.Add("line %d: %q is no requirement", line, lines.Clip(text))
			continue
		case strings.HasPrefix(option, "-"):
			continue
		}
		text, _, _ = strings.Cut(text, " --")
		pkg, kind := requirements.Entry(text, editable)
		switch kind {
		case requirements.Local:
			p.facts.Ignored++
		case requirements.Bad:
			p.problems.Add("line %d: %q is no requirement", line, lines.Clip(text))
		default:
			if err := p.add(pkg, line); err != nil {
				return err
			}
		}
	}
	return nil
}

// add adds one package.
func (p *parser) add(pkg inventory.Package, line int) error {
	if len(p.facts.Packages) >= maxPackages {
		return fmt.Errorf("more than %d packages: %w", maxPackages, inventory.ErrTooLarge)
	}
	pkg.Line = line
	if !p.exported && pkg.Qualifiers["build"] == "" {
		pkg.Relation = inventory.Direct
	}
	p.facts.Packages = append(p.facts.Packages, pkg)
	return nil
}

var (
	specName = regexp.MustCompile(`^([A-Za-z0-9_][A-Za-z0-9._-]*)(.*)$`)
	version  = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z._+!-]*$`)
	build    = regexp.MustCompile(`^[0-9A-Za-z._+]+$`)
	// parts are an operator, a version, and a build behind a sign or a blank.
	parts = regexp.MustCompile(`^(==|=|\s)\s*([^\s=]+)(?:(?:=|\s+)(\S+))?$`)
)

// spec reads a match specification.
func (p *parser) spec(text string) (inventory.Package, bool) {
	channel := ""
	if i := strings.LastIndex(text, "::"); i >= 0 {
		channel, text = text[:i], text[i+2:]
	}
	m := specName.FindStringSubmatch(text)
	if m == nil || len(channel)+len(text) > maxField {
		return inventory.Package{}, false
	}
	rest := strings.TrimRight(m[2], " \t")
	if rest != "" && !strings.ContainsRune(" \t=<>!~[", rune(rest[0])) {
		return inventory.Package{}, false
	}
	pkg := inventory.Package{Type: "conda", Name: m[1]}
	q := make(map[string]string)
	if name, subdir := splitChannel(channel); name != "" {
		q["channel"] = name
		if subdir != "" {
			q["subdir"] = subdir
		}
	}
	part := parts.FindStringSubmatch(rest)
	switch {
	case part == nil || !version.MatchString(part[2]) || part[1] == "=" && part[3] == "" && !p.exported:
		pkg.Constraint = cmp.Or(strings.TrimSpace(rest), pydep.Any)
	default:
		pkg.Version = part[2]
		if build.MatchString(part[3]) {
			q["build"] = part[3]
		}
	}
	if len(q) > 0 {
		pkg.Qualifiers = q
	}
	return pkg, true
}

// splitChannel returns the name of a channel and the platform behind it. A
// channel may be the URL of a folder.
func splitChannel(channel string) (name, subdir string) {
	if _, address, ok := strings.Cut(channel, "://"); ok {
		_, folder, _ := strings.Cut(address, "/")
		if token, ok := strings.CutPrefix(folder, "t/"); ok { // a secret
			_, folder, _ = strings.Cut(token, "/")
		}
		return strings.Trim(folder, "/"), ""
	}
	// The channels of Anaconda: "pkgs/main" and "pkgs/r".
	name, subdir, _ = strings.Cut(strings.TrimPrefix(channel, "pkgs/"), "/")
	return name, subdir
}
