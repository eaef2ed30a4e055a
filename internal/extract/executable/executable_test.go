package executable

import (
	"bytes"
	"compress/gzip"
	"context"
	"debug/buildinfo"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/extract/extracttest"
	"github.com/imagevet/imagevet/internal/objfile/objfiletest"
	"github.com/imagevet/imagevet/sbom/inventory"
)

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "executable", 3)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		"usr/bin/helm":           true,
		"usr/lib/libx.so":        true,
		"app/addon.node":         true,
		"app/program.exe":        true,
		"usr/lib/libx.so.1.2.3":  true,
		"usr/local/lib/y.dylib":  true,
		"usr/share/doc/x/README": true, // if it is executable, as here
	})
	var names []string
	for _, p := range (Extractor{}).Patterns() {
		if !p.Executable {
			names = append(names, p.Glob)
		}
	}
	assert.NotContains(t, names, "**/*", "without an execute bit it is the name that tells")
}

// fixture returns the content of a packed file below testdata.
func fixture(tb testing.TB, elem ...string) []byte {
	tb.Helper()
	z, err := gzip.NewReader(strings.NewReader(extracttest.Fixture(tb, elem...)))
	require.NoError(tb, err)
	data, err := io.ReadAll(z)
	require.NoError(tb, err)
	return data
}

// seekable returns a file that can be read in any order.
func seekable(data []byte) *inventory.File {
	return inventory.NewFile("bin/x", 0o755, int64(len(data)), bytes.NewReader(data), nil)
}

// streamed returns a file that can be read once, and may not be held in
// memory if held is false.
func streamed(data []byte, held bool) *inventory.File {
	return streamedFrom(bytes.NewReader(data), int64(len(data)), held)
}

func streamedFrom(r io.Reader, size int64, held bool) *inventory.File {
	p := &peekReader{r: r}
	return inventory.NewFile("bin/x", 0o755, size, p, func() (io.ReaderAt, error) {
		if !held {
			return nil, errors.New("the file is to be read as a stream")
		}
		data, err := io.ReadAll(p)
		return bytes.NewReader(data), err
	})
}

// A peekReader shows what it will read, as the reader of a layer does, and no
// other way to get at the content.
type peekReader struct {
	r    io.Reader
	head []byte
}

func (p *peekReader) Peek(n int) ([]byte, error) {
	if more := n - len(p.head); more > 0 {
		b := make([]byte, more)
		got, err := io.ReadFull(p.r, b)
		p.head = append(p.head, b[:got]...)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return p.head, err
		}
	}
	return p.head[:min(n, len(p.head))], nil
}

func (p *peekReader) Read(b []byte) (int, error) {
	if len(p.head) > 0 {
		n := copy(b, p.head)
		p.head = p.head[n:]
		return n, nil
	}
	return p.r.Read(b)
}

func TestGoFixtures(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "go", "*.gz"))
	require.NoError(t, err)
	require.Len(t, files, 10)
	for _, file := range files {
		name := filepath.Base(file)
		data := fixture(t, "go", name)
		want, err := buildinfo.Read(bytes.NewReader(data))
		require.NoError(t, err, name)
		release := strings.TrimPrefix(want.GoVersion, "go")
		require.True(t, strings.HasPrefix(name, "go"+release), "%s is of Go %s", name, release)

		wantFacts := inventory.Facts{Packages: []inventory.Package{
			{Type: "golang", Namespace: "github.com/google", Name: "uuid", Version: "v1.3.0"},
			{Type: "golang", Namespace: "golang.org/x", Name: "xerrors", Version: "v0.0.0-20191204190536-9bdfabe68543"},
			{Type: "golang", Name: "stdlib", Version: release},
		}}
		main := inventory.Package{
			Type: "golang", Namespace: "example.com/hello", Name: "v2", Version: "v1.2.3",
			Requires: []string{"github.com/google/uuid@v1.3.0", "golang.org/x/xerrors@v0.0.0-20191204190536-9bdfabe68543", "stdlib@" + release},
		}
		// Go records the linker's flags since 1.18.
		if strings.HasPrefix(release, "1.26") && !strings.Contains(name, "cshared") {
			wantFacts.Packages = append([]inventory.Package{main}, wantFacts.Packages...)
		} else {
			wantFacts.Ignored = 1
			wantFacts.Problems = []string{`main module "example.com/hello/v2" has no version`}
		}
		settings := map[string]string{}
		for _, s := range want.Settings {
			settings[s.Key] = s.Value
		}
		if goos := settings["GOOS"]; goos != "" {
			for i := range wantFacts.Packages {
				wantFacts.Packages[i].Platforms = []string{goos + "/" + settings["GOARCH"]}
			}
		}
		for how, f := range map[string]*inventory.File{
			"seekable": seekable(data),
			"stream":   streamed(data, false),
			"bytes":    streamedFrom(iotest.HalfReader(bytes.NewReader(data)), int64(len(data)), false),
		} {
			facts, err := Extractor{}.Extract(t.Context(), f)
			require.NoErrorf(t, err, "%s, %s", name, how)
			assert.Equalf(t, wantFacts, facts, "%s, %s", name, how)
		}
	}
}

func TestGoFixturesFat(t *testing.T) {
	a, b := fixture(t, "go", "go1.26.8-darwin-arm64.gz"), fixture(t, "go", "go1.15.15-darwin-amd64.gz")
	data := objfiletest.Fat(a, b, a)
	for _, f := range []*inventory.File{seekable(data), streamed(data, true)} {
		facts, err := Extractor{}.Extract(t.Context(), f)
		require.NoError(t, err)
		var names []string
		for _, p := range facts.Packages {
			names = append(names, p.Name+"@"+p.Version)
		}
		assert.Equal(t, []string{"v2@v1.2.3", "uuid@v1.3.0", "xerrors@v0.0.0-20191204190536-9bdfabe68543", "stdlib@1.26.8", "stdlib@1.15.15"}, names)
	}
}

func TestRustFixture(t *testing.T) {
	data := fixture(t, "rust", "hexyl.gz")
	for how, f := range map[string]*inventory.File{"seekable": seekable(data), "held": streamed(data, true)} {
		facts, err := Extractor{}.Extract(t.Context(), f)
		require.NoError(t, err, how)
		assert.Empty(t, facts.Problems, how)
		require.Len(t, facts.Packages, 18, how)
		assert.Equal(t, 12, facts.Ignored, "what was needed to build it")
		assert.Equal(t, inventory.Package{Type: "cargo", Name: "atty", Version: "0.2.14", Requires: []string{"libc@0.2.169"}}, facts.Packages[1])
		for _, p := range facts.Packages {
			for _, r := range p.Requires {
				assert.Truef(t, isPackage(facts.Packages, r), "%s requires %s", p.Name, r)
			}
		}
	}
}

// isPackage reports whether a list has NAME@VERSION.
func isPackage(list []inventory.Package, name string) bool {
	for _, p := range list {
		if p.Name+"@"+p.Version == name {
			return true
		}
	}
	return false
}

func TestNoteFixture(t *testing.T) {
	data := fixture(t, "note", "choom.gz")
	facts, err := Extractor{}.Extract(t.Context(), seekable(data))
	require.NoError(t, err)
	assert.Equal(t, inventory.Facts{Packages: []inventory.Package{{
		Type: "deb", Namespace: "debian", Name: "util-linux", Version: "2.41.5-0+deb13u1", Arch: "amd64",
		Source: inventory.Source{Name: "util-linux", Version: "2.41.5-0+deb13u1"},
	}}}, facts)
}

func TestGraalFixture(t *testing.T) {
	data := fixture(t, "graalvm", "libimage.so.gz")
	want := inventory.Facts{
		Packages: []inventory.Package{
			{
				Type: "maven", Namespace: "io.netty", Name: "netty-codec-http2", Version: "4.1.104.Final", Licenses: []string{"Apache-2.0"},
				Requires: []string{"io.netty/netty-common@4.1.104.Final"},
			},
			{Type: "maven", Namespace: "io.netty", Name: "netty-common", Version: "4.1.104.Final"},
		},
		Ignored: 1, // the application
	}
	for how, f := range map[string]*inventory.File{"seekable": seekable(data), "held": streamed(data, true)} {
		facts, err := Extractor{}.Extract(t.Context(), f)
		require.NoError(t, err, how)
		assert.Equal(t, want, facts, how)
	}
}

// goBlobOf returns build information in the inline form.
func goBlobOf(version, modules string) []byte {
	b := make([]byte, goHeader)
	copy(b, goMagic)
	b[14], b[15] = 8, goInline
	b = append(binary.AppendUvarint(b, uint64(len(version))), version...)
	if modules != "" {
		modules = goModStart + modules + goModEnd
	}
	return append(binary.AppendUvarint(b, uint64(len(modules))), modules...)
}

// goNote is the note of Go's linker.
var goNote = objfiletest.Part{Kind: 4, Data: []byte("\x04\x00\x00\x00\x04\x00\x00\x00\x04\x00\x00\x00Go\x00\x00abcd")}

// goProgram returns a program with the given data.
func goProgram(data []byte) []byte {
	return objfiletest.ELF(objfiletest.File{Parts: []objfiletest.Part{
		goNote,
		{Addr: 0x1000, Data: make([]byte, 100)},
		{Addr: 0x2000, Data: data, Writable: true},
	}})
}

func noteOf(owner string, kind uint32, content string) objfiletest.Part {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(owner)+1))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(content)))
	b = binary.LittleEndian.AppendUint32(b, kind)
	b = append(b, owner...)
	b = append(b, make([]byte, 4-len(owner)%4)...)
	b = append(b, content...)
	return objfiletest.Part{Kind: 4, Data: append(b, make([]byte, -len(b)&3)...)}
}

// elfOf returns a program of the given parts.
func elfOf(parts ...objfiletest.Part) []byte {
	return objfiletest.ELF(objfiletest.File{Parts: parts})
}

var samples = []struct {
	name string
	data []byte
	want inventory.Facts
}{
	{"empty", nil, inventory.Facts{}},
	{"a script", []byte("#!/bin/sh\necho\n"), inventory.Facts{}},
	{"a class of Java", []byte("\xca\xfe\xba\xbe\x00\x00\x00\x34" + strings.Repeat("x", 100)), inventory.Facts{}},
	{"a text that begins as Windows programs do", []byte("MZ, a text"), inventory.Facts{}},
	{"an object file", objfiletest.ELF(objfiletest.File{Type: 1, Parts: []objfiletest.Part{goNote}}), inventory.Facts{}},
	{"a program of which nothing is known", elfOf(objfiletest.Part{Addr: 1, Data: []byte("x"), Writable: true}), inventory.Facts{}},

	{
		"a program of Go", goProgram(goBlobOf("go1.21.3", "path\texample.com/a\nmod\texample.com/a\tv1.0.0\th1:x\ndep\tb.org/b\tv2.0.0+incompatible\th1:y\n")),
		inventory.Facts{Packages: []inventory.Package{
			{Type: "golang", Namespace: "example.com", Name: "a", Version: "v1.0.0", Requires: []string{"b.org/b@v2.0.0+incompatible", "stdlib@1.21.3"}},
			{Type: "golang", Namespace: "b.org", Name: "b", Version: "v2.0.0+incompatible"},
			{Type: "golang", Name: "stdlib", Version: "1.21.3"},
		}},
	},
	{
		"information that is not aligned, and magic without sense, come first", goProgram(bytes.Join([][]byte{
			append([]byte("x"), goBlobOf("go1.1", "")...), make([]byte, 64-1-32-7),
			[]byte(goMagic + "\x07\x00" + strings.Repeat("x", 32)),
			goBlobOf("go1.21.3", ""),
		}, nil)),
		inventory.Facts{
			Packages: []inventory.Package{{Type: "golang", Name: "stdlib", Version: "1.21.3"}},
			Problems: []string{"the Go program was built without modules: its dependencies are not known"},
		},
	},
	{
		"replacements", goProgram(goBlobOf("go1.21.3", "path\tcommand-line-arguments\n"+
			"dep\ta.org/a\tv1.0.0\n=>\ta.org/fork\tv1.1.0\th1:x\n"+
			"dep\tb.org/b\tv1.0.0\n=>\t./b\t\n"+
			"dep\tc.org/c\tv1.0.0\n=>\t../c\t(devel)\t\n"+
			"dep\td.org/d\t(devel)\n")),
		inventory.Facts{
			Packages: []inventory.Package{
				{Type: "golang", Namespace: "a.org", Name: "fork", Version: "v1.1.0"},
				{Type: "golang", Name: "stdlib", Version: "1.21.3"},
			},
			Ignored: 2,
			Problems: []string{
				`module "b.org/b" is replaced by the folder "./b"`,
				`module "c.org/c" is replaced by the folder "../c"`,
				`module "d.org/d" has no version`,
			},
		},
	},
	{
		"lines that cannot be understood", goProgram(goBlobOf("go1.21.3", "nonsense\ndep\t\tv1\n=>\tx.org/x\tv1.0.0\nwhat\tx\ndep\tz\tv0\n=>\ta.org/a\tv1.0.0\n=>\ta.org/b\tv1.0.0\n")),
		inventory.Facts{
			Packages: []inventory.Package{
				{Type: "golang", Namespace: "a.org", Name: "a", Version: "v1.0.0"},
				{Type: "golang", Name: "stdlib", Version: "1.21.3"},
			},
			Problems: []string{
				`a line of Go's build information cannot be understood: "nonsense"`,
				`a line of Go's build information cannot be understood: "dep\t\tv1"`,
				`a line of Go's build information cannot be understood: "=>\tx.org/x\tv1.0.0"`,
				`a line of Go's build information cannot be understood: "what\tx"`,
				`a line of Go's build information cannot be understood: "=>\ta.org/b\tv1.0.0"`,
			},
		},
	},
	{
		"a toolchain that is no release", goProgram(goBlobOf("devel go1.23-abcdef", "path\tcmd/go\n")),
		inventory.Facts{Problems: []string{`Go's version "devel go1.23-abcdef" is no release`}},
	},
	{
		"a list of modules without its frame", goProgram(append(goBlobOf("go1.21.3", "")[:32+9], "\x03abc"...)),
		inventory.Facts{
			Packages: []inventory.Package{{Type: "golang", Name: "stdlib", Version: "1.21.3"}},
			Problems: []string{"Go's build information: the list of modules of 3 bytes has no frame"},
		},
	},
	{
		"a list of modules cut off", goProgram(append(goBlobOf("go1.21.3", "")[:32+9], "\xff\xff\x7fabc"...)),
		inventory.Facts{
			Packages: []inventory.Package{{Type: "golang", Name: "stdlib", Version: "1.21.3"}},
			Problems: []string{"Go's build information: the list of modules is cut off"},
		},
	},
	{
		"a list of modules of 2^40 bytes", goProgram(append(goBlobOf("go1.21.3", "")[:32+9], "\x80\x80\x80\x80\x80\x20abc"...)),
		inventory.Facts{
			Packages: []inventory.Package{{Type: "golang", Name: "stdlib", Version: "1.21.3"}},
			Problems: []string{"Go's build information: the list of modules has 1099511627776 bytes, more than 4194304"},
		},
	},
	{
		"build information cut out", goProgram(make([]byte, 4096)),
		inventory.Facts{Problems: []string{"the Go program has no build information that can be read: what it is made of is not known"}},
	},
	{
		"lengths that overflow", goProgram(append(goBlobOf("go1.21.3", "")[:32], bytes.Repeat([]byte{0xff}, 64)...)),
		inventory.Facts{Problems: []string{"the Go program has no build information that can be read: what it is made of is not known"}},
	},
	{
		"a program packed with UPX", elfOf(objfiletest.Part{Addr: 1, Data: []byte("abcdUPX!efgh")}),
		inventory.Facts{Problems: []string{"the program is packed with UPX: what it is made of cannot be read"}},
	},
	{
		"a Windows program of Go", objfiletest.PE(objfiletest.File{Parts: []objfiletest.Part{
			{Name: ".text", Addr: 0x1000, Data: goBlobOf("go1.1", "")}, // not in the data
			{Name: ".data", Addr: 0x2000, Data: goBlobOf("go1.21rc2", "path\texample/x\n"), Writable: true},
		}}),
		inventory.Facts{Packages: []inventory.Package{{Type: "golang", Name: "stdlib", Version: "1.21rc2"}}},
	},

	{
		"the note of a package", elfOf(noteOf("FDO", notePackage, `{"type":"rpm","os":"Fedora","osVersion":"40","name":"coreutils","version":"9.4-7.fc40","architecture":"x86_64","osCpe":"cpe:/o:fedoraproject:fedora:40"}`+"\x00")),
		inventory.Facts{Packages: []inventory.Package{{
			Type: "rpm", Namespace: "fedora", Name: "coreutils", Version: "9.4-7.fc40", Arch: "x86_64",
			Source: inventory.Source{Name: "coreutils", Version: "9.4-7.fc40"}, Qualifiers: map[string]string{"distro": "fedora-40"},
		}}},
	},
	{
		"the note of a package of Go", elfOf(noteOf("FDO", notePackage, `{"type":"pacman","name":"x","version":"1-1"}`), goNote, objfiletest.Part{Data: goBlobOf("go1.21", "path\texample/x\n"), Writable: true}),
		inventory.Facts{Packages: []inventory.Package{
			{Type: "alpm", Name: "x", Version: "1-1", Source: inventory.Source{Name: "x", Version: "1-1"}},
			{Type: "golang", Name: "stdlib", Version: "1.21"},
		}},
	},
	{
		"a note behind another whose length is odd", elfOf(objfiletest.Part{Kind: 4, Data: append(noteOf("GNU", 3, "odd").Data, noteOf("FDO", notePackage, `{"type":"apk","name":"x","version":"1-r0"}`).Data...)}),
		inventory.Facts{Packages: []inventory.Package{{Type: "apk", Name: "x", Version: "1-r0", Source: inventory.Source{Name: "x", Version: "1-r0"}}}},
	},
	{
		"notes of packages that tell too little", elfOf(
			noteOf("FDO", notePackage, `{"type":"rpm","name":"x"}`),
			noteOf("FDO", notePackage, `{"type":"rpm","version":"1"}`),
			noteOf("FDO", notePackage, `{"type":"guix","name":"x","version":"1"}`),
			noteOf("FDO", notePackage, `{"type":`),
			noteOf("FDO", notePackage, `{"type":"rpm","name":"x","version":"`+strings.Repeat("1", 2000)+`"}`),
			noteOf("FDO", 1, `{}`), noteOf("GNU", notePackage, `{}`),
		),
		inventory.Facts{Ignored: 1, Problems: []string{
			`package "x" has no version`,
			`the note of a package has no name: "{\"type\":\"rpm\",\"version\":\"1\"}"`,
			`the note of the package "{\"type\":": unexpected end of JSON input`,
			`the note of package "x" has a field of 2000 bytes`,
		}},
	},
	{
		"a note that is longer than its place", elfOf(objfiletest.Part{Kind: 4, Data: []byte("\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00\x00\x00FDO\x00")}),
		inventory.Facts{},
	},

	{
		"a program of Rust", elfOf(objfiletest.Part{Name: ".dep-v0", Data: pack(`{"packages":[{"name":"a","version":"1.0.0","source":"crates.io","dependencies":[1,2,3,1,9]},{"name":"b","version":"2.0.0-beta.1","source":"registry"},{"name":"build","version":"1.0.0","source":"crates.io","kind":"build"},{"name":"root","version":"0.1.0","source":"local","dependencies":[0],"root":true},{"name":"fork","version":"0.1.0","source":"git"},{"name":"v","source":"crates.io"},{"version":"1.0.0","source":"crates.io"}],"format":1}`)}),
		inventory.Facts{
			Packages: []inventory.Package{
				{Type: "cargo", Name: "a", Version: "1.0.0", Requires: []string{"b@2.0.0-beta.1", "root@0.1.0"}},
				{Type: "cargo", Name: "b", Version: "2.0.0-beta.1"},
				{Type: "cargo", Name: "root", Version: "0.1.0", Requires: []string{"a@1.0.0"}},
				{Type: "cargo", Name: "fork", Version: "0.1.0"},
			},
			Ignored:  1,
			Problems: []string{`package "a" requires crate 9 of 7`, `package "v" has no version`, `crate 6 has no name`},
		},
	},
	{
		"a list of crates cut off", elfOf(objfiletest.Part{Name: ".dep-v0", Data: pack(`{"packages":[{"name":"a","version":"1.0.0","source":"crates.io"},{"name":`)}),
		inventory.Facts{
			Packages: []inventory.Package{{Type: "cargo", Name: "a", Version: "1.0.0"}},
			Problems: []string{"the list of crates in section .dep-v0: unexpected EOF"},
		},
	},
	{
		"a crate of which a field has another type", elfOf(objfiletest.Part{Name: ".dep-v0", Data: pack(`{"packages":[{"name":"a","version":"1.0.0","kind":7},{"name":"b","version":"1.0.0","source":"crates.io"}]}`)}),
		inventory.Facts{
			Packages: []inventory.Package{{Type: "cargo", Name: "a", Version: "1.0.0"}, {Type: "cargo", Name: "b", Version: "1.0.0"}},
			Problems: []string{"the list of crates in section .dep-v0: json: cannot unmarshal number into Go struct field crate.kind of type string"},
		},
	},
	{
		"a list of crates that is none", elfOf(objfiletest.Part{Name: ".dep-v0", Data: []byte("no zlib here")}),
		inventory.Facts{Problems: []string{"the list of crates in section .dep-v0: zlib: invalid header"}},
	},
	{
		"a list of something else", elfOf(objfiletest.Part{Name: ".dep-v0", Data: pack(`{"crates":[]}`)}),
		inventory.Facts{Problems: []string{"the list of crates in section .dep-v0: no packages"}},
	},
	{
		"a list that inflates without end", elfOf(objfiletest.Part{Name: ".dep-v0", Data: pack(`{"packages":[` + strings.Repeat(" ", maxRust))}),
		inventory.Facts{Problems: []string{"the list of crates in section .dep-v0: more than 8388608 bytes"}},
	},
	{
		"a Windows program of Rust", objfiletest.PE(objfiletest.File{Parts: []objfiletest.Part{{Name: ".dep-v0", Data: pack(`{"packages":[{"name":"a","version":"1.0.0","source":"crates.io"}]}`)}}}),
		inventory.Facts{Packages: []inventory.Package{{Type: "cargo", Name: "a", Version: "1.0.0"}}},
	},
	{
		"a program of Rust for macOS", objfiletest.MachO(objfiletest.File{Parts: []objfiletest.Part{{Segment: "__DATA", Name: ".dep-v0", Data: pack(`{"packages":[{"name":"a","version":"1.0.0","source":"crates.io"}]}`)}}}),
		inventory.Facts{Packages: []inventory.Package{{Type: "cargo", Name: "a", Version: "1.0.0"}}},
	},

	{
		"a native image for macOS", graalImage(binary.BigEndian, 0, zip(`{"bomFormat":"CycloneDX","components":[{"purl":"pkg:npm/%40a/b@1.0.0","cpe":"cpe:2.3:a:b"},{"group":"org.x","name":"y","version":"1"},{"group":"org.x","name":"z"},{"name":"w","purl":"no URL"}]}`)),
		inventory.Facts{
			Packages: []inventory.Package{
				{Type: "npm", Namespace: "@a", Name: "b", Version: "1.0.0", CPEs: []string{"cpe:2.3:a:b"}},
				{Type: "maven", Namespace: "org.x", Name: "y", Version: "1"},
			},
			Problems: []string{`package "z" has no version`, `component "w": package URL "no URL": purl scheme is not "pkg": "no URL"`},
		},
	},
	{
		"a native image with another document", graalImage(binary.LittleEndian, 0, zip(`{"bomFormat":"SPDX"}`)),
		inventory.Facts{Problems: []string{`the bill of materials of a native image: format "SPDX"`}},
	},
	{
		"a native image without a document", graalImage(binary.LittleEndian, 0, []byte("no gzip")),
		inventory.Facts{Problems: []string{"the bill of materials of a native image: unexpected EOF"}},
	},
	{
		"a native image whose document is longer than the file", graalImage(binary.LittleEndian, 1<<40, zip(`{"bomFormat":"CycloneDX"}`)),
		inventory.Facts{Problems: []string{"the bill of materials of a native image: no 1099511627825 bytes at address 0x1008"}},
	},

	{"an ELF file of four bytes", []byte("\x7fELF"), inventory.Facts{Problems: []string{"ELF header of 4 bytes: not a valid object file"}}},
	{
		"a segment beyond the end", goProgram(goBlobOf("go1.21.3", ""))[:64+3*56+100],
		inventory.Facts{Problems: []string{
			"segment 1 of 100 bytes at offset 272 ends beyond the end of the file",
			"segment 2 of 42 bytes at offset 384 lies beyond the end of the file",
			"the section table of 128 bytes at offset 448 lies beyond the end of the file",
			"the Go program has no build information that can be read: what it is made of is not known",
		}},
	},
}

// pack returns text in the zlib format.
func pack(text string) []byte {
	var b bytes.Buffer
	z := newZlib(&b)
	_, _ = z.Write([]byte(text))
	_ = z.Close()
	return b.Bytes()
}

func zip(text string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(text))
	_ = z.Close()
	return b.Bytes()
}

// graalImage returns a library for macOS with a document, whose length is said
// to be more by the given number.
func graalImage(order binary.ByteOrder, more uint64, document []byte) []byte {
	length := make([]byte, 8)
	order.PutUint64(length, uint64(len(document))+more)
	return objfiletest.MachO(objfiletest.File{
		Order:   order,
		Parts:   []objfiletest.Part{{Segment: "__TEXT", Name: "__const", Addr: 0x1000, Data: append(length, document...)}},
		Symbols: []objfiletest.Symbol{{Name: "sbom", Addr: 0x1008}, {Name: "sbom_length", Addr: 0x1000}},
	})
}

func TestExtract(t *testing.T) {
	for _, tt := range samples {
		for how, f := range map[string]*inventory.File{"seekable": seekable(tt.data), "stream": streamed(tt.data, true)} {
			facts, err := Extractor{}.Extract(t.Context(), f)
			require.NoErrorf(t, err, "Extract, %s, %s", tt.name, how)
			assert.Equalf(t, tt.want, facts, "Extract, %s, %s", tt.name, how)
		}
	}
}

func TestExtractErrors(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	broken := errors.New("the layer ends here")
	program := goProgram(append(make([]byte, 1<<20), goBlobOf("go1.21.3", "")...))
	tests := []struct {
		name string
		ctx  context.Context
		f    *inventory.File
		is   error
	}{
		{"canceled", canceled, seekable(program), context.Canceled},
		{"canceled with a script", canceled, seekable([]byte("#!")), context.Canceled},
		{"a read error at the start", t.Context(), streamedFrom(iotest.ErrReader(broken), 1000, true), broken},
		{"a read error in the head", t.Context(), streamedFrom(io.MultiReader(bytes.NewReader(program[:1000]), iotest.ErrReader(broken)), 1000, true), broken},
		{"a read error in the stream", t.Context(), streamedFrom(io.MultiReader(bytes.NewReader(program[:1<<19]), iotest.ErrReader(broken)), 1<<20, false), broken},
		{"a file that cannot be held", t.Context(), inventory.NewFile("x", 0o755, 1000, &peekReader{r: bytes.NewReader(elfOf(objfiletest.Part{Data: []byte("x")}))}, func() (io.ReaderAt, error) { return nil, inventory.ErrTooLarge }), inventory.ErrTooLarge},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(tt.ctx, tt.f)
		require.ErrorIsf(t, err, tt.is, "Extract, %s", tt.name)
		assert.Zerof(t, facts, "Extract, %s", tt.name)
	}
}

// TestLargeStream holds that what is too large to be held is told of.
func TestLargeStream(t *testing.T) {
	table, names := objfiletest.SymbolTable(objfiletest.File{}, objfiletest.Symbol{Name: "sbom", Addr: 1}, objfiletest.Symbol{Name: "sbom_length", Addr: 1})
	data := elfOf(
		objfiletest.Part{Addr: 0x1000, Data: make([]byte, maxHeld)},
		noteOf("FDO", notePackage, `{"type":"rpm","name":"x","version":"1-1"}`), // beyond the head
		objfiletest.Part{Name: ".symtab", Kind: 2, Link: 2, Data: table},
		objfiletest.Part{Name: ".strtab", Kind: 3, Data: names},
		objfiletest.Part{Name: ".dep-v0", Data: pack(`{"packages":[]}`)},
	)
	facts, err := Extractor{}.Extract(t.Context(), streamed(data, false))
	require.NoError(t, err)
	assert.Equal(t, inventory.Facts{
		Packages: []inventory.Package{{Type: "rpm", Name: "x", Version: "1-1", Source: inventory.Source{Name: "x", Version: "1-1"}}},
		Problems: []string{
			"the file has 33555168 bytes and comes as a stream: the list of crates in section .dep-v0 is not read",
			"the file has 33555168 bytes and comes as a stream: the bill of materials that symbol sbom leads to is not read",
		},
	}, facts)

	// A program without Go's note is found nevertheless.
	data = elfOf(objfiletest.Part{Data: make([]byte, maxHeld)}, objfiletest.Part{Addr: 0x2000, Data: goBlobOf("go1.21", "path\texample/x\n"), Writable: true})
	facts, err = Extractor{}.Extract(t.Context(), streamed(data, false))
	require.NoError(t, err)
	assert.Equal(t, inventory.Facts{Packages: []inventory.Package{{Type: "golang", Name: "stdlib", Version: "1.21"}}}, facts)

	data = objfiletest.Fat(make([]byte, maxHeld))
	facts, err = Extractor{}.Extract(t.Context(), streamed(data, false))
	require.NoError(t, err)
	assert.Equal(t, inventory.Facts{Problems: []string{"a program for 1 processors has 33558528 bytes: it is not looked into"}}, facts)
}

// TestGoIsNotHeld holds that reading a Go program of 100 MB from a stream takes
// little memory.
func TestGoIsNotHeld(t *testing.T) {
	modules := "path\texample.com/a\nmod\texample.com/a\tv1.0.0\n" + strings.Repeat("dep\tx.org/x\tv1.0.0\n", 1000)
	const size = 100 << 20
	data := goProgram(goBlobOf("go1.21.3", modules))
	head, tail := data[:64+3*56], data[64+3*56:]
	// The content is moved back by size bytes of zeroes; so are the places.
	head = bytes.Clone(head)
	for i := range 3 {
		at := 64 + i*56 + 8
		if i > 0 {
			binary.LittleEndian.PutUint64(head[at:], binary.LittleEndian.Uint64(head[at:])+size)
		}
	}
	note := tail[:32]
	total := int64(len(data)) + size
	r := io.MultiReader(bytes.NewReader(head), bytes.NewReader(note), io.LimitReader(zeroes{}, size), bytes.NewReader(tail[32:]))

	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	facts, err := Extractor{}.Extract(t.Context(), streamedFrom(r, total, false))
	runtime.ReadMemStats(&after)
	require.NoError(t, err)
	require.Len(t, facts.Packages, 3)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20), "bytes of memory for a stream of %d", total)
}

type zeroes struct{}

func (zeroes) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

// TestFingerprintOfGo holds that a program that two routes name is one package.
func TestFingerprintOfGo(t *testing.T) {
	x := &reading{}
	x.facts.Packages = []inventory.Package{
		{Type: "golang", Namespace: "helm.sh/helm", Name: "v3", Version: "v3.9.0"},
		{Type: "golang", Namespace: "github.com/google", Name: "uuid", Version: "v1.3.0"},
	}
	cpes := []string{"cpe:2.3:a:helm:helm:3.9.0:*:*:*:*:*:*:*"}
	other := inventory.Package{Type: "generic", Name: "caddy", Version: "2.1.0"}
	x.tapped([]inventory.Package{{Type: "generic", Name: "helm", Version: "3.9.0", CPEs: cpes}, other})
	require.Len(t, x.facts.Packages, 3)
	assert.Equal(t, cpes, x.facts.Packages[0].CPEs)
	assert.Equal(t, other, x.facts.Packages[2])
}

// A fakeScan wants the first bytes of a file.
type fakeScan struct {
	want int
	got  []byte
	err  error
}

func (s *fakeScan) Write(b []byte) (int, error) {
	s.got = append(s.got, b...)
	return len(b), s.err
}
func (s *fakeScan) Done() bool { return len(s.got) >= s.want }
func (s *fakeScan) Packages() []inventory.Package {
	return []inventory.Package{{Type: "generic", Name: "scanned", Version: "1"}}
}
func (s *fakeScan) Problems() []string { return []string{"two versions"} }

// TestScan holds that a scan sees the content from its beginning, once and in
// order, whatever else is read.
func TestScan(t *testing.T) {
	long := append([]byte("#!/bin/sh\n"), bytes.Repeat([]byte("0123456789abcde\n"), 40_000)...)
	inputs := map[string][]byte{
		"script": long,
		"Go":     fixture(t, "go", "go1.26.8-linux-amd64.gz"),
		"old Go": fixture(t, "go", "go1.13.15-linux-amd64.gz"),
		"PE":     fixture(t, "go", "go1.26.8-windows-amd64.gz"),
		"ELF":    fixture(t, "rust", "hexyl.gz"),
		"fat":    objfiletest.Fat(fixture(t, "go", "go1.26.8-darwin-arm64.gz")),
		"object": objfiletest.ELF(objfiletest.File{Type: 1}),
	}
	for name, data := range inputs {
		plain, err := Extractor{}.Extract(t.Context(), seekable(data))
		require.NoError(t, err, name)
		for _, want := range []int{1, 300_000, 1 << 30} {
			for how, f := range map[string]*inventory.File{"seekable": seekable(data), "stream": streamed(data, true)} {
				tap := &fakeScan{want: want}
				facts, err := extract(t.Context(), f, tap)
				require.NoErrorf(t, err, "%s, %s", name, how)
				require.GreaterOrEqualf(t, len(tap.got), min(want, len(data)), "%s, %s", name, how)
				require.Truef(t, bytes.HasPrefix(data, tap.got), "%s, %s: %d bytes", name, how, len(tap.got))
				require.Lessf(t, len(tap.got), want+2*chunk, "%s, %s", name, how)
				assert.Equalf(t, append(plain.Packages, tap.Packages()...), facts.Packages, "%s, %s", name, how)
				assert.Equalf(t, append(plain.Problems, "two versions"), facts.Problems, "%s, %s", name, how)
			}
		}
	}
	broken := errors.New("broken")
	for _, f := range []*inventory.File{seekable(inputs["ELF"]), streamed(long, true)} {
		_, err := extract(t.Context(), f, &fakeScan{want: 10, err: broken})
		assert.ErrorIs(t, err, broken)
	}
}

func FuzzExtract(f *testing.F) {
	for _, s := range samples {
		if len(s.data) < 64<<10 {
			f.Add(s.data)
		}
	}
	f.Add(fixture(f, "graalvm", "libimage.so.gz"))
	f.Add(fixture(f, "note", "choom.gz"))
	f.Add(oldGoProgram(binary.LittleEndian, 8, "go1.15", "path\texample/x\n", 0x1000, 0x1040))
	f.Fuzz(func(t *testing.T, data []byte) {
		facts, err := Extractor{}.Extract(t.Context(), seekable(data))
		extracttest.Check(t, facts, err)
		require.NoError(t, err, "memory does not fail")
		for _, p := range facts.Packages {
			require.NotEmpty(t, p.Version)
		}
		again, err := Extractor{}.Extract(t.Context(), streamedFrom(iotest.HalfReader(bytes.NewReader(data)), int64(len(data)), true))
		require.NoError(t, err)
		require.Equal(t, facts, again, "the same as a stream")
	})
}

func BenchmarkScript(b *testing.B) {
	data := []byte("#!/bin/sh\n" + strings.Repeat("echo hello\n", 100))
	r := bytes.NewReader(data)
	f := inventory.NewFile("bin/x", 0o755, int64(len(data)), r, nil)
	b.ReportAllocs()
	for b.Loop() {
		if facts, err := (Extractor{}).Extract(b.Context(), f); err != nil || facts.Packages != nil {
			b.Fatal(facts, err)
		}
	}
}

// TestScriptAllocations holds the promise that scripts cost next to nothing.
func TestScriptAllocations(t *testing.T) {
	f := seekable([]byte("#!/bin/sh\n"))
	assert.LessOrEqual(t, testing.AllocsPerRun(100, func() {
		_, _ = Extractor{}.Extract(t.Context(), f)
	}), 1.0)
}

// largeGo returns a program of the size of a real one: EXECUTABLE_BENCH names
// one, otherwise it is the test itself.
func largeGo(b *testing.B) []byte {
	name := os.Getenv("EXECUTABLE_BENCH")
	if name == "" {
		var err error
		name, err = os.Executable()
		require.NoError(b, err)
	}
	data, err := os.ReadFile(name)
	require.NoError(b, err)
	return data
}

func BenchmarkGoStream(b *testing.B) {
	data := largeGo(b)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), streamed(data, false))
		if err != nil || len(facts.Packages) < 2 {
			b.Fatal(facts, err)
		}
	}
}

// BenchmarkGoGzip is the same from a layer as it is sent.
func BenchmarkGoGzip(b *testing.B) {
	data := largeGo(b)
	packed := zip(string(data))
	for name, read := range map[string]func(r io.Reader) error{
		"extract": func(r io.Reader) error {
			_, err := Extractor{}.Extract(b.Context(), streamedFrom(r, int64(len(data)), false))
			return err
		},
		"discard": func(r io.Reader) error {
			_, err := io.Copy(io.Discard, r)
			return err
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				z, err := gzip.NewReader(bytes.NewReader(packed))
				require.NoError(b, err)
				require.NoError(b, read(z))
				_, err = io.Copy(io.Discard, z) // what is left, as a layer is read
				require.NoError(b, err)
			}
		})
	}
}

func BenchmarkGoSeekable(b *testing.B) {
	data := largeGo(b)
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), seekable(data))
		if err != nil || len(facts.Packages) < 2 {
			b.Fatal(facts, err)
		}
	}
}
