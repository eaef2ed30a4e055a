package python

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/extract/extracttest"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const (
	lib      = "usr/lib/python3.11/site-packages/"
	metaPath = lib + "a-1.0.dist-info/METADATA"
)

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "python", 1)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		metaPath:                                    true,
		"a-1.0.dist-info/METADATA":                  true,  // pip install --target /
		"opt/a.egg-info/PKG-INFO":                   true,  // a folder of setuptools
		"opt/a-1.0-py3.11.egg/EGG-INFO/PKG-INFO":    true,  // an unpacked egg
		"usr/lib/python2.7/wsgiref.egg-info":        true,  // a file of distutils
		"opt/a-1.0-py3.11.egg":                      true,  // an archive
		lib + "a-1.0.dist-info/RECORD":              false, // what is installed, not what it is
		"src/a-1.0/PKG-INFO":                        false, // a source archive, unpacked
		"src/METADATA":                              false,
		"root/.cache/pip/wheels/a-1.0-py3-none.whl": false, // not installed
	})
}

func TestExtractFixture(t *testing.T) {
	tests := []struct {
		path    string
		fixture []string
		want    inventory.Package
	}{
		{lib + "flask-3.1.3.dist-info/METADATA", []string{"wheel", "flask.METADATA"}, inventory.Package{
			Name: "Flask", Version: "3.1.3", Licenses: []string{"BSD-3-Clause"},
			Maintainer: "Pallets <contact@palletsprojects.com>",
			Requires:   []string{"blinker", "click", "itsdangerous", "jinja2", "markupsafe", "werkzeug"},
		}},
		// The same for an older Python needs one more.
		{"opt/venv/lib/python3.9/site-packages/flask-3.1.3.dist-info/METADATA", []string{"wheel", "flask.METADATA"}, inventory.Package{
			Name: "Flask", Version: "3.1.3", Licenses: []string{"BSD-3-Clause"},
			Maintainer: "Pallets <contact@palletsprojects.com>",
			Requires:   []string{"blinker", "click", "importlib-metadata", "itsdangerous", "jinja2", "markupsafe", "werkzeug"},
		}},
		{lib + "ipython-8.12.3.dist-info/METADATA", []string{"wheel", "ipython.METADATA"}, inventory.Package{
			Name: "ipython", Version: "8.12.3", Licenses: []string{"BSD-3-Clause"},
			Maintainer: "ipython-dev@python.org",
			Requires: []string{
				"backcall", "decorator", "jedi", "matplotlib-inline", "pickleshare", "prompt-toolkit",
				"pygments", "stack-data", "traitlets", "pexpect",
			},
		}},
		{"usr/lib/python3/dist-packages/Jinja2-3.1.2.egg-info/PKG-INFO", []string{"setuptools", "jinja2.PKG-INFO"}, inventory.Package{
			Name: "Jinja2", Version: "3.1.2", Licenses: []string{"BSD-3-Clause"},
			Maintainer: "contact@palletsprojects.com",
		}},
		{"usr/lib/python2.7/wsgiref.egg-info", []string{"distutils", "wsgiref.egg-info"}, inventory.Package{
			Name: "wsgiref", Version: "0.1.2", Licenses: []string{"PSF or ZPL"},
			Maintainer: "web-sig@python.org",
			Bundled:    true,
		}},
		{"opt/example-21.12-py3.6.egg", []string{"egg", "example-21.12-py3.6.egg"}, inventory.Package{
			Name: "example", Version: "21.12", Licenses: []string{"Apache Software License"},
			Within: "EGG-INFO/PKG-INFO",
		}},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(tt.path, extracttest.Fixture(t, tt.fixture...)))
		require.NoError(t, err, tt.path)
		tt.want.Type = "pypi"
		assert.Equal(t, inventory.Facts{Packages: []inventory.Package{tt.want}}, facts, tt.path)
	}
}

// pypi returns the package a 1.0 with changes, as all the facts of a file.
func pypi(change func(*inventory.Package)) inventory.Facts {
	p := inventory.Package{Type: "pypi", Name: "a", Version: "1.0"}
	if change != nil {
		change(&p)
	}
	return inventory.Facts{Packages: []inventory.Package{p}}
}

func license(names ...string) inventory.Facts {
	return pypi(func(p *inventory.Package) { p.Licenses = names })
}

var metadataTests = []struct {
	name, content string
	want          inventory.Facts
}{
	{"name and version", "Metadata-Version: 2.1\nName: a\nVersion: 1.0\n", pypi(nil)},
	{"without the version of the format, in any case", "name:a\nVERSION:1.0", pypi(nil)},
	{"line ends of DOS", "Name: a\r\nVersion: 1.0\r\n\r\nName: b\r\n", pypi(nil)},
	{"a byte order mark", "\xef\xbb\xbfName: a\nVersion: 1.0\n", pypi(nil)},
	{"blank lines first", "\n\r\nName: a\nVersion: 1.0\n", pypi(nil)},
	{"a description that looks like fields", "Name: a\nVersion: 1.0\n\nName: b\nVersion: 2\nRequires-Dist: c\n", pypi(nil)},
	{"a description that is a field", "Name: a\nDescription: one\n        Version: 2\n        Name: b\nVersion: 1.0\n", pypi(nil)},
	{"text that is not indented", "Name: a\nVersion: 1.0\nDescription: one\ntwo\nName: b\nVersion: 2\n", pypi(nil)},
	{"nothing but the name of the folder", "", pypi(nil)},
	{"text without fields", "text\n", pypi(nil)},
	{"no version", "Name: a\n", pypi(nil)},
	{"a long name", "Name: " + strings.Repeat("x", maxName) + "\n", pypi(func(p *inventory.Package) { p.Name = strings.Repeat("x", maxName) })},
	{"no name", "Version: 1.0\n", pypi(nil)},
	{"another version than the folder", "Name: A.b\nVersion: 2\n", pypi(func(p *inventory.Package) { p.Name, p.Version = "A.b", "2" })},
	{"not UTF-8", "Name: a\nVersion: 1.0\nAuthor: Andr\xe9\n", pypi(func(p *inventory.Package) { p.Maintainer = "Andr\uFFFD" })},

	{"an expression is all", "License-Expression: MIT OR BSD-3-Clause\nLicense: MIT\nClassifier: License :: OSI Approved :: MIT License\n", license("MIT OR BSD-3-Clause")},
	{"a licence before classifiers", "License: MIT\nClassifier: License :: OSI Approved :: BSD License\n", license("MIT")},
	{"an unknown licence", "License: UNKNOWN\nClassifier: License :: OSI Approved\nClassifier: License :: OSI Approved :: MIT License\nClassifier: License :: OSI Approved :: MIT License\nClassifier: Topic :: License\nClassifier: License :: Other/Proprietary License\n", license("MIT License", "Other/Proprietary License")},
	{"an empty licence", "License:\nClassifier: License :: Public Domain\n", license("Public Domain")},
	{"the text of a licence", "License: MIT License\n        \n        Copyright\nClassifier: License :: OSI Approved :: BSD License\n", license("BSD License")},
	{"a text that begins in the next line", "License:\n  Copyright\nClassifier: License :: OSI Approved :: MIT License\n", license("MIT License")},
	{"a text in one line", "License: " + strings.Repeat("x", maxLicense+1) + "\nClassifier: License :: OSI Approved :: MIT License\n", license("MIT License")},
	{"a line of space is no text", "License: MIT\n        \nClassifier: License :: OSI Approved :: BSD License\n", license("MIT")},
	{"a line that goes on from nothing", "  x\nLicense: MIT\nClassifier: License :: Public Domain\n", license("MIT")},
	{"another field goes on", "License: MIT\nSummary: x\n  y\n", license("MIT")},

	{"a maintainer before an author", "Author: A\nAuthor-email: a@example.com\nMaintainer: M\n", pypi(func(p *inventory.Package) { p.Maintainer = "M" })},
	{"unknown authors", "Author: A\nAuthor-email: UNKNOWN\n", pypi(func(p *inventory.Package) { p.Maintainer = "A" })},

	{
		"requirements", "Requires-Dist: B.c (>=1)\nRequires-Dist: d[x,y]>=2,<3\nRequires-Dist: b-C\nRequires-Dist: e @ https://example.com/e;1 ; python_version < '3'\nRequires-Dist: f@https://example.com/f;1\nRequires-Dist: g;python_version>'3'\nRequires-Dist: h; extra == 'x'\nRequires-Dist: i !=1\nRequires-Dist: j~=1\nProvides-Dist: k (1)\n",
		pypi(func(p *inventory.Package) {
			p.Requires, p.Provides = []string{"B.c", "d", "f", "g", "i", "j"}, []string{"k"}
		}),
	},
	{"no requirements", "Requires-Dist: \nRequires-Dist: b c\nRequires-Dist: b[x\nRequires-Dist: é\nRequires-Dist: c\n", func() inventory.Facts {
		f := pypi(func(p *inventory.Package) { p.Requires = []string{"c"} })
		f.Problems = []string{`a requirement has no name: ""`, `a requirement has no name: "b c"`, `a requirement has no name: "b[x"`, `a requirement has no name: "é"`}
		return f
	}()},
	{"a name that is none", "Name: " + strings.Repeat("x", maxName+1) + "\n", inventory.Facts{Problems: []string{
		`name or version of package "` + strings.Repeat("x", 80) + `…" is longer than 1024 bytes`,
	}}},
}

func TestExtract(t *testing.T) {
	for _, tt := range metadataTests {
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(metaPath, tt.content))
		require.NoErrorf(t, err, "Extract, %s", tt.name)
		assert.Equalf(t, tt.want, got, "Extract, %s", tt.name)
	}
}

// TestExtractPath has files without content, or with no more than given.
func TestExtractPath(t *testing.T) {
	named := func(name, version string) inventory.Facts {
		return pypi(func(p *inventory.Package) { p.Name, p.Version = name, version })
	}
	bundled := func(name, version string) inventory.Facts {
		return pypi(func(p *inventory.Package) { p.Name, p.Version, p.Bundled = name, version, true })
	}
	problem := func(text string) inventory.Facts { return inventory.Facts{Problems: []string{text}} }
	tests := []struct {
		path, content string
		want          inventory.Facts
	}{
		{"a_b-1.0.post1.dist-info/METADATA", "", named("a_b", "1.0.post1")},
		{"x/a-1.0.egg-info/PKG-INFO", "", named("a", "1.0")},
		{"x/a-1.0-py3.11.egg-info", "", named("a", "1.0")},
		{"x/a-1.0-py3.11-linux-x86_64.egg/EGG-INFO/PKG-INFO", "", named("a", "1.0")},
		{"x/a\xff-1.0.egg-info/PKG-INFO", "", named("a\uFFFD", "1.0")},
		{"x/a-b-1.0.egg-info/PKG-INFO", "", named("a-b", "1.0")},
		{"x/a.egg-info/PKG-INFO", "Version: 1.0\n", named("a", "1.0")}, // in a folder of sources
		{"x/a.egg-info/PKG-INFO", "", problem(`package "a" has no version`)},
		{"x/a-py3.8.egg-info", "", problem(`package "a" has no version`)},
		{"x/EGG-INFO/PKG-INFO", "Version: 1.0\n", problem(`"x" has no package name`)},
		{"EGG-INFO/PKG-INFO", "Name: a\nVersion: 1.0\n", named("a", "1.0")},
		{".egg-info/PKG-INFO", "Name: a\nVersion: 1.0\n", named("a", "1.0")},
		// pip could not remove these.
		{lib + "~ip-1.0.dist-info/METADATA", "Name: pip\nVersion: 1.0\n", inventory.Facts{Ignored: 1}},
		{lib + "~ip-1.0-py3.11.egg", "", inventory.Facts{Ignored: 1}},
		{lib + "~ip-1.0.egg-info/PKG-INFO", "", inventory.Facts{Ignored: 1}},
		// They are of CHICKEN Scheme.
		{"var/lib/chicken/11/srfi-1.egg-info", "((version 1.0)\n", inventory.Facts{Ignored: 1}},
		{"src/srfi-1.egg", ";; -*- Scheme -*-\n", inventory.Facts{Ignored: 1}},
		{lib + "setuptools/_vendor/a-1.0.dist-info/METADATA", "", bundled("a", "1.0")},
		{"usr/lib/python2.7/lib-dynload/Python-2.7.18-py2.7.egg-info", "", bundled("Python", "2.7.18")},
		{"usr/lib/python2.7/site-packages/a-1.0.egg-info", "", named("a", "1.0")},
	}
	for _, tt := range tests {
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(tt.path, tt.content))
		require.NoErrorf(t, err, "Extract, %s", tt.path)
		assert.Equalf(t, tt.want, got, "Extract, %s", tt.path)
	}
}

// An entry is a member of an archive.
type entry struct{ name, content string }

// newEgg returns an archive.
func newEgg(t testing.TB, entries ...entry) string {
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for _, e := range entries {
		member, err := w.Create(e.name)
		require.NoError(t, err)
		_, err = io.WriteString(member, e.content)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return buf.String()
}

func TestExtractEgg(t *testing.T) {
	requiring := "b>=1\nc\n# text\n\n[x]\nd\n\n[:python_version < '3']\ne\n\n[:sys_platform == 'linux']\nf\n\n[x:sys_platform == 'linux']\ng\n"
	whole := newEgg(t, entry{"a/__init__.py", ""}, entry{"EGG-INFO/PKG-INFO", "Name: a\nVersion: 1.0\n"}, entry{"EGG-INFO/requires.txt", requiring})
	within := func(p *inventory.Package) { p.Within = "EGG-INFO/PKG-INFO" }
	tests := []struct {
		name, path, content string
		want                inventory.Facts
	}{
		{"with requirements", lib + "x.egg", whole, pypi(func(p *inventory.Package) {
			within(p)
			p.Requires = []string{"b", "c", "f"}
		})},
		{"after a shell script", lib + "x.egg", "#!/bin/sh\nexec python -c '…'\n" + whole, pypi(func(p *inventory.Package) {
			within(p)
			p.Requires = []string{"b", "c", "f"}
		})},
		{"requirements in the metadata", lib + "x.egg", newEgg(t, entry{"EGG-INFO/requires.txt", "c\n"}, entry{"EGG-INFO/PKG-INFO", "Name: a\nVersion: 1.0\nRequires-Dist: b\n"}), pypi(func(p *inventory.Package) {
			within(p)
			p.Requires = []string{"b"}
		})},
		{"nothing but the name", "a-1.0-py2.7.egg", newEgg(t, entry{"EGG-INFO/PKG-INFO", ""}), pypi(within)},
		{"no metadata", "a-1.0-py2.7.egg", newEgg(t), func() inventory.Facts {
			f := pypi(nil)
			f.Problems = []string{`"a-1.0-py2.7.egg" has no EGG-INFO/PKG-INFO`}
			return f
		}()},
		{"a member twice", lib + "x.egg", newEgg(t, entry{"EGG-INFO/PKG-INFO", "Name: a\nVersion: 1.0\n"}, entry{"EGG-INFO/PKG-INFO", "Name: b\nVersion: 1.0\n"}), pypi(within)},
		{"many eggs", "basket.egg", newEgg(t, entry{"../c-3-py2.7.egg/EGG-INFO/PKG-INFO", ""}, entry{"x/EGG-INFO/PKG-INFO", "Name: x\nVersion: 1\n"}), func() inventory.Facts {
			f := pypi(func(p *inventory.Package) {
				p.Name, p.Version, p.Within = "c", "3", "../c-3-py2.7.egg/EGG-INFO/PKG-INFO"
			})
			return f
		}()},
		{"members before the beginning", "a-1.0-py2.7.egg", misplacedEgg, func() inventory.Facts {
			f := pypi(within)
			f.Problems = []string{`"EGG-INFO/PKG-INFO" cannot be read: zip: not a valid zip file`, `"EGG-INFO/requires.txt" cannot be read: zip: not a valid zip file`}
			return f
		}()},
		{"damaged metadata", "a-1.0-py2.7.egg", damagedEgg(t), func() inventory.Facts {
			f := pypi(within)
			f.Problems = []string{`"EGG-INFO/PKG-INFO" cannot be read: zip: checksum error`, `"EGG-INFO/requires.txt" cannot be read: zip: checksum error`}
			return f
		}()},
	}
	for _, tt := range tests {
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(tt.path, tt.content))
		require.NoErrorf(t, err, "Extract, %s", tt.name)
		assert.Equalf(t, tt.want, got, "Extract, %s", tt.name)
	}
}

// damagedEgg returns an archive whose metadata have another checksum than it
// says.
func damagedEgg(t testing.TB) string {
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for _, name := range []string{"EGG-INFO/PKG-INFO", "EGG-INFO/requires.txt"} {
		content := "b: c\n"
		member, err := w.CreateRaw(&zip.FileHeader{
			Name: name, Method: zip.Store, CRC32: 1,
			CompressedSize64: uint64(len(content)), UncompressedSize64: uint64(len(content)),
		})
		require.NoError(t, err)
		_, err = io.WriteString(member, content)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return buf.String()
}

// misplacedEgg is an archive whose members are stated to begin before
// the archive does.
const misplacedEgg = "PK\x01\x02000000000000000000000000\x11\x00\x00\x00\x00\x00000000000000EGG-INFO/PKG-INFO" +
	"PK\x01\x02000000000000000000000000\x15\x00\x00\x00\x00\x00000000000\x00\x00\x00EGG-INFO/requires.txtPK\x05\x06000000\x02\x00\x82\x00\x00\x001000\x00\x00"

func TestExtractErrors(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	broken := errors.New("the layer ends here")
	var many, eggs []entry
	for i := range 100 {
		many = append(many, entry{name: fmt.Sprintf("%060000d", i)})
	}
	for i := range maxEggs + 1 {
		eggs = append(eggs, entry{fmt.Sprintf("a-%d.egg/EGG-INFO/PKG-INFO", i), ""})
	}
	bomb := newEgg(t, entry{"EGG-INFO/PKG-INFO", "License: x\n" + strings.Repeat(" "+strings.Repeat("x", 1000)+"\n", maxMetadata/1000)})
	requires := newEgg(t, entry{"EGG-INFO/PKG-INFO", ""}, entry{"EGG-INFO/requires.txt", strings.Repeat("b\n", maxRequires+1)})
	tests := []struct {
		name, path string
		ctx        context.Context
		content    io.Reader
		size       int
		is         error
		text       string
	}{
		{"canceled", metaPath, canceled, strings.NewReader("Name: a\n"), 8, context.Canceled, ""},
		{"canceled, a leftover", "~-1.0.dist-info/METADATA", canceled, strings.NewReader(""), 0, context.Canceled, ""},
		{"canceled, an egg", "a.egg", canceled, strings.NewReader(requires), len(requires), context.Canceled, ""},
		{"read error", metaPath, t.Context(), io.MultiReader(strings.NewReader("Name: a\n"), iotest.ErrReader(broken)), 8, broken, ""},
		{"a file without end", metaPath, t.Context(), extracttest.Endless(" " + strings.Repeat("x", 2000) + "\n"), 8, inventory.ErrTooLarge, "more than 4194304 bytes"},
		{"requirements without end", metaPath, t.Context(), extracttest.Endless("Requires-Dist: b\n"), 8, inventory.ErrTooLarge, "more than 10000 requirements"},
		{"no archive", "a-1.0.egg", t.Context(), strings.NewReader("text"), 4, zip.ErrFormat, ""},
		{"an egg cut off", "a-1.0.egg", t.Context(), strings.NewReader(requires[:100]), 100, zip.ErrFormat, ""},
		{"an egg shorter than stated", "a-1.0.egg", t.Context(), iotest.OneByteReader(strings.NewReader(requires)), len(requires) + 1, io.EOF, ""},
		{"an empty egg", "a-1.0.egg", t.Context(), strings.NewReader(""), 0, zip.ErrFormat, ""},
		{"an egg with a large directory", "a.egg", t.Context(), strings.NewReader(newEgg(t, many...)), len(newEgg(t, many...)), inventory.ErrTooLarge, "directory of more than 4194304 bytes"},
		{"an egg of eggs without end", "a.egg", t.Context(), strings.NewReader(newEgg(t, eggs...)), len(newEgg(t, eggs...)), inventory.ErrTooLarge, "more than 1000 eggs"},
		{"an egg that is a bomb", "a.egg", t.Context(), strings.NewReader(bomb), len(bomb), inventory.ErrTooLarge, "more than 4194304 bytes"},
		{"an egg with requirements without end", "a.egg", t.Context(), strings.NewReader(requires), len(requires), inventory.ErrTooLarge, "more than 10000 requirements"},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(tt.ctx, inventory.NewFile(tt.path, 0o644, int64(tt.size), tt.content, nil))
		require.ErrorIsf(t, err, tt.is, "Extract, %s", tt.name)
		assert.ErrorContainsf(t, err, tt.text, "Extract, %s", tt.name)
		assert.Zerof(t, facts, "Extract, %s", tt.name)
	}
}

func TestMarker(t *testing.T) {
	const in311, in3, nowhere = "usr/lib/python3.11/site-packages/", "usr/lib/python3/dist-packages/", "app/"
	tests := []struct {
		path, marker string
		want         truth
	}{
		{in311, `python_version < "3.12"`, yes}, // by numbers, not as text
		{in311, `python_version < "3.9"`, no},
		{in311, `python_version<='3.11' and python_version>='3.11'`, yes},
		{in311, `python_version > "3.11.0"`, no},
		{in311, `python_version == "3.11"`, yes},
		{in311, `python_version != "3.11"`, no},
		{in311, `python_version == "3.*"`, yes},
		{in311, `python_version != "2.*"`, yes},
		{in311, `python_version ~= "3.6"`, yes},
		{in311, `python_version ~= "2.6"`, no},
		{in311, `python_version ~= "3"`, unknown}, // it has to have two numbers
		{in311, `python_version in "2.7 3.11"`, yes},
		{in311, `python_version not in "2.7, 3.10"`, yes},
		{in311, `"3.8" <= python_version`, yes},
		{in311, `"3.8" > python_version`, no},
		{in311, `python_version < "3.8.0b1"`, unknown},
		{in311, `python_full_version < "3.12"`, yes},
		{in311, `python_full_version < "3.11"`, no},
		{in311, `python_full_version > "3.11"`, unknown}, // the third number decides
		{in311, `python_full_version <= "3.11.4"`, unknown},
		{in311, `python_full_version == "3.11.*"`, yes},
		{in311, `python_full_version == "3.11.2.*"`, unknown},
		{in3, `python_version >= "3"`, yes},
		{in3, `python_version < "3"`, no},
		{in3, `python_version < "4"`, yes},
		{in3, `python_version < "3.8"`, unknown},
		{nowhere, `python_version >= "3"`, unknown},

		{in311, `sys_platform == "win32"`, no},
		{in311, `sys.platform != 'win32'`, yes},
		{in311, `sys_platform in "linux linux2"`, yes},
		{in311, `"linux" in sys_platform`, yes},
		{in311, `"linux" not in sys_platform`, no},
		{in311, `os_name == "posix" and platform_system == "Linux"`, yes},
		{in311, `platform_python_implementation == "CPython"`, yes},
		{in311, `python_implementation === "PyPy"`, no},
		{in311, `implementation_name < "d"`, unknown},
		{in311, `platform_machine == "x86_64"`, unknown},
		{nowhere, `sys_platform == "linux"`, unknown},
		{"opt/pypy/lib/pypy3.10/site-packages/", `implementation_name == "pypy" and python_version == "3.10"`, yes},
		{"x/lib/python2.7/y/lib/python3.13t/site-packages/", `python_version == "3.13"`, yes}, // the last one

		{nowhere, `extra == "x"`, no},
		{nowhere, `python_version < "3" and extra == "x"`, no},
		{nowhere, `extra == "x" or python_version < "3"`, unknown},
		{in311, `extra == "x" or python_version > "3"`, yes},
		{in311, `python_version > "3" or extra == "x" and extra == "y"`, yes}, // "and" binds stronger
		{in311, `(python_version > "3" or extra == "x") and extra == "y"`, no},
		{in311, `((sys_platform == 'linux'))`, yes},

		{in311, ``, unknown},
		{in311, `python_version`, unknown},
		{in311, `python_version >`, unknown},
		{in311, `python_version > python_version`, unknown},
		{in311, `"3" > "2"`, unknown},
		{in311, `(python_version > "3"`, unknown},
		{in311, `python_version > "3")`, unknown},
		{in311, `python_version not "3"`, unknown},
		{in311, `python_version > "3`, unknown},
		{in311, `python_version > 3`, unknown},
		{in311, `python_version > "3" and`, unknown},
		{in311, strings.Repeat("(", maxNesting) + `python_version > "3"` + strings.Repeat(")", maxNesting), yes},
		{in311, strings.Repeat("(", maxNesting+1) + `python_version > "3"` + strings.Repeat(")", maxNesting+1), unknown},
		{in311, `python_version > "3"` + strings.Repeat(` or python_version > "3"`, maxTokens), unknown},
	}
	for _, tt := range tests {
		assert.Equalf(t, tt.want, environmentOf(tt.path+"a.dist-info").eval(tt.marker), "in %q, eval(%q)", tt.path, tt.marker)
	}
}

func FuzzExtract(f *testing.F) {
	for _, tt := range metadataTests {
		f.Add(metaPath, tt.content)
	}
	f.Add(metaPath, extracttest.Fixture(f, "wheel", "ipython.METADATA"))
	f.Add("usr/lib/python3/dist-packages/a-1.0-py3.11.egg-info", extracttest.Fixture(f, "distutils", "wsgiref.egg-info"))
	f.Add("a-1.0-py2.7.egg", misplacedEgg)
	f.Add("a-1.0-py2.7.egg", extracttest.Fixture(f, "egg", "example-21.12-py3.6.egg"))
	f.Add("a-1.0-py2.7.egg", newEgg(f, entry{"EGG-INFO/PKG-INFO", "Name: a\n"}, entry{"EGG-INFO/requires.txt", "b\n[:python_version>'3']\nc"}))
	f.Fuzz(func(t *testing.T, path, content string) {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(path, content))
		extracttest.Check(t, facts, err)
		for _, p := range facts.Packages {
			require.True(t, utf8.ValidString(p.Name+p.Version))
			require.Equal(t, "pypi", p.Type)
			require.NotEmpty(t, p.Version)
			require.LessOrEqual(t, len(p.Name), maxName)
			for _, name := range append(p.Requires, p.Provides...) {
				require.Equal(t, name, requirementName.FindString(name))
			}
		}

		// The same again when the file comes in small pieces.
		again, errAgain := Extractor{}.Extract(t.Context(), inventory.NewFile(path, 0o644, int64(len(content)), iotest.OneByteReader(strings.NewReader(content)), nil))
		require.Equal(t, facts, again)
		require.Equal(t, err == nil, errAgain == nil)
	})
}

// FuzzMarker compares what is known of a condition with what is known of it
// where less is known: that may be less, and nothing else.
func FuzzMarker(f *testing.F) {
	for _, s := range []string{`python_version < "3.8"`, `(python_full_version ~= "3.8" or extra == 'x') and os_name != "nt"`, `"3.*" != python_version`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, marker string) {
		most := environmentOf("lib/python3.11/a").eval(marker)
		for _, p := range []string{"lib/python3/a", "a"} {
			if less := environmentOf(p).eval(marker); less != unknown {
				require.Equalf(t, most, less, "in %q, eval(%q)", p, marker)
			}
		}
	})
}

func BenchmarkExtract(b *testing.B) {
	content := extracttest.Fixture(b, "wheel", "ipython.METADATA")
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), extracttest.File(metaPath, content))
		if err != nil || len(facts.Packages) != 1 || len(facts.Packages[0].Requires) != 10 {
			b.Fatal(facts, err)
		}
	}
}
