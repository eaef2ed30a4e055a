package attest_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/internal/codec/attest"
	"github.com/imagevet/imagevet/sbom/inventory"
)

var errNone = errors.New("a document of no format")

// open reads attestations, and as bills of materials objects with a name,
// {"bom":"NAME"} or those of SPDX and CycloneDX, and "tag: NAME" in text.
func open(r io.Reader, depth int) (*inventory.BOM, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	if name, ok := strings.CutPrefix(string(data), "tag: "); ok {
		return &inventory.BOM{Target: inventory.Target{Name: name}}, nil
	}
	limits := codec.Limits{Bytes: 1 << 20}
	readers := []codec.JSONReader{attest.NewEnvelope(limits, depth, open), attest.NewStatement(depth, open), &plain{}}
	dec := json.NewDecoder(bytes.NewReader(data))
	var chosen codec.JSONReader
	err = codec.Members(dec, func(name string) error {
		for _, reader := range readers {
			ok, err := reader.Member(name, dec)
			if err != nil {
				return err
			}
			if ok {
				chosen = reader
				return nil
			}
		}
		return codec.Skip(dec)
	})
	if err != nil {
		return nil, err
	}
	if chosen == nil {
		return nil, errNone
	}
	return chosen.Finish()
}

type plain struct{ b inventory.BOM }

func (p *plain) Member(name string, dec *json.Decoder) (bool, error) {
	switch name {
	case "bom":
		return true, dec.Decode(&p.b.Target.Name)
	case "digest":
		return true, dec.Decode(&p.b.Target.Digest)
	case "packages", "components":
		var list []struct{ Name string }
		err := dec.Decode(&list)
		for _, v := range list {
			p.b.Packages = append(p.b.Packages, inventory.Package{Name: v.Name})
		}
		return true, err
	}
	return false, nil
}

func (p *plain) Finish() (*inventory.BOM, error) { return &p.b, nil }

func read(doc string) (*inventory.BOM, error) { return open(strings.NewReader(doc), 0) }

func statement(predicate string) string {
	return `{"_type":"https://in-toto.io/Statement/v1","predicateType":"https://spdx.dev/Document","predicate":` + predicate + `}`
}

func envelope(payload string) string {
	return `{"payloadType":"application/vnd.in-toto+json","payload":"` + base64.StdEncoding.EncodeToString([]byte(payload)) + `","signatures":[{"sig":"AA"}]}`
}

// sha is a digest.
var sha = strings.Repeat("ab", 32)

func TestStatement(t *testing.T) {
	const bom = `{"bom":"x"}`
	base := base64.StdEncoding.EncodeToString([]byte("tag: x"))
	tests := []string{
		statement(bom),
		strings.Replace(statement(bom), "/v1", "/v0.1", 1),
		`{"predicate":` + bom + `,"more":[{}],"predicateType":"https://spdx.dev/Document","_type":"https://in-toto.io/Statement/v1"}`, // another order
		strings.Replace(statement(bom), "spdx.dev/Document", "example.com/sbom", 1),                                                   // a type of their own
		statement(`{"Data":` + bom + `,"Timestamp":"2024-01-01T00:00:00Z"}`),                                                          // cosign before 2.0
		statement(`{"timestamp":"2024-01-01T00:00:00Z","data":"{\"bom\":\"x\"}"}`),
		statement(`{"Data":"tag: x"}`),
		statement(`{"Data":"` + base + `"}`),
		statement(`"` + base + `"`),
		statement(`"{\"bom\":\"x\"}"`),
		envelope(statement(bom)),
		envelope(bom), // not of in-toto
		envelope("tag: x"),
		envelope(envelope(statement(statement(bom)))),
		`{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{},"dsseEnvelope":` + strings.Replace(envelope(statement(bom)), "{", `{"other":1,`, 1) + `}`,
	}
	for _, doc := range tests {
		b, err := read(doc)
		require.NoErrorf(t, err, "document %s", doc)
		assert.Equalf(t, "x", b.Target.Name, "document %s", doc)
		assert.Empty(t, b.Problems)
	}
}

// TestPayload has the encodings that DSSE allows.
func TestPayload(t *testing.T) {
	for _, doc := range []string{"tag: x", "tag: xy", "tag: xyz", "tag: \xff\xfe\xfb\xef\xff"} {
		want := strings.TrimPrefix(doc, "tag: ")
		for _, payload := range []string{
			base64.StdEncoding.EncodeToString([]byte(doc)), base64.URLEncoding.EncodeToString([]byte(doc)),
			base64.RawStdEncoding.EncodeToString([]byte(doc)), base64.RawURLEncoding.EncodeToString([]byte(doc)),
			base64.StdEncoding.EncodeToString([]byte(doc)) + `\n`,
		} {
			b, err := read(`{"payload":"` + payload + `"}`)
			require.NoErrorf(t, err, "payload %q", payload)
			assert.Equalf(t, want, b.Target.Name, "payload %q", payload)
		}
	}
}

func TestSubject(t *testing.T) {
	one := `{"name":"app","digest":{"sha256":"` + strings.ToUpper(sha) + `","sha1":"00"}}`
	other := `{"name":"else","digest":{"sha256":"` + strings.Repeat("0", 64) + `"}}`
	tests := []struct{ subject, predicate, name, digest string }{
		{`[` + one + `]`, `{"bom":""}`, "app", "sha256:" + sha},
		{`[` + one + `]`, `{"bom":"x","digest":"sha256:1"}`, "x", "sha256:1"}, // the bill of materials knows better
		{`[` + one + `,` + strings.Replace(one, "app", "app:2", 1) + `]`, `{"bom":"x"}`, "x", "sha256:" + sha},
		{`[` + one + `,` + other + `]`, `{"bom":"x"}`, "x", ""},
		{`[` + one + `,{"name":"app"}]`, `{"bom":""}`, "app", ""},
		{`[{"name":"app","digest":{"sha256":"../../x"}}]`, `{"bom":"x"}`, "x", ""},
		{`[{"name":"app","digest":{"sha512":"00"}}]`, `{"bom":"x"}`, "x", ""},
		{`[]`, `{"bom":"x"}`, "x", ""},
		{`null`, `{"bom":"x"}`, "x", ""},
	}
	for _, tt := range tests {
		b, err := read(strings.Replace(statement(tt.predicate), `"predicateType"`, `"subject":`+tt.subject+`,"predicateType"`, 1))
		require.NoErrorf(t, err, "subject %s", tt.subject)
		assert.Equalf(t, tt.name, b.Target.Name, "subject %s", tt.subject)
		assert.Equalf(t, tt.digest, b.Target.Digest, "subject %s", tt.subject)
		assert.Empty(t, b.Problems)
	}
	b, err := read(`{"subject":{},` + statement(`{"bom":"x"}`)[1:])
	require.NoError(t, err)
	require.Len(t, b.Problems, 1)
	assert.ErrorContains(t, b.Problems[0], "the subject cannot be understood")
}

func TestErrors(t *testing.T) {
	provenance := strings.Replace(statement(`{"buildDefinition":{}}`), "spdx.dev/Document", "slsa.dev/provenance/v1", 1)
	deep := `{"bom":"x"}`
	for range attest.MaxDepth {
		deep = envelope(deep)
	}
	_, err := read(deep)
	require.NoError(t, err, "as deep as can be")
	tests := []struct {
		doc  string
		want error
		text string
	}{
		{provenance, attest.ErrPredicate, `"https://slsa.dev/provenance/v1"`},
		{envelope(provenance), errNone, `the payload of type "application/vnd.in-toto+json"`},
		{statement(`{"x":1}`), errNone, `the predicate of type "https://spdx.dev/Document"`},
		{statement(`{"Data":{"x":1}}`), errNone, ""},
		{envelope(deep), attest.ErrDepth, ""},
		{strings.Replace(statement(deep), "spdx.dev/Document", "x", 1), attest.ErrDepth, ""},
		{envelope(envelope(envelope(envelope(statement(`{"bom":"x"}`))))), attest.ErrDepth, ""},
		{strings.Replace(statement(`{}`), "/v1", "/v2", 1), attest.ErrFormat, `"https://in-toto.io/Statement/v2"`},
		{`{"predicateType":"https://spdx.dev/Document"}`, attest.ErrFormat, ""},
		{`{"_type":"https://in-toto.io/Statement/v1"}`, attest.ErrFormat, "without a predicate"},
		{`{"payloadType":"x"}`, attest.ErrFormat, ""},
		{`{"signatures":[]}`, attest.ErrFormat, ""},
		{`{"payload":"` + strings.Repeat("A", 2<<20) + `"}`, inventory.ErrTooLarge, ""},
	}
	for _, tt := range tests {
		b, err := read(tt.doc)
		assert.ErrorIsf(t, err, tt.want, "document %.200s", tt.doc)
		assert.ErrorContainsf(t, err, tt.text, "document %.200s", tt.doc)
		assert.Nil(t, b)
	}
	for _, doc := range []string{
		`{"payload":"?"}`, `{"payload":{}}`, `{"payload":""}`, `{"payload":`, `{"_type":1}`, `{"predicateType":[]}`, `{"predicate":`, `{"subject":`,
		`{"dsseEnvelope":1}`, `{"dsseEnvelope":{"payload":1}}`, `{"dsseEnvelope":{"x":`, statement(`null`), statement(`1`), statement(`""`), statement(`{"Data":null}`), statement(`{}`),
	} {
		_, err := read(doc)
		assert.Errorf(t, err, "document %s", doc)
	}
}

// TestForeign reads attestations that other programs made, of which the number
// of packages and the digest are known.
func TestForeign(t *testing.T) {
	const folder = "../../../testdata/sbom/foreign/intoto/"
	tests := []struct {
		file, digest string
	}{
		{"buildkit-shape-rocky9-small.spdx.intoto.json", "sha256:6fc579b6723fd0e4368b2ebb17a40cdcc37129a87c9e92620f55e9f75aa8cc79"},
		{"syft-rocky9-small.spdx.dsse.json", "sha256:6fc579b6723fd0e4368b2ebb17a40cdcc37129a87c9e92620f55e9f75aa8cc79"},
		{"syft-rocky9-small.spdx.intoto.json", "sha256:6fc579b6723fd0e4368b2ebb17a40cdcc37129a87c9e92620f55e9f75aa8cc79"},
		{"trivy-alpine-3.10.cdx.dsse.json", "sha256:88356393f08a706dde890a3e6e5c5f8e4efe3c9e4c012ec00325b5a6dcb7714b"},
		{"trivy-alpine-3.10.cdx.intoto.json", "sha256:88356393f08a706dde890a3e6e5c5f8e4efe3c9e4c012ec00325b5a6dcb7714b"},
	}
	for _, tt := range tests {
		data, err := os.ReadFile(folder + tt.file)
		if errors.Is(err, os.ErrNotExist) {
			t.Skipf("there is no file %s", tt.file)
		}
		require.NoError(t, err)
		b, err := read(string(data))
		require.NoErrorf(t, err, "file %s", tt.file)
		assert.Equalf(t, tt.digest, b.Target.Digest, "file %s", tt.file)
		assert.Greaterf(t, len(b.Packages), 10, "file %s", tt.file)
	}
}

// FuzzAttestation reads anything: no more than MaxDepth attestations are opened
// in each other, and there is never a result with an error.
func FuzzAttestation(f *testing.F) {
	f.Add(statement(`{"bom":"x"}`))
	f.Add(statement(`{"Data":"tag: x","Timestamp":"y"}`))
	f.Add(envelope(statement(`"{}"`)))
	f.Add(`{"dsseEnvelope":` + envelope(`{"bom":"x"}`) + `}`)
	f.Add(`{"subject":[{"name":"app","digest":{"sha256":"` + sha + `"}}],` + statement(`{"bom":""}`)[1:])
	f.Fuzz(func(t *testing.T, doc string) {
		b, err := read(doc)
		if err != nil {
			assert.Nil(t, b)
			return
		}
		wrapped, err := read(statement(fmt.Sprintf("%q", base64.StdEncoding.EncodeToString([]byte(doc)))))
		if err == nil {
			assert.Equal(t, b.Target.Name, wrapped.Target.Name, "the same in a statement")
		} else {
			assert.ErrorIs(t, err, attest.ErrDepth)
		}
	})
}
