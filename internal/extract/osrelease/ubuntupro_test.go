package osrelease

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/extract/extracttest"
	"github.com/imagevet/imagevet/sbom/inventory"
)

func TestExtractPro(t *testing.T) {
	service := func(name, status string) string {
		return `{"available": "yes", "blocked_by": [], "name": "` + name + `", "status": "` + status + `", "status_details": "x"}`
	}
	file := func(services ...string) string {
		return `{"_doc": "x", "attached": true, "services": [` + strings.Join(services, ", ") + `], "version": "34~22.04"}`
	}
	tests := []struct {
		name, content string
		want          []string
		problems      int
	}{
		{"both", file(service("esm-infra", "enabled"), service("livepatch", "disabled"), service("esm-apps", "enabled")), []string{"esm-apps", "esm-infra"}, 0},
		{"twice", file(service("esm-infra", "enabled"), service("esm-infra", "enabled")), []string{"esm-infra"}, 0},
		{"none enabled", file(service("esm-infra", "n/a"), service("esm-apps", "disabled")), nil, 0},
		{"not attached", `{"attached": false, "services": []}`, nil, 0},
		{"no services", `{}`, nil, 0},
		{"no name", file(service("", "enabled"), service("esm-apps", "enabled")), []string{"esm-apps"}, 1},
		{"a strange name", file(service("esm infra", "enabled")), nil, 1},
		{"a long name", file(service(strings.Repeat("a", maxService+1), "enabled")), nil, 1},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(ubuntuPro, tt.content))
		require.NoError(t, err, tt.name)
		assert.Len(t, facts.Problems, tt.problems, tt.name)
		if tt.want == nil {
			assert.Nil(t, facts.OS, tt.name)
			continue
		}
		require.NotNil(t, facts.OS, tt.name)
		assert.Equal(t, inventory.OS{ProServices: tt.want}, *facts.OS, tt.name)
	}
}

func TestExtractProErrors(t *testing.T) {
	for name, tt := range map[string]struct{ content, err string }{
		"no JSON":           {"services: []", "the state of Ubuntu Pro: invalid character"},
		"cut off":           {`{"services": [{"name": "esm-infra"`, "unexpected end of JSON input"},
		"a list":            {`[]`, "cannot unmarshal array"},
		"deep":              {strings.Repeat("[", 20_000), "exceeded max depth"},
		"too large":         {`{}` + strings.Repeat(" ", maxPro), "more than 1048576 bytes: file exceeds the limit"},
		"too many services": {`{"services": [{}` + strings.Repeat(", {}", maxServices) + `]}`, "1001 services: file exceeds the limit"},
	} {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(ubuntuPro, tt.content))
		assert.ErrorContains(t, err, tt.err, name)
		assert.Zero(t, facts, name)
	}
}

// The services are taken from their file, whatever else names the system.
func TestMergePro(t *testing.T) {
	merged := Merge([]inventory.OS{
		{ProServices: []string{"esm-infra", "esm-apps"}, Path: ubuntuPro},
		{ID: "ubuntu", Version: "16.04", ProServices: []string{"esm-infra"}, Path: etcPath},
	})
	assert.Equal(t, inventory.OS{ID: "ubuntu", Version: "16.04", ProServices: []string{"esm-apps", "esm-infra"}, Path: etcPath}, merged)
	assert.Equal(t, -1, Priority(ubuntuPro))
}

func FuzzExtractPro(f *testing.F) {
	f.Add(`{"services": [{"name": "esm-infra", "status": "enabled"}]}`)
	f.Add(`{"services": [{"name": "esm infra", "status": "enabled"}, null]}`)
	f.Add(`{"services": {}}`)
	f.Fuzz(func(t *testing.T, content string) {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(ubuntuPro, content))
		if err != nil {
			require.Zero(t, facts)
			return
		}
		require.LessOrEqual(t, len(facts.Problems), 1)
		if facts.OS == nil {
			return
		}
		require.NotEmpty(t, facts.OS.ProServices)
		for _, s := range facts.OS.ProServices {
			require.True(t, isService(s), s)
		}
		require.Equal(t, facts.OS.ProServices, Merge([]inventory.OS{*facts.OS}).ProServices)
	})
}
