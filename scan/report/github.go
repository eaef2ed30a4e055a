package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/imagevet/imagevet/cvss"
	"github.com/imagevet/imagevet/scan"
)

// Workflow commands are lines that a step prints:
// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
// GitHub shows ten errors, ten warnings and ten notices of a step.
const githubShown = 10

// What the data and the properties of a command cannot have
// (https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts).
var (
	githubData     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	githubProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// writeGitHub writes an annotation for each finding, the worst first, and for
// whatever was not compared.
func writeGitHub(w io.Writer, r *scan.Report, _ *config) error {
	out := bufio.NewWriterSize(w, 64<<10)
	command := func(name, file string, line int, title, text string) {
		out.WriteString("::" + name + " ")
		if file != "" {
			fmt.Fprintf(out, "file=%s,line=%d,", githubProperty.Replace(clean(file)), max(line, 1))
		}
		fmt.Fprintf(out, "title=%s::%s\n", githubProperty.Replace(oneLine(title)), githubData.Replace(text))
	}
	counts := map[string]int{}
	for i := range r.Findings {
		counts[githubCommand(r.Findings[i].Severity)]++
	}
	summary := "Findings: " + countFindings(r)
	if len(r.Findings) == 0 {
		summary = nothing(r)
	}
	if max(counts["error"], counts["warning"], counts["notice"]) > githubShown {
		summary += fmt.Sprintf(". GitHub shows %d of each kind; all are in the log of the step.", githubShown)
	}
	command("notice", "", 0, "imagevet: "+r.Target.Name, oneLine(summary))
	for n := range notices(r) { // before the findings: no number of these may hide them
		if n.bad && n.id != noticeProblem {
			command("warning", "", 0, "imagevet: "+n.id, oneLine(n.text))
		}
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		p := &f.Package
		file := ""
		if isTree(r) { // those of an image are not in the repository
			file = firstPath(p)
		}
		name := strings.TrimSpace(fullName(p) + " " + p.Version)
		text := []string{oneLine(headline(f)), oneLine(solution(f))}
		if text[0] == "" {
			text = text[1:]
		}
		for _, s := range []string{p.Target, strings.Join(p.Paths[:min(len(p.Paths), 5)], " "), flawPage(f.ID)} {
			if s != "" {
				text = append(text, oneLine(s))
			}
		}
		command(githubCommand(f.Severity), file, p.Line, fmt.Sprintf("%s: %s in %s", f.Severity, f.ID, name), strings.Join(text, "\n"))
	}
	for n := range notices(r) {
		if n.id == noticeProblem {
			file := ""
			if isTree(r) {
				file = strings.TrimPrefix(n.path, "/")
			}
			command("warning", file, 0, "imagevet: "+n.id, oneLine(n.text))
		}
	}
	return out.Flush()
}

// githubCommand is the command for a finding.
func githubCommand(s cvss.Severity) string {
	switch sarifLevelOf(s) {
	case "error":
		return "error"
	case "warning":
		return "warning"
	}
	return "notice"
}
