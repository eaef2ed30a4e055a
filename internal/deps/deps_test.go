package deps

import (
	"encoding/json"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/imagevet/imagevet"

// A goPackage is what "go list -json" says of a package.
type goPackage struct {
	ImportPath string
	Standard   bool
	Imports    []string
	Deps       []string
	CgoFiles   []string
	Module     *struct{ Path string }
}

// list returns all packages that the module's packages link, by path.
func list(t *testing.T) map[string]goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Standard,Imports,Deps,CgoFiles,Module", module+"/...")
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0")
	out, err := cmd.Output()
	require.NoError(t, err)
	packages := map[string]goPackage{}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		err := dec.Decode(&p)
		if err == io.EOF {
			return packages
		}
		require.NoError(t, err)
		packages[p.ImportPath] = p
	}
}

// TestImportsWithinTheModule holds the packages against the architecture:
// arrows go one way.
func TestImportsWithinTheModule(t *testing.T) {
	allowed := map[string][]string{ // beyond internal packages
		"":                    nil,
		"version":             nil,
		"cvss":                nil,
		"sbom/inventory":      nil,
		"sbom":                {"sbom/inventory"},
		"scan/image":          {"sbom/inventory", "scan/image/registry"},
		"scan/image/registry": nil,
		"vulndb":              {"version", "cvss", "sbom/inventory"},
		"vulndb/oci":          {"vulndb", "scan/image", "scan/image/registry", "sbom/inventory"},
		"scan":                {"version", "cvss", "sbom", "sbom/inventory", "scan/image", "scan/image/registry", "scan/ignore", "scan/vex", "vulndb"},
		"scan/ignore":         nil,
		"scan/policy":         {"scan", "cvss", "vulndb"},
		"scan/vex":            {"sbom/inventory", "version"},
		"scan/report":         {"scan", "scan/vex", "sbom", "cvss", "vulndb"},
	}
	for path, p := range list(t) {
		if p.Module == nil || p.Module.Path != module {
			continue
		}
		name := strings.TrimPrefix(strings.TrimPrefix(path, module), "/")
		for _, imported := range p.Imports {
			to, ok := strings.CutPrefix(imported, module+"/")
			if !ok {
				continue
			}
			switch {
			case strings.HasPrefix(name, "examples/"):
				own := strings.HasPrefix(to, "examples/")
				assert.Falsef(t, !own && strings.HasPrefix(to, "internal/"), "%s imports %s: examples use the public API", name, to)
			case strings.HasPrefix(name, "internal/"):
				public := to == "sbom/inventory" || to == "version" || to == "cvss" || to == "scan/image/registry"
				assert.Truef(t, public || strings.HasPrefix(to, "internal/"), "%s imports %s", name, to)
			case strings.HasPrefix(to, "internal/"):
			default:
				list, known := allowed[name]
				assert.Truef(t, known, "package %q is not in the list", name)
				assert.Truef(t, slices.Contains(list, to), "%s imports %s", name, to)
			}
		}
	}
}

// TestModulesOfEachPackage lists the modules that a program links with each
// public package.
func TestModulesOfEachPackage(t *testing.T) {
	const (
		compress = "github.com/klauspost/compress"
		sync     = "golang.org/x/sync"
		purl     = "github.com/package-url/packageurl-go"
		cdx      = "github.com/CycloneDX/cyclonedx-go"
		spdx     = "github.com/github/go-spdx/v2"
		spdx2    = "github.com/spdx/tools-golang"
		convert  = "github.com/anchore/go-struct-converter" // of tools-golang
		toml     = "github.com/BurntSushi/toml"
		yaml     = "go.yaml.in/yaml/v3"
		gomod    = "golang.org/x/mod"
		semver   = "github.com/aquasecurity/go-version"
		xerrors  = "golang.org/x/xerrors" // of go-version
		ggcr     = "github.com/google/go-containerregistry"
	)
	registry := []string{ // of go-containerregistry's client, and of rules for mirrors
		toml, ggcr, "github.com/docker/cli", "github.com/docker/docker-credential-helpers", "github.com/opencontainers/go-digest",
		"github.com/opencontainers/image-spec", "github.com/sirupsen/logrus", "golang.org/x/sys", compress, sync,
	}
	want := map[string][]string{
		"version":             {semver, xerrors},
		"cvss":                {},
		"sbom/inventory":      {},
		"sbom":                {compress, sync, purl, cdx, spdx, spdx2, convert, toml, yaml, gomod},
		"scan/image":          registry,
		"scan/image/registry": registry,
		"vulndb":              {semver, xerrors, sync, compress},
		"vulndb/oci":          append([]string{semver, xerrors}, registry...),
		"scan":                append([]string{purl, cdx, spdx, spdx2, convert, toml, yaml, gomod, semver, xerrors}, registry...),
		"scan/ignore":         {purl, yaml},
		"scan/vex":            {purl, semver, xerrors},
		"scan/policy":         append([]string{purl, cdx, spdx, spdx2, convert, toml, yaml, gomod, semver, xerrors}, registry...),
		"scan/report":         append([]string{purl, cdx, spdx, spdx2, convert, toml, yaml, gomod, semver, xerrors}, registry...),
	}
	packages := list(t)
	for name, allowed := range want {
		linked := map[string]bool{}
		for _, dep := range packages[module+"/"+name].Deps {
			p := packages[dep]
			assert.Emptyf(t, p.CgoFiles, "%s links %s, which uses cgo", name, dep)
			if p.Module != nil && p.Module.Path != module {
				linked[p.Module.Path] = true
			}
		}
		for m := range linked {
			assert.Containsf(t, allowed, m, "%s links %s", name, m)
		}
		assert.LessOrEqualf(t, len(linked), 20, "%s", name)
	}
	assert.NotContains(t, packages[module+"/scan/report"].Deps, "github.com/stretchr/testify/assert", "testify is for tests")
}
