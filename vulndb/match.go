package vulndb

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/imagevet/imagevet/internal/dbfile"
	"github.com/imagevet/imagevet/internal/distro"
	"github.com/imagevet/imagevet/sbom/inventory"
	"github.com/imagevet/imagevet/version"
)

// Match tells which advisories cover which of the packages. os is the
// distribution that they are installed on; packages of its package format are
// compared with its advisories, and packages of programming languages with
// those of their own ecosystem. [inventory.Package].OwnedBy is not considered:
// whether a package that another one brought along is to be matched is up to
// the caller.
//
// The error wraps [ErrCorrupt] if the database turns out to be damaged. All
// else that goes wrong is part of the result. Equal questions to equal
// databases have equal answers.
func (db *DB) Match(ctx context.Context, os inventory.OS, pkgs []inventory.Package) (result *Result, err error) {
	if err := db.use(); err != nil {
		return nil, err
	}
	defer db.end()
	result, err = db.match(ctx, os, pkgs)
	if err != nil {
		return nil, fmt.Errorf("vulndb: match: %w", err)
	}
	return result, nil
}

func (db *DB) match(ctx context.Context, os inventory.OS, pkgs []inventory.Package) (result *Result, err error) {
	defer guard(&err)()
	m := newMatcher(db, os, pkgs)
	for i := range pkgs {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := m.lookup(i); err != nil {
			return nil, err
		}
	}
	return m.result(ctx)
}

// A matcher is the state of one call of Match.
type matcher struct {
	db     *DB
	os     inventory.OS
	distro distro.Distro
	base   string // of its ecosystem
	pkgs   []inventory.Package
	again  bool // other packages follow

	targets  map[string]*target // by package type
	vendors  map[vendor][]string
	memo     []memo
	found    []found
	problems []Problem
	needed   map[*file]map[int]bool

	// What is used for one package after the other.
	asked           []query
	names, buf, key []byte

	overruled []overruled // for Explain, of the last package
}

func newMatcher(db *DB, os inventory.OS, pkgs []inventory.Package) *matcher {
	m := &matcher{
		db: db, os: os, distro: distro.Lookup(os), pkgs: pkgs,
		targets: map[string]*target{}, vendors: map[vendor][]string{}, needed: map[*file]map[int]bool{},
	}
	m.base, _ = splitEcosystem(m.distro.Ecosystem)
	return m
}

// A target is where advisories for packages of one type are.
type target struct {
	language string // OSV's ecosystem; empty for a distribution
	searches []search
	fips     []search // for packages that were built for FIPS, see ubuntupro.go
	channels bool     // some of the searches are for subscribers
	coverage Coverage // Packages counts
}

// A search is a part of the database.
type search struct {
	file      *file
	release   int
	ecosystem string // as it appears in evidence
	scheme    version.Scheme
	// built is not zero if the advisories are for packages that were built for
	// it alone.
	built stream
	// extended is true for the extended support of a minor release that the
	// image has by its content sets.
	extended bool
	channel  channel
}

// A vendor is a third party that packages of a distribution's format are from.
type vendor struct {
	typ, name string
}

// A query is a name and version that are looked up in a target.
type query struct {
	target  *target
	name    []byte
	version string
	// epochless is true if the version may lack its epoch, as that of the
	// source of an rpm package does.
	epochless bool
	arch      string
	built     stream // that the package was built for
}

// A memo keeps the answer to a query, as many packages have one source.
type memo struct {
	target    *target
	length    int // of the name
	name      [memoName]byte
	version   string
	epochless bool
	arch      string
	built     stream
	answer    answer
}

const (
	memos    = 256 // are kept at a time
	memoName = 64  // bytes; longer names are rare, and looked up again
)

// memoOf returns the place where the answer to a query is kept, and whether it
// is there. It is nil if the answer is not kept.
func (m *matcher) memoOf(q *query) (*memo, bool) {
	if len(q.name) > memoName || len(m.pkgs) < 2 && !m.again {
		return nil, false
	}
	if m.memo == nil {
		m.memo = make([]memo, memos)
	}
	hash := uint32(2166136261) // FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/
	for _, c := range q.name {
		hash = (hash ^ uint32(c)) * 16777619
	}
	at := &m.memo[hash%memos]
	return at, at.target == q.target && bytes.Equal(at.name[:at.length], q.name) && at.version == q.version && at.epochless == q.epochless &&
		at.arch == q.arch && at.built == q.built
}

// An answer is what the database says to a query.
type answer struct {
	hits     []hit
	unknown  []hit // records with ranges that could not be read
	clear    []hit // records that name the package, of a target with channels
	problems []string
	found    bool // the database has the name
}

// A hit is a record that covers a version.
type hit struct {
	search        *search
	record        int
	verdict       verdict
	name, version string
	built         stream // of the package
}

// found are the hits of one package.
type found struct {
	pkg     int
	hits    []hit
	unknown []hit
	settled []settled
	clear   []hit
}

// target returns where to look for packages of a type.
func (m *matcher) target(typ string) *target {
	if t, ok := m.targets[typ]; ok {
		return t
	}
	var t *target
	if ecosystem, ok := languageEcosystem(typ); ok {
		t = m.languageTarget(ecosystem)
	} else if scheme, ok := distro.PackageScheme(typ); ok {
		t = m.distroTarget(typ, scheme)
	} else {
		t = unsupported(typ, fmt.Sprintf("no ecosystem of advisories is known for packages of type %q", typ))
	}
	m.targets[typ] = t
	return t
}

func unsupported(ecosystem, reason string) *target {
	return &target{coverage: Coverage{Ecosystem: ecosystem, Status: CoverageUnsupported, Reason: reason}}
}

func noData(ecosystem, reason string) *target {
	return &target{coverage: Coverage{Ecosystem: ecosystem, Status: CoverageNoData, Reason: reason}}
}

func (m *matcher) languageTarget(ecosystem string) *target {
	if _, err := version.ParseScheme(ecosystem); err != nil {
		return unsupported(ecosystem, "the order of its versions is not known")
	}
	f, ok := m.db.files[ecosystem]
	if !ok {
		return noData(ecosystem, "the database has no advisories for it")
	}
	t := &target{language: ecosystem, coverage: Coverage{Ecosystem: ecosystem, Status: CoverageMatched}}
	// The suffix of these names a repository, such as
	// "Maven:https://maven.google.com". Where a package came from is not
	// recorded in what is installed, so all count.
	for i := range f.Meta().Releases {
		t.searches = append(t.searches, f.search(i))
	}
	return t
}

func (f *file) search(release int) search {
	name := f.Meta().Releases[release].Name
	return search{file: f, release: release, ecosystem: joinEcosystem(f.base, name), scheme: f.schemes[release]}
}

// distroTarget returns where to look for packages of the distribution's own
// format.
func (m *matcher) distroTarget(typ, scheme string) *target {
	d := m.distro
	if d.Ecosystem == "" {
		return unsupported(typ, cmp.Or(d.Reason, "the distribution is not known"))
	}
	if scheme != "" && d.Scheme != "" && scheme != d.Scheme {
		return unsupported(typ, fmt.Sprintf("%s advisories are not about packages of type %q", d.Ecosystem, typ))
	}
	if _, err := version.ParseScheme(d.Ecosystem); err != nil {
		return unsupported(d.Ecosystem, "the order of its versions is not known")
	}
	t := &target{coverage: Coverage{Ecosystem: d.Ecosystem, Status: CoverageMatched}}
	var missing []string
	base, _ := splitEcosystem(d.Ecosystem) // of all that follow
	f, ok := m.db.files[base]
	if !ok {
		return noData(d.Ecosystem, "the database has no advisories for "+base)
	}
	var absent []string
	for _, ecosystem := range append([]string{d.Ecosystem}, d.More...) {
		_, suffix := splitEcosystem(ecosystem)
		if !t.search(f, f.releases(suffix)...) {
			absent = append(absent, ecosystem)
		}
	}
	for _, p := range d.Products {
		covered := f.covered(p)
		if !t.search(f, covered...) {
			absent = append(absent, joinEcosystem(base, p.String()))
		}
		for i := range t.searches {
			t.searches[i].extended = t.searches[i].extended || p.IsExtended() && slices.Contains(covered, t.searches[i].release)
		}
	}
	for _, p := range d.Optional {
		t.search(f, f.covered(p)...)
	}
	if len(absent) > 0 {
		missing = append(missing, fmt.Sprintf("the database has no advisories for %s, only for %s", few(absent), f.releaseNames()))
	}
	t.addChannels(m.db, d)
	if len(t.searches) == 0 {
		return noData(d.Ecosystem, strings.Join(missing, "; "))
	}
	t.searchBuilt(f, &d)
	if len(d.Unknown) > 0 {
		var quoted []string // they are text from the image
		for _, name := range d.Unknown {
			quoted = append(quoted, strconv.Quote(name))
		}
		missing = append(missing, fmt.Sprintf("the image was built from repositories that no rule knows, whose advisories are not looked for: %s", few(quoted)))
	}
	if d.Inferred {
		missing = append(missing, fmt.Sprintf("the distribution %q is matched as what it derives from", m.os.ID))
	}
	t.coverage.Reason = strings.Join(missing, "; ")
	return t
}

// search adds releases to what is searched, and reports whether there are any.
func (t *target) search(f *file, releases ...int) bool {
	for _, i := range releases {
		if !slices.ContainsFunc(t.searches, func(s search) bool { return s.release == i }) {
			t.searches = append(t.searches, f.search(i))
		}
	}
	return len(releases) > 0
}

// searchBuilt adds releases that are searched for packages that were built for
// them alone.
func (t *target) searchBuilt(f *file, d *distro.Distro) {
	for i, r := range f.Meta().Releases {
		if slices.ContainsFunc(t.searches, func(s search) bool { return s.release == i }) {
			continue
		}
		if built, ok := builtFor(d, r.Name); ok {
			s := f.search(i)
			s.built = built
			t.searches = append(t.searches, s)
		}
	}
}

// builtFor returns the minor release that advisories are for, if they are for
// packages that were built for it alone.
func builtFor(d *distro.Distro, suffix string) (stream, bool) {
	major, minor, ok := d.BuiltFor(suffix)
	if !ok {
		return stream{}, false
	}
	a, _ := digits(major, 0)
	b, _ := digits(minor, 0)
	return stream{a, b}, true
}

// lookup looks up one package.
func (m *matcher) lookup(i int) error {
	p := &m.pkgs[i]
	t := m.target(p.Type)
	if _, ok := distro.PackageScheme(p.Type); ok {
		if name, ok := distro.ThirdParty(*p); ok {
			v := vendor{p.Type, name}
			m.vendors[v] = append(m.vendors[v], p.Name)
			return nil
		}
	}
	t.coverage.Packages++
	if len(t.searches) == 0 {
		return nil
	}
	if p.Version == "" {
		text := fmt.Sprintf("package %q has no version to compare", p.Name)
		if p.Constraint != "" {
			text = fmt.Sprintf("package %q is asked for as %q, and no file says which version that is", p.Name, p.Constraint)
		}
		m.problems = append(m.problems, Problem{i, text})
		return nil
	}
	if t.language == "" && p.Source.Name == "" && m.distro.Names != distro.ByBinary {
		m.problems = append(m.problems, Problem{i, fmt.Sprintf(
			"the source package of %q is not known: it is compared under its own name, and advisories are published by sources", p.Name)})
	}
	if t.language == "Maven" && p.Namespace == "" && !strings.Contains(p.Name, ":") {
		m.problems = append(m.problems, Problem{i, fmt.Sprintf(
			"the group of %q is not known, and advisories name packages by group and artifact", p.Name)})
	}
	out := found{pkg: i}
	queries := m.queries(t, p)
	for k := range queries {
		a, err := m.ask(&queries[k])
		if err != nil {
			return err
		}
		out.hits = append(out.hits, a.hits...)
		out.unknown = append(out.unknown, a.unknown...)
		out.clear = append(out.clear, a.clear...)
		for _, text := range a.problems {
			m.problems = append(m.problems, Problem{i, text})
		}
	}
	foreign := false
	for _, h := range out.hits {
		m.need(h.search, h.record)
		foreign = foreign || h.foreign()
	}
	for _, h := range out.unknown {
		m.need(h.search, h.record)
	}
	for k := 0; foreign && k < len(queries); k++ { // else there is nothing to overrule
		if err := m.settle(&out, &queries[k]); err != nil {
			return err
		}
	}
	for _, h := range out.clear {
		m.need(h.search, h.record)
	}
	if len(out.hits)+len(out.unknown) > 0 {
		m.found = append(m.found, out)
	}
	return nil
}

// queries returns the names and versions under which a package is looked up.
// They are valid until the next call.
func (m *matcher) queries(t *target, p *inventory.Package) []query {
	list := m.asked[:0]
	m.names = m.names[:0]
	if t.language != "" {
		list = append(list, query{target: t, name: m.languageName(t.language, p), version: languageVersion(t.language, p.Version)})
		m.asked = list
		return list
	}
	sourceName, sourceVersion := cmp.Or(p.Source.Name, p.Name), cmp.Or(p.Source.Version, p.Version)
	epochless := false
	if p.Type == "rpm" && !strings.Contains(sourceVersion, ":") {
		// The file name of a source, which is all that an rpm package tells of
		// it, is without the epoch.
		if _, version, _ := strings.Cut(p.Version, ":"); sourceName == p.Name && sourceVersion == version {
			sourceVersion = p.Version
		} else {
			epochless = sourceVersion != p.Version
		}
	}
	var built stream
	if p.Type == "rpm" && hasStreams(m.base) {
		if built = streamOf(p.Version); built == (stream{}) && p.Module != "" && t.extended() {
			built = moduleStreamOf(p.Version)
		}
	}
	if m.distro.Names != distro.ByBinary {
		list = m.named(list, query{target: t, version: sourceVersion, epochless: epochless, arch: p.Arch, built: built}, p, sourceName)
	}
	same := sourceName == p.Name && sourceVersion == p.Version && !epochless
	if m.distro.Names == distro.ByBinary || m.distro.Names == distro.BySourceAndBinary && !same {
		list = m.named(list, query{target: t, version: p.Version, arch: p.Arch, built: built}, p, p.Name)
	}
	m.asked = list
	return list
}

// named appends a query under each of the names that the database has for a
// package that is called name, as itself or as its source.
func (m *matcher) named(list []query, q query, p *inventory.Package, name string) []query {
	if p.Type != "rpm" || p.Module == "" && !isModular(p.Version) {
		q.name = m.join(name)
		return append(list, q)
	}
	for _, name := range moduleNames(p, name) {
		q.name = m.join(name)
		list = append(list, q)
	}
	return list
}

// join puts texts together. The result is valid until the next call of queries.
func (m *matcher) join(parts ...string) []byte {
	start := len(m.names)
	for _, s := range parts {
		m.names = append(m.names, s...)
	}
	return m.names[start:len(m.names):len(m.names)]
}

// ask answers a query, from the memo if it is there.
func (m *matcher) ask(q *query) (answer, error) {
	at, ok := m.memoOf(q)
	if ok {
		return at.answer, nil
	}
	a, err := m.answer(q)
	if err == nil && at != nil && a.found { // else it took no time
		at.target, at.version, at.epochless, at.arch, at.built, at.answer = q.target, q.version, q.epochless, q.arch, q.built, a
		at.length = copy(at.name[:], q.name)
	}
	return a, err
}

// key returns the key of the version, appended to buf[:0]. A version that lacks
// its epoch gets the given one, if it is not empty. With an error the key is
// nil.
func (q *query) key(buf []byte, scheme version.Scheme, epoch string) ([]byte, error) {
	text := q.version
	if q.epochless && epoch != "" {
		text = epoch + ":" + text
	}
	key, err := version.AppendKey(buf[:0], scheme, text)
	if err != nil {
		return nil, err
	}
	return key, nil
}

// answer asks the database.
func (m *matcher) answer(q *query) (answer, error) {
	var a answer
	searches := q.searches()
	for i := range searches {
		s := &searches[i]
		if !s.wants(q) {
			continue
		}
		data, ok, err := s.file.Lookup(&m.buf, s.release, q.name)
		if err != nil {
			return answer{}, corrupt(err)
		}
		if !ok {
			continue
		}
		if err := m.judge(&a, s, q, data); err != nil {
			return answer{}, err
		}
	}
	if q.target.channels {
		if err := m.addClear(&a, q); err != nil {
			return answer{}, err
		}
	}
	return a, nil
}

// entries calls visit with each entry under the name of a query. It is for what
// few packages need: answer looks them up itself, without an allocation.
func (m *matcher) entries(q *query, visit func(s *search, data []byte) error) error {
	searches := q.searches()
	for i := range searches {
		s := &searches[i]
		if !s.wants(q) {
			continue
		}
		data, ok, err := s.file.Lookup(&m.buf, s.release, q.name)
		if err != nil {
			return corrupt(err)
		}
		if !ok {
			continue
		}
		if err := visit(s, data); err != nil {
			return err
		}
	}
	return nil
}

// damaged is the error of an entry that cannot be what was written: err, or a
// record that there is none of.
func (q *query) damaged(s *search, record uint64, err error) error {
	return fmt.Errorf("%w: entry of %q in %s: record %d: %w", ErrCorrupt, q.name, s.ecosystem, record, cmp.Or(err, dbfile.ErrDamaged))
}

// wants reports whether advisories are for the package of a query.
func (s *search) wants(q *query) bool { return s.built == (stream{}) || s.built == q.built }

// judge applies an entry to a version.
func (m *matcher) judge(a *answer, s *search, q *query, data []byte) error {
	a.found = true
	name := "" // of the hits
	key, keyErr := q.key(m.key, s.scheme, "")
	if keyErr == nil {
		m.key = key
	}
	undecided := 0
	d := dbfile.NewDecoder(data)
	for d.Len() > 0 {
		number := d.Uint()
		raw := d.Bytes()
		if q.epochless && keyErr == nil {
			key, _ = q.key(key, s.scheme, caseEpoch(raw)) // an epoch makes no error
		}
		body := dbfile.NewDecoder(raw)
		v, _ := judge(&body, key, q.version, q.arch)
		if err := errors.Join(d.Err(), body.Err()); err != nil || number >= uint64(s.file.Meta().Records) {
			return q.damaged(s, number, err)
		}
		if name == "" && (v.affected || v.unreadable > 0) {
			name = string(q.name)
		}
		if v.affected && v.simple && hasFlavours(s.file.base) && otherFlavour(v.fixed, q.version) {
			continue
		}
		h := hit{s, int(number), v, name, q.version, q.built}
		switch {
		case v.affected:
			a.hits = append(a.hits, h)
		case keyErr != nil:
			undecided++
			continue
		case v.unreadable > 0:
			a.unknown = append(a.unknown, h)
		}
	}
	if undecided > 0 {
		a.problems = append(a.problems, fmt.Sprintf("version of %q cannot be compared with %d advisories of %s: %v",
			q.name, undecided, s.ecosystem, keyErr))
	}
	return nil
}

// need notes that a record is to be read.
func (m *matcher) need(s *search, record int) {
	set := m.needed[s.file]
	if set == nil {
		set = map[int]bool{}
		m.needed[s.file] = set
	}
	set[record] = true
}

// result reads the records of all hits and puts the answer together.
func (m *matcher) result(ctx context.Context) (*Result, error) {
	records := map[*file]map[int]*record{}
	for f, set := range m.needed {
		var err error
		if records[f], err = f.records(ctx, slices.Sorted(maps.Keys(set))); err != nil {
			return nil, err
		}
	}
	out := &Result{Matches: []Match{}, Coverage: m.coverageRows(), Problems: []Problem{}}
	for _, f := range m.found {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		findings, seen := f.findings(records, m.pkgs[f.pkg].Platforms)
		var matches []Match
		if p := &m.pkgs[f.pkg]; m.target(p.Type).channels {
			matches = settle(findings, f.cleared(records), distro.HasESM(m.os, p.Version) || distro.HasESM(m.os, p.Source.Version))
		} else {
			matches, m.overruled = merge(findings, f.ownFixes(records))
		}
		for _, match := range matches {
			match.Package = f.pkg
			match.stamp(m.db.info.ID)
			out.Matches = append(out.Matches, match)
		}
		m.unknownProblem(f, records, seen)
	}
	if err := m.db.enrich(ctx, out.Matches); err != nil {
		return nil, err
	}
	slices.SortFunc(m.problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Package, b.Package), cmp.Compare(a.Message, b.Message))
	})
	out.Problems = append(out.Problems, slices.Compact(m.problems)...)
	return out, nil
}

// An occurrence is a record in one of the ways in which it can cover a package:
// it can be found under two names or in two releases.
type occurrence struct {
	variant
	channel channel
}

// findings returns the hits with their records, each way once, and the records.
func (f *found) findings(records map[*file]map[int]*record, platforms []string) (list []finding, covered map[*record]bool) {
	covered = map[*record]bool{}
	seen := map[occurrence]bool{}
	for _, h := range f.hits {
		r := records[h.search.file][h.record]
		o := occurrence{variant{rec: r}, h.search.channel}
		if h.built != (stream{}) {
			o.variant = h.variant(r)
		}
		if !seen[o] && r.concerns(h.name, platforms) {
			seen[o], covered[r] = true, true
			list = append(list, finding{r, h})
		}
	}
	return list, covered
}

// cleared returns the records that name the package and do not cover it.
func (f *found) cleared(records map[*file]map[int]*record) []finding {
	var list []finding
	for _, h := range f.clear {
		list = append(list, finding{records[h.search.file][h.record], h})
	}
	return list
}

// ownFixes returns the fixes for the stream of the package which it has.
func (f *found) ownFixes(records map[*file]map[int]*record) []ownFix {
	var list []ownFix
	for _, s := range f.settled {
		list = append(list, ownFix{records[s.search.file][s.record], s.fix})
	}
	return list
}

// unknownProblem reports the advisories that could not be read in full and do
// not cover the package otherwise.
func (m *matcher) unknownProblem(f found, records map[*file]map[int]*record, affected map[*record]bool) {
	var ids []string
	for _, h := range f.unknown {
		if r := records[h.search.file][h.record]; !affected[r] {
			ids = append(ids, r.id)
		}
	}
	if len(ids) == 0 {
		return
	}
	slices.Sort(ids)
	m.problems = append(m.problems, Problem{f.pkg, fmt.Sprintf("advisories that name %q have ranges that cannot be read: %s",
		f.unknown[0].name, few(slices.Compact(ids)))})
}

// few lists names for a message, but not too many.
func few(names []string) string {
	const most = 10
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

// coverageRows returns the coverage, sorted.
func (m *matcher) coverageRows() []Coverage {
	rows := []Coverage{}
	for _, t := range m.targets {
		if t.coverage.Packages == 0 {
			continue
		}
		// Types of one ecosystem have one row.
		same := func(c Coverage) bool {
			c.Packages = t.coverage.Packages
			return c == t.coverage
		}
		if i := slices.IndexFunc(rows, same); i >= 0 {
			rows[i].Packages += t.coverage.Packages
		} else {
			rows = append(rows, t.coverage)
		}
	}
	for v, names := range m.vendors {
		n := len(names)
		slices.Sort(names)
		rows = append(rows, Coverage{
			Ecosystem: cmp.Or(m.distro.Ecosystem, v.typ), Packages: n, Status: CoverageUnsupported,
			Reason: fmt.Sprintf("packages of %s, which the distribution's advisories do not cover: %s", v.name, few(slices.Compact(names))),
		})
	}
	slices.SortFunc(rows, func(a, b Coverage) int {
		return cmp.Or(cmp.Compare(a.Ecosystem, b.Ecosystem), cmp.Compare(a.Status, b.Status), cmp.Compare(a.Reason, b.Reason))
	})
	return rows
}
