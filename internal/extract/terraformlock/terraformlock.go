// Package terraformlock reads .terraform.lock.hcl, in which Terraform and
// OpenTofu keep the versions of the providers that a configuration uses.
//
// The [file] is in a small part of [HCL]: blocks
//
//	provider "registry.terraform.io/hashicorp/aws" {
//	  version     = "5.72.1"
//	  constraints = "> 5.72.0"
//	  hashes      = ["h1:…"]
//	}
//
// Blocks of another type are ignored. The namespace of a package is the
// registry and the namespace there, as the same provider may be in many.
// Modules that a configuration is made of are not recorded.
//
// The content is hostile: the file's size, the number of providers, the length
// of names and the depth of blocks and lists are limited. Of a file that is
// damaged, the providers before the damage are kept.
//
// [file]: https://developer.hashicorp.com/terraform/language/files/dependency-lock
// [HCL]: https://github.com/hashicorp/hcl/blob/main/hclsyntax/spec.md
package terraformlock

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/bounded"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// A configuration has up to 50 providers, each with some 30 hashes of 70 bytes.
const (
	maxFile      = 16 << 20
	maxProviders = 20_000
	maxName      = 512
	maxDepth     = 20 // of blocks and lists; the format has 2
)

// Extractor reads .terraform.lock.hcl. The zero value is ready, and safe for
// use by many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "terraformlock".
func (Extractor) Name() string { return "terraformlock" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// Patterns returns the name of the file.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{{Glob: "**/.terraform.lock.hcl"}}
}

// Extract returns the providers of the file. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	data, err := bounded.ReadAll(ctx, f, maxFile)
	if err != nil {
		return inventory.Facts{}, err
	}
	p := parser{ctx: ctx, scanner: scanner{text: strings.TrimPrefix(string(data), "\ufeff"), line: 1}}
	p.facts.Declared = true
	if err := p.file(); err != nil {
		if !errors.Is(err, errSyntax) || len(p.facts.Packages) == 0 {
			return inventory.Facts{}, err
		}
		p.problems.Add("line %d: %v", p.scanner.line, err)
	}
	p.facts.Problems = p.problems.List()
	return p.facts, nil
}

// A parser collects the providers of a file.
type parser struct {
	ctx      context.Context
	scanner  scanner
	records  int
	facts    inventory.Facts
	problems lines.Problems
}

// A provider is the block of that name.
type provider struct {
	address, version, constraints string
	line                          int
}

// file reads the whole file.
func (p *parser) file() error {
	for {
		t := p.scanner.next()
		switch t.kind {
		case end:
			return nil
		case newline:
			continue
		case word:
		default:
			return unexpected(t)
		}
		one := provider{line: p.scanner.line}
		typ := t.text
		labels := 0
		for t = p.scanner.next(); t.kind == text || t.kind == word; t = p.scanner.next() {
			one.address = t.text
			labels++
		}
		switch {
		case t.kind == '=' && labels == 0: // an attribute
			if err := p.value(nil); err != nil {
				return err
			}
			continue
		case t.kind != '{':
			return unexpected(t)
		}
		if err := p.body(&one, 1); err != nil {
			return err
		}
		if typ != "provider" || labels != 1 {
			p.facts.Ignored++
			continue
		}
		if err := p.add(&one); err != nil {
			return err
		}
	}
}

// body reads a block up to its closing brace. If one is not nil, it takes the
// attributes.
func (p *parser) body(one *provider, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("blocks are nested more than %d deep: %w", maxDepth, inventory.ErrTooLarge)
	}
	for {
		t := p.scanner.next()
		switch t.kind {
		case '}':
			return nil
		case newline:
			continue
		case word:
		default:
			return unexpected(t)
		}
		name := t.text
		for t = p.scanner.next(); t.kind == text || t.kind == word; t = p.scanner.next() {
		}
		var err error
		switch {
		case t.kind == '{':
			err = p.body(nil, depth+1)
		case t.kind != '=':
			err = unexpected(t)
		case one != nil && name == "version":
			err = p.value(&one.version)
		case one != nil && name == "constraints":
			err = p.value(&one.constraints)
		default:
			err = p.value(nil)
		}
		if err != nil {
			return err
		}
	}
}

// value reads the value of an attribute: a text, which it puts into s, or
// something else, or a list of that.
func (p *parser) value(s *string) error {
	for depth := 0; ; {
		t := p.scanner.next()
		switch t.kind {
		case text:
			if s != nil && depth == 0 {
				*s = t.text
			}
		case word:
		case '[':
			if depth++; depth > maxDepth {
				return fmt.Errorf("lists are nested more than %d deep: %w", maxDepth, inventory.ErrTooLarge)
			}
			continue
		case ']':
			if depth--; depth < 0 {
				return unexpected(t)
			}
		case ',', newline:
			if depth == 0 {
				return unexpected(t)
			}
			continue
		default:
			return unexpected(t)
		}
		if depth == 0 {
			return nil
		}
	}
}

// add takes one provider.
func (p *parser) add(one *provider) error {
	if err := p.ctx.Err(); err != nil {
		return err
	}
	if p.records++; p.records > maxProviders {
		return fmt.Errorf("more than %d providers: %w", maxProviders, inventory.ErrTooLarge)
	}
	i := strings.LastIndexByte(one.address, '/')
	switch {
	case i <= 0 || i == len(one.address)-1:
		p.problems.Add("line %d: %q is no address of a provider", one.line, lines.Clip(one.address))
		return nil
	case one.version == "" && one.constraints == "":
		p.problems.Add("line %d: provider %q has no version", one.line, lines.Clip(one.address))
		return nil
	case len(one.address) > maxName || len(one.version) > maxName || len(one.constraints) > maxName:
		p.problems.Add("line %d: the address or version of provider %q is too long", one.line, lines.Clip(one.address))
		return nil
	}
	pkg := inventory.Package{
		Type:      "terraform",
		Namespace: one.address[:i],
		Name:      one.address[i+1:],
		Version:   one.version,
		Line:      one.line,
	}
	if pkg.Version == "" {
		pkg.Constraint = one.constraints
	}
	p.facts.Packages = append(p.facts.Packages, pkg)
	return nil
}
