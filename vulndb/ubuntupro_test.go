package vulndb_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom/inventory"
	"github.com/imagevet/imagevet/vulndb"
)

func ubuntu(version string, services ...string) inventory.OS {
	return inventory.OS{ID: "ubuntu", Version: version, ProServices: services}
}

// on is one element of "affected".
func on(ecosystem, name, rest string) string {
	return fmt.Sprintf(`{"package": {"ecosystem": %q, "name": %q}, %s}`, ecosystem, name, rest)
}

// ubuntuCVE is a record as Canonical publishes them, one for each CVE.
func ubuntuCVE(number int, affected ...string) string {
	return fmt.Sprintf(`{"id": "UBUNTU-CVE-2026-%04d", "upstream": ["CVE-2026-%04d"], "modified": "2026-01-02T03:04:05Z", "affected": [%s]}`,
		number, number, strings.Join(affected, ", "))
}

const (
	jammy    = "Ubuntu:22.04:LTS"
	jammyPro = "Ubuntu:Pro:22.04:LTS"
)

func TestMatchESM(t *testing.T) {
	unfixed := ranges("introduced 0")
	db, _ := build(t,
		ubuntuCVE(1, on(jammy, "a", unfixed), on(jammyPro, "a", ranges("introduced 0, fixed 1.2-1ubuntu0.1~esm1"))),
		ubuntuCVE(2, on(jammy, "b", unfixed), on(jammyPro, "b", unfixed)),
		ubuntuCVE(3, on(jammy, "c", unfixed)),
		ubuntuCVE(4, on(jammyPro, "d", ranges("introduced 0, fixed 1.2-1~esm2"))),
		ubuntuCVE(5, on(jammyPro, "e", unfixed)),
		ubuntuCVE(6, on(jammy, "f", ranges("introduced 0, fixed 1.1")), on(jammyPro, "f", ranges("introduced 0, fixed 1.1+esm3"))),
		ubuntuCVE(7, on(jammy, "g", ranges("introduced 0, fixed 1.3")), on(jammyPro, "g", ranges("introduced 0, fixed 1.1~esm1"))),
		ubuntuCVE(8, on(jammy, "h", ranges("introduced 0, fixed 1.3")), on("Ubuntu:Pro:Realtime:22.04:LTS", "h", unfixed), on("Ubuntu:Pro:FIPS:22.04:LTS", "h", unfixed)),
		ubuntuCVE(9, on("Ubuntu:Pro:FIPS-updates:22.04:LTS", "i", unfixed), on("Ubuntu:Pro:18.04:LTS", "i", unfixed)),
		// The base knows the flaw by one record, ESM by a notice on two.
		ubuntuCVE(10, on(jammy, "k", unfixed)),
		`{"id": "USN-1-1", "upstream": ["CVE-2026-0010", "CVE-2026-0011"], "affected": [`+on(jammyPro, "k", ranges("introduced 0, fixed 1.2~esm1"))+`]}`,
		// Versions that are listed, without a range, say nothing of a fix.
		ubuntuCVE(12, on(jammy, "l", unfixed), on(jammyPro, "l", `"versions": ["0.1"]`)),
		// A range that cannot be read says nothing either.
		ubuntuCVE(13, on(jammyPro, "m", ranges("introduced 0, fixed 1.2~esm1"))),
	)
	off, infra, apps := ubuntu("22.04"), ubuntu("22.04", "esm-infra", "livepatch"), ubuntu("22.04", "esm-apps")
	tests := []struct {
		os            inventory.OS
		name, version string
		want          string // ID, fixed version, status, evidence's ecosystem and fix elsewhere; empty for none
	}{
		{off, "a", "1.2-1", "0001//affected/" + jammy + "/1.2-1ubuntu0.1~esm1"},
		{infra, "a", "1.2-1", "0001/1.2-1ubuntu0.1~esm1/fixed/" + jammyPro + "/"},
		{apps, "a", "1.2-1", "0001/1.2-1ubuntu0.1~esm1/fixed/" + jammyPro + "/"},
		{ubuntu("22.04", "livepatch"), "a", "1.2-1", "0001//affected/" + jammy + "/1.2-1ubuntu0.1~esm1"},
		{infra, "a", "1.2-1ubuntu0.1~esm1", ""},
		{infra, "a", "1.2-1ubuntu0.1", ""},
		{off, "a", "1.2-1ubuntu0.1~esm1", ""}, // is from there
		{off, "a", "1.2-1ubuntu0.1", "0001//affected/" + jammy + "/1.2-1ubuntu0.1~esm1"},
		{off, "a", "1.1~esm1", "0001/1.2-1ubuntu0.1~esm1/fixed/" + jammyPro + "/"},
		{off, "b", "1", "0002//affected/" + jammy + "/"},
		{infra, "b", "1", "0002//affected/" + jammy + "/"},
		{infra, "c", "1", "0003//affected/" + jammy + "/"},
		{off, "d", "1.2-1~", "0004//affected/" + jammyPro + "/1.2-1~esm2"},
		{infra, "d", "1.2-1~", "0004/1.2-1~esm2/fixed/" + jammyPro + "/"},
		{off, "d", "1.2-1~esm2", ""},
		{off, "e", "1", "0005//affected/" + jammyPro + "/"},
		{infra, "e", "1", "0005//affected/" + jammyPro + "/"},
		{infra, "f", "1.1", ""}, // the release has it fixed
		{off, "f", "1.1", ""},
		{infra, "f", "1.0", "0006/1.1/fixed/" + jammy + "/"},
		{infra, "g", "1.2", "0007/1.3/fixed/" + jammy + "/"},
		{infra, "h", "1.3", ""},
		{infra, "h", "1.3+Fips1", "0008//affected/Ubuntu:Pro:FIPS:22.04:LTS/"},
		{infra, "i", "1", ""},
		{off, "i", "1-fips", "0009//affected/Ubuntu:Pro:FIPS-updates:22.04:LTS/"},
		{off, "k", "1.1", "0010//affected/" + jammy + "/1.2~esm1 0011//affected/" + jammyPro + "/1.2~esm1"},
		{infra, "k", "1.1", "0010/1.2~esm1/fixed/" + jammyPro + "/ 0011/1.2~esm1/fixed/" + jammyPro + "/"},
		{infra, "k", "1.2~esm1", ""},
		{off, "k", "1.2", "0010//affected/" + jammy + "/1.2~esm1"},
		{infra, "l", "1.2", "0012//affected/" + jammy + "/"},
		{ubuntu("20.04", "esm-infra"), "a", "1", ""}, // another release
	}
	for _, tt := range tests {
		result := match(t, db, tt.os, deb(tt.name, tt.version))
		assert.Empty(t, result.Problems)
		var got []string
		for _, m := range result.Matches {
			other := ""
			if m.FixIn != nil {
				other = m.FixIn.Version
				assert.Equal(t, vulndb.ChannelESM, m.FixIn.Channel)
				assert.Equal(t, jammyPro, m.FixIn.Ecosystem)
			}
			got = append(got, strings.Join([]string{strings.TrimPrefix(m.ID, "CVE-2026-"), m.FixedVersion, m.Status, m.Evidence.Ecosystem, other}, "/"))
		}
		assert.Equalf(t, tt.want, strings.Join(got, " "), "%s %s with %q", tt.name, tt.version, tt.os.ProServices)
		e := explain(t, db, tt.os, deb(tt.name, tt.version))
		affected := slices.ContainsFunc(e.Advisories, func(j vulndb.Judgement) bool { return j.Verdict == vulndb.VerdictAffected })
		assert.Equalf(t, tt.want != "", affected, "%s %s with %q: %+v", tt.name, tt.version, tt.os.ProServices, e.Advisories)
	}
}

func TestExplainESM(t *testing.T) {
	db, _ := build(t,
		ubuntuCVE(1, on(jammy, "a", ranges("introduced 0")), on(jammyPro, "a", ranges("introduced 0, fixed 1.2~esm1"))),
		ubuntuCVE(2, on(jammy, "b", ranges("introduced 0, fixed 1.1")), on(jammyPro, "b", ranges("introduced 0, fixed 1.2~esm1"))),
		ubuntuCVE(3, on(jammy, "c", ranges("introduced 0")), on("Ubuntu:Pro:FIPS:22.04:LTS", "c", ranges("introduced 0, fixed 1.2+Fips1"))),
	)
	for _, tt := range []struct {
		os            inventory.OS
		name, version string
		want          []string
	}{
		{ubuntu("22.04"), "a", "1.1", []string{
			"affected: every version is, and no version is called fixed; it is fixed in 1.2~esm1 of Ubuntu Pro (ESM), which this system does not get",
			"affected: 1.1 is below fixed 1.2~esm1 (deb); it is fixed in 1.2~esm1 of Ubuntu Pro (ESM), which this system does not get",
		}},
		{ubuntu("22.04", "esm-apps"), "a", "1.1", []string{
			"affected: every version is, and no version is called fixed; it is fixed in 1.2~esm1 of Ubuntu:Pro:22.04:LTS, which this system gets",
			"affected: 1.1 is below fixed 1.2~esm1 (deb)",
		}},
		{ubuntu("22.04", "esm-apps"), "a", "1.2", []string{
			"not affected: the fix of Ubuntu Pro (ESM) is installed, and in the release itself every version is, and no version is called fixed",
			"not affected: 1.2 is at or above fixed 1.2~esm1 (deb)",
		}},
		{ubuntu("22.04"), "b", "1.1", []string{
			"not affected: 1.1 is at or above fixed 1.1 (deb)",
			"not affected: what the release itself says of the flaw counts, and here 1.1 is below fixed 1.2~esm1 (deb)",
		}},
		{ubuntu("22.04"), "c", "1.2+Fips1", []string{
			"not affected: for a package that was built for FIPS the advisories on those count, and here every version is, and no version is called fixed",
			"not affected: 1.2+Fips1 is at or above fixed 1.2+Fips1 (deb)",
		}},
	} {
		e := explain(t, db, tt.os, deb(tt.name, tt.version))
		var got []string
		for _, j := range e.Advisories {
			got = append(got, j.Text)
			assert.Equal(t, strings.HasPrefix(j.Text, "affected"), j.Verdict == vulndb.VerdictAffected, j.Text)
		}
		assert.Equalf(t, tt.want, got, "%s %s with %q", tt.name, tt.version, tt.os.ProServices)
		assert.Contains(t, e.Searched, jammyPro)
	}
}

// What changes in the channel of ESM changes the answer for the release.
func TestDiffESM(t *testing.T) {
	before, _ := build(t, ubuntuCVE(1, on(jammy, "a", ranges("introduced 0")), on(jammyPro, "a", ranges("introduced 0"))))
	after, _ := build(t, ubuntuCVE(1, on(jammy, "a", ranges("introduced 0")), on(jammyPro, "a", ranges("introduced 0, fixed 2~esm1"))))
	changes, err := vulndb.Diff(t.Context(), before, after)
	require.NoError(t, err)
	assert.True(t, changes.Affects(ubuntu("22.04"), []inventory.Package{deb("a", "1")}))
	assert.False(t, changes.Affects(ubuntu("22.04"), []inventory.Package{deb("b", "1")}))
	assert.False(t, changes.Affects(ubuntu("20.04"), []inventory.Package{deb("a", "1")}))
}

// refESM answers by the rules in plain words, one flaw at a time. It returns
// "ID fix status fix-elsewhere" for each, sorted.
func refESM(records []*refRecord, p inventory.Package, esm bool, compare compareFunc) []string {
	type said struct{ named, affected, fixed bool }
	byID := map[string]bool{}
	for _, r := range records {
		for _, id := range r.refFlaws() {
			byID[id] = true
		}
	}
	var out []string
	for id := range byID {
		ask := func(ecosystem string) (s said, fix string) {
			var covering []*refRecord
			for _, r := range records {
				names := slices.ContainsFunc(r.Affected, func(a refAffected) bool { return a.Package.Name == p.Name && a.Package.Ecosystem == ecosystem })
				if !names || r.Withdrawn != "" || !slices.Contains(r.refFlaws(), id) {
					continue
				}
				s.named = true
				if in, _ := r.affects(ecosystem, p.Name, p.Version, compare); in {
					s.affected = true
					covering = append(covering, r)
					continue
				}
				for _, a := range r.Affected { // each has one range here
					if a.Package.Name == p.Name && a.Package.Ecosystem == ecosystem {
						for _, e := range a.Ranges[0].Events {
							s.fixed = s.fixed || e["fixed"] != "" && compare(e["fixed"], p.Version) <= 0
						}
					}
				}
			}
			slices.SortFunc(covering, func(a, b *refRecord) int {
				return cmp.Or(cmp.Compare(len(a.Upstream), len(b.Upstream)), cmp.Compare(a.ID, b.ID))
			})
			if len(covering) > 0 {
				fix = covering[0].fix(ecosystem, p.Name, p.Version, compare)
			}
			return s, fix
		}
		base, baseFix := ask(jammy)
		pro, proFix := ask(jammyPro)
		switch {
		case base.affected && baseFix != "":
			out = append(out, id+" "+baseFix)
		case base.affected && pro.affected && proFix != "" && esm:
			out = append(out, id+" "+proFix)
		case base.affected && !pro.affected && pro.fixed && esm:
		case base.affected && (pro.affected && proFix != "" || !pro.affected && pro.fixed):
			out = append(out, id+" elsewhere")
		case base.affected:
			out = append(out, id+" none")
		case base.named || !pro.affected:
		case proFix == "":
			out = append(out, id+" none")
		case esm:
			out = append(out, id+" "+proFix)
		default:
			out = append(out, id+" elsewhere")
		}
	}
	slices.Sort(out)
	return out
}

// Random records in the release and in ESM: the database answers as the plain
// rules do, by each way of asking.
func TestMatchRandomESM(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	pick := func(list ...string) string { return list[rnd.IntN(len(list))] }
	anyVersion := func() string { return pick("1", "1-1", "1.0", "1~esm1", "2", "2.1~esm2", "3") }
	compare := compareBy(t, "deb")
	total, elsewhere := 0, 0
	for range 60 {
		var texts []string
		var records []*refRecord
		for i := range 25 {
			var affected []string
			for _, ecosystem := range []string{jammy, jammyPro, "Ubuntu:20.04:LTS"} {
				for _, name := range []string{"a", "b"} {
					if rnd.IntN(2) == 0 {
						affected = append(affected, on(ecosystem, name, ranges(pick("introduced 0", "introduced 0, fixed "+anyVersion(), "introduced "+anyVersion()+", fixed 4"))))
					}
				}
			}
			text := ubuntuCVE(rnd.IntN(2000)*10+i%10, affected...)
			if rnd.IntN(4) == 0 {
				text = fmt.Sprintf(`{"id": "USN-%d-1", "upstream": ["CVE-2026-0%03d", "CVE-2026-0%03d"], "withdrawn": %q, "affected": [%s]}`,
					i, rnd.IntN(10), rnd.IntN(10)+10, pick("", "", "2026-01-01T00:00:00Z"), strings.Join(affected, ", "))
			} else if rnd.IntN(2) == 0 {
				text = ubuntuCVE(i%20, affected...)
			}
			r := new(refRecord)
			require.NoError(t, json.Unmarshal([]byte(text), r))
			if slices.ContainsFunc(records, func(o *refRecord) bool { return o.ID == r.ID }) {
				continue
			}
			texts, records = append(texts, text), append(records, r)
		}
		db, _ := build(t, texts...)
		for _, os := range []inventory.OS{ubuntu("22.04"), ubuntu("22.04", "esm-infra")} {
			matcher, err := db.Matcher(os)
			require.NoError(t, err)
			for _, name := range []string{"a", "b"} {
				for _, version := range []string{"0", "1", "1~esm1", "1.0", "2", "2.1~esm2", "2.1", "3", "4"} {
					p := deb(name, version)
					want := refESM(records, p, len(os.ProServices) > 0 || strings.Contains(version, "esm"), compare)
					total += len(want)
					result := match(t, db, os, p)
					assert.Empty(t, result.Problems)
					got := []string{}
					for _, m := range result.Matches {
						fix := cmp.Or(m.FixedVersion, "none")
						if m.FixIn != nil {
							fix = "elsewhere"
							elsewhere++
							assert.Empty(t, m.FixedVersion)
						}
						got = append(got, m.ID+" "+fix)
					}
					slices.Sort(got)
					if !assert.ElementsMatchf(t, want, got, "%s %s with %q of %s", name, version, os.ProServices, strings.Join(texts, "\n")) {
						t.FailNow()
					}
					alone, _, err := matcher.Match(t.Context(), &p)
					require.NoError(t, err)
					assert.ElementsMatch(t, result.Matches, alone)
					assertExplains(t, db, os, p, result.Matches)
				}
			}
			matcher.Close()
		}
	}
	assert.Greater(t, total, 2000)
	assert.Greater(t, elsewhere, 200)
}

// assertExplains checks that Explain calls affected what Match does, with the
// same flaws.
func assertExplains(t *testing.T, db *vulndb.DB, os inventory.OS, p inventory.Package, matches []vulndb.Match) {
	t.Helper()
	want, got := map[string]bool{}, map[string]bool{}
	for _, m := range matches {
		for _, e := range append([]vulndb.Evidence{m.Evidence}, m.Other...) {
			want[e.Advisory+" "+e.Ecosystem] = true
		}
	}
	for _, j := range explain(t, db, os, p).Advisories {
		if j.Verdict == vulndb.VerdictAffected {
			got[j.Advisory+" "+j.Ecosystem] = true
		}
	}
	require.Equal(t, want, got)
}
