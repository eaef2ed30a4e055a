package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/imagevet/imagevet/cvss"
	"github.com/imagevet/imagevet/scan"
)

// GitHub takes a summary of 1 MiB from a step, and drops a larger one as a whole
// (https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#step-isolation-and-limits).
const (
	mdMaxFindings = 512 << 10 // bytes of the table of findings
	mdMaxRows     = 30        // of each other list
	mdMaxCell     = 200       // columns of a name or title; escapes make it up to nine times as many bytes
)

// An mdWriter counts what it writes.
type mdWriter struct {
	w *bufio.Writer
	n int
}

func (m *mdWriter) print(format string, args ...any) {
	n, _ := fmt.Fprintf(m.w, format, args...) // Flush has the error
	m.n += n
}

func mdCell(s string) string { return mdText(cut(clean(s), mdMaxCell)) }

// writeMarkdown writes what GitHub shows as the summary of a step.
func writeMarkdown(w io.Writer, r *scan.Report, cfg *config) error {
	m := &mdWriter{w: bufio.NewWriterSize(w, 64<<10)}
	m.print("## Vulnerabilities of %s\n\n", mdCode(cut(clean(strings.TrimSpace(r.Target.Name+" "+r.Target.Version)), mdMaxCell)))
	m.head(r)
	m.findings(r)
	m.notices(r)
	if cfg.suppressed && len(r.Suppressed) > 0 {
		m.print("\n<details><summary>%s</summary>\n\n", plural(len(r.Suppressed), "suppressed finding"))
		m.print("| Severity | Package | ID | By | Reason |\n| --- | --- | --- | --- | --- |\n")
		for i := range r.Suppressed {
			if i == mdMaxRows {
				m.print("\n… and %d more.\n", len(r.Suppressed)-i)
				break
			}
			s := &r.Suppressed[i]
			m.print("| %s | %s | %s | %s | %s |\n", s.Severity, mdCell(fullName(&s.Package)), mdCell(s.ID), mdCell(s.By), mdCell(why(s)))
		}
		m.print("\n</details>\n")
	}
	return m.w.Flush()
}

// head says what was scanned and how much was found.
func (m *mdWriter) head(r *scan.Report) {
	m.print("| Severity | Findings |\n| --- | ---: |\n")
	count := map[cvss.Severity]int{}
	fixable := 0
	for i := range r.Findings {
		count[r.Findings[i].Severity]++
		if r.Findings[i].FixedVersion != "" {
			fixable++
		}
	}
	for _, s := range cvss.Severities() {
		if count[s] > 0 || s >= cvss.Low {
			m.print("| %s %s | %d |\n", mdSymbol(s), s, count[s])
		}
	}
	m.print("| with a fixed version | %d |\n\n", fixable)
	item := func(label, value string) {
		if value != "" {
			m.print("- %s: %s\n", label, value)
		}
	}
	item("Kind", mdCell(r.Target.Kind))
	item("System", mdCell(osName(&r.OS)))
	item("Digest", mdCode(cut(clean(r.Target.Digest), mdMaxCell)))
	item("Image ID", mdCode(cut(clean(r.Target.ImageID), mdMaxCell)))
	item("Platform", mdCell(r.Target.Platform))
	item("Base image", mdCell(baseImage(r)))
	if r.Database.ID == "" {
		item("Database", "**none**")
	} else {
		item("Database", fmt.Sprintf("%s, built %s", mdCode(clean(shortID(r.Database.ID))), r.Database.Built.UTC().Format("2006-01-02 15:04 UTC")))
	}
}

// mdSymbol marks a severity for the eye.
func mdSymbol(s cvss.Severity) string {
	switch s {
	case cvss.Critical:
		return "🟣"
	case cvss.High:
		return "🔴"
	case cvss.Medium:
		return "🟠"
	case cvss.Low:
		return "🟡"
	}
	return "⚪"
}

// mdTitle is a headline, with a word on what is known to be exploited.
func mdTitle(f *scan.Finding) string {
	if f.KEV != nil {
		return strings.TrimSpace("**exploited** " + mdCell(headline(f)))
	}
	return mdCell(headline(f))
}

func (m *mdWriter) findings(r *scan.Report) {
	if len(r.Findings) == 0 {
		m.print("\n%s\n", mdText(oneLine(nothing(r))))
		return
	}
	m.print("\n| Severity | Package | Installed | Fixed in | ID | Title |\n| --- | --- | --- | --- | --- | --- |\n")
	start := m.n
	for i := range r.Findings {
		f := &r.Findings[i]
		if m.n-start > mdMaxFindings {
			m.print("\n**… and %d more findings**, for which there is no room in a summary.\n", len(r.Findings)-i)
			return
		}
		id := mdCell(f.ID)
		if page := flawPage(f.ID); page != "" && len(page) < maxURL {
			id = fmt.Sprintf("[%s](<%s>)", id, page)
		}
		name := fullName(&f.Package)
		if f.Package.Target != "" {
			name += " in " + f.Package.Target
		}
		m.print("| %s %s | %s | %s | %s | %s | %s |\n", mdSymbol(f.Severity), f.Severity, mdCell(name), mdCell(f.Package.Version), mdCell(fixedIn(f)), id, mdTitle(f))
	}
}

// notices says what is not in the table, and why.
func (m *mdWriter) notices(r *scan.Report) {
	rows := map[string]int{}
	total := 0
	for n := range notices(r) {
		total++
		if rows[n.id]++; rows[n.id] > mdMaxRows {
			continue
		}
		if total == 1 {
			m.print("\n### Not in the table\n\n")
		}
		mark := ""
		if n.bad {
			mark = "⚠️ "
		}
		m.print("- %s%s\n", mark, mdText(cut(clean(n.text), mdMaxCell)))
	}
	for _, k := range noticeKinds {
		if n := rows[k.id] - mdMaxRows; n > 0 {
			m.print("- … and %d more of %s\n", n, mdText(k.id))
		}
	}
}
