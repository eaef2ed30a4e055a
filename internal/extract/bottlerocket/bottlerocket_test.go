package bottlerocket

import (
	"context"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/extract/extracttest"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const listPath = "usr/share/bottlerocket/application-inventory.json"

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "bottlerocket", 1)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		listPath: true,
		"x86_64-bottlerocket-linux-gnu/sys-root/" + listPath: true,
		"usr/share/bottlerocket/logdog.conf":                 false,
		"application-inventory.json":                         false,
	})
}

func TestExtractFixture(t *testing.T) {
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(listPath, extracttest.Fixture(t, "bottlerocket", "application-inventory.json")))
	require.NoError(t, err)
	assert.Equal(t, inventory.Facts{Packages: []inventory.Package{
		{Type: "rpm", Name: "glibc", Version: "1:2.40-1.1740525475.e3a5862c.br1", Arch: "x86_64", Vendor: "bottlerocket-core-kit"},
		{Type: "rpm", Name: "kernel-6.1", Version: "6.1.128-1.1740603423.4d405dc9.br1", Arch: "x86_64", Vendor: "bottlerocket-kernel-kit"},
		{Type: "rpm", Name: "systemd", Version: "252.22-1.1740525475.e3a5862c.br1", Arch: "x86_64", Vendor: "bottlerocket-core-kit"},
	}}, facts)
}

func TestExtract(t *testing.T) {
	// one is the facts of package a in the given version.
	one := func(version string, problems ...string) inventory.Facts {
		return inventory.Facts{Packages: []inventory.Package{{Type: "rpm", Name: "a", Version: version}}, Problems: problems}
	}
	tests := []struct {
		name, content string
		want          inventory.Facts
	}{
		{"no packages", `{"Content":[]}`, inventory.Facts{}},
		{"smallest", `{"Content":[{"Name":"a","Version":"1"}]}`, one("1")},
		{"no epoch", `{"Content":[{"Name":"a","Version":"1","Release":"2","Epoch":"0"}]}`, one("1-2")},
		{"empty epoch", `{"Content":[{"Name":"a","Version":"1","Release":"2","Epoch":""}]}`, one("1-2")},
		{"an epoch", `{"Content":[{"Name":"a","Version":"1","Release":"2","Epoch":"10"}]}`, one("10:1-2")},

		// One bad entry must not hide the others, nor itself.
		{"a bad epoch", `{"Content":[{"Name":"a","Version":"1","Release":"2","Epoch":"(none)"}]}`, one("1-2", `package "a" has the epoch "(none)", which is left out`)},
		{"no version", `{"Content":[{"Name":"x"},{"Name":"a","Version":"1"}]}`, one("1", `package "x" has no version`)},
		{"no name", `{"Content":[{"Version":"9"},{"Name":"a","Version":"1"}]}`, one("1", `entry 0 has no name; its version is "9"`)},
		{"an entry of another kind", `{"Content":[[],{"Name":3},{"Name":"a","Version":"1"}]}`, one("1", `entry 0 is not understood: "[]"`, `entry 1 is not understood: "{\"Name\":3}"`)},
	}
	for _, tt := range tests {
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(listPath, tt.content))
		require.NoErrorf(t, err, "Extract, %s", tt.name)
		assert.Equalf(t, tt.want, got, "Extract, %s", tt.name)
	}
}

func TestExtractErrors(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	broken := errors.New("the layer ends here")
	tests := []struct {
		name    string
		ctx     context.Context
		content io.Reader
		is      error
		text    string
	}{
		{"canceled", canceled, strings.NewReader(`{"Content":[]}`), context.Canceled, ""},
		{"read error", t.Context(), iotest.ErrReader(broken), broken, ""},
		{"empty", t.Context(), strings.NewReader(""), nil, "unexpected end of JSON input"},
		{"cut off", t.Context(), strings.NewReader(`{"Content":[{"Name":"a","Version":"1"}`), nil, "byte 38: unexpected end of JSON input"},
		{"no list", t.Context(), strings.NewReader(`{}`), nil, "the file has no Content"},
		{"a file without end", t.Context(), extracttest.Endless(" "), inventory.ErrTooLarge, "more than 16777216 bytes"},
		{"many packages", t.Context(), strings.NewReader(`{"Content":[{}` + strings.Repeat(",{}", maxPackages) + "]}"), inventory.ErrTooLarge, "more than 10000 packages"},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(tt.ctx, inventory.NewFile(listPath, 0o644, 1, tt.content, nil))
		require.Errorf(t, err, "Extract, %s", tt.name)
		if tt.is != nil {
			assert.ErrorIsf(t, err, tt.is, "Extract, %s", tt.name)
		}
		assert.ErrorContainsf(t, err, tt.text, "Extract, %s", tt.name)
		assert.Zerof(t, facts, "Extract, %s", tt.name)
	}
}

func TestProblemsAreFew(t *testing.T) {
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(listPath, `{"Content":["`+strings.Repeat("x", 1000)+`"`+strings.Repeat(",3", 999)+"]}"))
	require.NoError(t, err)
	require.Len(t, facts.Problems, lines.MaxProblems+1)
	assert.Less(t, len(facts.Problems[0]), 200)
}

func FuzzExtract(f *testing.F) {
	f.Add(extracttest.Fixture(f, "bottlerocket", "application-inventory.json"))
	f.Add(`{"Content":[{"Name":"a","Version":"1","Epoch":"00"},3]}`)
	f.Fuzz(func(t *testing.T, content string) {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(listPath, content))
		extracttest.Check(t, facts, err)
		if err != nil {
			return
		}
		for _, p := range facts.Packages {
			require.NotEmpty(t, p.Version)
			require.Empty(t, p.Namespace)
		}

		// The same again when the file comes in small pieces.
		again, err := Extractor{}.Extract(t.Context(), inventory.NewFile(listPath, 0o644, 0, iotest.OneByteReader(strings.NewReader(content)), nil))
		require.NoError(t, err)
		require.True(t, reflect.DeepEqual(facts, again))
	})
}

func BenchmarkExtract(b *testing.B) {
	// 50 times three packages is what an image has.
	content := extracttest.Fixture(b, "bottlerocket", "application-inventory.json")
	from, to := strings.IndexByte(content, '[')+1, strings.LastIndexByte(content, ']')
	content = content[:from] + content[from:to] + strings.Repeat(","+content[from:to], 49) + content[to:]
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), extracttest.File(listPath, content))
		if err != nil || len(facts.Packages) != 150 {
			b.Fatal(len(facts.Packages), err)
		}
	}
}
