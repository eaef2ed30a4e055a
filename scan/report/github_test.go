package report_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/imagevet/imagevet/scan/report"
)

func TestGitHub(t *testing.T) {
	r := tree()
	r.Findings[0].Title = "50%\n::stop-commands::x"
	r.Findings[0].Package.Paths = []string{"a,b:c%/package-lock.json"}
	lines := strings.Split(write(t, r, report.GitHub), "\n")
	assert.Contains(t, lines, "::error file=a%2Cb%3Ac%25/package-lock.json,line=12,title=CRITICAL%3A CVE-2022-0778 in @babel/traverse 7.1.0::"+
		"50%25 ::stop-commands::x%0AUpgrade @babel/traverse to 1.1.1d-0+deb10u8 or later.%0Aa,b:c%25/package-lock.json%0Ahttps://nvd.nist.gov/vuln/detail/CVE-2022-0778")
	for _, line := range lines[:len(lines)-1] {
		assert.Regexp(t, `^::(error|warning|notice) (file=[^:,]+,line=\d+,)?title=[^:,]+::`, line)
	}
	assert.NotContains(t, write(t, full(), report.GitHub), "file=", "files of an image are not in the repository")
	assert.Contains(t, write(t, many(11), report.GitHub), "GitHub shows 10 of each kind")
	assert.NotContains(t, write(t, many(10), report.GitHub), "GitHub shows 10 of each kind")
}
