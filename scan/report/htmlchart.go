package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/imagevet/imagevet/cvss"
	"github.com/imagevet/imagevet/scan"
)

// An htmlChart is a list of bars, each of them also in words.
type htmlChart struct {
	Bars []htmlBar
	More []htmlBar // shown on demand
	Left int       // how many are left out
}

// An htmlBar is the findings of one layer or package.
type htmlBar struct {
	Label, Note string
	Total       int
	Words       string // "2 critical, 1 low"
	Segments    []htmlSegment
}

// An htmlSegment is a part of a bar, in percent of the longest.
type htmlSegment struct {
	Class    string
	X, Width string
	Letter   string // empty where there is no room for it
	Middle   string
}

const (
	maxBars     = 8
	maxMoreBars = 200
)

// An htmlTally counts findings by severity.
type htmlTally struct {
	label, note string
	count       map[cvss.Severity]int
	total       int
	fixable     int
}

func (t *htmlTally) add(f *scan.Finding) {
	t.count[f.Severity]++
	t.total++
	if f.FixedVersion != "" {
		t.fixable++
	}
}

// htmlByLayer has a bar for each layer that has findings, the base first.
func htmlByLayer(r *scan.Report) htmlChart {
	if len(r.Target.Layers) < 2 {
		return htmlChart{}
	}
	layers := map[int]*htmlTally{}
	for _, l := range r.Target.Layers {
		layers[l.Index] = &htmlTally{label: htmlLayerLabel(l.Index, cut(clean(command(l.CreatedBy)), 120)), count: map[cvss.Severity]int{}}
	}
	var other *htmlTally
	for i := range r.Findings {
		t := layers[r.Findings[i].Package.Layer.Index]
		if t == nil {
			if other == nil {
				other = &htmlTally{label: "no layer", count: map[cvss.Severity]int{}}
			}
			t = other
		}
		t.add(&r.Findings[i])
	}
	var list []*htmlTally
	for _, l := range r.Target.Layers {
		if t := layers[l.Index]; t.total > 0 && !slices.Contains(list, t) {
			list = append(list, t)
		}
	}
	if other != nil {
		list = append(list, other)
	}
	return newHTMLChart(list)
}

// htmlByPackage has a bar for each package that has findings, those with the
// most of the highest severity first.
func htmlByPackage(r *scan.Report) htmlChart {
	type key struct{ kind, name, version, target string }
	packages := map[key]*htmlTally{}
	var list []*htmlTally
	for i := range r.Findings {
		p := &r.Findings[i].Package
		k := key{p.Type, p.Name, p.Version, p.Target}
		t := packages[k]
		if t == nil {
			note := p.Version
			if image := imageName(&r.Findings[i]); image != "" {
				note = strings.TrimSpace(note + " in " + image)
			}
			t = &htmlTally{label: htmlText(p.Name), note: htmlText(note), count: map[cvss.Severity]int{}}
			packages[k] = t
			list = append(list, t)
		}
		t.add(&r.Findings[i])
	}
	slices.SortStableFunc(list, func(a, b *htmlTally) int {
		for _, s := range cvss.Severities() {
			if c := cmp.Compare(b.count[s], a.count[s]); c != 0 {
				return c
			}
		}
		return cmp.Or(cmp.Compare(a.label, b.label), cmp.Compare(a.note, b.note))
	})
	return newHTMLChart(list)
}

func newHTMLChart(list []*htmlTally) htmlChart {
	var chart htmlChart
	longest := 0
	for i, t := range list {
		longest = max(longest, t.total)
		if i == maxBars+maxMoreBars {
			chart.Left = len(list) - i
			list = list[:i]
			break
		}
	}
	for i, t := range list {
		bar := newHTMLBar(t, longest)
		if i < maxBars {
			chart.Bars = append(chart.Bars, bar)
		} else {
			chart.More = append(chart.More, bar)
		}
	}
	return chart
}

func newHTMLBar(t *htmlTally, longest int) htmlBar {
	bar := htmlBar{Label: t.label, Note: t.note, Total: t.total}
	var words []string
	x := 0.0
	for _, s := range cvss.Severities() {
		n := t.count[s]
		if n == 0 {
			continue
		}
		words = append(words, fmt.Sprintf("%d %s", n, strings.ToLower(s.String())))
		width := 100 * float64(n) / float64(longest)
		seg := htmlSegment{Class: htmlSeverityClass(s), X: fmt.Sprintf("%.2f", x), Width: fmt.Sprintf("%.2f", width)}
		if width >= 8 {
			seg.Letter = s.String()[:1]
			if s == cvss.None { // not to be taken for Negligible
				seg.Letter = "–"
			}
			seg.Middle = fmt.Sprintf("%.2f", x+width/2)
		}
		bar.Segments = append(bar.Segments, seg)
		x += width
	}
	bar.Words = strings.Join(words, ", ")
	if t.fixable > 0 {
		bar.Words += fmt.Sprintf("; %d with a fix", t.fixable)
	}
	return bar
}
