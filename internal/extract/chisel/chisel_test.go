package chisel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/extract/extracttest"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const (
	manifest = "var/lib/chisel/manifest.wall"
	header   = `{"jsonwall":"1.0","schema":"1.0","count":%d}` + "\n"
)

func pack(tb testing.TB, content string) string {
	tb.Helper()
	w, err := zstd.NewWriter(nil)
	require.NoError(tb, err)
	return string(w.EncodeAll([]byte(content), nil))
}

// wall returns a packed manifest of the lines, with the right count in front.
func wall(tb testing.TB, text ...string) string {
	tb.Helper()
	return pack(tb, fmt.Sprintf(header, len(text)+1)+strings.Join(append(text, ""), "\n"))
}

func deb(name, version, arch, sum string) inventory.Package {
	p := inventory.Package{Type: "deb", Name: name, Version: version, Arch: arch}
	if sum != "" {
		p.Qualifiers = map[string]string{"checksum": "sha256:" + sum}
	}
	return p
}

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "chisel", 1)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		"var/lib/chisel/manifest.wall":          true,
		"usr/share/chisel/manifest.wall":        true,
		"manifest.wall":                         false,
		"var/lib/chisel/manifest.wall.old":      false,
		"var/lib/chisel/backup/x/manifest.wall": false,
	})
}

func TestExtractFixture(t *testing.T) {
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(manifest, extracttest.Fixture(t, "ubuntu-24.04", "manifest.wall")))
	require.NoError(t, err)
	assert.Zero(t, facts.Problems)
	assert.Equal(t, []inventory.Package{
		deb("base-files", "13ubuntu10.2", "amd64", "61e29c7504f020539b7d6112302b66e8ea5b6da00eb8b685dace384715fb11eb"),
		deb("libc6", "2.39-0ubuntu8.4", "amd64", "b2e8d573f5b9275720640e59276dbbfc31f15400398906fb7b47c461d0b4cef7"),
		deb("libssl3t64", "3.0.13-0ubuntu3.5", "amd64", "31df0a4d957c404c01b1898a84beca1190fd71cf2d2ac47ce5036705a24d96fc"),
		deb("openssl", "3.0.13-0ubuntu3.5", "amd64", "00f9b292ff5636d49832e493789ec91e21cfd4e98ccc9fd23497e92a2cc9c76a"),
	}, facts.Packages)
	require.Len(t, facts.Owned, 4)
	paths := 0
	for _, o := range facts.Owned {
		paths += len(o.Paths)
	}
	assert.Equal(t, 43, paths, "content lines whose path is no folder")
	assert.Equal(t, "openssl", facts.Owned[3].Package)
	assert.Contains(t, facts.Owned[3].Paths, "usr/bin/openssl")
	assert.Contains(t, facts.Owned[1].Paths, "usr/lib/x86_64-linux-gnu/libc.so.6")
}

func TestExtract(t *testing.T) {
	const lineA, lineB = `{"kind":"package","name":"a","version":"1","arch":"amd64"}`, `{"kind":"package","name":"b","version":"2","sha256":"0f"}`
	a, b := deb("a", "1", "amd64", ""), deb("b", "2", "", "0f")
	packages := func(p ...inventory.Package) inventory.Facts { return inventory.Facts{Packages: p} }
	tests := []struct {
		name, content string
		want          inventory.Facts
	}{
		{"no packages", wall(t), inventory.Facts{}},
		{"packages", wall(t, lineA, lineB), packages(a, b)},
		{"other kinds", wall(t, `{"kind":"slice","name":"a_b"}`, `{"kind":"path","path":"/x","slices":["a_b"]}`, lineA), packages(a)},
		{"two frames", pack(t, fmt.Sprintf(header, 3)+lineA+"\n") + pack(t, lineB+"\n"), packages(a, b)},
		{
			"content", wall(t, `{"kind":"content","slice":"b_libs","path":"/usr/lib/"}`, `{"kind":"content","slice":"b_libs","path":"/usr/lib/b.so"}`,
				`{"kind":"content","slice":"a_x_y","path":"/../up"}`, `{"kind":"content","slice":"b_bins","path":"/usr/bin/b"}`, `{"kind":"content","slice":"b_bins","path":"/"}`, lineB),
			inventory.Facts{
				Packages: []inventory.Package{b},
				Owned:    []inventory.Ownership{{Package: "b", Paths: []string{"usr/lib/b.so", "usr/bin/b"}}, {Package: "a", Paths: []string{"up"}}},
			},
		},

		// One bad line must not hide the others, nor itself.
		{"no version", wall(t, `{"kind":"package","name":"x"}`, lineB), inventory.Facts{Packages: []inventory.Package{b}, Problems: []string{`package "x" has no version`}}},
		{"no name", wall(t, `{"kind":"package","version":"1"}`, lineB), inventory.Facts{Packages: []inventory.Package{b}, Problems: []string{`a package has no name; its version is "1"`}}},
		{"bad lines", wall(t, `x`, `{"kind":"package","name":1,"version":"1"}`, ``, lineB), inventory.Facts{Packages: []inventory.Package{b}, Problems: []string{
			`line 2 is not understood: "x"`, `line 3 is not understood: "{\"kind\":\"package\",\"name\":1,\"version\":\"1\"}"`, `line 4 is not understood: ""`,
		}}},
		{"a new kind", wall(t, `{"kind":"quark"}`, lineB), inventory.Facts{Packages: []inventory.Package{b}, Problems: []string{`line 2 is of the unknown kind "quark"`}}},
		{"content of nothing", wall(t, `{"kind":"content","slice":"a","path":"/x"}`, `{"kind":"content","slice":"_a","path":"/x"}`, `{"kind":"content","slice":"a_b"}`), inventory.Facts{Problems: []string{
			`line 2 is not understood: slice "a", path "/x"`, `line 3 is not understood: slice "_a", path "/x"`, `line 4 is not understood: slice "a_b", path ""`,
		}}},
		{"lines are missing", pack(t, fmt.Sprintf(header, 9)+lineA+"\n"), inventory.Facts{Packages: []inventory.Package{a}, Problems: []string{"the manifest should have 9 lines and has 2"}}},
		{"garbage behind", wall(t, lineA) + "garbage", inventory.Facts{Packages: []inventory.Package{a}, Problems: []string{"the manifest is damaged after line 2: invalid input: magic number mismatch"}}},
	}
	for _, tt := range tests {
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(manifest, tt.content))
		require.NoErrorf(t, err, "Extract, %s", tt.name)
		assert.Equalf(t, tt.want, got, "Extract, %s", tt.name)
	}
}

// endless returns a packed manifest whose last line comes again and again.
func endless(t *testing.T, line string) io.Reader {
	return io.MultiReader(strings.NewReader(wall(t)), extracttest.Endless(pack(t, strings.Repeat(line+"\n", 10_000))))
}

func TestExtractErrors(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	broken := errors.New("the layer ends here")
	whole := extracttest.Fixture(t, "ubuntu-24.04", "manifest.wall")
	tests := []struct {
		name    string
		ctx     context.Context
		content io.Reader
		is      error
		text    string
	}{
		{"canceled", canceled, strings.NewReader(wall(t)), context.Canceled, ""},
		{"empty", t.Context(), strings.NewReader(""), nil, "the manifest is empty"},
		{"not packed", t.Context(), strings.NewReader(fmt.Sprintf(header, 1)), zstd.ErrMagicMismatch, ""},
		{"no manifest", t.Context(), strings.NewReader(pack(t, "{}\n")), errNoManifest, `"{}"`},
		{"no JSON", t.Context(), strings.NewReader(pack(t, "invalid\n")), errNoManifest, `"invalid"`},
		{"read error", t.Context(), io.MultiReader(strings.NewReader(wall(t, `{"kind":"package","name":"a","version":"1"}`)), iotest.ErrReader(broken)), broken, ""},
		{"cut off before a package", t.Context(), strings.NewReader(whole[:40]), io.ErrUnexpectedEOF, ""},
		{"a bomb", t.Context(), io.MultiReader(strings.NewReader(wall(t)), extracttest.Endless(pack(t, strings.Repeat(strings.Repeat(" ", 1<<20-1)+"\n", 16)))), inventory.ErrTooLarge, "more than 67108864 bytes"},
		{"a line without end", t.Context(), extracttest.Endless(pack(t, strings.Repeat(" ", 1<<20))), inventory.ErrTooLarge, "line 1: more than 1048576 bytes"},
		{"frames of nothing without end", t.Context(), extracttest.Endless(pack(t, "")), inventory.ErrTooLarge, "more than 4194304 bytes"},
		{"packages without end", t.Context(), endless(t, `{"kind":"package","name":"a","version":"1"}`), inventory.ErrTooLarge, "more than 100000 packages"},
		{"paths without end", t.Context(), endless(t, `{"kind":"content","slice":"a_b","path":"c"}`), inventory.ErrTooLarge, "more than 200000 paths"},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(tt.ctx, inventory.NewFile(manifest, 0o644, 1, tt.content, nil))
		require.Errorf(t, err, "Extract, %s", tt.name)
		if tt.is != nil {
			assert.ErrorIsf(t, err, tt.is, "Extract, %s", tt.name)
		}
		assert.ErrorContainsf(t, err, tt.text, "Extract, %s", tt.name)
		assert.Zerof(t, facts, "Extract, %s", tt.name)
	}
}

func TestProblemsAreFew(t *testing.T) {
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(manifest, wall(t, strings.Repeat(strings.Repeat("n", 1000)+"\n", 1000))))
	require.NoError(t, err)
	require.Len(t, facts.Problems, lines.MaxProblems+1)
	assert.Less(t, len(facts.Problems[0]), 200)
}

func FuzzExtract(f *testing.F) {
	f.Add([]byte(extracttest.Fixture(f, "ubuntu-24.04", "manifest.wall")), false)
	f.Add([]byte(fmt.Sprintf(header, 3)+`{"kind":"package","name":"a","version":"1"}`+"\n"+`{"kind":"content","slice":"a_b","path":"/.."}`), true)
	f.Fuzz(func(t *testing.T, content []byte, plain bool) {
		if plain { // reach what is behind the compression
			content = []byte(pack(t, string(content)))
		}
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(manifest, string(content)))
		extracttest.Check(t, facts, err)
		if err != nil {
			return
		}
		for _, p := range facts.Packages {
			require.NotEmpty(t, p.Version)
			require.Zero(t, p.Source)
		}

		// The same again when the file comes in small pieces.
		again, err := Extractor{}.Extract(t.Context(), inventory.NewFile(manifest, 0o644, 0, iotest.OneByteReader(bytes.NewReader(content)), nil))
		require.NoError(t, err)
		require.True(t, reflect.DeepEqual(facts, again))
	})
}

func BenchmarkExtract(b *testing.B) {
	content := extracttest.Fixture(b, "ubuntu-24.04", "manifest.wall")
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), extracttest.File(manifest, content))
		if err != nil || len(facts.Packages) != 4 || facts.Problems != nil {
			b.Fatal(facts, err)
		}
	}
}
