package scan_test

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/scan/image"
)

// From the files of an image to what its subscription makes of a flaw.
func TestUbuntuPro(t *testing.T) {
	db := openDB(t, `{"id": "UBUNTU-CVE-2026-0001", "modified": "2026-01-02T00:00:00Z", "upstream": ["CVE-2026-0001"], "affected": [`+
		`{"package": {"ecosystem": "Ubuntu:16.04:LTS", "name": "jq"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]}, `+
		`{"package": {"ecosystem": "Ubuntu:Pro:16.04:LTS", "name": "jq"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.5+dfsg-1ubuntu0.1+esm1"}]}]}]}`)
	s, err := scan.New(scan.WithDB(db))
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		version, status, fixed string
		elsewhere, none        bool
	}{
		"without it":        {"1.5+dfsg-1ubuntu0.1", "", "", true, false},
		"not attached":      {"1.5+dfsg-1ubuntu0.1", `{"attached": false, "services": [{"name": "esm-infra", "status": "n/a"}]}`, "", true, false},
		"enabled":           {"1.5+dfsg-1ubuntu0.1", `{"attached": true, "services": [{"name": "esm-infra", "status": "enabled"}]}`, "1.5+dfsg-1ubuntu0.1+esm1", false, false},
		"the fix":           {"1.5+dfsg-1ubuntu0.1+esm1", "", "", false, true},
		"damaged, so it is": {"1.5+dfsg-1ubuntu0.1", `{"services": `, "", true, false},
	} {
		files := fstest.MapFS{
			"etc/os-release":      {Data: []byte("ID=ubuntu\nVERSION_ID=\"16.04\"\nPRETTY_NAME=\"Ubuntu 16.04.7 LTS\"\n")},
			"var/lib/dpkg/status": {Data: []byte("Package: jq\nStatus: install ok installed\nArchitecture: amd64\nVersion: " + tt.version + "\n\n")},
		}
		if tt.status != "" {
			files["var/lib/ubuntu-advantage/status.json"] = &fstest.MapFile{Data: []byte(tt.status)}
		}
		report, err := s.Scan(t.Context(), image.FS("xenial", files))
		require.NoError(t, err, name)
		if tt.none {
			assert.Empty(t, report.Findings, name)
			continue
		}
		require.Len(t, report.Findings, 1, name)
		f := report.Findings[0]
		assert.Equal(t, tt.fixed, f.FixedVersion, name)
		if tt.elsewhere {
			assert.Equal(t, scan.StatusAffected, f.Status, name)
			require.NotNil(t, f.FixIn, name)
			assert.Equal(t, "1.5+dfsg-1ubuntu0.1+esm1", f.FixIn.Version, name)
		} else {
			assert.Equal(t, scan.StatusFixed, f.Status, name)
			assert.Nil(t, f.FixIn, name)
		}
		if name == "damaged, so it is" {
			require.Len(t, report.Problems, 1)
			assert.Equal(t, "var/lib/ubuntu-advantage/status.json", report.Problems[0].Path)
		}
	}
}
