// Package renvlock reads [renv.lock], the versions of the packages of R that
// renv has recorded for a project. Of a package these are of interest: Package,
// Version, Source, where it is from (Repository, Bioconductor, GitHub …) and
// what it needs: Requirements, or since renv 1.1 Depends and Imports, as in the
// DESCRIPTION of the package.
//
// A package of Bioconductor has the type "bioconductor", all others "cran". One
// from a repository of sources has the qualifier vcs_url. R itself is no
// package. The file does not tell what the project needs directly.
//
// The content is hostile: the size of the file, the number of packages and of
// what they need, and the length of texts are limited. Of a file that is cut
// off, the packages before the damage are kept.
//
// [renv.lock]: https://rstudio.github.io/renv/articles/lockfile.html
package renvlock

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/linejson"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// All of CRAN has about 23,000 packages; an analysis has some hundred of them,
// with their whole descriptions 3 KiB each.
const (
	maxFile     = 32 << 20
	maxPackages = 50_000
	maxEdges    = 500_000
	maxText     = 2048
)

// Extractor reads renv.lock. The zero value is ready, and safe for use by many
// goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "renvlock".
func (Extractor) Name() string { return "renvlock" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// Patterns returns the name of the file.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{{Glob: "**/renv.lock"}}
}

// Extract returns the packages of the file. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	r, err := linejson.New(ctx, f, maxFile)
	if err != nil {
		return inventory.Facts{}, err
	}
	p := parser{r: r, versions: make(map[string]string), facts: inventory.Facts{Declared: true}}
	problem, err := r.Finish(p.file(), len(p.facts.Packages) > 0)
	if err != nil {
		return inventory.Facts{}, err
	}
	if problem != "" {
		p.problems.Add("%s", problem)
	}
	// What the file has is needed in the version that it has.
	for _, pkg := range p.facts.Packages {
		for i, name := range pkg.Requires {
			if version, ok := p.versions[name]; ok {
				pkg.Requires[i] = name + "@" + version
			}
		}
	}
	p.facts.Problems = p.problems.List()
	return p.facts, nil
}

type parser struct {
	r        *linejson.Reader
	known    bool // there were packages
	records  int
	edges    int
	versions map[string]string // by name
	facts    inventory.Facts
	problems lines.Problems
}

// file reads the whole file.
func (p *parser) file() error {
	_, err := p.r.Object(func(_ int, key string) error {
		switch key {
		case "Packages":
			ok, err := p.r.Object(p.record)
			p.known = p.known || ok
			return err
		case "R":
			p.facts.Ignored++
		}
		_, err := p.r.Decode(nil)
		return err
	})
	if err == nil && !p.known {
		return errors.New("no packages")
	}
	return err
}

// A record is a package of the file.
type record struct {
	Package        string          `json:"Package"`
	Version        string          `json:"Version"`
	Source         string          `json:"Source"`
	RemoteHost     string          `json:"RemoteHost"`
	RemoteURL      string          `json:"RemoteUrl"`
	RemoteUsername string          `json:"RemoteUsername"`
	RemoteRepo     string          `json:"RemoteRepo"`
	RemoteSha      string          `json:"RemoteSha"`
	License        string          `json:"License"`
	Requirements   json.RawMessage `json:"Requirements"`
	Depends        json.RawMessage `json:"Depends"`
	Imports        json.RawMessage `json:"Imports"`
}

// record reads one package.
func (p *parser) record(line int, key string) error {
	if p.records++; p.records > maxPackages {
		return fmt.Errorf("more than %d packages: %w", maxPackages, inventory.ErrTooLarge)
	}
	var v record
	wrong, err := p.r.Decode(&v)
	if err != nil {
		return err
	}
	name := v.Package
	if name == "" {
		name = key
	}
	switch {
	case name == "" || len(name) > maxText || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == '/' || r == 0x7f }):
		p.problems.Add("line %d: %q is no name of a package; its version is %q", line, lines.Clip(name), lines.Clip(v.Version))
		return nil
	case v.Version == "":
		p.problems.Add("line %d: package %q has no version", line, lines.Clip(name))
		return nil
	case len(v.Version) > maxText:
		p.problems.Add("line %d: version of package %q is too long: %q", line, lines.Clip(name), lines.Clip(v.Version))
		return nil
	case wrong:
		p.problems.Add("line %d: a value of package %q is of another type than expected", line, lines.Clip(name))
	}
	pkg := inventory.Package{Type: "cran", Name: name, Version: v.Version, Line: line, Qualifiers: v.qualifiers(), Requires: v.requires()}
	if strings.EqualFold(v.Source, "Bioconductor") {
		pkg.Type = "bioconductor"
	}
	if v.License != "" && len(v.License) <= maxText {
		pkg.Licenses = []string{v.License}
	}
	if p.edges += len(pkg.Requires); p.edges > maxEdges {
		return fmt.Errorf("more than %d requirements: %w", maxEdges, inventory.ErrTooLarge)
	}
	p.versions[name] = v.Version
	p.facts.Packages = append(p.facts.Packages, pkg)
	return nil
}

// qualifiers returns where the source is from, if that is a repository of
// sources.
func (v *record) qualifiers() map[string]string {
	host := ""
	switch strings.ToLower(v.Source) {
	case "github":
		host = "github.com"
	case "gitlab":
		host = "gitlab.com"
	case "bitbucket":
		host = "bitbucket.org"
	case "git", "git2r", "xgit":
		if v.RemoteURL == "" || len(v.RemoteURL) > maxText {
			return nil
		}
		return map[string]string{"vcs_url": v.at("git+" + v.RemoteURL)}
	default:
		return nil
	}
	if v.RemoteUsername == "" || v.RemoteRepo == "" || len(v.RemoteUsername)+len(v.RemoteRepo) > maxText {
		return nil
	}
	// Of GitHub the host is that of the API, which an enterprise has itself.
	if own := strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(v.RemoteHost, "https://"), "api."), "/api/v3"); own != "" && len(own) <= maxText {
		host = own
	}
	return map[string]string{"vcs_url": v.at("git+https://" + host + "/" + v.RemoteUsername + "/" + v.RemoteRepo)}
}

// at appends the commit.
func (v *record) at(url string) string {
	if v.RemoteSha == "" || len(v.RemoteSha) > maxText {
		return url
	}
	return url + "@" + v.RemoteSha
}

// requires returns the names of what the package needs, without R.
func (v *record) requires() []string {
	var names []string
	seen := map[string]bool{"R": true}
	for _, list := range []json.RawMessage{v.Requirements, v.Depends, v.Imports} {
		var entries []string
		if json.Unmarshal(list, &entries) != nil {
			var text string // as in DESCRIPTION: "R (>= 3.5), methods"
			if json.Unmarshal(list, &text) != nil {
				continue
			}
			entries = strings.Split(text, ",")
		}
		for _, entry := range entries {
			name, _, _ := strings.Cut(entry, "(")
			name = strings.TrimSpace(name)
			if name != "" && len(name) <= maxText && !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
		}
	}
	return names
}
