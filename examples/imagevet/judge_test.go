package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/scan"
)

// judgeFiles writes files into a folder of their own and makes it the working
// folder. The root file system is in it too.
func judgeFiles(t *testing.T, files map[string]string) (root string) {
	t.Helper()
	root = rootfs(t, oldPackages)
	dir := t.TempDir()
	for name, text := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666))
	}
	t.Chdir(dir)
	return root
}

func judged(t *testing.T, root string, args ...string) (*scan.Report, result) {
	t.Helper()
	r := imagevet(t, nil, append([]string{"rootfs", root, "--db", "starter", "--now", now, "--format", "json"}, args...)...)
	var report scan.Report
	require.NoError(t, json.Unmarshal([]byte(r.stdout), &report), r.stderr)
	return &report, r
}

// muslVEX says that musl is not affected by any of its flaws in the starter
// database.
const muslVEX = `{"@context": "https://openvex.dev/ns/v0.2.0", "timestamp": "2026-01-01T00:00:00Z", "statements": [
	{"vulnerability": {"name": "CVE-2019-14697"}, "products": [{"@id": "pkg:apk/alpine/musl"}], "status": "not_affected"}]}`

func TestJudgeFlags(t *testing.T) {
	root := judgeFiles(t, map[string]string{
		"rules": "CVE-2019-14697\nCVE-1 exp:2026-01-01\n", "vex.json": muslVEX, "other.json": `{"bomFormat": "CycloneDX", "vulnerabilities": []}`,
	})
	all, r := judged(t, root)
	require.Len(t, all.Findings, 3)
	assert.NotContains(t, r.stderr, "left out")

	report, r := judged(t, root, "--ignorefile", "rules")
	assert.Len(t, report.Findings, 2)
	require.Len(t, report.Suppressed, 1)
	assert.Equal(t, "rules:1", report.Suppressed[0].Source)
	assert.Contains(t, r.stderr, `warning: the ignore rule "CVE-1" (rules:2) has expired on 2026-01-01`)

	report, r = judged(t, root, "--vex", "vex.json", "--vex", "other.json")
	assert.Len(t, report.Findings, 2)
	assert.Equal(t, "vex", report.Suppressed[0].By)
	assert.Contains(t, r.stderr, "warning: nothing in other.json (CycloneDX, 0 statements) is about a finding")
	require.NotEmpty(t, report.Problems)
	assert.Equal(t, "vex", report.Problems[0].Extractor)
}

func TestDefaultIgnoreFile(t *testing.T) {
	for name, text := range map[string]string{
		".imagevetignore":    "ignore:\n  - id: CVE-2019-14697\n",
		".trivyignore":       "CVE-2019-14697\n",
		".trivyignore.yaml":  "vulnerabilities:\n  - id: CVE-2019-14697\n",
		".imagevetignore.no": "",
	} {
		t.Run(name, func(t *testing.T) {
			root := judgeFiles(t, map[string]string{name: text, "none": ""})
			want, say := 2, "imagevet: what "+name+" in the working folder says is left out\n"
			if text == "" {
				want, say = 3, ""
			}
			report, r := judged(t, root)
			assert.Len(t, report.Findings, want)
			assert.Contains(t, r.stderr, say)
			report, r = judged(t, root, "--ignorefile", "none")
			assert.Len(t, report.Findings, 3, "another file takes its place")
			assert.NotContains(t, r.stderr, "left out")
			_, r = judged(t, root, "--quiet")
			assert.NotContains(t, r.stderr, "left out")
		})
	}
}

func TestPolicyFlag(t *testing.T) {
	root := judgeFiles(t, map[string]string{
		"strict": "findings:\n  - name: any\n    severity: NONE\n", "mild": "findings:\n  - severity: CRITICAL\n    unrated: false\n    fix_age_days: 99999\n",
		"vex.json": muslVEX, "rules": "CVE-2019-14697\nCVE-2021-28831\nCVE-2019-5747\n",
	})
	for _, tt := range []struct {
		args   []string
		status int
	}{
		{nil, 0},
		{[]string{"--exit-code", "7"}, 7},
		{[]string{"--policy", "strict"}, 3},
		{[]string{"--policy", "strict", "--exit-code", "7"}, 7},
		{[]string{"--policy", "strict", "--exit-code", "0"}, 0},
		{[]string{"--policy", "mild"}, 0},
		{[]string{"--policy", "mild", "--exit-code", "7"}, 0}, // findings are left, and may be
	} {
		_, r := judged(t, root, tt.args...)
		assert.Equalf(t, tt.status, r.status, "%q: %s", tt.args, r.stderr)
	}
	_, r := judged(t, root, "--policy", "strict")
	assert.Contains(t, r.stderr, "imagevet: does not pass: any: 3 findings: severity NONE or above or unrated\n  CVE-")
	report, r := judged(t, root, "--policy", "strict", "--vex", "vex.json")
	assert.Equal(t, 3, r.status)
	assert.Contains(t, r.stderr, "any: 2 findings", "what is suppressed does not count")
	assert.Len(t, report.Findings, 2)
}

func TestJudgeErrors(t *testing.T) {
	root := judgeFiles(t, map[string]string{"bad": "ignore:\n  - idd: x\n", "bad.json": "{}", "rules": "findings: []\n"})
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"--ignorefile", "missing"}, "imagevet: --ignorefile: open missing: "},
		{[]string{"--ignorefile", "bad"}, `imagevet: ignore: bad:2: unknown key "idd"`},
		{[]string{"--vex", "missing"}, "imagevet: --vex: open missing: "},
		{[]string{"--vex", "bad.json"}, "imagevet: vex: bad.json: it is neither OpenVEX nor CycloneDX nor CSAF in JSON"},
		{[]string{"--policy", "missing"}, "imagevet: --policy: open missing: "},
		{[]string{"--policy", "rules"}, "imagevet: policy: rules: it judges nothing"},
	} {
		r := imagevet(t, nil, append([]string{"rootfs", root, "--db", "starter"}, tt.args...)...)
		assert.Equalf(t, exitFailed, r.status, "%q", tt.args)
		assert.Containsf(t, r.stderr, tt.want, "%q", tt.args)
		assert.Empty(t, r.stdout)
	}
}

// TestFillIn takes reports that are VEX documents as soon as somebody fills in
// what is the matter, and gives them to the next scan.
func TestFillIn(t *testing.T) {
	archive, err := filepath.Abs(alpine)
	require.NoError(t, err)
	t.Chdir(t.TempDir())
	scanArgs := []string{"image", "--input", archive, "--db", "starter", "--now", now}
	for _, tt := range []struct {
		format, empty, filled string
	}{
		{"openvex", `"status": "under_investigation"`, `"status": "not_affected"`},
		{"cyclonedx", `"affects": [`, `"analysis": {"state": "not_affected"}, "affects": [`},
	} {
		t.Run(tt.format, func(t *testing.T) {
			r := imagevet(t, nil, append(scanArgs, "--format", tt.format)...)
			require.Zero(t, r.status, r.stderr)
			require.Contains(t, r.stdout, tt.empty)
			filled := strings.ReplaceAll(r.stdout, tt.empty, tt.filled)
			require.NoError(t, os.WriteFile("vex.json", []byte(filled), 0o666))
			inventory := imagevet(t, nil, append(scanArgs, "--format", "cyclonedx")...)
			require.NoError(t, os.WriteFile("bom.json", []byte(inventory.stdout), 0o666))
			for _, args := range [][]string{scanArgs, {"sbom", "bom.json", "--db", "starter", "--now", now}} {
				var report scan.Report
				r := imagevet(t, nil, append(args, "--format", "json")...)
				require.NoError(t, json.Unmarshal([]byte(r.stdout), &report), r.stderr)
				require.NotEmpty(t, report.Findings)
				all := len(report.Findings)
				r = imagevet(t, nil, append(args, "--format", "json", "--vex", "vex.json")...)
				report = scan.Report{}
				require.NoError(t, json.Unmarshal([]byte(r.stdout), &report), r.stderr)
				assert.Emptyf(t, report.Findings, "%q", args)
				assert.Lenf(t, report.Suppressed, all, "%q", args)
				assert.Emptyf(t, report.Problems, "%q", args)
			}
		})
	}
}
