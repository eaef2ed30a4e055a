package vulndb_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom/inventory"
	"github.com/imagevet/imagevet/vulndb"
)

func rhel(version string, sets ...string) inventory.OS {
	return inventory.OS{ID: "rhel", Version: version, ContentSets: sets}
}

// The scenario of D12.4: a flaw is fixed for 9.2, where there is extended
// support, and for 9.4.
func TestMatchStreams(t *testing.T) {
	upstream := func(ids string) string { return `"upstream": ["` + strings.ReplaceAll(ids, " ", `", "`) + `"]` }
	record := func(id, ecosystem, fixed, cves string) string {
		return osv(id, ecosystem, "lib", ranges("introduced 0, fixed "+fixed), upstream(cves))
	}
	db, _ := build(t,
		record("RHSA-1", "Red Hat:rhel_eus:9.2::baseos", "1.0-5.el9_2.3", "CVE-2026-0001"),
		record("RHSA-2", "Red Hat:enterprise_linux:9::baseos", "1.0-7.el9_4", "CVE-2026-0001 CVE-2026-0002"),
		record("RHSA-3", "Red Hat:enterprise_linux:9::baseos", "1.0-7.el9", "CVE-2026-0003"),
		record("RHSA-4", "Red Hat:rhel_eus:9.2::baseos", "1.0-5.el9_2.2", "CVE-2026-0003"),
		record("RHSA-5", "Red Hat:rhel_eus:9.2::baseos", "1.0-5.el9_2.9", "CVE-2026-0005"),
		record("RHSA-6", "Red Hat:rhel_eus:9.2::baseos", "1.0-5.el9_2.1", "CVE-2026-0006"),
		record("RHSA-7", "Red Hat:rhel_eus:9.2::baseos", "1.0-5.el9_2.4", "CVE-2026-0006"), // fixed again: the first was not enough
		record("RHSA-8", "Red Hat:openshift:4.12::el9", "3-1", "CVE-2026-0008"),
		osv("RHSA-9", "Red Hat:enterprise_linux:9::baseos", "lib", ranges("introduced 0"), upstream("CVE-2026-0006")),
	)
	eus := rhel("9.2", "rhel-9-for-x86_64-baseos-eus-rpms__9_DOT_2")
	main := rhel("9.2", "rhel-9-for-x86_64-baseos-rpms")
	unknown := rhel("9.4")
	for _, tt := range []struct {
		os      inventory.OS
		version string
		want    []string
	}{
		{eus, "1.0-5.el9_2.3", []string{ // fixed for 9.2: 0001, 0003
			"CVE-2026-0002 RHSA-2 1.0-7.el9_4", "CVE-2026-0005 RHSA-5 1.0-5.el9_2.9", "CVE-2026-0006 RHSA-7 1.0-5.el9_2.4",
		}},
		{eus, "1.0-5.el9_2.1", []string{
			"CVE-2026-0001 RHSA-1 1.0-5.el9_2.3", "CVE-2026-0002 RHSA-2 1.0-7.el9_4", "CVE-2026-0003 RHSA-4 1.0-5.el9_2.2",
			"CVE-2026-0005 RHSA-5 1.0-5.el9_2.9", "CVE-2026-0006 RHSA-7 1.0-5.el9_2.4",
		}},
		{eus, "1.0-5.el9", []string{ // for which minor release is not known: all count
			"CVE-2026-0001 RHSA-1 1.0-5.el9_2.3", "CVE-2026-0002 RHSA-2 1.0-7.el9_4", "CVE-2026-0003 RHSA-3 1.0-7.el9",
			"CVE-2026-0005 RHSA-5 1.0-5.el9_2.9", "CVE-2026-0006 RHSA-6 1.0-5.el9_2.1",
		}},
		{main, "1.0-5.el9_2.3", []string{ // not of extended support
			"CVE-2026-0001 RHSA-2 1.0-7.el9_4", "CVE-2026-0002 RHSA-2 1.0-7.el9_4", "CVE-2026-0003 RHSA-3 1.0-7.el9", "CVE-2026-0006 RHSA-9 ",
		}},
		{unknown, "1.0-5.el9_2.3", []string{ // the package tells
			"CVE-2026-0002 RHSA-2 1.0-7.el9_4", "CVE-2026-0005 RHSA-5 1.0-5.el9_2.9", "CVE-2026-0006 RHSA-7 1.0-5.el9_2.4",
		}},
		{unknown, "1.0-5.el9", []string{
			"CVE-2026-0001 RHSA-2 1.0-7.el9_4", "CVE-2026-0002 RHSA-2 1.0-7.el9_4", "CVE-2026-0003 RHSA-3 1.0-7.el9", "CVE-2026-0006 RHSA-9 ",
		}},
		{unknown, "1.0-6.el9_3", []string{ // no fix for 9.3: the highest counts
			"CVE-2026-0001 RHSA-2 1.0-7.el9_4", "CVE-2026-0002 RHSA-2 1.0-7.el9_4", "CVE-2026-0003 RHSA-3 1.0-7.el9", "CVE-2026-0006 RHSA-9 ",
		}},
		{rhel("9.2", "rhocp-4.12-for-rhel-9-x86_64-rpms"), "2.0-1.el9", []string{"CVE-2026-0006 RHSA-9 ", "CVE-2026-0008 RHSA-8 3-1"}},
		{rhel("9.2", "rhocp-4.13-for-rhel-9-x86_64-rpms"), "2.0-1.el9", []string{"CVE-2026-0006 RHSA-9 "}},
	} {
		got := []string{}
		result := match(t, db, tt.os, rpm("lib", tt.version))
		for _, m := range result.Matches {
			got = append(got, m.ID+" "+m.Evidence.Advisory+" "+m.FixedVersion)
		}
		assert.Equalf(t, tt.want, got, "%s on %v", tt.version, tt.os.ContentSets)
	}

	m := match(t, db, eus, rpm("lib", "1.0-5.el9_2.1")).Matches[0]
	assert.Equal(t, "of 2 fixes the one for el9_2 counts, which the package was built for", m.Evidence.Note)
	require.Len(t, m.Other, 1)
	assert.Equal(t, "RHSA-2", m.Other[0].Advisory)
	assert.Empty(t, m.Other[0].Note)

	e := explain(t, db, eus, rpm("lib", "1.0-5.el9_2.3"))
	texts := map[string]string{}
	for _, j := range e.Advisories {
		texts[j.Advisory] = j.Verdict + " " + strings.Join(j.Flaws, " ") + ": " + j.Text
	}
	assert.Equal(t, "affected CVE-2026-0002: affected: 1.0-5.el9_2.3 is below fixed 1.0-7.el9_4 (rpm); "+
		"but CVE-2026-0001 is fixed for el9_2, which the package was built for, in 1.0-5.el9_2.3 (RHSA-1)", texts["RHSA-2"])
	assert.Equal(t, "not_affected CVE-2026-0003: not affected: CVE-2026-0003 is fixed for el9_2, which the package was built for, in 1.0-5.el9_2.2 (RHSA-4), "+
		"which decides; else 1.0-5.el9_2.3 is below fixed 1.0-7.el9 (rpm)", texts["RHSA-3"])
	assert.Equal(t, []string{"Red Hat:enterprise_linux:9::baseos", "Red Hat:rhel_eus:9.2::baseos"}, e.Searched)
	assert.Equal(t, []string{"Red Hat:enterprise_linux:9::baseos"}, explain(t, db, unknown, rpm("lib", "1.0-5.el9")).Searched)

	// What the rules do not know is told.
	c := match(t, db, rhel("9.2", "some-repository", "rhel-9-for-x86_64-baseos-eus-rpms__9_DOT_0"), rpm("lib", "2-1")).Coverage[0]
	assert.Equal(t, vulndb.CoverageMatched, c.Status)
	assert.Contains(t, c.Reason, "the database has no advisories for Red Hat:enterprise_linux:9::appstream, ")
	assert.Contains(t, c.Reason, "Red Hat:rhel_eus:9.0, only for Red Hat:enterprise_linux:9::baseos, ")
	assert.Contains(t, c.Reason, "the image was built from repositories that no rule knows, whose advisories are not looked for: \"some-repository\"")
}

// One advisory can have a fix for each of several minor releases.
func TestMatchStreamsOfOneRecord(t *testing.T) {
	db, _ := build(t, `{"id": "RLSA-1", "upstream": ["CVE-2026-0001"], "affected": [`+
		`{"package": {"ecosystem": "Rocky Linux:9", "name": "lib"}, `+ranges("introduced 0, fixed 1-5.el9_2.3")+`},`+
		`{"package": {"ecosystem": "Rocky Linux:9", "name": "lib"}, `+ranges("introduced 0, fixed 1-7.el9_4")+`}]}`)
	rocky := inventory.OS{ID: "rocky", Version: "9.4"}
	for version, want := range map[string]string{
		"1-5.el9_2.3": "", "1-5.el9_2.2": "1-5.el9_2.3", "1-7.el9_4": "", "1-6.el9_4": "1-7.el9_4", "1-6.el9": "1-7.el9_4", "1-6.el9_3": "1-7.el9_4",
	} {
		got := ""
		for _, m := range match(t, db, rocky, rpm("lib", version)).Matches {
			got = m.FixedVersion
		}
		assert.Equal(t, want, got, version)
	}
	e := explain(t, db, rocky, rpm("lib", "1-5.el9_2.3"))
	require.Len(t, e.Advisories, 2)
	for _, j := range e.Advisories {
		assert.Equal(t, vulndb.VerdictNotAffected, j.Verdict, j.Text)
	}
}

// Fixes in modules are for a minor release where the image has extended support.
func TestMatchModulesExtended(t *testing.T) {
	record := func(id, ecosystem, title, fixed string) string {
		return osv(id, "Red Hat:"+ecosystem, "nodejs", ranges("introduced 0, fixed "+fixed), `"upstream": ["CVE-2026-0001"], "summary": "`+title+`"`)
	}
	const old, new, older = "1:16.18-3.module+el8.6.0+150+a", "1:16.20-5.module+el8.8.0+200+b", "1:16.18-2.module+el8.6.0+140+a"
	db, _ := build(t,
		record("RHSA-1", "enterprise_linux:8::appstream", "nodejs:16 security update", new),
		record("RHSA-2", "rhel_eus:8.6::appstream", "nodejs:16 security update", old),
		record("RHSA-3", "enterprise_linux:8::appstream", "nodejs:16 security update", older)) // when 8.6 was new
	only, _ := build(t,
		record("RHSA-1", "enterprise_linux:8::appstream", "nodejs:16 security update", new),
		record("RHSA-3", "enterprise_linux:8::appstream", "nodejs:16 security update", older),
		record("RHSA-4", "rhel_eus:8.6::appstream", "nodejs security update", old), // of which stream of the module is not known
		record("RHSA-5", "rhel_eus:8.6::appstream", "nodejs:14 security update", old))
	eus := rhel("8.6", "rhel-8-for-x86_64-appstream-eus-rpms__8_DOT_6")
	for _, tt := range []struct {
		db              *vulndb.DB
		os              inventory.OS
		version, module string
		want            string
	}{
		{db, eus, old, "nodejs:16:1:2", ""},
		{db, eus, older, "nodejs:16:1:2", "RHSA-2 " + old},
		{db, eus, old, "", "RHSA-1 " + new}, // which module is not known
		{db, eus, "1:16.19-1.module+el8.7.0+160+a", "nodejs:16:1:2", "RHSA-1 " + new},
		{db, rhel("8.6"), old, "nodejs:16:1:2", "RHSA-1 " + new},
		{db, rhel("8.6", "rhel-8-for-x86_64-appstream-rpms"), old, "nodejs:16:1:2", "RHSA-1 " + new},
		{only, eus, old, "nodejs:16:1:2", "RHSA-1 " + new},
	} {
		p := rpm("nodejs", tt.version)
		p.Module = tt.module
		got := ""
		for _, m := range match(t, tt.db, tt.os, p).Matches {
			got = m.Evidence.Advisory + " " + m.FixedVersion
		}
		assert.Equalf(t, tt.want, got, "%s of %q on %v", tt.version, tt.module, tt.os.ContentSets)
	}
}

// A fix in one flavour of Oracle Linux does not decide for another, though the
// epoch makes every version of that higher.
func TestMatchStreamsOfFlavours(t *testing.T) {
	upstream := `"upstream": ["CVE-2026-0001"]`
	db, _ := build(t,
		osv("ELSA-1", "Oracle Linux:8", "glibc", ranges("introduced 0, fixed 2.28-225.0.4.el8_8.6"), upstream),
		osv("ELSA-2", "Oracle Linux:8", "glibc", ranges("introduced 0, fixed 2:2.28-225.0.4.ksplice1.el8"), upstream),
		osv("ELSA-3", "Oracle Linux:8", "glibc", ranges("introduced 0, fixed 2.28-251.el8_10"), upstream))
	for version, want := range map[string]int{
		"2:2.28-225.0.3.ksplice1.el8_8": 1, "2:2.28-225.0.4.ksplice1.el8_8": 0, "2.28-225.0.4.el8_8.6": 0, "2.28-225.0.4.el8_8.5": 1, "2.28-230.el8_9": 1,
	} {
		assert.Len(t, match(t, db, inventory.OS{ID: "ol", Version: "8.9"}, rpm("glibc", version)).Matches, want, version)
	}
}

// A redHatWorld makes random advisories and packages of Red Hat.
type redHatWorld struct{ world }

var redHatEcosystems = []string{
	"enterprise_linux:9::baseos", "enterprise_linux:9::appstream", "enterprise_linux:9", "rhel_eus:9.2::baseos", "rhel_aus:9.4::baseos",
	"rhel_eus:8.6::baseos", "openshift:4.12::el9",
}

func (w redHatWorld) version() string {
	return w.pick("1-1", "1-2", "1-3", "2-1") + w.pick(".el9", ".el9_2", ".el9_2.1", ".el9_2.2", ".el9_4", ".el9_4.1", "")
}

func (w redHatWorld) record(id string) string {
	var affected []string
	for range 1 + w.IntN(3) {
		list := "introduced 0"
		if w.IntN(8) > 0 {
			list += ", fixed " + w.version()
		}
		affected = append(affected, fmt.Sprintf(`{"package": {"ecosystem": "Red Hat:%s", "name": %q}, %s}`, w.pick(redHatEcosystems...), w.pick("a", "b"), ranges(list)))
	}
	return fmt.Sprintf(`{"id": %q, "modified": "2026-01-01T00:00:00Z", "upstream": [%q, %q], "affected": [%s]}`,
		id, fmt.Sprintf("CVE-2026-%04d", w.IntN(8)), fmt.Sprintf("CVE-2026-%04d", w.IntN(8)), strings.Join(affected, ", "))
}

func (w redHatWorld) os() inventory.OS {
	return [...]inventory.OS{
		rhel("9.4"), rhel("9.2", "ubi-9-baseos-rpms"), rhel("9.2", "rhel-9-for-x86_64-baseos-eus-rpms"), rhel("9"),
		rhel("9.4", "rhocp-4.12-for-rhel-9-x86_64-rpms", "rhel-9-for-x86_64-baseos-aus-rpms"), rhel("8.6", "oddity"),
	}[w.IntN(6)]
}

func (w redHatWorld) pkg() inventory.Package { return rpm(w.pick("a", "b", "c"), w.version()) }

// minorOf returns the minor release that a version is built for, as "9.2".
func minorOf(version string) string {
	_, tag, ok := strings.Cut(version, ".el")
	major, rest, minor := strings.Cut(tag, "_")
	if !ok || !minor {
		return ""
	}
	rest, _, _ = strings.Cut(rest, ".")
	return major + "." + rest
}

// refSearches says whether a package of an image is compared with what is under
// an ecosystem.
func refSearches(os inventory.OS, ecosystem, built string) bool {
	major, _, _ := strings.Cut(os.Version, ".")
	sets := strings.Join(os.ContentSets, " ")
	product, rest, _ := strings.Cut(ecosystem, ":")
	release, _, _ := strings.Cut(rest, "::")
	switch {
	case product == "enterprise_linux":
		return release == major
	case product == "openshift":
		return strings.Contains(sets, "rhocp-4.12")
	case sets == "" || sets == "oddity":
		return release == built && strings.HasPrefix(release, major+".")
	default:
		return strings.Contains(sets, "-"+strings.TrimPrefix(product, "rhel_")+"-") && release == os.Version
	}
}

// A refFix is what a record says of a package for one minor release: all below
// a version are affected, or all there are.
type refFix struct {
	record, minor, fix string
	flaws              []string
}

// refRedHat answers for a package: each flaw with the advisories, and the fix
// that counts where that is for one reason only.
func refRedHat(records []*refRecord, os inventory.OS, p inventory.Package, compare compareFunc) map[string][]string {
	built := minorOf(p.Version)
	var all []refFix
	for _, r := range records {
		// Of one ecosystem, minor release and package all entries count.
		groups := map[[2]string]refFix{}
		for _, a := range r.Affected {
			ecosystem := strings.TrimPrefix(a.Package.Ecosystem, "Red Hat:")
			if a.Package.Name != p.Name || !refSearches(os, ecosystem, built) {
				continue
			}
			fix := ""
			for _, e := range a.Ranges[0].Events {
				if e["fixed"] != "" {
					fix = e["fixed"]
				}
			}
			key := [2]string{ecosystem, minorOf(fix)}
			if old, ok := groups[key]; ok && (old.fix == "" || fix != "" && compare(old.fix, fix) > 0) {
				fix = old.fix
			}
			groups[key] = refFix{r.ID, minorOf(fix), fix, r.refFlaws()}
		}
		all = slices.AppendSeq(all, maps.Values(groups))
	}
	own := map[string]bool{} // flaws that are fixed for the own minor release
	for _, f := range all {
		if built != "" && f.minor == built && compare(p.Version, f.fix) >= 0 {
			for _, id := range f.flaws {
				own[id] = true
			}
		}
	}
	out := map[string][]string{}
	for _, f := range all {
		if f.fix != "" && compare(p.Version, f.fix) >= 0 {
			continue
		}
		for _, id := range f.flaws {
			if own[id] && f.fix != "" && f.minor != built {
				continue
			}
			if !slices.Contains(out[id], f.record) {
				out[id] = append(out[id], f.record)
				slices.Sort(out[id])
			}
		}
	}
	return out
}

// Random advisories of Red Hat on random packages and images: Match answers as
// the reference does, package by package as well, and Explain agrees.
func TestMatchRedHatRandom(t *testing.T) {
	w := redHatWorld{world{rand.New(rand.NewPCG(11, 12))}}
	compare := compareBy(t, "rpm")
	total, notes, overruled := 0, 0, 0
	for range 15 {
		var texts []string
		var records []*refRecord
		for i := range 40 {
			text := w.record(fmt.Sprintf("RHSA-2026:%04d", i))
			texts = append(texts, text)
			r := new(refRecord)
			require.NoError(t, json.Unmarshal([]byte(text), r))
			records = append(records, r)
		}
		db, report := build(t, texts...)
		require.Zero(t, report.Bad)
		for range 60 {
			os := w.os()
			pkgs := []inventory.Package{w.pkg(), w.pkg(), w.pkg()}
			result := match(t, db, os, pkgs...)
			m, err := db.Matcher(os)
			require.NoError(t, err)
			for i, p := range pkgs {
				want := refRedHat(records, os, p, compare)
				got := map[string][]string{}
				alone, _, err := m.Match(t.Context(), &p)
				require.NoError(t, err)
				var here []vulndb.Match
				for _, x := range result.Matches {
					if x.Package != i {
						continue
					}
					for _, e := range append(x.Other, x.Evidence) {
						if !slices.Contains(got[x.ID], e.Advisory) {
							got[x.ID] = append(got[x.ID], e.Advisory)
						}
						if e.Note != "" {
							notes++
						}
					}
					slices.Sort(got[x.ID])
					x.Package = 0
					here = append(here, x)
				}
				require.Equalf(t, want, got, "%s %s on %+v", p.Name, p.Version, os)
				require.Equal(t, here, alone)
				total += len(want)
				explained := map[string][]string{}
				for _, j := range explain(t, db, os, p).Advisories {
					if strings.Contains(j.Text, "which the package was built for") {
						overruled++
					}
					if j.Verdict != vulndb.VerdictAffected {
						continue
					}
					for _, id := range j.Flaws {
						if !slices.Contains(explained[id], j.Advisory) {
							explained[id] = append(explained[id], j.Advisory)
						}
					}
				}
				require.Equalf(t, want, explained, "%s %s on %+v", p.Name, p.Version, os)
			}
			m.Close()
		}
	}
	t.Logf("%d findings, %d with a note, %d overruled", total, notes, overruled)
	assert.Greater(t, total, 5000)
	assert.Greater(t, notes, 500)
	assert.Greater(t, overruled, 200)
}

// Where the differences of two databases do not affect packages, they have the
// same answer.
func TestDiffRedHatRandom(t *testing.T) {
	w := redHatWorld{world{rand.New(rand.NewPCG(13, 14))}}
	records := map[string]string{}
	for i := range 25 {
		id := fmt.Sprintf("RHSA-2026:%04d", i)
		records[id] = w.record(id)
	}
	from, _ := build(t, slices.Collect(maps.Values(records))...)
	checkUnaffected(t, from, 25, 100, func() []string {
		for range 2 {
			id := fmt.Sprintf("RHSA-2026:%04d", w.IntN(25))
			records[id] = w.record(id)
		}
		return slices.Collect(maps.Values(records))
	}, func() (inventory.OS, []inventory.Package) {
		return w.os(), []inventory.Package{w.pkg()}
	})
}

// Nothing is allocated for a package that no advisory covers, of whatever minor
// release it is.
func TestMatcherRedHatAllocations(t *testing.T) {
	db, _ := build(t,
		osv("RHSA-1", "Red Hat:enterprise_linux:9::baseos", "lib", ranges("introduced 0, fixed 1.0-5.el9_2.1")),
		osv("RHSA-2", "Red Hat:rhel_eus:9.2::baseos", "lib", ranges("introduced 0, fixed 1.0-5.el9_2.2")))
	m, err := db.Matcher(rhel("9.2"))
	require.NoError(t, err)
	defer m.Close()
	for _, version := range []string{"1.0-5.el9_2.3", "1.0-6.el9"} {
		p := rpm("lib", version)
		p.Arch = "x86_64"
		assert.Zero(t, testing.AllocsPerRun(100, func() {
			if matches, problems, err := m.Match(t.Context(), &p); matches != nil || problems != nil || err != nil {
				t.Error(matches, problems, err)
			}
		}), version)
	}
}
