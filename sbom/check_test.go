package sbom_test

import (
	"errors"
	"fmt"
	"log"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/sbom"
)

func TestCheckOptions(t *testing.T) {
	b := &sbom.BOM{Target: sbom.Target{Name: "x", Version: "1"}}
	gaps, err := sbom.Check(b, sbom.NTIA2021, sbom.WithSupplier("ACME"), sbom.WithAuthors("Jane"), sbom.WithTimestamp(time.Unix(1, 0)))
	require.NoError(t, err)
	assert.Empty(t, gaps)
	b.Document = sbom.Document{Format: "SPDX", Supplier: "ACME", Authors: []string{"Jane"}, Created: time.Unix(1, 0)}
	gaps, err = sbom.Check(b, sbom.NTIA2021)
	require.NoError(t, err)
	assert.Empty(t, gaps, "the document says it")

	broken := errors.New("broken")
	gaps, err = sbom.Check(b, sbom.NTIA2021, func(*codec.Options) error { return broken })
	assert.ErrorIs(t, err, broken)
	assert.Nil(t, gaps)
	_, err = sbom.Check(b, 0)
	assert.ErrorIs(t, err, sbom.ErrMinimum)
}

// What a bill of materials still lacks before it can be handed in.
func ExampleCheck() {
	bom := &sbom.BOM{
		Target: sbom.Target{Name: "registry.example/app:1", Digest: "sha256:aa"},
		Packages: []sbom.Package{
			{Type: "deb", Name: "libc6", Version: "2.36-9", PURL: "pkg:deb/debian/libc6@2.36-9", Maintainer: "GNU Libc Maintainers"},
			{Type: "npm", Name: "open", Constraint: "^2", PURL: "pkg:npm/open", DependsOn: []string{"pkg:deb/debian/libc6@2.36-9"}},
		},
	}
	gaps, err := sbom.Check(bom, sbom.NTIA2021, sbom.WithAuthors("Jane Doe <jane@example.com>"), sbom.WithSupplier("ACME"))
	if err != nil {
		log.Fatal(err)
	}
	for _, gap := range gaps {
		fmt.Printf("%s: %s\n", gap.Element, gap.Message)
	}
	// Output:
	// Supplier Name: 1 of 2 packages have no vendor and no maintainer
	// Version of the Component: 1 of 2 packages have no version
	// Timestamp: it is not stated when the document was made
}
