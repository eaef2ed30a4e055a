package gemfilelock

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/extract/extracttest"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const lockPath = "srv/app/Gemfile.lock"

func gem(line int, relation inventory.Relation, name, version string, requires ...string) inventory.Package {
	return inventory.Package{Type: "gem", Name: name, Version: version, Line: line, Relation: relation, Requires: requires}
}

func bundler(line int, version string) inventory.Package {
	return inventory.Package{Type: "gem", Name: "bundler", Version: version, Line: line, Bundled: true}
}

func with(p inventory.Package, key, value string) inventory.Package {
	p.Qualifiers = map[string]string{key: value}
	return p
}

func found(p ...inventory.Package) inventory.Facts {
	return inventory.Facts{Declared: true, Packages: p}
}

func hashed(p inventory.Package, pairs ...string) inventory.Package {
	for i := 0; i < len(pairs); i += 2 {
		p.Hashes = append(p.Hashes, extracttest.Digest(pairs[i], pairs[i+1])...)
	}
	return p
}

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "gemfilelock", 2)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		lockPath:                          true,
		"Gemfile.lock":                    true,
		"app/gems.locked":                 true,
		"app/Gemfile.next.lock":           true,
		"app/gemfiles/rails.gemfile.lock": true,
		"app/Gemfile":                     false,
		"app/yarn.lock":                   false,
	})
}

func TestExtractFixture(t *testing.T) {
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(lockPath, extracttest.Fixture(t, "bundler-2.3", "Gemfile.lock")))
	require.NoError(t, err)
	want := found(
		with(gem(5, inventory.Direct, "acme-git", "0.3.0.pre1", "rake@13.0.6"), "vcs_url", "git+file:///tmp/acme-git@7ea95194869ed3be76add057261e934ad0a3f297"),
		gem(16, inventory.Transitive, "io-console", "0.5.11"),
		gem(17, inventory.Direct, "irb", "1.4.1", "reline@0.3.1"),
		gem(19, inventory.Direct, "rake", "13.0.6"),
		gem(20, inventory.Transitive, "reline", "0.3.1", "io-console@0.5.11"),
		gem(22, inventory.Transitive, "webrick", "1.8.1"),
		gem(23, inventory.Direct, "xmlrpc", "0.3.2", "webrick@1.8.1"),
		bundler(36, "2.3.27"),
	)
	want.Ignored = 1
	assert.Equal(t, want, facts)
}

func TestExtract(t *testing.T) {
	const begin = "GEM\n  remote: https://rubygems.org/\n  specs:\n"
	tests := []struct {
		name, content string
		want          inventory.Facts
	}{
		{"empty", "", inventory.Facts{Declared: true}},
		{"no gems", "GEM\n  specs:\n\nPLATFORMS\n  ruby\n\nDEPENDENCIES\n", inventory.Facts{Declared: true}},
		{"byte order mark and carriage returns", "\xef\xbb\xbfGEM\r\n  specs:\r\n    a (1.0)\r\n", found(gem(3, inventory.Transitive, "a", "1.0"))},
		{
			"platforms are no part of the version", begin + "    a (1.0-x86_64-linux-gnu)\n    a (1.0)\n    b (2-java)\n      a (~> 1)\n", found(
				with(gem(4, inventory.Transitive, "a", "1.0"), "platform", "x86_64-linux-gnu"),
				gem(5, inventory.Transitive, "a", "1.0"),
				with(gem(6, inventory.Transitive, "b", "2", "a@1.0"), "platform", "java"),
			),
		},
		{
			"two versions: the edge is not pinned", begin + "    a (1.0)\n    a (2.0-java)\n    b (1)\n      a\n      a (>= 1)\n      bundler (>= 1.3)\n", found(
				gem(4, inventory.Transitive, "a", "1.0"),
				with(gem(5, inventory.Transitive, "a", "2.0"), "platform", "java"),
				gem(6, inventory.Transitive, "b", "1", "a", "bundler"),
			),
		},
		{"direct, with and without a requirement", begin + "    a (1)\n    b (1)\n    c (1)\n\nDEPENDENCIES\n  a!\n  b (>= 1, < 2)!\n  gone (~> 1)\n", found(
			gem(4, inventory.Direct, "a", "1"), gem(5, inventory.Direct, "b", "1"), gem(6, inventory.Transitive, "c", "1"),
		)},
		{"git without a revision", "GIT\n  remote: https://example.org/a.git\n  branch: main\n  specs:\n    a (1)\n", found(
			with(gem(5, inventory.Transitive, "a", "1"), "vcs_url", "git+https://example.org/a.git"),
		)},
		{"source of a plugin", "PLUGIN SOURCE\n  remote: s3://gems\n  type: s3\n  specs:\n    a (1)\n", found(gem(5, inventory.Transitive, "a", "1"))},
		{"checksums are no gems", begin + "    a (1)\n\nCHECKSUMS\n  a (1) sha256=00\n\nRUBY VERSION\n   ruby 3.3.0p0\n\nBUNDLED WITH\n  2.5.0\n", found(
			gem(4, inventory.Transitive, "a", "1"), bundler(13, "2.5.0"),
		)},
		{
			"checksums, by platform, of several algorithms", begin + "    a (1)\n    a (1-java)\n    b (1)\n    c (1)\n    d (1)\n    e (1)\n\nGIT\n  remote: https://example.org/f.git\n  specs:\n    f (1)\n\nCHECKSUMS\n" +
				"  a (1) sha256=ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n  a (1-java) sha256=d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa\n  b (1) sha256=ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad,sha1=a9993e364706816aba3e25717850c26c9cd0d89d,x=00\n  c (1)\n  d (2) sha256=ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n  e (1) sha256=ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n  e (1) sha256=d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa\n  f (1) sha256=ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n  bundler (2.6.0) sha256=ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\nx) y\n\nBUNDLED WITH\n  2.6.0\n",
			inventory.Facts{Declared: true, Packages: []inventory.Package{
				hashed(gem(4, inventory.Transitive, "a", "1"), "SHA-256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
				hashed(with(gem(5, inventory.Transitive, "a", "1"), "platform", "java"), "SHA-256", "d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa"),
				hashed(gem(6, inventory.Transitive, "b", "1"), "SHA-1", "a9993e364706816aba3e25717850c26c9cd0d89d", "SHA-256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
				gem(7, inventory.Transitive, "c", "1"), gem(8, inventory.Transitive, "d", "1"), gem(9, inventory.Transitive, "e", "1"),
				with(gem(14, inventory.Transitive, "f", "1"), "vcs_url", "git+https://example.org/f.git"),
				hashed(bundler(29, "2.6.0"), "SHA-256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
			}, Problems: []string{`line 26 is no heading: "x) y"`}},
		},
		{"a later section", begin + "    a (1)\n\nNEW THING\n  x (1)\n    y (1)\n", found(gem(4, inventory.Transitive, "a", "1"))},

		// One bad line must not hide the others.
		{"bad lines", begin + "    a\n    (1)\n     b (1)\n    c ()\n    d (1\n      e\n      (1)\n    f (1)\n\nnonsense\n\nDEPENDENCIES\n    f\n  f\n", inventory.Facts{
			Declared: true,
			Packages: []inventory.Package{gem(11, inventory.Direct, "f", "1")},
			Problems: []string{
				`line 4: gem "a" has no name or no version`,
				`line 5: gem "(1)" has no name or no version`,
				`line 6 is indented by 5 blanks: "b (1)"`,
				`line 7: gem "c ()" has no name or no version`,
				`line 8: gem "d (1" has no name or no version`,
				`line 10 is no dependency: "(1)"`,
				`line 13 is no heading: "nonsense"`,
				`line 16 is no dependency: "f"`,
			},
		}},
		{"both sides of a conflict", begin + "<<<<<<< HEAD\n    a (1)\n=======\n    a (2)\n>>>>>>> b\n    c (1)\n", inventory.Facts{
			Declared: true,
			Packages: []inventory.Package{gem(5, inventory.Transitive, "a", "1"), gem(7, inventory.Transitive, "a", "2"), gem(9, inventory.Transitive, "c", "1")},
			Problems: []string{
				`line 4 marks a conflict of versions of the file: "<<<<<<< HEAD"`,
				`line 6 marks a conflict of versions of the file: "======="`,
				`line 8 marks a conflict of versions of the file: ">>>>>>> b"`,
			},
		}},
		{"a long name", begin + "    " + strings.Repeat("a", maxName+1) + " (1)\n    b (1)\n", inventory.Facts{
			Declared: true,
			Packages: []inventory.Package{gem(5, inventory.Transitive, "b", "1")},
			Problems: []string{fmt.Sprintf(`line 4: name, version or source of gem %q is too long`, strings.Repeat("a", 80)+"…")},
		}},
	}
	for _, tt := range tests {
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(lockPath, tt.content))
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
		{"canceled", canceled, strings.NewReader("GEM\n"), context.Canceled, ""},
		{"read error", t.Context(), io.MultiReader(strings.NewReader("GEM\n"), iotest.ErrReader(broken)), broken, ""},
		{"another file", t.Context(), strings.NewReader("{}\n"), nil, "no section"},
		{"a file without end", t.Context(), extracttest.Endless("PLATFORMS\n"), inventory.ErrTooLarge, "more than 16777216 bytes"},
		{"a line without end", t.Context(), extracttest.Endless("a"), inventory.ErrTooLarge, "line 1"},
		{"gems without end", t.Context(), io.MultiReader(strings.NewReader("GEM\n"), extracttest.Endless("    a (1)\n")), inventory.ErrTooLarge, "more than 50000 gems"},
		{"checksums without end", t.Context(), io.MultiReader(strings.NewReader("CHECKSUMS\n"), extracttest.Endless("  a (1) x=y\n")), inventory.ErrTooLarge, "more than 50000 checksums"},
		{"dependencies without end", t.Context(), io.MultiReader(strings.NewReader("GEM\n    a (1)\n"), extracttest.Endless("      a\n")), inventory.ErrTooLarge, "more than 500000 dependencies"},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(tt.ctx, inventory.NewFile(lockPath, 0o644, 1, tt.content, nil))
		require.Errorf(t, err, "Extract, %s", tt.name)
		if tt.is != nil {
			require.ErrorIsf(t, err, tt.is, "Extract, %s", tt.name)
		}
		assert.ErrorContainsf(t, err, tt.text, "Extract, %s", tt.name)
		assert.Zerof(t, facts, "Extract, %s", tt.name)
	}
}

func FuzzExtract(f *testing.F) {
	f.Add(extracttest.Fixture(f, "bundler-2.3", "Gemfile.lock"))
	f.Add("GEM\n  specs:\n    a (1.0-java)\n      b (= 1)!\n      b\nDEPENDENCIES\n  a!\nBUNDLED WITH\n   1\n")
	f.Add("GEM\n  specs:\n    a (1-java)\nCHECKSUMS\n  a (1-java) sha256=ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad,sha1=a9993e364706816aba3e25717850c26c9cd0d89d\n  b (1)\n")
	f.Add("GIT\n  remote: x\n  revision: y\n    a (1)\n<<<<<<< a\nPATH\n    b (1)\n      a\n")
	f.Fuzz(func(t *testing.T, content string) {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(lockPath, content))
		extracttest.Check(t, facts, err)
		again, errAgain := Extractor{}.Extract(t.Context(), inventory.NewFile(lockPath, 0o644, 0, iotest.OneByteReader(strings.NewReader(content)), nil))
		require.Equal(t, fmt.Sprint(err), fmt.Sprint(errAgain))
		require.Equal(t, facts, again)
		for _, p := range facts.Packages {
			require.NotEmpty(t, p.Version)
			require.True(t, p.Bundled || !strings.Contains(p.Version, "-"), p.Version)
			require.Positive(t, p.Line)
			line := strings.Split(content, "\n")[p.Line-1]
			require.Contains(t, strings.ToValidUTF8(line, "\uFFFD"), p.Version)
			seen := map[string]bool{}
			for _, name := range p.Requires {
				require.False(t, seen[name], name)
				seen[name] = true
			}
		}
	})
}

func BenchmarkExtract(b *testing.B) {
	// A large application has 500 gems.
	var content strings.Builder
	content.WriteString("GEM\n  remote: https://rubygems.org/\n  specs:\n")
	for i := range 500 {
		fmt.Fprintf(&content, "    gem-%d (1.%d.0)\n      gem-%d (~> 1.0)\n      gem-%d (>= 0.5, < 3)\n", i, i, i/2, i/3)
	}
	content.WriteString("\nDEPENDENCIES\n  gem-499\n")
	b.SetBytes(int64(content.Len()))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), extracttest.File(lockPath, content.String()))
		if err != nil || len(facts.Packages) != 500 {
			b.Fatal(len(facts.Packages), err)
		}
	}
}
