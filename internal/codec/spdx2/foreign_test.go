package spdx2_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/internal/codec/codectest"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// decodeFile reads a document of testdata/sbom, or the statement of in-toto
// that holds one.
func decodeFile(t *testing.T, elem ...string) *inventory.BOM {
	t.Helper()
	data, err := os.ReadFile(codectest.Testdata(elem...))
	require.NoError(t, err)
	name := elem[len(elem)-1]
	if strings.HasSuffix(name, ".intoto.json") {
		var statement struct{ Predicate json.RawMessage }
		require.NoError(t, json.Unmarshal(data, &statement))
		data = statement.Predicate
	}
	decode := encodings()[1].decode
	if strings.HasSuffix(name, ".json") {
		decode = decodeJSON
	}
	b, err := decode(bytes.NewReader(data), codec.DefaultLimits())
	require.NoErrorf(t, err, "%v", elem)
	return b
}

// totals are what the tests count in an inventory.
type totals struct{ packages, dependencies, paths, maintainers, vendors, licenses, expressions int }

func totalsOf(b *inventory.BOM) totals {
	t := totals{packages: len(b.Packages)}
	for i := range b.Packages {
		p := &b.Packages[i]
		t.dependencies += len(p.DependsOn)
		t.paths += count1(len(p.Paths) > 0)
		t.maintainers += count1(p.Maintainer != "")
		t.vendors += count1(p.Vendor != "")
		t.licenses += count1(len(p.Licenses) > 0)
		t.expressions += count1(p.LicenseExpression != "")
	}
	return t
}

func count1(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TestForeign reads the documents of other tools: each tells of the same image,
// whatever the encoding.
func TestForeign(t *testing.T) {
	alpine := inventory.OS{ID: "alpine", Version: "3.10.4"}
	debian := inventory.OS{ID: "debian", Version: "12.15"}
	rocky := inventory.OS{ID: "rocky", Version: "9.2"}
	tests := []struct {
		folder, file string
		os           inventory.OS
		want         totals
	}{
		{"trivy-0.74.0", "alpine-3.10.spdx.json", alpine, totals{14, 21, 0, 13, 0, 14, 14}},
		{"trivy-0.74.0", "alpine-3.10.spdx", alpine, totals{14, 21, 0, 13, 0, 14, 14}},
		{"trivy-0.74.0", "debian12-apps.spdx.json", debian, totals{29, 9, 16, 13, 0, 22, 16}},
		{"trivy-0.74.0", "debian12-apps.spdx", debian, totals{29, 9, 16, 13, 0, 22, 16}},
		{"trivy-0.74.0", "rocky9-small.spdx.json", rocky, totals{24, 45, 0, 0, 24, 24, 12}},
		{"trivy-0.74.0", "rocky9-small.spdx", rocky, totals{24, 45, 0, 0, 24, 24, 12}},
		{"syft-1.57.1", "alpine-3.10.spdx23.json", alpine, totals{14, 21, 14, 13, 0, 14, 12}},
		{"syft-1.57.1", "alpine-3.10.spdx22.json", alpine, totals{14, 21, 14, 13, 0, 14, 12}},
		{"syft-1.57.1", "alpine-3.10.spdx", alpine, totals{14, 21, 14, 13, 0, 14, 12}},
		{"syft-1.57.1", "alpine-3.10.spdx22.spdx", alpine, totals{14, 21, 14, 13, 0, 14, 12}},
		{"syft-1.57.1", "debian12-apps.spdx23.json", debian, totals{29, 16, 29, 13, 1, 20, 14}},
		{"syft-1.57.1", "debian12-apps.spdx", debian, totals{29, 16, 29, 13, 1, 20, 14}},
		{"syft-1.57.1", "rocky9-small.spdx23.json", rocky, totals{24, 45, 24, 0, 24, 24, 2}},
		{"syft-1.57.1", "rocky9-small.spdx", rocky, totals{24, 45, 24, 0, 24, 24, 2}},
		{"intoto", "syft-rocky9-small.spdx.intoto.json", rocky, totals{24, 45, 24, 0, 24, 24, 2}},
		{"intoto", "buildkit-shape-rocky9-small.spdx.intoto.json", rocky, totals{24, 45, 24, 0, 24, 24, 2}},
	}
	for _, tt := range tests {
		b := decodeFile(t, "foreign", tt.folder, tt.file)
		assert.Emptyf(t, b.Problems, "%s", tt.file)
		assert.Equalf(t, tt.want, totalsOf(b), "%s", tt.file)
		assert.Equalf(t, tt.os, b.OS, "%s", tt.file)
		assert.Equalf(t, "sbom", b.Target.Kind, "%s", tt.file)
		assert.Regexpf(t, `\.docker\.tar$`, b.Target.Name, "%s", tt.file)
		assert.Lenf(t, b.Document.Tools, 1, "%s", tt.file)
		for _, p := range b.Packages {
			assert.NotEmptyf(t, p.Type, "%s of %s", p.Name, tt.file)
		}
	}
}

func find(t *testing.T, b *inventory.BOM, name string) inventory.Package {
	t.Helper()
	for _, p := range b.Packages {
		if p.Name == name {
			return p
		}
	}
	require.Failf(t, "no package", "%q", name)
	return inventory.Package{}
}

// TestForeignFacts looks at single packages.
func TestForeignFacts(t *testing.T) {
	b := decodeFile(t, "foreign", "trivy-0.74.0", "debian12-apps.spdx.json")
	assert.Equal(t, "sha256:9722c629b03a059739e384f095877fd01e41159c37eb63a6840534efbcd03ae3", b.Target.ImageID)
	assert.Empty(t, b.Layers, "Trivy sorts them, so that the order is not known")
	p := find(t, b, "libgcc-s1")
	assert.Equal(t, inventory.Source{Name: "gcc-12", Version: "12.2.0-14+deb12u1"}, p.Source)
	assert.Equal(t, "Debian GCC Maintainers <debian-gcc@lists.debian.org>", p.Maintainer)
	assert.Equal(t, "sha256:021d7a2576f1c60210b989bb0c39ce1a14b2328993f0f7dea58b2b7823f549a0", p.Layer.DiffID)
	assert.Equal(t, "sha256:6ff05d29ea3b4061196311909a5f6fb5b6b187e029fd7e62522f7b0cd62186e8", p.Layer.Digest)
	assert.Equal(t, []string{"app/bin/jsv"}, find(t, b, "stdlib").Paths, "the application is a file")
	assert.Equal(t, []string{"app/node_modules/lru-cache/package.json"}, find(t, b, "lru-cache").Paths)

	b = decodeFile(t, "foreign", "trivy-0.74.0", "alpine-3.10.spdx.json")
	assert.Equal(t, []inventory.Layer{{DiffID: "sha256:531743b7098cb2aaf615641007a129173f63ed86ca32fe7b5a246a1c47286028"}}, b.Layers, "one has an order")
	assert.Equal(t, "574d490311b68db01c0a3e44f5491be0cdc79250", find(t, b, "alpine-baselayout").SHA1)

	b = decodeFile(t, "foreign", "syft-1.57.1", "alpine-3.10.spdx23.json")
	assert.Equal(t, "sha256:5170d4fe00de845dfddb50dbc72d13ef007c49f4ed5fd956f9e6056b4815a62d", b.Target.Digest)
	assert.Empty(t, b.Target.Version)
	p = find(t, b, "musl-utils")
	assert.Equal(t, []string{"BSD AND GPL-2.0-or-later AND MIT"}, p.Licenses)
	assert.Empty(t, p.LicenseExpression)
	assert.Equal(t, inventory.Source{Name: "musl", Version: "1.1.22-r3"}, p.Source)
	assert.Equal(t, []string{"lib/apk/db/installed"}, p.Paths)
	assert.Empty(t, p.Extractor)
	assert.Equal(t, "sha256:531743b7098cb2aaf615641007a129173f63ed86ca32fe7b5a246a1c47286028", p.Layer.DiffID)
	assert.Equal(t, "Timo Teräs <timo.teras@iki.fi>", p.Maintainer)
	assert.Empty(t, p.Vendor)
}

// TestSpecification reads the examples of the specification.
func TestSpecification(t *testing.T) {
	for _, file := range []string{"SPDXJSONExample-v2.2.spdx.json", "SPDXJSONExample-v2.3.spdx.json", "SPDXTagExample-v2.2.spdx", "SPDXTagExample-v2.3.spdx"} {
		b := decodeFile(t, "spec", "spdx", file)
		assert.Emptyf(t, b.Problems, "%s", file)
		assert.Equalf(t, "glibc", b.Target.Name, "%s", file)
		assert.Equalf(t, "2.11.1", b.Target.Version, "%s", file)
		assert.Equalf(t, []string{"Organization: ExampleCodeInspect", "Jane Doe"}, b.Document.Authors, "%s", file)
		assert.Equalf(t, "Person: Jane Doe <jane.doe@example.com>", b.Document.Supplier, "%s", file)
		assert.Equalf(t, []inventory.Tool{{Name: "LicenseFind", Version: "1.0"}}, b.Document.Tools, "%s", file)
		saxon := find(t, b, "Saxon")
		assert.Equalf(t, "MPL-1.0", saxon.LicenseExpression, "%s", file)
		assert.Equalf(t, "85ed0817af83a24ad8da68c2b5094de69833983c", saxon.SHA1, "%s", file)
		assert.Emptyf(t, saxon.Type, "%s", file)
	}
	b := decodeFile(t, "spec", "spdx", "spdx-null-relationships-2.3.json")
	assert.Len(t, b.Packages, 2)
	assert.Len(t, b.Problems, 1, "an identifier is there twice")
	assert.Equal(t, "Coordinated Packages 229170", b.Target.Name, "of the document, which describes nothing")
}
