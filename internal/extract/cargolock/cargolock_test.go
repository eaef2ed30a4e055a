package cargolock

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

const (
	lock       = "app/Cargo.lock"
	direct     = inventory.Direct
	transitive = inventory.Transitive
	unknown    = inventory.RelationUnknown

	registry = `source = "registry+https://github.com/rust-lang/crates.io-index"` + "\n"
	member   = "[[package]]\nname = \"m\"\nversion = \"0.1.0\"\n"
)

func cargo(name, version string, relation inventory.Relation, line int, requires ...string) inventory.Package {
	return inventory.Package{Type: "cargo", Name: name, Version: version, Relation: relation, Line: line, Requires: requires}
}

// sha256 returns a crate with the digest of its archive.
func sha256(p inventory.Package, value string) inventory.Package {
	p.Hashes = extracttest.Digest("SHA-256", value)
	return p
}

// entry returns a crate of crates.io, of four lines without what is added.
func entry(name, version, more string) string {
	return fmt.Sprintf("[[package]]\nname = %q\nversion = %q\n%s%s", name, version, registry, more)
}

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "cargolock", 2)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		"Cargo.lock":     true,
		lock:             true,
		"app/Cargo.toml": false,
	})
}

func TestExtractFixture(t *testing.T) {
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(lock, extracttest.Fixture(t, "cargo-1.95", "Cargo.lock")))
	require.NoError(t, err)
	git := cargo("gitdep", "0.3.1", direct, 13)
	git.Qualifiers = map[string]string{"vcs_url": "git+file:///tmp/gitdep@98b71c71ea594cb62ff5e1375bb23ecdd7449a1d"}
	assert.Equal(t, inventory.Facts{Declared: true, Ignored: 2, Packages: []inventory.Package{git}}, facts)

	facts, err = Extractor{}.Extract(t.Context(), extracttest.File(lock, extracttest.Fixture(t, "sigstore", "Cargo.lock")))
	require.NoError(t, err)
	require.Len(t, facts.Packages, 64)
	assert.Equal(t, 3, facts.Ignored)
	assert.Empty(t, facts.Problems)
	assert.Equal(t, sha256(cargo("aho-corasick", "1.1.3", transitive, 5, "memchr@2.7.4"), "8e60d3430d3a69478ad0993f19238d2df97c507009a52b3c10addcd7f6bcb916"), facts.Packages[0])
	assert.Equal(t, sha256(cargo("anyhow", "1.0.97", direct, 14), "dcfed56ad506cb2c684a14971b8861fdc3baaaae314b9e5f9bb532cbe3ba7a4f"), facts.Packages[1])
	var names []string
	edges := 0
	for _, p := range facts.Packages {
		assert.Lenf(t, p.Hashes, 1, "%q", p.Name)
		edges += len(p.Requires)
		if p.Relation == direct {
			names = append(names, p.Name)
		}
	}
	assert.Equal(t, 93, edges)
	assert.Equal(t, []string{"anyhow", "glob", "prost", "prost-build", "prost-reflect", "prost-reflect-build", "prost-types", "quote", "serde", "serde_json", "syn", "which"}, names)
}

func TestExtract(t *testing.T) {
	found := func(ignored int, p ...inventory.Package) inventory.Facts {
		return inventory.Facts{Declared: true, Packages: p, Ignored: ignored}
	}
	broken := func(facts inventory.Facts, problems ...string) inventory.Facts {
		facts.Problems = problems
		return facts
	}
	qualified := func(key, value string) inventory.Package {
		p := cargo("a", "1.0.0", unknown, 1)
		p.Qualifiers = map[string]string{key: value}
		return p
	}
	const a = "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n"
	tests := []struct {
		name, content string
		want          inventory.Facts
	}{
		{"no crates", "version = 4\n", found(0)},
		{"no members", entry("a", "1.0.0", ""), found(0, cargo("a", "1.0.0", unknown, 1))},
		{"line ends of Windows", strings.ReplaceAll(entry("a", "1.0.0", ""), "\n", "\r\n"), found(0, cargo("a", "1.0.0", unknown, 1))},
		{"the index without git", a + "source = \"sparse+https://index.crates.io/\"\n", found(0, cargo("a", "1.0.0", unknown, 1))},
		{"another registry", a + "source = \"registry+https://r.example/index\"\n", found(0, qualified("repository_url", "https://r.example/index"))},
		{"git", a + "source = \"git+https://g.example/a.git?branch=main#0123\"\n", found(0, qualified("vcs_url", "git+https://g.example/a.git@0123"))},
		{"git without a commit", a + "source = \"git+https://g.example/a.git\"\n", found(0, qualified("vcs_url", "git+https://g.example/a.git"))},
		{"a source of a later Cargo", a + "source = \"new+x\"\n", found(0, cargo("a", "1.0.0", unknown, 1))},
		{
			"two versions of a crate", member + "dependencies = [\n \"a 2.0.0\",\n]\n" + entry("a", "1.0.0", "") + entry("a", "2.0.0", "dependencies = [\"a 1.0.0\", \"a 1.0.0\"]\n"),
			found(1, cargo("a", "1.0.0", transitive, 7), cargo("a", "2.0.0", direct, 11, "a@1.0.0")),
		},
		{
			"one version from two sources", member + "dependencies = [\n \"a 1.0.0 (git+https://g.example/a)\",\n]\n" + entry("a", "1.0.0", "") + a + "source = \"git+https://g.example/a#01\"\n",
			found(1, cargo("a", "1.0.0", transitive, 7), func() inventory.Package {
				p := qualified("vcs_url", "git+https://g.example/a@01")
				p.Relation, p.Line = direct, 11
				return p
			}()),
		},
		{"a crate of the registry besides one in a folder", member + "dependencies = [\"a\"]\n" + entry("a", "1.0.0", "") + a, found(2, cargo("a", "1.0.0", transitive, 5))},
		{"a crate in a folder besides one of the registry", member + "dependencies = [\"a\"]\n" + a + entry("a", "1.0.0", ""), found(2, cargo("a", "1.0.0", transitive, 8))},
		{"of members, which are no packages", entry("a", "1.0.0", "dependencies = [\"m\"]\n") + member, found(1, cargo("a", "1.0.0", transitive, 1))},
		{
			"the oldest files", "[root]\nname = \"m\"\nversion = \"0.1.0\"\ndependencies = [\n \"a 1.0.0 (registry+https://github.com/rust-lang/crates.io-index)\",\n]\n\n" + entry("a", "1.0.0", "") + "\n[metadata]\n\"checksum a 1.0.0 (registry+https://github.com/rust-lang/crates.io-index)\" = \"00\"\n",
			found(1, cargo("a", "1.0.0", direct, 8)),
		},
		{"a checksum", entry("a", "1.0.0", "checksum = \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"\n"), found(0, sha256(cargo("a", "1.0.0", unknown, 1), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"))},
		{"a checksum that is none", entry("a", "1.0.0", "checksum = \"a9993e364706816aba3e25717850c26c9cd0d89d\"\n"), found(0, cargo("a", "1.0.0", unknown, 1))},
		{"a checksum of a repository", a + "source = \"git+https://g.example/a.git\"\nchecksum = \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"\n", found(0, qualified("vcs_url", "git+https://g.example/a.git"))},
		{
			"the checksums of version 1", entry("a", "1.0.0", "") + entry("a", "2.0.0", "") + entry("b", "1.0.0", "") + "[metadata]\n" +
				"\"checksum a 1.0.0 (registry+https://github.com/rust-lang/crates.io-index)\" = \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"\n\"checksum a 2.0.0 (registry+https://r.example)\" = \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"\n" +
				"\"checksum b 1.0.0 (registry+https://github.com/rust-lang/crates.io-index)\" = \"<none>\"\n\"x\" = \"y\"\n",
			found(0, sha256(cargo("a", "1.0.0", unknown, 1), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"), cargo("a", "2.0.0", unknown, 5), cargo("b", "1.0.0", unknown, 9)),
		},
		{"a patch that is not used", "[[patch.unused]]\nname = \"a\"\nversion = \"1.0.0\"\n", found(1)},

		{"a table of a later Cargo", "[[future]]\nname = \"a\"\n" + entry("a", "1.0.0", ""), broken(found(0, cargo("a", "1.0.0", unknown, 3)), `line 1: table "future" is not known`)},
		{"bad crates", "[[package]]\nversion = \"1\"\n[[package]]\nname = \"a b\"\n[[package]]\nname = \"a\"\nsource = \"x\"\n" + entry("a", "1.0.0", ""), broken(
			found(0, cargo("a", "1.0.0", unknown, 8)),
			`line 1: "" is no name of a crate; its version is "1"`, `line 3: "a b" is no name of a crate; its version is ""`, `line 5: crate "a" has no version`,
		)},
		{"a long version", entry("a", strings.Repeat("1", maxName+1), ""), broken(found(0), `line 1: version or source of crate "a" is too long: "`+strings.Repeat("1", 80)+`…"`)},
		{"dependencies that are not there", entry("a", "1.0.0", "dependencies = [\"b\", \"a 2\", \"a 1.0.0 (x)\"]\n"), broken(
			found(0, cargo("a", "1.0.0", unknown, 1)),
			`line 1: crate "a" needs "b", which is not in the file`, `line 1: crate "a" needs "a 2", which is not in the file`, `line 1: crate "a" needs "a 1.0.0 (x)", which is not in the file`,
		)},
		{"a conflict of git", entry("a", "1.0.0", "") + "<<<<<<< HEAD\n" + entry("b", "1.0.0", "") + "=======\n", broken(
			found(0, cargo("a", "1.0.0", unknown, 1), cargo("b", "1.0.0", unknown, 6)), `line 5 cannot be understood: "<<<<<<< HEAD"`, `line 10 cannot be understood: "======="`,
		)},
		{"cut off", entry("a", "1.0.0", "dependencies = [\n \"b"), broken(
			found(0, cargo("a", "1.0.0", unknown, 1)), `line 6 cannot be understood: "\"b"`, `line 5 cannot be understood: "the list dependencies has no end"`,
		)},
	}
	for _, tt := range tests {
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(lock, tt.content))
		require.NoErrorf(t, err, "Extract, %s", tt.name)
		assert.Equalf(t, tt.want, got, "Extract, %s", tt.name)
	}
	for _, name := range []string{
		"usr/local/cargo/registry/src/index.crates.io-1949cf8c6b5b557f/a-1.0.0/Cargo.lock",
		"root/.cargo/git/checkouts/a-0123456789abcdef/0123abc/Cargo.lock",
	} {
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(name, entry("a", "1.0.0", "")))
		require.NoErrorf(t, err, "Extract(%q)", name)
		assert.Equalf(t, found(1), got, "Extract(%q)", name)
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
		{"canceled", canceled, strings.NewReader(""), context.Canceled, ""},
		{"read error", t.Context(), iotest.ErrReader(broken), broken, ""},
		{"without end", t.Context(), extracttest.Endless("\n"), inventory.ErrTooLarge, "more than 33554432 bytes"},
		{"crates without end", t.Context(), extracttest.Endless(entry("a", "1", "")), inventory.ErrTooLarge, "more than 50000 crates"},
		{"dependencies without end", t.Context(), extracttest.Endless(entry("a", "1", "dependencies = ["+strings.Repeat(`"a",`, 1000)+"]\n")), inventory.ErrTooLarge, "more than 500000 dependencies"},
		{"another format", t.Context(), strings.NewReader("{\"a\":\n1}"), nil, "no line of Cargo.lock can be understood"},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(tt.ctx, inventory.NewFile(lock, 0o644, 1, tt.content, nil))
		require.Errorf(t, err, "Extract, %s", tt.name)
		if tt.is != nil {
			require.ErrorIsf(t, err, tt.is, "Extract, %s", tt.name)
		}
		assert.ErrorContainsf(t, err, tt.text, "Extract, %s", tt.name)
		assert.Zerof(t, facts, "Extract, %s", tt.name)
	}
}

func FuzzExtract(f *testing.F) {
	f.Add(extracttest.Fixture(f, "cargo-1.95", "Cargo.lock"))
	f.Add(extracttest.Fixture(f, "sigstore", "Cargo.lock"))
	f.Add(member + entry("a", "1", "dependencies = [\n \"a 1 (x)\", \"m\"\n]\n") + "[[patch.unused]]\n[metadata]\n\"x\" = 1\n<<<\n")
	f.Fuzz(func(t *testing.T, content string) {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(lock, content))
		extracttest.Check(t, facts, err)
		again, errAgain := Extractor{}.Extract(t.Context(), inventory.NewFile(lock, 0o644, 0, iotest.OneByteReader(strings.NewReader(content)), nil))
		require.Equal(t, fmt.Sprint(err), fmt.Sprint(errAgain))
		require.Equal(t, facts, again)
		all := make(map[string]bool)
		for _, p := range facts.Packages {
			all[p.Name+"@"+p.Version] = true
		}
		text := strings.Split(content, "\n")
		for _, p := range facts.Packages {
			require.NotEmpty(t, p.Version)
			require.Contains(t, text[p.Line-1], "[")
			for _, r := range p.Requires {
				require.True(t, all[r], r)
			}
		}
	})
}

func BenchmarkExtract(b *testing.B) {
	content := extracttest.Fixture(b, "sigstore", "Cargo.lock")
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), extracttest.File(lock, content))
		if err != nil || len(facts.Packages) != 64 {
			b.Fatal(len(facts.Packages), err)
		}
	}
}
