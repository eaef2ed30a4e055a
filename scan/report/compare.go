package report

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/imagevet/imagevet/cvss"
	"github.com/imagevet/imagevet/scan"
)

// WriteComparison writes a comparison of two reports to w, as [Table] or as
// [JSON]: the layout of [scan.Comparison]. A table lists what is new, fixed and
// unclear, and counts what is kept. Of the options those of a table's width and
// colour count. The error is that of w, or tells which option or format is
// wrong; nothing has been written in the second case.
func WriteComparison(w io.Writer, c *scan.Comparison, f Format, opts ...Option) error {
	if c == nil {
		return errors.New("report: WriteComparison: no comparison")
	}
	cfg, err := newConfig(opts)
	if err != nil {
		return err
	}
	switch f {
	case Table:
		err = tableOfComparison(w, c, &cfg)
	case JSON:
		err = jsonOfComparison(w, c)
	default:
		return fmt.Errorf("report: WriteComparison: there is no format %v for comparisons, but %v and %v", f, Table, JSON)
	}
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

func jsonOfComparison(w io.Writer, c *scan.Comparison) error {
	out := *c
	out.Warnings = list(c.Warnings)
	out.Before.Database.Sources = list(c.Before.Database.Sources)
	out.After.Database.Sources = list(c.After.Database.Sources)
	for _, changes := range []*[]scan.Change{&out.New, &out.Fixed, &out.Kept, &out.Unclear} {
		filled := make([]scan.Change, len(*changes))
		for i, change := range *changes {
			change.Finding = findingWithoutNull(change.Finding)
			filled[i] = change
		}
		*changes = filled
	}
	return encodeJSON(w, &out)
}

func tableOfComparison(w io.Writer, c *scan.Comparison, cfg *config) error {
	out := bufio.NewWriter(w) // which keeps the first error of w for Flush
	t := &table{w: out, cfg: cfg}
	first, second := "Before", "After"
	gone, come := "FIXED", "NEW"
	if c.Kind == "base" {
		first, second = "Image", "Base"
		gone, come = "VANISH WITH THE OTHER BASE", "COME WITH THE OTHER BASE"
	}
	t.compared(first, &c.Before)
	t.compared(second, &c.After)
	t.field("Changes", bold, fmt.Sprintf("%d new, %d fixed, %d kept, %d unclear", len(c.New), len(c.Fixed), len(c.Kept), len(c.Unclear)))
	if c.Kind == "base" {
		t.field("", plain, fmt.Sprintf("%s of the image by itself did not take part", plural(c.Own, "finding")))
	}
	for _, warn := range c.Warnings {
		t.heading(warning, "Note: "+cut(warn, maxText))
	}
	t.changes(come, c.New)
	t.changes(gone, c.Fixed)
	t.changes("UNCLEAR: gone from the report, but not known to be fixed", c.Unclear)
	if len(c.New)+len(c.Fixed)+len(c.Unclear) == 0 {
		t.heading(bold, fmt.Sprintf("No difference: %s the same in both.", were(len(c.Kept), "finding")))
	}
	return out.Flush()
}

// compared tells what was compared.
func (t *table) compared(label string, c *scan.Compared) {
	t.field(label, bold, c.Name)
	for _, line := range []string{c.Digest, osName(&c.OS)} {
		if line != "" {
			t.field("", plain, line)
		}
	}
	database := "no database"
	if c.Database.ID != "" {
		database = fmt.Sprintf("database %s, built %s", shortID(c.Database.ID), c.Database.Built.UTC().Format(time.DateOnly))
	}
	t.field("", plain, fmt.Sprintf("%s, %s", plural(c.Findings, "finding"), database))
}

// changes writes a part of the table.
func (t *table) changes(title string, changes []scan.Change) {
	if len(changes) == 0 {
		return
	}
	of := make(map[*scan.Finding]*scan.Change, len(changes))
	findings := make([]*scan.Finding, len(changes))
	for i := range changes {
		findings[i] = &changes[i].Finding
		of[findings[i]] = &changes[i]
	}
	columns := []*column{
		{title: "SEVERITY", least: 8, text: func(f *scan.Finding) string { return f.Severity.String() }},
		{title: "PACKAGE", least: 8, text: func(f *scan.Finding) string { return fullName(&f.Package) }},
		{title: "ID", least: 8, text: func(f *scan.Finding) string { return f.ID }},
		{title: "BEFORE", least: 8, text: func(f *scan.Finding) string { return of[f].VersionBefore }},
		{title: "AFTER", least: 8, text: func(f *scan.Finding) string { return of[f].VersionAfter }},
		{title: "WHY", least: 10, text: func(f *scan.Finding) string { return reason(of[f].Reason) }},
	}
	for _, c := range columns {
		c.text = cell(c.text)
		c.width = textWidth(c.title)
		for _, f := range findings {
			c.width = max(c.width, textWidth(c.text(f)))
		}
		c.least = min(c.least, c.width)
	}
	share(t.cfg.width, columns)
	worst := cvss.Unknown
	for i := range changes {
		worst = max(worst, changes[i].Severity)
	}
	t.heading(severityStyle(worst), fmt.Sprintf("%s (%d)", title, len(changes)))
	t.rows(columns, findings)
}

// reason is a reason in as few words as a column has room for.
func reason(r scan.ChangeReason) string {
	text, _ := strings.CutPrefix(string(r), "package_")
	return strings.ReplaceAll(text, "_", " ")
}
