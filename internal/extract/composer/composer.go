// Package composer reads what Composer, the package manager of PHP, has
// installed: installed.json in the folder "composer" of the vendor folder. The
// vendor folder is called "vendor" by default, but applications call it as they
// like ("3rdparty", "lib/composer"), so its name is not looked at.
//
// Composer 1 writes a list of packages, [Composer 2] an object whose member
// "packages" is that list. Of a package, whose fields are those of
// [composer.json], these are of interest: name, version, license, require,
// provide and replace. Packages for development are in the list only where
// they are installed, and count like the others. Names without a vendor in
// require stand for the platform (php, ext-json), and are left out. "shasum" of
// dist, unless it is empty, is the SHA-1 of the archive, if the package was
// installed from that and not from its repository ("installation-source").
//
// The content is hostile: the file's size, the number of packages, licences
// and links, and the length of names and versions are limited. Of a file that
// is cut off, the packages before the damage are kept.
//
// [Composer 2]: https://getcomposer.org/upgrade/UPGRADE-2.0.md
// [composer.json]: https://getcomposer.org/doc/04-schema.md
package composer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/bounded"
	"github.com/imagevet/imagevet/internal/extract/digest"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// A shop system has about 1,000 packages and 2 MiB. The largest package that
// replaces others, symfony/symfony, names about 100.
const (
	maxFile     = 32 << 20
	maxPackages = 20_000
	maxName     = 512
	maxText     = 64 << 10 // of a licence
	maxLicenses = 100
	maxList     = 10_000 // links of one kind, of one package
	maxLinks    = 200_000
)

// Extractor reads installed.json. The zero value is ready, and safe for use by
// many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "composer".
func (Extractor) Name() string { return "composer" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 2 }

// Patterns returns the name of the file.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{{Glob: "**/composer/installed.json"}}
}

// Extract returns the packages of the file. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	data, err := bounded.ReadAll(ctx, f, maxFile)
	if err != nil {
		return inventory.Facts{}, err
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	p := parser{ctx: ctx, decoder: json.NewDecoder(bytes.NewReader(data))}
	if err := p.file(); err != nil {
		if !p.damaged || len(p.facts.Packages) == 0 {
			return inventory.Facts{}, err
		}
		p.problems.Add("the file ends early or is damaged near byte %d: %v", p.decoder.InputOffset(), err)
	}
	p.facts.Problems = p.problems.List()
	return p.facts, nil
}

// A parser collects the packages of a file.
type parser struct {
	ctx      context.Context
	decoder  *json.Decoder
	records  int
	links    int // of all packages
	facts    inventory.Facts
	problems lines.Problems
	damaged  bool // the error is one of JSON, not a limit or the context
}

// file reads the whole file.
func (p *parser) file() error {
	top, err := p.token()
	if err != nil {
		return err
	}
	known := false
	switch top {
	case json.Delim('['):
		known = true
		err = p.list()
	case json.Delim('{'):
		for err == nil && p.decoder.More() {
			var key json.Token
			if key, err = p.token(); err != nil {
				break
			}
			if key != "packages" {
				err = p.skip()
				continue
			}
			known = true
			var begin json.Token
			if begin, err = p.token(); err == nil && begin != json.Delim('[') {
				return errors.New("packages is not a list")
			}
			if err == nil {
				err = p.list()
			}
		}
		if err == nil {
			_, err = p.token() // the closing brace
		}
	}
	switch {
	case err != nil:
		return err
	case !known:
		return errors.New("no list of packages")
	}
	if _, err := p.decoder.Token(); err != io.EOF {
		p.damaged = true
		return errors.New("there is more after the list")
	}
	return nil
}

// token returns the next token, and notes that the file is damaged where there
// is none.
func (p *parser) token() (json.Token, error) {
	token, err := p.decoder.Token()
	return token, p.note(err)
}

// skip reads over one value.
func (p *parser) skip() error {
	var value json.RawMessage
	return p.note(p.decoder.Decode(&value))
}

// note marks the file as damaged if err is not nil.
func (p *parser) note(err error) error {
	if err == nil {
		return nil
	}
	p.damaged = true
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// list reads packages up to the closing bracket.
func (p *parser) list() error {
	for p.decoder.More() {
		if err := p.ctx.Err(); err != nil {
			return err
		}
		if p.records++; p.records > maxPackages {
			return fmt.Errorf("more than %d packages: %w", maxPackages, inventory.ErrTooLarge)
		}
		var record json.RawMessage
		if err := p.note(p.decoder.Decode(&record)); err != nil {
			return err
		}
		if err := p.add(record); err != nil {
			return err
		}
	}
	_, err := p.token()
	return err
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
	Origin  json.RawMessage `json:"installation-source"`
	Dist    json.RawMessage `json:"dist"`
}

// hashes returns the digest of the archive that the package is from.
func (r *record) hashes() []inventory.Hash {
	var dist struct {
		Shasum json.RawMessage `json:"shasum"`
	}
	if text(r.Origin) == "source" || json.Unmarshal(r.Dist, &dist) != nil {
		return nil
	}
	return digest.Hex("SHA-1", text(dist.Shasum))
}

// add takes one package.
func (p *parser) add(data []byte) error {
	var r record
	if err := json.Unmarshal(data, &r); err != nil {
		p.problems.Add("not a package: %q", lines.Clip(data))
		return nil
	}
	full, version := text(r.Name), text(r.Version)
	vendor, name, ok := strings.Cut(full, "/")
	switch {
	case !ok || vendor == "" || name == "" || strings.Contains(name, "/") || len(full) > maxName:
		p.problems.Add("%q is no name of a package; its version is %q", lines.Clip(string(r.Name)), lines.Clip(version))
		return nil
	case version == "":
		p.problems.Add("package %q has no version", lines.Clip(full))
		return nil
	case len(version) > maxName:
		p.problems.Add("version of package %q is too long: %q", lines.Clip(full), lines.Clip(version))
		return nil
	}
	pkg := inventory.Package{
		Type:      "composer",
		Namespace: vendor,
		Name:      name,
		Version:   version,
		Licenses:  p.licenses(full, r.License),
		Requires:  p.names(full, nil, r.Require),
		Hashes:    r.hashes(),
	}
	pkg.Provides = p.names(full, pkg.Provides, r.Provide)
	pkg.Provides = p.names(full, pkg.Provides, r.Replace)
	p.facts.Packages = append(p.facts.Packages, pkg)
	if p.links > maxLinks {
		return fmt.Errorf("more than %d links: %w", maxLinks, inventory.ErrTooLarge)
	}
	return nil
}

// licenses returns the licences: a text, or a list of which any will do.
func (p *parser) licenses(full string, value json.RawMessage) []string {
	var licenses []string
	add := func(value json.RawMessage) {
		switch s := text(value); {
		case len(s) > maxText:
			p.problems.Add("a licence of package %q is too long: %q", lines.Clip(full), lines.Clip(s))
		case s != "" && !slices.Contains(licenses, s):
			licenses = append(licenses, s)
		}
	}
	decoder := json.NewDecoder(bytes.NewReader(value))
	if begin, err := decoder.Token(); err != nil || begin != json.Delim('[') {
		add(value)
		return licenses
	}
	for n := 0; decoder.More(); n++ {
		if n == maxLicenses {
			p.problems.Add("package %q has more than %d licences", lines.Clip(full), maxLicenses)
			break
		}
		var value json.RawMessage
		if decoder.Decode(&value) != nil {
			break
		}
		add(value)
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

// text returns a JSON text without the white space around it. What is no text
// has none.
func text(value json.RawMessage) string {
	var s string
	if json.Unmarshal(value, &s) != nil {
		return ""
	}
	return strings.TrimSpace(s)
}
