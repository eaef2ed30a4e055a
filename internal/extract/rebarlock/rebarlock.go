// Package rebarlock reads rebar.lock, in which rebar3, the build tool of
// Erlang, keeps what it has chosen for a project ([rebar3]):
//
//	{"1.2.0",
//	[{<<"app">>,{pkg,<<"name">>,<<"1.0.0">>},0},
//	 {<<"app2">>,{git,"https://…",{ref,"commit"}},1}]}.
//
// The first versions wrote the list alone. The number is the level: 0 for what
// the project asks for, more for what that requires. What comes from a
// repository of sources has no version. The terms behind are checksums.
//
// The content is hostile: the size of the file and the number of terms in it
// are limited, and what exceeds a limit is an error. Of a file that is cut off,
// the packages before the damage are kept.
//
// [rebar3]: https://rebar3.org/docs/configuration/dependencies/#lock-files
package rebarlock

import (
	"context"
	"errors"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/beamterm"
	"github.com/imagevet/imagevet/internal/extract/bounded"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const (
	// The largest projects have some hundred packages in 50 KiB.
	maxFile = 16 << 20
	// A name or version that is longer is none.
	maxName = 1024
)

// Extractor reads rebar.lock. The zero value is ready, and safe for use by many
// goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "rebarlock".
func (Extractor) Name() string { return "rebarlock" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// Patterns returns the name of the file.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{{Glob: "**/rebar.lock"}}
}

// Extract returns the packages of the file. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	content, err := bounded.ReadAll(ctx, f, maxFile)
	if err != nil {
		return inventory.Facts{}, err
	}
	text := strings.ToValidUTF8(string(content), "\uFFFD")
	terms, damage, err := beamterm.Parse(ctx, beamterm.Erlang, text)
	if err != nil {
		return inventory.Facts{}, err
	}
	if strings.TrimSpace(text) == "" {
		return inventory.Facts{Declared: true}, nil
	}
	list := beamterm.Term{}
	if len(terms) > 0 {
		list = terms[0]
	}
	if list.Kind == beamterm.Tuple && len(list.Items) == 2 {
		list = list.Items[1]
	}
	if list.Kind != beamterm.List {
		return inventory.Facts{}, errors.New("no list of packages")
	}
	var problems lines.Problems
	facts := inventory.Facts{Declared: true}
	for i, item := range list.Items {
		cut := damage != "" && i == len(list.Items)-1
		if p, ok := entry(item, cut, &problems); ok {
			facts.Packages = append(facts.Packages, p)
		}
	}
	if damage != "" {
		problems.Add("the file ends early or is damaged: %s", damage)
	}
	facts.Problems = problems.List()
	return facts, nil
}

// entry returns the package of one entry. Of the last one before damage,
// nothing is said if it is incomplete.
func entry(t beamterm.Term, cut bool, problems *lines.Problems) (inventory.Package, bool) {
	if t.Kind != beamterm.Tuple || len(t.Items) < 3 || t.Items[0].Text == "" || t.Items[1].Kind != beamterm.Tuple || len(t.Items[1].Items) < 2 {
		if !cut {
			problems.Add("line %d is no package", t.Line)
		}
		return inventory.Package{}, false
	}
	p := inventory.Package{Type: "hex", Name: t.Items[0].Text, Line: t.Line, Relation: inventory.Transitive}
	if t.Items[2].Text == "0" {
		p.Relation = inventory.Direct
	}
	source := t.Items[1].Items
	switch kind := source[0].Text; {
	case kind == "pkg" && len(source) >= 3:
		if source[1].Text != "" {
			p.Name = source[1].Text
		}
		p.Version = strings.TrimSpace(source[2].Text)
	case (kind == "git" || kind == "hg" || kind == "git_subdir") && source[1].Text != "":
		p.Constraint = source[1].Text
		url := strings.TrimSuffix(kind, "_subdir") + "+" + source[1].Text
		if len(source) > 2 && len(source[2].Items) == 2 && source[2].Items[1].Text != "" {
			url += "@" + source[2].Items[1].Text
		}
		p.Qualifiers = map[string]string{"vcs_url": url}
	default:
		problems.Add("line %d: package %q is of no kind that is known: %q", t.Line, lines.Clip(p.Name), lines.Clip(kind))
		return inventory.Package{}, false
	}
	switch {
	case p.Version == "" && p.Constraint == "":
		problems.Add("package %q has no version", lines.Clip(p.Name))
	case len(p.Name) > maxName || len(p.Version) > maxName || len(p.Qualifiers["vcs_url"]) > 4*maxName:
		problems.Add("line %d: name, version or source of package %q is too long", t.Line, lines.Clip(p.Name))
	default:
		return p, true
	}
	return inventory.Package{}, false
}
