package detect_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/internal/codec/codectest"
	"github.com/imagevet/imagevet/internal/codec/detect"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// open decodes a document that another tool wrote.
func open(t *testing.T, file string) *inventory.BOM {
	t.Helper()
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	b, err := detect.Decode(f, codec.DefaultLimits())
	require.NoError(t, err, file)
	return b
}

// documents are those of other tools on one image, by tool and name.
func documents(t *testing.T, image string) map[string]*inventory.BOM {
	t.Helper()
	files, err := filepath.Glob(codectest.Testdata("foreign", "*", "*"+image+".*"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	out := map[string]*inventory.BOM{}
	for _, file := range files {
		name := filepath.Base(filepath.Dir(file)) + "/" + filepath.Base(file)
		out[name] = open(t, file)
	}
	return out
}

// identity is what advisories are looked up by. Whether a source has its
// package's epoch is not the same everywhere: the file name of a source rpm,
// which is what the database records, has none.
func identity(p *inventory.Package) string {
	if _, rest, ok := strings.Cut(p.Source.Version, ":"); ok && p.Type == "rpm" {
		p.Source.Version = rest
	}
	return fmt.Sprintf("%s %s/%s %s from %s %s", p.Type, p.Namespace, p.Name, p.Version, p.Source.Name, p.Source.Version)
}

// TestForeignDocumentsAgree compares what tools and formats say of the same
// image.
func TestForeignDocumentsAgree(t *testing.T) {
	tests := []struct {
		image    string
		packages int
		os       inventory.OS
		// differ are packages that not all tools list.
		differ []string
	}{
		{"alpine-3.10", 14, inventory.OS{ID: "alpine", Version: "3.10.4"}, nil},
		{"rocky9-small", 24, inventory.OS{ID: "rocky", Version: "9.2"}, nil},
		{"debian12-apps", 29, inventory.OS{ID: "debian", Version: "12.15"}, []string{"golang /stdlib 1.26.8 from  ", "golang /stdlib v1.26.8 from  "}},
	}
	for _, tt := range tests {
		all := documents(t, tt.image)
		count := map[string]int{}
		for name, b := range all {
			assert.Equal(t, tt.os.ID, b.OS.ID, name)
			assert.Equal(t, tt.os.Version, b.OS.Version, name)
			assert.Len(t, b.Packages, tt.packages, name)
			assert.Empty(t, b.Problems, name)
			for i := range b.Packages {
				p := &b.Packages[i]
				count[identity(p)]++
				if !strings.Contains(name, "trivy") && !strings.Contains(name, "intoto") {
					assert.NotEmptyf(t, p.Paths, "%s: %s", name, p.Name)
				}
			}
		}
		for _, id := range slices.Sorted(maps.Keys(count)) {
			if count[id] != len(all) && !slices.Contains(tt.differ, id) {
				assert.Failf(t, "not in all documents", "%s: %q in %d of %d", tt.image, id, count[id], len(all))
			}
		}
	}
}

// TestForeignProject has cdxgen's documents on a project of npm.
func TestForeignProject(t *testing.T) {
	for name, b := range documents(t, "npm-project") {
		var names []string
		for _, p := range b.Packages {
			names = append(names, p.Namespace+"/"+p.Name+"@"+p.Version)
			assert.Equal(t, "npm", p.Type, name)
		}
		assert.Equal(t, []string{ // that the document is about among them
			"/debug@4.3.4", "/lru-cache@6.0.0", "/ms@2.1.2", "/semver@7.5.1", "/small-app@1.2.0", "/yallist@4.0.0", "@types/ms@0.7.31",
		}, names, name)
		assert.Equal(t, "small-app", b.Target.Name, name)
	}
}
