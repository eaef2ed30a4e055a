package flatpak

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/extract/extracttest"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const (
	appPath     = "var/lib/flatpak/app/org.example.Demo/x86_64/stable/8f85e68f/deploy"
	runtimePath = "var/lib/flatpak/runtime/org.example.Platform/x86_64/23.08/dd8a21c8/deploy"
)

func app() inventory.Package {
	return inventory.Package{
		Type: "flatpak", Name: "org.example.Demo", Version: "2.10.38", Arch: "x86_64", Vendor: "demo",
		Licenses: []string{"GPL-3.0-or-later"}, Requires: []string{"org.example.Platform"},
	}
}

// container writes the members, each aligned to a multiple of 8, and the
// framing offsets of those that count says, in reverse order if tuple is true.
func container(members []string, count int, tuple bool) string {
	var b strings.Builder
	var ends []int
	for _, m := range members {
		b.WriteString(strings.Repeat("\x00", align(b.Len())-b.Len()))
		b.WriteString(m)
		ends = append(ends, b.Len())
	}
	width := 1
	for _, w := range []int{2, 4} {
		if b.Len()+count*width > 1<<(8*width)-1 {
			width = w
		}
	}
	for i := range count {
		end := ends[i]
		if tuple {
			end = ends[count-1-i]
		}
		b.WriteString(string(binary.LittleEndian.AppendUint32(nil, uint32(end))[:width]))
	}
	return b.String()
}

// entry writes a named value of the given type.
func entry(key, value, kind string) string {
	return container([]string{key + "\x00", value + "\x00" + kind}, 1, true)
}

// deploy writes a deploy file. The first two members are strings, which are
// not aligned, so that they are one for container, and their ends come last.
func deploy(origin string, entries ...string) string {
	head := origin + "\x00" + "commit\x00"
	values := container(entries, len(entries), false)
	b := head + strings.Repeat("\x00", align(len(head))-len(head)) + "\x00\x00\x00\x00\x00\x00\x00\x08" + values
	width := 1
	for _, w := range []int{2, 4} {
		if len(b)+3*width > 1<<(8*width)-1 {
			width = w
		}
	}
	for _, end := range []int{len(head), len(head), len(origin) + 1} {
		b += string(binary.LittleEndian.AppendUint32(nil, uint32(end))[:width])
	}
	return b
}

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "flatpak", 1)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		appPath:     true,
		runtimePath: true,
		"home/u/.local/share/flatpak/app/org.gimp.GIMP/x86_64/stable/0f/deploy":            true,
		"var/lib/flatpak/app/org.gimp.GIMP/x86_64/stable/0f/metadata":                      false,
		"var/lib/flatpak/app/org.gimp.GIMP/x86_64/stable/0f/files/share/app-info/x/deploy": false,
		"var/lib/flatpak/repo/config":                                                      false,
	})
}

func TestExtractFixtures(t *testing.T) {
	platform := inventory.Package{Type: "flatpak", Name: "org.example.Platform", Version: "23.08", Arch: "x86_64", Vendor: "demo"}
	for _, tt := range []struct {
		fixture, path string
		want          inventory.Package
	}{{"app.deploy", appPath, app()}, {"runtime.deploy", runtimePath, platform}} {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(tt.path, extracttest.Fixture(t, "flatpak-1.14", tt.fixture)))
		require.NoError(t, err, tt.fixture)
		assert.Equal(t, inventory.Facts{Packages: []inventory.Package{tt.want}}, facts, tt.fixture)
	}
}

func TestExtract(t *testing.T) {
	version, license := entry("appdata-version", "2.10.38\x00", "s"), entry("appdata-license", "GPL-3.0-or-later\x00", "s")
	runtime := entry("runtime", "org.example.Platform/x86_64/23.08\x00", "s")
	other := entry("deploy-version", "\x04\x00\x00\x00", "i")
	long := entry("appdata-summary", strings.Repeat("x", 300)+"\x00", "s")
	huge := entry("appdata-summary", strings.Repeat("x", 70_000)+"\x00", "s")
	bare := inventory.Package{Type: "flatpak", Name: "org.example.Demo", Version: "2.10.38", Arch: "x86_64", Vendor: "demo"}
	platform := inventory.Package{Type: "flatpak", Name: "org.example.Platform", Version: "23.08", Arch: "x86_64"}
	said := platform
	said.Vendor, said.Version = "r", "freedesktop-sdk-23.08.14"
	one := func(p inventory.Package, problems ...string) inventory.Facts {
		return inventory.Facts{Packages: []inventory.Package{p}, Problems: problems}
	}
	small := deploy("demo", version, license) // ends in the ends of two values and of three members
	platformOf := func(origin string) inventory.Package {
		p := platform
		p.Vendor = origin
		return p
	}
	whole := deploy("demo", other, version, license, runtime)
	tests := []struct {
		name, path, content string
		want                inventory.Facts
	}{
		{"an application", appPath, whole, one(app())},
		{"two bytes for an offset", appPath, deploy("demo", long, version, license, runtime), one(app())},
		{"four bytes for an offset", appPath, deploy("demo", huge, version, license, runtime), one(app())},
		{"a version alone", appPath, deploy("demo", version), one(bare)},
		{"a second version", appPath, deploy("demo", version, entry("appdata-version", "9\x00", "s")), one(bare)},
		{"a runtime that says its version", runtimePath, deploy("r", entry("appdata-version", "freedesktop-sdk-23.08.14\x00", "s")), one(said)},

		{"no version", appPath, deploy("demo", license), inventory.Facts{Problems: []string{`package "org.example.Demo" has no version; its branch is "stable"`}}},
		{"a version that is a number", appPath, deploy("demo", entry("appdata-version", "\x01\x00\x00\x00", "i")), inventory.Facts{Problems: []string{`package "org.example.Demo" has no version; its branch is "stable"`}}},
		{"no values", appPath, deploy("demo"), inventory.Facts{Problems: []string{`package "org.example.Demo" has no version; its branch is "stable"`}}},

		// Damage must not hide a package.
		{"empty", runtimePath, "", one(platform, `the deployment of "org.example.Platform" is not understood: it is no GVariant of the right type`)},
		{"empty application", appPath, "", inventory.Facts{Problems: []string{
			`the deployment of "org.example.Demo" is not understood: it is no GVariant of the right type`,
			`package "org.example.Demo" has no version; its branch is "stable"`,
		}}},
		{"cut off", runtimePath, whole[:len(whole)-20], one(platform, `the deployment of "org.example.Platform" is not understood: it is no GVariant of the right type`)},
		{"text", runtimePath, strings.Repeat("x", 200), one(platform, `the deployment of "org.example.Platform" is not understood: it is no GVariant of the right type`)},
		{"an empty value", appPath, deploy("demo", "", version), one(bare, `the deployment of "org.example.Demo" is not understood: value 0 has no name`)},
		{"a name that does not end", appPath, deploy("demo", container([]string{"abc", "x\x00s"}, 1, true), version), one(bare, `the deployment of "org.example.Demo" is not understood: value 0 has no name`)},
		{"a name too long", appPath, deploy("demo", "a\x00\x09", version), one(bare, `the deployment of "org.example.Demo" is not understood: value 0 has no name`)},
		{"a name and no value", appPath, deploy("demo", "a\x00\x02", version), one(bare, `the deployment of "org.example.Demo" is not understood: value 0 has no name`)},
		{"the end of a value out of bounds", runtimePath, small[:len(small)-5] + "\xff" + small[len(small)-4:], one(platformOf("demo"), `the deployment of "org.example.Platform" is not understood: value 0 is out of bounds`)},
	}
	for _, tt := range tests {
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(tt.path, tt.content))
		require.NoErrorf(t, err, "Extract, %s", tt.name)
		assert.Equalf(t, tt.want, got, "Extract, %s", tt.name)
	}
}

func TestExtractErrors(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	broken := errors.New("the layer ends here")
	tests := []struct {
		name, path string
		ctx        context.Context
		content    io.Reader
		is         error
		text       string
	}{
		{"canceled", appPath, canceled, strings.NewReader(""), context.Canceled, ""},
		{"read error", appPath, t.Context(), iotest.ErrReader(broken), broken, ""},
		{"a file without end", appPath, t.Context(), extracttest.Endless("x"), inventory.ErrTooLarge, "more than 4194304 bytes"},
		{"another path", "app/x/deploy", t.Context(), strings.NewReader(""), nil, "the path is not that of a deployment"},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(tt.ctx, inventory.NewFile(tt.path, 0o644, 1, tt.content, nil))
		require.Errorf(t, err, "Extract, %s", tt.name)
		if tt.is != nil {
			assert.ErrorIsf(t, err, tt.is, "Extract, %s", tt.name)
		}
		assert.ErrorContainsf(t, err, tt.text, "Extract, %s", tt.name)
		assert.Zerof(t, facts, "Extract, %s", tt.name)
	}
}

func FuzzExtract(f *testing.F) {
	f.Add(extracttest.Fixture(f, "flatpak-1.14", "app.deploy"))
	f.Add(extracttest.Fixture(f, "flatpak-1.14", "runtime.deploy"))
	f.Add(deploy("a", entry("runtime", "/\x00", "s"), "", "x\x00\x02"))
	f.Fuzz(func(t *testing.T, content string) {
		for _, p := range []string{appPath, runtimePath} {
			facts, err := Extractor{}.Extract(t.Context(), extracttest.File(p, content))
			extracttest.Check(t, facts, err)
			require.NoError(t, err)
			require.NotZero(t, len(facts.Packages)+len(facts.Problems), "a deployment is never passed over")
			for _, pkg := range facts.Packages {
				require.True(t, p == runtimePath || strings.Contains(content, pkg.Version))
				require.NotEmpty(t, pkg.Version)
			}

			// The same again when the file comes in small pieces.
			again, err := Extractor{}.Extract(t.Context(), inventory.NewFile(p, 0o644, 0, iotest.OneByteReader(strings.NewReader(content)), nil))
			require.NoError(t, err)
			require.True(t, reflect.DeepEqual(facts, again))
		}
	})
}

func BenchmarkExtract(b *testing.B) {
	var entries []string
	for i := range 40 { // a summary in 40 languages
		entries = append(entries, entry("appdata-summary-"+strconv.Itoa(i), strings.Repeat("x", 60)+"\x00", "s"))
	}
	content := deploy("flathub", append(entries, entry("appdata-version", "1\x00", "s"))...)
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), extracttest.File(appPath, content))
		if err != nil || len(facts.Packages) != 1 {
			b.Fatal(facts, err)
		}
	}
}
