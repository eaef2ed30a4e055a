package report_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/codec/codectest"
	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/scan/report"
)

func TestGitLab(t *testing.T) {
	var got struct {
		Vulnerabilities []struct {
			ID, Name, Severity string
			Description        string
			Identifiers        []struct{ Type, Value string }
			CVSS               []struct{ Vendor, Vector string } `json:"cvss_vectors"`
			Location           struct {
				Dependency struct {
					Package struct{ Name string }
					Version string
					Direct  bool
				}
				OS    string `json:"operating_system"`
				Image string
			}
		}
		Scan struct {
			Start string `json:"start_time"`
		}
	}
	r := tree()
	r.Findings[0].CVSS = []scan.CVSS{
		{Source: "own", Vector: "(AV:N/AC:L/Au:N/C:N/I:N/A:P)"},
		{Source: "", Vector: "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"},
		{Source: "own", Vector: "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"},
		{Source: "own", Vector: "nonsense"},
	}
	r.Findings[0].Title, r.Findings[0].Description = strings.Repeat("é", 400), "a\n\n<img src=x>\n- b @c"
	r.Findings = append(r.Findings, r.Findings[0])
	text := write(t, r, report.GitLab, report.WithTime(time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("", 3600))))
	require.NoError(t, codectest.SchemaFile(t, "testdata/schema/gitlab-15.2.1.json")([]byte(text)))
	require.NoError(t, json.Unmarshal([]byte(text), &got))
	assert.Equal(t, "2026-01-02T02:04:05", got.Scan.Start)
	v := got.Vulnerabilities[0]
	assert.Equal(t, "Critical", v.Severity)
	assert.Equal(t, strings.Repeat("é", 254)+"…", v.Name)
	assert.Equal(t, "a  \n\n\\<img src=x\\>  \n\\- b @<!-- -->c", v.Description)
	assert.Equal(t, "cve CVE-2022-0778", v.Identifiers[0].Type+" "+v.Identifiers[0].Value)
	assert.Equal(t, "cwe 184", v.Identifiers[4].Type+" "+v.Identifiers[4].Value)
	require.Len(t, v.CVSS, 2)
	assert.Equal(t, "AV:N/AC:L/Au:N/C:N/I:N/A:P", v.CVSS[0].Vector)
	assert.Equal(t, "unknown", v.CVSS[1].Vendor)
	assert.Equal(t, "@babel/traverse", v.Location.Dependency.Package.Name)
	assert.True(t, v.Location.Dependency.Direct)
	assert.Equal(t, "unknown", v.Location.OS)
	seen := map[string]bool{}
	for _, v := range got.Vulnerabilities {
		assert.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, v.ID)
		assert.False(t, seen[v.ID], "the same finding twice has two IDs")
		seen[v.ID] = true
	}
}
