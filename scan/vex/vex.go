package vex

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// A Status says what a flaw does to a product.
type Status string

// The statuses, in OpenVEX's words.
const (
	NotAffected        Status = "not_affected"        // nothing has to be done
	Affected           Status = "affected"            // something has
	Fixed              Status = "fixed"               // the product has the fix
	UnderInvestigation Status = "under_investigation" // it is not known yet
)

// caution orders statuses, the most cautious first.
func (s Status) caution() int {
	switch s {
	case Affected:
		return 0
	case UnderInvestigation:
		return 1
	case Fixed:
		return 2
	}
	return 3
}

// Suppresses reports whether a finding need not be looked at.
func (s Status) Suppresses() bool { return s == NotAffected || s == Fixed }

// MaxSize is the size in bytes up to which a document is read.
const MaxSize = 64 << 20

// The bounds of a document.
const (
	maxProducts = 1 << 20 // over all statements
	maxDepth    = 64      // of branches, components and relationships
	maxProblems = 100     // that are told
	maxText     = 2000    // bytes of a text
)

// ErrFormat says that something is no VEX document that is understood.
var ErrFormat = errors.New("it is neither OpenVEX nor CycloneDX nor CSAF in JSON")

// A Document is a VEX document.
type Document struct {
	// Name is what [Parse] was given, such as a file.
	Name string
	// Format is "OpenVEX", "CycloneDX" or "CSAF", and Version that of its
	// specification.
	Format, Version string
	// ID is the document's own, Author who says it, in its words, and Time when
	// it was last changed. Each can be missing.
	ID, Author string
	Time       time.Time
	// Statements are what it says, in its order.
	Statements []Statement
	// Problems are what could not be understood, in one sentence each that names
	// the statement. There are at most 101.
	Problems []string

	problems int
	products int
}

// A Statement says what one flaw does to some products.
type Statement struct {
	// Ref says which statement of the document it is: "statement 3" or
	// "vulnerability 2 (CVE-2024-3094)", from 1.
	Ref string
	// IDs are the ID of the flaw and its aliases.
	IDs    []string
	Status Status
	// Justification is why the status is "not_affected", in the words of the
	// format, such as "vulnerable_code_not_present". It can be empty.
	Justification string
	// Text is what is said of it in words: the impact, or what to do.
	Text string
	// Time is that of the statement, or of the document.
	Time     time.Time
	Products []Product
}

// A Product is what a statement is about. All fields but Versions and Within
// name one thing in different ways, any of which will do.
type Product struct {
	PURLs   []string // package URLs, of images too
	CPEs    []string
	Digests []string // of an image: "sha256:…"
	Images  []string // references such as "ghcr.io/a/app:1.2"
	// BOM is the serial number of a bill of materials, "urn:uuid:…": the product
	// is what it is about.
	BOM string
	// Versions are those that are meant, as VERS or as they are; empty for all.
	Versions []string
	// Within is what the product is a part of, if only there the statement holds.
	Within *Product
}

// empty reports whether nothing tells what the product is.
func (p *Product) empty() bool {
	return len(p.PURLs)+len(p.CPEs)+len(p.Digests)+len(p.Images) == 0 && p.BOM == ""
}

// String is the first name that the product has.
func (p *Product) String() string {
	name := p.BOM
	for _, list := range [][]string{p.Images, p.Digests, p.CPEs, p.PURLs} {
		if len(list) > 0 {
			name = list[0]
		}
	}
	if p.Within != nil {
		name += " in " + p.Within.String()
	}
	return name
}

// Parse reads a document in one of the formats that the comment of the package
// lists. name is for messages and [Document].Name. The error wraps [ErrFormat] if
// the document is something else. A statement that cannot be understood is no
// error but one of the document's problems.
func Parse(name string, data []byte) (*Document, error) {
	d := &Document{Name: name}
	if err := d.parse(data); err != nil {
		return nil, fmt.Errorf("vex: %s: %w", name, err)
	}
	if more := d.problems - len(d.Problems); more > 0 {
		d.Problems = append(d.Problems, fmt.Sprintf("and %d more", more))
	}
	return d, nil
}

// Read reads a document from a stream, as [Parse] does.
func Read(name string, r io.Reader) (*Document, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("vex: %s: %w", name, err)
	}
	return Parse(name, data)
}

// A probe is what tells the formats apart.
type probe struct {
	Context       any             `json:"@context"`
	BOMFormat     string          `json:"bomFormat"`
	SPDX          string          `json:"spdxVersion"`
	Document      json.RawMessage `json:"document"`
	Type          string          `json:"_type"`
	PredicateType string          `json:"predicateType"`
	PayloadType   string          `json:"payloadType"`
}

// A subject is that of an in-toto statement:
// https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
type subject struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"`
}

// parse finds out the format, and unwraps envelopes.
func (d *Document) parse(data []byte) error {
	if len(data) > MaxSize {
		return fmt.Errorf("larger than %d bytes", MaxSize)
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	var subjects []subject
	for range 3 { // an envelope, a statement and the document
		var p probe
		if err := json.Unmarshal(data, &p); err != nil {
			return fmt.Errorf("%w: %w", ErrFormat, err)
		}
		switch {
		case p.PayloadType != "":
			var envelope struct {
				Payload string `json:"payload"`
			}
			if err := json.Unmarshal(data, &envelope); err != nil {
				return fmt.Errorf("the envelope: %w", err)
			}
			payload, err := decodeBase64(envelope.Payload)
			if err != nil {
				return fmt.Errorf("the payload of the envelope: %w", err)
			}
			data = payload
		case strings.HasPrefix(p.Type, "https://in-toto.io/Statement/"):
			var statement struct {
				Subject   []subject       `json:"subject"`
				Predicate json.RawMessage `json:"predicate"`
			}
			if err := json.Unmarshal(data, &statement); err != nil {
				return fmt.Errorf("the in-toto statement: %w", err)
			}
			if len(statement.Predicate) == 0 {
				return fmt.Errorf("the in-toto statement has no predicate: %w", ErrFormat)
			}
			subjects, data = statement.Subject, statement.Predicate
		case openVEXVersion(p.Context) != "":
			return d.openVEX(data, openVEXVersion(p.Context), subjects)
		case p.BOMFormat == "CycloneDX":
			return d.cycloneDX(data, subjects)
		case len(p.Document) > 0:
			return d.csaf(data)
		default:
			return ErrFormat
		}
	}
	return fmt.Errorf("envelopes in envelopes: %w", ErrFormat)
}

// decodeBase64 takes both alphabets, as DSSE allows:
// https://github.com/secure-systems-lab/dsse/blob/master/envelope.md
func decodeBase64(s string) ([]byte, error) {
	data, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		if url, urlErr := base64.URLEncoding.DecodeString(s); urlErr == nil {
			return url, nil
		}
	}
	return data, err
}

// problem records what could not be understood.
func (d *Document) problem(format string, args ...any) {
	d.problems++
	if len(d.Problems) < maxProblems {
		d.Problems = append(d.Problems, fmt.Sprintf(format, args...))
	}
}

var errProducts = fmt.Errorf("more than %d products", maxProducts)

// add takes in a statement with its products.
func (d *Document) add(s *Statement) error {
	if d.products += len(s.Products); d.products > maxProducts {
		return errProducts
	}
	s.Text = clip(s.Text, maxText)
	s.Justification = clip(s.Justification, maxText)
	if s.Time.IsZero() {
		s.Time = d.Time
	}
	d.Statements = append(d.Statements, *s)
	return nil
}

// clip shortens text from a document.
func clip(text string, most int) string {
	text = strings.ToValidUTF8(strings.TrimSpace(text), string(utf8.RuneError))
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// quote shortens and quotes text from a document for a message.
func quote(text string) string { return fmt.Sprintf("%q", clip(text, 100)) }

// time reads a time, which can be missing. What it is of is for the message.
func (d *Document) time(what, text string) time.Time {
	if text == "" {
		return time.Time{}
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC()
		}
	}
	d.problem("%s: %s is no time", what, quote(text))
	return time.Time{}
}

// subjectProducts are those of an in-toto statement.
func subjectProducts(subjects []subject) []Product {
	var out []Product
	for _, s := range subjects {
		var p Product
		if p.addHash("sha-256", s.Digest["sha256"]); !p.empty() {
			out = append(out, p)
		}
	}
	return out
}
