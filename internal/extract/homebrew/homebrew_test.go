package homebrew

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/extract/extracttest"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const (
	prefix  = "home/linuxbrew/.linuxbrew/"
	formula = prefix + "Cellar/a/1.0_1/INSTALL_RECEIPT.json"
	cask    = prefix + "Caskroom/c/.metadata/INSTALL_RECEIPT.json"
)

func pkg(name, version string) inventory.Package {
	return inventory.Package{Type: "brew", Name: name, Version: version}
}

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "homebrew", 1)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		formula: true,
		cask:    true,
		"opt/homebrew/Cellar/rclone/1.67.0/INSTALL_RECEIPT.json":               true,
		"usr/local/Caskroom/c/.metadata/1.2/20240101120000.123/Casks/c.json":   true,
		"usr/local/Caskroom/c/.metadata/1.2/20240101120000.123/Casks/c.rb":     true,
		"usr/local/Caskroom/c/1.2/INSTALL_RECEIPT.json":                        false,
		"opt/homebrew/Cellar/rclone/1.67.0/share/INSTALL_RECEIPT.json":         false,
		"home/linuxbrew/.linuxbrew/Homebrew/Library/Taps/x/Casks/c.rb":         false, // what could be installed
		"opt/homebrew/Library/Taps/homebrew/homebrew-core/Formula/r/rclone.rb": false,
	})
}

func TestExtractFixtures(t *testing.T) {
	rclone := pkg("rclone", "1.67.0")
	rclone.Arch, rclone.Vendor = "x86_64", "homebrew/core"
	curl := pkg("curl", "8.8.0")
	curl.Arch, curl.Vendor, curl.Requires = "x86_64", "homebrew/core", []string{"brotli", "openssl@3"}
	font := pkg("font-jetbrains-mono", "2.304")
	font.Vendor, font.Requires = "homebrew/cask", []string{"unzip"}
	for _, tt := range []struct {
		fixture, path string
		want          inventory.Package
	}{
		{"rclone.json", "usr/local/Cellar/rclone/1.67.0/INSTALL_RECEIPT.json", rclone},
		{"curl.json", prefix + "Cellar/curl/8.8.0/INSTALL_RECEIPT.json", curl},
		{"cask.json", prefix + "Caskroom/font-jetbrains-mono/.metadata/INSTALL_RECEIPT.json", font},
	} {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(tt.path, extracttest.Fixture(t, "homebrew-4.3", tt.fixture)))
		require.NoError(t, err, tt.fixture)
		assert.Equal(t, inventory.Facts{Packages: []inventory.Package{tt.want}}, facts, tt.fixture)
	}
}

func TestExtract(t *testing.T) {
	a := pkg("a", "1.0_1")
	deps := a
	deps.Requires = []string{"b", "c"}
	one := func(p inventory.Package, problems ...string) inventory.Facts {
		return inventory.Facts{Packages: []inventory.Package{p}, Problems: problems}
	}
	tests := []struct {
		name, path, content string
		want                inventory.Facts
	}{
		{"smallest", formula, `{}`, one(a)},
		{"built from a repository", "Cellar/a/HEAD-0123abc/INSTALL_RECEIPT.json", `{}`, one(pkg("a", "HEAD-0123abc"))},
		{"a formula of another version than its source", formula, `{"source":{"version":"9"}}`, one(a)},
		{"no dependencies", formula, `{"runtime_dependencies":null}`, one(a)},
		{"direct dependencies", formula, `{"runtime_dependencies":[{"full_name":"b","declared_directly":true},{"full_name":"x","declared_directly":false},{"full_name":"u/tap/c","declared_directly":true},{}]}`, one(deps)},
		{"an old receipt", formula, `{"runtime_dependencies":[{"full_name":"b","version":"1"},{"full_name":"c"},{"full_name":"b"}]}`, one(deps)},
		{"a cask", cask, `{"source":{"version":"2,3"},"arch":"arm64"}`, one(pkg("c", "2,3"))},
		{"a cask's definition", "Caskroom/c/.metadata/2,3/20240101.1/Casks/c.json", `not read`, one(pkg("c", "2,3"))},
		{"a cask's definition in Ruby", "Caskroom/c/.metadata/2,3/20240101.1/Casks/c.rb", `not read`, one(pkg("c", "2,3"))},

		// Damage must not hide a package.
		{"empty", formula, ``, one(a, `the receipt of "a" is not understood: byte 0: unexpected end of JSON input`)},
		{"cut off", formula, `{"arch":"x86_64",`, one(a, `the receipt of "a" is not understood: byte 17: unexpected end of JSON input`)},
		{"no receipt", formula, `[]`, one(a, `the receipt of "a" is not understood: byte 1: an unexpected array`)},
		{"dependencies that are none", formula, `{"runtime_dependencies":3}`, one(a, `the dependencies of "a" are not understood: byte 1: an unexpected number`)},
		{"dependencies of a cask that are none", formula, `{"runtime_dependencies":{"cask":3}}`, one(a, `the dependencies of "a" are not understood: byte 9: an unexpected number`)},
		{"a cask without a version", cask, `{}`, inventory.Facts{Problems: []string{`package "c" has no version`}}},
	}
	for _, tt := range tests {
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(tt.path, tt.content))
		require.NoErrorf(t, err, "Extract, %s", tt.name)
		assert.Equalf(t, tt.want, got, "Extract, %s", tt.name)
	}
}

func TestExtractErrors(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	broken := errors.New("the layer ends here")
	var many strings.Builder
	many.WriteString(`{"runtime_dependencies":[{}`)
	for i := range 12 {
		fmt.Fprintf(&many, `,{"full_name":"%d%s"}`, i, strings.Repeat("x", 100_000))
	}
	many.WriteString("]}")
	tests := []struct {
		name, path string
		ctx        context.Context
		content    io.Reader
		is         error
		text       string
	}{
		{"canceled", formula, canceled, strings.NewReader("{}"), context.Canceled, ""},
		{"canceled definition", "Caskroom/c/.metadata/1/2/Casks/c.rb", canceled, strings.NewReader(""), context.Canceled, ""},
		{"read error", formula, t.Context(), iotest.ErrReader(broken), broken, ""},
		{"a receipt without end", formula, t.Context(), extracttest.Endless(" "), inventory.ErrTooLarge, "more than 4194304 bytes"},
		{"dependencies without end", formula, t.Context(), strings.NewReader(many.String()), inventory.ErrTooLarge, "more than 1048576 bytes of dependencies"},
		{"another path", "Casks/c.rb", t.Context(), strings.NewReader(""), nil, "the path is not that of a formula or cask"},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(tt.ctx, inventory.NewFile(tt.path, 0o644, 1, tt.content, nil))
		require.Errorf(t, err, "Extract, %s", tt.name)
		if tt.is != nil {
			assert.ErrorIsf(t, err, tt.is, "Extract, %s", tt.name)
		}
		assert.ErrorContainsf(t, err, tt.text, "Extract, %s", tt.name)
		assert.Zerof(t, facts, "Extract, %s", tt.name)
	}
}

func FuzzExtract(f *testing.F) {
	for _, name := range []string{"rclone.json", "curl.json", "cask.json"} {
		f.Add(extracttest.Fixture(f, "homebrew-4.3", name))
	}
	f.Add(`{"runtime_dependencies":{"formula":[{"full_name":"/"}]}}`)
	f.Fuzz(func(t *testing.T, content string) {
		for _, p := range []string{formula, cask} {
			facts, err := Extractor{}.Extract(t.Context(), extracttest.File(p, content))
			extracttest.Check(t, facts, err)
			if err != nil {
				continue
			}
			require.NotZero(t, len(facts.Packages)+len(facts.Problems), "a receipt is never passed over")
			for _, pkg := range facts.Packages {
				require.NotEmpty(t, pkg.Version)
			}

			// The same again when the file comes in small pieces.
			again, err := Extractor{}.Extract(t.Context(), inventory.NewFile(p, 0o644, 0, iotest.OneByteReader(strings.NewReader(content)), nil))
			require.NoError(t, err)
			require.True(t, reflect.DeepEqual(facts, again))
		}
	})
}

func BenchmarkExtract(b *testing.B) {
	content := extracttest.Fixture(b, "homebrew-4.3", "curl.json")
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), extracttest.File(formula, content))
		if err != nil || len(facts.Packages) != 1 || len(facts.Packages[0].Requires) != 2 {
			b.Fatal(facts, err)
		}
	}
}
