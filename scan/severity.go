package scan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/imagevet/imagevet/cvss"
	"github.com/imagevet/imagevet/internal/distro"
	"github.com/imagevet/imagevet/vulndb"
)

// A SeverityBasis is what the severity of a finding can be taken from.
type SeverityBasis string

// The bases.
const (
	// SeverityByDistribution is the word that the advisory of a distribution
	// has for one of its own packages, for the package before that for the
	// flaw: the distribution knows what the flaw does to it.
	SeverityByDistribution SeverityBasis = "distribution"
	// SeverityByAdvisory is the newest CVSS vector of the advisory, 4.0 before
	// 3.1, 3.0 and 2.0, or else its word.
	SeverityByAdvisory SeverityBasis = "advisory"
	// SeverityByEnrichment is the newest vector of the first source in
	// [vulndb.Match].Ratings: of the CVE list, or else of the NVD.
	SeverityByEnrichment SeverityBasis = "enrichment"
)

// SeverityBases returns all bases, in the order of the default.
func SeverityBases() []SeverityBasis {
	return []SeverityBasis{SeverityByDistribution, SeverityByAdvisory, SeverityByEnrichment}
}

// WithSeverityOrder sets what the severity of a finding is taken from: the
// first of these that says something. What is not among them is not used, and
// a finding that none of them rates is [cvss.Unknown]. The default is
// [SeverityBases].
func WithSeverityOrder(order ...SeverityBasis) Option {
	return func(c *config) error {
		if len(order) == 0 {
			return fmt.Errorf("scan: WithSeverityOrder: nothing; there are %q", SeverityBases())
		}
		for i, b := range order {
			if !slices.Contains(SeverityBases(), b) {
				return fmt.Errorf("scan: WithSeverityOrder(%q): no such basis; there are %q", b, SeverityBases())
			}
			if slices.Contains(order[:i], b) {
				return fmt.Errorf("scan: WithSeverityOrder: %q is there twice", b)
			}
		}
		c.severityOrder = slices.Clone(order)
		return nil
	}
}

// opinion is what one party thinks of a flaw.
type opinion struct {
	source  string
	word    cvss.Severity
	best    cvss.Vector // the newest vector
	vectors []CVSS
	errs    []error // of vectors that cannot be read
}

func newOpinion(source string, ratings []vulndb.Severity) opinion {
	o := opinion{source: source}
	for _, rating := range ratings {
		if !strings.HasPrefix(rating.Type, "CVSS_") {
			severity, err := cvss.ParseSeverity(rating.Score)
			if err == nil && o.word == cvss.Unknown {
				o.word = severity
			}
			continue // other words are of no known scale
		}
		v, err := cvss.Parse(rating.Score)
		if err != nil {
			o.errs = append(o.errs, fmt.Errorf("rating by %s: %w", source, err))
			continue
		}
		o.vectors = append(o.vectors, CVSS{source, v.Version(), rating.Score, v.Score()})
		if o.best.IsZero() || v.Version() > o.best.Version() {
			o.best = v
		}
	}
	return o
}

// severity is that of the vector, or else the word.
func (o *opinion) severity() cvss.Severity {
	if !o.best.IsZero() {
		return o.best.Severity()
	}
	return o.word
}

// opinions returns what the advisory says, then what each source of enrichment
// does, in their order.
func opinions(m *vulndb.Match) (advisory opinion, others []opinion) {
	var sources []string
	ratings := map[string][]vulndb.Severity{}
	for _, r := range m.Ratings {
		if !slices.Contains(sources, r.Source) {
			sources = append(sources, r.Source)
		}
		ratings[r.Source] = append(ratings[r.Source], r.Severity)
	}
	if len(sources) == 0 || m.RatedBy != sources[0] { // else it is that source's, for lack of an advisory's
		advisory = newOpinion(m.RatedBy, m.Severity)
	}
	for _, s := range sources {
		others = append(others, newOpinion(s, ratings[s]))
	}
	return advisory, others
}

// rate decides on the severity of a finding. The errors are ratings that cannot
// be read.
func (c *config) rate(f *Finding, m *vulndb.Match) []error {
	advisory, others := opinions(m)
	errs := advisory.errs
	f.CVSS = append([]CVSS{}, advisory.vectors...)
	for _, o := range others {
		f.CVSS = append(f.CVSS, o.vectors...)
		errs = append(errs, o.errs...)
	}
	_, ofDistribution := distro.PackageScheme(f.Package.Type)
	for _, basis := range c.severityOrder {
		f.Severity, f.SeveritySource = cvss.Unknown, ""
		switch basis {
		case SeverityByDistribution:
			if ofDistribution {
				f.Severity, f.SeveritySource = advisory.word, advisory.source
			}
		case SeverityByAdvisory:
			f.Severity, f.SeveritySource = advisory.severity(), advisory.source
		case SeverityByEnrichment:
			for _, o := range others {
				if f.Severity == cvss.Unknown {
					f.Severity, f.SeveritySource = o.severity(), o.source
				}
			}
		}
		if f.Severity != cvss.Unknown {
			return errs
		}
	}
	f.SeveritySource = ""
	return errs
}
