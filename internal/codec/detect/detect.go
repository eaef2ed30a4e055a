// Package detect finds out from its content which format a bill of materials
// has, and reads it.
//
// A JSON document tells by the names of its members, in whatever order they
// come; an XML document by its first element; anything else by its first line.
// Documents within attestations, and within the objects that GitHub and BuildKit
// put around them, are found too.
package detect

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/internal/codec/attest"
	"github.com/imagevet/imagevet/internal/codec/cyclonedx"
	"github.com/imagevet/imagevet/internal/codec/purllist"
	"github.com/imagevet/imagevet/internal/codec/spdx2"
	"github.com/imagevet/imagevet/internal/codec/spdx3"
	"github.com/imagevet/imagevet/internal/codec/syftjson"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// ErrUnknown is returned for documents of no format that is read.
var ErrUnknown = errors.New("no bill of materials: it is none of CycloneDX, SPDX, Syft's JSON, an attestation of those, and a list of package URLs")

const (
	maxSpace = 64 << 10 // bytes of white space before a document
	maxHeld  = 1000     // members before it is known what the document is
)

// Decode reads the document in r. The error wraps [inventory.ErrTooLarge] if a
// limit is reached.
func Decode(r io.Reader, limits codec.Limits) (*inventory.BOM, error) {
	d := detector{limits}
	return d.decode(&limited{r: r, left: limits.Bytes, most: limits.Bytes}, 0)
}

// A limited reader fails where a document is too large, so that what is cut off
// does not pass for complete.
type limited struct {
	r          io.Reader
	left, most int64
}

func (l *limited) Read(p []byte) (int, error) {
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, fmt.Errorf("more than %d bytes: %w", l.most, inventory.ErrTooLarge)
	}
	return n, err
}

// A detector has what holds for a document and those in it.
type detector struct{ limits codec.Limits }

// decode reads a document from its first byte. depth is how many others are
// around it.
func (d detector) decode(r io.Reader, depth int) (*inventory.BOM, error) {
	buf := bufio.NewReaderSize(r, 64<<10)
	first, err := skipSpace(buf)
	if err != nil {
		return nil, err
	}
	switch first {
	case '{':
		dec := json.NewDecoder(buf)
		b, err := d.object(dec, depth)
		if err != nil {
			return nil, at(dec, err)
		}
		if _, err := dec.Token(); err != io.EOF {
			return nil, fmt.Errorf("byte %d: something after the document", dec.InputOffset())
		}
		return b, nil
	case '<':
		return cyclonedx.DecodeXML(buf, d.limits)
	}
	head, err := buf.Peek(4)
	if err != nil && err != io.EOF {
		return nil, err
	}
	if bytes.EqualFold(head, []byte("pkg:")) {
		return purllist.Decode(buf, d.limits)
	}
	return d.lines(buf)
}

// skipSpace returns the first byte that is not white space, without reading it.
func skipSpace(r *bufio.Reader) (byte, error) {
	if mark, err := r.Peek(3); err == nil && string(mark) == "\xef\xbb\xbf" {
		if _, err := r.Discard(3); err != nil {
			return 0, err
		}
	}
	for range maxSpace {
		b, err := r.ReadByte()
		if err == io.EOF {
			return 0, ErrUnknown
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
	return 0, ErrUnknown
}

// at says where in a JSON document an error of its syntax is.
func at(dec *json.Decoder, err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("near byte %d: %w", dec.InputOffset(), err)
	}
	if err == io.EOF {
		return fmt.Errorf("near byte %d: %w", dec.InputOffset(), io.ErrUnexpectedEOF)
	}
	return err
}

// lines reads a document of lines: SPDX as tags, or package URLs behind a
// comment. Which one it is the first line tells that is no comment.
func (d detector) lines(r *bufio.Reader) (*inventory.BOM, error) {
	var head bytes.Buffer
	for head.Len() < maxSpace {
		line, err := r.ReadSlice('\n')
		head.Write(line)
		text := bytes.TrimSpace(line)
		switch {
		case bytes.HasPrefix(text, []byte("SPDXVersion:")):
			return spdx2.DecodeTagValue(io.MultiReader(&head, r), d.limits)
		case len(text) >= 4 && bytes.EqualFold(text[:4], []byte("pkg:")):
			return purllist.Decode(io.MultiReader(&head, r), d.limits)
		case len(text) > 0 && text[0] != '#' && !isTag(text):
			return nil, ErrUnknown
		}
		if err == io.EOF {
			break
		}
		if err != nil && err != bufio.ErrBufferFull {
			return nil, err
		}
	}
	return nil, ErrUnknown
}

// isTag reports whether a line can be one of SPDX: the version need not come
// first.
func isTag(line []byte) bool {
	tag, _, ok := bytes.Cut(line, []byte(":"))
	if !ok || len(tag) == 0 || len(tag) > 40 {
		return false
	}
	for _, c := range tag {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}

// open returns a reader for the format that is the only one to have a member of
// a name, and nil for names that tell nothing.
func (d detector) open(name string, depth int) codec.JSONReader {
	switch name {
	case "bomFormat", "specVersion", "serialNumber", "metadata", "components", "dependencies", "compositions", "vulnerabilities":
		return cyclonedx.NewJSON(d.limits)
	case "spdxVersion", "SPDXID", "documentNamespace", "dataLicense", "creationInfo", "packages", "relationships", "documentDescribes",
		"hasExtractedLicensingInfos":
		return spdx2.NewJSON(d.limits)
	case "@context", "@graph":
		return spdx3.NewJSON(d.limits)
	case "artifacts", "artifactRelationships", "descriptor", "schema":
		return syftjson.NewJSON(d.limits)
	case "_type", "predicateType", "predicate", "subject":
		return attest.NewStatement(depth, d.decode)
	case "payloadType", "payload", "dsseEnvelope":
		return attest.NewEnvelope(d.limits, depth, d.decode)
	}
	return nil
}

// isWrapper reports whether a member holds a document: of GitHub's export of a
// dependency graph, and of what BuildKit's tools print.
func isWrapper(name string) bool { return name == "sbom" || name == "SPDX" }

// object reads a JSON document. Members are handed to the reader of the format
// as soon as it is known; those before are held.
func (d detector) object(dec *json.Decoder, depth int) (*inventory.BOM, error) {
	if depth > attest.MaxDepth {
		return nil, attest.ErrDepth
	}
	var doc codec.JSONReader
	var wrapped *inventory.BOM
	type member struct {
		name string
		raw  json.RawMessage
	}
	var held []member
	err := codec.Members(dec, func(name string) error {
		if doc == nil {
			doc = d.open(name, depth)
		}
		if doc != nil && len(held) > 0 {
			for _, m := range held {
				if _, err := doc.Member(m.name, json.NewDecoder(bytes.NewReader(m.raw))); err != nil {
					return err
				}
			}
			held = nil
		}
		if doc != nil {
			known, err := doc.Member(name, dec)
			if !known && err == nil {
				err = codec.Skip(dec)
			}
			return err
		}
		if isWrapper(name) && wrapped == nil {
			var err error
			wrapped, err = d.object(dec, depth+1)
			return err
		}
		if len(held) == maxHeld {
			return ErrUnknown
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return err
		}
		held = append(held, member{name, raw})
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case doc != nil:
		return doc.Finish()
	case wrapped != nil:
		return wrapped, nil
	}
	return nil, ErrUnknown
}
