package policy

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/imagevet/imagevet/cvss"
	"github.com/imagevet/imagevet/internal/distro"
	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/vulndb"
)

// A Policy says what may not pass. The zero value lets everything pass. It is
// not changed by its use, and safe for concurrent use.
type Policy struct {
	// Findings are the rules on findings. One that any rule means fails.
	Findings []Rule
	// EndOfLife fails an image whose distribution no longer gets security fixes.
	EndOfLife bool
	// NoCoverage fails an image with packages that were compared with no
	// advisories.
	NoCoverage bool
	// Problems fails an image of which something could not be read or
	// understood.
	Problems bool
}

// A Rule means findings for which all conditions hold that are set. A rule
// without a condition means every finding.
type Rule struct {
	// Name is what reasons call the rule; they describe it if it is empty.
	Name string
	// Severity is the lowest that is meant. [cvss.Unknown] is no condition.
	// Findings that nobody has rated are meant too, unless SkipUnrated is set.
	Severity    cvss.Severity
	SkipUnrated bool
	// Fixable means findings with a fixed version only.
	Fixable bool
	// KEV means those that are known to be exploited only.
	KEV bool
	// EPSS is the lowest probability of exploitation that is meant, from 0 to 1.
	// 0 is no condition.
	EPSS float64
	// FixAge means findings with a fixed version whose advisory was published
	// this long ago or longer. The databases do not tell when the fix came, which
	// can be later. 0 is no condition.
	FixAge time.Duration
}

// validate checks a rule.
func (r *Rule) validate() error {
	switch {
	case !(r.EPSS >= 0 && r.EPSS <= 1):
		return fmt.Errorf("epss %v is not from 0 to 1", r.EPSS)
	case r.FixAge < 0:
		return errors.New("an age below zero")
	case r.SkipUnrated && r.Severity == cvss.Unknown:
		return errors.New("what nobody has rated is left out, but there is no severity")
	}
	if _, err := r.Severity.MarshalText(); err != nil {
		return err
	}
	return nil
}

// String describes a rule in words.
func (r *Rule) String() string {
	var parts []string
	if r.Severity != cvss.Unknown {
		text := fmt.Sprintf("severity %v or above", r.Severity)
		if !r.SkipUnrated {
			text += " or unrated"
		}
		parts = append(parts, text)
	}
	if r.Fixable && r.FixAge == 0 {
		parts = append(parts, "fixable")
	}
	if r.FixAge > 0 {
		parts = append(parts, fmt.Sprintf("fixable for %.4g days", r.FixAge.Hours()/24))
	}
	if r.KEV {
		parts = append(parts, "exploited")
	}
	if r.EPSS > 0 {
		parts = append(parts, fmt.Sprintf("EPSS %.4g or above", r.EPSS))
	}
	if len(parts) == 0 {
		return "any finding"
	}
	return strings.Join(parts, ", ")
}

// A Verdict is the answer of [Policy.Evaluate].
type Verdict struct {
	Pass bool `json:"pass"`
	// Reasons say why not; there is none if Pass is true.
	Reasons []Reason `json:"reasons"`
}

// A Reason is one thing for which an image fails.
type Reason struct {
	// Rule is the name of a rule on findings or what describes it, or else
	// "end_of_life", "no_coverage" or "problems".
	Rule string `json:"rule"`
	// Text says it in one sentence without a full stop.
	Text string `json:"text"`
	// Count is how many findings, groups of packages or problems there are, and
	// Findings the first 10 of the findings, in the order of the report.
	Count    int   `json:"count"`
	Findings []Ref `json:"findings,omitempty"`
}

// A Ref names a finding.
type Ref struct {
	ID       string        `json:"id"`
	Severity cvss.Severity `json:"severity"`
	Package  string        `json:"package"`
	Version  string        `json:"version"`
	Target   string        `json:"target,omitempty"` // of several images
}

// maxRefs bounds what a reason names.
const maxRefs = 10

// Evaluate judges a report. now is what the age of a fix is measured by. The
// error is about the policy: a value that is out of its range.
func (p *Policy) Evaluate(r *scan.Report, now time.Time) (*Verdict, error) {
	v := &Verdict{Reasons: []Reason{}}
	for i := range p.Findings {
		rule := &p.Findings[i]
		if err := rule.validate(); err != nil {
			return nil, fmt.Errorf("policy: rule %d: %w", i+1, err)
		}
		v.findings(rule, r, now)
	}
	if p.EndOfLife {
		v.endOfLife(r, now)
	}
	if p.NoCoverage {
		v.coverage(r)
	}
	if n := len(r.Problems); p.Problems && n > 0 {
		first := &r.Problems[0]
		text := fmt.Sprintf("%s could not be read or understood", plural(n, "thing"))
		if n > 1 {
			text += ", the first is"
		} else {
			text += ":"
		}
		v.add("problems", n, fmt.Sprintf("%s %q (%s): %s", text, first.Path, first.Extractor, first.Error))
	}
	v.Pass = len(v.Reasons) == 0
	return v, nil
}

func (v *Verdict) add(rule string, count int, text string) {
	v.Reasons = append(v.Reasons, Reason{Rule: rule, Text: text, Count: count})
}

// findings applies a rule.
func (v *Verdict) findings(rule *Rule, r *scan.Report, now time.Time) {
	name := rule.Name
	if name == "" {
		name = rule.String()
	}
	known := func(source string) bool {
		return slices.ContainsFunc(r.Database.Enrichment, func(e vulndb.EnrichmentInfo) bool { return e.Source == source })
	}
	hasKEV, hasEPSS := known(vulndb.SourceKEV), known(vulndb.SourceEPSS)
	var met, open Reason
	for i := range r.Findings {
		f := &r.Findings[i]
		if !rule.means(f, now) {
			continue
		}
		missing := rule.KEV && f.KEV == nil && !hasKEV || rule.EPSS > 0 && f.EPSS == nil && !hasEPSS
		into := &met
		switch {
		case rule.KEV && f.KEV == nil && hasKEV, rule.EPSS > 0 && !missing && (f.EPSS == nil || f.EPSS.Score < rule.EPSS):
			continue
		case missing:
			into = &open
		}
		into.Count++
		if len(into.Findings) < maxRefs {
			into.Findings = append(into.Findings, Ref{f.ID, f.Severity, f.Package.Name, f.Package.Version, f.Package.Target})
		}
	}
	if met.Count > 0 {
		met.Rule, met.Text = name, plural(met.Count, "finding")
		if rule.Name != "" {
			met.Text += ": " + rule.String()
		}
		v.Reasons = append(v.Reasons, met)
	}
	if open.Count > 0 {
		var lacks []string
		if rule.KEV && !hasKEV {
			lacks = append(lacks, "catalogue of exploited flaws")
		}
		if rule.EPSS > 0 && !hasEPSS {
			lacks = append(lacks, "EPSS scores")
		}
		open.Rule = name
		open.Text = fmt.Sprintf("%s cannot be judged, as the database has no %s", plural(open.Count, "finding"), strings.Join(lacks, " and no "))
		v.Reasons = append(v.Reasons, open)
	}
}

// means reports whether all conditions hold for a finding but those on KEV and
// EPSS.
func (r *Rule) means(f *scan.Finding, now time.Time) bool {
	if r.Severity != cvss.Unknown {
		if f.Severity == cvss.Unknown && r.SkipUnrated || f.Severity != cvss.Unknown && f.Severity < r.Severity {
			return false
		}
	}
	if (r.Fixable || r.FixAge > 0) && f.FixedVersion == "" {
		return false
	}
	return r.FixAge == 0 || f.Published.IsZero() || now.Sub(f.Published) >= r.FixAge
}

// endOfLife tells of the distribution, or of those of the images of a product,
// whose report has no one distribution.
func (v *Verdict) endOfLife(r *scan.Report, now time.Time) {
	const rule = "end_of_life"
	switch {
	case r.OS.EndOfLife:
		v.add(rule, 1, fmt.Sprintf("%s has had no security support since %s", r.OS.Name, r.OS.EndOfLifeDate))
	case r.Target.Kind == "product" && r.BOM == nil:
		v.add(rule, 1, "the report is of several images and has no inventory, so that their distributions are not known")
	case r.BOM != nil:
		n, first := 0, ""
		for _, part := range r.BOM.Parts {
			end := distro.Lookup(part.OS).EndOfLife
			// Support lasts until the end of that day, wherever one is.
			if end.IsZero() || !now.After(end.Add(36*time.Hour)) {
				continue
			}
			if n++; n == 1 {
				first = fmt.Sprintf("%q has had no security support since %s", part.Target.Name, end.Format(time.DateOnly))
			}
		}
		if n > 1 {
			first += fmt.Sprintf(", and %d more", n-1)
		}
		if n > 0 {
			v.add(rule, n, first)
		}
	}
}

// coverage tells which packages were not compared.
func (v *Verdict) coverage(r *scan.Report) {
	groups, packages := 0, 0
	var first *vulndb.Coverage
	for i := range r.Coverage {
		c := &r.Coverage[i]
		if c.Status == vulndb.CoverageMatched {
			continue
		}
		groups++
		packages += c.Packages
		if first == nil {
			first = c
		}
	}
	if groups == 0 {
		return
	}
	where := first.Ecosystem
	if where == "" {
		where = "no known ecosystem"
	}
	text := fmt.Sprintf("%s not compared; %d of %s: %s", were(packages, "package"), first.Packages, where, first.Reason)
	v.add("no_coverage", groups, text)
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

func were(n int, word string) string {
	if n == 1 {
		return plural(n, word) + " was"
	}
	return plural(n, word) + " were"
}

// maxDays bounds an age: a Duration has no more.
const maxDays = float64(math.MaxInt64 / int64(24*time.Hour))

// days is a number of days.
func days(n float64) time.Duration { return time.Duration(n * float64(24*time.Hour)) }
