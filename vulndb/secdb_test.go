package vulndb_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// Random security databases, by plain loops over them: a package has a flaw if
// its origin, or in Wolfi and Chainguard its own name, is listed with a fix
// above the version; the lowest of several fixes counts, and the version "0"
// means that there was never one.
func TestMatchRandomSecDB(t *testing.T) {
	rnd := rand.New(rand.NewPCG(11, 12))
	pick := func(list ...string) string { return list[rnd.IntN(len(list))] }
	versions := []string{"1.0-r0", "1.0-r1", "1.2-r0", "1.10-r0", "2.0-r0", "2.0-r12"} // ascending
	prefixes := map[string]string{
		"wolfi": "https://packages.wolfi.dev/os", "chainguard": "https://packages.cgr.dev/chainguard", "alpine": "https://dl-cdn.alpinelinux.org/alpine",
	}
	type secfixes map[string][]string
	total, never := 0, 0
	for range 40 {
		docs := map[string]map[string]secfixes{} // by distribution, then package
		var files []string
		for _, id := range []string{"wolfi", "chainguard", "alpine"} {
			docs[id] = map[string]secfixes{}
			var list []any
			for _, name := range []string{"foo", "foo-libs", "bar"} {
				if rnd.IntN(4) == 0 {
					continue
				}
				fixes := secfixes{}
				for range rnd.IntN(5) {
					at := pick(append(versions, "0")...)
					fixes[at] = append(fixes[at], fmt.Sprintf("CVE-2026-%04d", rnd.IntN(6)))
				}
				docs[id][name] = fixes
				list = append(list, map[string]any{"pkg": map[string]any{"name": name, "secfixes": fixes}})
			}
			list = append(list, map[string]any{"pkg": map[string]any{"name": "other", "secfixes": secfixes{"1.0-r0": {"CVE-2026-9999"}}}})
			doc := map[string]any{"urlprefix": prefixes[id], "packages": list}
			if id == "alpine" {
				doc["distroversion"] = "v3.19"
			}
			text, err := json.Marshal(doc)
			require.NoError(t, err)
			files = append(files, id+".json", string(text))
		}
		db, report := buildTree(t, files...)
		require.Zero(t, report.Bad, "%v", report.BadRecords)
		never += report.NeverAffected
		for _, os := range []inventory.OS{{ID: "wolfi", Version: "20230201"}, {ID: "chainguard", Version: "20230214"}, {ID: "alpine", Version: "3.19.1"}} {
			for _, p := range [][2]string{{"foo", "foo"}, {"foo-libs", "foo"}, {"bar-dev", "bar"}, {"bar", "foo"}} {
				for at, version := range versions {
					want := []string{}
					names := []string{p[1]}
					if os.ID != "alpine" && p[0] != p[1] {
						names = append(names, p[0])
					}
					for flaw := range 6 {
						id := fmt.Sprintf("CVE-2026-%04d", flaw)
						for _, name := range names {
							lowest := len(versions) // no fix
							for fix, ids := range docs[os.ID][name] {
								if slices.Contains(ids, id) && fix != "0" {
									lowest = min(lowest, slices.Index(versions, fix))
								}
							}
							if lowest < len(versions) && at < lowest && !slices.Contains(want, id) {
								want = append(want, id)
							}
						}
					}
					total += len(want)
					pkg := inventory.Package{Type: "apk", Name: p[0], Version: version, Source: inventory.Source{Name: p[1], Version: version}}
					got := []string{}
					for _, m := range match(t, db, os, pkg).Matches {
						got = append(got, m.ID)
						assert.Equal(t, "fixed", m.Status)
					}
					if !assert.Equalf(t, want, got, "%s %s of %s in %s with %v", p[0], version, p[1], os.ID, docs[os.ID]) {
						t.FailNow()
					}
				}
			}
		}
	}
	assert.Greater(t, total, 1000)
	assert.Positive(t, never)
}
