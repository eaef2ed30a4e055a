package vex_test

import (
	"fmt"
	"log"

	"github.com/imagevet/imagevet/sbom/inventory"
	"github.com/imagevet/imagevet/scan/vex"
)

func ExampleParse() {
	doc, err := vex.Parse("app.vex.json", []byte(`{
		"@context": "https://openvex.dev/ns/v0.2.0", "author": "Example", "timestamp": "2026-07-01T00:00:00Z",
		"statements": [
			{"vulnerability": {"name": "CVE-2026-0001"}, "products": [{"@id": "pkg:apk/alpine/musl@1.2.4-r2"}], "status": "not_affected"},
			{"vulnerability": {"name": "CVE-2026-0002"}, "products": [{"@id": "pkg:apk/alpine/musl"}], "status": "harmless"}
		]}`))
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range doc.Statements {
		fmt.Println(s.IDs, s.Status, &s.Products[0])
	}
	fmt.Println(doc.Problems)
	// Output:
	// [CVE-2026-0001] not_affected pkg:apk/alpine/musl@1.2.4-r2
	// [statement 2 on CVE-2026-0002: "harmless" is no status]
}

// A program that has findings of its own asks what is said of them.
func ExampleSet_For() {
	set, err := vex.NewSet(&vex.Document{Name: "mine", Statements: []vex.Statement{{
		IDs: []string{"CVE-2026-0001"}, Status: vex.Fixed,
		Products: []vex.Product{{PURLs: []string{"pkg:npm/lodash"}, Within: &vex.Product{Images: []string{"ghcr.io/a/app"}}}},
	}}})
	if err != nil {
		log.Fatal(err)
	}
	bom := &inventory.BOM{
		Target:   inventory.Target{Kind: "registry", Name: "ghcr.io/a/app:1.2"},
		Packages: []inventory.Package{{Type: "npm", Name: "lodash", PURL: "pkg:npm/lodash@4.17.20"}},
	}
	for _, m := range set.For(bom).Match([]string{"CVE-2026-0001"}, &bom.Packages[0]) {
		fmt.Println(m.Statement.Status, m.Product)
	}
	// Output: fixed pkg:npm/lodash in ghcr.io/a/app
}
