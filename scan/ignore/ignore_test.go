package ignore

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func day(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return t
}

const own = `# what we have looked at
ignore:
  - id: [CVE-2024-0001, GHSA-aaaa-bbbb-cccc]
    package: openssl
    reason: not reachable
    until: 2026-12-31
  - purl: pkg:npm/lodash
    path: ["app/**/package.json", "srv/*/x"]
  - layer: 0
    status: [will_not_fix, end_of_life]
`

const trivyYAML = `vulnerabilities:
  - id: CVE-2022-40897
    paths:
      - "usr/local/lib/python3.9/site-packages/setuptools-*/METADATA"
    purls: ["pkg:pypi/setuptools"]
    statement: Accept the risk
  - id: CVE-2023-2650
    expired_at: 2023-09-11
misconfigurations:
  - id: AVD-DS-0001
    anything: goes
secrets: []
`

const plain = "# accepted\n\nCVE-2018-14618 exp:2026-01-01 # by Ann, ticket 7\nCVE-2019-1543\nGHSA-xxxx-yyyy-zzzz #no\r\n"

func TestParse(t *testing.T) {
	tests := []struct {
		name, text string
		want       []Rule
	}{
		{"own", own, []Rule{
			{
				IDs: []string{"CVE-2024-0001", "GHSA-aaaa-bbbb-cccc"}, Packages: []string{"openssl"},
				Reason: "not reachable", Until: day("2026-12-31"), Source: "own", Line: 3,
			},
			{PURLs: []string{"pkg:npm/lodash"}, Paths: []string{"app/**/package.json", "srv/*/x"}, Source: "own", Line: 7},
			{Layers: []string{"0"}, Statuses: []string{"will_not_fix", "end_of_life"}, Source: "own", Line: 9},
		}},
		{"trivy", trivyYAML, []Rule{
			{
				IDs: []string{"CVE-2022-40897"}, Paths: []string{"usr/local/lib/python3.9/site-packages/setuptools-*/METADATA"},
				PURLs: []string{"pkg:pypi/setuptools"}, Reason: "Accept the risk", Source: "trivy", Line: 2,
			},
			{IDs: []string{"CVE-2023-2650"}, Until: day("2023-09-11"), Source: "trivy", Line: 7},
		}},
		{"plain", plain, []Rule{
			{IDs: []string{"CVE-2018-14618"}, Until: day("2026-01-01"), Reason: "by Ann, ticket 7", Source: "plain", Line: 3},
			{IDs: []string{"CVE-2019-1543"}, Source: "plain", Line: 4},
			{IDs: []string{"GHSA-xxxx-yyyy-zzzz"}, Reason: "no", Source: "plain", Line: 5},
		}},
		{"empty", "", nil},
		{"comments", "# nothing\n\n", nil},
		{"null", "---\n", nil},
		{"no rules", "ignore:\n", nil},
		{"mark", "\ufeffCVE-2024-1\n", []Rule{{IDs: []string{"CVE-2024-1"}, Source: "mark", Line: 1}}},
	}
	for _, tt := range tests {
		got, err := Parse(tt.name, []byte(tt.text))
		require.NoErrorf(t, err, "Parse(%q)", tt.name)
		assert.Equalf(t, tt.want, got, "Parse(%q)", tt.name)
	}
}

func TestParseErrors(t *testing.T) {
	tests := []struct{ text, want string }{
		{"CVE-1 exp:2025-02-30", `ignore: f:1: "2025-02-30" is no date such as 2026-01-31`},
		{"CVE-1 exp:2025-01-01 exp:2025-01-01", `ignore: f:1: a second date "exp:2025-01-01"`},
		{"# c\nCVE-1 soon", `ignore: f:2: "soon" after the ID is neither "exp:DATE" nor a comment`},
		{"ignore:\n  - id: CVE-1\n    untill: 2025-01-01\n", `ignore: f:3: unknown key "untill"`},
		{"ignore:\n  - id: CVE-1\n    until: tomorrow\n", `ignore: f:3: "tomorrow" is no date such as 2026-01-31`},
		{"ignore:\n  - reason: all of it\n", `ignore: f:2: the rule has no condition, and so would hide every finding`},
		{"ignore:\n  - id: CVE-1\n    id: CVE-2\n", `ignore: f:3: "id" is there twice`},
		{"ignore:\n  - id: []\n", `ignore: f:2: an empty list`},
		{"ignore:\n  - id: ''\n", `ignore: f:2: an ID is empty`},
		{"ignore:\n  - id: {a: b}\n", `ignore: f:2: no text`},
		{"ignore:\n  - id:\n", `ignore: f:2: no text`},
		{"ignore:\n  - CVE-1\n", `ignore: f:2: no mapping`},
		{"ignore: CVE-1\n", `ignore: f:1: "ignore" is no list of rules`},
		{"ignores: []\n", `ignore: f:1: unknown key "ignores"`},
		{"- id: CVE-1\n", `ignore: f:1: the document is no mapping with the key "ignore" or, as Trivy's, "vulnerabilities"`},
		{"ignore:\n  - purl: lodash\n", `ignore: f:2: package URL "lodash": `},
		{"ignore:\n  - path: '[a'\n", `ignore: f:2: path "[a": syntax error in pattern`},
		{"ignore:\n  - path: a//b\n", `ignore: f:2: path "a//b": an empty element`},
		{"ignore:\n  - layer: base\n", `ignore: f:2: layer "base" is neither a number from 0 on nor a digest`},
		{"ignore:\n  - status: wontfix\n", `ignore: f:2: "wontfix" is no status; there are `},
		{"vulnerabilities:\n  - id: CVE-1\n    path: a\n", `ignore: f:3: unknown key "path"`},
		{"ignore: []\n---\nignore: []\n", `ignore: f: it holds a second document`},
		{"ignore: [\n", "ignore: f: yaml: line "},
		{strings.Repeat("a", MaxSize+1), "ignore: f: larger than "},
	}
	for _, tt := range tests {
		rules, err := Parse("f", []byte(tt.text))
		require.Errorf(t, err, "Parse(%.60q)", tt.text)
		assert.Truef(t, strings.HasPrefix(err.Error(), tt.want), "Parse(%.60q): %v, want %s", tt.text, err, tt.want)
		assert.Nil(t, rules)
	}
}

func TestMatch(t *testing.T) {
	finding := Finding{
		IDs: []string{"CVE-2024-0001", "GHSA-aaaa-bbbb-cccc"}, Package: "core", PURL: "pkg:npm/%40babel/core@7.0.0",
		Paths: []string{"app/a/package.json", "app/b/c/package.json"}, Layer: 1, DiffID: "sha256:ab", Status: "affected",
	}
	tests := []struct {
		rule Rule
		want bool
	}{
		{Rule{IDs: []string{"cve-2024-0001"}}, true},
		{Rule{IDs: []string{"GHSA-aaaa-bbbb-cccc"}}, true},
		{Rule{IDs: []string{"CVE-2024-0002"}}, false},
		{Rule{IDs: []string{"CVE-2024-0001"}, Packages: []string{"cor"}}, false},
		{Rule{Packages: []string{"core"}}, true},
		{Rule{Packages: []string{"@babel/core"}}, true},
		{Rule{PURLs: []string{"pkg:npm/%40babel/core"}}, true},
		{Rule{PURLs: []string{"pkg:npm/core"}}, false},
		{Rule{PURLs: []string{"pkg:npm/%40babel/core@7.0.1", "pkg:npm/%40babel/core@7.0.0"}}, true},
		{Rule{Paths: []string{"app/**"}}, true},
		{Rule{Paths: []string{"/app/**/package.json"}}, true},
		{Rule{Paths: []string{"**/package.json"}}, true},
		{Rule{Paths: []string{"app/*/package.json"}}, false}, // the other file still records it
		{Rule{Paths: []string{"app/*/package.json", "app/b/**"}}, true},
		{Rule{Paths: []string{"app"}}, false},
		{Rule{Layers: []string{"1"}}, true},
		{Rule{Layers: []string{"0"}}, false},
		{Rule{Layers: []string{"sha256:ab"}}, true},
		{Rule{Statuses: []string{"fixed", "affected"}}, true},
		{Rule{Statuses: []string{"fixed"}}, false},
		{Rule{IDs: []string{"CVE-2024-0001"}, Statuses: []string{"fixed"}}, false},
	}
	for _, tt := range tests {
		s, err := New(tt.rule)
		require.NoError(t, err)
		assert.Equalf(t, tt.want, len(s.Match(&finding)) == 1, "%s", tt.rule.String())
	}
	s, err := New(Rule{Packages: []string{"core"}}, Rule{IDs: finding.IDs}, Rule{IDs: []string{"CVE-1"}})
	require.NoError(t, err)
	assert.Equal(t, []int{0, 1}, s.Match(&finding), "each once, in order")
	assert.Empty(t, (*Set)(nil).Match(&finding))

	pathless, err := New(Rule{Paths: []string{"**"}})
	require.NoError(t, err)
	assert.Empty(t, pathless.Match(&Finding{}), "nobody knows where it is")
}

func TestExpired(t *testing.T) {
	r := Rule{Until: day("2026-01-01")}
	assert.False(t, r.Expired(day("2026-01-01").Add(-time.Second)))
	assert.True(t, r.Expired(day("2026-01-01")))
	assert.False(t, (&Rule{}).Expired(day("2026-01-01")))
}

func TestString(t *testing.T) {
	tests := []struct {
		rule Rule
		want string
	}{
		{Rule{IDs: []string{"CVE-1"}}, "CVE-1"},
		{Rule{IDs: []string{"a", "b", "c", "d", "e"}, Packages: []string{"p"}}, "a, b, c, d and 1 more of p"},
		{Rule{PURLs: []string{"pkg:npm/a"}, Paths: []string{"x/**"}}, "pkg:npm/a in x/**"},
		{Rule{Layers: []string{"0"}, Statuses: []string{"fixed"}}, "layer 0 with status fixed"},
		{Rule{Statuses: []string{"fixed"}}, "status fixed"},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, tt.rule.String())
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{own, trivyYAML, plain, "", "ignore: [*a]", "&a [*a]"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		rules, err := Parse("f", data)
		if err != nil {
			require.Nil(t, rules)
			return
		}
		s, err := New(rules...)
		require.NoError(t, err)
		for _, r := range rules {
			require.NotEmpty(t, r.String())
			require.Positive(t, r.Line)
		}
		// A finding without any property is what no rule means.
		require.Empty(t, s.Match(&Finding{Layer: -1}))
	})
}
