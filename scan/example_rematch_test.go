package scan_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"testing/fstest"

	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/scan/image"
	"github.com/imagevet/imagevet/vulndb"
)

// database builds a database of records for Alpine 3.19, in a folder of dir.
func database(dir, name, records string) *vulndb.DB {
	source := filepath.Join(dir, name+".jsonl")
	if err := os.WriteFile(source, []byte(records), 0o666); err != nil {
		log.Fatal(err)
	}
	folder := filepath.Join(dir, name)
	if _, err := vulndb.Build(context.Background(), folder, []vulndb.Source{vulndb.FileSource(source)}); err != nil {
		log.Fatal(err)
	}
	db, err := vulndb.Open(folder)
	if err != nil {
		log.Fatal(err)
	}
	return db
}

func ExampleScanner_Rematch() {
	dir, err := os.MkdirTemp("", "scan")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	const zlib = `{"id":"CVE-2026-0001","affected":[{"package":{"ecosystem":"Alpine:v3.19","name":"zlib"},"versions":["1.3-r0"]}]}` + "\n"
	const musl = `{"id":"CVE-2026-0002","affected":[{"package":{"ecosystem":"Alpine:v3.19","name":"musl"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1.2.4-r3"}]}]}]}` + "\n"
	yesterday, today := database(dir, "yesterday", zlib), database(dir, "today", zlib+musl)
	defer yesterday.Close()
	defer today.Close()

	scanner, err := scan.New(scan.WithDB(yesterday))
	if err != nil {
		log.Fatal(err)
	}
	report, err := scanner.Scan(context.Background(), image.FS("app", fstest.MapFS{
		"etc/os-release":       {Data: []byte("ID=alpine\nVERSION_ID=3.19.1\n")},
		"lib/apk/db/installed": {Data: []byte("P:musl\nV:1.2.4-r2\n\n")},
	}))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("yesterday:", len(report.Findings), "findings")

	// A day later there is another database, and no image any more.
	changes, err := vulndb.Diff(context.Background(), yesterday, today)
	if err != nil {
		log.Fatal(err)
	}
	if scanner, err = scan.New(scan.WithDB(today)); err != nil {
		log.Fatal(err)
	}
	if report, err = scanner.Rematch(context.Background(), report, changes); err != nil {
		log.Fatal(err)
	}
	for _, f := range report.Findings {
		fmt.Println("today:", f.ID, f.Package.Name, f.Package.Version)
	}
	// Output:
	// yesterday: 0 findings
	// today: CVE-2026-0002 musl 1.2.4-r2
}
