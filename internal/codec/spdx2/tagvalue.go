package spdx2

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// DecodeTagValue reads a document as tag-value. The error wraps
// [inventory.ErrTooLarge] where the document exceeds a limit, and [ErrFormat]
// where it is none.
func DecodeTagValue(r io.Reader, limits codec.Limits) (*inventory.BOM, error) {
	t := &tagReader{document: newDocument(limits, "tag-value"), lines: newLineReader(r, limits.Bytes)}
	for {
		tag, value, err := t.next()
		if err == io.EOF {
			break
		}
		if err == nil {
			err = t.take(tag, value)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := t.end(); err != nil {
		return nil, err
	}
	return t.finish()
}

// A tagReader reads tag-value: lines "TAG: VALUE", where a value can be text
// over several lines between <text> and </text>. A package begins with its
// name, and so on; it ends where the next element begins. Relationships and
// annotations can be anywhere.
type tagReader struct {
	*document
	lines *lineReader

	// What is being read, of which one is set at a time.
	pkg     *element
	file    *[3]string // identifier, name, comment
	license *[3]string // identifier, name, text
	within  bool       // an element that is not kept
	// What can be within those.
	relationship *[4]string // from, kind, to, comment
	note         *[2]string // identifier, comment
}

// next returns the next tag and its value.
func (t *tagReader) next() (tag, value string, err error) {
	for {
		line, err := t.lines.next()
		if err != nil {
			return "", "", err
		}
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		name, rest, ok := bytes.Cut(line, []byte(":"))
		if !ok {
			t.c.Problem("line %d has no tag: %s", t.lines.n, codec.Quote(valid(line)))
			continue
		}
		tag := valid(bytes.TrimSpace(name))
		rest = bytes.TrimSpace(rest)
		if after, ok := bytes.CutPrefix(rest, []byte("<text>")); ok {
			value, err = t.text(after, isKept(tag))
			return tag, value, err
		}
		if !isKept(tag) {
			return tag, "", nil
		}
		return tag, valid(rest), nil
	}
}

// text returns the text that begins with line and ends with "</text>", empty if
// it is not kept.
func (t *tagReader) text(line []byte, keep bool) (string, error) {
	first := t.lines.n
	var out strings.Builder
	for {
		before, _, closed := bytes.Cut(line, []byte("</text>"))
		if keep {
			if out.Len()+len(before) > maxText {
				return "", fmt.Errorf("line %d: text of more than %d bytes: %w", first, maxText, inventory.ErrTooLarge)
			}
			out.Write(before)
		}
		if closed {
			return strings.ToValidUTF8(out.String(), "\ufffd"), nil
		}
		next, err := t.lines.next()
		if err == io.EOF {
			t.c.Problem("the text that begins in line %d does not end", first)
			return strings.ToValidUTF8(out.String(), "\ufffd"), nil
		}
		if err != nil {
			return "", err
		}
		if keep {
			out.WriteByte('\n')
		}
		line = next
	}
}

func valid(b []byte) string { return strings.ToValidUTF8(string(b), "\ufffd") }

// end ends the element that is being read.
func (t *tagReader) end() error {
	if err := t.endRelationship(); err != nil {
		return err
	}
	t.endNote()
	p, f, l := t.pkg, t.file, t.license
	t.pkg, t.file, t.license, t.within = nil, nil, nil, false
	switch {
	case p != nil:
		return t.add(p)
	case f != nil:
		t.document.file(f[0], f[1], f[2])
	case l != nil:
		t.document.license(l[0], l[1], l[2])
	}
	return nil
}

func (t *tagReader) endRelationship() error {
	r := t.relationship
	if r == nil {
		return nil
	}
	t.relationship = nil
	return t.relation(r[0], r[1], r[2], r[3])
}

func (t *tagReader) endNote() {
	n := t.note
	if n == nil {
		return
	}
	t.note = nil
	if t.pkg != nil && t.pkg.id == n[0] { // which has not been added yet
		t.pkg.note(t.c, n[1])
		return
	}
	t.annotation(n[0], n[1])
}

// take takes a tag. Sections of the specification are numbered as in 2.3.
func (t *tagReader) take(tag, value string) error {
	if tag == "RelationshipComment" { // 11.2
		if t.relationship != nil {
			t.relationship[3] = value
		}
		return nil
	}
	if err := t.endRelationship(); err != nil {
		return err
	}
	switch tag {
	case "PackageName": // 7.1
		err := t.end()
		t.pkg = &element{name: value}
		return err
	case "FileName": // 8.1
		err := t.end()
		t.file = &[3]string{1: value}
		return err
	case "SnippetSPDXID": // 9.1
		err := t.end()
		t.within = true
		t.other(value)
		return err
	case "LicenseID": // 10.1
		err := t.end()
		t.license = &[3]string{value}
		return err
	case "Reviewer": // 13.1
		err := t.end()
		t.within = true
		return err
	case "Relationship": // 11.1
		if f := strings.Fields(value); len(f) >= 3 {
			t.relationship = &[4]string{f[0], f[1], f[2]}
		} else {
			t.c.Problem("line %d is no relationship: %s", t.lines.n, codec.Quote(value))
		}
		return nil
	case "Annotator": // 12.1
		t.endNote()
		t.note = &[2]string{}
		return nil
	case "SPDXREF", "AnnotationComment": // 12.4, 12.5
		if t.note == nil {
			t.note = &[2]string{}
		}
		if tag == "SPDXREF" {
			t.note[0] = value
		} else {
			t.note[1] = value
		}
		return nil
	}
	switch {
	case t.pkg != nil:
		t.takePackage(tag, value)
	case t.file != nil:
		switch tag {
		case "SPDXID": // 8.2
			t.file[0] = value
		case "FileComment": // 8.12
			t.file[2] = value
		}
	case t.license != nil:
		switch tag {
		case "LicenseName": // 10.3
			t.license[1] = value
		case "ExtractedText": // 10.2
			t.license[2] = value
		}
	case !t.within:
		t.takeHead(tag, value)
	}
	if !isTag(tag) {
		t.c.Remark("line %d has a tag that SPDX 2 has not: %s", t.lines.n, codec.Quote(tag))
	}
	return nil
}

func (t *tagReader) takeHead(tag, value string) {
	switch tag {
	case "SPDXVersion": // 6.1
		t.version = value
	case "SPDXID": // 6.3
		t.other(value)
	case "DocumentName": // 6.4
		t.name = value
	case "DocumentNamespace": // 6.5
		t.info.ID = value
	case "Creator": // 6.8
		t.creator(value)
	case "Created": // 6.9
		t.created(value)
	}
}

func (t *tagReader) takePackage(tag, value string) {
	p := t.pkg
	switch tag {
	case "SPDXID": // 7.2
		p.id = value
	case "PackageVersion": // 7.3
		p.version = value
	case "PackageSupplier": // 7.5
		p.supplier = value
	case "PackageOriginator": // 7.6
		p.originator = value
	case "PackageChecksum": // 7.10
		algorithm, digest, _ := strings.Cut(value, ":")
		p.checksum(t.c, algorithm, digest)
	case "PackageSourceInfo": // 7.12
		p.sourceInfo = value
	case "PackageLicenseConcluded": // 7.13
		p.concluded = value
	case "PackageLicenseDeclared": // 7.15
		p.declared = value
	case "ExternalRef": // 7.21
		if f := strings.Fields(value); len(f) >= 3 {
			p.ref(f[1], strings.Join(f[2:], " "))
		} else {
			t.c.Problem("line %d is no reference: %s", t.lines.n, codec.Quote(value))
		}
	case "PackageAttributionText": // 7.23
		p.note(t.c, value)
	case "PrimaryPackagePurpose": // 7.24
		p.purpose = value
	}
}
