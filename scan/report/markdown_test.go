package report_test

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/scan/report"
	"github.com/imagevet/imagevet/vulndb"
)

func TestMarkdown(t *testing.T) {
	golden(t, "summary.md", []byte(write(t, full(), report.Markdown, report.WithSuppressed(true))))
	big := many(50_000)
	for i := range big.Findings {
		big.Findings[i].Title = strings.Repeat("[", 1000)
	}
	for i := range 1000 {
		big.Problems = append(big.Problems, scan.Problem{Path: fmt.Sprintf("file-%04d", i), Error: strings.Repeat("|", 1000)})
		big.Coverage = append(big.Coverage, vulndb.Coverage{Ecosystem: strings.Repeat("<", 1000), Status: vulndb.CoverageNoData})
		big.Suppressed = append(big.Suppressed, scan.Suppressed{Finding: big.Findings[0], By: strings.Repeat("@", 1000) + strconv.Itoa(i)})
	}
	text := write(t, big, report.Markdown, report.WithSuppressed(true))
	assert.Less(t, len(text), 1<<20, "GitHub drops a larger one")
	assert.Regexp(t, `\*\*… and \d+ more findings\*\*`, text)
	assert.Contains(t, text, "… and 971 more of problem")
	assert.Contains(t, text, "</details>")
}

// TestMarkdownIsText looks for markup that a text of the image brought.
func TestMarkdownIsText(t *testing.T) {
	for _, s := range []string{
		"<script>alert(1)</script>", "![x](https://evil.example/t.png)", "[x](https://evil.example)", "https://evil.example", "www.evil.example", "`code`",
		"**bold**", "| a | b |", "a@example.com", "@user", "# heading", "&lt;", "~~x~~", "$x$", "1. a", "- a", "+ a", "| `a` \\", "___",
	} {
		r := full()
		r.Target.Name, r.Findings[0].Title, r.Findings[0].Package.Name, r.Findings[0].Description = s, s, s, s
		var help strings.Builder
		for _, rule := range writeSARIF(t, r).Runs[0].Tool.Driver.Rules {
			help.WriteString(rule.Help.Markdown)
		}
		for _, text := range []string{write(t, r, report.Markdown), help.String()} {
			text = regexp.MustCompile(`\\[[:punct:]]|@<!-- -->`).ReplaceAllString(text, "") // what is escaped
			for line := range strings.SplitSeq(text, "\n") {
				if !strings.HasPrefix(line, "## ") { // in which s is code
					assert.NotContains(t, line, s, "%q as it is", s)
				}
			}
		}
	}
}

// TestMarkdownRenders has the reference implementation of GitHub's Markdown look
// for what texts of the image could bring about: it must show them, and no more.
func TestMarkdownRenders(t *testing.T) {
	cmark, err := exec.LookPath("cmark-gfm")
	if err != nil {
		t.Skip("cmark-gfm is not installed (Debian: cmark-gfm)")
	}
	render := func(text string) string {
		cmd := exec.Command(cmark, "--unsafe", "-e", "table", "-e", "autolink", "-e", "strikethrough", "-e", "tasklist", "-e", "footnotes")
		cmd.Stdin = strings.NewReader(text)
		out, err := cmd.Output()
		require.NoError(t, err)
		return string(out)
	}
	// The elements of what is written, in order: the same whatever the texts are.
	elements := func(text string) string {
		tags := regexp.MustCompile(`<[a-z][a-z0-9]*|href="[^"]*"`).FindAllString(render(text), -1)
		return strings.Join(slices.DeleteFunc(tags, func(tag string) bool { return tag == "<br" }), " ") // a line each
	}
	written := func(s string) map[string]string {
		r := full()
		for i := range r.Findings {
			f := &r.Findings[i]
			f.Title, f.Package.Name, f.Package.Version, f.Description, f.SeveritySource, f.Aliases = s, s, s, s, s, []string{s}
		}
		r.Problems[0].Error, r.Coverage[2].Reason, r.Suppressed[0].Reason = s, s, s
		if !strings.ContainsAny(s, "|\\") { // which are not written as code
			r.Target.Name = s
		}
		var help strings.Builder
		for _, rule := range writeSARIF(t, r).Runs[0].Tool.Driver.Rules {
			help.WriteString(rule.Help.Markdown + "\n\n")
		}
		var g struct {
			Vulnerabilities []struct{ Description string }
		}
		require.NoError(t, json.Unmarshal([]byte(write(t, r, report.GitLab)), &g))
		return map[string]string{"summary": write(t, r, report.Markdown, report.WithSuppressed(true)), "help": help.String(), "description": g.Vulnerabilities[0].Description}
	}
	want := map[string]string{}
	for name, text := range written("plain") {
		want[name] = elements(text)
	}
	for _, s := range []string{
		"<script>alert(1)</script>", "![x](https://evil.example/t.png)", "see https://evil.example now", "www.evil.example", "`code`", "**bold** __b__", "| a | b |",
		"a@example.com", "# heading", "&lt;", "~~x~~", "1. a", "1) a", "- a", "+ a", "| `a` \\", "___", "a\n:--\n|--|", "a\n===", "a\n---", "    code", "<!-- x", "[a]: https://x\n[a]",
		"```\nx", "> q", "a\\", "\\`a\\`", "mailto:a@b.cc", "<https://x.y>", "ftp://a.b", "- [ ] t", "[^1]: x\n[^1]", "WWW.evil.example",
	} {
		for name, text := range written(s) {
			assert.Equal(t, want[name], elements(text), "%s with %q", name, s)
		}
	}
}
