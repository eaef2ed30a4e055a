package vulndb

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/imagevet/imagevet/internal/dbfile"
	"github.com/imagevet/imagevet/internal/distro"
)

// Releases of Ubuntu with long-term support have channels of fixes beside their
// own: what the release says of a flaw counts, but where it has no fix or says
// nothing, the channel for subscribers may. The rules are in settle.

// A channel tells which fixes a search is for.
type channel uint8

const (
	channelBase channel = iota // all have them
	channelESM                 // Expanded Security Maintenance
	channelFIPS                // packages that were certified by FIPS 140
)

// A FixIn is a fix that exists and that the system does not get as it is.
type FixIn struct {
	// Channel is who has it: [ChannelESM].
	Channel string `json:"channel"`
	// Ecosystem is that of the advisory, such as "Ubuntu:Pro:22.04:LTS", and
	// Advisory its ID.
	Ecosystem string `json:"ecosystem"`
	Advisory  string `json:"advisory"`
	// Version is the lowest fixed version of the channel.
	Version string `json:"version"`
}

// ChannelESM is the [FixIn].Channel of Expanded Security Maintenance, which
// subscribers of Ubuntu Pro get: https://ubuntu.com/security/esm.
const ChannelESM = "Ubuntu Pro (ESM)"

// String says so in words, such as "fixed in 1.2~esm1 of Ubuntu Pro (ESM)".
func (f FixIn) String() string { return fmt.Sprintf("fixed in %s of %s", f.Version, f.Channel) }

// addChannels adds to the target of a distribution where the fixes for
// subscribers are.
func (t *target) addChannels(db *DB, d distro.Distro) {
	channels, ok := d.ProChannels()
	if !ok {
		return
	}
	add := func(ecosystem string, c channel, to *[]search) {
		base, suffix := splitEcosystem(ecosystem)
		f, ok := db.files[base]
		if !ok {
			return
		}
		if i, ok := f.Release(suffix); ok {
			s := f.search(i)
			s.channel = c
			*to = append(*to, s)
			t.channels = true
		}
	}
	add(channels.ESM, channelESM, &t.searches)
	for _, ecosystem := range channels.FIPS {
		add(ecosystem, channelFIPS, &t.fips)
	}
}

// searches returns the parts of the database that a query is for.
func (q *query) searches() []search {
	if len(q.target.fips) > 0 && distro.IsFIPS(q.version) {
		return slices.Concat(q.target.searches, q.target.fips)
	}
	return q.target.searches
}

// A place is a record in a release.
type place struct {
	file            *file
	release, record int
}

// addClear adds to an answer the records that name the package and do not cover
// it, where they can change what the others say.
func (m *matcher) addClear(a *answer, q *query) error {
	if len(a.hits) == 0 {
		return nil
	}
	matters := func(h hit) bool { return h.search.channel != channelBase || h.verdict.fixed == "" }
	if !slices.ContainsFunc(a.hits, matters) && !distro.IsFIPS(q.version) {
		return nil
	}
	said := map[place]bool{}
	for _, h := range slices.Concat(a.hits, a.unknown) {
		said[place{h.search.file, h.search.release, h.record}] = true
	}
	return m.entries(q, func(s *search, data []byte) error {
		key, err := q.key(m.key, s.scheme, "")
		if err != nil {
			return nil // nothing is known not to cover it
		}
		m.key = key
		for d := dbfile.NewDecoder(data); d.Len() > 0; {
			number, raw := d.Uint(), d.Bytes()
			if d.Err() != nil || number >= uint64(s.file.Meta().Records) {
				return q.damaged(s, number, d.Err())
			}
			if !said[place{s.file, s.release, int(number)}] {
				a.clear = append(a.clear, hit{
					search: s, record: int(number), verdict: verdict{fixed: fixBelow(raw, key)}, name: string(q.name), version: q.version,
				})
			}
		}
		return nil
	})
}

// fixBelow returns the highest fixed version of a case at or below a version,
// empty if there is none.
func fixBelow(raw, key []byte) string {
	d := dbfile.NewDecoder(raw)
	_, _, _ = d.Uint(), d.Uint(), d.Uint()
	fix := ""
	for range d.Count() {
		e := nextInterval(&d)
		if e.end == endFixed && d.Err() == nil && bytes.Compare(e.high, key) <= 0 {
			fix = string(e.highText)
		}
	}
	return fix
}

// settle makes one Match for each flaw that a package of Ubuntu has, sorted by
// ID, of the records that cover it and those that name it and do not:
//
//   - a package that was built for FIPS has a flaw if a channel of FIPS says so
//     and none of them has it fixed; only where none names the flaw, the rest
//     counts;
//   - what the release says of a flaw counts, and what it does not name, ESM
//     tells;
//   - where the release has no fix and ESM has, that fix counts for a package
//     that gets it, and is told of for all others.
func settle(findings, clear []finding, esm bool) []Match {
	all := slices.Concat(findings, clear)
	byID := map[string]*flaw{}
	for i, ids := range flawIDs(all) {
		for _, id := range ids {
			f := byID[id]
			if f == nil {
				f = new(flaw)
				byID[id] = f
			}
			if c := all[i].hit.search.channel; i < len(findings) {
				f.covered[c] = append(f.covered[c], all[i])
			} else {
				f.clear[c] = append(f.clear[c], all[i])
			}
		}
	}
	var out []Match
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		if m, ok := byID[id].match(id, esm); ok {
			out = append(out, m)
		}
	}
	return out
}

// A flaw is what the records of each channel say of it.
type flaw struct {
	covered, clear [channelFIPS + 1][]finding
}

func (f *flaw) match(id string, esm bool) (Match, bool) {
	base, pro, fips := f.covered[channelBase], f.covered[channelESM], f.covered[channelFIPS]
	fixed := func(f finding) bool { return f.hit.verdict.fixed != "" }
	switch {
	case len(fips)+len(f.clear[channelFIPS]) > 0:
		if len(fips) == 0 || slices.ContainsFunc(f.clear[channelFIPS], fixed) {
			return Match{}, false
		}
		m := newMatch(id, fips)
		m.also(id, slices.Concat(base, pro))
		return m, true
	case len(base) > 0:
		m := newMatch(id, base)
		m.also(id, pro)
		if m.FixedVersion != "" {
			return m, true
		}
		if len(pro) > 0 {
			fix := newMatch(id, pro)
			switch {
			case fix.FixedVersion == "":
			case esm:
				fix.also(id, base)
				return fix, true
			default:
				m.FixIn = fixIn(&fix)
			}
		} else if i := slices.IndexFunc(f.clear[channelESM], fixed); i >= 0 {
			if esm {
				return Match{}, false
			}
			h := f.clear[channelESM][i].hit
			m.FixIn = &FixIn{ChannelESM, h.search.ecosystem, f.clear[channelESM][i].rec.id, h.verdict.fixed}
		}
		return m, true
	case len(pro) > 0 && len(f.clear[channelBase]) == 0:
		m := newMatch(id, pro)
		if m.FixedVersion != "" && !esm {
			m.FixIn = fixIn(&m)
			m.FixedVersion, m.Status = "", StatusAffected
		}
		return m, true
	}
	return Match{}, false
}

// also adds the findings of another channel on the same flaw.
func (m *Match) also(id string, list []finding) {
	if len(list) == 0 {
		return
	}
	more := newMatch(id, list)
	m.Other = append(append(m.Other, more.Evidence), more.Other...)
	for _, alias := range more.Aliases {
		if i, ok := slices.BinarySearch(m.Aliases, alias); !ok {
			m.Aliases = slices.Insert(m.Aliases, i, alias)
		}
	}
	for _, ref := range more.References {
		if !slices.Contains(m.References, ref) {
			m.References = append(m.References, ref)
		}
	}
}

// fixIn returns the fix of a match of ESM.
func fixIn(m *Match) *FixIn {
	return &FixIn{ChannelESM, m.Evidence.Ecosystem, m.Evidence.Advisory, m.FixedVersion}
}

// settle tells in a judgement by which a package of Ubuntu is affected what
// the other channels make of that.
func (e *explainer) settle(j *Judgement, c channel) {
	i := slices.IndexFunc(e.matches, func(m Match) bool {
		return slices.ContainsFunc(append([]Evidence{m.Evidence}, m.Other...), func(v Evidence) bool {
			return v.Advisory == j.Advisory && v.Ecosystem == j.Ecosystem
		})
	})
	if i < 0 {
		j.Verdict, j.FixedVersion = VerdictNotAffected, ""
		switch said := strings.TrimPrefix(j.Text, "affected: "); {
		case distro.IsFIPS(j.Version):
			j.Text = "not affected: for a package that was built for FIPS the advisories on those count, and here " + said
		case c == channelESM:
			j.Text = "not affected: what the release itself says of the flaw counts, and here " + said
		default:
			j.Text = fmt.Sprintf("not affected: the fix of %s is installed, and in the release itself %s", ChannelESM, said)
		}
		return
	}
	switch m := &e.matches[i]; {
	case m.FixIn != nil:
		j.FixedVersion = ""
		j.Text += fmt.Sprintf("; it is %v, which this system does not get", m.FixIn)
	case c == channelBase && m.FixedVersion != "" && j.FixedVersion == "":
		j.FixedVersion = m.FixedVersion
		j.Text += fmt.Sprintf("; it is fixed in %s of %s, which this system gets", m.FixedVersion, m.Evidence.Ecosystem)
	}
}
