package nix

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/extract/extracttest"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const hash = "0123456789abcdfghijklmnpqrsvwxyz"

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "nix", 1)
	root := store + "/" + hash + "-a-1/"
	extracttest.Wants(t, Extractor{}, map[string]bool{
		root + "bin/a":         true,
		root + "sbin/a":        true,
		root + "lib/liba.so.1": true,
		root + "nix-support/propagated-build-inputs": true,
		root + "lib/python3.11/a.py":                 false,
		root + "share/doc/a":                         false,
		store + "/" + hash + "-a-1.drv":              false,
		store + "/" + hash + "-a.patch":              false,
		"srv/" + root + "bin/a":                      false,
	})
	for _, p := range (Extractor{}).Patterns() {
		assert.Equal(t, strings.HasSuffix(p.Glob, "bin/*"), p.Executable, p.Glob)
	}
}

// TestStore goes through the files of a store that Nix made.
func TestStore(t *testing.T) {
	found := map[string]int{}
	ignored := 0
	for line := range strings.Lines(extracttest.Fixture(t, "nix-2.8", "files")) {
		mode, path, ok := strings.Cut(strings.TrimSpace(line), " ")
		require.True(t, ok)
		if !wants(t, path, mode == "555") {
			continue
		}
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(path, ""))
		require.NoError(t, err)
		require.Empty(t, facts.Problems)
		for _, p := range facts.Packages {
			found[p.Name+" "+p.Version]++
		}
		ignored += facts.Ignored
	}
	assert.Equal(t, map[string]int{
		"glibc 2.37-8": 9, // three files of each of three outputs
		"hello 2.12.1": 3, "python3.11-requests 2.31.0": 3, "perl5.38.2-URI 5.21": 3, "foo-unstable 2023-01-01": 3,
		"gcc 12.3.0": 3, "openssl 3.0.13": 3,
	}, found)
	assert.Equal(t, 3, ignored, "bash-interactive has no version")
}

// wants reports whether a file of the store is among those of Patterns.
func wants(t *testing.T, path string, executable bool) bool {
	t.Helper()
	elements := strings.Split(path, "/")
	if len(elements) != 5 {
		return false
	}
	for _, p := range (Extractor{}).Patterns() {
		if strings.Split(p.Glob, "/")[3] == elements[3] && (executable || !p.Executable) {
			return true
		}
	}
	return false
}

// TestParseDrvName holds the split against what Nix makes of the same names.
func TestParseDrvName(t *testing.T) {
	n := 0
	for line := range strings.Lines(extracttest.Fixture(t, "nix-2.8", "names")) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		require.Len(t, fields, 3)
		name, version := parseDrvName(fields[0])
		assert.Equalf(t, fields[1:], []string{name, version}, "parseDrvName(%q)", fields[0])
		n++
	}
	assert.Equal(t, 36, n)
}

func TestExtract(t *testing.T) {
	tests := []struct{ folder, name, version string }{
		{hash + "-hello-2.12.1", "hello", "2.12.1"},
		{hash + "-glibc-2.37-8-bin", "glibc", "2.37-8"},
		{hash + "-linux-6.6.22-modules", "linux", "6.6.22"},
		{hash + "-a-1.0-rc1", "a", "1.0-rc1"},       // no output
		{hash + "-a-2024-01-01", "a", "2024-01-01"}, // no output
		{hash + "-foo-0-unstable-2024-01-01-dev", "foo", "0-unstable-2024-01-01"},
		{hash + "-a-bin", "", ""},
		{hash + "-bash-interactive", "", ""},
		{hash + "--1", "", ""},
	}
	for _, tt := range tests {
		want := inventory.Facts{Ignored: 1}
		if tt.name != "" {
			want = inventory.Facts{Packages: []inventory.Package{{Type: "nix", Name: tt.name, Version: tt.version}}}
		}
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(store+"/"+tt.folder+"/bin/x", "not read"))
		require.NoErrorf(t, err, "Extract, %q", tt.folder)
		assert.Equalf(t, want, got, "Extract, %q", tt.folder)
	}
}

func TestExtractErrors(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Extractor{}.Extract(canceled, extracttest.File(store+"/"+hash+"-a-1/bin/a", ""))
	require.ErrorIs(t, err, context.Canceled)

	for _, folder := range []string{
		"",
		"a-1",
		hash,
		hash + "-",
		hash[1:] + "-a-1",
		"0" + hash + "-a-1",
		strings.Replace(hash, "0", "e", 1) + "-a-1",
		hash + "-" + strings.Repeat("a", 211) + "-1",
	} {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(store+"/"+folder+"/bin/a", ""))
		assert.ErrorContainsf(t, err, "is not a hash and a name", "Extract, %q", folder)
		assert.Zerof(t, facts, "Extract, %q", folder)
	}
}

func FuzzExtract(f *testing.F) {
	for _, folder := range []string{hash + "-glibc-2.37-8-bin", hash + "-a--dev", hash + "--", "x"} {
		f.Add(folder)
	}
	f.Fuzz(func(t *testing.T, folder string) {
		if strings.Contains(folder, "/") {
			return
		}
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(store+"/"+folder+"/bin/a", ""))
		extracttest.Check(t, facts, err)
		if err != nil {
			return
		}
		require.Equal(t, 1, len(facts.Packages)+facts.Ignored)
		for _, p := range facts.Packages {
			require.NotEmpty(t, p.Version)
			require.Truef(t, strings.HasPrefix(folder[hashLen:], "-"+p.Name+"-"+p.Version), "%q, %q", p.Name, p.Version)
		}
	})
}

func BenchmarkExtract(b *testing.B) {
	path := store + "/" + hash + "-glibc-2.37-8-bin/bin/ldd"
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), extracttest.File(path, ""))
		if err != nil || len(facts.Packages) != 1 {
			b.Fatal(facts, err)
		}
	}
}
