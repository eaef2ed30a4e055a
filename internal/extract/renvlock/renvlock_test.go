package renvlock

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

const lock = "app/renv.lock"

// show writes a package as one line.
func show(packages []inventory.Package) []string {
	var shown []string
	for _, p := range packages {
		parts := []string{
			fmt.Sprintf("%d: %s %s", p.Line, p.Type, strings.TrimPrefix(p.Namespace+"/"+p.Name, "/")),
			p.Version, p.Constraint, p.Relation.String(), strings.Join(p.Licenses, ";"), strings.Join(p.Requires, ","),
		}
		if p.Development {
			parts = append(parts, "development")
		}
		if len(p.Qualifiers) > 0 {
			parts = append(parts, fmt.Sprint(p.Qualifiers)) // in the order of the keys
		}
		shown = append(shown, strings.Join(parts, "|"))
	}
	return shown
}

// A result is what is expected of a file.
type result struct {
	packages []string
	ignored  int
	problems []string
}

func extract(t *testing.T, name, content string) result {
	t.Helper()
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(name, content))
	require.NoErrorf(t, err, "Extract(%q)", content)
	assert.True(t, facts.Declared)
	return result{show(facts.Packages), facts.Ignored, facts.Problems}
}

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "renvlock", 1)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		lock:                     true,
		"renv.lock":              true,
		"app/renv/settings.json": false,
	})
}

func TestExtractFixture(t *testing.T) {
	assert.Equal(t, result{ignored: 1, packages: []string{
		"12: cran MASS|7.3-53.1||||", "19: cran R6|2.5.0||||", "26: cran RColorBrewer|1.1-2||||",
	}}, extract(t, lock, extracttest.Fixture(t, "renv", "renv.lock")))
}

func TestExtract(t *testing.T) {
	tests := []struct {
		name, packages string
		want           result
	}{
		{"nothing", ``, result{}},
		{"requirements", `"a":{"Package":"a","Version":"1","Requirements":["R","b","methods","b"]},"b":{"Package":"b","Version":"2.0-1"}`, result{packages: []string{"1: cran a|1||||b@2.0-1,methods", "1: cran b|2.0-1||||"}}},
		{"descriptions", `"a":{"Package":"a","Version":"1","License":"GPL-2","Depends":["R (>= 3.5)"],"Imports":["b (>= 1.0)","utils"],"Suggests":["c"]},"b":{"Version":"2","Imports":"R (>= 3), a"}`, result{packages: []string{"1: cran a|1|||GPL-2|b@2,utils", "1: cran b|2||||a@1"}}},
		{"Bioconductor", `"a":{"Package":"a","Version":"1","Source":"Bioconductor"}`, result{packages: []string{"1: bioconductor a|1||||"}}},
		{"GitHub", `"a":{"Package":"a","Version":"1","Source":"GitHub","RemoteHost":"api.github.com","RemoteUsername":"u","RemoteRepo":"r","RemoteSha":"01"}`, result{packages: []string{"1: cran a|1|||||map[vcs_url:git+https://github.com/u/r@01]"}}},
		{"GitHub of one's own", `"a":{"Package":"a","Version":"1","Source":"GitHub","RemoteHost":"https://g.example/api/v3","RemoteUsername":"u","RemoteRepo":"r"}`, result{packages: []string{"1: cran a|1|||||map[vcs_url:git+https://g.example/u/r]"}}},
		{"other hosts", `"a":{"Version":"1","Source":"GitLab","RemoteUsername":"u","RemoteRepo":"r"},"b":{"Version":"1","Source":"Bitbucket","RemoteUsername":"u","RemoteRepo":"r"}`, result{packages: []string{
			"1: cran a|1|||||map[vcs_url:git+https://gitlab.com/u/r]", "1: cran b|1|||||map[vcs_url:git+https://bitbucket.org/u/r]",
		}}},
		{"git", `"a":{"Version":"1","Source":"git","RemoteUrl":"https://g.example/a.git","RemoteSha":"01"},"b":{"Version":"1","Source":"git"}`, result{packages: []string{"1: cran a|1|||||map[vcs_url:git+https://g.example/a.git@01]", "1: cran b|1||||"}}},
		{"bad packages", `"a":7,"b":{},"c d":{"Version":"1"},"e":{"Version":"1","Source":7}`, result{
			packages: []string{"1: cran e|1||||"},
			problems: []string{`line 1: package "a" has no version`, `line 1: package "b" has no version`, `line 1: "c d" is no name of a package; its version is "1"`, `line 1: a value of package "e" is of another type than expected`},
		}},
		{"a long version", `"a":{"Version":"` + strings.Repeat("1", maxText+1) + `"}`, result{problems: []string{`line 1: version of package "a" is too long: "` + strings.Repeat("1", 80) + `…"`}}},
	}
	for _, tt := range tests {
		assert.Equalf(t, tt.want, extract(t, lock, `{"Bioconductor":{"Version":"3.14"},"Packages":{`+tt.packages+`}}`), "Extract, %s", tt.name)
	}
	assert.Equal(t, result{
		packages: []string{"1: cran a|1||||"}, problems: []string{"the file ends early or is damaged in line 2: unexpected EOF"},
	}, extract(t, lock, `{"Packages":{"a":{"Version":"1"},`+"\n\"b\":{"))
}

// numbers returns n names of packages as parts of a list.
func numbers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"p%d",`, i)
	}
	return b.String()
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
		{"canceled", canceled, strings.NewReader(`{}`), context.Canceled, ""},
		{"read error", t.Context(), iotest.ErrReader(broken), broken, ""},
		{"without end", t.Context(), extracttest.Endless(" "), inventory.ErrTooLarge, "more than 33554432 bytes"},
		{"packages without end", t.Context(), strings.NewReader(`{"Packages":{` + strings.Repeat(`"a":{},`, maxPackages+1)), inventory.ErrTooLarge, "more than 50000 packages"},
		{"requirements without end", t.Context(), strings.NewReader(`{"Packages":{` + strings.Repeat(`"a":{"Version":"1","Requirements":[`+numbers(1000)+`"x"]},`, 500)), inventory.ErrTooLarge, "more than 500000 requirements"},
		{"no packages", t.Context(), strings.NewReader(`{"R":{}}`), nil, "no packages"},
		{"another type", t.Context(), strings.NewReader(`{"Packages":[]}`), nil, "no packages"},
		{"empty", t.Context(), strings.NewReader(""), io.ErrUnexpectedEOF, ""},
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
	f.Add(extracttest.Fixture(f, "renv", "renv.lock"))
	f.Add(`{"R":{},"Packages":{"a":{"Package":"a","Version":"1","Source":"GitHub","RemoteUsername":"u","RemoteRepo":"r","Requirements":["b","R"],"Imports":"b (>= 1), c"},"b":{"Version":"2"},"c":7}}`)
	f.Fuzz(func(t *testing.T, content string) {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(lock, content))
		extracttest.Check(t, facts, err)
		again, errAgain := Extractor{}.Extract(t.Context(), inventory.NewFile(lock, 0o644, 0, iotest.OneByteReader(strings.NewReader(content)), nil))
		require.Equal(t, fmt.Sprint(err), fmt.Sprint(errAgain))
		require.Equal(t, facts, again)
		versions := make(map[string]bool)
		for _, p := range facts.Packages {
			require.NotEqual(t, p.Version == "", p.Constraint == "")
			require.Positive(t, p.Line)
			require.LessOrEqual(t, p.Line, strings.Count(content, "\n")+1)
			versions[p.Name+"@"+p.Version] = true
		}
		for _, p := range facts.Packages {
			seen := make(map[string]bool)
			for _, name := range p.Requires {
				require.False(t, seen[name], name)
				seen[name] = true
			}
		}
	})
}

func BenchmarkExtract(b *testing.B) {
	content := `{"Packages":{` + strings.Repeat(`"a":{"Package":"a","Version":"1.0","Source":"Repository","Repository":"CRAN","Requirements":["b","c"],"Hash":"543776ae6848fde2f48ff3816d0628bc"},`, 99) + `"b":{"Version":"1"}}}`
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), extracttest.File(lock, content))
		if err != nil || len(facts.Packages) != 100 {
			b.Fatal(len(facts.Packages), err)
		}
	}
}
