package vulndb

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/imagevet/imagevet/internal/dbfile"
	"github.com/imagevet/imagevet/internal/distro"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// An Explanation is all that a database says of one package: what it was
// compared with, and for each advisory that names it why it is affected or not.
type Explanation struct {
	// Database is the [Info].ID of the database.
	Database string `json:"database"`
	// Coverage says what the package was compared with, or why with nothing.
	Coverage Coverage `json:"coverage"`
	// Vendor is the third party that the package is from, which the
	// distribution's advisories do not cover; empty for all others.
	Vendor string `json:"vendor,omitempty"`
	// Searched are the ecosystems with their releases whose advisories were
	// looked through, in the order of the search, such as "Debian:12".
	Searched []string `json:"searched"`
	// LookedUp are the names, with the version to compare, that were tried.
	LookedUp []LookedUp `json:"looked_up"`
	// Advisories are those that name the package, sorted by Advisory, then in
	// the order of the search. One advisory is there twice if it names the
	// package twice: under two names, for two releases or minor releases of
	// these, or for two architectures.
	Advisories []Judgement `json:"advisories"`
	// Missing are the IDs that were asked for and of which no advisory names
	// the package, in the order of the question.
	Missing []Missing `json:"missing"`
	// Problems are what kept the package from being compared in full, sorted.
	Problems []string `json:"problems"`
}

// LookedUp is a name under which advisories were looked up.
type LookedUp struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// A Judgement is what one advisory says of a package, and why.
type Judgement struct {
	// Advisory is the ID of the record, Summary its title, which may be empty.
	Advisory string `json:"advisory"`
	Summary  string `json:"summary"`
	// Flaws are the IDs that [DB.Match] has for it if the package is affected,
	// or else the CVEs that the record is about; sorted.
	Flaws []string `json:"flaws"`
	// Ecosystem is the record's, such as "Debian:12"; Name and Version are
	// what was compared, Scheme how.
	Ecosystem string `json:"ecosystem"`
	Name      string `json:"name"`
	Version   string `json:"version"`
	Scheme    string `json:"scheme"`
	// Verdict is one of [VerdictAffected], [VerdictNotAffected] and
	// [VerdictUnknown].
	Verdict string `json:"verdict"`
	// Text says the verdict and its reason in one sentence without a full
	// stop, such as "not affected: 1.2-r3 is at or above fixed 1.2-r3 (apk)".
	Text string `json:"text"`
	// FixedVersion is as in [Match].
	FixedVersion string `json:"fixed_version"`
	// Informational is the record's word for what is no flaw, see [Match]; empty
	// for flaws.
	Informational string `json:"informational,omitempty"`
	// Ranges are those of the record, the lowest first. Those that overlap or
	// touch are joined.
	Ranges []RangeCheck `json:"ranges"`
	// Unreadable is how many ranges the record has beyond that which cannot be
	// read: what they say of the package is not known.
	Unreadable int `json:"unreadable"`
	// Listed is how many versions the record lists outside of its ranges, and
	// ListedAs the one that the package has; empty if it has none of them.
	Listed   int    `json:"listed"`
	ListedAs string `json:"listed_as,omitempty"`
}

// The values of [Judgement].Verdict.
const (
	VerdictAffected    = "affected"
	VerdictNotAffected = "not_affected"
	VerdictUnknown     = "unknown" // the version or the record cannot be read
)

// A RangeCheck is the comparison of a version with one range.
type RangeCheck struct {
	// Range is as in [Evidence].
	Range string `json:"range"`
	// Holds is true if the version is in the range.
	Holds bool `json:"holds"`
	// Comparisons are those with the ends of the range, the lower one first.
	// A range without limits has none.
	Comparisons []Comparison `json:"comparisons"`
}

// A Comparison is that of a version with one end of a range.
type Comparison struct {
	// Bound is "introduced", "fixed" or "last_affected", and Version the
	// version that it is at.
	Bound   string `json:"bound"`
	Version string `json:"version"`
	// Result is where the package's version lies: "below", "equal", "above",
	// or "unknown" if it cannot be compared.
	Result string `json:"result"`
}

// Missing is an ID that was asked for in vain.
type Missing struct {
	ID string `json:"id"`
	// Advisories are the records with this ID, sorted, that name other
	// packages only; none if the ecosystem has no such record.
	Advisories []string `json:"advisories"`
	// Names are what these records name, such as "openssl (Debian:12)", sorted.
	Names []string `json:"names"`
	// Text says so in one sentence without a full stop.
	Text string `json:"text"`
}

// Explain tells what the database says of a package, advisories that do not
// affect it included. os is the distribution that it is installed on. With ids
// only those advisories are told of that have one of the IDs, as their own, as
// an alias or as a CVE that they are about; upper and lower case are the same.
//
// It asks what [DB.Match] asks, and has the answers from the same comparison.
// IDs that no advisory on the package has are searched in all advisories of
// its ecosystem, which takes up to some seconds.
//
// The error wraps [ErrCorrupt] if the database turns out to be damaged.
func (db *DB) Explain(ctx context.Context, os inventory.OS, pkg inventory.Package, ids ...string) (*Explanation, error) {
	if err := db.use(); err != nil {
		return nil, err
	}
	defer db.end()
	out, err := db.explain(ctx, os, pkg, ids)
	if err != nil {
		return nil, fmt.Errorf("vulndb: explain: %w", err)
	}
	return out, nil
}

func (db *DB) explain(ctx context.Context, os inventory.OS, pkg inventory.Package, ids []string) (explanation *Explanation, err error) {
	defer guard(&err)()
	m := newMatcher(db, os, []inventory.Package{pkg})
	if err := m.lookup(0); err != nil {
		return nil, err
	}
	result, err := m.result(ctx)
	if err != nil {
		return nil, err
	}
	out := &Explanation{
		Database: db.info.ID, Searched: []string{}, LookedUp: []LookedUp{}, Advisories: []Judgement{},
		Missing: []Missing{}, Problems: []string{},
	}
	for _, c := range result.Coverage { // of one package there is one
		out.Coverage = c
	}
	for _, p := range result.Problems {
		out.Problems = append(out.Problems, p.Message)
	}
	e := explainer{db: db, out: out, pkg: &pkg, overruled: m.overruled, target: m.target(pkg.Type), matches: result.Matches, flaws: map[string][]string{}}
	for _, match := range result.Matches {
		for _, evidence := range append([]Evidence{match.Evidence}, match.Other...) {
			e.flaws[evidence.Advisory] = append(e.flaws[evidence.Advisory], match.ID)
		}
	}
	if _, ok := distro.PackageScheme(pkg.Type); ok {
		out.Vendor, _ = distro.ThirdParty(pkg)
	}
	if out.Vendor == "" {
		queries := m.queries(e.target, &pkg)
		for _, s := range e.target.searches {
			if slices.ContainsFunc(queries, func(q query) bool { return s.wants(&q) }) {
				out.Searched = append(out.Searched, s.ecosystem)
			}
		}
		for i := range queries {
			q := &queries[i]
			if len(e.target.searches) > 0 {
				out.LookedUp = append(out.LookedUp, LookedUp{string(q.name), q.version})
			}
			if err := e.query(ctx, q, ids); err != nil {
				return nil, err
			}
		}
	}
	slices.SortStableFunc(out.Advisories, func(a, b Judgement) int { return cmp.Compare(a.Advisory, b.Advisory) })
	return out, e.missing(ctx, ids)
}

// An explainer is the state of one call of Explain.
type explainer struct {
	db     *DB
	out    *Explanation
	target *target
	pkg    *inventory.Package
	flaws  map[string][]string // of the advisories that affect the package
	found  []*record           // of all advisories that are told of
	// overruled are those that a fix for the package's own stream decides.
	overruled []overruled
	matches   []Match
}

// query explains what the database says to one name and version.
func (e *explainer) query(ctx context.Context, q *query, ids []string) error {
	searches := q.searches()
	for i := range searches {
		s := &searches[i]
		if !s.wants(q) {
			continue
		}
		data, ok, err := s.file.Lookup(nil, s.release, q.name)
		if err != nil {
			return corrupt(err)
		}
		if !ok {
			continue
		}
		cases, err := splitCases(data, s.file.Meta().Records)
		if err != nil {
			return fmt.Errorf("%w: entry of %q in %s: %w", ErrCorrupt, q.name, s.ecosystem, err)
		}
		var numbers []int
		for _, c := range cases {
			numbers = append(numbers, c.record)
		}
		records, err := s.file.records(ctx, slices.Compact(numbers))
		if err != nil {
			return err
		}
		for _, c := range cases {
			r := records[c.record]
			if len(ids) > 0 && !slices.ContainsFunc(ids, func(id string) bool { return e.has(r, id) }) {
				continue
			}
			j, err := explainCase(c.body, s, q)
			if err != nil {
				return q.damaged(s, uint64(c.record), err)
			}
			if j.Verdict == VerdictAffected && !r.concerns(string(q.name), e.pkg.Platforms) {
				j.Verdict, j.FixedVersion = VerdictNotAffected, ""
				j.Text = "not affected: the advisory is on other platforms than " + few(e.pkg.Platforms)
			}
			if j.Verdict == VerdictAffected {
				e.overrule(&j, r)
			}
			j.Advisory, j.Summary, j.Ecosystem = r.id, r.summary, s.ecosystem
			if j.Informational = r.informational(string(q.name)); j.Informational != "" {
				j.Text += fmt.Sprintf("; the advisory is informational (%s)", j.Informational)
			}
			if e.target.channels && j.Verdict == VerdictAffected {
				e.settle(&j, s.channel)
			}
			if j.Flaws = cvesOf(r); j.Verdict == VerdictAffected {
				j.Flaws = slices.Clone(e.flaws[r.id])
			}
			slices.Sort(j.Flaws)
			if j.Flaws = slices.Compact(j.Flaws); j.Flaws == nil {
				j.Flaws = []string{}
			}
			e.out.Advisories = append(e.out.Advisories, j)
			e.found = append(e.found, r)
		}
	}
	return nil
}

// overrule changes the judgement on a record that covers the package, if a fix
// for the stream of the package decides instead.
func (e *explainer) overrule(j *Judgement, r *record) {
	for i := range e.overruled {
		o := &e.overruled[i]
		if o.rec.id != r.id || o.hit.verdict.fixed != j.FixedVersion {
			continue
		}
		if o.all {
			j.Verdict, j.FixedVersion = VerdictNotAffected, ""
			j.Text = "not affected: " + o.text() + ", which decides; else " + strings.TrimPrefix(j.Text, "affected: ")
		} else {
			j.Text += "; but " + o.text()
		}
		return
	}
}

// A numbered is a case with the number of its record.
type numbered struct {
	record int
	body   []byte
}

// splitCases returns the cases of an entry, by rising number.
func splitCases(data []byte, records int) ([]numbered, error) {
	var cases []numbered
	d := dbfile.NewDecoder(data)
	for d.Len() > 0 {
		number, body := d.Uint(), d.Bytes()
		if d.Err() == nil && (number >= uint64(records) || len(cases) > 0 && int(number) < cases[len(cases)-1].record) {
			return nil, dbfile.ErrDamaged
		}
		cases = append(cases, numbered{int(number), body})
	}
	return cases, d.Err()
}

// has reports whether an ID is one of a record's, or one that Match has for it.
func (e *explainer) has(r *record, id string) bool {
	same := func(known string) bool { return strings.EqualFold(known, id) }
	return same(r.id) || slices.ContainsFunc(r.aliases, same) || slices.ContainsFunc(r.upstream, same) ||
		slices.ContainsFunc(cvesOf(r), same) || slices.ContainsFunc(e.flaws[r.id], same)
}

// explainCase tells what judge makes of a case, and why.
func explainCase(body []byte, s *search, q *query) (Judgement, error) {
	scheme := s.scheme
	j := Judgement{Name: string(q.name), Version: q.version, Scheme: scheme.String(), Ranges: []RangeCheck{}}
	key, keyErr := q.key(nil, scheme, caseEpoch(body))
	if q.version == "" {
		key = nil
	}
	d := dbfile.NewDecoder(body)
	_, _ = d.Uint(), d.Uint() // the group of ratings, the status
	j.Unreadable = int(d.Uint())
	for range d.Count() {
		interval := nextInterval(&d)
		j.Ranges = append(j.Ranges, checkRange(&interval, key))
	}
	j.Listed = d.Count()
	for range j.Listed {
		if k, t := d.Bytes(), d.Bytes(); j.ListedAs == "" && q.version != "" && d.Err() == nil && isListed(k, t, key, q.version) {
			j.ListedAs = string(t)
		}
	}
	if d.Err() != nil {
		return Judgement{}, d.Err()
	}
	var v verdict
	if q.version != "" { // Match compares no package without a version
		d := dbfile.NewDecoder(body)
		v, _ = judge(&d, key, q.version, q.arch)
	}
	other := v.affected && v.simple && hasFlavours(s.file.base) && otherFlavour(v.fixed, q.version)
	if other {
		j.Text = fmt.Sprintf("not affected: the fix is for %v builds, of which the package is none", flavourOf(v.fixed))
		v = verdict{}
	}
	if v.otherArch {
		j.Text = "not affected: the advisory is for other architectures than " + q.arch
		j.Unreadable = 0
	}
	j.FixedVersion = v.fixed
	switch {
	case v.affected:
		j.Verdict = VerdictAffected
	case q.version == "" || keyErr != nil || j.Unreadable > 0:
		j.Verdict = VerdictUnknown
	default:
		j.Verdict = VerdictNotAffected
	}
	if other || v.otherArch {
		j.Verdict = VerdictNotAffected
		return j, nil
	}
	order := j.Scheme
	if q.epochless && caseEpoch(body) != "" {
		order += ", the epoch is not compared"
	}
	j.Text = j.sentence(key != nil, order)
	return j, nil
}

// checkRange compares a version, which may have no key, with an interval.
func checkRange(e *encoded, key []byte) RangeCheck {
	c := RangeCheck{Range: rangeText(e.end, e.lowText, e.highText), Holds: key != nil && e.side(key) == 0, Comparisons: []Comparison{}}
	add := func(kind string, boundKey, text []byte) {
		result := "unknown"
		if key != nil {
			result = [...]string{"below", "equal", "above"}[slices.Compare(key, boundKey)+1]
		}
		c.Comparisons = append(c.Comparisons, Comparison{kind, string(text), result})
	}
	if e.bounded {
		add("introduced", e.low, e.lowText)
	}
	switch e.end {
	case endFixed:
		add("fixed", e.high, e.highText)
	case endLast:
		add("last_affected", e.high, e.highText)
	}
	return c
}

// sentence says why the verdict is what it is. understood is false if the
// version could not be compared; order is by which rules it was.
func (j *Judgement) sentence(understood bool, order string) string {
	switch {
	case j.Verdict == VerdictAffected:
		return j.affected(order)
	case j.Verdict == VerdictNotAffected:
		return "not affected: " + j.outside(order)
	case j.Version == "":
		return "cannot tell: the package has no version"
	case !understood:
		return fmt.Sprintf("cannot tell: the version %s is not understood by %s", j.Version, j.Scheme)
	}
	text := fmt.Sprintf("cannot tell: %s of the advisory cannot be read", count(j.Unreadable, "range"))
	if len(j.Ranges)+j.Listed > 0 {
		text += ", and " + j.outside(order)
	}
	return text
}

func (j *Judgement) affected(order string) string {
	i := slices.IndexFunc(j.Ranges, func(c RangeCheck) bool { return c.Holds })
	if i < 0 {
		if j.ListedAs == j.Version {
			return fmt.Sprintf("listed: %s is one of the versions listed", j.Version)
		}
		return fmt.Sprintf("listed: %s equals %s, which is one of the versions listed (%s)", j.Version, j.ListedAs, order)
	}
	var parts []string
	for _, c := range j.Ranges[i].Comparisons {
		parts = append(parts, c.String())
	}
	switch n := len(parts); {
	case n == 0:
		return "affected: every version is, and no version is called fixed"
	case n == 1 && j.Ranges[i].Comparisons[0].Bound == "introduced":
		parts = append(parts, "no version above is called fixed")
	}
	return fmt.Sprintf("affected: %s is %s (%s)", j.Version, strings.Join(parts, " and "), order)
}

// outside says why no range holds the version: it lies between the last range
// that it is above and the first that it is below.
func (j *Judgement) outside(order string) string {
	switch {
	case len(j.Ranges)+j.Listed == 0:
		return "the advisory says of no version that it is affected"
	case len(j.Ranges) == 0:
		return fmt.Sprintf("%s is not among the %s listed", j.Version, count(j.Listed, "version"))
	}
	next := slices.IndexFunc(j.Ranges, func(c RangeCheck) bool {
		return c.Comparisons[0].Bound == "introduced" && c.Comparisons[0].Result == "below"
	})
	var parts []string
	if next != 0 {
		before := j.Ranges[len(j.Ranges)-1]
		if next > 0 {
			before = j.Ranges[next-1]
		}
		parts = append(parts, before.Comparisons[len(before.Comparisons)-1].String())
	}
	if next >= 0 {
		parts = append(parts, j.Ranges[next].Comparisons[0].String())
	}
	text := fmt.Sprintf("%s is %s (%s)", j.Version, strings.Join(parts, " and "), order)
	if j.Listed > 0 {
		text += fmt.Sprintf(", and not among the %s listed", count(j.Listed, "version"))
	}
	return text
}

// String says where the version lies, such as "at or above fixed 1.2".
func (c Comparison) String() string {
	bound := strings.ReplaceAll(c.Bound, "_", " ") + " " + c.Version
	switch {
	case c.Result == "unknown":
		return "not comparable with " + bound
	case c.Bound == "last_affected" && c.Result == "above":
		return "above " + bound
	case c.Bound == "last_affected":
		return "at or below " + bound
	case c.Result == "below":
		return "below " + bound
	}
	return "at or above " + bound
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// missing tells of the IDs that nothing was found for.
func (e *explainer) missing(ctx context.Context, ids []string) error {
	var left []string
	for _, id := range ids {
		if !slices.Contains(left, id) && !slices.ContainsFunc(e.found, func(r *record) bool { return e.has(r, id) }) {
			left = append(left, id)
		}
	}
	if len(left) == 0 {
		return nil
	}
	numbers := map[string]map[string]bool{} // IDs of records, by the ID that was asked for
	names := map[string]map[string]bool{}
	for _, id := range left {
		numbers[id], names[id] = map[string]bool{}, map[string]bool{}
	}
	var bases []string
	for _, s := range e.target.searches {
		if slices.Contains(bases, s.file.base) {
			continue
		}
		bases = append(bases, s.file.base)
		if err := e.search(ctx, s.file, left, numbers, names); err != nil {
			return err
		}
	}
	for _, id := range left {
		m := Missing{
			ID: id, Advisories: slices.AppendSeq([]string{}, maps.Keys(numbers[id])), Names: slices.AppendSeq([]string{}, maps.Keys(names[id])),
		}
		slices.Sort(m.Advisories)
		slices.Sort(m.Names)
		switch {
		case len(bases) == 0:
			m.Text = "nothing was searched: " + e.out.Coverage.Reason
		case len(m.Advisories) == 0:
			m.Text = fmt.Sprintf("the database has no such advisory for %s; it keeps none that were withdrawn", strings.Join(bases, ", "))
		default:
			m.Text = fmt.Sprintf("the database has it for %s, as %s, and not for what was looked up", few(m.Names), few(m.Advisories))
		}
		e.out.Missing = append(e.out.Missing, m)
	}
	return nil
}

// search finds records of a file by their IDs, and the names in them.
func (e *explainer) search(ctx context.Context, f *file, ids []string, records, names map[string]map[string]bool) error {
	all := make([]int, f.Meta().Records)
	for i := range all {
		all[i] = i
	}
	hits := map[uint64][]string{} // by number, the IDs that were asked for
	err := f.Records(ctx, all, func(n int, data []byte) error {
		r, err := decodeDetails(data)
		if err != nil {
			return fmt.Errorf("record %d: %w: %w", n, dbfile.ErrDamaged, err)
		}
		for _, id := range ids {
			if e.has(r, id) {
				records[id][r.id] = true
				hits[uint64(n)] = append(hits[uint64(n)], id)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("%s: %w", f.base, corrupt(err))
	}
	if len(hits) == 0 {
		return nil
	}
	cursor := f.Cursor()
	for cursor.Next() {
		if err := ctx.Err(); err != nil {
			return err
		}
		entry := cursor.Entry()
		d := dbfile.NewDecoder(entry.Data)
		for d.Len() > 0 {
			number := d.Uint()
			d.Bytes()
			for _, id := range hits[number] {
				names[id][fmt.Sprintf("%s (%s)", plainName(f.schemes[entry.Release], entry.Name), joinEcosystem(f.base, f.Meta().Releases[entry.Release].Name))] = true
			}
		}
		if d.Err() != nil {
			return fmt.Errorf("%w: entry of %q in %s: %w", ErrCorrupt, entry.Name, f.base, errors.Join(d.Err(), dbfile.ErrDamaged))
		}
	}
	if err := cursor.Err(); err != nil {
		return fmt.Errorf("%s: %w", f.base, corrupt(err))
	}
	return nil
}
