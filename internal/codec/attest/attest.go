// Package attest finds the bill of materials in an attestation: in a statement
// of in-toto ([Statement]), and in an envelope of DSSE around one ([Envelope]),
// as cosign, BuildKit and GitHub make them.
//
// Signatures are not verified, nor is it checked that a subject is the image
// that a caller has in mind: what is read is what somebody says. A caller who
// needs to know who said it verifies the attestation first.
//
// https://github.com/in-toto/attestation/blob/v1.1.0/spec/v1/statement.md,
// https://github.com/secure-systems-lab/dsse/blob/v1.0.2/envelope.md
package attest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// MaxDepth is how many attestations can be around a bill of materials: usual
// are an envelope and the statement in it.
const MaxDepth = 4

var (
	// ErrFormat is returned for a document that is no attestation.
	ErrFormat = errors.New("no attestation")
	// ErrPredicate is returned, with a cause, for a statement that is about
	// something else than a bill of materials.
	ErrPredicate = errors.New("no bill of materials")
	// ErrDepth is returned where more than [MaxDepth] attestations are around
	// each other.
	ErrDepth = fmt.Errorf("more than %d attestations in each other: %w", MaxDepth, inventory.ErrTooLarge)
)

// An Open reads the document in r, of whatever format. depth is the number of
// attestations around it.
type Open func(r io.Reader, depth int) (*inventory.BOM, error)

// An Envelope is a reader of envelopes of DSSE, also in a bundle of Sigstore.
type Envelope struct {
	limits  codec.Limits
	depth   int
	open    Open
	kind    string
	payload *string
}

var _ codec.JSONReader = (*Envelope)(nil)

// NewEnvelope returns a reader for one envelope. depth is the number of
// attestations around it, and open reads what is in it, when the envelope
// itself has been read.
func NewEnvelope(limits codec.Limits, depth int, open Open) *Envelope {
	return &Envelope{limits: limits, depth: depth, open: open}
}

// Member reads the value of a member that envelopes have.
func (e *Envelope) Member(name string, dec *json.Decoder) (bool, error) {
	if name != "dsseEnvelope" { // of a bundle:
		// https://github.com/sigstore/protobuf-specs/blob/main/protos/sigstore_bundle.proto
		return e.member(name, dec)
	}
	return true, codec.Members(dec, func(name string) error {
		ok, err := e.member(name, dec)
		if ok || err != nil {
			return err
		}
		return codec.Skip(dec)
	})
}

func (e *Envelope) member(name string, dec *json.Decoder) (bool, error) {
	switch name {
	case "payloadType":
		return true, text(dec, name, &e.kind)
	case "payload":
		e.payload = new(string)
		return true, text(dec, name, e.payload)
	case "signatures":
		return true, codec.Skip(dec)
	}
	return false, nil
}

// text reads a string.
func text(dec *json.Decoder, name string, v *string) error {
	var raw json.RawMessage
	if err := dec.Decode(&raw); err != nil {
		return err
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("%s of an attestation: %w", name, err)
	}
	return nil
}

// Finish reads the payload.
func (e *Envelope) Finish() (*inventory.BOM, error) {
	switch {
	case e.payload == nil:
		return nil, ErrFormat
	case e.depth >= MaxDepth:
		return nil, ErrDepth
	case int64(len(*e.payload))/4*3 > e.limits.Bytes:
		return nil, fmt.Errorf("the payload has more than %d bytes: %w", e.limits.Bytes, inventory.ErrTooLarge)
	}
	b, err := e.open(base64.NewDecoder(encoding(*e.payload), strings.NewReader(trim(*e.payload))), e.depth+1)
	if err != nil {
		return nil, fmt.Errorf("the payload of type %s: %w", codec.Quote(e.kind), err)
	}
	return b, nil
}

// encoding returns the encoding of a payload, of which padding is trimmed. Both
// are allowed: https://github.com/secure-systems-lab/dsse/blob/v1.0.2/envelope.md#standard-json-envelope
func encoding(payload string) *base64.Encoding {
	if strings.ContainsAny(payload, "-_") {
		return base64.RawURLEncoding
	}
	return base64.RawStdEncoding
}

func trim(payload string) string { return strings.TrimRight(payload, "=\r\n") }

// A Statement is a reader of statements of in-toto, in their versions 0.1 and 1.
//
// The digest that all subjects share is the target's, and so is their name,
// where the bill of materials itself states none.
type Statement struct {
	depth    int
	open     Open
	kind     string // of the statement
	about    string // the predicate's type
	subjects json.RawMessage
	// predicate is kept until its type is known, which can come after it.
	predicate json.RawMessage
}

var _ codec.JSONReader = (*Statement)(nil)

// NewStatement returns a reader for one statement. depth is the number of
// attestations around it, and open reads the predicate, when the statement
// itself has been read.
func NewStatement(depth int, open Open) *Statement { return &Statement{depth: depth, open: open} }

// Member reads the value of a member that statements have.
func (s *Statement) Member(name string, dec *json.Decoder) (bool, error) {
	switch name {
	case "_type":
		return true, text(dec, name, &s.kind)
	case "predicateType":
		return true, text(dec, name, &s.about)
	case "subject":
		return true, dec.Decode(&s.subjects)
	case "predicate":
		return true, dec.Decode(&s.predicate)
	}
	return false, nil
}

// Finish reads the predicate. A predicate of another type than those that bills
// of materials have may still be one; if it is none, the error wraps
// [ErrPredicate] and names the type.
func (s *Statement) Finish() (*inventory.BOM, error) {
	switch s.kind {
	case "https://in-toto.io/Statement/v0.1", "https://in-toto.io/Statement/v1":
	default:
		return nil, fmt.Errorf("%w: a statement of type %s", ErrFormat, codec.Quote(s.kind))
	}
	if len(s.predicate) == 0 {
		return nil, fmt.Errorf("%w: a statement without a predicate", ErrFormat)
	}
	if s.depth >= MaxDepth {
		return nil, ErrDepth
	}
	content := unwrap(s.predicate)
	s.predicate = nil
	b, err := s.open(bytes.NewReader(content), s.depth+1)
	if err != nil {
		if isSBOM(s.about) {
			return nil, fmt.Errorf("the predicate of type %s: %w", codec.Quote(s.about), err)
		}
		return nil, fmt.Errorf("%w: the predicate of type %s: %w", ErrPredicate, codec.Quote(s.about), err)
	}
	s.setSubject(b)
	return b, nil
}

// isSBOM reports whether a predicate of a type is a bill of materials.
//
//   - https://github.com/in-toto/attestation/blob/v1.1.0/spec/predicates/spdx.md
//   - https://github.com/in-toto/attestation/blob/v1.1.0/spec/predicates/cyclonedx.md
//   - https://github.com/anchore/syft/blob/main/cmd/syft/internal/commands/attest.go
func isSBOM(predicateType string) bool {
	for _, kind := range []string{"https://spdx.dev/Document", "https://cyclonedx.org/bom", "https://syft.dev/bom"} {
		if rest, ok := strings.CutPrefix(predicateType, kind); ok && (rest == "" || rest[0] == '/') {
			return true
		}
	}
	return false
}

// unwrap returns the document that a predicate holds. That is the predicate
// itself, unless it is a string, or, as cosign makes it of what it does not
// know, an object with "Data" and a time:
// https://github.com/sigstore/cosign/blob/v2.4.0/specs/COSIGN_PREDICATE_SPEC.md
func unwrap(predicate json.RawMessage) []byte {
	if data := inData(predicate); data != nil {
		predicate = data
	}
	var s string
	if predicate[0] != '"' || json.Unmarshal(predicate, &s) != nil {
		return predicate
	}
	// No format is written with base64's letters only.
	if raw, err := encoding(s).DecodeString(trim(s)); err == nil && len(raw) > 0 {
		return raw
	}
	return []byte(s)
}

// inData returns the value of "Data", nil if the object has other members or
// is none.
func inData(predicate json.RawMessage) json.RawMessage {
	var data json.RawMessage
	errOther := errors.New("another member")
	dec := json.NewDecoder(bytes.NewReader(predicate))
	err := codec.Members(dec, func(name string) error {
		switch name {
		case "Data", "data":
			return dec.Decode(&data)
		case "Timestamp", "timestamp":
			return codec.Skip(dec)
		}
		return errOther
	})
	if err != nil {
		return nil
	}
	return data
}

// setSubject takes over what the statement is about.
// https://github.com/in-toto/attestation/blob/v1.1.0/spec/v1/resource_descriptor.md
func (s *Statement) setSubject(b *inventory.BOM) {
	var subjects []struct {
		Name   string
		Digest map[string]string
	}
	if len(s.subjects) == 0 {
		return
	}
	if err := json.Unmarshal(s.subjects, &subjects); err != nil {
		b.Problems = append(b.Problems, &inventory.FileError{Extractor: "in-toto", Err: fmt.Errorf("the subject cannot be understood: %w", err)})
		return
	}
	var names, digests []string
	for _, subject := range subjects {
		if digest := strings.ToLower(subject.Digest["sha256"]); isSHA256(digest) {
			digests = append(digests, "sha256:"+digest)
		}
		names = append(names, subject.Name)
	}
	// An image with several names is several subjects.
	if len(digests) == len(subjects) && b.Target.Digest == "" {
		b.Target.Digest = common(digests)
	}
	if b.Target.Name == "" {
		b.Target.Name = common(names)
	}
}

func isSHA256(digest string) bool {
	return len(digest) == 64 && strings.Trim(digest, "0123456789abcdef") == ""
}

// common returns what all are, and "" if they differ.
func common(list []string) string {
	for _, s := range list {
		if s != list[0] {
			return ""
		}
	}
	if len(list) == 0 {
		return ""
	}
	return list[0]
}
