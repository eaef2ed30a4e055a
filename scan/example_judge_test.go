package scan_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/scan/ignore"
	"github.com/imagevet/imagevet/scan/image"
	"github.com/imagevet/imagevet/scan/vex"
)

// Rules and VEX documents come as bytes, from wherever a program keeps them.
func ExampleWithVEX() {
	rules, err := ignore.Parse(".trivyignore", []byte("CVE-2026-0003 exp:2099-01-01 # we do not use it\n"))
	if err != nil {
		log.Fatal(err)
	}
	doc, err := vex.Parse("app.openvex.json", []byte(`{
		"@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://example.org/vex/1", "author": "Example", "timestamp": "2026-07-01T00:00:00Z",
		"statements": [{
			"vulnerability": {"name": "CVE-2026-0001"}, "products": [{"@id": "pkg:deb/debian/openssl?arch=source"}],
			"status": "not_affected", "justification": "vulnerable_code_not_in_execute_path"
		}]}`))
	if err != nil {
		log.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "scan")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	db := database(dir, "db", strings.Join(records, "\n"))
	defer db.Close()
	scanner, err := scan.New(scan.WithDB(db), scan.WithIgnore(rules...), scan.WithVEX(doc))
	if err != nil {
		log.Fatal(err)
	}
	report, err := scanner.Scan(context.Background(), image.FS("bookworm", bookworm()))
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range report.Findings {
		fmt.Println(f.ID, f.Package.Name)
	}
	for _, s := range report.Suppressed {
		fmt.Printf("%s %s: by %s, %s (%s, %s)\n", s.ID, s.Package.Name, s.By, s.Reason, s.Rule, s.Source)
	}
	// Output:
	// CVE-2026-0004 curl
	// CVE-2026-0001 libssl3: by vex, not_affected, vulnerable_code_not_in_execute_path (statement 1, app.openvex.json)
	// CVE-2026-0003 curl: by ignore, we do not use it (CVE-2026-0003, .trivyignore:1)
}
