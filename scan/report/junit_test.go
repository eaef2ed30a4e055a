package report_test

import (
	"encoding/xml"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/codec/codectest"
	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/scan/report"
)

func TestJUnitSchema(t *testing.T) {
	validate := codectest.XMLSchemaFile(t, filepath.Join("testdata", "schema", "junit-10.xsd"))
	all := reports()
	maps.Copy(all, realReports(t))
	for name, r := range all {
		file := filepath.Join(t.TempDir(), "junit.xml")
		require.NoError(t, os.WriteFile(file, []byte(write(t, r, report.JUnit, report.WithTime(date(2026, 1, 2)))), 0o600))
		assert.NoError(t, validate(file), name)
	}
}

// A junit is what the tests look at of a JUnit file.
type junit struct {
	Tests    int `xml:"tests,attr"`
	Failures int `xml:"failures,attr"`
	Errors   int `xml:"errors,attr"`
	Suites   []struct {
		Name     string `xml:"name,attr"`
		Tests    int    `xml:"tests,attr"`
		Failures int    `xml:"failures,attr"`
		Errors   int    `xml:"errors,attr"`
		Skipped  int    `xml:"skipped,attr"`
		Cases    []struct {
			Name    string    `xml:"name,attr"`
			Failure *struct{} `xml:"failure"`
			Error   *struct{} `xml:"error"`
			Skipped *struct{} `xml:"skipped"`
		} `xml:"testcase"`
	} `xml:"testsuite"`
}

// TestJUnitCounts compares the numbers with what there is.
func TestJUnitCounts(t *testing.T) {
	r := full()
	r.Findings[1].Package.Type = "npm"
	for name, r := range map[string]*scan.Report{"two types": r, "hostile": hostile("\x00"), "empty": {}, "nodb": reports()["nodb"]} {
		var got junit
		require.NoError(t, xml.Unmarshal([]byte(write(t, r, report.JUnit)), &got), name)
		tests, failures, errors := 0, 0, 0
		for _, s := range got.Suites {
			failed, broken, skipped := 0, 0, 0
			for _, c := range s.Cases {
				if c.Failure != nil {
					failed++
				}
				if c.Error != nil {
					broken++
				}
				if c.Skipped != nil {
					skipped++
				}
			}
			assert.Equal(t, []int{len(s.Cases), failed, broken, skipped}, []int{s.Tests, s.Failures, s.Errors, s.Skipped}, "%s: %s", name, s.Name)
			tests, failures, errors = tests+s.Tests, failures+failed, errors+broken
		}
		assert.Equal(t, []int{tests, failures, errors}, []int{got.Tests, got.Failures, got.Errors}, name)
		assert.Equal(t, len(r.Findings), failures, name)
		assert.Positive(t, tests, "no report is one of no tests: %s", name)
	}
}
