// Package composerlock reads composer.lock, in which Composer, the package
// manager of PHP, keeps what it has chosen for a project ([format]).
//
// "packages" is a list of what the project needs, "packages-dev" of what is
// needed only to develop it. Of a package these fields are of interest: name,
// version, license, require, provide, replace; source and dist tell where it
// comes from. What comes from a folder is a part of the project. What the
// project itself asks for is in another file; a package that no other requires
// must be one of these. "shasum" of dist is the SHA-1 of the archive; it is
// empty for archives that a host of repositories makes when asked for them.
//
// The content is hostile: the file's size, the number of packages, licences
// and links, and the length of names and versions are limited. Of a file that
// is cut off, the packages before the damage are kept.
//
// [format]: https://getcomposer.org/doc/01-basic-usage.md#commit-your-composer-lock-file-to-version-control
package composerlock

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/digest"
	"github.com/imagevet/imagevet/internal/extract/jsondoc"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// A shop system has about 1,000 packages and 2 MiB. The largest package that
// replaces others, symfony/symfony, names about 100.
const (
	maxFile     = 32 << 20
	maxPackages = 20_000
	maxName     = 512
	maxText     = 64 << 10 // of a licence, or a URL
	maxLicenses = 100
	maxList     = 10_000 // links of one kind, of one package
	maxLinks    = 200_000
)

// Extractor reads composer.lock. The zero value is ready, and safe for use by
// many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "composerlock".
func (Extractor) Name() string { return "composerlock" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 2 }

// Patterns returns the name of the file.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{{Glob: "**/composer.lock"}}
}

// Extract returns the packages of the file. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	doc, err := jsondoc.Open(ctx, f, maxFile)
	if err != nil {
		return inventory.Facts{}, err
	}
	p := parser{doc: doc, facts: inventory.Facts{Declared: true}}
	if err := p.file(); err != nil {
		if !errors.Is(err, jsondoc.ErrDamaged) || len(p.facts.Packages) == 0 {
			return inventory.Facts{}, err
		}
		p.damaged = true
		p.problems.Add("%v", err)
	}
	p.finish()
	p.facts.Problems = p.problems.List()
	return p.facts, nil
}

// A parser collects the packages of a file.
type parser struct {
	doc      *jsondoc.Document
	records  int
	links    int // of all packages
	facts    inventory.Facts
	problems lines.Problems
	damaged  bool
}

// file reads the whole file.
func (p *parser) file() error {
	known := false
	ok, err := p.doc.Object(func(key string) error {
		if key != "packages" && key != "packages-dev" {
			return p.doc.Skip()
		}
		list, err := p.doc.List(func() error { return p.record(key == "packages-dev") })
		// Composer 1 wrote null for a list that it had not made.
		known = known || list || key == "packages-dev"
		return err
	})
	switch {
	case err != nil:
		return err
	case !ok || !known:
		return errors.New("no list of packages")
	}
	return p.doc.End()
}

// A record is a package of the file. Its fields are decoded one by one, so
// that one of an unexpected type does not take the others with it.
type record struct {
	Name    json.RawMessage `json:"name"`
	Version json.RawMessage `json:"version"`
	License json.RawMessage `json:"license"`
	Require json.RawMessage `json:"require"`
	Provide json.RawMessage `json:"provide"`
	Replace json.RawMessage `json:"replace"`
	Source  json.RawMessage `json:"source"`
	Dist    json.RawMessage `json:"dist"`
}

// record takes one package.
func (p *parser) record(development bool) error {
	if p.records++; p.records > maxPackages {
		return fmt.Errorf("more than %d packages: %w", maxPackages, inventory.ErrTooLarge)
	}
	line := p.doc.Line()
	data, err := p.doc.Value()
	if err != nil {
		return err
	}
	var r record
	if err := json.Unmarshal(data, &r); err != nil {
		p.problems.Add("not a package: %q", lines.Clip(string(data)))
		return nil
	}
	full, version := text(r.Name), text(r.Version)
	vendor, name, ok := strings.Cut(full, "/")
	source, dist := decode[origin](r.Source), decode[origin](r.Dist)
	switch {
	case !ok || vendor == "" || name == "" || strings.Contains(name, "/") || len(full) > maxName:
		p.problems.Add("%q is no name of a package; its version is %q", lines.Clip(string(r.Name)), lines.Clip(version))
		return nil
	case dist.Type == "path":
		p.facts.Ignored++
		return nil
	case version == "":
		p.problems.Add("package %q has no version", lines.Clip(full))
		return nil
	case len(version) > maxName:
		p.problems.Add("version of package %q is too long: %q", lines.Clip(full), lines.Clip(version))
		return nil
	}
	pkg := inventory.Package{
		Type:        "composer",
		Namespace:   vendor,
		Name:        name,
		Version:     version,
		Licenses:    p.licenses(full, r.License),
		Requires:    p.names(full, nil, r.Require),
		Development: development,
		Line:        line,
		Hashes:      digest.Hex("SHA-1", text(dist.Shasum)),
	}
	pkg.Provides = p.names(full, pkg.Provides, r.Provide)
	pkg.Provides = p.names(full, pkg.Provides, r.Replace)
	// What is in a registry has an archive too.
	if url := source.url(); dist.Type == "" && url != "" && len(url) <= maxText {
		pkg.Qualifiers = map[string]string{"vcs_url": url}
	}
	p.facts.Packages = append(p.facts.Packages, pkg)
	if p.links > maxLinks {
		return fmt.Errorf("more than %d links: %w", maxLinks, inventory.ErrTooLarge)
	}
	return nil
}

// An origin is where a package comes from.
type origin struct {
	Type      string          `json:"type"`
	URL       string          `json:"url"`
	Reference string          `json:"reference"`
	Shasum    json.RawMessage `json:"shasum"` // of dist
}

// url returns the URL of a repository of sources, as package URLs have it.
func (o origin) url() string {
	if o.Type == "" || o.URL == "" {
		return ""
	}
	url := o.Type + "+" + o.URL
	if o.Reference != "" {
		url += "@" + o.Reference
	}
	return url
}

// licenses returns the licences: a text, or a list of which any will do.
func (p *parser) licenses(full string, value json.RawMessage) []string {
	list := decode[[]json.RawMessage](value)
	if list == nil && len(value) > 0 {
		list = []json.RawMessage{value}
	}
	var licenses []string
	for i, value := range list {
		if i == maxLicenses {
			p.problems.Add("package %q has more than %d licences", lines.Clip(full), maxLicenses)
			break
		}
		switch s := text(value); {
		case len(s) > maxText:
			p.problems.Add("a licence of package %q is too long: %q", lines.Clip(full), lines.Clip(s))
		case s != "" && !slices.Contains(licenses, s):
			licenses = append(licenses, s)
		}
	}
	return licenses
}

// names appends the names that have a vendor of an object of links, such as
// {"php": ">=7.4", "psr/log": "^1.0"}. PHP writes an empty one as [].
func (p *parser) names(full string, names []string, value json.RawMessage) []string {
	decoder := json.NewDecoder(bytes.NewReader(value))
	if begin, err := decoder.Token(); err != nil || begin != json.Delim('{') {
		return names
	}
	seen := map[string]bool{}
	for _, name := range names {
		seen[name] = true
	}
	for n := 0; decoder.More(); n++ {
		if n == maxList {
			p.problems.Add("package %q has more than %d links of one kind", lines.Clip(full), maxList)
			break
		}
		p.links++
		key, err := decoder.Token()
		if err != nil {
			break
		}
		var constraint json.RawMessage
		if decoder.Decode(&constraint) != nil {
			break
		}
		name, _ := key.(string)
		if !strings.Contains(name, "/") || len(name) > maxName || seen[name] {
			continue
		}
		seen[name] = true
		names = append(names, name)
	}
	return names
}

// finish sets what is known only at the end.
func (p *parser) finish() {
	versions := make(map[string]string, len(p.facts.Packages))
	required := make(map[string]bool)
	for i := range p.facts.Packages {
		pkg := &p.facts.Packages[i]
		full := pkg.Namespace + "/" + pkg.Name
		if version, ok := versions[full]; ok && version != pkg.Version {
			versions[full] = ""
		} else {
			versions[full] = pkg.Version
		}
		for _, name := range pkg.Requires {
			required[name] = required[name] || name != full
		}
	}
	for i := range p.facts.Packages {
		pkg := &p.facts.Packages[i]
		// What is behind the damage may require it.
		asked := !p.damaged && !required[pkg.Namespace+"/"+pkg.Name]
		for _, name := range pkg.Provides {
			asked = asked && !required[name]
		}
		if asked {
			pkg.Relation = inventory.Direct
		}
		for j, name := range pkg.Requires {
			if version := versions[name]; version != "" {
				pkg.Requires[j] = name + "@" + version
			}
		}
	}
}

// text returns a JSON text without the white space around it. What is no text
// has none.
func text(value json.RawMessage) string { return strings.TrimSpace(decode[string](value)) }

// decode returns a JSON value, or the zero value if it is of another type.
func decode[T any](value json.RawMessage) T {
	var v, zero T
	if json.Unmarshal(value, &v) != nil {
		return zero
	}
	return v
}
