package vulndb_test

import (
	"archive/zip"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/sharedtest"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// Real advisories of AlmaLinux on all packages that they name, by the plain
// way over the JSON records: streams of modules apart, the lowest fix of a
// package, CVEs of "related", no errata without a CVE but security advisories,
// and the fix for the minor release that a package outside of modules was built for.
func TestMatchRealAlma(t *testing.T) {
	path := sharedtest.Path(t, "data", "osv", "AlmaLinux", "all.zip")
	z, err := zip.OpenReader(path)
	require.NoError(t, err)
	defer z.Close()
	type fix struct {
		record, stream string
		versions       []string // each build that has the fix
		ids            []string
	}
	const release = "AlmaLinux:8"
	label := regexp.MustCompile(`[\w.+-]+:[\w.+-]+`)
	fixes := map[string][]*fix{} // by package and "module" or "plain"
	var pkgs []inventory.Package
	seen := map[string]bool{}
	for _, member := range z.File {
		f, err := member.Open()
		require.NoError(t, err)
		var r struct {
			ID, Summary string
			Related     []string
			Affected    []struct {
				Package struct{ Ecosystem, Name string }
				Ranges  []struct{ Events []map[string]string }
			}
		}
		require.NoError(t, json.NewDecoder(f).Decode(&r))
		require.NoError(t, f.Close())
		ids := slices.DeleteFunc(slices.Clone(r.Related), func(id string) bool { return !strings.HasPrefix(id, "CVE-") })
		if len(ids) == 0 {
			if !strings.HasPrefix(r.ID, "ALSA-") {
				continue
			}
			ids = []string{r.ID}
		}
		streams := label.FindAllString(r.Summary, -1)
		if len(streams) > 1 {
			continue // left to the table
		}
		byName := map[string]*fix{}
		for _, a := range r.Affected {
			if a.Package.Ecosystem != release {
				continue
			}
			require.Len(t, a.Ranges, 1, r.ID)
			version := a.Ranges[0].Events[1]["fixed"]
			key := a.Package.Name + " plain"
			pkg := inventory.Package{Type: "rpm", Name: a.Package.Name, Version: version}
			e := &fix{record: r.ID, ids: ids}
			if strings.Contains(version, ".module_") {
				key = a.Package.Name + " module"
				if len(streams) == 1 {
					e.stream = streams[0]
					pkg.Module = streams[0] + ":8040020210817:abc"
				} else {
					pkg.Module = "none:0:1:2"
				}
			}
			if byName[key] == nil {
				byName[key] = e
				fixes[key] = append(fixes[key], e)
			}
			byName[key].versions = append(byName[key].versions, version)
			if at := fmt.Sprint(pkg); !seen[at] {
				seen[at] = true
				pkgs = append(pkgs, pkg)
			}
		}
	}
	compare := compareBy(t, "rpm")
	db := buildFile(t, path)
	if !*full { // a part of them, in an order that is the same each time
		var some []inventory.Package
		for i := 0; i < len(pkgs); i += 25 {
			some = append(some, pkgs[i])
		}
		pkgs = some
	}
	result := match(t, db, inventory.OS{ID: "almalinux", Version: "8.10"}, pkgs...)
	got := make([]map[string]bool, len(pkgs))
	for i := range got {
		got[i] = map[string]bool{}
	}
	several := map[string]bool{} // advisories on several streams
	for _, m := range result.Matches {
		if _, ok := several[m.Evidence.Advisory]; !ok {
			several[m.Evidence.Advisory] = len(label.FindAllString(m.Summary, -1)) > 1
		}
		if !several[m.Evidence.Advisory] {
			got[m.Package][m.ID] = true
		}
	}
	// What minor release a version was built for.
	built := regexp.MustCompile(`\.el(\d+)_(\d+)`)
	minor := func(version string) string {
		m := built.FindStringSubmatch(version)
		if m == nil {
			return ""
		}
		return m[1] + "." + m[2]
	}
	ends := map[*fix]string{}
	for key, list := range fixes {
		for _, e := range list {
			ends[e] = slices.MinFunc(e.versions, compare)
			if e.stream == "" && strings.HasSuffix(key, " module") { // which build is of which stream is open
				ends[e] = slices.MaxFunc(e.versions, compare)
			}
		}
	}
	total, overruled := 0, 0
	for i, p := range pkgs {
		key := p.Name + " plain"
		if p.Module != "" {
			key = p.Name + " module"
		}
		want, own := map[string]bool{}, map[string]bool{}
		for _, e := range fixes[key] {
			for _, id := range e.ids {
				if minor(p.Version) != "" && minor(ends[e]) == minor(p.Version) && compare(p.Version, ends[e]) >= 0 {
					own[id] = true
				}
			}
		}
		for _, e := range fixes[key] {
			if e.stream != "" && !strings.HasPrefix(p.Module, e.stream+":") {
				continue
			}
			for _, id := range e.ids {
				switch {
				case compare(p.Version, ends[e]) >= 0:
				case own[id] && minor(ends[e]) != minor(p.Version):
					overruled++
				default:
					want[id] = true
				}
			}
		}
		total += len(want)
		if !maps.Equal(want, got[i]) {
			assert.Failf(t, "answers differ", "%s %s %q:\nwant %v\ngot  %v", p.Name, p.Version, p.Module, slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got[i])))
			return
		}
	}
	t.Logf("%d packages, %d findings, %d that the fix for the same minor release overrules", len(pkgs), total, overruled)
	assert.NotZero(t, overruled)
	assert.Greater(t, total, 1000)
	assert.Empty(t, result.Problems)
}
