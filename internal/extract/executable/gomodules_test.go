package executable

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/objfile/objfiletest"
	"github.com/imagevet/imagevet/version"
)

func newZlib(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }

func TestGoRelease(t *testing.T) {
	for text, want := range map[string]string{
		"go1.21.3":                        "1.21.3",
		"go1.21":                          "1.21",
		"go1.21rc2":                       "1.21rc2",
		"go1.9beta1":                      "1.9beta1",
		"go1.20.5 X:boringcrypto":         "1.20.5",
		"go1.22.1-fips":                   "1.22.1",
		"go1.22.1-custom":                 "1.22.1",
		"go1.22rc1-custom":                "1.22rc1",
		"go1.22rc":                        "1.22",
		"go1.22.9 (Red Hat 1.22.9-2.el9)": "1.22.9",
		"go1.23.":                         "1.23",
		"devel go1.23-4c50f9162c":         "",
		"devel +abcdef":                   "",
		"go":                              "",
		"gotip":                           "",
		"":                                "",
	} {
		got, ok := goRelease(text)
		assert.Equalf(t, want, got, "goRelease(%q)", text)
		assert.Equalf(t, want != "", ok, "goRelease(%q)", text)
		if ok {
			_, err := version.Compare(version.Golang, got, "1.21.0")
			assert.NoErrorf(t, err, "%q can be compared", got)
		}
	}
}

func TestMainVersion(t *testing.T) {
	const revision = "0123456789abcdef0123456789abcdef01234567"
	commit := map[string]string{"vcs.revision": revision, "vcs.time": "2024-03-01T13:00:00+01:00"}
	flags := func(text string) map[string]string { return map[string]string{"-ldflags": text} }
	const pseudo = "v0.0.0-20240301120000-0123456789ab"
	tests := []struct {
		name, path, version string
		settings            map[string]string
		want                string
	}{
		{"a tag", "example.com/a", "v1.2.3", flags("-X main.version=v9.9.9"), "v1.2.3"},
		{"a tag and changes", "example.com/a", "v1.2.3+dirty", nil, "v1.2.3"},
		{"a tag, incompatible, and changes", "example.com/a", "v2.0.0+incompatible.dirty", nil, "v2.0.0+incompatible"},
		{"a pre-release", "example.com/a", "v1.2.3-rc.1", nil, "v1.2.3-rc.1"},
		{"a commit and what the builder states", "example.com/a", pseudo, flags("-X main.version=v1.2.3"), "v1.2.3"},
		{"a commit after a tag and what the builder states", "example.com/a", "v1.2.4-0.20240301120000-0123456789ab+dirty", flags("-X main.version=v1.2.3"), "v1.2.3"},
		{"a commit", "example.com/a", pseudo + "+dirty", flags("-X main.version=dev"), pseudo},
		{"a folder of which the commit is known", "example.com/a", "(devel)", commit, pseudo},
		{"and the major version", "example.com/a/v3", "(devel)", commit, "v3" + pseudo[2:]},
		{"a folder", "example.com/a", "(devel)", nil, ""},
		{"nothing", "example.com/a", "", nil, ""},
		{"a commit that is none", "example.com/a", "", map[string]string{"vcs.revision": "0123456789xyz", "vcs.time": "2024-03-01T13:00:00Z"}, ""},
		{"a commit that is short", "example.com/a", "", map[string]string{"vcs.revision": "0123", "vcs.time": "2024-03-01T13:00:00Z"}, ""},
		{"a commit of no time", "example.com/a", "", map[string]string{"vcs.revision": revision, "vcs.time": "today"}, ""},

		{"no v", "example.com/a", "", flags("-s -w -X main.version=1.2.3 -X main.date=2024"), "v1.2.3"},
		{"quotes", "example.com/a", "", flags(`-w '-X' "main.Version=v1.2.3-beta"`), "v1.2.3-beta"},
		{"quotes in the value", "example.com/a", "", flags(`-X main.version="1.2.3"`), "v1.2.3"},
		{"an equals sign", "example.com/a", "", flags("--X=main.ver=1.2"), "v1.2"},
		{"changes since the tag", "example.com/a", "", flags("-X main.version=v1.2.3-14-gabcdef0-dirty"), "v1.2.3"},
		{"no version", "example.com/a", "", flags("-X main.version=dev -X main.commit=1.2.3 -X main -X"), ""},
		{"a value with no flag", "example.com/a", "", flags("main.version=1.2.3 -Xmain.version=1.2.3"), ""},
		{"a quote without end", "example.com/a", "", flags("-X 'main.version=1.2.3"), "v1.2.3"},
		{"a command comes first", "example.com/a", "", flags("-X main.version=1.0.0 -X example.com/a/cmd/x.version=2.0.0"), "v2.0.0"},
		{"its own package before another", "example.com/a", "", flags("-X example.com/a/version.Version=1.0.0 -X other.org/version.Version=2.0.0"), "v1.0.0"},
		{"any own package before another's", "example.com/a", "", flags("-X example.com/a/pkg/x.gitVersion=1.0.0 -X other.org/version.Version=2.0.0"), "v1.0.0"},
		{"a shared package", "example.com/a", "", flags("-X github.com/prometheus/common/version.Version=2.45.0 -X other.org/x.Version=1.0.0"), "v2.45.0"},
		{"the version of something else", "example.com/a", "", flags("-X k8s.io/client-go/pkg/version.gitVersion=v1.29.0"), ""},
		{"contradictions", "example.com/a", "", flags("-X main.version=1.0.0 -X main.Version=2.0.0 -X other.org/x.Version=2.0.0"), ""},
		{"twice the same", "example.com/a", "", flags("-X main.version=1.0.0 -X main.Version=v1.0.0"), "v1.0.0"},
	}
	for _, tt := range tests {
		text := "path\t" + tt.path + "/cmd/x\nmod\t" + tt.path + "\t" + tt.version + "\t\n"
		m := parseModules(text)
		for key, value := range tt.settings {
			m.setting(key + "=" + value)
		}
		assert.Equalf(t, tt.want, m.mainVersion(), "%s", tt.name)
	}
}

func TestSettings(t *testing.T) {
	m := parseModules("build\t-ldflags=\"-X \\\"main.version=1.0.0\\\"\"\nbuild\t-ldflags=x\nbuild\tGOOS=linux\nbuild\tnonsense\n")
	assert.Equal(t, map[string]string{"-ldflags": `-X "main.version=1.0.0"`, "GOOS": "linux"}, m.settings)
	assert.Empty(t, m.bad)
	assert.Empty(t, m.platforms(), "half of it")
}

func TestPlatforms(t *testing.T) {
	for _, tt := range []struct {
		settings string
		want     []string
	}{
		{"build\tGOOS=linux\nbuild\tGOARCH=arm64\n", []string{"linux/arm64"}},
		{"build\tGOARCH=amd64\nbuild\tGOOS=windows\nbuild\tGOOS=linux\n", []string{"windows/amd64"}},
		{"build\tGOOS=linux\nbuild\tGOARCH=\n", nil},
		{"build\tGOOS=linux/x\nbuild\tGOARCH=amd64\n", nil},
	} {
		text := "path\ta.example/x\nmod\ta.example/x\tv1.0.0\ndep\ta.example/y\tv2.0.0\n" + tt.settings
		facts, err := Extractor{}.Extract(t.Context(), seekable(goProgram(goBlobOf("go1.25.1", text))))
		require.NoError(t, err)
		require.Len(t, facts.Packages, 3)
		for _, p := range facts.Packages { // the main module, another, and stdlib
			assert.Equal(t, tt.want, p.Platforms, "%s, %q", p.Name, tt.settings)
		}
	}
}

func TestTooManyModules(t *testing.T) {
	text := "path\texample/x\n" + strings.Repeat("dep\ta\tv1\n", maxModules+1)
	m := parseModules(text)
	assert.Len(t, m.deps, maxModules)
	assert.True(t, m.tooMany)
	facts, err := Extractor{}.Extract(t.Context(), seekable(goProgram(goBlobOf("go1.21", text))))
	require.NoError(t, err)
	assert.Equal(t, []string{"Go's build information lists more than 20000 modules"}, facts.Problems)
	assert.Len(t, facts.Packages, 2, "each once")
}

// oldGoProgram returns a program in the form that Go wrote before 1.18: texts,
// then build information with pointers, then the string headers.
func oldGoProgram(order binary.ByteOrder, size int, version, modules string, versionAt, modulesAt uint64) []byte {
	text := make([]byte, 0x40)
	copy(text, version+"then other text")
	framed := goModStart + modules + goModEnd
	text = append(text, framed...)
	pointer := func(b []byte, v uint64) []byte {
		if size == 4 {
			return binary.BigEndian.AppendUint32(b, uint32(v)) // swapped below
		}
		return binary.BigEndian.AppendUint64(b, v)
	}
	data := append([]byte(goMagic), byte(size), 1)
	if order == binary.LittleEndian {
		data[15] = 0
	}
	var numbers []byte
	for _, v := range []uint64{0x8020, 0x8040} {
		numbers = pointer(numbers, v)
	}
	numbers = append(numbers, make([]byte, 16-2*size)...)
	headers := pointer(pointer(nil, versionAt), uint64(len(version)))
	headers = append(headers, make([]byte, 0x20-len(headers))...)
	headers = pointer(pointer(headers, modulesAt), uint64(len(framed)))
	numbers = append(numbers, headers...)
	if order == binary.LittleEndian {
		for i := 0; i+size <= len(numbers); i += size {
			for a, b := i, i+size-1; a < b; a, b = a+1, b-1 {
				numbers[a], numbers[b] = numbers[b], numbers[a]
			}
		}
	}
	return objfiletest.ELF(objfiletest.File{Order: order, Is32: size == 4, Parts: []objfiletest.Part{
		{Addr: 0x1000, Data: text},
		{Addr: 0x8000, Data: append(data, numbers...), Writable: true},
	}})
}

func TestOldGo(t *testing.T) {
	const modules = "path\texample/x\ndep\ta.org/a\tv1.0.0\n"
	const unclear = "Go's build information: the version of Go cannot be told"
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		for _, size := range []int{4, 8} {
			tests := []struct {
				name                 string
				release              string
				problem              string
				versionAt, modulesAt uint64
			}{
				{"pointers", "1.15.2", "", 0x1000, 0x1040},
				{"a list that only its frame tells", "1.15.2", "", 0x1000, 0},
				{"a version that nothing tells", "", unclear, 0, 0x1040},
				{"a version of which the place is another", "", `Go's version "o1.15.2t" is no release`, 0x1001, 0x1040},
			}
			for _, tt := range tests {
				data := oldGoProgram(order, size, "go1.15.2", modules, tt.versionAt, tt.modulesAt)
				for how, f := range map[string]bool{"seekable": true, "stream": false} {
					file := seekable(data)
					if !f {
						file = streamed(data, true)
					}
					facts, err := Extractor{}.Extract(t.Context(), file)
					require.NoError(t, err)
					var names []string
					for _, p := range facts.Packages {
						names = append(names, p.Name+"@"+p.Version)
					}
					want := []string{"a@v1.0.0"}
					if tt.release != "" {
						want = append(want, "stdlib@"+tt.release)
					}
					assert.Equalf(t, want, names, "%s, %s, %v, %d", tt.name, how, order, size)
					assert.Equalf(t, tt.problem, strings.Join(facts.Problems, "\n"), "%s, %s", tt.name, how)
				}
			}
		}
	}
}

// TestGoStreamWindows holds that the place of the build information relative
// to the pieces that are read makes no difference.
func TestGoStreamWindows(t *testing.T) {
	modules := "path\texample/x\n" + strings.Repeat("dep\ta.org/a\tv1.0.0\n", 100)
	blob := goBlobOf("go1.21.3", modules)
	for at := (chunk - 2*goLead) &^ 15; at < chunk+goLead; at += 16 {
		data := goProgram(append(make([]byte, at), blob...))
		for how, file := range map[string]bool{"seekable": true, "stream": false} {
			f := seekable(data)
			if !file {
				f = streamed(data, false)
			}
			facts, err := Extractor{}.Extract(t.Context(), f)
			require.NoError(t, err)
			require.Lenf(t, facts.Packages, 2, "%s, %d bytes before: %q", how, at, facts.Problems)
			require.Empty(t, facts.Problems)
		}
	}
	// And that of what has passed in old programs: first the version, then the
	// end of a list that nothing but its frame tells.
	for pad := chunk - 2300; pad < chunk+20; pad += 7 {
		modulesAt := 0x10_0040 + uint64(pad)
		if pad < chunk-1000 {
			modulesAt = 0
		}
		text := bytes.Repeat([]byte("x"), pad)
		m := oldGoProgram(binary.LittleEndian, 8, "go1.15.2", modules, 0x10_0000+uint64(pad), modulesAt)
		// Put the padding before the texts.
		const header = 64 + 2*56
		shift := uint64(len(text)+15) &^ 15
		text = append(text, make([]byte, int(shift)-len(text))...)
		data := append(append(bytes.Clone(m[:header]), text...), m[header:]...)
		binary.LittleEndian.PutUint64(data[64+8:], header+shift-uint64(pad))
		binary.LittleEndian.PutUint64(data[64+16:], 0x10_0000) // clear of the data
		binary.LittleEndian.PutUint64(data[64+32:], uint64(pad)+0x40+uint64(len(modules))+32)
		at := 64 + 56 + 8
		binary.LittleEndian.PutUint64(data[at:], binary.LittleEndian.Uint64(data[at:])+shift)
		binary.LittleEndian.PutUint64(data[40:], 0)
		facts, err := Extractor{}.Extract(t.Context(), seekable(data))
		require.NoError(t, err)
		require.Lenf(t, facts.Packages, 2, "%d: %q", pad, facts.Problems)
		require.Empty(t, facts.Problems)
	}
}
