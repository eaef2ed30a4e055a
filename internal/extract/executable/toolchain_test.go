package executable

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/extract/extracttest"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// Go's own programs are the toolchain, beside the standard library in them.
func TestToolchain(t *testing.T) {
	const linux = "build\tGOOS=linux\nbuild\tGOARCH=arm64\n"
	for modules, want := range map[string]bool{
		"path\tcmd/go\n" + linux:                                    true,
		"path\tcmd/vendor/x\n" + linux:                              true,
		"path\tcmd/go\nmod\tcmd\t(devel)\t\n" + linux:               true,
		"path\tcmd/go\nmod\texample.com/a\tv1.0.0\t\n" + linux:      false,
		"path\tcmd/go\ndep\texample.com/a\tv1.0.0\n" + linux:        false,
		"path\texample.com/cmd/go\n" + linux:                        false,
		"path\tcommand-line-arguments\n" + linux:                    false,
		"path\tcmdgo\n" + linux:                                     false,
		"path\tgolang.org/x/tools/cmd/go\nmod\tx.org/y\t\n" + linux: false,
	} {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File("usr/local/go/bin/go", string(goProgram(goBlobOf("go1.22.1", modules)))))
		require.NoError(t, err)
		got := map[string]inventory.Package{}
		for _, p := range facts.Packages {
			got[p.Name] = p
		}
		assert.Contains(t, got, "stdlib", modules)
		tool, ok := got["toolchain"]
		assert.Equal(t, want, ok, modules)
		if want {
			assert.Equal(t, inventory.Package{Type: "golang", Name: "toolchain", Version: "1.22.1", Platforms: []string{"linux/arm64"}}, tool)
		}
	}
}

// Until Go 1.17 only the file VERSION tells of the toolchain.
func TestToolchainVersionFile(t *testing.T) {
	for content, want := range map[string][]string{
		"go1.17.13":                             {"generic go 1.17.13", "golang stdlib 1.17.13", "golang toolchain 1.17.13"},
		"go1.9\n":                               {"generic go 1.9", "golang stdlib 1.9", "golang toolchain 1.9"},
		"go1.16beta1":                           {"generic go 1.16beta1", "golang stdlib 1.16beta1", "golang toolchain 1.16beta1"},
		"go1.18":                                {"generic go 1.18"},
		"go1.22.1\ntime 2024-02-29T18:18:48Z\n": {"generic go 1.22.1"},
		"1.17.13":                               nil,
		"go1.17.13 with patches":                nil,
	} {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File("usr/local/go/VERSION", content))
		require.NoError(t, err)
		var got []string
		for _, p := range facts.Packages {
			got = append(got, strings.Join([]string{p.Type, p.Name, p.Version}, " "))
		}
		assert.Equal(t, want, got, content)
	}
}

// The program that runs these tests, as it is installed.
func TestToolchainReal(t *testing.T) {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Skip("no go command here")
	}
	name := filepath.Join(strings.TrimSpace(string(out)), "bin", "go")
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	f, err := os.Open(name)
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	info, err := f.Stat()
	require.NoError(t, err)
	facts, err := Extractor{}.Extract(t.Context(), inventory.NewFile("usr/local/go/bin/go", 0o755, info.Size(), f, nil))
	require.NoError(t, err)
	release, ok := goRelease(runtime.Version())
	if !ok {
		t.Skipf("%s is no release", runtime.Version())
	}
	platforms := []string{runtime.GOOS + "/" + runtime.GOARCH}
	assert.Equal(t, []inventory.Package{
		{Type: "golang", Name: "stdlib", Version: release, Platforms: platforms},
		{Type: "golang", Name: "toolchain", Version: release, Platforms: platforms},
	}, facts.Packages)
}
