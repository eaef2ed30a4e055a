// Package mixlock reads mix.lock, in which Mix, the build tool of Elixir, keeps
// what it has chosen for a project. It is a map of Elixir ([Mix.Tasks.Deps],
// [Hex]):
//
//	%{
//	  "app": {:hex, :name, "1.0.0", "checksum", [:mix],
//	    [{:other, "~> 1.0", [hex: :other, repo: "hexpm", optional: false]}],
//	    "hexpm", "checksum"},
//	  "app2": {:git, "https://…", "commit", [tag: "v1"]},
//	}
//
// The package has the name that it has in Hex, and a namespace where it is of
// an organisation. What comes from a repository of sources has no version. What
// the project asks for itself is not in the file. Nothing is run. The last
// checksum is the SHA-256 of the archive, the first one of what is in it.
//
// The content is hostile: the size of the file and the number of terms in it
// are limited, and what exceeds a limit is an error. Of a file that is cut off,
// the packages before the damage are kept.
//
// [Mix.Tasks.Deps]: https://hexdocs.pm/mix/Mix.Tasks.Deps.html
// [Hex]: https://github.com/hexpm/hex/blob/main/lib/hex/utils.ex
package mixlock

import (
	"context"
	"errors"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/beamterm"
	"github.com/imagevet/imagevet/internal/extract/bounded"
	"github.com/imagevet/imagevet/internal/extract/digest"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const (
	// The largest projects have some hundred packages in 100 KiB.
	maxFile = 16 << 20
	// A name or version that is longer is none.
	maxName = 1024
)

// Extractor reads mix.lock. The zero value is ready, and safe for use by many
// goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "mixlock".
func (Extractor) Name() string { return "mixlock" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 2 }

// Patterns returns the name of the file.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{{Glob: "**/mix.lock"}}
}

// Extract returns the packages of the file. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	content, err := bounded.ReadAll(ctx, f, maxFile)
	if err != nil {
		return inventory.Facts{}, err
	}
	text := strings.TrimPrefix(strings.ToValidUTF8(string(content), "\uFFFD"), "\ufeff")
	terms, damage, err := beamterm.Parse(ctx, beamterm.Elixir, text)
	if err != nil {
		return inventory.Facts{}, err
	}
	if len(terms) == 0 && damage == "" && strings.TrimSpace(text) == "" {
		return inventory.Facts{Declared: true}, nil // as Mix takes it
	}
	if len(terms) == 0 || terms[0].Kind != beamterm.Map {
		return inventory.Facts{}, errors.New("no map of packages")
	}
	var problems lines.Problems
	facts := inventory.Facts{Declared: true}
	for items := terms[0].Items; len(items) >= 2; items = items[2:] {
		cut := damage != "" && len(items) == 2
		if p, ok := entry(items[0], items[1], cut, &problems); ok {
			facts.Packages = append(facts.Packages, p)
		}
	}
	if damage != "" {
		problems.Add("the file ends early or is damaged: %s", damage)
	}
	pin(facts.Packages)
	facts.Problems = problems.List()
	return facts, nil
}

// entry returns the package of one entry. Of the last one before damage,
// nothing is said if it is incomplete.
func entry(key, value beamterm.Term, cut bool, problems *lines.Problems) (inventory.Package, bool) {
	p := inventory.Package{Type: "hex", Name: key.Text, Line: key.Line}
	source, items := "", value.Items
	if value.Kind == beamterm.Tuple && len(items) > 0 && items[0].Kind == beamterm.Atom {
		source = items[0].Text
	}
	switch {
	case source == "hex" && len(items) >= 3 && items[2].Kind == beamterm.Text:
		if items[1].Text != "" {
			p.Name = items[1].Text
		}
		p.Version = strings.TrimSpace(items[2].Text)
		if len(items) > 5 {
			p.Requires = requires(items[5])
		}
		if len(items) > 6 {
			// "hexpm" is the public repository, "hexpm:NAME" that of an organisation.
			if organisation, ok := strings.CutPrefix(items[6].Text, "hexpm:"); ok && len(organisation) <= maxName {
				p.Namespace = organisation
			}
		}
		if len(items) > 7 && items[7].Kind == beamterm.Text {
			p.Hashes = digest.Hex("SHA-256", items[7].Text)
		}
	case source == "git" && len(items) >= 2 && items[1].Kind == beamterm.Text && items[1].Text != "":
		p.Constraint = items[1].Text
		url := "git+" + items[1].Text
		if len(items) > 2 && items[2].Text != "" {
			url += "@" + items[2].Text
		}
		p.Qualifiers = map[string]string{"vcs_url": url}
	default:
		if !cut {
			problems.Add("line %d: entry %q is of no kind that is known: %q", key.Line, lines.Clip(key.Text), lines.Clip(source))
		}
		return inventory.Package{}, false
	}
	switch {
	case p.Name == "":
		problems.Add("line %d: an entry has no name", key.Line)
	case p.Version == "" && p.Constraint == "":
		problems.Add("package %q has no version", lines.Clip(p.Name))
	case len(p.Name) > maxName || len(p.Version) > maxName || len(p.Qualifiers["vcs_url"]) > 4*maxName:
		problems.Add("line %d: name, version or source of package %q is too long", key.Line, lines.Clip(p.Name))
	default:
		return p, true
	}
	return inventory.Package{}, false
}

// requires returns the names in Hex of what a package requires.
func requires(list beamterm.Term) []string {
	var names []string
	seen := make(map[string]bool)
	for _, dependency := range list.Items {
		if dependency.Kind != beamterm.Tuple || len(dependency.Items) == 0 {
			continue
		}
		name, optional := dependency.Items[0].Text, false
		if n := len(dependency.Items); dependency.Items[n-1].Kind == beamterm.List {
			for options := dependency.Items[n-1].Items; len(options) >= 2; options = options[2:] {
				switch options[0].Text {
				case "hex":
					name = options[1].Text
				case "optional":
					optional = options[1].Text == "true"
				}
			}
		}
		if name != "" && len(name) <= maxName && !optional && !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names
}

// pin adds the versions to what packages require.
func pin(packages []inventory.Package) {
	versions := make(map[string]string, len(packages))
	for _, p := range packages {
		if version, ok := versions[p.Name]; p.Namespace != "" || ok && version != p.Version {
			versions[p.Name] = ""
		} else {
			versions[p.Name] = p.Version
		}
	}
	for i := range packages {
		for j, name := range packages[i].Requires {
			if version := versions[name]; version != "" {
				packages[i].Requires[j] = name + "@" + version
			}
		}
	}
}
