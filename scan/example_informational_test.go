package scan_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/imagevet/imagevet/sbom"
	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/vulndb"
)

func ExampleWithInformational() {
	dir, err := os.MkdirTemp("", "scan")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	const record = `{"id": "RUSTSEC-2021-0139", "summary": "ansi_term is Unmaintained", "affected": [{"package": {"ecosystem": "crates.io", "name": "ansi_term"},
		"ranges": [{"type": "SEMVER", "events": [{"introduced": "0.0.0-0"}]}], "database_specific": {"informational": "unmaintained"}}]}`
	if err := os.WriteFile(filepath.Join(dir, "a.json"), []byte(record), 0o600); err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	if _, err := vulndb.Build(ctx, filepath.Join(dir, "db"), []vulndb.Source{vulndb.FileSource(dir)}); err != nil {
		log.Fatal(err)
	}
	db, err := vulndb.Open(filepath.Join(dir, "db"))
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	bom := &sbom.BOM{Packages: []sbom.Package{{Type: "cargo", Name: "ansi_term", Version: "0.12.1", PURL: "pkg:cargo/ansi_term@0.12.1"}}}
	for _, yes := range []bool{false, true} {
		s, err := scan.New(scan.WithDB(db), scan.WithInformational(yes))
		if err != nil {
			log.Fatal(err)
		}
		report, err := s.Match(ctx, bom)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%d findings, %d suppressed\n", len(report.Findings), len(report.Suppressed))
	}
	// Output:
	// 0 findings, 1 suppressed
	// 1 findings, 0 suppressed
}
