package sbom_test

import (
	"fmt"
	"log"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/codec/codectest"
	"github.com/imagevet/imagevet/sbom"
)

// imageBOM returns a part with a package of its own.
func imageBOM(name, digest, id, platform string) *sbom.BOM {
	b := pkgs("p-" + name + " 1")
	b.Target = sbom.Target{Name: name, Digest: digest, ImageID: id, Platform: platform}
	return b
}

func TestMerge(t *testing.T) {
	inner := product(imageBOM("c", "sha256:c", "", ""), imageBOM("a", "sha256:a", "", ""))
	inner.Target.Name = "inner"
	both := product(imageBOM("a", "sha256:a", "", ""))
	both.Target = sbom.Target{Name: "both"}
	both.Packages = pkgs("own 1").Packages
	tests := []struct {
		name  string
		parts []*sbom.BOM
		want  []string // names and digests of the parts
	}{
		{"nothing", nil, nil},
		{"sorted", []*sbom.BOM{imageBOM("b", "sha256:2", "", ""), imageBOM("b", "sha256:1", "", ""), imageBOM("a", "sha256:3", "", "")}, []string{"a sha256:3", "b sha256:1", "b sha256:2"}},
		{"by digest", []*sbom.BOM{imageBOM("b", "sha256:1", "", "linux/amd64"), imageBOM("a", "sha256:1", "", "linux/amd64")}, []string{"b sha256:1"}},
		{"by configuration", []*sbom.BOM{imageBOM("b", "sha256:1", "sha256:9", ""), imageBOM("a", "", "sha256:9", "")}, []string{"b sha256:1"}},
		{"an index", []*sbom.BOM{imageBOM("b", "sha256:1", "", "linux/amd64"), imageBOM("b", "sha256:1", "", "linux/arm64")}, []string{"b sha256:1", "b sha256:1"}},
		{"by content", []*sbom.BOM{imageBOM("b", "", "", ""), imageBOM("b", "", "", ""), imageBOM("c", "", "", "")}, []string{"b ", "c "}},
		{"a product", []*sbom.BOM{imageBOM("b", "sha256:b", "", ""), inner, imageBOM("a", "sha256:a", "", "")}, []string{"a sha256:a", "b sha256:b", "c sha256:c"}},
		{"more than parts", []*sbom.BOM{both}, []string{"a sha256:a", "both "}},
	}
	for _, tt := range tests {
		b, err := sbom.Merge(sbom.Target{Name: "shop", Version: "2"}, tt.parts...)
		require.NoError(t, err, tt.name)
		assert.Equal(t, sbom.Target{Name: "shop", Version: "2", Kind: "product"}, b.Target)
		assert.Empty(t, b.Packages)
		var got []string
		for _, p := range b.Parts {
			got = append(got, p.Target.Name+" "+p.Target.Digest)
			assert.Empty(t, p.Parts)
			assert.Len(t, p.Packages, 1)
		}
		assert.Equal(t, tt.want, got, tt.name)
	}
	b, err := sbom.Merge(sbom.Target{Name: "x", Kind: "suite"})
	require.NoError(t, err)
	assert.Equal(t, "suite", b.Target.Kind)
}

func TestMergeErrors(t *testing.T) {
	circle := &sbom.BOM{}
	circle.Parts = []*sbom.BOM{circle}
	tests := []struct {
		name  string
		parts []*sbom.BOM
		want  string
	}{
		{"", []*sbom.BOM{{}}, "the product has no name"},
		{"x", []*sbom.BOM{nil}, "a part is nil"},
		{"x", []*sbom.BOM{product(nil)}, "a part is nil"},
		{"x", []*sbom.BOM{circle}, "without end"},
	}
	for _, tt := range tests {
		b, err := sbom.Merge(sbom.Target{Name: tt.name}, tt.parts...)
		assert.ErrorContains(t, err, tt.want)
		assert.Nil(t, b)
	}
}

// TestMergeCopies takes a part in which every field is set, and looks for
// memory that the result shares with it.
func TestMergeCopies(t *testing.T) {
	part := codectest.BOM()
	part.Document = sbom.Document{Format: "SPDX", Authors: []string{"a"}, Tools: []sbom.Tool{{Name: "t"}}, Lifecycles: []string{"build"}}
	target := sbom.Target{Name: "x", Labels: map[string]string{"k": "v"}}
	b, err := sbom.Merge(target, part)
	require.NoError(t, err)
	assert.Equal(t, codectest.BOM().Packages, part.Packages, "the part is as it was")
	require.Len(t, b.Parts, 1)
	assert.Equal(t, part, b.Parts[0])

	known := map[uintptr]string{}
	walk(reflect.ValueOf(part), "part", func(p uintptr, path string) { known[p] = path })
	walk(reflect.ValueOf(target), "target", func(p uintptr, path string) { known[p] = path })
	require.Greater(t, len(known), 30)
	walk(reflect.ValueOf(b), "result", func(p uintptr, path string) {
		assert.Emptyf(t, known[p], "%s shares memory", path)
	})
}

// walk calls visit with the address of all that a value of the model points to.
func walk(v reflect.Value, path string, visit func(p uintptr, path string)) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			visit(v.Pointer(), path)
			walk(v.Elem(), path, visit)
		}
	case reflect.Slice:
		if v.Len() > 0 {
			visit(v.Pointer(), path)
		}
		for i := range v.Len() {
			walk(v.Index(i), fmt.Sprintf("%s[%d]", path, i), visit)
		}
	case reflect.Map:
		if v.Len() > 0 {
			visit(v.Pointer(), path)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range v.NumField() {
			walk(v.Field(i), path+"."+v.Type().Field(i).Name, visit)
		}
	}
}

// The inventory of what is deployed together.
func ExampleMerge() {
	web := &sbom.BOM{
		Target:   sbom.Target{Name: "registry.example/web:1", Digest: "sha256:aa"},
		Packages: []sbom.Package{{Type: "npm", Name: "express", Version: "4.19.2"}},
	}
	db := &sbom.BOM{
		Target:   sbom.Target{Name: "registry.example/db:1", Digest: "sha256:bb"},
		Packages: []sbom.Package{{Type: "deb", Name: "postgresql-16", Version: "16.3-1"}},
	}
	shop, err := sbom.Merge(sbom.Target{Name: "shop", Version: "2.1"}, web, db)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(shop.Target.Name, shop.Target.Version)
	for _, part := range shop.Parts {
		fmt.Println(part.Target.Name, len(part.Packages))
	}
	// Output:
	// shop 2.1
	// registry.example/db:1 1
	// registry.example/web:1 1
}
