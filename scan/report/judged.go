package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/imagevet/imagevet/sbom"
	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/scan/vex"
)

// maxJudged bounds how many statements, rules and documents of one kind a table
// lists.
const maxJudged = 20

// judged tells what VEX documents say of findings that are left, and which
// ignore rules and documents had no effect.
func (t *table) judged(r *scan.Report) {
	var said []string
	for i := range r.Findings {
		f := &r.Findings[i]
		v := statement(f)
		if v == nil {
			continue
		}
		text := fmt.Sprintf("%s in %s: %s", f.ID, strings.TrimSpace(f.Package.Name+" "+f.Package.Version), v.Status)
		if v.Statement != "" {
			text += ": " + v.Statement
		}
		said = append(said, fmt.Sprintf("%s (%s)", text, v.Source))
	}
	t.list(plain, "VEX: "+plural(len(said), "statement")+" on findings", said)

	var expired, unused, silent []string
	for i := range r.Rules {
		note := &r.Rules[i]
		text := note.Rule
		if note.Source != "" {
			text += fmt.Sprintf(" (%s:%d)", note.Source, note.Line)
		}
		if note.State == scan.RuleExpired {
			expired = append(expired, fmt.Sprintf("%s: since %s, means %s", text, note.Until.UTC().Format(time.DateOnly), plural(note.Findings, "finding")))
		} else {
			unused = append(unused, text)
		}
	}
	t.list(warning, "Expired: "+plural(len(expired), "ignore rule"), expired)
	t.list(plain, "Without effect: "+plural(len(unused), "ignore rule"), unused)
	for i := range r.VEX {
		if d := &r.VEX[i]; d.Findings == 0 {
			silent = append(silent, fmt.Sprintf("%s (%s, %s)", d.Source, strings.TrimSpace(d.Format+" "+d.Version), plural(d.Statements, "statement")))
		}
	}
	t.list(plain, "Without effect: "+plural(len(silent), "VEX document"), silent)
}

// list writes a part with its items, if there are some.
func (t *table) list(s style, heading string, items []string) {
	if len(items) == 0 {
		return
	}
	if s == plain {
		t.heading(bold, heading)
	} else {
		t.heading(s, heading)
	}
	for _, item := range items[:min(len(items), maxJudged)] {
		t.item(s, item)
	}
	if more := len(items) - maxJudged; more > 0 {
		t.item(s, fmt.Sprintf("and %d more", more))
	}
}

// statement is what VEX documents say of a finding, nil if nothing.
func statement(f *scan.Finding) *scan.VEX {
	if len(f.VEX) == 0 {
		return nil
	}
	return &f.VEX[0]
}

// analysis is what is said of each of the findings of one flaw, in the words of
// CycloneDX: https://cyclonedx.org/docs/1.6/json/#vulnerabilities_items_analysis
func analysis(said []*scan.VEX) sbom.Analysis {
	var out sbom.Analysis
	for i, s := range said {
		if s == nil {
			return sbom.Analysis{}
		}
		a := sbom.Analysis{Detail: s.Statement}
		switch s.Status {
		case vex.Affected:
			a.State = "exploitable"
		case vex.UnderInvestigation:
			a.State = "in_triage"
		}
		if i > 0 && (a.State != out.State || a.Detail != out.Detail) {
			return sbom.Analysis{}
		}
		out = a
	}
	return out
}

// why is the reason for which a finding is suppressed, with the rule or the
// statement, and where that stands.
func why(s *scan.Suppressed) string {
	var where []string
	for _, text := range []string{s.Rule, s.Source} {
		if text != "" {
			where = append(where, text)
		}
	}
	if len(where) == 0 {
		return s.Reason
	}
	return fmt.Sprintf("%s (%s)", s.Reason, strings.Join(where, ", "))
}
