package report

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/imagevet/imagevet/cvss"
	"github.com/imagevet/imagevet/scan"
)

// A GroupBy says how a [Table] is divided.
type GroupBy uint8

// The ways.
const (
	BySeverity GroupBy = iota // a part for each severity, the highest first
	ByPackage                 // a part for each package, with who brings it in
	ByLayer                   // a part for each layer, the base first
)

var groupNames = [...]string{BySeverity: "severity", ByPackage: "package", ByLayer: "layer"}

// ParseGroupBy reads "severity", "package" or "layer".
func ParseGroupBy(name string) (GroupBy, error) {
	if i := slices.Index(groupNames[:], name); i >= 0 {
		return GroupBy(i), nil
	}
	return 0, fmt.Errorf("report: %q is no way to divide a table; there are %s", name, strings.Join(groupNames[:], ", "))
}

// String returns what [ParseGroupBy] reads.
func (g GroupBy) String() string {
	if int(g) < len(groupNames) {
		return groupNames[g]
	}
	return fmt.Sprintf("GroupBy(%d)", uint8(g))
}

// WithGroupBy sets how a [Table] is divided. The default is [BySeverity].
func WithGroupBy(g GroupBy) Option {
	return func(c *config) error {
		if int(g) >= len(groupNames) {
			return fmt.Errorf("report: WithGroupBy(%v): no such way", g)
		}
		c.groups = g
		return nil
	}
}

// WithChains says whether a [Table] tells of each package of a language that has
// findings who brings it in, [scan.Package].RequiredBy. Tables [ByPackage] always
// do. The default is false.
func WithChains(chains bool) Option {
	return func(c *config) error {
		c.chains = chains
		return nil
	}
}

func (t *table) bySeverity(r *scan.Report) {
	columns := t.columns(r, "SEVERITY")
	for _, severity := range cvss.Severities() {
		var group []*scan.Finding
		for i := range r.Findings {
			if r.Findings[i].Severity == severity {
				group = append(group, &r.Findings[i])
			}
		}
		if len(group) > 0 {
			t.heading(severityStyle(severity), fmt.Sprintf("%s (%d)", severity, len(group)))
			t.rows(columns, group)
		}
	}
}

func (t *table) rows(columns []*column, group []*scan.Finding) {
	t.row(faint, columns, func(c *column) string { return c.title })
	for _, f := range group {
		t.row(plain, columns, func(c *column) string { return c.text(f) })
	}
}

// A packageGroup are the findings of one package, as one layer brought it.
type packageGroup struct {
	p        *scan.Package
	findings []*scan.Finding // the highest severity first
}

// packageGroups divides the findings by package: those with the highest
// severity first, then by name.
func packageGroups(r *scan.Report) []packageGroup {
	type key struct {
		target, purl, name, version string
		layer                       int
	}
	at := map[key]int{}
	var groups []packageGroup
	for i := range r.Findings {
		f := &r.Findings[i]
		k := key{f.Package.Target, f.Package.PURL, f.Package.Name, f.Package.Version, f.Package.Layer.Index}
		g, ok := at[k]
		if !ok {
			g = len(groups)
			at[k] = g
			groups = append(groups, packageGroup{p: &f.Package})
		}
		groups[g].findings = append(groups[g].findings, f)
	}
	for _, g := range groups {
		slices.SortStableFunc(g.findings, func(a, b *scan.Finding) int {
			return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(a.ID, b.ID))
		})
	}
	slices.SortStableFunc(groups, func(a, b packageGroup) int {
		return cmp.Or(cmp.Compare(b.findings[0].Severity, a.findings[0].Severity), cmp.Compare(a.p.Name, b.p.Name), cmp.Compare(a.p.Version, b.p.Version))
	})
	return groups
}

func (t *table) byPackage(r *scan.Report) {
	columns := t.columns(r, "PACKAGE", "INSTALLED", "IMAGE", "FROM", "SOURCE", "LAYER")
	order := []string{"SEVERITY", "ID", "FIXED IN"} // as the eye looks for them
	slices.SortStableFunc(columns, func(a, b *column) int {
		return cmp.Compare(uint(slices.Index(order, a.title)), uint(slices.Index(order, b.title))) // what is not there comes last
	})
	layer := layerName(r)
	for _, g := range packageGroups(r) {
		p := g.p
		title := strings.TrimSpace(p.Name+" "+p.Version) + " (" + p.Type + "): " + plural(len(g.findings), "finding")
		if p.Target != "" {
			title = p.Target + ": " + title
		}
		t.heading(severityStyle(g.findings[0].Severity), cut(clean(title), maxText))
		if layer(g.findings[0]) != "" {
			place := fmt.Sprintf("layer %d", p.Layer.Index)
			if o := origin(r)(g.findings[0]); o != "" {
				place += ", " + o
			}
			t.item(faint, cut(place+": "+command(p.Layer.CreatedBy), t.cfg.width-4))
		}
		if len(p.Paths) > 0 {
			t.item(faint, "in "+firstOf(p.Paths))
		}
		if len(p.RequiredBy) > 0 {
			t.item(faint, "required by "+chain(p.RequiredBy))
		}
		t.rows(columns, g.findings)
	}
}

// firstOf shows the first of some paths, and how many more there are.
func firstOf(paths []string) string {
	if len(paths) == 1 {
		return paths[0]
	}
	return fmt.Sprintf("%s and %d more", paths[0], len(paths)-1)
}

func (t *table) byLayer(r *scan.Report) {
	columns := t.columns(r, "LAYER", "FROM")
	type key struct {
		target string
		layer  int
	}
	groups := map[key][]*scan.Finding{}
	var keys []key
	for i := range r.Findings {
		k := key{r.Findings[i].Package.Target, r.Findings[i].Package.Layer.Index}
		if groups[k] == nil {
			keys = append(keys, k)
		}
		groups[k] = append(groups[k], &r.Findings[i])
	}
	slices.SortFunc(keys, func(a, b key) int { return cmp.Or(cmp.Compare(a.target, b.target), cmp.Compare(a.layer, b.layer)) })
	for _, k := range keys {
		group := groups[k]
		title := fmt.Sprintf("Layer %d", k.layer)
		if k.target != "" {
			title = k.target + ", layer " + fmt.Sprint(k.layer)
		}
		if o := origin(r)(group[0]); o != "" {
			title += " (" + o + ")"
		}
		t.heading(bold, cut(title+": "+plural(len(group), "finding"), maxText))
		if by := command(group[0].Package.Layer.CreatedBy); by != "" {
			t.item(faint, cut(by, t.cfg.width-4))
		}
		t.rows(columns, group)
	}
	if n := len(r.Target.Layers) - len(keys); n > 0 && len(r.Target.Layers) > 1 {
		t.heading(plain, fmt.Sprintf("%s without findings.", plural(n, "layer")))
	}
}

// chains tells who brings in the packages of languages that have findings.
func (t *table) chains(r *scan.Report) {
	said := map[string]bool{}
	for _, g := range packageGroups(r) {
		if len(g.p.RequiredBy) == 0 || said[g.p.PURL] {
			continue
		}
		if len(said) == 0 {
			t.heading(bold, "Who brings in what")
		}
		said[g.p.PURL] = true
		t.item(plain, strings.TrimSpace(g.p.Name+" "+g.p.Version)+" is required by "+chain(g.p.RequiredBy))
	}
}

// chain shows packages of which each requires the next.
func chain(purls []string) string {
	names := make([]string, len(purls))
	for i, purl := range purls {
		names[i] = packageName(purl)
	}
	const most = 8 // of a longer one both ends tell most
	if n := len(names); n > most {
		names = append(append(names[:most/2:most/2], "…"), names[n-most/2:]...)
	}
	return strings.Join(names, " > ")
}

// packageName is the name and version in a package URL.
func packageName(purl string) string {
	text, _, _ := strings.Cut(purl, "#")
	text, _, _ = strings.Cut(text, "?")
	_, text, _ = strings.Cut(text, "/")
	if i := strings.LastIndexByte(text, '@'); i > strings.LastIndexByte(text, '/') {
		text = text[:i] + " " + text[i+1:]
	}
	if plain, err := url.PathUnescape(text); err == nil {
		return plain
	}
	return text
}

// origin tells whether a package is the base image's, where that is known.
func origin(r *scan.Report) func(f *scan.Finding) string {
	if r.BaseImage == nil || r.BaseImage.Layers == 0 {
		return func(*scan.Finding) string { return "" }
	}
	return func(f *scan.Finding) string {
		if f.Package.FromBase {
			return "base"
		}
		return "yours"
	}
}

// base tells what is known of the base image.
func (t *table) base(r *scan.Report) {
	if text := baseImage(r); text != "" {
		t.field("Base", plain, text)
	}
}

// baseImage says what is known of the base image, empty for what has not several
// layers.
func baseImage(r *scan.Report) string {
	b := r.BaseImage
	if b == nil || len(r.Target.Layers) < 2 {
		return ""
	}
	name := strings.TrimSpace(b.Name + " " + shortID(b.Digest))
	if b.Layers == 0 {
		return cmp.Or(name, "not known") + ": " + b.Reason
	}
	how := ": "
	if b.Guess {
		how = ", a guess: "
	}
	layers := fmt.Sprintf("%d of %d layers", b.Layers, len(r.Target.Layers)) + how + b.Reason
	return strings.TrimPrefix(name+", "+layers, ", ")
}
