package conda

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/extract/extracttest"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const metaPath = "opt/conda/conda-meta/a-1.0-0.json"

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "conda", 2)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		metaPath:                                           true,
		"opt/conda/envs/x/conda-meta/a.json":               true,
		"opt/conda/conda-meta/history":                     false,
		"opt/conda/pkgs/a-1.0-0/info/repodata_record.json": false, // in the cache, not installed
	})
}

func TestExtractFixture(t *testing.T) {
	want := map[string]inventory.Package{
		"openssl-1.1.1q-h7f8727e_0.json": {
			Type: "conda", Name: "openssl", Version: "1.1.1q", Licenses: []string{"OpenSSL"},
			Qualifiers: map[string]string{"build": "h7f8727e_0", "channel": "main", "subdir": "linux-64", "type": "conda"},
			Requires:   []string{"ca-certificates", "libgcc-ng"},
			Hashes:     []inventory.Hash{{Algorithm: "MD5", Value: "2ac47797afee2ece8d339c18b095b8d8"}, {Algorithm: "SHA-256", Value: "49804293b87141523b2606836ece8e2aaa5202983698fd91e7c36bdb8c8a8de5"}},
		},
		"zlib-1.2.11-h90dfc92_1014.json": {
			Type: "conda", Name: "zlib", Version: "1.2.11", Licenses: []string{"Zlib"},
			Qualifiers: map[string]string{"build": "h90dfc92_1014", "channel": "conda-forge", "subdir": "osx-arm64", "type": "tar.bz2"},
			Requires:   []string{"libzlib"},
			Hashes:     []inventory.Hash{{Algorithm: "MD5", Value: "348a30b1350c9d91a4dbf05f5e46e0bb"}, {Algorithm: "SHA-256", Value: "a70c028fd3b9af1d7ea3d7099d810f3d2588096237bb472db331a51a36f931c0"}},
		},
	}
	for name, pkg := range want {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File("opt/conda/conda-meta/"+name, extracttest.Fixture(t, "envs", name)))
		require.NoError(t, err, name)
		assert.Equal(t, inventory.Facts{Packages: []inventory.Package{pkg}}, facts, name)
	}
}

// one returns the package a 1.0 with changes, as all the facts of a file.
func one(change func(*inventory.Package)) inventory.Facts {
	p := inventory.Package{Type: "conda", Name: "a", Version: "1.0"}
	if change != nil {
		change(&p)
	}
	return inventory.Facts{Packages: []inventory.Package{p}}
}

func problem(texts ...string) inventory.Facts { return inventory.Facts{Problems: texts} }

var tests = []struct {
	name, content string
	want          inventory.Facts
}{
	{"name and version", `{"name":"a","version":"1.0","license":""}`, one(nil)},
	{"a byte order mark", "\xef\xbb\xbf" + `{"name":"a","version":"1.0"}`, one(nil)},
	{
		"dependencies", `{"name":"a","version":"1.0","depends":["b >=1,<2","c","conda-forge::d>=1","__glibc >=2.17","b","e[build=x]"," f","conda-forge/linux-64::g 1","","=1","h=1"]}`,
		one(func(p *inventory.Package) { p.Requires = []string{"b", "c", "d", "e", "f", "g", "h"} }),
	},
	{
		"digests, one of them malformed", `{"name":"a","version":"1.0","md5":"x","sha256":"BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"}`,
		one(func(p *inventory.Package) {
			p.Hashes = extracttest.Digest("SHA-256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
		}),
	},
	{"digests that are empty", `{"name":"a","version":"1.0","md5":"","sha256":null}`, one(nil)},
	// One bad value must not hide the package.
	{"a number in place of a text", `{"license":7,"name":"a","build":[],"version":"1.0"}`, func() inventory.Facts {
		f := one(nil)
		f.Problems = []string{`"license" is a JSON number`}
		return f
	}()},
	{"a dependency that is none", `{"name":"a","version":"1.0","depends":[1,"b"]}`, func() inventory.Facts {
		f := one(func(p *inventory.Package) { p.Requires = []string{"b"} })
		f.Problems = []string{`"depends" is a JSON number`}
		return f
	}()},
	{"a long build", `{"name":"a","version":"1.0","build":"` + strings.Repeat("x", maxField+1) + `"}`, func() inventory.Facts {
		f := one(nil)
		f.Problems = []string{`build of package "a" is longer than 1024 bytes`}
		return f
	}()},
	{"no version", `{"name":"a"}`, problem(`package "a" has no version`)},
	{"no name", `{"version":"1.0"}`, problem(`"a-1.0-0.json" has no package name`)},
	{"no record", `[]`, problem(`"" is a JSON array`, `"a-1.0-0.json" has no package name`)},
	{"a name that is none", `{"name":"` + strings.Repeat("x", maxField+1) + `","version":"1"}`, problem(`name or version of package "` + strings.Repeat("x", 80) + `…" is longer than 1024 bytes`)},
}

func TestExtract(t *testing.T) {
	for _, tt := range tests {
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(metaPath, tt.content))
		require.NoErrorf(t, err, "Extract, %s", tt.name)
		assert.Equalf(t, tt.want, got, "Extract, %s", tt.name)
	}
}

func TestChannelName(t *testing.T) {
	tests := []struct{ channel, subdir, want string }{
		{"", "linux-64", ""},
		{"conda-forge", "linux-64", "conda-forge"},
		{"pkgs/main", "linux-64", "main"},
		{"pkgs/main/linux-64", "linux-64", "main"},
		{"https://conda.anaconda.org/conda-forge/", "noarch", "conda-forge"},
		{"https://conda.anaconda.org/conda-forge/noarch", "noarch", "conda-forge"},
		{"https://conda.anaconda.org/conda-forge/label/dev/noarch", "noarch", "conda-forge/label/dev"},
		{"https://conda.anaconda.org/noarch", "noarch", ""},
		{"https://user:secret@conda.anaconda.org/t/secret/private/linux-64", "linux-64", "private"},
		{"https://conda.anaconda.org/t/secret", "linux-64", ""},
		{"https://%zz/secret", "linux-64", ""},
	}
	for _, tt := range tests {
		assert.Equalf(t, tt.want, channelName(tt.channel, tt.subdir), "channelName(%q, %q)", tt.channel, tt.subdir)
	}
}

func TestExtractErrors(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	broken := errors.New("the layer ends here")
	record := `{"name":"a","version":"1.0","depends":[` + strings.Repeat(`"b",`, maxDepends) + `"b"]}`
	tests := []struct {
		name    string
		ctx     context.Context
		content io.Reader
		is      error
		text    string
	}{
		{"canceled", canceled, strings.NewReader("{}"), context.Canceled, ""},
		{"read error", t.Context(), io.MultiReader(strings.NewReader("{"), iotest.ErrReader(broken)), broken, ""},
		{"a file without end", t.Context(), extracttest.Endless(strings.Repeat(" ", 4096)), inventory.ErrTooLarge, "more than 67108864 bytes"},
		{"dependencies without end", t.Context(), strings.NewReader(record), inventory.ErrTooLarge, "more than 10000 dependencies"},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(tt.ctx, inventory.NewFile(metaPath, 0o644, 1, tt.content, nil))
		require.ErrorIsf(t, err, tt.is, "Extract, %s", tt.name)
		assert.ErrorContainsf(t, err, tt.text, "Extract, %s", tt.name)
		assert.Zerof(t, facts, "Extract, %s", tt.name)
	}
	for _, content := range []string{"", "{", `{"name":"a","version":"1.0"`, `{"name":"a"}{}`, strings.Repeat("[", 100_000)} {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(metaPath, content))
		_, ok := errors.AsType[*json.SyntaxError](err)
		assert.Truef(t, ok, "Extract of %.20q: %v", content, err)
		assert.Zerof(t, facts, "Extract of %.20q", content)
	}
}

func FuzzExtract(f *testing.F) {
	for _, tt := range tests {
		f.Add(tt.content)
	}
	f.Add(extracttest.Fixture(f, "envs", "openssl-1.1.1q-h7f8727e_0.json"))
	f.Fuzz(func(t *testing.T, content string) {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(metaPath, content))
		extracttest.Check(t, facts, err)
		require.LessOrEqual(t, len(facts.Packages), 1)
		for _, p := range facts.Packages {
			require.Equal(t, "conda", p.Type)
			require.NotEmpty(t, p.Version)
			for key, value := range p.Qualifiers {
				require.Contains(t, []string{"build", "channel", "subdir", "type"}, key)
				require.NotEmpty(t, value)
				require.LessOrEqual(t, len(value), maxField)
			}
			for _, name := range p.Requires {
				require.Equal(t, name, dependencyName(name))
			}
		}
		again, errAgain := Extractor{}.Extract(t.Context(), inventory.NewFile(metaPath, 0o644, int64(len(content)), iotest.OneByteReader(strings.NewReader(content)), nil))
		require.Equal(t, facts, again)
		require.Equal(t, err, errAgain)
	})
}

func BenchmarkExtract(b *testing.B) {
	// A package of a thousand files.
	content := extracttest.Fixture(b, "envs", "openssl-1.1.1q-h7f8727e_0.json")
	content = strings.Replace(content, `"files": [`, `"files": [`+strings.Repeat(`"lib/python3.8/site-packages/a/file.py",`, 1000), 1)
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), extracttest.File(metaPath, content))
		if err != nil || len(facts.Packages) != 1 || len(content) < 40_000 {
			b.Fatal(len(content), facts, err)
		}
	}
}
