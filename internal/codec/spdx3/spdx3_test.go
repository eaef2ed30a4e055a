package spdx3_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/internal/codec/codectest"
	"github.com/imagevet/imagevet/internal/codec/spdx3"
	"github.com/imagevet/imagevet/sbom/inventory"
)

var update = flag.Bool("update", false, "write the golden file anew")

func encode(t testing.TB, b *inventory.BOM, opts codec.Options) []byte {
	t.Helper()
	var buf bytes.Buffer
	require.NoError(t, spdx3.EncodeJSON(&buf, b, &opts))
	return buf.Bytes()
}

func decode(data []byte, limits codec.Limits) (*inventory.BOM, error) {
	return codectest.DecodeJSON(spdx3.NewJSON(limits), bytes.NewReader(data))
}

func mustDecode(t testing.TB, data []byte) *inventory.BOM {
	t.Helper()
	b, err := decode(data, codec.DefaultLimits())
	require.NoError(t, err, string(data[:min(len(data), 2000)]))
	return b
}

// comparable makes errors equal if their text is, and drops where the inventory
// was read from.
func comparable(b *inventory.BOM) *inventory.BOM {
	c := *b
	c.Document = inventory.Document{}
	c.Problems, c.Parts = nil, nil
	for _, p := range b.Problems {
		copied := *p
		copied.Err = errors.New(p.Err.Error())
		c.Problems = append(c.Problems, &copied)
	}
	for _, part := range b.Parts {
		c.Parts = append(c.Parts, comparable(part))
	}
	return &c
}

// product returns an inventory that has parts.
func product() *inventory.BOM {
	tree := &inventory.BOM{
		Target: inventory.Target{Name: "src", Kind: "tree"},
		Packages: []inventory.Package{
			{Type: "npm", Name: "a", Version: "1", PURL: "pkg:npm/a@1", Vendor: "V", DependsOn: []string{"pkg:npm/b@2"}},
			{Type: "npm", Name: "b", Version: "2", PURL: "pkg:npm/b@2", Maintainer: "V"},
		},
		Vulnerabilities: []inventory.Vulnerability{{ID: "CVE-1", Affects: []inventory.Affected{{PURL: "pkg:npm/b@2"}}}},
	}
	return &inventory.BOM{
		Target: inventory.Target{Name: "The Product", Kind: "product", Version: "3"},
		Parts:  []*inventory.BOM{codectest.BOM(), tree, {Target: inventory.Target{Name: "empty", Kind: "oci-layout", Digest: "odd"}}},
	}
}

func TestRoundTrip(t *testing.T) {
	tests := map[string]*inventory.BOM{
		"everything": codectest.BOM(),
		"product":    product(),
		"nothing":    {Target: inventory.Target{Kind: "sbom"}},
		"rootfs":     {Target: inventory.Target{Name: "/", Kind: "rootfs", Digest: "sha256:00"}, OS: inventory.OS{Name: "Some"}},
		"analysed":   analysed(),
	}
	for name, want := range tests {
		for _, compact := range []bool{false, true} {
			data := encode(t, want, codec.Options{Compact: compact})
			require.True(t, json.Valid(data), name)
			got := mustDecode(t, data)
			assert.Equal(t, comparable(want), comparable(got), name)
		}
	}
}

// analysed returns an inventory with a vulnerability for each state and what
// else there is to say of them.
func analysed() *inventory.BOM {
	b := &inventory.BOM{Target: inventory.Target{Name: "x", Kind: "registry"}, Packages: []inventory.Package{
		{Type: "npm", Name: "a", Version: "1", PURL: "pkg:npm/a@1"},
		{Type: "npm", Name: "b", Version: "1", PURL: "pkg:npm/b@1"},
	}}
	both := []inventory.Affected{{PURL: "pkg:npm/a@1", Status: "affected"}, {PURL: "pkg:npm/b@1", Status: "unaffected"}}
	for _, state := range []string{"", "resolved", "resolved_with_pedigree", "exploitable", "in_triage", "false_positive", "not_affected"} {
		for _, justification := range []string{"", "code_not_present", "protected_at_runtime", "odd"} {
			for _, affects := range [][]inventory.Affected{nil, both, both[:1], {{PURL: "pkg:npm/a@1"}}, {{PURL: "pkg:npm/not@1"}}} {
				for _, text := range []string{"", "some text"} {
					b.Vulnerabilities = append(b.Vulnerabilities, inventory.Vulnerability{
						ID: "CVE-1", Affects: affects, Recommendation: text,
						Analysis: inventory.Analysis{State: state, Justification: justification, Detail: text},
					})
				}
			}
		}
	}
	for _, r := range []inventory.Rating{
		{Method: "CVSSv2", Vector: "AV:N/AC:L/Au:N/C:P/I:P/A:P", Score: 7.5},
		{Method: "CVSSv2", Vector: "AV:N/AC:L/Au:N/C:P/I:P/A:P", Score: 7.5, Severity: "high"},
		{Method: "CVSSv3", Vector: "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", Score: 9.8, Severity: "critical", Source: "NVD"},
		{Method: "CVSSv4", Vector: "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", Score: 9.3, Severity: "info"},
		{Method: "other", Score: 3},
		{Method: "CVSSv31", Vector: "odd"},
	} {
		b.Vulnerabilities = append(b.Vulnerabilities,
			inventory.Vulnerability{ID: "GHSA-1", Ratings: []inventory.Rating{r}},
			inventory.Vulnerability{ID: "GHSA-1", Ratings: []inventory.Rating{r, r}})
	}
	return b
}

func TestDeterminism(t *testing.T) {
	for range 3 {
		assert.Equal(t, encode(t, product(), codec.Options{}), encode(t, product(), codec.Options{}))
	}
}

func TestDocument(t *testing.T) {
	opts := codec.Options{
		Created: time.Date(2025, 1, 2, 3, 4, 5, 6, time.UTC), Authors: []string{"Person: Jane <j@example.com>", "Acme"},
		Supplier: "Shop", Tools: []inventory.Tool{{Name: "my-tool", Version: "v1.2-rc1"}, {Name: "other"}},
	}
	got := mustDecode(t, encode(t, codectest.BOM(), opts)).Document
	assert.Regexp(t, `^https://spdx\.org/spdxdocs/registry\.example%2Fapp:1-[0-9a-f-]{36}$`, got.ID)
	got.ID = ""
	assert.Equal(t, inventory.Document{
		Format: "SPDX", Version: "3.0.1", Encoding: "json", Created: time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC),
		Authors: []string{"Jane <j@example.com>", "Acme"}, Supplier: "Shop",
		Tools:      []inventory.Tool{codec.Tool(), {Name: "my-tool", Version: "v1.2-rc1"}, {Name: "other"}},
		Lifecycles: []string{"post-build"},
	}, got)

	// With nothing stated, the tool is who made it, when the image was.
	got = mustDecode(t, encode(t, product(), codec.Options{})).Document
	assert.Equal(t, time.Unix(0, 0).UTC(), got.Created)
	assert.Empty(t, got.Authors)
	assert.Equal(t, []inventory.Tool{codec.Tool()}, got.Tools)
	assert.Equal(t, []string{"post-build", "pre-build"}, got.Lifecycles)
	assert.Equal(t, codectest.BOM().Target.Created, mustDecode(t, encode(t, codectest.BOM(), codec.Options{})).Document.Created)
}

func TestVersion(t *testing.T) {
	for _, version := range []string{"", "3.0", "3.0.1"} {
		assert.NoErrorf(t, spdx3.EncodeJSON(io.Discard, &inventory.BOM{}, &codec.Options{Version: version}), "version %q", version)
	}
	for _, version := range []string{"2.3", "3.1", "3", "x"} {
		assert.ErrorIsf(t, spdx3.EncodeJSON(io.Discard, &inventory.BOM{}, &codec.Options{Version: version}), spdx3.ErrVersion, "version %q", version)
	}
}

// TestGolden shows what a small document looks like.
func TestGolden(t *testing.T) {
	b := &inventory.BOM{
		Target: inventory.Target{Name: "app:1", Kind: "registry", Digest: "sha256:00"},
		OS:     inventory.OS{ID: "alpine", Version: "3.19"},
		Packages: []inventory.Package{
			{
				Type: "apk", Namespace: "alpine", Name: "a", Version: "1", PURL: "pkg:apk/alpine/a@1", Extractor: "apk",
				Paths: []string{"lib/apk/db/installed"}, Licenses: []string{"MIT"}, LicenseExpression: "MIT",
				Maintainer: "Jo <jo@example.com>", DependsOn: []string{"pkg:apk/alpine/b@2"},
			},
			{
				Type: "apk", Namespace: "alpine", Name: "b", Version: "2", PURL: "pkg:apk/alpine/b@2", Extractor: "apk",
				Licenses: []string{"own words"}, Development: true, SHA1: "aa",
			},
		},
	}
	got := encode(t, b, codec.Options{Authors: []string{"Acme"}})
	file := filepath.Join("testdata", "small.spdx3.json")
	if *update {
		require.NoError(t, os.WriteFile(file, got, 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got))
}

func TestWriterErrors(t *testing.T) {
	r, w := io.Pipe()
	r.Close()
	assert.ErrorIs(t, spdx3.EncodeJSON(w, product(), &codec.Options{}), io.ErrClosedPipe)
}

// TestManyPackages has more packages than one relationship is to.
func TestManyPackages(t *testing.T) {
	b := many(2500)
	data := encode(t, b, codec.Options{})
	assert.Equal(t, comparable(b), comparable(mustDecode(t, data)))
	assert.Equal(t, 3, strings.Count(string(data), `"relationshipType": "contains"`))
}
