package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/imagevet/imagevet/scan"
)

const gap = 2 // columns between two cells

// A column is one of a table of findings.
type column struct {
	title string
	text  func(f *scan.Finding) string // clean, or empty
	// fill columns are left out where there is no room or nothing to say. One
	// line is all they get: what is longer is cut.
	fill bool
	// least is how narrow the column may get, unless its texts are narrower.
	least int
	width int
}

// cell makes a column's text fit to print.
func cell(text func(f *scan.Finding) string) func(f *scan.Finding) string {
	return func(f *scan.Finding) string { return cut(clean(text(f)), maxText) }
}

// columns chooses the columns for the width, without those of these titles. They
// are the same in all groups, so that the eye can follow them down.
func (t *table) columns(r *scan.Report, without ...string) []*column {
	// In the order in which room is given to them.
	all := []*column{
		{title: "PACKAGE", least: 8, text: func(f *scan.Finding) string { return f.Package.Name }},
		{title: "INSTALLED", least: 9, text: func(f *scan.Finding) string { return f.Package.Version }},
		{title: "FIXED IN", least: 8, text: fixedIn},
		{title: "ID", least: 8, text: func(f *scan.Finding) string { return f.ID }},
		{title: "SEVERITY", least: 8, text: func(f *scan.Finding) string { return f.Severity.String() }},
		{title: "IMAGE", fill: true, least: 12, text: imageName}, // of a product
		{title: "FROM", fill: true, least: 5, text: origin(r)},
		{title: "TITLE", fill: true, least: 20, text: title},
		{title: "SOURCE", fill: true, least: 12, text: sourceName},
		{title: "LAYER", fill: true, least: 20, text: layerName(r)},
		{title: "ALIASES", fill: true, least: 16, text: aliases},
	}
	var chosen []*column
	for _, c := range all {
		if slices.Contains(without, c.title) {
			continue
		}
		c.text = cell(c.text)
		for i := range r.Findings {
			c.width = max(c.width, textWidth(c.text(&r.Findings[i])))
		}
		if c.fill && c.width == 0 {
			continue
		}
		c.width = max(c.width, textWidth(c.title))
		c.least = min(c.least, c.width)
		chosen = append(chosen, c)
	}
	least := slices.IndexFunc(chosen, func(c *column) bool { return c.fill })
	switch {
	case least < 0:
		least = len(chosen)
	case chosen[least].title == "IMAGE": // a finding of a product says nothing without it
		least++
	}
	for len(chosen) > least && room(t.cfg.width, chosen) < 0 {
		chosen = chosen[:len(chosen)-1]
	}
	share(t.cfg.width, chosen)
	return chosen
}

// imageName is the end of the name of the image, by which those of a product
// differ.
func imageName(f *scan.Finding) string {
	name := f.Package.Target
	return name[strings.LastIndexByte(name, '/')+1:]
}

// room is how many columns of the terminal are left if every fill column has
// its least width and the others all they want.
func room(width int, columns []*column) int {
	width += gap
	for _, c := range columns {
		if c.fill {
			width -= c.least + gap
		} else {
			width -= c.width + gap
		}
	}
	return width
}

// share makes the columns fit. Fill columns get narrower first, the later ones
// before the earlier ones; then the widest of the others, one step at a time,
// as their texts wrap.
func share(width int, columns []*column) {
	total := -gap
	for _, c := range columns {
		total += c.width + gap
	}
	for _, c := range slices.Backward(columns) {
		if c.fill && total > width {
			step := min(total-width, c.width-c.least)
			c.width -= step
			total -= step
		}
	}
	for total > width {
		widest := slices.MaxFunc(columns, func(a, b *column) int { return a.spare() - b.spare() })
		if widest.spare() <= 0 {
			return
		}
		widest.width--
		total--
	}
}

// spare is how much narrower the column can get. IDs wrap last: people search
// for them.
func (c *column) spare() int {
	if c.fill {
		return 0
	}
	if c.title == "ID" {
		return (c.width - c.least + 3) / 4
	}
	return c.width - c.least
}

// row writes a row of a table, on as many lines as its highest cell.
func (t *table) row(s style, columns []*column, text func(c *column) string) {
	cells := make([][]string, len(columns))
	height := 0
	for i, c := range columns {
		if c.fill {
			cells[i] = []string{cut(text(c), c.width)}
		} else {
			cells[i] = wrap(text(c), c.width)
		}
		height = max(height, len(cells[i]))
	}
	for n := range height {
		var line strings.Builder
		for i, c := range columns {
			if n < len(cells[i]) {
				line.WriteString(cells[i][n])
				line.WriteString(strings.Repeat(" ", c.width-textWidth(cells[i][n])+gap))
			} else {
				line.WriteString(strings.Repeat(" ", c.width+gap))
			}
		}
		t.line(s, line.String())
	}
}

// fixedIn is the fixed version or why there is none.
func fixedIn(f *scan.Finding) string {
	if f.FixedVersion != "" {
		return f.FixedVersion
	}
	if f.FixIn != nil {
		return fmt.Sprintf("%s (%s)", f.FixIn.Version, f.FixIn.Channel)
	}
	switch f.Status {
	case scan.StatusFixed, scan.StatusAffected, "":
		return "none yet"
	}
	return strings.ReplaceAll(string(f.Status), "_", " ")
}

// sourceName is the source package, if it is called otherwise.
func sourceName(f *scan.Finding) string {
	if f.Package.Source.Name == f.Package.Name {
		return ""
	}
	return f.Package.Source.Name
}

// aliases are the other names. One such as DEBIAN-CVE-2022-0778 tells nothing
// that the ID does not.
func aliases(f *scan.Finding) string {
	var names []string
	for _, a := range f.Aliases {
		if f.ID == "" || !strings.HasSuffix(a, "-"+f.ID) {
			names = append(names, a)
		}
	}
	return strings.Join(names, " ")
}

// layerName tells the layer and its command. An image of one layer has none to
// tell.
func layerName(r *scan.Report) func(f *scan.Finding) string {
	if len(r.Target.Layers) < 2 {
		return func(*scan.Finding) string { return "" }
	}
	return func(f *scan.Finding) string {
		l := f.Package.Layer
		return strings.TrimSpace(fmt.Sprintf("%d %s", l.Index, command(l.CreatedBy)))
	}
}

// command takes the shell off the front of a history entry, which says the
// same in every row.
func command(createdBy string) string {
	if rest, ok := strings.CutPrefix(createdBy, "/bin/sh -c #(nop)"); ok {
		return strings.TrimSpace(rest)
	}
	if rest, ok := strings.CutPrefix(createdBy, "/bin/sh -c "); ok {
		return "RUN " + rest
	}
	return createdBy
}

// title is that of a flaw, with a word on what is known to be exploited.
func title(f *scan.Finding) string {
	if f.KEV != nil {
		return strings.TrimSpace("[exploited] " + f.Title)
	}
	return f.Title
}
