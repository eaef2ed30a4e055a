package browsertest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/cvss"
	"github.com/imagevet/imagevet/sbom"
	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/vulndb"
)

// shown are the IDs of the findings in sight, in their order.
const shown = `Array.from(document.querySelectorAll("#findings-table > tbody:not([hidden]) > tr.what > th"), (th) => th.textContent.split(" ")[0])`

func TestFilter(t *testing.T) {
	b := open(t, sample(t))
	status := func() string { return eval[string](b, `document.getElementById("shown").textContent`) }
	waitFor := func(text string) {
		b.eventually(fmt.Sprintf(`document.getElementById("shown").textContent === %q`, text))
	}
	assert.Equal(t, "All 5 shown", status())

	// Several words, in any order, of the row or of what it opens to.
	b.enter("#filter-text", "malformed LIBSSL1.1")
	waitFor("1 of 5 shown")
	assert.Equal(t, []string{"CVE-2022-0778"}, eval[[]string](b, shown))

	// All is taken back at once.
	b.click(`#filter button[type="reset"]`)
	waitFor("All 5 shown")
	assert.Equal(t, "", eval[string](b, `document.getElementById("filter-text").value`))

	b.click(`input[name="severity"][value="5"]`) // high
	waitFor("3 of 5 shown")
	assert.Equal(t, []string{"CVE-2022-0778", "CVE-2019-1010022", "CVE-2021-33574"}, eval[[]string](b, shown))
	b.choose("#filter-fix", "no")
	waitFor("2 of 5 shown")
	b.choose("#filter-fix", "=will not fix")
	waitFor("1 of 5 shown")
	assert.Equal(t, []string{"CVE-2019-1010022"}, eval[[]string](b, shown))
	b.choose("#filter-layer", "1")
	waitFor("0 of 5 shown")
	assert.True(t, eval[bool](b, `document.getElementById("none-shown").checkVisibility()`), "an empty list is explained")

	// The packages have a filter of their own.
	b.enter("#package-text", "zlib")
	b.eventually(`document.getElementById("packages-shown").textContent === "1 of 3 shown"`)
}

func TestFilterKnownExploited(t *testing.T) {
	b := open(t, many(t, 100))
	b.click("#filter-kev")
	b.eventually(`document.getElementById("shown").textContent === "2 of 100 shown"`)
}

func TestSort(t *testing.T) {
	b := open(t, sample(t))
	byReport := []string{"CVE-2022-0778", "CVE-2021-3711", "CVE-2018-25032", "CVE-2019-1010022", "CVE-2021-33574"}
	require.Equal(t, byReport, eval[[]string](b, shown))
	sorted := func(column string) string {
		return eval[string](b, fmt.Sprintf(`document.querySelector("#findings-table thead .%s").getAttribute("aria-sort")`, column))
	}
	b.click("#findings-table .c-i button")
	assert.Equal(t, []string{"CVE-2018-25032", "CVE-2019-1010022", "CVE-2021-3711", "CVE-2021-33574", "CVE-2022-0778"}, eval[[]string](b, shown), "numbers count as numbers")
	assert.Equal(t, "ascending", sorted("c-i"))

	// By keyboard alone: Tab leads to each heading in turn.
	b.focus("#findings-table .c-i button")
	b.press(kb.Enter)
	assert.Equal(t, "descending", sorted("c-i"))
	assert.Equal(t, []string{"CVE-2022-0778", "CVE-2021-33574", "CVE-2021-3711", "CVE-2019-1010022", "CVE-2018-25032"}, eval[[]string](b, shown))
	b.press(kb.Tab)
	require.Equal(t, "Package", eval[string](b, `document.activeElement.textContent`))
	b.press(" ")
	assert.Equal(t, "ascending", sorted("c-p"))
	assert.Equal(t, 1, eval[int](b, `document.querySelectorAll("#findings-table [aria-sort]").length`), "only one column is the one that counts")
	assert.Equal(t, []string{"CVE-2019-1010022", "CVE-2021-33574", "CVE-2022-0778", "CVE-2021-3711", "CVE-2018-25032"}, eval[[]string](b, shown), "ties keep the order of the report")

	// The worst comes first where that is what one looks for.
	b.click("#findings-table .c-s button")
	assert.Equal(t, "descending", sorted("c-s"))
	assert.Equal(t, byReport, eval[[]string](b, shown))

	// What is sorted stays filtered, and is open as it was.
	b.click("#packages-table thead button")
	assert.Equal(t, "ascending", eval[string](b, `document.querySelector("#packages-table th").getAttribute("aria-sort")`))
}

func TestExpand(t *testing.T) {
	b := open(t, sample(t))
	evidence := `document.querySelector("#f1 .body").checkVisibility({ contentVisibilityAuto: true, checkVisibilityCSS: true })`
	require.False(t, eval[bool](b, evidence))
	b.focus("#f1 summary")
	b.press(kb.Enter)
	b.eventually(evidence)
	text := eval[string](b, `document.querySelector("#f1 .body").innerText`)
	for _, want := range []string{"DEBIAN-CVE-2022-0778", "< 1.1.1d-0+deb10u8", "GHSA-x3mh-jvjw-3xwx", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H", "https://example.org/advisory?id=1&lang=en"} {
		assert.Contains(t, text, want)
	}
	b.press(kb.Enter)
	b.eventually("!" + evidence)

	// An address can lead to a finding.
	b.script(`location.hash = "#f4"`)
	b.eventually(`document.querySelector("#f4 details").open`)
}

// Everything can be read with script off; only what needs it is missing.
func TestWithoutScript(t *testing.T) {
	r := sample(t)
	b := open(t, r, withoutScript())
	// What the browser draws, with everything opened as a reader would.
	b.do(chromedp.SetAttributeValue(chromedp.CSS("#f1 details"), "open", ""), chromedp.SetAttributeValue(chromedp.CSS("#suppressed details"), "open", ""))
	text, err := chromedp.Run(b.ctx, chromedp.Text(chromedp.CSS("body")))
	require.NoError(t, err)
	for i := range r.Findings {
		assert.Contains(t, text, r.Findings[i].ID)
		assert.Contains(t, text, r.Findings[i].Package.Version)
	}
	for _, s := range r.Suppressed {
		assert.Contains(t, text, s.ID)
		assert.Contains(t, text, s.Reason)
	}
	for _, p := range r.Packages {
		assert.Contains(t, text, p.Name)
	}
	assert.Contains(t, text, r.Problems[0].Error)
	assert.Contains(t, text, "58 packages were not compared")
	assert.Contains(t, text, r.Findings[0].Evidence.Range)
	assert.NotContains(t, text, "Search", "a filter that does nothing is not shown")
	assert.Empty(t, eval[[]string](b, `Array.from(document.querySelectorAll("button")).filter((b) => b.checkVisibility()).map((b) => b.textContent)`))
	b.picture("without-script", true)
}

// Texts from images and advisories stay texts.
func TestHostile(t *testing.T) {
	for _, s := range []string{
		`"><script>alert(1)</script>`, `</style></script><script>alert(1)</script>`, `<img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`, `javascript:alert(1)`,
		`https://example.org/" onclick="alert(1)`, `data:text/html,<script>alert(1)</script>`, `{{.}}${alert(1)}`, `-->]]><svg onload=alert(1)>`,
	} {
		b := open(t, hostile(s))
		assert.Equal(t, 1, eval[int](b, `document.scripts.length`), s)
		assert.Empty(t, eval[[]string](b, `Array.from(document.querySelectorAll("*")).flatMap((e) => e.getAttributeNames().filter((n) => n.startsWith("on") || n === "style" || n === "src"))`), s)
		assert.Empty(t, eval[[]string](b, `Array.from(document.links).map((a) => a.href).filter((h) => !/^https?:/.test(h))`), s)
		assert.Equal(t, strings.TrimSpace(s), eval[string](b, `document.querySelector("h1").textContent`), "it is shown as it is")
		// What is opened, sorted and filtered does no more.
		b.click("#f1 summary")
		b.click("#findings-table .c-p button")
		b.enter("#filter-text", s)
		b.eventually(`document.getElementById("shown").textContent === "All 1 shown"`)
	}
}

func hostile(s string) *scan.Report {
	p := scan.Package{PURL: s, Type: s, Name: s, Version: s, Arch: s, Source: sbom.Source{Name: s + "x"}, Paths: []string{s}, Layer: scan.PackageLayer{DiffID: s, CreatedBy: s}, OwnedBy: s, Target: s}
	f := scan.Finding{
		ID: s, Aliases: []string{s}, Severity: cvss.High, SeveritySource: s, CVSS: []scan.CVSS{{Source: s, Vector: s}}, Package: p, FixedVersion: s,
		Status: scan.Status(s), Title: s, Description: s, References: []string{s, "https://example.org/?" + s, "https://u@example.org"}, Evidence: vulndb.Evidence{Advisory: s, Range: s, Database: s},
	}
	return &scan.Report{
		Target:   scan.Target{Target: sbom.Target{Name: s, Kind: s, Digest: s, ImageID: s}, Layers: []sbom.Layer{{CreatedBy: s}, {Index: 1, CreatedBy: s}}},
		OS:       scan.OS{Name: s, Ecosystem: s, EndOfLife: true, EndOfLifeDate: s},
		Database: scan.Database{ID: s, Sources: []vulndb.SourceInfo{{Ecosystem: s}}},
		Coverage: []vulndb.Coverage{{Ecosystem: s, Status: s, Reason: s, Packages: 1}},
		Packages: []scan.Package{p}, Findings: []scan.Finding{f}, Suppressed: []scan.Suppressed{{Finding: f, By: s, Reason: s}},
		Problems: []scan.Problem{{Path: s, Extractor: s, Error: s}},
	}
}

// contrast lists the texts whose colour is too near to that of what is behind
// them: less than 4.5 to 1, https://www.w3.org/TR/WCAG22/#contrast-minimum.
const contrast = `(() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  function rgba(color) {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return Array.from(canvas.getImageData(0, 0, 1, 1).data);
  }
  function luminance([r, g, b]) {
    const [x, y, z] = [r, g, b].map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  }
  function behind(element) {
    for (let e = element; e; e = e.parentElement) {
      const color = rgba(getComputedStyle(e).backgroundColor);
      if (color[3] === 255) return color;
      if (color[3] !== 0) throw new Error("half transparent: " + e.className);
    }
    throw new Error("nothing is behind");
  }
  const bad = new Set();
  let seen = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim();
    const element = walker.currentNode.parentElement;
    if (!text || !element.checkVisibility({ contentVisibilityAuto: false }) || /^(STYLE|SCRIPT|OPTION)$/.test(element.tagName)) continue;
    let front, back;
    if (element.namespaceURI.endsWith("svg")) {
      front = rgba(getComputedStyle(element).fill);
      back = rgba(getComputedStyle(element.previousElementSibling).fill);
    } else {
      front = rgba(getComputedStyle(element).color);
      back = behind(element);
    }
    const [a, b] = [luminance(front), luminance(back)].sort((a, b) => b - a);
    const ratio = (a + 0.05) / (b + 0.05);
    seen++;
    if (ratio < 4.5) bad.add(ratio.toFixed(2) + " " + (element.className.baseVal ?? element.className) + ": " + text.slice(0, 40));
  }
  if (seen < 100) throw new Error("only " + seen + " texts were seen");
  return Array.from(bad);
})()`

func TestLooks(t *testing.T) {
	r := many(t, 60)
	r.Findings[1].Package.Name = strings.Repeat("an-endless-name-", 12)
	r.Findings[1].References = append(r.Findings[1].References, "https://example.org/"+strings.Repeat("an-endless-address", 20))
	r.Findings[2].Title = strings.Repeat("endless", 60)
	r.Target.Name = "registry.example/" + strings.Repeat("team", 30) + "/app:1.2"
	r.Problems[0].Path = strings.Repeat("opt/", 60)
	b := open(t, r)
	b.script(`for (const d of document.querySelectorAll("details.unfold, #f1 details, #f2 details, #f3 details")) d.open = true`)
	for _, colors := range []string{"light", "dark"} {
		for _, width := range []int64{320, 360, 768, 769, 1280, 1920} {
			name := fmt.Sprintf("%s-%d", colors, width)
			b.do(screen(width), theme(colors))
			assert.LessOrEqual(t, eval[int64](b, `document.documentElement.scrollWidth`), width, "%s: the page scrolls sideways", name)
			assert.Empty(t, eval[[]string](b, contrast), name)
			b.picture(name, true)
			b.script(`document.getElementById("f4").scrollIntoView()`)
			b.picture(name+"-list", false)
		}
	}
}

// What assistive technology sees.
func TestAccessibility(t *testing.T) {
	for _, width := range []int64{360, 1280} {
		b := open(t, sample(t), screen(width))
		tree, err := chromedp.Call(b.ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
		require.NoError(t, err)
		count := map[string]int{}
		for _, n := range tree.Nodes {
			if n.Ignored || n.Role == nil {
				continue
			}
			role := strings.Trim(string(n.Role.Value), `"`)
			count[role]++
			if role == "button" || role == "link" || role == "searchbox" || role == "checkbox" || role == "combobox" || role == "image" || role == "region" || role == "navigation" || role == "search" {
				if assert.NotNil(t, n.Name, role) {
					assert.NotEqual(t, `""`, string(n.Name.Value), "%s without a name", role)
				}
			}
		}
		for role, want := range map[string]int{"banner": 1, "main": 1, "contentinfo": 1, "navigation": 1, "search": 2, "searchbox": 2} {
			assert.Equal(t, want, count[role], "%s at %d", role, width)
		}
		// Those of the findings, the packages and the coverage.
		assert.Equal(t, 5+3+4, count["rowheader"], "%d", width)
		assert.GreaterOrEqual(t, count["columnheader"], 6, "%d", width)
		assert.GreaterOrEqual(t, count["table"], 3, "%d", width)
		assert.Equal(t, "en", eval[string](b, `document.documentElement.lang`))
		assert.Empty(t, eval[[]string](b, `Array.from(document.querySelectorAll("[id]"), (e) => e.id).filter((id, i, all) => all.indexOf(id) !== i)`), "each id is there once")

		// The first stop of the keyboard leads past the top.
		b.press(kb.Tab)
		assert.Equal(t, "Skip to the findings", eval[string](b, `document.activeElement.textContent`))
		b.press(kb.Enter)
		b.eventually(`location.hash === "#findings"`)
	}
}

// On paper what is closed is open, unless that is far too much.
func TestPrint(t *testing.T) {
	for _, n := range []int{20, 400} {
		r := many(t, n)
		b := open(t, r)
		b.script(`window.printed = -1;
			addEventListener("beforeprint", () => window.printed = document.querySelectorAll("#findings-table details[open]").length)`)
		pdf, err := chromedp.Run(b.ctx, chromedp.PrintToPDF(chromedp.PDFPrintBackground(), chromedp.PDFPreferCSSPageSize()))
		require.NoError(t, err)
		assert.True(t, strings.HasPrefix(string(pdf), "%PDF-"))
		want := n
		if n > 30 {
			want = 0
		}
		assert.Equal(t, want, eval[int](b, `printed`))
		assert.Equal(t, 0, eval[int](b, `document.querySelectorAll("details[open]").length - document.querySelectorAll("#packages details[open]").length`), "afterwards all is as it was")
		if *shots != "" {
			require.NoError(t, os.WriteFile(filepath.Join(*shots, fmt.Sprintf("print-%d.pdf", n)), pdf, 0o666))
		}
	}
}

// A report of 5,000 findings stays usable. What a step takes is in the log; the
// bounds are for steps that no longer end, on a machine that is busy with ten
// other things.
func TestManyFindings(t *testing.T) {
	begin := time.Now()
	b := open(t, many(t, 5000))
	t.Logf("loaded after %v", time.Since(begin).Round(time.Millisecond))
	// Each step is done when the browser has drawn what came of it.
	step := func(name, statement string) {
		ms, err := chromedp.Run(b.ctx, chromedp.Evaluate[float64](fmt.Sprintf(`new Promise((done) => {
			const begin = performance.now();
			%s;
			requestAnimationFrame(() => setTimeout(() => done(performance.now() - begin)));
		})`, statement), chromedp.EvalAwaitPromise))
		require.NoError(t, err, name)
		t.Logf("%s: %.0f ms", name, ms)
		assert.Less(t, ms, 15_000.0, name)
	}
	step("sort by package", `document.querySelector("#findings-table .c-p button").click()`)
	step("sort by severity", `document.querySelector("#findings-table .c-s button").click()`)
	step("scroll to the end", `document.getElementById("coverage").scrollIntoView()`)
	step("open one", `document.querySelector("#f2500 details").open = true`)
	step("hide two of three", `document.getElementById("filter-fix").value = "yes"; document.getElementById("filter-fix").dispatchEvent(new Event("change", { bubbles: true }))`)
	step("show all", `document.getElementById("filter").reset()`)
	begin = time.Now()
	b.enter("#filter-text", "cve-2011-5321")
	b.eventually(`document.getElementById("shown").textContent === "1 of 5000 shown"`)
	t.Logf("filtered after %v", time.Since(begin).Round(time.Millisecond))
	assert.Equal(t, []string{"CVE-2011-5321"}, eval[[]string](b, shown))
}
