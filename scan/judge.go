package scan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/imagevet/imagevet/sbom"
	"github.com/imagevet/imagevet/scan/ignore"
	"github.com/imagevet/imagevet/scan/vex"
)

// WithIgnore takes findings out that a rule means; they are in
// [Report].Suppressed, with the rule. Rules that have expired by the clock of
// the Scanner, and those that mean no finding, are in [Report].Rules. Package
// [ignore] reads them from files. Several uses add up. The default is no rule.
func WithIgnore(rules ...ignore.Rule) Option {
	return func(c *config) error {
		if _, err := ignore.New(rules...); err != nil {
			return fmt.Errorf("scan: WithIgnore: %w", err)
		}
		all := rules
		if c.ignore != nil {
			all = append(c.ignore.Rules(), rules...)
		}
		var err error
		c.ignore, err = ignore.New(all...)
		return err
	}
}

// WithVEX heeds what VEX documents say. A finding of which the newest statement
// is that the product is not affected, or has the fix, is taken out: it is in
// [Report].Suppressed. All statements on a finding are in [Finding].VEX, and all
// documents in [Report].VEX. What of them cannot be understood is in
// [Report].Problems. Package [vex] reads them, and says which products match and
// which statement wins. Several uses add up, the later of which are stronger. The
// documents must not be changed afterwards. The default is none.
func WithVEX(docs ...*vex.Document) Option {
	return func(c *config) error {
		if slices.Contains(docs, nil) {
			return errors.New("scan: WithVEX(nil)")
		}
		all := docs
		if c.vex != nil {
			all = append(c.vex.Documents(), docs...)
		}
		set, err := vex.NewSet(all...)
		if err != nil {
			return fmt.Errorf("scan: WithVEX: %w", err)
		}
		c.vex = set
		return nil
	}
}

// A VEX is what a VEX document says of a finding.
type VEX struct {
	// Status is "not_affected", "affected", "fixed" or "under_investigation".
	Status vex.Status `json:"status"`
	// Justification is why the status is "not_affected", in the words of the
	// document's format.
	Justification string `json:"justification,omitempty"`
	// Statement is what is said in words, which can be nothing.
	Statement string `json:"statement,omitempty"`
	// Product is the product of the statement that the package or image is.
	Product string `json:"product"`
	// Document is the document's ID, or its name; Source is its name, such as a
	// file, and Ref the statement in it.
	Document string `json:"document"`
	Source   string `json:"source"`
	Ref      string `json:"ref"`
	Author   string `json:"author,omitempty"`
	// Time is when it was said.
	Time time.Time `json:"time,omitzero"`
}

// A VEXDocument is a document that was heeded.
type VEXDocument struct {
	Source  string    `json:"source"` // its name, such as a file
	Format  string    `json:"format"` // "OpenVEX", "CycloneDX" or "CSAF"
	Version string    `json:"version"`
	ID      string    `json:"id,omitempty"`
	Author  string    `json:"author,omitempty"`
	Time    time.Time `json:"time,omitzero"`
	// Statements is how many it has, and Findings of how many findings it says
	// something. If that is 0 it may be about something else than was scanned.
	Statements int `json:"statements"`
	Findings   int `json:"findings"`
}

// A RuleNote tells of an ignore rule that took nothing out.
type RuleNote struct {
	// Rule is the rule in few words, Source the file and Line the line where it
	// stands.
	Rule   string `json:"rule"`
	Source string `json:"source,omitempty"`
	Line   int    `json:"line,omitempty"`
	// State is "expired" or "unused".
	State string `json:"state"`
	// Until is when the rule expires or has expired, zero if never.
	Until  time.Time `json:"until,omitzero"`
	Reason string    `json:"reason,omitempty"`
	// Findings is how many findings an expired rule means.
	Findings int `json:"findings,omitempty"`
}

// The states of a rule that took nothing out.
const (
	RuleExpired = "expired" // its time is over
	RuleUnused  = "unused"  // no finding is meant
)

// vexProblem is the extractor of problems with VEX documents.
const vexProblem = "vex"

// maxVEX bounds the statements that are told of one finding.
const maxVEX = 16

// A jury counts what rules and documents do in one report, which can be of
// several inventories.
type jury struct {
	cfg       *config
	now       time.Time
	rules     []int // findings of each
	documents []int
}

func (s *Scanner) newJury() *jury {
	j := &jury{cfg: &s.cfg, now: s.cfg.clock()}
	if s.cfg.ignore != nil {
		j.rules = make([]int, len(s.cfg.ignore.Rules()))
	}
	if s.cfg.vex != nil {
		j.documents = make([]int, len(s.cfg.vex.Documents()))
	}
	return j
}

// A judge judges the findings of one inventory.
type judge struct {
	*jury
	rulesRead []ignore.Rule
	bom       *sbom.BOM
	statement *vex.Matcher
	packages  map[string]*sbom.Package
}

func (j *jury) of(bom *sbom.BOM) *judge {
	out := &judge{jury: j, bom: bom}
	if j.cfg.ignore != nil {
		out.rulesRead = j.cfg.ignore.Rules()
	}
	if j.cfg.vex != nil {
		out.statement = j.cfg.vex.For(bom)
		out.packages = make(map[string]*sbom.Package, len(bom.Packages))
		for i := range bom.Packages {
			p := packageOf(&bom.Packages[i])
			out.packages[identity(&p)] = &bom.Packages[i]
		}
	}
	return out
}

// identity tells the packages of an inventory apart.
func identity(p *Package) string {
	return strings.Join(append([]string{p.PURL, p.Name, p.Version, p.OwnedBy, strconv.Itoa(p.Layer.Index)}, p.Paths...), "\x00")
}

// A verdict says why a finding is taken out; the zero value leaves it in.
type verdict struct{ by, reason, rule, source string }

// judge lets the VEX documents and the ignore rules speak.
func (j *judge) judge(f *Finding) verdict {
	if j.cfg.vex == nil && j.cfg.ignore == nil {
		f.VEX = nil // of an earlier scan
		return verdict{}
	}
	ids := append([]string{f.ID}, f.Aliases...)
	said := j.vex(f, ids)
	ruled := j.ignored(f, ids)
	if said.by != "" {
		return said
	}
	return ruled
}

// vex adds what is said of a finding.
func (j *judge) vex(f *Finding, ids []string) verdict {
	f.VEX = nil
	if j.statement == nil {
		return verdict{}
	}
	p := j.packages[identity(&f.Package)]
	if p == nil { // the report is of another inventory
		p = &sbom.Package{
			Type: f.Package.Type, Name: f.Package.Name, Version: f.Package.Version, PURL: f.Package.PURL,
			Source: f.Package.Source, Paths: f.Package.Paths, OwnedBy: f.Package.OwnedBy,
		}
	}
	matches := j.statement.Match(ids, p)
	counted := map[int]bool{}
	for i := range matches {
		m := &matches[i]
		if !counted[m.Index] {
			counted[m.Index] = true
			j.documents[m.Index]++
		}
		if len(f.VEX) < maxVEX {
			d, s := m.Document, m.Statement
			f.VEX = append(f.VEX, VEX{
				Status: s.Status, Justification: s.Justification, Statement: s.Text, Product: m.Product.String(),
				Document: cmp.Or(d.ID, d.Name), Source: d.Name, Ref: s.Ref, Author: d.Author, Time: s.Time,
			})
		}
	}
	if len(f.VEX) == 0 || !f.VEX[0].Status.Suppresses() {
		return verdict{}
	}
	first := &f.VEX[0]
	reason := string(first.Status)
	if first.Justification != "" {
		reason += ", " + first.Justification
	}
	if first.Statement != "" {
		reason += ": " + first.Statement
	}
	return verdict{"vex", reason, first.Ref, first.Source}
}

// ignored finds the first rule that takes a finding out.
func (j *judge) ignored(f *Finding, ids []string) verdict {
	if j.cfg.ignore == nil {
		return verdict{}
	}
	var out verdict
	for _, i := range j.cfg.ignore.Match(&ignore.Finding{
		IDs: ids, Package: f.Package.Name, PURL: f.Package.PURL, SourceName: f.Package.Source.Name, SourceVersion: f.Package.Source.Version,
		Paths: f.Package.Paths, Layer: f.Package.Layer.Index, DiffID: f.Package.Layer.DiffID, Status: string(f.Status),
	}) {
		j.rules[i]++
		r := &j.rulesRead[i]
		if out.by != "" || r.Expired(j.now) {
			continue
		}
		source := r.Source
		if r.Line > 0 {
			source += ":" + strconv.Itoa(r.Line)
		}
		out = verdict{"ignore", cmp.Or(r.Reason, "ignored without a reason"), r.String(), source}
	}
	return out
}

// tell writes into a report what became of rules and documents. Nothing can be
// said of rules if nothing was compared.
func (j *jury) tell(ctx context.Context, r *Report, compared bool) {
	r.Rules, r.VEX = nil, nil
	if j.cfg.vex != nil {
		for i, d := range j.cfg.vex.Documents() {
			r.VEX = append(r.VEX, VEXDocument{d.Name, d.Format, d.Version, d.ID, d.Author, d.Time, len(d.Statements), j.documents[i]})
			for _, p := range d.Problems {
				r.Problems = append(r.Problems, Problem{Path: d.Name, Extractor: vexProblem, Error: p})
			}
		}
	}
	if j.cfg.ignore == nil || !compared {
		return
	}
	for i, rule := range j.cfg.ignore.Rules() {
		note := RuleNote{Rule: rule.String(), Source: rule.Source, Line: rule.Line, Until: rule.Until, Reason: rule.Reason, Findings: j.rules[i]}
		switch {
		case rule.Expired(j.now):
			note.State = RuleExpired
			j.cfg.log.WarnContext(ctx, "an ignore rule has expired", slog.String("rule", note.Rule), slog.String("source", note.Source),
				slog.Int("line", note.Line), slog.Time("until", note.Until), slog.Int("findings", note.Findings))
		case j.rules[i] == 0:
			note.State = RuleUnused
		default:
			continue
		}
		r.Rules = append(r.Rules, note)
	}
}
