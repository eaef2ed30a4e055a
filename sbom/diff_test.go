package sbom_test

import (
	"encoding/json"
	"fmt"
	"log"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom"
)

// pkg reads "NAME VERSION [ARCH [PATH]]".
func pkg(text string) sbom.Package {
	f := strings.Fields(text)
	p := sbom.Package{Type: "deb", Namespace: "debian", Name: f[0]}
	if len(f) > 1 {
		p.Version = f[1]
	}
	if len(f) > 2 {
		p.Arch = strings.Trim(f[2], "-")
	}
	if len(f) > 3 {
		p.Paths = f[3:]
	}
	return p
}

func pkgs(texts ...string) *sbom.BOM {
	b := &sbom.BOM{}
	for _, text := range texts {
		b.Packages = append(b.Packages, pkg(text))
	}
	return b
}

// lines describes changes.
func lines(c sbom.Changes) []string {
	var out []string
	name := func(p sbom.Package) string {
		return strings.Trim(p.Name+" "+p.Version+" "+p.Arch, " ")
	}
	if c.OS != nil {
		out = append(out, c.OS.From.ID+c.OS.From.Version+" > "+c.OS.To.ID+c.OS.To.Version)
	}
	for _, p := range c.Added {
		out = append(out, "+ "+name(p))
	}
	for _, p := range c.Removed {
		out = append(out, "- "+name(p))
	}
	for _, v := range c.Changed {
		out = append(out, name(v.From)+" > "+name(v.To))
	}
	for _, p := range c.Parts {
		out = append(out, p.Status+" "+p.Name)
		for _, line := range lines(p.Changes) {
			out = append(out, "  "+line)
		}
	}
	return out
}

func TestDiff(t *testing.T) {
	tests := []struct {
		name     string
		from, to *sbom.BOM
		want     []string
	}{
		{"nothing", nil, nil, nil},
		{"from nothing", nil, pkgs("a 1"), []string{"+ a 1"}},
		{"to nothing", pkgs("a 1"), nil, []string{"- a 1"}},
		{"another version", pkgs("a 1", "b 1"), pkgs("b 2", "a 1"), []string{"b 1 > b 2"}},
		{"sorted", pkgs("b 1", "a 1", "d 1", "c 1"), pkgs("f 1", "e 1", "d 2", "c 2"), []string{"+ e 1", "+ f 1", "- a 1", "- b 1", "c 1 > c 2", "d 1 > d 2"}},
		{"the same version first", pkgs("a 1", "a 2"), pkgs("a 2", "a 3"), []string{"a 1 > a 3"}},
		{"in order", pkgs("a 1", "a 2"), pkgs("a 3", "a 4", "a 5"), []string{"+ a 5", "a 1 > a 3", "a 2 > a 4"}},
		{"one of two", pkgs("a 1", "a 2"), pkgs("a 2"), []string{"- a 1"}},
		{"the same files", pkgs("a 1 - x", "a 2 - y"), pkgs("a 3 - y", "a 4 - x"), []string{"a 1 > a 4", "a 2 > a 3"}},
		{"no files", pkgs("a 1 - x", "a 2"), pkgs("a 3", "a 4 - y"), []string{"a 1 > a 3", "a 2 > a 4"}},
		{"twice", pkgs("a 1 - x"), pkgs("a 1 - x", "a 1 - y"), []string{"+ a 1"}},
		{"other files only", pkgs("a 1 - x"), pkgs("a 1 - y"), nil},
		{"architectures", pkgs("a 1 amd64", "a 1 arm64"), pkgs("a 2 arm64", "a 3 amd64"), []string{"a 1 amd64 > a 3 amd64", "a 1 arm64 > a 2 arm64"}},
		{"another architecture", pkgs("a 1 amd64"), pkgs("a 1 arm64"), []string{"+ a 1 arm64", "- a 1 amd64"}},
		{"an architecture that is not known", pkgs("a 1"), pkgs("a 1 amd64"), nil},
		{"a known one fits better", pkgs("a 1", "a 1 amd64"), pkgs("a 1 amd64"), []string{"- a 1"}},
		{"more without", pkgs("a 1", "a 1"), pkgs("a 1 amd64", "a 1 arm64", "a 1 s390x"), []string{"+ a 1 s390x"}},
		{"an architecture comes with a version", pkgs("a 1 amd64", "a 1"), pkgs("a 2 amd64", "a 2 arm64"), []string{"a 1 > a 2 arm64", "a 1 amd64 > a 2 amd64"}},
		{
			"other names", &sbom.BOM{Packages: []sbom.Package{{Type: "npm", Name: "a"}, {Type: "npm", Namespace: "@x", Name: "b"}}},
			&sbom.BOM{Packages: []sbom.Package{{Type: "gem", Name: "a"}, {Type: "npm", Namespace: "@y", Name: "b"}}},
			[]string{"+ a", "+ b", "- a", "- b"},
		},
		{
			"deleted", pkgs("a 1"), &sbom.BOM{Packages: []sbom.Package{{Type: "deb", Namespace: "debian", Name: "a", Version: "1", DeletedBy: &sbom.Layer{}}}},
			[]string{"- a 1"},
		},
		{"release", &sbom.BOM{OS: sbom.OS{ID: "debian", Version: "12"}}, &sbom.BOM{OS: sbom.OS{ID: "debian", Version: "13"}}, []string{"debian12 > debian13"}},
		{"the name alone", &sbom.BOM{OS: sbom.OS{ID: "debian", Name: "x"}}, &sbom.BOM{OS: sbom.OS{ID: "debian", Name: "y"}}, nil},
		{
			"parts", product(part("web", "1", "a 1"), part("db", "2", "b 1"), part("same", "3", "c 1")),
			product(part("same", "4", "c 1"), part("web", "5", "a 2"), part("cache", "6", "d 1")),
			[]string{"added cache", "  + d 1", "removed db", "  - b 1", "changed web", "  a 1 > a 2"},
		},
		{
			"parts of one name", product(part("x", "1", "a 1"), part("x", "2", "b 1"), part("x", "3", "c 1")), product(part("x", "2", "b 2"), part("x", "4", "a 2"), nil),
			[]string{"changed x", "  b 1 > b 2", "changed x", "  a 1 > a 2", "removed x", "  - c 1"},
		},
		{"an empty part", product(), product(part("x", "1")), []string{"added x"}},
	}
	for _, tt := range tests {
		t.Run(strings.ReplaceAll(tt.name, " ", "_"), func(t *testing.T) {
			c := sbom.Diff(tt.from, tt.to)
			assert.Equal(t, tt.want, lines(c))
			assert.Equal(t, len(tt.want) == 0, c.IsZero())
			assert.Equal(t, sortedLines(mirror(c)), sortedLines(sbom.Diff(tt.to, tt.from)), "the other way round")
		})
	}
}

func product(parts ...*sbom.BOM) *sbom.BOM { return &sbom.BOM{Parts: parts} }

func part(name, digest string, packages ...string) *sbom.BOM {
	b := pkgs(packages...)
	b.Target.Name, b.Target.Digest = name, digest
	return b
}

// mirror turns changes round, but for the order of lists.
func mirror(c sbom.Changes) sbom.Changes {
	out := sbom.Changes{Added: c.Removed, Removed: c.Added}
	if c.OS != nil {
		out.OS = &sbom.OSChange{From: c.OS.To, To: c.OS.From}
	}
	for _, v := range c.Changed {
		out.Changed = append(out.Changed, sbom.VersionChange{From: v.To, To: v.From})
	}
	for _, p := range c.Parts {
		p.Changes = mirror(p.Changes)
		switch p.Status {
		case "added":
			p.Status = "removed"
		case "removed":
			p.Status = "added"
		}
		out.Parts = append(out.Parts, p)
	}
	return out
}

// sortedLines describes changes with the files of the packages, in an order that
// does not depend on which inventory was the first.
func sortedLines(c sbom.Changes) []string {
	withFiles := func(p *sbom.Package) { p.Name += fmt.Sprint(p.Paths) }
	c.Added, c.Removed, c.Changed = slices.Clone(c.Added), slices.Clone(c.Removed), slices.Clone(c.Changed)
	for _, list := range [][]sbom.Package{c.Added, c.Removed} {
		for i := range list {
			withFiles(&list[i])
		}
	}
	for i := range c.Changed {
		withFiles(&c.Changed[i].From)
		withFiles(&c.Changed[i].To)
	}
	out := lines(c)
	slices.Sort(out)
	return out
}

// randomBOM has few names, versions, architectures and files, so that most
// things happen.
func randomBOM(r *rand.Rand) *sbom.BOM {
	b := &sbom.BOM{}
	for range r.IntN(12) {
		p := pkg(fmt.Sprintf("%c %d", 'a'+r.IntN(3), r.IntN(4)))
		p.Arch = []string{"", "amd64", "arm64"}[r.IntN(3)]
		if n := r.IntN(3); n > 0 {
			p.Paths = []string{fmt.Sprint("p", n)}
		}
		if r.IntN(8) == 0 {
			p.DeletedBy = &sbom.Layer{}
		}
		b.Packages = append(b.Packages, p)
	}
	return b
}

func TestDiffProperties(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	count := func(b *sbom.BOM) (n int) {
		for _, p := range b.Packages {
			if p.DeletedBy == nil {
				n++
			}
		}
		return n
	}
	for range 5000 {
		a, b := randomBOM(r), randomBOM(r)
		c := sbom.Diff(a, b)
		require.Equal(t, count(b), count(a)+len(c.Added)-len(c.Removed), "what was added and removed adds up: %q", lines(c))
		require.Equal(t, sortedLines(mirror(c)), sortedLines(sbom.Diff(b, a)), "the other way round")
		require.True(t, sbom.Diff(a, a).IsZero())
		for _, v := range c.Changed {
			require.NotEqual(t, v.From.Version, v.To.Version)
			require.Equal(t, v.From.Name, v.To.Name)
		}
		r.Shuffle(len(a.Packages), func(i, j int) { a.Packages[i], a.Packages[j] = a.Packages[j], a.Packages[i] })
		require.Equal(t, c, sbom.Diff(a, b), "the order of the packages means nothing")
	}
}

// TestDiffLarge compares many packages of one name, as a hostile document has
// them, which must not take long.
func TestDiffLarge(t *testing.T) {
	var a, b sbom.BOM
	const n = 20_000
	for i := range n {
		a.Packages = append(a.Packages, sbom.Package{Name: "x", Version: fmt.Sprint("a", i)})
		b.Packages = append(b.Packages, sbom.Package{Name: "x", Version: fmt.Sprint("b", i), Arch: fmt.Sprint(i)})
	}
	c := sbom.Diff(&a, &b)
	assert.Len(t, c.Changed, n)
	assert.Empty(t, c.Added)
}

func TestChangesMarshalJSON(t *testing.T) {
	data, err := json.Marshal(sbom.Changes{})
	require.NoError(t, err)
	assert.JSONEq(t, `{"added":[],"removed":[],"changed":[]}`, string(data))
	p := sbom.Package{
		Type: "npm", Namespace: "@a", Name: "b", Version: "1", PURL: "pkg:npm/%40a/b@1", Paths: []string{"x"}, Layer: sbom.Layer{Index: 2, DiffID: "sha256:d"},
		Licenses: []string{"MIT"}, Relation: sbom.Direct, Development: true,
	}
	data, err = json.Marshal(sbom.Changes{
		OS:      &sbom.OSChange{From: sbom.OS{ID: "debian", Version: "12"}, To: sbom.OS{ID: "debian", Version: "13", Name: "Debian"}},
		Changed: []sbom.VersionChange{{From: sbom.Package{Name: "c"}, To: p}},
		Parts:   []sbom.PartChange{{Name: "web", Status: "added", Changes: sbom.Changes{Added: []sbom.Package{{Name: "c"}}}}},
	})
	require.NoError(t, err)
	const c = `{"purl":"","type":"","name":"c","version":"","arch":"","source":{"name":"","version":""},"paths":[],"layer":{"index":0,"digest":"","diff_id":"","created_by":""}}`
	assert.JSONEq(t, `{
		"os":{"from":{"id":"debian","version":"12","name":""},"to":{"id":"debian","version":"13","name":"Debian"}},
		"added":[],"removed":[],
		"changed":[{"from":`+c+`,"to":{"purl":"pkg:npm/%40a/b@1","type":"npm","namespace":"@a","name":"b","version":"1","arch":"","source":{"name":"","version":""},
			"licenses":["MIT"],"paths":["x"],"layer":{"index":2,"digest":"","diff_id":"sha256:d","created_by":""},"relation":"direct","development":true}}],
		"parts":[{"name":"web","status":"added","changes":{"added":[`+c+`],"removed":[],"changed":[]}}]}`, string(data))
}

// A comment on a pull request that says what a new image changes.
func ExampleDiff() {
	before := &sbom.BOM{Packages: []sbom.Package{
		{Type: "deb", Name: "libssl3", Version: "3.0.11-1"},
		{Type: "deb", Name: "wget", Version: "1.21.3-1"},
	}}
	after := &sbom.BOM{Packages: []sbom.Package{
		{Type: "deb", Name: "curl", Version: "7.88.1-10"},
		{Type: "deb", Name: "libssl3", Version: "3.0.15-1"},
	}}
	changes := sbom.Diff(before, after)
	if changes.IsZero() {
		fmt.Println("The packages are the same.")
	}
	for _, p := range changes.Added {
		fmt.Printf("- new: %s %s\n", p.Name, p.Version)
	}
	for _, p := range changes.Removed {
		fmt.Printf("- gone: %s %s\n", p.Name, p.Version)
	}
	for _, v := range changes.Changed {
		fmt.Printf("- %s: %s, was %s\n", v.To.Name, v.To.Version, v.From.Version)
	}
	// Output:
	// - new: curl 7.88.1-10
	// - gone: wget 1.21.3-1
	// - libssl3: 3.0.15-1, was 3.0.11-1
}

// Changes in JSON, for another program.
func ExampleChanges() {
	changes := sbom.Diff(&sbom.BOM{OS: sbom.OS{ID: "debian", Version: "12"}}, &sbom.BOM{OS: sbom.OS{ID: "debian", Version: "13"}})
	data, err := json.Marshal(changes)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(data))
	// Output:
	// {"os":{"from":{"id":"debian","version":"12","name":""},"to":{"id":"debian","version":"13","name":""}},"added":[],"removed":[],"changed":[]}
}
