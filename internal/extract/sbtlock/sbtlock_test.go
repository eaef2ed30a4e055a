package sbtlock

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

const lockPath = "app/build.sbt.lock"

func pkg(line int, org, name, version string) inventory.Package {
	return inventory.Package{Type: "maven", Namespace: org, Name: name, Version: version, Line: line}
}

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "sbtlock", 1)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		lockPath:           true,
		"build.sbt.lock":   true,
		"core.sbt.lock":    true,
		"app/build.sbt":    false,
		"app/sbt.lock":     false,
		"app/my.sbt.lock2": false,
	})
}

func TestExtractFixture(t *testing.T) {
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(lockPath, extracttest.Fixture(t, "sbt-build-integrity-exercise", "build.sbt.lock")))
	require.NoError(t, err)
	assert.Equal(t, inventory.Facts{Declared: true, Packages: []inventory.Package{
		pkg(12, "com.lihaoyi", "geny_3", "1.1.1"),
		pkg(28, "com.lihaoyi", "os-lib_3", "0.11.3"),
		pkg(44, "org.scala-lang", "scala-library", "2.13.15"),
		pkg(60, "org.scala-lang", "scala3-library_3", "3.6.2"),
	}}, facts)
}

func TestExtract(t *testing.T) {
	const one = `{"org":"g","name":"a","version":"1"}`
	a := pkg(1, "g", "a", "1")
	test := a
	test.Development = true
	found := func(p ...inventory.Package) inventory.Facts { return inventory.Facts{Packages: p} }
	in := func(configurations string) string {
		return `{"dependencies":[{"org":"g","name":"a","version":"1","configurations":` + configurations + `}]}`
	}
	tests := []struct {
		name, content string
		want          inventory.Facts
	}{
		{"empty", `{"lockVersion":1,"dependencies":[]}`, inventory.Facts{}},
		{"byte order mark", "\xef\xbb\xbf{\"dependencies\":[" + one + "]}\n", found(a)},
		{"order of members", "{\"dependencies\":[\n" + one + `],"lockVersion":1}`, found(pkg(2, "g", "a", "1"))},
		{"tests", in(`["test"]`), found(test)},
		{"integration tests", in(`["it","test","provided"]`), found(test)},
		{"tests and more", in(`["test","runtime"]`), found(a)},
		{"optional", in(`["optional"]`), found(a)},
		{"no configuration", in(`[]`), found(a)},
		{"configurations of another type", in(`"test"`), found(a)},

		// One bad record must not hide the others, nor itself.
		{"bad records", `{"dependencies":[7,{},{"org":"g"},{"org":"g","name":"b"},{"org":["g"],"name":"b","version":"1"},` + "\n" + `{"org":"g","name":"b","version":"` + strings.Repeat("1", maxName+1) + `"},` + one + "]}", inventory.Facts{
			Packages: []inventory.Package{pkg(2, "g", "a", "1")},
			Problems: []string{
				`line 1: not a package: "7"`,
				`line 1: package ":" has no name`,
				`line 1: package "g:" has no name`,
				`line 1: package "g:b" has no version`,
				`line 1: package ":b" has no name`,
				`line 2: the name or version of package "g:b" is too long`,
			},
		}},
		{"cut off", `{"dependencies":[` + one + `,{"org":"g","nam`, inventory.Facts{
			Packages: []inventory.Package{a},
			Problems: []string{`the file ends early or is damaged near byte 54: unexpected EOF`},
		}},
		{"something after the end", `{"dependencies":[` + one + `]} x`, inventory.Facts{
			Packages: []inventory.Package{a},
			Problems: []string{`the file ends early or is damaged near byte 56: there is more after the object`},
		}},
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
		{"canceled", canceled, strings.NewReader("{}"), context.Canceled, ""},
		{"read error", t.Context(), io.MultiReader(strings.NewReader("{"), iotest.ErrReader(broken)), broken, ""},
		{"a file without end", t.Context(), extracttest.Endless(" "), inventory.ErrTooLarge, "more than 33554432 bytes"},
		{"packages without end", t.Context(), strings.NewReader(`{"dependencies":[` + strings.Repeat("{},", maxPackages+1)), inventory.ErrTooLarge, "more than 100000 packages"},
		{"empty", t.Context(), strings.NewReader(""), io.ErrUnexpectedEOF, ""},
		{"cut off after a key", t.Context(), strings.NewReader(`{"dependencies":`), io.ErrUnexpectedEOF, ""},
		{"no list", t.Context(), strings.NewReader(`{"lockVersion":1}`), nil, "no list of dependencies"},
		{"another list", t.Context(), strings.NewReader(`{"dependencies":{}}`), nil, "dependencies is not a list"},
		{"no object", t.Context(), strings.NewReader("[]"), nil, "the file is no object"},
		{"not JSON", t.Context(), strings.NewReader("val"), nil, "invalid character"},
		{"deeper than any parser goes", t.Context(), strings.NewReader(`{"x":` + strings.Repeat("[", 1<<20)), nil, "exceeded max depth"},
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
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(lockPath, `{"dependencies":[`+strings.Repeat("7,", 1000)+"7]}"))
	require.NoError(t, err)
	assert.Len(t, facts.Problems, lines.MaxProblems+1)
}

func FuzzExtract(f *testing.F) {
	f.Add(extracttest.Fixture(f, "sbt-build-integrity-exercise", "build.sbt.lock"))
	f.Add(`{"dependencies":[{"org":"g","name":"a","version":"1","configurations":["test"]},7]}`)
	f.Add(`{"dependencies":[{"org":"g","name":"a","version":"1"},{"na`)
	f.Fuzz(func(t *testing.T, content string) {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(lockPath, content))
		extracttest.Check(t, facts, err)
		again, errAgain := Extractor{}.Extract(t.Context(), inventory.NewFile(lockPath, 0o644, 0, iotest.OneByteReader(strings.NewReader(content)), nil))
		require.Equal(t, fmt.Sprint(err), fmt.Sprint(errAgain))
		require.Equal(t, facts, again)
		for _, p := range facts.Packages {
			require.NotEmpty(t, p.Namespace)
			require.NotEmpty(t, p.Version)
			require.LessOrEqual(t, p.Line, strings.Count(content, "\n")+1)
		}
	})
}

func BenchmarkExtract(b *testing.B) {
	const one = "    {\n      \"org\" : \"com.lihaoyi\",\n      \"name\" : \"geny_3\",\n      \"version\" : \"1.1.1\",\n      \"configurations\" : [\n        \"compile\"\n      ]\n    }"
	content := []byte("{\"dependencies\":[\n" + strings.Repeat(one+",\n", 199) + one + "]}")
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), inventory.NewFile(lockPath, 0o644, int64(len(content)), bytes.NewReader(content), nil))
		if err != nil || len(facts.Packages) != 200 {
			b.Fatal(len(facts.Packages), err)
		}
	}
}
