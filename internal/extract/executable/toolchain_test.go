package executable

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
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

// join returns what the files of an image tell of installations of Go, as
// "path: name version platforms", sorted.
func join(t *testing.T, files map[string]string) []string {
	t.Helper()
	data := map[string][]byte{}
	for name, content := range files {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(name, content))
		require.NoError(t, err)
		if len(facts.Data) > 0 {
			data[name] = facts.Data
		}
	}
	joined, err := Extractor{}.Join(t.Context(), data)
	require.NoError(t, err)
	var out []string
	for name, facts := range joined {
		assert.Empty(t, facts.Problems)
		for _, p := range facts.Packages {
			assert.Equal(t, "golang", p.Type)
			out = append(out, fmt.Sprintf("%s: %s %s %s", name, p.Name, p.Version, p.Platforms))
		}
	}
	slices.Sort(out)
	return out
}

func TestToolchainVersionFile(t *testing.T) {
	tool := func(release, platform string) string {
		return string(goProgram(goBlobOf("go"+release, "path\tcmd/x\n"+platform)))
	}
	const linux, wasm = "build\tGOOS=linux\nbuild\tGOARCH=arm64\n", "build\tGOOS=js\nbuild\tGOARCH=wasm\n"
	both := func(file, rest string) []string {
		return []string{file + ": stdlib " + rest, file + ": toolchain " + rest}
	}
	const file = "usr/local/go/VERSION"
	for name, tt := range map[string]struct {
		files map[string]string
		want  []string
	}{
		"an old one":   {map[string]string{file: "go1.17.13"}, both(file, "1.17.13 []")},
		"a beta":       {map[string]string{file: "go1.16beta1\n"}, both(file, "1.16beta1 []")},
		"with a time":  {map[string]string{file: "go1.22.1\ntime 2024-02-29T18:18:48Z\n"}, both(file, "1.22.1 []")},
		"other text":   {map[string]string{file: "1.17.13", "app/VERSION": "go1.17.13 with patches", "VERSION": ""}, nil},
		"its programs": {map[string]string{file: "go1.22.1", "usr/local/go/bin/go": tool("1.22.1", linux), "usr/local/go/pkg/tool/linux_arm64/x": tool("1.22.1", linux)}, both(file, "1.22.1 [linux/arm64]")},
		"two platforms": {
			map[string]string{file: "go1.22.1", "usr/local/go/bin/go": tool("1.22.1", linux), "usr/local/go/bin/js_wasm/go": tool("1.22.1", wasm)},
			both(file, "1.22.1 [js/wasm linux/arm64]"),
		},
		"a program that does not tell": {map[string]string{file: "go1.22.1", "usr/local/go/bin/go": tool("1.22.1", linux), "usr/local/go/bin/gofmt": tool("1.22.1", "")}, both(file, "1.22.1 []")},
		"another release":              {map[string]string{file: "go1.22.1", "usr/local/go/bin/go": tool("1.22.2", linux)}, both(file, "1.22.1 []")},
		"programs elsewhere":           {map[string]string{file: "go1.22.1", "usr/bin/go": tool("1.22.1", linux), "usr/local/gone/bin/go": tool("1.22.1", linux)}, both(file, "1.22.1 []")},
		"no installation":              {map[string]string{"usr/bin/go": tool("1.22.1", linux)}, nil},
		"two of them":                  {map[string]string{"a/VERSION": "go1.20", "b/VERSION": "go1.21", "b/bin/go": tool("1.21", linux)}, append(both("a/VERSION", "1.20 []"), both("b/VERSION", "1.21 [linux/arm64]")...)},
		"in the root":                  {map[string]string{"VERSION": "go1.20", "bin/go": tool("1.20", linux)}, both("VERSION", "1.20 [linux/arm64]")},
	} {
		assert.Equal(t, tt.want, join(t, tt.files), name)
	}
	_, err := Extractor{}.Join(t.Context(), map[string][]byte{"VERSION": []byte("x")})
	assert.ErrorContains(t, err, `data of "VERSION"`)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Extractor{}.Join(ctx, map[string][]byte{"VERSION": []byte("{}")})
	assert.ErrorIs(t, err, context.Canceled)
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
