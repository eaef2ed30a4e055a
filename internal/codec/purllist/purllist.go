// Package purllist reads and writes the plainest bill of materials there is: a
// text with one package URL a line (https://github.com/package-url/purl-spec),
// as Trivy's, Grype's and other programs' lists are.
//
// Empty lines and those that begin with "#" say nothing. White space around a
// package URL is no part of it.
package purllist

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// ErrFormat is returned for a text that has lines, but none that is a package
// URL.
var ErrFormat = errors.New("no list of package URLs")

// maxLine is the length in bytes of the longest line.
const maxLine = 1 << 16

// Decode reads a list. A line that is no package URL is a problem, with its
// number; a package URL that is there again is passed over.
func Decode(r io.Reader, limits codec.Limits) (*inventory.BOM, error) {
	c := codec.NewCollector("purl", limits)
	c.BOM.Target.Kind = "sbom"
	c.BOM.Document = inventory.Document{Format: "purl", Encoding: "text"}
	rest := &io.LimitedReader{R: r, N: limits.Bytes}
	lines := bufio.NewScanner(rest)
	lines.Buffer(nil, maxLine)
	seen := map[string]bool{}
	var wrong int
	for n := 1; lines.Scan(); n++ {
		line := lines.Bytes()
		if n == 1 {
			line = bytes.TrimPrefix(line, []byte("\ufeff"))
		}
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' || seen[string(line)] {
			continue
		}
		purl := string(line)
		p, err := codec.PackageOf(purl)
		if err != nil {
			wrong++
			c.Problem("line %d is no package URL: %s: %v", n, codec.Quote(purl), err)
			continue
		}
		seen[purl] = true
		p.PURL, p.Line = purl, n
		c.Distro(purl)
		if err := c.Add("", p); err != nil {
			return nil, err
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return nil, fmt.Errorf("a line has more than %d bytes: %w", maxLine, inventory.ErrTooLarge)
	} else if err != nil {
		return nil, err
	}
	if rest.N <= 0 {
		// The limit may be the end, too.
		if n, err := io.ReadFull(r, make([]byte, 1)); n > 0 {
			return nil, fmt.Errorf("more than %d bytes: %w", limits.Bytes, inventory.ErrTooLarge)
		} else if !errors.Is(err, io.EOF) {
			return nil, err
		}
	}
	if wrong > 0 && len(c.BOM.Packages) == 0 {
		return nil, ErrFormat
	}
	return c.Finish(), nil
}

// Encode writes the package URLs of an inventory and its parts, sorted, each
// once. What has no package URL, and what a later layer took away, has no place
// in the list.
func Encode(w io.Writer, b *inventory.BOM) error {
	var purls []string
	collect(b, &purls)
	slices.Sort(purls)
	out := bufio.NewWriter(w)
	for _, purl := range slices.Compact(purls) {
		out.WriteString(purl)
		out.WriteByte('\n')
	}
	return out.Flush() // and the first error of the above
}

func collect(b *inventory.BOM, purls *[]string) {
	for i := range b.Packages {
		p := &b.Packages[i]
		if p.PURL == "" || p.DeletedBy != nil {
			continue
		}
		if _, err := codec.PackageOf(p.PURL); err == nil {
			*purls = append(*purls, oneLine(p.PURL))
		}
	}
	for _, part := range b.Parts {
		collect(part, purls)
	}
}

// oneLine encodes what would end a line or be cut off its ends: a package URL
// from a document need not be in its canonical form.
func oneLine(purl string) string {
	if !strings.ContainsFunc(purl, isSpace) {
		return purl
	}
	var out strings.Builder
	for i := range len(purl) {
		if isSpace(rune(purl[i])) {
			fmt.Fprintf(&out, "%%%02X", purl[i])
		} else {
			out.WriteByte(purl[i])
		}
	}
	return out.String()
}

func isSpace(r rune) bool { return r <= ' ' || r == 0x7f }
