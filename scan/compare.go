package scan

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/imagevet/imagevet/internal/distro"
	"github.com/imagevet/imagevet/version"
	"github.com/imagevet/imagevet/vulndb"
)

// ComparisonVersion is the version of the JSON form of [Comparison]. Within a
// version fields are added but never renamed, removed or given another meaning.
const ComparisonVersion = 1

// A Comparison is what differs between two reports. Its JSON form is described
// by comparison.schema.json beside this package. All lists are in the order of
// [Report].Findings.
type Comparison struct {
	SchemaVersion int `json:"schema_version"`
	// Kind is "reports" for [Compare] and "base" for [CompareBase].
	Kind   string   `json:"kind"`
	Before Compared `json:"before"`
	After  Compared `json:"after"`
	// Warnings are what makes the comparison less sure, such as that the
	// reports rest on different databases.
	Warnings []string `json:"warnings"`
	// New are findings of the later report that the earlier one has not.
	New []Change `json:"new"`
	// Fixed are findings of the earlier report that the later one has not.
	Fixed []Change `json:"fixed"`
	// Kept are findings of both, as the later report has them.
	Kept []Change `json:"kept"`
	// Unclear are findings of the earlier report that the later one has not
	// either, but for another reason than that they are fixed: they are
	// suppressed there, or their package was not compared.
	Unclear []Change `json:"unclear"`
	// Own is, for Kind "base", how many findings the image has that do not come
	// from its base.
	Own int `json:"own,omitempty"`
}

// A Compared is one of the reports.
type Compared struct {
	Name     string   `json:"name"`
	Digest   string   `json:"digest"`
	ImageID  string   `json:"image_id"`
	Platform string   `json:"platform"`
	OS       OS       `json:"os"`
	Database Database `json:"database"`
	Findings int      `json:"findings"` // that took part
}

// A Change is a finding with what became of it.
type Change struct {
	Finding
	Reason ChangeReason `json:"reason"`
	Detail string       `json:"detail"` // the reason in words
	// VersionBefore and VersionAfter are the versions of the package. Either is
	// empty where the report has no such package or does not tell; several are
	// between commas.
	VersionBefore string `json:"version_before"`
	VersionAfter  string `json:"version_after"`
}

// A ChangeReason is why a finding is new, gone or still there.
type ChangeReason string

// The reasons.
const (
	// ReasonAdded and ReasonRemoved: the package came or went.
	ReasonAdded   ChangeReason = "package_added"
	ReasonRemoved ChangeReason = "package_removed"
	// ReasonUpgraded and ReasonDowngraded: it has a higher or lower version;
	// ReasonChanged: one of which that cannot be told.
	ReasonUpgraded   ChangeReason = "package_upgraded"
	ReasonDowngraded ChangeReason = "package_downgraded"
	ReasonChanged    ChangeReason = "package_changed"
	// ReasonAdvisory: the package is the same, and another database or another
	// release of the distribution says something else.
	ReasonAdvisory ChangeReason = "advisory_changed"
	// ReasonSuppressed: an option or a rule takes the finding out in one of the
	// reports.
	ReasonSuppressed ChangeReason = "suppressed"
	// ReasonNotCompared: one of the reports has not compared the package with
	// advisories of this kind, or could not read the file that records it.
	ReasonNotCompared ChangeReason = "not_compared"
	// ReasonUnchanged: the package is the same, and so is the finding.
	ReasonUnchanged ChangeReason = "unchanged"
	// ReasonUnknown: the reports do not tell, mostly because they do not list
	// all packages.
	ReasonUnknown ChangeReason = "unknown"
)

// Compare tells what is new, fixed and kept in the report after, seen from the
// report before. Findings are the same if their package URLs are the same but
// for version and qualifiers, and one has a name of the other among its ID and
// aliases. Of several the closest belong together: those with the same ID, then
// with the same version, then with the same file.
//
// Why a finding is new or gone shows in the packages of both reports. A report
// that was read from JSON has them only if it was written with all packages;
// without them the reason is [ReasonUnknown], which is said in Warnings. A finding
// is fixed only if the later report has compared what it is in: see
// [Comparison].Unclear.
func Compare(before, after *Report) *Comparison {
	c := &Comparison{
		SchemaVersion: ComparisonVersion, Kind: "reports", Before: compared(before), After: compared(after),
		Warnings: compareWarnings(before, after), New: []Change{}, Fixed: []Change{}, Kept: []Change{}, Unclear: []Change{},
	}
	pairs, partner := pairFindings(before.Findings, after.Findings)
	was, is := newSide("earlier", before), newSide("later", after)
	for i := range after.Findings {
		f := after.Findings[i]
		if j := partner[i]; j >= 0 {
			c.Kept = append(c.Kept, kept(&before.Findings[j], f))
			continue
		}
		reason, detail, versions := absence(&f, is, was, false)
		c.New = append(c.New, Change{f, reason, detail, versions, f.Package.Version})
	}
	for i := range before.Findings {
		if pairs[i] >= 0 {
			continue
		}
		f := before.Findings[i]
		reason, detail, versions := absence(&f, was, is, true)
		change := Change{f, reason, detail, f.Package.Version, versions}
		switch reason {
		case ReasonSuppressed, ReasonNotCompared:
			c.Unclear = append(c.Unclear, change)
		default:
			c.Fixed = append(c.Fixed, change)
		}
	}
	return c
}

// ErrNoBase says that it is not known which layers of an image are those of its
// base, so that nothing can be said of another one.
var ErrNoBase = errors.New("the layers of the base image are not known")

// CompareBase tells what becomes of the findings that an image inherits from its
// base if it is built on another one: image is the report of the image, and base
// that of the other base. Fixed are those that vanish, New those that come, Kept
// those that stay; what the image has by itself is counted in Own, and does not
// count as new where the base brings it as well.
//
// The error is [ErrNoBase] if [Report].BaseImage does not tell the layers.
func CompareBase(image, base *Report) (*Comparison, error) {
	b := image.BaseImage
	if b == nil || b.Layers == 0 {
		return nil, fmt.Errorf("scan: %w", ErrNoBase)
	}
	inherited := *image
	inherited.Findings = slices.DeleteFunc(slices.Clone(image.Findings), func(f Finding) bool { return !f.Package.FromBase })
	inherited.Suppressed = slices.DeleteFunc(slices.Clone(image.Suppressed), func(f Suppressed) bool { return !f.Package.FromBase })
	if image.Packages != nil {
		inherited.Packages = slices.DeleteFunc(slices.Clone(image.Packages), func(p Package) bool { return !p.FromBase })
	}
	c := Compare(&inherited, base)
	c.Kind = "base"
	own := slices.DeleteFunc(slices.Clone(image.Findings), func(f Finding) bool { return f.Package.FromBase })
	c.Own = len(own)
	if b.Guess {
		c.Warnings = append(c.Warnings, "where the base image ends is a guess: "+b.Reason)
	}
	// What the image has by itself does not come with the new base.
	arrivals := make([]Finding, len(c.New))
	for i := range c.New {
		arrivals[i] = c.New[i].Finding
	}
	_, partner := pairFindings(own, arrivals)
	packages := map[packageKey][]*Package{} // that do not come from the base
	for i := range image.Packages {
		if p := &image.Packages[i]; !p.FromBase && p.DeletedBy == nil {
			packages[keyOf(p)] = append(packages[keyOf(p)], p)
		}
	}
	fresh := []Change{}
	for i, change := range c.New {
		if j := partner[i]; j >= 0 {
			change.Reason, change.Detail, change.VersionBefore = ReasonUnchanged, "the image has it by itself already", own[j].Package.Version
			c.Kept = append(c.Kept, change)
			continue
		}
		if list := packages[keyOf(&change.Package)]; len(list) > 0 && change.Reason == ReasonAdded {
			change.VersionBefore = versionsOf(list)
			change.Reason = direction(change.Evidence.Scheme, list[0].Version, change.VersionAfter)
			change.Detail = "a layer of the image itself has the package in another version, and may mend it again"
		}
		fresh = append(fresh, change)
	}
	c.New = fresh
	return c, nil
}

func compared(r *Report) Compared {
	t := &r.Target
	return Compared{t.Name, t.Digest, t.ImageID, t.Platform, r.OS, r.Database, len(r.Findings)}
}

// compareWarnings are what makes a comparison less sure.
func compareWarnings(before, after *Report) []string {
	warnings := []string{}
	say := func(format string, args ...any) { warnings = append(warnings, fmt.Sprintf(format, args...)) }
	a, b := &before.Database, &after.Database
	switch {
	case a.ID == "" && b.ID == "":
		say("neither report had a database: nothing was compared with advisories")
	case a.ID == "" || b.ID == "":
		say("one of the reports had no database: nothing was compared with advisories there")
	case a.ID != b.ID:
		say("the reports rest on different databases, of %s and of %s: what is new or gone can be due to that", built(a.Built), built(b.Built))
	}
	if p, q := before.Target.Platform, after.Target.Platform; p != q && p != "" && q != "" {
		say("the images are for different platforms, %s and %s", p, q)
	}
	for _, r := range []struct {
		name string
		*Report
	}{{"earlier", before}, {"later", after}} {
		if r.Packages == nil {
			say("the %s report does not list its packages, so that it cannot be told why findings differ: write it with all packages", r.name)
		}
		missed := 0
		for _, c := range r.Coverage {
			if c.Status != vulndb.CoverageMatched {
				missed += c.Packages
			}
		}
		if missed > 0 && r.Database.ID != "" {
			say("packages of the %s report were not compared with advisories, %d of them", r.name, missed)
		}
		if n := len(r.Problems); n > 0 {
			say("packages and findings may hide behind the problems of the %s report, of which there are %d", r.name, n)
		}
	}
	return warnings
}

func built(t time.Time) string {
	if t.IsZero() {
		return "an unknown day"
	}
	return t.UTC().Format(time.DateOnly)
}

// A packageKey names a package whatever its version.
type packageKey struct{ target, name string }

func keyOf(p *Package) packageKey {
	text, _, _ := strings.Cut(p.PURL, "#")
	text, _, _ = strings.Cut(text, "?")
	if i := strings.LastIndexByte(text, '@'); i > strings.LastIndexByte(text, '/') {
		text = text[:i]
	}
	return packageKey{p.Target, cmp.Or(text, p.Type+"/"+p.Name)}
}

// pairFindings finds the findings of two reports that are the same. It returns
// for each of a the place in b and for each of b that in a, -1 for none.
func pairFindings(a, b []Finding) (inB, inA []int) {
	inB, inA = slices.Repeat([]int{-1}, len(a)), slices.Repeat([]int{-1}, len(b))
	type place struct {
		packageKey
		id string
	}
	at := map[place][]int{}
	for i := range b {
		key := keyOf(&b[i].Package)
		for _, id := range names(&b[i]) {
			at[place{key, id}] = append(at[place{key, id}], i)
		}
	}
	version := func(x, y *Finding) bool { return x.Package.Version == y.Package.Version }
	for _, same := range []func(x, y *Finding) bool{
		func(x, y *Finding) bool { return x.ID == y.ID && version(x, y) && samePlace(&x.Package, &y.Package) },
		func(x, y *Finding) bool { return x.ID == y.ID && version(x, y) },
		func(x, y *Finding) bool { return x.ID == y.ID && samePlace(&x.Package, &y.Package) },
		func(x, y *Finding) bool { return x.ID == y.ID },
		func(x, y *Finding) bool { return sameFlaw(x, y) && version(x, y) },
		sameFlaw,
	} {
		for i := range a {
			if inB[i] >= 0 {
				continue
			}
			key := keyOf(&a[i].Package)
			for _, id := range names(&a[i]) {
				j := slices.IndexFunc(at[place{key, id}], func(j int) bool { return inA[j] < 0 && same(&a[i], &b[j]) })
				if j >= 0 {
					j = at[place{key, id}][j]
					inB[i], inA[j] = j, i
					break
				}
			}
		}
	}
	return inB, inA
}

// sameFlaw reports whether two findings that share a name can be of one flaw. Two
// CVEs are two flaws, also where an advisory is on both.
func sameFlaw(x, y *Finding) bool {
	return x.ID == y.ID || !strings.HasPrefix(x.ID, "CVE-") || !strings.HasPrefix(y.ID, "CVE-") ||
		slices.Contains(x.Aliases, y.ID) || slices.Contains(y.Aliases, x.ID)
}

// names are the ID of a finding and its aliases, each once.
func names(f *Finding) []string {
	list := []string{f.ID}
	for _, a := range f.Aliases {
		if !slices.Contains(list, a) {
			list = append(list, a)
		}
	}
	return list
}

// samePlace reports whether two packages are recorded in one file, for the same
// architecture.
func samePlace(p, q *Package) bool {
	return firstPath(p.Paths) == firstPath(q.Paths) && p.Arch == q.Arch
}

// kept describes a finding that both reports have.
func kept(before *Finding, after Finding) Change {
	c := Change{after, ReasonUnchanged, "the package is the same", before.Package.Version, after.Package.Version}
	if c.VersionBefore != c.VersionAfter {
		c.Reason = direction(before.Evidence.Scheme, c.VersionBefore, c.VersionAfter)
		c.Detail = "the package has another version, which is affected as well"
	}
	return c
}

// direction tells which of two different versions is the higher one.
func direction(scheme, before, after string) ChangeReason {
	s, err := version.ParseScheme(scheme)
	if err != nil {
		return ReasonChanged
	}
	order, err := version.Compare(s, before, after)
	switch {
	case err != nil || order == 0:
		return ReasonChanged
	case order < 0:
		return ReasonUpgraded
	}
	return ReasonDowngraded
}

// A side is one of the reports that are compared, with what is looked up in it.
type side struct {
	*Report
	name       string // for people
	packages   map[packageKey][]*Package
	suppressed map[packageKey][]*Suppressed
	unread     map[string]string // problems by the path of the file
}

func newSide(name string, r *Report) *side {
	s := &side{
		Report: r, name: name,
		packages: map[packageKey][]*Package{}, suppressed: map[packageKey][]*Suppressed{}, unread: map[string]string{},
	}
	for i := range r.Packages {
		if p := &r.Packages[i]; p.DeletedBy == nil {
			s.packages[keyOf(p)] = append(s.packages[keyOf(p)], p)
		}
	}
	for i := range r.Suppressed {
		f := &r.Suppressed[i]
		s.suppressed[keyOf(&f.Package)] = append(s.suppressed[keyOf(&f.Package)], f)
	}
	for _, p := range r.Problems {
		if p.Path != "" && p.Extractor != "match" && p.Extractor != "vex" { // which are not about reading the file
			s.unread[p.Path] = p.Error
		}
	}
	return s
}

// compares reports whether the side has compared packages like p, which an
// advisory of an ecosystem is about, and why not.
func (s *side) compares(p *Package, ecosystem string) (bool, string) {
	if s.Database.ID == "" {
		return false, "there was no database"
	}
	name, _, _ := strings.Cut(ecosystem, ":")
	if _, ofDistribution := distro.PackageScheme(p.Type); ofDistribution {
		name = s.OS.Ecosystem
	}
	missed := ""
	for _, c := range s.Coverage {
		if !strings.EqualFold(c.Ecosystem, name) && !strings.EqualFold(c.Ecosystem, p.Type) {
			continue
		}
		if c.Status == vulndb.CoverageMatched {
			return true, ""
		}
		missed = cmp.Or(c.Reason, string(c.Status))
	}
	return missed == "", missed
}

// absence tells why a finding that one report has is missing from the other. Of
// the two, gone is true if the later one misses it. versions are those that the
// package has in the report that misses the finding.
func absence(f *Finding, has, misses *side, gone bool) (reason ChangeReason, detail, versions string) {
	p := &f.Package
	others := misses.packages[keyOf(p)]
	versions = versionsOf(others)
	for _, s := range misses.suppressed[keyOf(p)] {
		if sameFlaw(&s.Finding, f) && slices.ContainsFunc(names(&s.Finding), func(id string) bool { return slices.Contains(names(f), id) }) {
			return ReasonSuppressed, fmt.Sprintf("in the %s report it is suppressed by %s: %s", misses.name, s.By, s.Reason), cmp.Or(versions, s.Package.Version)
		}
	}
	if ok, reason := misses.compares(p, f.Evidence.Ecosystem); !ok && (len(others) > 0 || misses.Packages == nil) {
		return ReasonNotCompared, fmt.Sprintf("the %s report has not compared it: %s", misses.name, reason), versions
	}
	if len(others) == 0 {
		for _, path := range p.Paths {
			if problem, ok := misses.unread[path]; ok {
				return ReasonNotCompared, fmt.Sprintf("in the %s report %q was not read in full: %s", misses.name, path, problem), ""
			}
		}
		switch {
		case misses.Packages == nil:
			return ReasonUnknown, fmt.Sprintf("the %s report does not list its packages", misses.name), ""
		case gone:
			return ReasonRemoved, "the package is no longer there", ""
		}
		return ReasonAdded, "the package was not there", ""
	}
	if p.OwnedBy == "" && !slices.ContainsFunc(others, func(o *Package) bool { return o.OwnedBy == "" }) {
		return ReasonNotCompared, fmt.Sprintf("in the %s report it is part of the package %s, and compared as that", misses.name, others[0].OwnedBy), versions
	}
	same := func(o *Package) bool { return o.Version == p.Version && (o.OwnedBy == "" || p.OwnedBy != "") }
	switch n := count(has.packages[keyOf(p)], same); {
	case !slices.ContainsFunc(others, same):
	case n > count(others, same) && gone:
		return ReasonRemoved, "one of several packages of this name and version is no longer there", versions
	case n > count(others, same):
		return ReasonAdded, "there was one package less of this name and version", versions
	case has.Database.ID != misses.Database.ID:
		return ReasonAdvisory, "the package is the same, and the databases differ", versions
	case has.OS.Ecosystem != misses.OS.Ecosystem:
		return ReasonAdvisory, fmt.Sprintf("the package is the same, and the distribution is another: %s and %s", has.OS.Ecosystem, misses.OS.Ecosystem), versions
	default:
		return ReasonUnknown, "package and database are the same: the scans may have had different options", versions
	}
	other := others[0]
	if i := slices.IndexFunc(others, func(o *Package) bool { return samePlace(o, p) }); i >= 0 {
		other = others[i]
	}
	from, to := other.Version, p.Version
	if gone {
		from, to = to, from
	}
	return direction(f.Evidence.Scheme, from, to), fmt.Sprintf("the package was %s and is %s", cmp.Or(from, "without a version"), cmp.Or(to, "without a version")), versions
}

func count(packages []*Package, is func(*Package) bool) int {
	n := 0
	for _, p := range packages {
		if is(p) {
			n++
		}
	}
	return n
}

// versionsOf lists versions, each once.
func versionsOf(packages []*Package) string {
	var list []string
	for _, p := range packages {
		if !slices.Contains(list, p.Version) {
			list = append(list, p.Version)
		}
	}
	return strings.Join(list, ", ")
}
