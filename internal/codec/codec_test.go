package codec_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/internal/codec/codectest"
	"github.com/imagevet/imagevet/sbom/inventory"
)

func TestJSONWriter(t *testing.T) {
	for _, compact := range []bool{false, true} {
		var buf bytes.Buffer
		w := codec.NewJSONWriter(&buf, compact)
		w.Member("a", map[string]any{"x": []int{1}, "y": "<"})
		w.List("l")
		w.Element(struct{ N int }{1})
		w.Element("two")
		w.EndList()
		w.List("empty")
		w.EndList()
		w.Object("o")
		w.List("l")
		w.Object("")
		w.Member("m", 1)
		w.EndObject()
		w.Object("")
		w.EndObject()
		w.EndList()
		w.Member("n", 2)
		w.EndObject()
		w.Member("z", 1)
		require.NoError(t, w.Close())
		var want bytes.Buffer
		enc := json.NewEncoder(&want)
		enc.SetEscapeHTML(false)
		if !compact {
			enc.SetIndent("", "  ")
		}
		require.NoError(t, enc.Encode(struct {
			A     any   `json:"a"`
			L     []any `json:"l"`
			Empty []int `json:"empty"`
			O     any   `json:"o"`
			Z     int   `json:"z"`
		}{map[string]any{"x": []int{1}, "y": "<"}, []any{struct{ N int }{1}, "two"}, []int{}, struct {
			L []any `json:"l"`
			N int   `json:"n"`
		}{[]any{map[string]int{"m": 1}, struct{}{}}, 2}, 1}))
		assert.Equal(t, want.String(), buf.String(), "the same as encoding/json writes at once")
	}
}

// TestUUIDFollowsEveryField changes each field of the model in turn.
func TestUUIDFollowsEveryField(t *testing.T) {
	seen := map[string]string{}
	check := func(what string, b *inventory.BOM, opts *codec.Options) {
		id := codec.UUID(b, opts, "x")
		assert.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, id)
		other, known := seen[id]
		assert.Falsef(t, known, "%s and %s have the same UUID", what, other)
		seen[id] = what
	}
	check("nothing", &inventory.BOM{}, &codec.Options{})
	for _, name := range fields[codec.Options]() {
		var o codec.Options
		change(reflect.ValueOf(&o).Elem().FieldByName(name))
		check("option "+name, &inventory.BOM{}, &o)
	}
	for _, name := range fields[inventory.BOM]() {
		var b inventory.BOM
		change(reflect.ValueOf(&b).Elem().FieldByName(name))
		check("BOM."+name, &b, &codec.Options{})
	}
	for _, name := range fields[inventory.Package]() {
		var p inventory.Package
		change(reflect.ValueOf(&p).Elem().FieldByName(name))
		check("Package."+name, &inventory.BOM{Packages: []inventory.Package{p}}, &codec.Options{})
	}
	assert.Equal(t, codec.UUID(&inventory.BOM{}, &codec.Options{}, "x"), codec.UUID(&inventory.BOM{}, &codec.Options{}, "x"))
	assert.NotEqual(t, codec.UUID(&inventory.BOM{}, &codec.Options{}, "x"), codec.UUID(&inventory.BOM{}, &codec.Options{}, "y"), "another format")
}

func fields[T any]() []string {
	var names []string
	for f := range reflect.TypeFor[T]().Fields() {
		names = append(names, f.Name)
	}
	return names
}

// change gives a zero value another one.
func change(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	case reflect.Uint8:
		v.SetUint(1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		if v.Type() == reflect.TypeFor[[]*inventory.FileError]() {
			v.Index(0).Set(reflect.ValueOf(&inventory.FileError{Err: assert.AnError}))
		}
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{"k": "v"}))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Unix(1, 0)))
			return
		}
		change(v.Field(0))
	default:
		panic(v.Type().String())
	}
}

func TestGraph(t *testing.T) {
	p := func(purl string, on ...string) inventory.Package {
		return inventory.Package{PURL: purl, DependsOn: on}
	}
	tests := []struct {
		packages []inventory.Package
		on       [][]int
		top      []int
		missing  int
	}{
		{nil, [][]int{}, nil, 0},
		{[]inventory.Package{p("a", "b"), p("b")}, [][]int{{1}, nil}, []int{0}, 0},
		{[]inventory.Package{p("a", "b"), p("b", "a"), p("c")}, [][]int{{1}, {0}, nil}, []int{0, 2}, 0}, // a circle
		{[]inventory.Package{p("a", "a")}, [][]int{{0}}, []int{0}, 0},
		{[]inventory.Package{p("a", "b", "x"), p("b"), p("b")}, [][]int{{1}, nil, nil}, []int{0, 2}, 1}, // the first of two
		{[]inventory.Package{p(""), p("", "")}, [][]int{nil, nil}, []int{0, 1}, 1},
	}
	for _, tt := range tests {
		g := codec.NewGraph(tt.packages)
		assert.Equal(t, tt.on, g.On)
		assert.Equal(t, tt.top, g.Top)
		assert.Equal(t, tt.missing, g.Missing)
	}
}

func TestRefs(t *testing.T) {
	var r codec.Refs
	assert.Equal(t, []string{"pkg:a/a@1", "pkg:a/a@1#2", "pkg:a/a@1#3", "package:t/n/m@v"}, r.Packages([]inventory.Package{
		{PURL: "pkg:a/a@1"}, {PURL: "pkg:a/a@1"}, {PURL: "pkg:a/a@1"}, {Type: "t", Namespace: "n", Name: "m", Version: "v"},
	}))
	assert.Equal(t, "pkg:a/a@1#2#2", r.Unique("pkg:a/a@1#2"))
	assert.Equal(t, "pkg:a/a@1#4", r.Unique("pkg:a/a@1"))
}

// TestPackagePropertiesHoldEverything sets every field of a package, with a
// format that has no field for anything.
func TestPackagePropertiesHoldEverything(t *testing.T) {
	full := codectest.Package()
	p, err := codec.PackageOf(full.PURL)
	require.NoError(t, err)
	p.PURL = full.PURL
	for _, prop := range codec.PackageProperties(&full, codec.Fields{}) {
		known, err := codec.SetPackageProperty(&p, prop)
		assert.NoError(t, err)
		assert.Truef(t, known, "property %q", prop.Name)
	}
	// What the graph and the list of layers hold.
	p.DependsOn, p.Layer, p.DeletedBy = full.DependsOn, full.Layer, full.DeletedBy
	assert.Equal(t, full, p)
}

func TestQuote(t *testing.T) {
	assert.Equal(t, `"a\n"`, codec.Quote("a\n"))
	assert.Equal(t, `"`+strings.Repeat("a", 79)+`…"`, codec.Quote(strings.Repeat("a", 79)+"漢字"), "not within a character")
	assert.Equal(t, `"…"`, codec.Quote(strings.Repeat("\xbd", 100)), "bytes that begin no character")
}

func TestCPE(t *testing.T) {
	for _, name := range []string{"cpe:2.3:a:x:y:1:*:*:*:*:*:*:*", `cpe:2.3:o:a\+b:c:-:-:-:de-CH:*:*:*:*`, "cpe:/a:x:y:1", "cpe:/o:redhat:enterprise_linux:9::baseos"} {
		assert.Equal(t, name, codec.ValidCPE(name))
	}
	for _, name := range []string{"", "cpe:2.3:a:x", "cpe:2.3:a:x:y:1:*:*:*:*:*:*", "cpe:2.3:x:x:y:1:*:*:*:*:*:*:*", "cpe:/a:x y", "x"} {
		assert.Empty(t, codec.ValidCPE(name), name)
	}
}

func TestTimes(t *testing.T) {
	for in, want := range map[string]time.Time{
		"2024-05-06T07:08:09Z":        time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC),
		"2024-05-06T07:08:09.5+02:00": time.Date(2024, 5, 6, 5, 8, 9, 5e8, time.UTC),
		"2024-05-06T07:08:09":         time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC),
		"2024-05-06":                  time.Date(2024, 5, 6, 0, 0, 0, 0, time.UTC),
	} {
		got, err := codec.ParseTime(in)
		require.NoError(t, err, in)
		assert.Equal(t, want, got, in)
	}
	for _, in := range []string{"", "soon", "06.05.2024", "2024-13-01"} {
		_, err := codec.ParseTime(in)
		assert.Error(t, err, in)
	}
	assert.Equal(t, "2024-05-06T05:08:09Z", codec.FormatTime(time.Date(2024, 5, 6, 7, 8, 9, 5, time.FixedZone("", 7200))))
}

func TestPackageOf(t *testing.T) {
	source := func(name, version string) inventory.Source { return inventory.Source{Name: name, Version: version} }
	tests := []struct {
		purl string
		want inventory.Package
	}{
		{"", inventory.Package{}},
		{"pkg:npm/%40babel/core@7.1.0", inventory.Package{Type: "npm", Namespace: "@babel", Name: "core", Version: "7.1.0"}},
		{"pkg:deb/debian/libssl3@3.0.15-1?arch=amd64&distro=debian-12&upstream=openssl", inventory.Package{Type: "deb", Namespace: "debian", Name: "libssl3", Version: "3.0.15-1", Arch: "amd64", Source: source("openssl", "3.0.15-1")}},
		{"pkg:deb/debian/bash@5?upstream=bash@5-1", inventory.Package{Type: "deb", Namespace: "debian", Name: "bash", Version: "5", Source: source("bash", "5-1")}},
		{"pkg:deb/debian/zlib1g@1.2?epoch=1", inventory.Package{Type: "deb", Namespace: "debian", Name: "zlib1g", Version: "1:1.2", Source: source("zlib1g", "1:1.2")}}, // Trivy's
		{"pkg:rpm/rocky/openssl-libs@3.0.7-6.el9_2?epoch=1&upstream=openssl-3.0.7-6.el9_2.src.rpm&rpmmod=m:1", inventory.Package{Type: "rpm", Namespace: "rocky", Name: "openssl-libs", Version: "1:3.0.7-6.el9_2", Module: "m:1", Source: source("openssl", "3.0.7-6.el9_2")}},
		{"pkg:rpm/rocky/tar@1.34?epoch=2&upstream=tar", inventory.Package{Type: "rpm", Namespace: "rocky", Name: "tar", Version: "2:1.34", Source: source("tar", "1.34")}},
		{"pkg:rpm/rocky/tar@1.34", inventory.Package{Type: "rpm", Namespace: "rocky", Name: "tar", Version: "1.34"}}, // no source is known
		{"pkg:apk/alpine/musl@1.2-r0?distro=3.19.1", inventory.Package{Type: "apk", Namespace: "alpine", Name: "musl", Version: "1.2-r0", Source: source("musl", "1.2-r0")}},
		{"pkg:bitnami/x@1?distro=debian-12", inventory.Package{Type: "bitnami", Name: "x", Version: "1", Qualifiers: map[string]string{"distro": "debian-12"}}},
	}
	for _, tt := range tests {
		got, err := codec.PackageOf(tt.purl)
		require.NoError(t, err, tt.purl)
		assert.Equal(t, tt.want, got, tt.purl)
	}
	for _, purl := range []string{"x", "pkg:", "pkg:npm", "npm/a@1", "pkg:npm/%ff@1"} {
		got, err := codec.PackageOf(purl)
		assert.Error(t, err, purl)
		assert.Zero(t, got, purl)
	}
}

func TestDistroOf(t *testing.T) {
	for purl, want := range map[string]inventory.OS{
		"pkg:deb/debian/a@1?distro=debian-12":                                {ID: "debian", Version: "12"},
		"pkg:deb/debian/a@1?distro=bookworm":                                 {ID: "debian", Codename: "bookworm"},
		"pkg:deb/debian/a@1?distro=debian-bookworm":                          {ID: "debian", Codename: "bookworm"},
		"pkg:deb/debian/a@1?distro=debian-12&distro_name=bookworm":           {ID: "debian", Version: "12", Codename: "bookworm"}, // cdxgen
		"pkg:apk/alpine/a@1?distro=alpine-3.10.4&distro_name=alpine-3.10":    {ID: "alpine", Version: "3.10.4"},                   // cdxgen
		"pkg:apk/alpine/a@1?distro=3.10.4":                                   {ID: "alpine", Version: "3.10.4"},                   // Trivy
		"pkg:rpm/opensuse/a@1?distro=opensuse-leap-15.4":                     {ID: "opensuse-leap", Version: "15.4"},
		"pkg:deb/debian/a@1?os_distro=bookworm&os_name=debian&os_version=12": {ID: "debian", Version: "12", Codename: "bookworm"}, // BuildKit
		"pkg:alpm/arch/a@1?distro=arch":                                      {ID: "arch"},
		"pkg:deb/debian/a@1":                                                 {},
		"pkg:npm/a@1?distro=debian-12":                                       {},
		"x":                                                                  {},
		"pkg:deb/a@1?distro=12":                                              {}, // of what?
	} {
		assert.Equal(t, want, codec.DistroOf(purl), purl)
	}
}

func TestSourceRPM(t *testing.T) {
	got, ok := codec.SourceRPM("openssl-3.0.7-6.el9.src.rpm")
	assert.True(t, ok)
	assert.Equal(t, inventory.Source{Name: "openssl", Version: "3.0.7-6.el9"}, got)
	got, ok = codec.SourceRPM("gcc-toolset-12-1.2-3.nosrc.rpm")
	assert.True(t, ok)
	assert.Equal(t, inventory.Source{Name: "gcc-toolset-12", Version: "1.2-3"}, got)
	for _, file := range []string{"", "x", ".src.rpm", "a.src.rpm", "a-1.src.rpm", "-1-2.src.rpm", "openssl-3.0.7-6.el9.rpm"} {
		_, ok := codec.SourceRPM(file)
		assert.False(t, ok, file)
	}
}

func TestImagePURL(t *testing.T) {
	digest := "sha256:" + strings.Repeat("a", 64)
	for target, want := range map[inventoryTarget]string{
		{"debian", "registry", digest, ""}:                         "pkg:oci/debian@" + digest + "?repository_url=docker.io%2Flibrary%2Fdebian",
		{"debian:12", "registry", digest, "linux/arm64/v8"}:        "pkg:oci/debian@" + digest + "?arch=arm64&repository_url=docker.io%2Flibrary%2Fdebian&tag=12",
		{"Team/App@" + digest, "registry", digest, ""}:             "pkg:oci/app@" + digest + "?repository_url=docker.io%2Fteam%2Fapp",
		{"localhost:5000/a/b:x@" + digest, "registry", digest, ""}: "pkg:oci/b@" + digest + "?repository_url=localhost:5000%2Fa%2Fb&tag=x",
		{"debian", "docker-archive", digest, ""}:                   "",
		{"debian", "registry", "", ""}:                             "",
		{"", "registry", digest, ""}:                               "",
	} {
		got := codec.ImagePURL(&inventory.Target{Name: target.name, Kind: target.kind, Digest: target.digest, Platform: target.platform})
		assert.Equal(t, want, got, target)
	}
}

type inventoryTarget struct{ name, kind, digest, platform string }

func TestCollector(t *testing.T) {
	c := codec.NewCollector("x", codec.Limits{Packages: 10, Edges: 10})
	require.NoError(t, c.Add("a", inventory.Package{Name: "a", PURL: "pkg:npm/a@1", Layer: inventory.Layer{DiffID: "sha256:2"}}))
	require.NoError(t, c.Add("b", inventory.Package{Name: "b", PURL: "pkg:npm/b@1", Layer: inventory.Layer{Index: 7}}))
	require.NoError(t, c.Add("", inventory.Package{}))
	require.NoError(t, c.Element("root"))
	for _, e := range [][2]string{{"a", "b"}, {"a", "b"}, {"b", "a"}, {"a", "a"}, {"root", "a"}, {"a", "nothing"}} {
		require.NoError(t, c.DependsOn(e[0], e[1]))
	}
	c.BOM.Layers = []inventory.Layer{{Index: 0, DiffID: "sha256:1"}, {Index: 1, DiffID: "sha256:2", CreatedBy: "RUN"}}
	b := c.Finish()
	require.Len(t, b.Packages, 2)
	assert.Equal(t, []string{"pkg:npm/b@1"}, b.Packages[0].DependsOn)
	assert.Equal(t, []string{"pkg:npm/a@1"}, b.Packages[1].DependsOn)
	assert.Equal(t, b.Layers[1], b.Packages[0].Layer, "by its diff ID")
	assert.Equal(t, inventory.Layer{Index: 7}, b.Packages[1].Layer, "a layer that is not listed stays as it is")
	require.Len(t, b.Problems, 2)
	assert.Contains(t, b.Problems[0].Error(), "has no name")
	assert.Contains(t, b.Problems[1].Error(), `1 relationships name something that is not in the document, such as "nothing"`)
	var remark *codec.Remark
	assert.ErrorAs(t, b.Problems[1].Err, &remark)
	assert.NotErrorAs(t, b.Problems[0].Err, &remark)
}
