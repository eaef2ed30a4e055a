package report_test

import (
	"encoding/csv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/scan/report"
)

func TestCSV(t *testing.T) {
	r := full()
	r.Findings[0].Title = "=cmd|'/c calc'!A1"
	r.Findings[1].Title = "a; =1+1,\"@SUM(1)\t+2 3-1"
	r.Findings[2].Title = "two\r\nlines"
	r.Findings[3].Package.Type, r.Findings[3].Package.PURL, r.Findings[3].Package.Name = "npm", "pkg:npm/%40babel/core@1", "core"
	text := write(t, r, report.CSV)
	assert.Equal(t, strings.Count(text, "\n"), strings.Count(text, "\r\n"), "RFC 4180 wants CRLF")
	records, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	require.NoError(t, err)
	require.Len(t, records, 6)
	column := map[string]int{}
	for i, name := range records[0] {
		column[name] = i
	}
	get := func(i int, name string) string { return records[i][column[name]] }
	assert.Equal(t, "CVE-2022-0778", get(1, "id"))
	assert.Equal(t, "1.1.1d-0+deb10u8", get(1, "fixed_version"))
	assert.Equal(t, ">= 0, < 1.1.1d-0+deb10u8", get(1, "range"))
	assert.Equal(t, "'=cmd|'/c calc'!A1", get(1, "title"))
	assert.Equal(t, `a; '=1+1,"'@SUM(1) +2 3-1`, get(2, "title"))
	assert.Equal(t, "two  lines", get(3, "title"))
	assert.Equal(t, "'@babel/core", get(4, "package"))
	assert.Equal(t, "2022-03-15", get(1, "published"))
}
