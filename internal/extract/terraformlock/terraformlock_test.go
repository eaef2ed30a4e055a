package terraformlock

import (
	"bytes"
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
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const lockPath = "infra/.terraform.lock.hcl"

func pkg(line int, namespace, name, version string) inventory.Package {
	return inventory.Package{Type: "terraform", Namespace: namespace, Name: name, Version: version, Line: line}
}

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "terraformlock", 1)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		lockPath:                   true,
		".terraform.lock.hcl":      true,
		"infra/terraform.lock.hcl": false,
		"infra/main.hcl":           false,
	})
}

func TestExtractFixture(t *testing.T) {
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(lockPath, extracttest.Fixture(t, "plan", ".terraform.lock.hcl")))
	require.NoError(t, err)
	assert.Equal(t, inventory.Facts{Declared: true, Packages: []inventory.Package{
		pkg(4, "registry.terraform.io/hashicorp", "aws", "5.77.0"),
	}}, facts)
}

func TestExtract(t *testing.T) {
	const one = "provider \"r/n/a\" {\n  version = \"1.0.0\"\n}\n"
	a := pkg(1, "r/n", "a", "1.0.0")
	loose := pkg(1, "r/n", "a", "")
	loose.Constraint = "~> 1.0"
	found := func(p ...inventory.Package) inventory.Facts { return inventory.Facts{Packages: p} }
	tests := []struct {
		name, content string
		want          inventory.Facts
	}{
		{"empty", "", inventory.Facts{}},
		{"only a comment", "# This file is maintained automatically.", inventory.Facts{}},
		{"one", one, found(a)},
		{"two", one + one, found(a, pkg(4, "r/n", "a", "1.0.0"))},
		{"byte order mark, CRLF", "\ufeff" + strings.ReplaceAll(one, "\n", "\r\n"), found(a)},
		{"on one line", `provider "r/n/a" { version = "1.0.0" }`, found(a)},
		{"comments", "/* a\n { */ # b {\n// c {\nprovider \"r/n/a\" { # d\n version = \"1.0.0\" # version = \"2\"\n}", found(pkg(4, "r/n", "a", "1.0.0"))},
		{"hashes", "provider \"r/n/a\" {\n  hashes = [\n    \"h1:}\\\"=\",\n    \"zh:1\"\n  ]\n  version = \"1.0.0\"\n  constraints = \"~> 1.0\"\n}\n", found(a)},
		{"empty hashes", "provider \"r/n/a\" {\n  hashes = []\n  version = \"1.0.0\"\n}\n", found(a)},
		{"no version", "provider \"r/n/a\" {\n  constraints = \"~> 1.0\"\n}\n", found(loose)},
		{"in another block", "provider \"r/n/a\" {\n  version = \"1.0.0\"\n  x \"y\" {\n    version = \"2\"\n  }\n}\n", found(a)},
		{"another value", "provider \"r/n/a\" {\n  version = \"1.0.0\"\n  x = true\n y = -1.5\n z = [[1], [\"version\"]]\n}\n", found(a)},
		{"another block and attribute", "x = 1\nmodule \"m\" {\n  version = \"1\"\n}\nprovider {\n}\n" + one, inventory.Facts{Ignored: 2, Packages: []inventory.Package{pkg(7, "r/n", "a", "1.0.0")}}},

		// One bad record must not hide the others, nor itself.
		{"bad records", one + "provider \"a\" {\n}\nprovider \"r/n/\" {\n}\nprovider \"r/n/b\" {\n version = [\"1\"]\n}\nprovider \"r/n/c\" {\n version = \"" + strings.Repeat("1", maxName+1) + "\"\n}\n" + one, inventory.Facts{
			Packages: []inventory.Package{a, pkg(14, "r/n", "a", "1.0.0")},
			Problems: []string{
				`line 4: "a" is no address of a provider`,
				`line 6: "r/n/" is no address of a provider`,
				`line 8: provider "r/n/b" has no version`,
				`line 11: the address or version of provider "r/n/c" is too long`,
			},
		}},
		{"cut off", one + "provider \"r/n/b\" {\n  version", inventory.Facts{Packages: []inventory.Package{a}, Problems: []string{`line 5: the file ends early or is damaged: unexpected end`}}},
		{"cut off in a text", one + "provider \"r/n", inventory.Facts{Packages: []inventory.Package{a}, Problems: []string{`line 4: the file ends early or is damaged: unexpected "\"r/n"`}}},
		{"cut off in a comment", one + "\n/* x", inventory.Facts{Packages: []inventory.Package{a}, Problems: []string{`line 5: the file ends early or is damaged: unexpected "/* x"`}}},
		{"a conflict", one + "<<<<<<< HEAD\n" + one, inventory.Facts{Packages: []inventory.Package{a}, Problems: []string{`line 4: the file ends early or is damaged: unexpected "<"`}}},
		{"no value", one + "provider \"r/n/b\" {\n  version =\n}\n", inventory.Facts{Packages: []inventory.Package{a}, Problems: []string{`line 5: the file ends early or is damaged: unexpected end of line`}}},
		{"a list that never began", one + "x = ]\n", inventory.Facts{Packages: []inventory.Package{a}, Problems: []string{`line 4: the file ends early or is damaged: unexpected "]"`}}},
		{"a block that never ends", one + "x {\n", inventory.Facts{Packages: []inventory.Package{a}, Problems: []string{`line 5: the file ends early or is damaged: unexpected end`}}},
	}
	for _, tt := range tests {
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(lockPath, tt.content))
		require.NoErrorf(t, err, "Extract, %s", tt.name)
		tt.want.Declared = true
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
		{"canceled", canceled, strings.NewReader(""), context.Canceled, ""},
		{"read error", t.Context(), io.MultiReader(strings.NewReader("#\n"), iotest.ErrReader(broken)), broken, ""},
		{"a file without end", t.Context(), extracttest.Endless("#\n"), inventory.ErrTooLarge, "more than 16777216 bytes"},
		{"providers without end", t.Context(), strings.NewReader(strings.Repeat("provider \"r/n/a\" {}\n", maxProviders+1)), inventory.ErrTooLarge, "more than 20000 providers"},
		{"blocks without end", t.Context(), strings.NewReader(strings.Repeat("x {\n", 1<<20)), inventory.ErrTooLarge, "blocks are nested more than 20 deep"},
		{"lists without end", t.Context(), strings.NewReader("x = " + strings.Repeat("[", 1<<20)), inventory.ErrTooLarge, "lists are nested more than 20 deep"},
		{"something else", t.Context(), strings.NewReader(`{"provider": {}}`), errSyntax, `unexpected "{"`},
		{"cut off at once", t.Context(), strings.NewReader("provider"), errSyntax, "unexpected end"},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(tt.ctx, inventory.NewFile(lockPath, 0o644, 1, tt.content, nil))
		require.ErrorIsf(t, err, tt.is, "Extract, %s", tt.name)
		assert.ErrorContainsf(t, err, tt.text, "Extract, %s", tt.name)
		assert.Zerof(t, facts, "Extract, %s", tt.name)
	}
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(lockPath, strings.Repeat("provider x {}\n", 1000)))
	require.NoError(t, err)
	assert.Len(t, facts.Problems, lines.MaxProblems+1)
}

func FuzzExtract(f *testing.F) {
	f.Add(extracttest.Fixture(f, "plan", ".terraform.lock.hcl"))
	f.Add("provider \"r/n/a\" {\n  hashes = [\n \"\\\"\", # x\n ]\n  version = \"1\"\n x \"y\" {\n }\n}\n/* */ x = [1,[2]]\n")
	f.Add("provider \"r/n/a\" { constraints = \"1\" }\nprovider \"b")
	f.Fuzz(func(t *testing.T, content string) {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(lockPath, content))
		extracttest.Check(t, facts, err)
		again, errAgain := Extractor{}.Extract(t.Context(), inventory.NewFile(lockPath, 0o644, 0, iotest.OneByteReader(strings.NewReader(content)), nil))
		require.Equal(t, fmt.Sprint(err), fmt.Sprint(errAgain))
		require.Equal(t, facts, again)
		all := strings.Split(content, "\n")
		for _, p := range facts.Packages {
			require.NotEmpty(t, p.Namespace)
			require.NotEqual(t, p.Version == "", p.Constraint == "")
			require.Contains(t, all[p.Line-1], "provider")
		}
	})
}

func BenchmarkExtract(b *testing.B) {
	content := []byte(strings.Repeat(extracttest.Fixture(b, "plan", ".terraform.lock.hcl"), 10))
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), inventory.NewFile(lockPath, 0o644, int64(len(content)), bytes.NewReader(content), nil))
		if err != nil || len(facts.Packages) != 10 {
			b.Fatal(len(facts.Packages), err)
		}
	}
}
