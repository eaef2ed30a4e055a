package vulndb

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/imagevet/imagevet/internal/advisory"
	"github.com/imagevet/imagevet/internal/dbfile"
	"github.com/imagevet/imagevet/version"
)

// Red Hat, and those who build from its sources, fix a flaw once for each minor
// release that has support: packages of 9.2 go on to be built for 9.2, with
// ".el9_2" in their version, when 9.4 is out. The fix for 9.2 is lower than the
// one for 9.4, and all that a package of 9.2 needs, though it is older than what
// the advisory for 9.4 calls fixed.
//
// So there is one rule for the advisories on one flaw in one package: those with
// a fix for the minor release that the installed package was built for decide,
// and others are heard only where there are none. Of several for one minor
// release all count: where a flaw was fixed twice, the first fix was not enough.
//
// Packages of modules are built for whatever minor release there is, and stay as
// they are in later ones. There is nothing like a line for each of them: that a
// flaw is fixed again in a module means, in most of AlmaLinux's advisories, that
// it was not fixed well. So the rule leaves modules alone, but for images that
// are built from repositories of extended support: of these, Red Hat says which
// of the fixes are for them.

// A stream is the minor release that a version of a package was built for. The
// zero value is none: most packages are built for a whole release.
type stream struct {
	major, minor uint32
}

func (s stream) String() string { return fmt.Sprintf("el%d_%d", s.major, s.minor) }

// hasStreams reports whether packages of an ecosystem are built for minor
// releases.
func hasStreams(base string) bool {
	switch base {
	case "Red Hat", "AlmaLinux", "Rocky Linux", "Oracle Linux":
		return true
	}
	return false
}

// streamOf returns the stream of a version: 9.2 of "1.0-5.el9_2.1".
func streamOf[T string | []byte](version T) stream {
	start := 0 // of the release
	for i := range len(version) {
		if version[i] == '-' {
			start = i + 1
		}
	}
	for i := start; i+3 < len(version); i++ {
		if version[i] != '.' || version[i+1] != 'e' || version[i+2] != 'l' {
			continue
		}
		major, next := digits(version, i+3)
		if next == i+3 || next == len(version) || version[next] != '_' {
			continue // in "1.el9.2" the 2 is only a number of the build
		}
		if minor, end := digits(version, next+1); end > next+1 {
			return stream{major, minor}
		}
	}
	return stream{}
}

// moduleStreamOf returns the minor release that a version of a package in a
// module was built for: 8.6 of "1.0-5.module+el8.6.0+100+abc".
func moduleStreamOf[T string | []byte](version T) stream {
	const mark = moduleMark + "+el"
	for i := 0; i+len(mark) < len(version); i++ {
		if string(version[i:i+len(mark)]) != mark {
			continue
		}
		major, next := digits(version, i+len(mark))
		if next > i+len(mark) && next < len(version) && version[next] == '.' {
			if minor, end := digits(version, next+1); end > next+1 {
				return stream{major, minor}
			}
		}
	}
	return stream{}
}

// extended reports whether advisories of extended support are searched for all
// packages.
func (t *target) extended() bool {
	return slices.ContainsFunc(t.searches, func(s search) bool { return s.extended })
}

// streamOfFix returns the stream that a fix is for, of a package with a name in
// the database. That of a package in a module is for one only if extended
// support says so.
func streamOfFix[T string | []byte](s *search, name string, fix T) stream {
	if !strings.Contains(name, anyModule) {
		return streamOf(fix)
	}
	if !s.extended || strings.HasPrefix(name, anyModule) || strings.HasPrefix(name, unknownModule) {
		return stream{}
	}
	return moduleStreamOf(fix)
}

// digits reads a number, and returns where it ends.
func digits[T string | []byte](s T, at int) (n uint32, end int) {
	const most = 6 // digits
	for end = at; end < len(s) && s[end] >= '0' && s[end] <= '9'; end++ {
		if end-at == most {
			return 0, at
		}
		n = 10*n + uint32(s[end]-'0')
	}
	return n, end
}

// A flavour is a build of its own beside the usual one, with fixes under
// versions of its own.
type flavour uint8

const (
	usual   flavour = iota
	fips            // validated for FIPS 140: "1.1.1k-6.0.1.el8_5_fips"
	ksplice         // can be patched while it runs: "2.34-60.0.3.ksplice1.el9"
)

func (f flavour) String() string { return [...]string{"usual", "FIPS", "Ksplice"}[f] }

// flavourOf returns the flavour of a version of Oracle Linux.
func flavourOf[T string | []byte](version T) flavour {
	text := string(version)
	switch {
	case strings.HasSuffix(text, "_fips"):
		return fips
	case strings.Contains(text, ".ksplice"):
		return ksplice
	}
	return usual
}

func hasFlavours(base string) bool { return base == "Oracle Linux" }

// otherFlavour reports whether a fix is in a flavour that an installed version
// is not of.
func otherFlavour(fix, installed string) bool {
	f := flavourOf(fix)
	return f != usual && f != flavourOf(installed)
}

// splitEntries takes the entries of a record on one package apart into those
// that are for different minor releases, flavours or architectures. The highest
// fix comes first.
func splitEntries(base string, scheme version.Scheme, entries []advisory.Affected) [][]advisory.Affected {
	type kind struct {
		built   stream
		flavour flavour
		arches  string
	}
	of := func(a *advisory.Affected) kind {
		v := kind{arches: strings.Join(a.Arches, " ")}
		if fix, ok := onlyFix(a); ok && hasStreams(base) {
			v.built = streamOf(fix)
			if hasFlavours(base) {
				v.flavour = flavourOf(fix)
			}
		}
		return v
	}
	if len(entries) == 1 {
		return [][]advisory.Affected{entries} // as nearly always
	}
	var kinds []kind
	groups := map[kind][]advisory.Affected{}
	for i := range entries {
		v := of(&entries[i])
		if groups[v] == nil {
			kinds = append(kinds, v)
		}
		groups[v] = append(groups[v], entries[i])
	}
	highest := map[kind][]byte{} // the key of its highest fix
	for v, group := range groups {
		for i := range group {
			fix, _ := onlyFix(&group[i])
			if key, err := version.AppendKey(nil, scheme, fix); err == nil && bytes.Compare(key, highest[v]) > 0 {
				highest[v] = key
			}
		}
	}
	slices.SortStableFunc(kinds, func(a, b kind) int { return bytes.Compare(highest[b], highest[a]) })
	var out [][]advisory.Affected
	for _, v := range kinds {
		out = append(out, groups[v])
	}
	return out
}

// A settled is a record that has a fix for the stream of an installed package,
// which the package has.
type settled struct {
	search *search
	record int
	fix    string
}

// An ownFix is a settled with its record.
type ownFix struct {
	rec *record
	fix string
}

// An overruled is a finding that would be one, if the fix for the package's own
// stream did not decide.
type overruled struct {
	finding
	flaws []string // of which it is none, sorted
	all   bool     // it is one of no other
	by    ownFix   // that of the first of flaws
}

// overrule takes the findings out of those on one flaw that are overruled by a
// fix for the package's own stream, which the package has. own holds those of all
// flaws that the record is about, by flaw.
func overrule(flaw string, list []finding, own map[string]ownFix, out []overruled) ([]finding, []overruled) {
	by, ok := own[flaw]
	if !ok {
		return list, out
	}
	kept := list[:0]
	for _, f := range list {
		if !f.hit.foreign() {
			kept = append(kept, f)
			continue
		}
		i := slices.IndexFunc(out, func(o overruled) bool { return o.rec == f.rec && o.hit.verdict.fixed == f.hit.verdict.fixed })
		if i < 0 {
			i = len(out)
			out = append(out, overruled{finding: f, by: by})
		}
		out[i].flaws = append(out[i].flaws, flaw)
	}
	return kept, out
}

// text says why a finding is none, such as "CVE-2026-1 is fixed for el9_2, which
// the package was built for, in 1.0-5.el9_2.1 (RHSA-1)".
func (o *overruled) text() string {
	return fmt.Sprintf("%s %s fixed for %v, which the package was built for, in %s (%s)",
		few(o.flaws), map[bool]string{true: "is", false: "are"}[len(o.flaws) == 1], o.hit.built, o.by.fix, o.by.rec.id)
}

// settle adds the records that have a fix for the stream of the package, which
// the version is not below.
func (m *matcher) settle(out *found, q *query) error {
	return m.entries(q, func(s *search, data []byte) error {
		for d := dbfile.NewDecoder(data); d.Len() > 0; {
			number, raw := d.Uint(), d.Bytes()
			key, err := q.key(m.key, s.scheme, caseEpoch(raw))
			if err != nil {
				break // is compared with nothing
			}
			m.key = key
			body := dbfile.NewDecoder(raw)
			v, bound := judge(&body, key, q.version, q.arch)
			if err := errors.Join(d.Err(), body.Err()); err != nil || number >= uint64(s.file.Meta().Records) {
				return q.damaged(s, number, err)
			}
			if !v.simple || v.affected || v.otherArch || streamOfFix(s, string(q.name), bound) != q.built {
				continue
			}
			// A fix in another flavour, with its own epoch, says nothing.
			if !hasFlavours(s.file.base) || flavourOf(bound) == flavourOf(q.version) {
				out.settled = append(out.settled, settled{s, int(number), string(bound)})
				m.need(s, int(number))
			}
		}
		return nil
	})
}

// A variant is what a record says of a package for one minor release.
type variant struct {
	rec    *record
	simple bool
	built  stream // of a simple one
}

func (h *hit) variant(r *record) variant {
	v := variant{rec: r, simple: h.verdict.simple}
	if v.simple {
		v.built = streamOfFix(h.search, h.name, h.verdict.fixed)
	}
	return v
}

// foreign reports whether a hit rests on a fix alone, and one for another
// stream than that of the package.
func (h *hit) foreign() bool {
	return h.built != (stream{}) && h.verdict.simple && streamOfFix(h.search, h.name, h.verdict.fixed) != h.built
}

// own reports whether a hit rests on a fix for the stream of the package.
func (h *hit) own() bool {
	return h.built != (stream{}) && h.verdict.simple && streamOfFix(h.search, h.name, h.verdict.fixed) == h.built
}

// compareStreams orders findings on one flaw in a package that was built for a
// stream: those with a fix for it come first, then those with another, the
// highest before the others.
func compareStreams(a, b finding) int {
	if a.hit.built == (stream{}) {
		return 0
	}
	x, y := a.hit.verdict, b.hit.verdict
	if c := cmp.Or(btoi(b.hit.own())-btoi(a.hit.own()), btoi(y.simple)-btoi(x.simple)); c != 0 || !x.simple {
		return c
	}
	c, err := version.Compare(a.hit.search.scheme, y.fixed, x.fixed)
	if err != nil {
		return 0 // cannot be: both were compared before
	}
	return c
}

// streamNote says why the first of several findings on a flaw is the one that
// counts, if that is for its stream.
func streamNote(list []finding) string {
	first := &list[0].hit
	if first.built == (stream{}) || !first.verdict.simple {
		return ""
	}
	fixes := []string{}
	for i := range list {
		if h := &list[i].hit; h.verdict.simple && !slices.Contains(fixes, h.verdict.fixed) {
			fixes = append(fixes, h.verdict.fixed)
		}
	}
	switch {
	case len(fixes) < 2:
		return ""
	case first.own():
		return fmt.Sprintf("of %d fixes the one for %v counts, which the package was built for", len(fixes), first.built)
	}
	return fmt.Sprintf("none of %d fixes is for %v, which the package was built for: the highest counts", len(fixes), first.built)
}

// appliesTo reports whether something for some architectures, of which there
// are none where it is for all, is for a package of an architecture, which may
// not be known.
func appliesTo(d *dbfile.Decoder, arch string) bool {
	n, found := d.Count(), false
	for range n {
		a := d.Bytes()
		found = found || sameArch(string(a), arch)
	}
	return n == 0 || found
}

// sameArch reports whether an advisory for one architecture can be for a
// package of another. Packages for 32 bits of Intel's are part of repositories
// for 64 bits.
func sameArch(advisory, arch string) bool {
	switch arch {
	case "", "noarch", "all", "any", "src", "(none)":
		return true
	}
	return advisory == "noarch" || archOf(advisory) == archOf(arch) || archOf(arch) == "i686" && archOf(advisory) == "x86_64"
}

// archOf returns the name that rpm has for an architecture.
func archOf(name string) string {
	switch name {
	case "amd64", "x86_64_v2":
		return "x86_64"
	case "arm64":
		return "aarch64"
	case "386", "i386", "i486", "i586":
		return "i686"
	case "ppc64el":
		return "ppc64le"
	}
	return name
}
