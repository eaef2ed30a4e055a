package browsertest

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/cvss"
	"github.com/imagevet/imagevet/sbom"
	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/scan/report"
	"github.com/imagevet/imagevet/vulndb"
)

var shots = flag.String("shots", "", "write pictures of the page to this `folder`")

// browser is the one browser of all tests; each has a tab of its own.
var browser struct {
	sync.Mutex
	ctx    context.Context
	cancel []context.CancelFunc
}

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	for i := len(browser.cancel) - 1; i >= 0; i-- {
		browser.cancel[i]()
	}
	os.Exit(code)
}

// start starts the browser, or skips the test if there is none.
func start(t *testing.T) context.Context {
	t.Helper()
	browser.Lock()
	defer browser.Unlock()
	if browser.ctx != nil {
		return browser.ctx
	}
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip(`no Chromium: "apt-get install chromium" brings it on Debian`)
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path))
	if os.Geteuid() == 0 { // whom Chromium refuses otherwise; the pages are our own
		opts = append(opts, chromedp.NoSandbox)
	}
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), opts...)
	browser.cancel = append(browser.cancel, cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	browser.cancel = append(browser.cancel, cancel)
	require.NoError(t, chromedp.Do(ctx))
	browser.ctx = ctx
	return ctx
}

// A tab shows one report, and collects what should not happen.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	messages []string // of the console, errors, dialogs
	requests []string
}

// An action is a step of a test.
type action = chromedp.Action[chromedp.Void]

// command is a step that is a command of the browser's protocol.
func command[P any](c cdp.Command[P, cdp.Empty], params P) action {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, c, params)
		return err
	})
}

// screen gives the page so much room. A page that is too wide must not be made
// to fit by zooming out.
func screen(width int64) action {
	return command(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 900, DeviceScaleFactor: 1})
}

// theme chooses "light" or "dark".
func theme(name string) action {
	return command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}})
}

// withoutScript switches script off, as for readers who have.
func withoutScript() action {
	return command(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
}

// open writes a report and loads it, after other steps.
func open(t *testing.T, r *scan.Report, before ...action) *tab {
	t.Helper()
	parent := start(t)
	var buf bytes.Buffer
	require.NoError(t, report.Write(&buf, r, report.HTML, report.WithPackages(true)))
	served := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path != "/report.html" {
			http.NotFound(w, req)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write(buf.Bytes())
	}))
	t.Cleanup(served.Close)
	ctx, cancel := chromedp.NewContext(parent)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, time.Minute)
	t.Cleanup(cancel)

	b := &tab{t: t, ctx: ctx}
	require.NoError(t, chromedp.Listen(ctx, b.heard))
	b.do(append([]action{command(network.Enable, network.EnableParams{}), screen(1280)}, before...)...)
	address := served.URL + "/report.html"
	b.do(chromedp.Navigate(address))
	t.Cleanup(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		assert.Empty(t, b.messages, "the browser complains")
		assert.Equal(t, []string{address}, b.requests, "the page loads something")
	})
	return b
}

// heard takes down an event of the page.
func (b *tab) heard(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		for _, a := range e.Args {
			b.messages = append(b.messages, fmt.Sprintf("console: %s %s", a.Value, a.Description))
		}
	case *runtime.EventExceptionThrown:
		b.messages = append(b.messages, "exception: "+e.ExceptionDetails.Text)
	case *log.EventEntryAdded: // violations of the page's own policy too
		b.messages = append(b.messages, "log: "+e.Entry.Text)
	case *page.EventJavascriptDialogOpening:
		b.messages = append(b.messages, "dialog: "+e.Message)
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, e.Request.URL)
	}
}

func (b *tab) do(steps ...action) {
	b.t.Helper()
	require.NoError(b.t, chromedp.Do(b.ctx, steps...))
}

func (b *tab) click(selector chromedp.CSS) { b.t.Helper(); b.do(chromedp.Click(selector)) }
func (b *tab) focus(selector chromedp.CSS) { b.t.Helper(); b.do(chromedp.Focus(selector)) }
func (b *tab) press(key string)            { b.t.Helper(); b.do(chromedp.KeyEvent(key)) }
func (b *tab) enter(selector chromedp.CSS, text string) {
	b.t.Helper()
	b.do(chromedp.SendKeys(selector, text))
}

// choose sets a list to a value, and tells the page.
func (b *tab) choose(selector chromedp.CSS, value string) {
	b.t.Helper()
	b.do(chromedp.SetValue(selector, value))
	b.script(fmt.Sprintf(`document.querySelector(%q).dispatchEvent(new Event("input", { bubbles: true }))`, selector))
}

// script runs statements in the page.
func (b *tab) script(statements string) {
	b.t.Helper()
	eval[int](b, "(() => { "+statements+"; return 0 })()")
}

// eval returns the value of an expression in the page.
func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	require.NoError(b.t, err, expression)
	return v
}

// eventually waits until an expression of the page is true.
func (b *tab) eventually(expression string) {
	b.t.Helper()
	_, err := chromedp.Run(b.ctx, chromedp.Poll[bool](expression, chromedp.WithPollingTimeout(10*time.Second)))
	require.NoError(b.t, err, expression)
}

// picture leaves a picture, if they are asked for.
func (b *tab) picture(name string, whole bool) {
	if *shots == "" {
		return
	}
	shot := chromedp.CaptureScreenshot()
	if whole {
		shot = chromedp.FullScreenshot(100)
	}
	png, err := chromedp.Run(b.ctx, shot)
	require.NoError(b.t, err)
	require.NoError(b.t, os.WriteFile(filepath.Join(*shots, name+".png"), png, 0o666))
}

// sample is a report with something in every part, the one of the golden files.
func sample(t *testing.T) *scan.Report {
	t.Helper()
	data, err := os.ReadFile("../../scan/report/testdata/full.json")
	require.NoError(t, err)
	var r scan.Report
	require.NoError(t, json.Unmarshal(data, &r))
	require.NotEmpty(t, r.Findings)
	return &r
}

// many is a report with so many findings, all of them different, as an image of
// several layers can have.
func many(t *testing.T, n int) *scan.Report {
	t.Helper()
	r := sample(t)
	r.Target.Layers = nil
	for i := range 6 {
		r.Target.Layers = append(r.Target.Layers, sbom.Layer{Index: i, CreatedBy: fmt.Sprintf("/bin/sh -c make layer-%d && rm -rf /var/lib/apt/lists/*", i)})
	}
	text := "A flaw in the way that records are parsed lets a remote attacker read beyond the end of a buffer.\n\nThe parser trusts a length that the peer sends. "
	r.Findings, r.Packages = nil, nil
	severities := cvss.Severities()
	for i := range n {
		p := scan.Package{
			PURL: fmt.Sprintf("pkg:deb/debian/package-%d@1.%d?arch=amd64&distro=debian-12", i/7, i/7), Type: "deb", Name: fmt.Sprintf("package-%d", i/7),
			Version: fmt.Sprintf("1.%d-2+deb12u1", i/7), Arch: "amd64", Source: sbom.Source{Name: fmt.Sprintf("source-%d", i/21), Version: fmt.Sprintf("1.%d", i/7)},
			Paths: []string{"var/lib/dpkg/status"}, Layer: scan.PackageLayer{Index: i / 7 % 6, DiffID: "sha256:00", CreatedBy: fmt.Sprintf("/bin/sh -c make layer-%d && rm -rf /var/lib/apt/lists/*", i/7%6)},
		}
		f := scan.Finding{
			ID: fmt.Sprintf("CVE-%d-%d", 2010+i%16, 1000+i), Aliases: []string{fmt.Sprintf("DEBIAN-CVE-%d-%d", 2010+i%16, 1000+i)}, Severity: severities[i*len(severities)/n],
			SeveritySource: "NVD", CVSS: []scan.CVSS{{Source: "NVD", Version: "3.1", Vector: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H", Score: float64(i%100) / 10}},
			Package: p, Status: scan.StatusAffected, Title: fmt.Sprintf("Out-of-bounds read number %d when parsing records", i), Description: text + text + text,
			References: []string{fmt.Sprintf("https://security-tracker.debian.org/tracker/CVE-%d-%d", 2010+i%16, 1000+i), "https://www.openwall.com/lists/oss-security/2024/01/01/1", "https://example.org/advisories/1"},
			EPSS:       &vulndb.EPSS{Score: float64(i%1000) / 1000, Percentile: 0.5},
			Evidence:   vulndb.Evidence{Advisory: fmt.Sprintf("DEBIAN-CVE-%d-%d", 2010+i%16, 1000+i), Ecosystem: "Debian:12", MatchedName: p.Source.Name, MatchedVersion: p.Version, Scheme: "deb", Range: ">= 0, < 1.99", Database: "sha256:0123"},
		}
		if i%3 == 0 {
			f.FixedVersion, f.Status = "1.99", scan.StatusFixed
		}
		if i%50 == 0 {
			f.KEV = &vulndb.KEV{Added: time.Date(2024, 1, 2, 0, 0, 0, 0, time.UTC)}
		}
		r.Findings = append(r.Findings, f)
		if i%7 == 0 {
			r.Packages = append(r.Packages, p)
		}
	}
	return r
}
