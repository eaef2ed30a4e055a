// Package githubactions reads which actions the workflows of a project use:
// the YAML files in .github/workflows, and action.yml or action.yaml, which
// describes an action that may use others.
//
// Of interest is [uses] of the jobs and steps of a [workflow], and of the steps
// of a [composite action]. "owner/repository/path@ref" is a package, whose name
// is the repository and the path. Its version is the ref if that is a commit,
// or a tag that names a whole version, such as "v1.2.3". What a branch or a tag
// such as "v4", which moves, stands for is not recorded, so it is a constraint.
// A comment behind a commit is not read: nobody checks it. Actions of the same
// repository ("./path") and images ("docker://image") are ignored.
//
// The content is hostile: the file's size, the number of actions and the
// length of names are limited, and with them what is kept. An anchor that is
// used many times is read once.
//
// [uses]: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepsuses
// [workflow]: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax
// [composite action]: https://docs.github.com/en/actions/reference/workflows-and-actions/metadata-syntax
package githubactions

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/imagevet/imagevet/internal/extract/bounded"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// GitHub itself takes workflows up to 512 KiB. In memory a file of many small
// parts takes 200 times its size.
const (
	maxFile    = 1 << 20
	maxActions = 10_000
	maxName    = 512
)

// Extractor reads workflows. The zero value is ready, and safe for use by many
// goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "githubactions".
func (Extractor) Name() string { return "githubactions" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// Patterns returns the names of the files.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{
		{Glob: "**/.github/workflows/*.yml"},
		{Glob: "**/.github/workflows/*.yaml"},
		{Glob: "**/action.yml"},
		{Glob: "**/action.yaml"},
	}
}

// Extract returns the actions that the file uses, each once. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	data, err := bounded.ReadAll(ctx, f, maxFile)
	if err != nil {
		return inventory.Facts{}, err
	}
	r := reader{ctx: ctx, seen: make(map[string]bool), visited: make(map[*yaml.Node]bool)}
	r.facts.Declared = true
	var document yaml.Node
	if err := yaml.NewDecoder(bytes.NewReader(data)).Decode(&document); err != nil && err != io.EOF {
		return inventory.Facts{}, err
	}
	if len(document.Content) == 1 {
		err = r.file(document.Content[0], path.Base(path.Dir(f.Path())) == "workflows")
	}
	if err != nil {
		return inventory.Facts{}, err
	}
	r.facts.Problems = r.problems.List()
	return r.facts, nil
}

// A reader collects the actions of a file.
type reader struct {
	ctx      context.Context
	seen     map[string]bool
	visited  map[*yaml.Node]bool
	records  int
	facts    inventory.Facts
	problems lines.Problems
}

// file reads the root of a file.
func (r *reader) file(root *yaml.Node, workflow bool) error {
	root = target(root)
	if root.Kind != yaml.MappingNode {
		if workflow {
			return errors.New("the file is no workflow")
		}
		return nil // many things are called action.yml
	}
	if err := each(member(root, "jobs"), func(job *yaml.Node) error {
		if !r.enter(job) {
			return nil
		}
		if err := r.uses(job); err != nil {
			return err
		}
		return r.steps(job)
	}); err != nil {
		return err
	}
	return r.steps(member(root, "runs"))
}

// steps reads the steps of a job or an action.
func (r *reader) steps(of *yaml.Node) error {
	steps := member(of, "steps")
	if steps == nil || steps.Kind != yaml.SequenceNode || !r.enter(steps) {
		return nil
	}
	for _, step := range steps.Content {
		if step = target(step); !r.enter(step) {
			continue
		}
		if err := r.uses(step); err != nil {
			return err
		}
	}
	return nil
}

// enter reports whether a node was not read before.
func (r *reader) enter(n *yaml.Node) bool {
	if r.visited[n] {
		return false
	}
	r.visited[n] = true
	return true
}

// uses takes what a job or a step uses.
func (r *reader) uses(of *yaml.Node) error {
	n := member(of, "uses")
	if n == nil {
		return nil
	}
	if err := r.ctx.Err(); err != nil {
		return err
	}
	if r.records++; r.records > maxActions {
		return fmt.Errorf("more than %d actions: %w", maxActions, inventory.ErrTooLarge)
	}
	text := strings.TrimSpace(n.Value)
	if n.Kind != yaml.ScalarNode || len(text) > maxName {
		r.problems.Add("line %d: not an action: %q", n.Line, lines.Clip(text))
		return nil
	}
	if text == "." || strings.HasPrefix(text, "./") || strings.HasPrefix(text, "../") || strings.HasPrefix(text, "docker://") {
		r.facts.Ignored++
		return nil
	}
	action, ref, _ := strings.Cut(text, "@")
	owner, name, _ := strings.Cut(strings.TrimSuffix(action, "/"), "/")
	if owner == "" || name == "" || strings.HasPrefix(name, "/") || strings.ContainsAny(action, " :${}") {
		r.problems.Add("line %d: not an action: %q", n.Line, lines.Clip(text))
		return nil
	}
	if ref == "" {
		r.problems.Add("line %d: action %q has no version", n.Line, lines.Clip(text))
		return nil
	}
	if r.seen[text] {
		return nil
	}
	r.seen[text] = true
	p := inventory.Package{
		Type:      "githubactions",
		Namespace: owner,
		Name:      name,
		Relation:  inventory.Direct,
		Line:      n.Line,
	}
	if isCommit(ref) || isVersion(ref) {
		p.Version = ref
	} else {
		p.Constraint = ref
	}
	r.facts.Packages = append(r.facts.Packages, p)
	return nil
}

// isCommit reports whether ref is a whole SHA-1 or SHA-256.
func isCommit(ref string) bool {
	if len(ref) != 40 && len(ref) != 64 {
		return false
	}
	return strings.Trim(ref, "0123456789abcdefABCDEF") == ""
}

// isVersion reports whether ref names a whole version: three numbers, and
// possibly something after them.
func isVersion(ref string) bool {
	ref = strings.TrimPrefix(ref, "v")
	for i := range 3 {
		rest := strings.TrimLeft(ref, "0123456789")
		if rest == ref {
			return false
		}
		if i == 2 {
			return rest == "" || strings.ContainsRune(".-+", rune(rest[0]))
		}
		var dot bool
		if ref, dot = strings.CutPrefix(rest, "."); !dot {
			return false
		}
	}
	return false
}

// target returns the node that an alias stands for, and others as they are.
func target(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias // which is no alias itself
	}
	return n
}

// member returns the value of a key of a mapping, nil if there is none.
func member(of *yaml.Node, key string) *yaml.Node {
	if of == nil || of.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(of.Content); i += 2 {
		if of.Content[i].Value == key {
			return target(of.Content[i+1])
		}
	}
	return nil
}

// each calls visit for the values of a mapping.
func each(of *yaml.Node, visit func(*yaml.Node) error) error {
	if of == nil || of.Kind != yaml.MappingNode {
		return nil
	}
	for i := 1; i < len(of.Content); i += 2 {
		if err := visit(target(of.Content[i])); err != nil {
			return err
		}
	}
	return nil
}
