package scan

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/imagevet/imagevet/cvss"
	"github.com/imagevet/imagevet/internal/distro"
	"github.com/imagevet/imagevet/sbom"
	"github.com/imagevet/imagevet/vulndb"
)

// Match compares an inventory with the database, and judges what it finds. It
// reads nothing but the database and, if an option asks for it, the
// configuration of a base image. Of a product, each of its parts is compared
// by itself; packages, problems and coverage are those of all of them.
func (s *Scanner) Match(ctx context.Context, bom *sbom.BOM) (*Report, error) {
	db, err := s.database(ctx, bom)
	if err != nil {
		return nil, err
	}
	defer db.release()
	base, err := s.base(ctx, bom)
	if err != nil {
		return nil, err
	}
	return s.compare(ctx, db, bom, base)
}

// compare compares an inventory and its parts with one database.
func (s *Scanner) compare(ctx context.Context, db *database, bom *sbom.BOM, base *BaseImage) (*Report, error) {
	jury := s.newJury()
	r, err := s.matchParts(ctx, db.DB, bom, base, jury)
	if err != nil {
		return nil, err
	}
	jury.tell(ctx, r, db.DB != nil)
	db.tell(r)
	r.sort()
	return r, nil
}

// A database is one for one report.
type database struct {
	*vulndb.DB // nil if there is none
	release    func()
	problems   []vulndb.UpdateProblem
}

// database returns the database for the report on an inventory.
func (s *Scanner) database(ctx context.Context, bom *sbom.BOM) (*database, error) {
	switch c := &s.cfg; {
	case c.watcher != nil:
		db, release := c.watcher.Acquire()
		if db == nil {
			return nil, fmt.Errorf("scan: the watcher of the database: %w", vulndb.ErrClosed)
		}
		return &database{DB: db, release: release}, nil
	case c.auto != nil:
		lease, err := c.auto.Acquire(ctx, ecosystems(bom)...)
		if err != nil {
			return nil, fmt.Errorf("scan: %w", err)
		}
		return &database{lease.DB, lease.Release, lease.Problems}, nil
	default:
		return &database{DB: c.db, release: func() {}}, nil
	}
}

// ecosystems returns those that an inventory and its parts need advisories on.
func ecosystems(bom *sbom.BOM) []string {
	names := vulndb.Ecosystems(bom.OS, bom.Packages)
	for _, part := range bom.Parts {
		names = append(names, ecosystems(part)...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// databaseProblem is the extractor of problems with the database.
const databaseProblem = "database"

// tell adds what is wrong with the database to a report.
func (d *database) tell(r *Report) {
	for _, p := range d.problems {
		text := "the database could not be brought up to date: " + p.Reason
		if p.Ecosystem != "" {
			text = fmt.Sprintf("the advisories on %s could not be brought up to date: %s", p.Ecosystem, p.Reason)
		}
		r.Problems = append(r.Problems, Problem{Extractor: databaseProblem, Error: text})
	}
}

// describe says which database a report rests on.
func describe(db *vulndb.DB) Database {
	info := db.Info()
	return Database{info.Built, info.ID, info.Sources, info.Enrichment}
}

// matchParts compares an inventory and its parts.
func (s *Scanner) matchParts(ctx context.Context, db *vulndb.DB, bom *sbom.BOM, base *BaseImage, jury *jury) (*Report, error) {
	r, err := s.match(ctx, db, bom, base, jury)
	if err != nil {
		return nil, err
	}
	for _, part := range bom.Parts {
		p, err := s.matchParts(ctx, db, part, nil, jury)
		if err != nil {
			return nil, err
		}
		r.add(part.Target.Name, p)
	}
	return r, nil
}

// match compares an inventory without its parts.
func (s *Scanner) match(ctx context.Context, db *vulndb.DB, bom *sbom.BOM, base *BaseImage, jury *jury) (*Report, error) {
	os, err := s.os(db, bom.OS)
	if err != nil {
		return nil, fmt.Errorf("scan: %w", err)
	}
	r := &Report{
		SchemaVersion: SchemaVersion,
		Target:        Target{bom.Target, slices.Clone(bom.Layers)},
		OS:            os,
		Database:      Database{Sources: []vulndb.SourceInfo{}},
		BaseImage:     base,
		Coverage:      []vulndb.Coverage{},
		Packages:      []Package{},
		Findings:      []Finding{},
		Suppressed:    []Suppressed{},
		Problems:      []Problem{},
		BOM:           bom,
	}
	for i := range bom.Packages {
		p := packageOf(&bom.Packages[i])
		p.FromBase = base.has(p.Layer)
		r.Packages = append(r.Packages, p)
	}
	for _, p := range bom.Problems {
		r.Problems = append(r.Problems, Problem{Path: p.Path, Extractor: p.Extractor, Error: p.Err.Error()})
	}
	if base != nil && base.problem != "" {
		r.Problems = append(r.Problems, Problem{Extractor: "base", Error: base.problem})
	}
	if db == nil {
		if len(bom.Packages) > 0 {
			r.Coverage = []vulndb.Coverage{{
				Ecosystem: r.OS.Ecosystem, Packages: len(bom.Packages), Status: vulndb.CoverageNoData, Reason: "the scan had no database",
			}}
		}
		return r, nil
	}
	r.Database = describe(db)
	m, err := s.matchPackages(ctx, db, bom)
	if err != nil {
		return nil, fmt.Errorf("scan: %w", err)
	}
	r.Coverage = m.Coverage
	unpinned := map[string][]string{} // names of packages without a version, by file
	for _, p := range m.Problems {
		if pkg := &bom.Packages[p.Package]; pkg.Version == "" {
			unpinned[firstPath(pkg.Paths)] = append(unpinned[firstPath(pkg.Paths)], strings.TrimSpace(pkg.Name+" "+pkg.Constraint))
			continue
		}
		r.Problems = append(r.Problems, Problem{Path: firstPath(bom.Packages[p.Package].Paths), Extractor: "match", Error: p.Message})
	}
	for path, names := range unpinned {
		r.Problems = append(r.Problems, Problem{Path: path, Extractor: "match", Error: withoutVersion(names)})
	}
	var chains chains
	if len(m.Matches) > 0 {
		chains = newChains(bom.Packages)
	}
	j := jury.of(bom)
	for i := range m.Matches {
		match := &m.Matches[i]
		p := &r.Packages[match.Package]
		if p.RequiredBy == nil {
			p.RequiredBy = chains.to(p.PURL)
		}
		f, problems := s.finding(*p, match)
		r.Problems = append(r.Problems, problems...)
		s.judge(r, f, j)
	}
	return r, nil
}

// firstPath is the first file that records a package, "" if none is known.
func firstPath(paths []string) string {
	if len(paths) == 0 {
		return ""
	}
	return paths[0]
}

// sort puts a report into its order.
func (r *Report) sort() {
	sortFindings(r)
	slices.SortStableFunc(r.Problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Target, b.Target), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Extractor, b.Extractor), cmp.Compare(a.Error, b.Error))
	})
	r.Problems = slices.Compact(r.Problems)
}

// add takes in the report of one of several images. What there can be only one
// of, the distribution, stays empty where they differ, and the end of its
// support is a problem.
func (r *Report) add(target string, part *Report) {
	name := func(p *Package) {
		if p.Target == "" {
			p.Target = target
		}
	}
	for _, p := range part.Packages {
		name(&p)
		r.Packages = append(r.Packages, p)
	}
	for _, f := range part.Findings {
		name(&f.Package)
		r.Findings = append(r.Findings, f)
	}
	for _, f := range part.Suppressed {
		name(&f.Package)
		r.Suppressed = append(r.Suppressed, f)
	}
	for _, p := range part.Problems {
		p.Target = cmp.Or(p.Target, target)
		r.Problems = append(r.Problems, p)
	}
	if part.OS.EndOfLife {
		r.Problems = append(r.Problems, Problem{
			Extractor: "match", Target: target,
			Error: fmt.Sprintf("%s has had no security support since %s: flaws found since may be missing", part.OS.Name, part.OS.EndOfLifeDate),
		})
	}
	for _, c := range part.Coverage {
		at := slices.IndexFunc(r.Coverage, func(known vulndb.Coverage) bool {
			return known.Ecosystem == c.Ecosystem && known.Status == c.Status && known.Reason == c.Reason
		})
		if at < 0 {
			r.Coverage = append(r.Coverage, c)
			continue
		}
		r.Coverage[at].Packages += c.Packages
	}
	r.Database = part.Database // the same for all
	sum, more := &r.Summary, &part.Summary
	sum.Critical += more.Critical
	sum.High += more.High
	sum.Medium += more.Medium
	sum.Low += more.Low
	sum.Negligible += more.Negligible
	sum.None += more.None
	sum.Unknown += more.Unknown
	sum.Fixable += more.Fixable
}

// withoutVersion tells of the packages of a file that cannot be compared,
// because neither it nor another file says which version is meant.
func withoutVersion(names []string) string {
	const most = 10
	text := fmt.Sprintf("%d packages have no version to compare: ", len(names))
	if len(names) == 1 {
		text = "a package has no version to compare: "
	}
	for i, name := range names[:min(len(names), most)] {
		if i > 0 {
			text += ", "
		}
		text += strconv.Quote(name)
	}
	if more := len(names) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// matchPackages compares the packages with the database, but for those that
// are part of an operating system package: their version is the upstream one,
// and the distribution fixes flaws without changing it, so that its own
// advisories are right and the others wrong. Where those do not cover the
// owner, the package is compared after all.
func (s *Scanner) matchPackages(ctx context.Context, db *vulndb.DB, bom *sbom.BOM) (*vulndb.Result, error) {
	covered := map[string]bool{} // package URLs of owners, once they are known
	if s.cfg.matchOwned {
		result, _, err := s.matchUnless(ctx, db, bom, func(*sbom.Package) bool { return false })
		return result, err
	}
	result, left, err := s.matchUnless(ctx, db, bom, func(p *sbom.Package) bool { return p.OwnedBy != "" })
	if err != nil || len(left) == 0 {
		return result, err
	}
	ecosystem := distro.Lookup(bom.OS).Ecosystem
	for _, c := range result.Coverage {
		if c.Ecosystem != ecosystem || c.Status != vulndb.CoverageMatched {
			continue
		}
		for i := range bom.Packages {
			if _, third := distro.ThirdParty(bom.Packages[i]); !third {
				covered[bom.Packages[i].PURL] = true
			}
		}
	}
	// Mostly every owner is covered, and the packages left out stay out.
	if slices.ContainsFunc(bom.Packages, func(p sbom.Package) bool { return p.OwnedBy != "" && !covered[p.OwnedBy] }) {
		result, left, err = s.matchUnless(ctx, db, bom, func(p *sbom.Package) bool { return covered[p.OwnedBy] })
		if err != nil {
			return nil, err
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(left)) {
		result.Coverage = append(result.Coverage, vulndb.Coverage{
			Ecosystem: kind, Packages: left[kind], Status: vulndb.CoverageMatched,
			Reason: "they are part of operating system packages and were matched as those",
		})
	}
	return result, nil
}

// matchUnless compares the packages for which skip is false and that the image
// still has. It returns how many were skipped, by type.
func (s *Scanner) matchUnless(ctx context.Context, db *vulndb.DB, bom *sbom.BOM, skip func(*sbom.Package) bool) (*vulndb.Result, map[string]int, error) {
	var packages []sbom.Package
	var index []int // of the packages in the inventory
	left := map[string]int{}
	for i := range bom.Packages {
		p := &bom.Packages[i]
		if p.DeletedBy != nil {
			continue
		}
		if skip(p) {
			left[p.Type]++
			continue
		}
		packages = append(packages, bom.Packages[i])
		index = append(index, i)
	}
	result, err := db.Match(ctx, bom.OS, packages)
	if err != nil {
		return nil, nil, err
	}
	for i := range result.Matches {
		result.Matches[i].Package = index[result.Matches[i].Package]
	}
	for i := range result.Problems {
		result.Problems[i].Package = index[result.Problems[i].Package]
	}
	return result, left, nil
}

func packageOf(p *sbom.Package) Package {
	out := Package{
		PURL: p.PURL, Type: p.Type, Name: p.Name, Version: p.Version, Arch: p.Arch, Platforms: slices.Clone(p.Platforms), Source: p.Source,
		Paths: slices.Clone(p.Paths), Layer: packageLayer(&p.Layer), OwnedBy: p.OwnedBy,
		Relation: p.Relation.String(), Development: p.Development, Constraint: p.Constraint, Line: p.Line,
	}
	if p.DeletedBy != nil {
		by := packageLayer(p.DeletedBy)
		out.DeletedBy = &by
	}
	return out
}

func packageLayer(l *sbom.Layer) PackageLayer { return PackageLayer{l.Index, l.DiffID, l.CreatedBy} }

// finding makes a finding of a match. The problems are ratings that cannot be
// read.
func (s *Scanner) finding(p Package, m *vulndb.Match) (Finding, []Problem) {
	f := Finding{
		ID: m.ID, Aliases: m.Aliases, Package: p, FixedVersion: m.FixedVersion, FixIn: m.FixIn, Status: Status(m.Status),
		Title: m.Summary, Description: m.Details, References: m.References, CWEs: m.CWEs, Published: m.Published, Modified: m.Modified,
		EPSS: m.EPSS, KEV: m.KEV, Rejected: m.Rejected, Informational: m.Informational, Evidence: m.Evidence, OtherEvidence: m.Other,
	}
	var problems []Problem
	for _, err := range s.cfg.rate(&f, m) {
		problems = append(problems, Problem{Path: firstPath(p.Paths), Extractor: "match", Error: err.Error()})
	}
	return f, problems
}

// judge puts a finding where the options want it.
func (s *Scanner) judge(r *Report, f Finding, j *judge) {
	v := j.judge(&f)
	if v.by == "" {
		v.by, v.reason = s.suppressed(r, &f)
	}
	if v.by != "" {
		r.Suppressed = append(r.Suppressed, Suppressed{Finding: f, By: v.by, Reason: v.reason, Rule: v.rule, Source: v.source})
		return
	}
	r.Findings = append(r.Findings, f)
	switch f.Severity {
	case cvss.Critical:
		r.Summary.Critical++
	case cvss.High:
		r.Summary.High++
	case cvss.Medium:
		r.Summary.Medium++
	case cvss.Low:
		r.Summary.Low++
	case cvss.Negligible:
		r.Summary.Negligible++
	case cvss.None:
		r.Summary.None++
	default:
		r.Summary.Unknown++
	}
	if f.FixedVersion != "" {
		r.Summary.Fixable++
	}
}

// suppressed tells which option takes a finding out, if one does.
func (s *Scanner) suppressed(r *Report, f *Finding) (by, reason string) {
	switch c := &s.cfg; {
	case c.base.ignore && f.Package.FromBase:
		return "base", r.BaseImage.reason()
	case f.Severity != cvss.Unknown && f.Severity < c.minSeverity:
		return "severity", fmt.Sprintf("severity %v is below %v", f.Severity, c.minSeverity)
	case c.severities != nil && !slices.Contains(c.severities, f.Severity):
		return "severity", fmt.Sprintf("severity %v is not asked for", f.Severity)
	case c.ignoreUnfixed && f.FixedVersion == "":
		return "unfixed", "no fixed version is known"
	case slices.Contains(c.ignoreStatuses, f.Status):
		return "status", fmt.Sprintf("status %q is ignored", f.Status)
	case !c.informational && isRemark(f):
		return "informational", fmt.Sprintf("the advisory calls it no flaw: it is informational (%s)", f.Informational)
	}
	return "", ""
}

func sortFindings(r *Report) {
	order := func(a, b *Finding) int {
		return cmp.Or(
			cmp.Compare(b.Severity, a.Severity), cmp.Compare(a.Package.Name, b.Package.Name), cmp.Compare(a.ID, b.ID),
			cmp.Compare(a.Package.Version, b.Package.Version), cmp.Compare(a.Package.Arch, b.Package.Arch),
			cmp.Compare(a.Package.Layer.Index, b.Package.Layer.Index), cmp.Compare(a.Package.PURL, b.Package.PURL),
			cmp.Compare(a.Package.Target, b.Package.Target),
		)
	}
	slices.SortStableFunc(r.Findings, func(a, b Finding) int { return order(&a, &b) })
	slices.SortStableFunc(r.Suppressed, func(a, b Suppressed) int { return order(&a.Finding, &b.Finding) })
}
