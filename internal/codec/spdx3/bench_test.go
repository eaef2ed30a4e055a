package spdx3_test

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/internal/codec/spdx3"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// many returns an inventory of n packages like those of a distribution.
func many(n int) *inventory.BOM {
	b := &inventory.BOM{
		Target: inventory.Target{Name: "registry.example/app:1", Kind: "registry"},
		OS:     inventory.OS{ID: "debian", Version: "12", Name: "Debian GNU/Linux 12 (bookworm)"},
		Layers: []inventory.Layer{{DiffID: "sha256:b0"}},
	}
	for i := range n {
		name := fmt.Sprintf("package-%05d", i)
		p := inventory.Package{
			Type: "deb", Namespace: "debian", Name: name, Version: "1.2.3-4", Arch: "amd64", Source: inventory.Source{Name: name, Version: "1.2.3-4"},
			PURL: "pkg:deb/debian/" + name + "@1.2.3-4?arch=amd64&distro=debian-12", Maintainer: fmt.Sprintf("Team %d <team%d@lists.debian.org>", i%50, i%50),
			Licenses: []string{fmt.Sprintf("Licence %d", i%30)}, Requires: []string{"libc6", "libgcc-s1", "zlib1g"}, Extractor: "dpkg",
			Paths: []string{"usr/share/doc/" + name + "/copyright", "var/lib/dpkg/status"}, Layer: b.Layers[0],
		}
		for _, d := range []int{1, 2, 3} {
			if i >= d {
				p.DependsOn = append(p.DependsOn, fmt.Sprintf("pkg:deb/debian/package-%05d@1.2.3-4?arch=amd64&distro=debian-12", i-d))
			}
		}
		slices.Sort(p.DependsOn)
		b.Packages = append(b.Packages, p)
	}
	return b
}

func BenchmarkEncodeJSON(b *testing.B) {
	bom := many(5000)
	var buf bytes.Buffer
	require.NoError(b, spdx3.EncodeJSON(&buf, bom, &codec.Options{}))
	b.SetBytes(int64(buf.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if err := spdx3.EncodeJSON(io.Discard, bom, &codec.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeJSON(b *testing.B) {
	data := encode(b, many(5000), codec.Options{})
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if got, err := decode(data, codec.DefaultLimits()); err != nil || len(got.Packages) != 5000 {
			b.Fatal(err)
		}
	}
}
