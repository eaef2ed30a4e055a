package pydep

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom/inventory"
)

var specifiers = []struct {
	text string
	want Requirement
	ok   bool
}{
	{"a", Requirement{Name: "a"}, true},
	{" A.b_c-d >= 1.0, <2 ", Requirement{Name: "A.b_c-d", Constraint: ">= 1.0, <2"}, true},
	{"a[x,y]==1.*", Requirement{Name: "a", Constraint: "==1.*"}, true},
	{"a (>=1,!=2)", Requirement{Name: "a", Constraint: ">=1,!=2"}, true},
	{"a;os_name=='nt'", Requirement{Name: "a", Marker: "os_name=='nt'"}, true},
	{"a>=1 ; extra == \"x\"", Requirement{Name: "a", Constraint: ">=1", Marker: `extra == "x"`}, true},
	{"a===x@y", Requirement{Name: "a", Constraint: "===x@y"}, true},
	{"a>=1<2", Requirement{Name: "a", Constraint: ">=1<2"}, true},
	{"a>=1,", Requirement{Name: "a", Constraint: ">=1,"}, true},
	{"a@https://h/x;y ; os_name=='nt'", Requirement{Name: "a", URL: "https://h/x;y", Marker: "os_name=='nt'"}, true},
	{"a[x] @ git+https://h/x@v1", Requirement{Name: "a", URL: "git+https://h/x@v1"}, true},
	{"", Requirement{}, false},
	{"-a", Requirement{}, false},
	{"a b", Requirement{}, false},
	{"a==", Requirement{}, false},
	{"a==1 2", Requirement{}, false},
	{"a=1", Requirement{}, false},
	{"a^1", Requirement{}, false},
	{"a[x", Requirement{}, false},
	{"a(>1", Requirement{}, false},
	{"a @", Requirement{}, false},
	{"a @ x y", Requirement{}, false},
	{strings.Repeat("a", MaxField+1), Requirement{}, false},
	{"a>" + strings.Repeat("1", MaxField), Requirement{}, false},
	{"a@" + strings.Repeat("x", MaxField+1), Requirement{}, false},
}

func TestParse(t *testing.T) {
	for _, tt := range specifiers {
		got, ok := Parse(tt.text)
		assert.Equalf(t, tt.ok, ok, "Parse(%q)", tt.text)
		assert.Equalf(t, tt.want, got, "Parse(%q)", tt.text)
	}
}

func TestPinned(t *testing.T) {
	for constraint, want := range map[string]string{
		"": "", "==1": "1", "=== 1.0-x": "1.0-x", ">1": "", "==1.*": "", "<2, ==1.5": "1.5", "~=1.4": "", "==": "", "!=1": "",
		"==1<2": "1", "==1!2.0": "1!2.0", "==1!=2": "1", "===1<2": "1<2",
	} {
		assert.Equalf(t, want, Pinned(constraint), "Pinned(%q)", constraint)
	}
}

func TestPackage(t *testing.T) {
	tests := []struct {
		r    Requirement
		want inventory.Package
		ok   bool
	}{
		{Requirement{Name: "a", Constraint: "==1"}, inventory.Package{Type: "pypi", Name: "a", Version: "1"}, true},
		{Requirement{Name: "a", Constraint: ">1"}, inventory.Package{Type: "pypi", Name: "a", Constraint: ">1"}, true},
		{Requirement{Name: "a"}, inventory.Package{Type: "pypi", Name: "a", Constraint: "*"}, true},
		{Requirement{Name: "a", URL: "https://t@h/x"}, inventory.Package{Type: "pypi", Name: "a", Constraint: "https://h/x"}, true},
		{Requirement{Name: "a", URL: "file:///x/a-1.0.tar.gz"}, inventory.Package{Type: "pypi", Name: "a", Version: "1.0"}, true},
		{Requirement{Name: "a", URL: "file:///x/a"}, inventory.Package{}, false},
		{Requirement{Name: "a", URL: "../a"}, inventory.Package{}, false},
		{Requirement{Name: "a", URL: "${HOME}/a"}, inventory.Package{}, false},
		{Requirement{Name: "a", URL: `C:\a`}, inventory.Package{}, false},
	}
	for _, tt := range tests {
		got, ok := tt.r.Package()
		assert.Equalf(t, tt.ok, ok, "%v", tt.r)
		assert.Equalf(t, tt.want, got, "%v", tt.r)
	}
}

func TestArchiveVersion(t *testing.T) {
	tests := []struct{ name, url, want string }{
		{"a-b", "https://h/a_b-1.0-py3-none-any.whl#sha256=x", "1.0"},
		{"a", "https://h/a-1.0-2-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl?x", "1.0"},
		{"a", "a-1.0%2Bcpu-cp311-cp311-linux_x86_64.whl", "1.0+cpu"},
		{"b", "a-1.0-py3-none-any.whl", ""}, // of another package
		{"a", "a-1.0.tar.gz", "1.0"},
		{"a.b", "A-B-1.0rc1.zip", "1.0rc1"},
		{"a", "b-1.0.tar.gz", ""},
		{"a", "a-main.zip", ""},
		{"a", "a-20.zip", ""}, // may be the number of a commit or build
		{"a", "a-1.0.exe", ""},
		{"a", "", ""},
		{"a", strings.Repeat("x", MaxField) + "/a-1.0.zip", ""},
	}
	for _, tt := range tests {
		assert.Equalf(t, tt.want, ArchiveVersion(tt.name, tt.url), "ArchiveVersion(%q, %q)", tt.name, tt.url)
	}
}

func TestCleanURL(t *testing.T) {
	for url, want := range map[string]string{
		"https://h/x@y":             "https://h/x@y",
		"https://u:p@h/x":           "https://h/x",
		"https://u:p@q@h":           "https://h",
		"git+https://token@h/x@v1":  "git+https://h/x@v1",
		"git+ssh://git@h/x":         "git+ssh://git@h/x",
		"git@h:x/y.git":             "git@h:x/y.git",
		"https://h/?next=//u:p@h/x": "https://h/?next=//u:p@h/x",
	} {
		assert.Equalf(t, want, CleanURL(url), "CleanURL(%q)", url)
	}
}

func TestVCS(t *testing.T) {
	assert.Equal(t, map[string]string{"vcs_url": "git+https://h/x@0123"}, VCS("git", "https://u@h/x", "0123"))
	assert.Equal(t, map[string]string{"vcs_url": "git+https://h/x"}, VCS("git", "git+https://h/x", ""))
	assert.Nil(t, VCS("git", "", "0123"))
	assert.Nil(t, VCS("git", strings.Repeat("x", MaxField), "0123"))
}

func TestIsDevelopment(t *testing.T) {
	for name, want := range map[string]bool{
		"": false, "dev": true, "requirements-dev": true, "requirements_test": true, "Docs": true, "prod": false,
		"device": false, "latest": false, "default": false, "ci.lint": true,
	} {
		assert.Equalf(t, want, IsDevelopment(name), "IsDevelopment(%q)", name)
	}
}

func FuzzParse(f *testing.F) {
	for _, tt := range specifiers {
		f.Add(tt.text)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, ok := Parse(s)
		if !ok {
			require.Zero(t, r)
			return
		}
		require.NotEmpty(t, r.Name)
		require.True(t, r.URL == "" || r.Constraint == "")
		require.LessOrEqual(t, max(len(r.Name), len(r.URL), len(r.Constraint)), MaxField)
		// What is written again is the same.
		again := r.Name + " " + r.Constraint
		if r.URL != "" {
			again = r.Name + " @ " + r.URL + " "
		}
		if r.Marker != "" {
			again += ";" + r.Marker
		}
		r2, ok := Parse(again)
		require.Truef(t, ok, "Parse(%q), from %q", again, s)
		require.Equal(t, r, r2)
		r.Package()
	})
}
