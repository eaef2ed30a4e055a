package vex_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/scan/vex"
)

var update = flag.Bool("update", false, "write golden files")

func readFile(name string) ([]byte, error) { return os.ReadFile(filepath.Join("testdata", name)) }

func load(t testing.TB, name string) *vex.Document {
	t.Helper()
	data, err := readFile(name)
	require.NoError(t, err)
	d, err := vex.Parse(name, data)
	require.NoError(t, err)
	return d
}

// describe prints a document for people to review.
func describe(d *vex.Document) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s %s, ID %q, by %q, %s\n", d.Name, d.Format, d.Version, d.ID, d.Author, d.Time.Format("2006-01-02T15:04:05Z07:00"))
	for _, s := range d.Statements {
		fmt.Fprintf(&b, "%s: %s is %s", s.Ref, strings.Join(s.IDs, " = "), s.Status)
		if s.Justification != "" {
			fmt.Fprintf(&b, ", %s", s.Justification)
		}
		if s.Text != "" {
			fmt.Fprintf(&b, ", %q", s.Text)
		}
		if !s.Time.Equal(d.Time) {
			fmt.Fprintf(&b, ", %s", s.Time.Format("2006-01-02T15:04:05Z07:00"))
		}
		b.WriteByte('\n')
		for i := range s.Products {
			p := &s.Products[i]
			fmt.Fprintf(&b, "  %s", p)
			if len(p.Versions) > 0 {
				fmt.Fprintf(&b, " in %q", p.Versions)
			}
			b.WriteByte('\n')
		}
	}
	for _, p := range d.Problems {
		fmt.Fprintf(&b, "problem: %s\n", p)
	}
	return b.String()
}

func TestParse(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	require.NoError(t, err)
	require.Len(t, files, 6)
	for _, file := range files {
		got := describe(load(t, filepath.Base(file)))
		golden := strings.TrimSuffix(file, ".json") + ".golden"
		if *update {
			require.NoError(t, os.WriteFile(golden, []byte(got), 0o666))
		}
		want, err := os.ReadFile(golden)
		require.NoError(t, err)
		assert.Equal(t, string(want), got, "%s: run with -update if this is what it should be", file)
	}
}

// openVEX is a document with one statement.
func openVEX(statement string) string {
	return `{"@context": "https://openvex.dev/ns/v0.2.0", "timestamp": "2026-01-01T00:00:00Z", "statements": [` + statement + `]}`
}

func TestParseEnvelopes(t *testing.T) {
	digest := strings.Repeat("cd", 32)
	inner := openVEX(`{"vulnerability": {"name": "CVE-1"}, "status": "fixed"}`)
	statement := `{"_type": "https://in-toto.io/Statement/v1", "predicateType": "https://openvex.dev/ns/v0.2.0",
		"subject": [{"name": "a", "digest": {"sha256": "` + digest + `"}}], "predicate": ` + inner + `}`
	envelope, err := json.Marshal(map[string]any{
		"payloadType": "application/vnd.in-toto+json", "payload": base64.StdEncoding.EncodeToString([]byte(statement)), "signatures": []any{},
	})
	require.NoError(t, err)
	for _, text := range []string{statement, string(envelope), "\ufeff" + statement} {
		d, err := vex.Parse("d", []byte(text))
		require.NoError(t, err)
		assert.Empty(t, d.Problems)
		require.Len(t, d.Statements, 1)
		assert.Equal(t, []vex.Product{{Digests: []string{"sha256:" + digest}}}, d.Statements[0].Products)
	}
}

func TestParseErrors(t *testing.T) {
	nested := `{"payloadType": "x", "payload": "%s"}`
	deep := `{}`
	for range 4 {
		deep = fmt.Sprintf(nested, base64.StdEncoding.EncodeToString([]byte(deep)))
	}
	for _, text := range []string{
		"", "[]", "null", "{}", `{"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"}`, `{"bomFormat": "SPDX"}`, `{"document": {"title": "t"}}`,
		"<bom/>", deep, `{"_type": "https://in-toto.io/Statement/v1"}`, `{"spdxVersion": "SPDX-2.3"}`,
	} {
		d, err := vex.Parse("d", []byte(text))
		require.ErrorIsf(t, err, vex.ErrFormat, "Parse(%.80q)", text)
		assert.Nil(t, d)
	}
	for text, want := range map[string]string{
		`{"payloadType": "x", "payload": "*"}`:                             "the payload of the envelope: ",
		`{"@context": "https://openvex.dev/ns", "statements": {}}`:         "OpenVEX: ",
		`{"bomFormat": "CycloneDX", "components": 1}`:                      "CycloneDX: ",
		`{"document": {"csaf_version": "2.0"}, "product_tree": [1]}`:       "CSAF: ",
		strings.Repeat(" ", vex.MaxSize+1):                                 "larger than ",
		`{"@context": "https://openvex.dev/ns/v0.2.0", "@id": "x", "a": "`: "neither OpenVEX nor",
	} {
		_, err := vex.Parse("d", []byte(text))
		assert.ErrorContainsf(t, err, want, "Parse(%.80q)", text)
	}
	broken := errors.New("broken")
	_, err := vex.Read("d", iotest.ErrReader(broken))
	require.ErrorIs(t, err, broken)
	_, err = vex.Read("d", io.LimitReader(zeros{}, vex.MaxSize+10))
	assert.ErrorContains(t, err, "larger than ")
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// TestLimits gives documents that ask for more than they may.
func TestLimits(t *testing.T) {
	branch := `{"product": {"product_id": "deep", "name": "n"}}`
	for range 100 {
		branch = `{"branches": [` + branch + `]}`
	}
	d, err := vex.Parse("d", []byte(`{"document": {"csaf_version": "2.0"}, "product_tree": {"branches": [`+branch+`]}}`))
	require.NoError(t, err)
	assert.Equal(t, []string{"branches are nested more than 64 times"}, d.Problems)

	component := `{}`
	for range 100 {
		component = `{"components": [` + component + `]}`
	}
	d, err = vex.Parse("d", []byte(`{"bomFormat": "CycloneDX", "components": [`+component+`]}`))
	require.NoError(t, err)
	assert.Equal(t, []string{"components are nested more than 64 times"}, d.Problems)

	d, err = vex.Parse("d", []byte(openVEX(strings.Repeat(`{},`, 500)+`{}`)))
	require.NoError(t, err)
	assert.Len(t, d.Problems, 101)
	assert.Equal(t, "and 401 more", d.Problems[100])

	ids := `"p"` + strings.Repeat(`,"p"`, 20_000)
	groups := `"g"` + strings.Repeat(`,"g"`, 20_000)
	_, err = vex.Parse("d", []byte(`{"document": {"csaf_version": "2.0"}, "product_tree": {"product_groups": [{"group_id": "g", "product_ids": [`+ids+`]}]},
		"vulnerabilities": [{"cve": "CVE-1", "flags": [{"label": "l", "group_ids": [`+groups+`]}]}]}`))
	assert.ErrorContains(t, err, "flags, threats and remediations name more than ")

	long := strings.Repeat("x", 10_000)
	d, err = vex.Parse("d", []byte(openVEX(`{"vulnerability": "CVE-1", "products": ["pkg:npm/a", "pkg:npm/`+long+`"], "status": "affected", "action_statement": "`+long+`"}`)))
	require.NoError(t, err)
	assert.Less(t, len(d.Statements[0].Text), 2100)
	assert.Len(t, d.Statements[0].Products, 1)
	assert.Less(t, len(d.Problems[0]), 300)
}
