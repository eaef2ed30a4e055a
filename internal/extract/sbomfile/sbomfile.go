// Package sbomfile reads bills of materials that lie in an image: those that
// Bitnami, Wolfi and others put beside what they install, and those that
// applications bring with them.
//
// The formats are SPDX 2 in JSON and in tags ([SPDX]), and CycloneDX in JSON
// ([CycloneDX]). Which one a file has is told from its content. Each package
// that has a package URL is one, with its licences, CPEs and supplier, and with
// the packages that the document says it depends on. The package that the
// document is about counts too if it has a package URL. Packages without one
// are not installed as far as can be told; one of the problems says how many
// there are.
//
// Documents are hostile: their size, packages, relationships and nesting are
// limited, and what is read again because of nesting.
//
// [SPDX]: https://spdx.github.io/spdx-spec/v2.3/
// [CycloneDX]: https://cyclonedx.org/docs/1.6/json/
package sbomfile

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/imagevet/imagevet/internal/extract/bounded"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// The bill of a whole image has 20,000 packages in 30 MB.
const (
	maxFile      = 64 << 20
	maxPackages  = 200_000
	maxRelations = 1_000_000
	maxDepth     = 8         // components within components
	maxWork      = 128 << 20 // bytes of components, those within others counted again
	maxSpace     = 4096      // bytes of white space before a document
	maxList      = 1 << 20   // bytes of the licences or the references of one package
)

var errFormat = errors.New("neither an SPDX 2 nor a CycloneDX document")

// Extractor reads bills of materials. The zero value is ready, and safe for use
// by many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "sbomfile".
func (Extractor) Name() string { return "sbomfile" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// Patterns returns the names of the files.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{
		{Glob: "**/*.cdx.json"},
		{Glob: "**/*.spdx.json"},
		{Glob: "**/*.spdx"}, // also Bitnami's .spdx-NAME.spdx
		{Glob: "var/lib/db/sbom/*.json"},
	}
}

// Extract returns the packages of the document.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	c := collector{ctx: ctx, byID: make(map[string]int), seen: make(map[relation]struct{})}
	r := bufio.NewReader(f)
	first, err := firstByte(r)
	if err != nil {
		return inventory.Facts{}, err
	}
	if first == '{' {
		err = c.json(r)
	} else {
		err = c.tags(r)
	}
	if err != nil {
		return inventory.Facts{}, err
	}
	return c.facts(), nil
}

// firstByte returns the first byte that is not white space, without reading it.
// An empty file has none.
func firstByte(r *bufio.Reader) (byte, error) {
	if mark, err := r.Peek(3); err == nil && string(mark) == "\xef\xbb\xbf" {
		if _, err := r.Discard(3); err != nil {
			return 0, err
		}
	}
	for range maxSpace {
		b, err := r.ReadByte()
		if err == io.EOF {
			return 0, errFormat
		}
		if err != nil {
			return 0, err
		}
		switch b {
		case ' ', '\t', '\r', '\n':
		default:
			return b, r.UnreadByte()
		}
	}
	return 0, errFormat
}

// A document has the fields of both formats that are of interest. Lists are
// read one by one later.
type document struct {
	SPDXVersion       string          `json:"spdxVersion"`
	DocumentDescribes json.RawMessage `json:"documentDescribes"`
	Packages          json.RawMessage `json:"packages"`
	Relationships     json.RawMessage `json:"relationships"`

	BOMFormat    string          `json:"bomFormat"`
	Metadata     json.RawMessage `json:"metadata"`
	Components   json.RawMessage `json:"components"`
	Dependencies json.RawMessage `json:"dependencies"`
}

// json reads a document in JSON.
func (c *collector) json(r io.Reader) error {
	var doc document
	if err := bounded.JSON(c.ctx, r, maxFile, &doc); err != nil {
		return err
	}
	switch {
	case doc.BOMFormat == "CycloneDX":
		return c.cycloneDX(&doc)
	case len(doc.SPDXVersion) > 7 && doc.SPDXVersion[:7] == "SPDX-2.":
		return c.spdx(&doc)
	}
	return errFormat
}

// each decodes the elements of a list one by one, and hands each one and its
// length to take. An element of another type is one of the problems.
func each[T any](c *collector, list json.RawMessage, what string, take func(v *T) error) error {
	if len(list) == 0 || list[0] != '[' {
		if len(list) > 0 && string(list) != "null" {
			c.problems.Add("the %ss are no list", what)
		}
		return nil
	}
	if c.work += len(list); c.work > maxWork {
		return fmt.Errorf("more than %d bytes of nested lists: %w", maxWork, inventory.ErrTooLarge)
	}
	d := json.NewDecoder(&chunks{data: list})
	if _, err := d.Token(); err != nil {
		return err
	}
	for n := 0; d.More(); n++ {
		if n%256 == 0 {
			if err := c.ctx.Err(); err != nil {
				return err
			}
		}
		var v T
		if err := d.Decode(&v); err != nil {
			var syntax *json.SyntaxError
			if errors.As(err, &syntax) || errors.Is(err, io.ErrUnexpectedEOF) {
				return err
			}
			c.problems.Add("%s %d cannot be understood: %v", what, n+1, err)
			continue
		}
		if err := take(&v); err != nil {
			return err
		}
	}
	return nil
}

// chunks reads from a slice. A reader of the standard library hands out all of
// it at once, and the decoder would copy that.
type chunks struct{ data []byte }

func (r *chunks) Read(p []byte) (int, error) {
	if len(r.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.data)
	r.data = r.data[n:]
	return n, nil
}

// small decodes a list that belongs to one package.
func small[T any](c *collector, list json.RawMessage, what, name string) []T {
	if len(list) > maxList {
		c.problems.Add("package %q has more than %d bytes of %s", lines.Clip(name), maxList, what)
		return nil
	}
	if len(list) == 0 {
		return nil
	}
	var v []T
	if err := json.Unmarshal(list, &v); err != nil {
		c.problems.Add("package %q has %s that cannot be understood: %v", lines.Clip(name), what, err)
	}
	return v
}
