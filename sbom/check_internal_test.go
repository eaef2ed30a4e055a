package sbom

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/codec"
)

// complete returns an inventory without gaps.
func complete() *BOM {
	p := Package{
		Name: "a", Version: "1", PURL: "pkg:deb/debian/a@1", Vendor: "Debian", SHA1: "00", Licenses: []string{"MIT"},
		DependsOn: []string{"pkg:deb/debian/b@1"},
	}
	q := Package{
		Name: "b", Version: "1", CPEs: []string{"cpe:2.3:a:b:b:1:*:*:*:*:*:*:*"}, Maintainer: "Someone",
		Hashes: []Hash{{Algorithm: "SHA-256", Value: "00"}}, LicenseExpression: "MIT",
	}
	return &BOM{Target: Target{Name: "app:1", Digest: "sha256:0"}, Packages: []Package{p, q}}
}

func completeOptions() *codec.Options {
	return &codec.Options{Authors: []string{"Jane"}, Supplier: "ACME", Created: time.Unix(1, 0)}
}

func TestCheckComplete(t *testing.T) {
	decoded := complete()
	decoded.Document = Document{
		Format: "CycloneDX", Created: time.Unix(1, 0), Authors: []string{"Jane"}, Supplier: "ACME",
		Tools: []Tool{{Name: "syft"}}, Lifecycles: []string{"build"},
	}
	product := &BOM{Target: Target{Name: "shop", Version: "1"}, Parts: []*BOM{complete(), nil, {Target: Target{Name: "empty"}}}}
	for _, m := range []Minimum{NTIA2021, CISA2025} {
		for _, tt := range []struct {
			b    *BOM
			opts *codec.Options
		}{{complete(), completeOptions()}, {decoded, &codec.Options{}}, {product, completeOptions()}} {
			gaps, err := check(tt.b, tt.opts, m)
			require.NoError(t, err)
			assert.Emptyf(t, gaps, "%v of %q", m, tt.b.Target.Name)
		}
	}
}

// TestCheckGaps takes one thing away after the other. ntia and cisa are the
// names of what is missing then, empty if the list does not ask for it.
func TestCheckGaps(t *testing.T) {
	tests := []struct {
		change     func(b *BOM, o *codec.Options)
		ntia, cisa string
		packages   int
		example    string
		message    string
	}{
		{func(_ *BOM, o *codec.Options) { o.Supplier = "" }, "Supplier Name", "Software Producer", 0, "", "it is not stated who supplies what the document is about"},
		{func(b *BOM, _ *codec.Options) { b.Packages[1].Maintainer = "" }, "Supplier Name", "Software Producer", 1, "b 1", "1 of 2 packages have no vendor and no maintainer"},
		{func(b *BOM, _ *codec.Options) { b.Target.Name = "" }, "Component Name", "Component Name", 0, "", "what the document is about has no name"},
		{func(b *BOM, _ *codec.Options) { b.Packages[0].Name = "" }, "Component Name", "Component Name", 1, "pkg:deb/debian/a@1", "1 of 2 packages have no name"},
		{func(b *BOM, _ *codec.Options) { b.Target.Digest = "" }, "Version of the Component", "Component Version", 0, "", "what the document is about has neither a version nor a digest"},
		{func(b *BOM, _ *codec.Options) { b.Packages[1].Version = "" }, "Version of the Component", "Component Version", 1, "b", "1 of 2 packages have no version"},
		{func(b *BOM, _ *codec.Options) { b.Packages[0].PURL, b.Packages[1].CPEs = "", nil }, "Other Unique Identifiers", "Software Identifiers", 2, "a 1", "2 of 2 packages have no package URL and no CPE"},
		{func(b *BOM, _ *codec.Options) { b.Packages[0].SHA1 = "" }, "", "Component Hash", 1, "pkg:deb/debian/a@1", "1 of 2 packages have no digest"},
		{func(b *BOM, _ *codec.Options) { b.Packages[1].LicenseExpression = "" }, "", "License", 1, "b 1", "1 of 2 packages have no licence"},
		{func(b *BOM, _ *codec.Options) { b.Packages[0].DependsOn = nil }, "Dependency Relationship", "Dependency Relationship", 2, "pkg:deb/debian/a@1", "of 2 packages it is not stated which depend on which"},
		{func(_ *BOM, o *codec.Options) { o.Authors = nil }, "Author of SBOM Data", "SBOM Author", 0, "", "it is not stated who is the author of the document"},
		{func(_ *BOM, o *codec.Options) { o.Created = time.Time{} }, "Timestamp", "Timestamp", 0, "", "it is not stated when the document was made"},
		{func(b *BOM, _ *codec.Options) { b.Document.Format, b.Document.Lifecycles = "SPDX", []string{"build"} }, "", "Tool Name", 0, "", "no tool is named that made the document"},
		{
			func(b *BOM, _ *codec.Options) { b.Document.Format, b.Document.Tools = "SPDX", []Tool{{Name: "x"}} }, "", "Generation Context", 0, "",
			"it is not stated in which phase of the lifecycle the document was made",
		},
		{func(b *BOM, _ *codec.Options) { // in a part
			part := complete()
			part.Packages[0].DependsOn = nil
			b.Parts = append(b.Parts, part)
		}, "Dependency Relationship", "Dependency Relationship", 2, "pkg:deb/debian/a@1", "of 2 packages it is not stated which depend on which"},
		{func(b *BOM, _ *codec.Options) { // one package needs no relationship
			b.Packages = b.Packages[1:]
		}, "", "", 0, "", ""},
	}
	for i, tt := range tests {
		for m, element := range map[Minimum]string{NTIA2021: tt.ntia, CISA2025: tt.cisa} {
			b, o := complete(), completeOptions()
			tt.change(b, o)
			gaps, err := check(b, o, m)
			require.NoError(t, err)
			if element == "" {
				assert.Emptyf(t, gaps, "row %d, %v", i, m)
				continue
			}
			assert.Equalf(t, []Gap{{element, tt.packages, tt.example, tt.message}}, gaps, "row %d, %v", i, m)
		}
	}
}

// TestCheckNothing is in the order of the lists.
func TestCheckNothing(t *testing.T) {
	b := &BOM{Packages: []Package{{}, {}}, Document: Document{Format: "purl"}}
	for m, want := range map[Minimum]int{NTIA2021: 7, CISA2025: 11} {
		gaps, err := check(b, &codec.Options{}, m)
		require.NoError(t, err)
		var names []string
		for _, g := range gaps {
			names = append(names, g.Element)
		}
		names = slices.Compact(names) // of the document and of packages
		elements, err := m.elements()
		require.NoError(t, err)
		require.Len(t, names, want)
		for i, e := range elements {
			assert.Equal(t, e.name, names[i])
		}
	}
}

func TestMinimum(t *testing.T) {
	for m, want := range map[Minimum]string{0: "Minimum(0)", NTIA2021: "NTIA 2021", CISA2025: "CISA 2025", 9: "Minimum(9)"} {
		assert.Equal(t, want, m.String())
	}
	gaps, err := check(complete(), completeOptions(), 0)
	assert.ErrorIs(t, err, ErrMinimum)
	assert.Nil(t, gaps)
}
