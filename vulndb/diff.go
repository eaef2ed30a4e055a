package vulndb

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/imagevet/imagevet/internal/dbfile"
	"github.com/imagevet/imagevet/internal/distro"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// Changes are the packages on which two databases differ. Marshalled with
// encoding/json and read back they are the same.
type Changes struct {
	// From and To are the [Info].ID of the databases.
	From string `json:"from"`
	To   string `json:"to"`
	// Ecosystems are those with a difference, sorted by Ecosystem.
	Ecosystems []EcosystemChanges `json:"ecosystems"`
	// Enrichment is true if something differs in what sources of enrichment say
	// about CVEs, see [Info].Enrichment, which can be about any match, or until
	// when releases are supported.
	Enrichment bool `json:"enrichment"`
}

// EcosystemChanges are the differences in one ecosystem and release.
type EcosystemChanges struct {
	// Ecosystem is OSV's name with the release, such as "Debian:12".
	Ecosystem string `json:"ecosystem"`
	// Change is [ChangeAdded] or [ChangeRemoved] if one of the databases has
	// nothing on the ecosystem, which changes the coverage of all packages of
	// it, and [ChangeVerdicts] otherwise.
	Change string `json:"change"`
	// Packages are the names that advisories have and whose answer can differ,
	// sorted by Name. They are in the form that [Evidence] has.
	Packages []PackageChange `json:"packages"`
}

// A PackageChange says that advisories on a name differ.
type PackageChange struct {
	Name string `json:"name"`
	// Change is [ChangeAdded] if only the second database names the package,
	// [ChangeRemoved] if only the first does, or else [ChangeVerdicts] or
	// [ChangeDetails].
	Change string `json:"change"`
}

// What changes.
const (
	ChangeAdded   = "added"
	ChangeRemoved = "removed"
	// ChangeVerdicts says that there are other advisories, or that they are on
	// other versions or flaws.
	ChangeVerdicts = "changed"
	// ChangeDetails says that the same advisories are on the same versions and
	// flaws: only texts, dates, ratings or references differ.
	ChangeDetails = "details"
)

// IsZero reports whether nothing differs.
func (c *Changes) IsZero() bool { return len(c.Ecosystems) == 0 && !c.Enrichment }

// Diff compares two databases: which packages can have another answer from
// [DB.Match] in the second. Files with equal digests are not read; of the
// others all advisories are, which takes seconds for the largest ecosystems.
//
// The error wraps [ErrCorrupt] if a database turns out to be damaged.
func Diff(ctx context.Context, from, to *DB) (changes *Changes, err error) {
	for _, db := range [...]*DB{from, to} {
		if err := db.use(); err != nil {
			return nil, err
		}
		defer db.end()
	}
	defer guard(&err)()
	out := &Changes{From: from.info.ID, To: to.info.ID, Ecosystems: []EcosystemChanges{}}
	bases := maps.Clone(from.files)
	maps.Copy(bases, to.files)
	for _, base := range slices.Sorted(maps.Keys(bases)) {
		d := differ{from: from.files[base], to: to.files[base]}
		if d.from != nil && d.to != nil && d.from.sum == d.to.sum {
			continue
		}
		if base == enrichEcosystem {
			out.Enrichment = true
			continue
		}
		if err := d.run(ctx); err != nil {
			return nil, fmt.Errorf("vulndb: diff: %s: %w", base, err)
		}
		out.Ecosystems = append(out.Ecosystems, d.out...)
	}
	slices.SortFunc(out.Ecosystems, func(a, b EcosystemChanges) int { return cmp.Compare(a.Ecosystem, b.Ecosystem) })
	return out, nil
}

// A differ compares two files on one ecosystem, of which one can be nil.
type differ struct {
	from, to *file
	out      []EcosystemChanges
}

func (d *differ) run(ctx context.Context) error {
	a, err := newWalker(ctx, d.from, d.to != nil)
	if err != nil {
		return err
	}
	b, err := newWalker(ctx, d.to, d.from != nil)
	if err != nil {
		return err
	}
	for n := 0; a.more || b.more; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		var errs [2]error
		switch c := compareWalkers(a, b); {
		case c < 0:
			d.add(a, ChangeRemoved)
			errs[0] = a.next()
		case c > 0:
			d.add(b, ChangeAdded)
			errs[1] = b.next()
		default:
			change, err := compareEntries(a, b)
			if err != nil {
				return err
			}
			if change != "" {
				d.add(a, change)
			}
			errs[0], errs[1] = a.next(), b.next()
		}
		if err := errors.Join(errs[:]...); err != nil {
			return err
		}
	}
	// A file can be without names, and yet decides on the coverage.
	switch {
	case len(d.out) > 0:
	case d.from == nil:
		d.out = []EcosystemChanges{{d.to.base, ChangeAdded, []PackageChange{}}}
	case d.to == nil:
		d.out = []EcosystemChanges{{d.from.base, ChangeRemoved, []PackageChange{}}}
	}
	return nil
}

// add notes the change of the name that a walker is at.
func (d *differ) add(w *walker, change string) {
	ecosystem := joinEcosystem(w.file.base, w.releaseName)
	if len(d.out) == 0 || d.out[len(d.out)-1].Ecosystem != ecosystem {
		e := EcosystemChanges{Ecosystem: ecosystem, Change: ChangeVerdicts, Packages: []PackageChange{}}
		switch {
		case !hasRelease(d.from, w.releaseName):
			e.Change = ChangeAdded
		case !hasRelease(d.to, w.releaseName):
			e.Change = ChangeRemoved
		}
		d.out = append(d.out, e)
	}
	e := &d.out[len(d.out)-1]
	e.Packages = append(e.Packages, PackageChange{w.name, change})
}

func hasRelease(f *file, name string) bool {
	if f == nil {
		return false
	}
	_, ok := f.Release(name)
	return ok
}

// A fingerprint stands for content.
type fingerprint [sha256.Size]byte

// A walker goes through the entries of a file, which are sorted by release and
// name.
type walker struct {
	file              *file
	entries           *dbfile.Cursor
	more              bool // entries is at one
	releaseName, name string
	release           int
	// By record: who it is and which flaws it is about, and all of it.
	flaws, all []fingerprint
}

// newWalker returns a walker at the first entry. It needs the digests of the
// records only to compare entries with those of another file.
func newWalker(ctx context.Context, f *file, compare bool) (*walker, error) {
	w := &walker{file: f}
	if f == nil {
		return w, nil
	}
	w.entries = f.Cursor()
	if compare {
		numbers := make([]int, f.Meta().Records)
		for i := range numbers {
			numbers[i] = i
		}
		w.flaws, w.all = make([]fingerprint, len(numbers)), make([]fingerprint, len(numbers))
		err := f.Records(ctx, numbers, func(n int, data []byte) error {
			r, err := decodeDetails(data)
			if err != nil {
				return fmt.Errorf("record %d: %w: %w", n, dbfile.ErrDamaged, err)
			}
			b := dbfile.AppendString(nil, r.id)
			for _, list := range [...][]string{r.aliases, r.upstream} {
				b = dbfile.AppendUint(b, uint64(len(list)))
				for _, id := range list {
					b = dbfile.AppendString(b, id)
				}
			}
			b = appendRemarks(appendLimited(b, r.limited), r.remarks)
			w.flaws[n], w.all[n] = sha256.Sum256(b), sha256.Sum256(data)
			return nil
		})
		if err != nil {
			return nil, corrupt(err)
		}
	}
	return w, w.next()
}

// next goes to the next entry.
func (w *walker) next() error {
	if w.more = w.entries.Next(); !w.more {
		return corrupt(w.entries.Err())
	}
	e := w.entries.Entry()
	w.release, w.name = e.Release, e.Name
	w.releaseName = w.file.Meta().Releases[w.release].Name
	return nil
}

// compareWalkers orders walkers by the entry that they are at, those at the
// end last.
func compareWalkers(a, b *walker) int {
	if !a.more || !b.more {
		return btoi(b.more) - btoi(a.more)
	}
	return cmp.Or(strings.Compare(a.releaseName, b.releaseName), strings.Compare(a.name, b.name))
}

// compareEntries returns how two entries of one name differ, or "". Records
// have other numbers in another file, so their content is compared.
func compareEntries(a, b *walker) (string, error) {
	av, aa, err := a.fingerprints()
	if err != nil {
		return "", err
	}
	bv, ba, err := b.fingerprints()
	if err != nil {
		return "", err
	}
	switch {
	case a.file.schemes[a.release] != b.file.schemes[b.release] || !slices.Equal(av, bv):
		return ChangeVerdicts, nil
	case !slices.Equal(aa, ba):
		return ChangeDetails, nil
	}
	return "", nil
}

// fingerprints returns a sorted one for each record of the entry: of what
// verdicts come from, and of all that a match can tell.
func (w *walker) fingerprints() (verdicts, all []fingerprint, err error) {
	d := dbfile.NewDecoder(w.entries.Entry().Data)
	for d.Len() > 0 {
		number, body := d.Uint(), d.Bytes()
		rest := dbfile.NewDecoder(body)
		_ = rest.Uint() // the group of ratings
		if err := errors.Join(d.Err(), rest.Err()); err != nil || number >= uint64(len(w.all)) {
			return nil, nil, fmt.Errorf("%w: entry of %q: record %d: %w", ErrCorrupt, w.name, number, cmp.Or(err, dbfile.ErrDamaged))
		}
		said := body[len(body)-rest.Len():]
		verdicts = append(verdicts, sha256.Sum256(slices.Concat(w.flaws[number][:], said)))
		all = append(all, sha256.Sum256(slices.Concat(w.all[number][:], body)))
	}
	compare := func(a, b fingerprint) int { return bytes.Compare(a[:], b[:]) }
	slices.SortFunc(verdicts, compare)
	slices.SortFunc(all, compare)
	return verdicts, all, nil
}

// Affects reports whether [DB.Match] can answer in another way for packages of
// a distribution: whether one of them is looked up under a name that differs,
// or in an ecosystem that one of the databases lacks. If it is false, all that
// differs in the answers is [Evidence].Database and, if Enrichment is true, what
// is from there.
func (c *Changes) Affects(os inventory.OS, pkgs []inventory.Package) bool {
	m := newMatcher(nil, os, nil)
	types := map[string]*changedTarget{}
	for i := range pkgs {
		p := &pkgs[i]
		t, ok := types[p.Type]
		if !ok {
			t = c.target(m, p.Type)
			types[p.Type] = t
		}
		if t == nil {
			continue
		}
		if t.language == "" {
			if _, ok := distro.ThirdParty(*p); ok {
				continue
			}
		}
		if t.coverage {
			return true
		}
		if p.Version == "" {
			continue // is not compared
		}
		for _, q := range m.queries(&t.target, p) {
			for _, e := range t.ecosystems {
				if e.has(string(q.name)) {
					return true
				}
			}
		}
	}
	return false
}

// A changedTarget is where advisories for packages of one type differ.
type changedTarget struct {
	target
	ecosystems []*EcosystemChanges
	coverage   bool // can differ
}

// target returns what differs for packages of a type, nil if nothing does.
func (c *Changes) target(m *matcher, typ string) *changedTarget {
	t := new(changedTarget)
	var searched string // all releases of this base decide on the coverage
	language, ok := languageEcosystem(typ)
	switch _, ofDistribution := distro.PackageScheme(typ); {
	case ok:
		t.language, searched = language, language
	case ofDistribution && m.distro.Ecosystem != "":
		searched = m.base
	default:
		return nil
	}
	for i := range c.Ecosystems {
		e := &c.Ecosystems[i]
		base, suffix := splitEcosystem(e.Ecosystem)
		if base != searched {
			continue
		}
		// What a database has instead of a release is part of the
		// coverage, so any that comes or goes counts.
		if e.Change != ChangeVerdicts {
			t.coverage = true
		}
		if t.language != "" || suffix == "" || searches(&m.distro, e.Ecosystem, suffix) {
			t.ecosystems = append(t.ecosystems, e)
		}
	}
	if len(t.ecosystems) == 0 && !t.coverage {
		return nil
	}
	return t
}

// searches reports whether a release of a distribution's ecosystem is among those
// that are searched, if only for some packages.
func searches(d *distro.Distro, ecosystem, suffix string) bool {
	if ecosystem == d.Ecosystem || slices.Contains(d.More, ecosystem) {
		return true
	}
	if channels, ok := d.ProChannels(); ok && (ecosystem == channels.ESM || slices.Contains(channels.FIPS, ecosystem)) {
		return true
	}
	covers := func(p distro.Product) bool { return p.Covers(suffix) }
	_, built := builtFor(d, suffix)
	return built || slices.ContainsFunc(d.Products, covers) || slices.ContainsFunc(d.Optional, covers)
}

func (e *EcosystemChanges) has(name string) bool {
	_, ok := slices.BinarySearchFunc(e.Packages, name, func(p PackageChange, name string) int { return strings.Compare(p.Name, name) })
	return ok
}
