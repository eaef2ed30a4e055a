package codec_test

import (
	"bytes"
	"encoding/json"
	"reflect"
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
			Z     int   `json:"z"`
		}{map[string]any{"x": []int{1}, "y": "<"}, []any{struct{ N int }{1}, "two"}, []int{}, 1}))
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
