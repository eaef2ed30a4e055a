package scan

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/imagevet/imagevet/sbom"
	"github.com/imagevet/imagevet/vulndb"
)

// ErrNoInventory says that a report has no inventory ([Report].BOM), as one
// that was read from JSON has not. Store the inventory beside it, in one of
// the formats of [sbom.Encode], and set BOM to what [sbom.Decode] reads.
var ErrNoInventory = errors.New("the report has no inventory to compare again")

// Rematch compares the inventory of an earlier report with the database of the
// scanner, without the image. The options of the scanner must be those that the
// report was made with as far as they decide what is compared
// ([WithMatchOwned]); those that decide what is reported are applied anew.
//
// changes are the differences between the database of the report and that of
// the scanner, or nil. Where they do not affect the inventory
// ([vulndb.Changes.Affects]), nothing is compared: the report keeps its
// findings, and gets the date and ID of the new database. The result is the
// same, but for what the report took from another inventory than its BOM.
// Changes between other databases, or of a product of several images, are not
// used.
//
// The report is not changed. The error is [ErrNoInventory] or one of
// [Scanner.Match].
func (s *Scanner) Rematch(ctx context.Context, report *Report, changes *vulndb.Changes) (*Report, error) {
	bom := report.BOM
	if bom == nil {
		return nil, fmt.Errorf("scan: %w", ErrNoInventory)
	}
	db, err := s.database(ctx, bom)
	if err != nil {
		return nil, err
	}
	defer db.release()
	if !keeps(report, db.DB, changes) {
		base := report.BaseImage
		if base == nil || s.cfg.base.given() {
			if base, err = s.base(ctx, bom); err != nil {
				return nil, err
			}
		}
		return s.compare(ctx, db, bom, base)
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("scan: %w", err)
	}
	r := *report
	if r.OS, err = s.os(db.DB, bom.OS); err != nil { // support may have ended since
		return nil, fmt.Errorf("scan: %w", err)
	}
	r.Database = describe(db.DB)
	r.Coverage = slices.Clone(report.Coverage)
	r.Packages = slices.Clone(report.Packages)
	r.Problems = slices.DeleteFunc(slices.Clone(report.Problems), func(p Problem) bool {
		return p.Extractor == databaseProblem || p.Extractor == vexProblem // of other documents, perhaps
	})
	jury := s.newJury()
	j := jury.of(bom)
	r.Summary, r.Findings, r.Suppressed = Summary{}, []Finding{}, []Suppressed{}
	for _, f := range report.Findings {
		s.judge(&r, f.in(r.Database.ID), j)
	}
	for _, f := range report.Suppressed {
		s.judge(&r, f.in(r.Database.ID), j)
	}
	jury.tell(ctx, &r, true)
	db.tell(&r)
	r.sort()
	return &r, nil
}

// keeps reports whether the findings of a report hold in a database, which is
// nil if there is none.
func keeps(report *Report, db *vulndb.DB, changes *vulndb.Changes) bool {
	if db == nil || changes == nil || len(report.BOM.Parts) > 0 {
		return false
	}
	if changes.From != report.Database.ID || changes.To != db.Info().ID {
		return false
	}
	if changes.Enrichment && len(report.Findings)+len(report.Suppressed) > 0 {
		return false
	}
	installed := slices.Clone(report.BOM.Packages)
	installed = slices.DeleteFunc(installed, func(p sbom.Package) bool { return p.DeletedBy != nil })
	return !changes.Affects(report.BOM.OS, installed)
}

// in returns the finding with the evidence of another database.
func (f Finding) in(database string) Finding {
	f.Evidence.Database = database
	f.OtherEvidence = slices.Clone(f.OtherEvidence)
	for i := range f.OtherEvidence {
		f.OtherEvidence[i].Database = database
	}
	return f
}
