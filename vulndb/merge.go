package vulndb

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/imagevet/imagevet/internal/advisory"
)

// A finding is a record that covers a package.
type finding struct {
	rec *record
	hit hit
}

// merge makes one Match for each flaw out of the findings of one package,
// sorted by ID. own are fixes for the stream of the package which it has; what
// they overrule is told besides.
func merge(findings []finding, own []ownFix) (matches []Match, out []overruled) {
	all := slices.Clip(findings)
	for _, o := range own {
		all = append(all, finding{rec: o.rec})
	}
	byID := map[string][]finding{}
	fixes := map[string]ownFix{}
	for i, ids := range flawIDs(all) {
		for _, id := range ids {
			if i < len(findings) {
				byID[id] = append(byID[id], findings[i])
			} else if _, ok := fixes[id]; !ok {
				fixes[id] = own[i-len(findings)]
			}
		}
	}
	var stays []*record
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		var list []finding
		if list, out = overrule(id, byID[id], fixes, out); len(list) == 0 {
			continue
		}
		matches = append(matches, newMatch(id, list))
		for i := 0; len(own) > 0 && i < len(list); i++ {
			stays = append(stays, list[i].rec)
		}
	}
	for i := range out {
		out[i].all = !slices.Contains(stays, out[i].rec)
	}
	return matches, out
}

// flawIDs returns, for each finding, the flaws that it is about. They are the
// CVEs that a record is about or, where it names none, those of records that
// are the same by their aliases; where there is no CVE, it is one GHSA, else
// one ID of a record.
//
// Aliases are symmetric and transitive, upstream IDs are neither, and related
// ones say nothing: https://ossf.github.io/osv-schema/#aliases-field. So a
// record that passes on several flaws does not make them one.
func flawIDs(findings []finding) [][]string {
	sets := newSets()
	for _, f := range findings {
		for _, id := range f.rec.aliases {
			sets.join(f.rec.id, id)
		}
	}
	out := make([][]string, len(findings))
	cves := map[string][]string{}   // of the records of a set
	others := map[string][]string{} // candidates where there is no CVE
	for i, f := range findings {
		root := sets.find(f.rec.id)
		out[i] = cvesOf(f.rec)
		cves[root] = append(cves[root], out[i]...)
		others[root] = append(others[root], f.rec.id)
		for _, id := range append([]string{f.rec.id}, f.rec.aliases...) {
			if strings.HasPrefix(id, "GHSA-") {
				others[root] = append(others[root], id)
			}
		}
	}
	for i, f := range findings {
		root := sets.find(f.rec.id)
		if len(out[i]) == 0 {
			out[i] = slices.Clone(cves[root])
		}
		if len(out[i]) == 0 {
			out[i] = []string{slices.MinFunc(others[root], func(a, b string) int {
				return cmp.Or(cmp.Compare(ghsaFirst(a), ghsaFirst(b)), cmp.Compare(a, b))
			})}
		}
		slices.Sort(out[i])
		out[i] = slices.Compact(out[i])
	}
	return out
}

func ghsaFirst(id string) int {
	if strings.HasPrefix(id, "GHSA-") {
		return 0
	}
	return 1
}

// cvesOf returns the CVEs that a record is about.
func cvesOf(r *record) []string {
	var out []string
	for _, list := range [...][]string{{r.id}, r.aliases, r.upstream} {
		for _, id := range list {
			if cve, ok := cveOf(id); ok {
				out = append(out, cve)
			}
		}
	}
	return out
}

// cveOf returns the CVE that an ID is, by itself or with the prefix of a
// distribution that keeps one record for each: "DEBIAN-CVE-2024-1234".
func cveOf(id string) (string, bool) {
	prefix, rest, ok := strings.Cut(id, "CVE-")
	if !ok || prefix != "" && !strings.HasSuffix(prefix, "-") {
		return "", false
	}
	year, number, ok := strings.Cut(rest, "-")
	if !ok || len(year) != 4 || len(number) < 4 || strings.Trim(year+number, "0123456789") != "" {
		return "", false
	}
	return "CVE-" + rest, true
}

// newMatch makes a match of all findings on one flaw.
func newMatch(id string, list []finding) Match {
	slices.SortFunc(list, func(a, b finding) int {
		return cmp.Or(compareStreams(a, b), cmp.Compare(len(a.rec.upstream), len(b.rec.upstream)), cmp.Compare(a.rec.id, b.rec.id),
			cmp.Compare(a.hit.search.ecosystem, b.hit.search.ecosystem))
	})
	first := list[0]
	m := Match{
		ID: id, Published: first.rec.published, Modified: first.rec.modified,
		FixedVersion: first.hit.verdict.fixed, Status: StatusAffected, Aliases: []string{}, References: []string{},
		Informational: informationalOf(list),
	}
	if m.FixedVersion != "" {
		m.Status = StatusFixed
	} else if s := statusName(advisory.Status(first.hit.verdict.status)); s != "" {
		m.Status = s
	}
	aliases := map[string]bool{}
	references := map[string]bool{}
	for i, f := range list {
		m.Summary = cmp.Or(m.Summary, f.rec.summary)
		m.Details = cmp.Or(m.Details, f.rec.details)
		if len(m.Severity) == 0 && (i == 0 || len(cvesOf(f.rec)) <= 1) {
			if m.Severity = f.rec.severity(f.hit.verdict.group); len(m.Severity) > 0 {
				m.RatedBy = f.rec.id
			}
		}
		if len(m.CWEs) == 0 && (i == 0 || len(cvesOf(f.rec)) <= 1) {
			m.CWEs = f.rec.cwes
		}
		for _, ref := range f.rec.references {
			if !references[ref] {
				references[ref] = true
				m.References = append(m.References, ref)
			}
		}
		for _, alias := range append([]string{f.rec.id}, f.rec.aliases...) {
			if !strings.HasPrefix(alias, "CVE-") && alias != id {
				aliases[alias] = true
			}
		}
		if i == 0 {
			m.Evidence = f.evidence()
			m.Evidence.Note = streamNote(list)
		} else {
			m.Other = append(m.Other, f.evidence())
		}
	}
	m.Aliases = slices.AppendSeq(m.Aliases, maps.Keys(aliases))
	slices.Sort(m.Aliases)
	if m.Severity == nil {
		m.Severity = []Severity{}
	}
	return m
}

func (f finding) evidence() Evidence {
	return Evidence{
		Advisory: f.rec.id, Ecosystem: f.hit.search.ecosystem, MatchedName: f.hit.name, MatchedVersion: f.hit.version,
		Scheme: f.hit.search.scheme.String(), Range: f.hit.verdict.rng,
	}
}

// stamp notes the database in all evidence.
func (m *Match) stamp(database string) {
	m.Evidence.Database = database
	for i := range m.Other {
		m.Other[i].Database = database
	}
}

// sets are disjoint sets of IDs.
type sets map[string]string // to another member, or itself

func newSets() sets { return sets{} }

// find returns the member that stands for the set of an ID.
func (s sets) find(id string) string {
	root := id
	for s[root] != "" && s[root] != root {
		root = s[root]
	}
	for id != root { // so that the next search is short
		id, s[id] = s[id], root
	}
	return root
}

func (s sets) join(a, b string) { s[s.find(b)] = s.find(a) }
