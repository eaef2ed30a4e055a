package rpmmanifest

import (
	"bytes"
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

const listPath = "var/lib/rpmmanifest/container-manifest-2"

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "rpm-manifest", 1)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		"var/lib/rpmmanifest/container-manifest-2":     true,
		"var/lib/rpmmanifest/container-manifest-1":     false, // the same packages, with less of each
		"srv/var/lib/rpmmanifest/container-manifest-2": false,
	})
}

func TestExtractFixture(t *testing.T) {
	content := extracttest.Fixture(t, "mariner-2.0", "container-manifest-2")
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(listPath, content))
	require.NoError(t, err)
	assert.Empty(t, facts.Problems)
	assert.Zero(t, facts.Ignored)
	assert.Len(t, facts.Packages, strings.Count(content, "\n"))
	byName := map[string]inventory.Package{}
	for _, p := range facts.Packages {
		byName[p.Name] = p
	}
	assert.Equal(t, inventory.Package{
		Type: "rpm", Name: "bzip2-libs", Version: "1.0.8-1.cm2", Arch: "x86_64", Vendor: "Microsoft Corporation",
		Source: inventory.Source{Name: "bzip2", Version: "1.0.8-1.cm2"},
	}, byName["bzip2-libs"])
}

// line returns a line with the given fields and others that do not matter.
func line(name, version, vendor, arch, epoch, source string) string {
	return strings.Join([]string{name, version, "1653816591", "1653628955", vendor, "(none)", "10855265", arch, epoch, source}, "\t") + "\n"
}

func TestExtract(t *testing.T) {
	good := line("b", "2-1", "(none)", "(none)", "0", "(none)")
	b := inventory.Package{Type: "rpm", Name: "b", Version: "2-1", Source: inventory.Source{Name: "b", Version: "2-1"}}
	a := inventory.Package{Type: "rpm", Name: "a", Version: "1-2", Arch: "noarch", Vendor: "V", Source: inventory.Source{Name: "s", Version: "1-3"}}
	epoch := a
	epoch.Version = "4:1-2"
	tests := []struct {
		name, content string
		want          inventory.Facts
	}{
		{"empty", "", inventory.Facts{}},
		{"two", line("a", "1-2", "V", "noarch", "0", "s-1-3.src.rpm") + good, inventory.Facts{Packages: []inventory.Package{a, b}}},
		{"line ends of DOS, blank lines, no line end", "\r\n" + strings.ReplaceAll(good, "\n", "\r\n\r\n") + strings.TrimSpace(good), inventory.Facts{Packages: []inventory.Package{b, b}}},
		{"epoch", line("a", "1-2", "V", "noarch", "4", "s-1-3.src.rpm"), inventory.Facts{Packages: []inventory.Package{epoch}}},
		{"a public key", line("gpg-pubkey", "3135ce90-5e6fda74", "(none)", "(none)", "0", "(none)") + good, inventory.Facts{Packages: []inventory.Package{b}, Ignored: 1}},

		// One bad line must not hide the others, nor itself.
		{"too few fields", "a\t1-2\n" + good, inventory.Facts{Packages: []inventory.Package{b}, Problems: []string{`line 1: 2 fields in place of 10: "a\t1-2"`}}},
		{"too many fields", good + "x\t" + good, inventory.Facts{
			Packages: []inventory.Package{b},
			Problems: []string{`line 2: 11 fields in place of 10: "x\tb\t2-1\t1653816591\t1653628955\t(none)\t(none)\t10855265\t(none)\t0\t(none)"`},
		}},
		{"no name", line("(none)", "1-2", "V", "noarch", "0", "") + good, inventory.Facts{Packages: []inventory.Package{b}, Problems: []string{"line 1: there is no package name"}}},
		{"no version", line("a", "", "V", "noarch", "0", "") + good, inventory.Facts{Packages: []inventory.Package{b}, Problems: []string{`line 1: package "a" has no version`}}},
		{"an epoch that is none", line("a", "1-2", "V", "noarch", "-1", "s-1-3.src.rpm"), inventory.Facts{Packages: []inventory.Package{a}, Problems: []string{`line 1: package "a" has the epoch "-1"`}}},
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
	good := line("b", "2-1", "(none)", "(none)", "0", "(none)")
	tests := []struct {
		name    string
		ctx     context.Context
		content io.Reader
		is      error
		text    string
	}{
		{"canceled", canceled, strings.NewReader(good), context.Canceled, ""},
		{"read error", t.Context(), io.MultiReader(strings.NewReader(good), iotest.ErrReader(broken)), broken, ""},
		{"a line without end", t.Context(), extracttest.Endless("x"), inventory.ErrTooLarge, "line 1: more than 1048576 bytes"},
		{"a file without end", t.Context(), extracttest.Endless(strings.Repeat("x", 2000) + "\n"), inventory.ErrTooLarge, "more than 67108864 bytes"},
		{"packages without end", t.Context(), extracttest.Endless(good), inventory.ErrTooLarge, "more than 200000 packages"},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(tt.ctx, inventory.NewFile(listPath, 0o644, 1, tt.content, nil))
		require.ErrorIsf(t, err, tt.is, "Extract, %s", tt.name)
		assert.ErrorContainsf(t, err, tt.text, "Extract, %s", tt.name)
		assert.Zerof(t, facts, "Extract, %s", tt.name)
	}
}

func TestProblemsAreFew(t *testing.T) {
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(listPath, strings.Repeat(strings.Repeat("n", 1000)+"\n", 1000)))
	require.NoError(t, err)
	require.Len(t, facts.Problems, lines.MaxProblems+1)
	assert.Equal(t, "there are 980 more problems", facts.Problems[lines.MaxProblems])
	assert.Less(t, len(facts.Problems[0]), 200)
}

func FuzzExtract(f *testing.F) {
	// The fixture as a whole would keep the fuzzer busy with making it smaller.
	f.Add(extracttest.Fixture(f, "mariner-2.0", "container-manifest-2")[:200])
	f.Add(line("a", "1-2", "V", "noarch", "4", "s-1-3.src.rpm") + "x\n\n" + line("gpg-pubkey", "1-2", "", "", "", ""))
	f.Fuzz(func(t *testing.T, content string) {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(listPath, content))
		extracttest.Check(t, facts, err)
		if err != nil {
			return
		}
		for _, pkg := range facts.Packages {
			require.Equal(t, "rpm", pkg.Type)
			require.NotEmpty(t, pkg.Version)
			require.NotEmpty(t, pkg.Source.Name)
			require.NotEmpty(t, pkg.Source.Version)
		}
		require.LessOrEqual(t, len(facts.Packages)+facts.Ignored, strings.Count(content, "\n")+1)

		// The same again when the file comes in small pieces.
		again, err := Extractor{}.Extract(t.Context(), inventory.NewFile(listPath, 0o644, 0, iotest.OneByteReader(strings.NewReader(content)), nil))
		require.NoError(t, err)
		require.True(t, reflect.DeepEqual(facts, again))
	})
}

func BenchmarkExtract(b *testing.B) {
	content := []byte(extracttest.Fixture(b, "mariner-2.0", "container-manifest-2"))
	want := bytes.Count(content, []byte("\n"))
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), inventory.NewFile(listPath, 0o644, int64(len(content)), bytes.NewReader(content), nil))
		if err != nil || len(facts.Packages) != want {
			b.Fatal(len(facts.Packages), err)
		}
	}
}
