package vex_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom/inventory"
	"github.com/imagevet/imagevet/scan/vex"
)

// vendorDocument is a CSAF document on one flaw, as large as those of a
// distribution on its kernel: n packages, each in four releases.
func vendorDocument(n int) []byte {
	var products, relations, fixed bytes.Buffer
	comma := func(b *bytes.Buffer) {
		if b.Len() > 0 {
			b.WriteByte(',')
		}
	}
	for r := range 4 {
		comma(&products)
		fmt.Fprintf(&products, `{"category":"product_name","name":"R%d","product":{"product_id":"R%d","name":"R%d","product_identification_helper":{"cpe":"cpe:/o:redhat:enterprise_linux:%d"}}}`, r, r, r, 6+r)
	}
	for i := range n {
		comma(&products)
		fmt.Fprintf(&products, `{"category":"product_version","name":"p%d","product":{"product_id":"p%d-1.0-1.el9.x86_64","name":"p%d","product_identification_helper":{"purl":"pkg:rpm/redhat/p%d@1.0-1.el9?arch=x86_64"}}}`, i, i, i, i)
		for r := range 4 {
			comma(&relations)
			fmt.Fprintf(&relations, `{"category":"default_component_of","product_reference":"p%d-1.0-1.el9.x86_64","relates_to_product_reference":"R%d","full_product_name":{"name":"p%d of R%d","product_id":"R%d:p%d"}}`, i, r, i, r, r, i)
			comma(&fixed)
			fmt.Fprintf(&fixed, `"R%d:p%d"`, r, i)
		}
	}
	return fmt.Appendf(nil, `{"document":{"csaf_version":"2.0"},"product_tree":{"branches":[{"category":"vendor","name":"v","branches":[%s]}],"relationships":[%s]},
		"vulnerabilities":[{"cve":"CVE-1","product_status":{"fixed":[%s]}}]}`, &products, &relations, &fixed)
}

func BenchmarkParse(b *testing.B) {
	data := vendorDocument(5000)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		d, err := vex.Parse("d", data)
		if err != nil || len(d.Statements[0].Products) != 20_000 {
			b.Fatal(err)
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	d, err := vex.Parse("d", vendorDocument(5000))
	require.NoError(b, err)
	s, err := vex.NewSet(d)
	require.NoError(b, err)
	p := inventory.Package{Type: "rpm", Name: "p7", Version: "1.0-1.el9", PURL: "pkg:rpm/rhel/p7@1.0-1.el9?arch=x86_64&distro=rhel-9.3"}
	m := s.For(&inventory.BOM{OS: inventory.OS{ID: "rhel", Version: "9.3"}})
	b.ReportAllocs()
	for b.Loop() {
		if len(m.Match([]string{"CVE-1", "GHSA-1"}, &p)) != 1 {
			b.Fatal("no match")
		}
	}
}

func BenchmarkNewSet(b *testing.B) {
	d, err := vex.Parse("d", vendorDocument(5000))
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := vex.NewSet(d); err != nil {
			b.Fatal(err)
		}
	}
}
