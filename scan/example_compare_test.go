package scan_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"testing/fstest"

	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/scan/image"
)

func ExampleCompare() {
	dir, err := os.MkdirTemp("", "scan")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	db := database(dir, "db", `{"id":"CVE-2026-0001","affected":[{"package":{"ecosystem":"Alpine:v3.19","name":"zlib"},"versions":["1.3-r0"]}]}
{"id":"CVE-2026-0002","affected":[{"package":{"ecosystem":"Alpine:v3.19","name":"musl"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1.2.4-r3"}]}]}]}
`)
	defer db.Close()
	scanner, err := scan.New(scan.WithDB(db))
	if err != nil {
		log.Fatal(err)
	}
	var reports []*scan.Report
	for _, installed := range []string{"P:musl\nV:1.2.4-r2\n\n", "P:musl\nV:1.2.4-r3\n\nP:zlib\nV:1.3-r0\n\n"} {
		report, err := scanner.Scan(context.Background(), image.FS("app", fstest.MapFS{
			"etc/os-release":       {Data: []byte("ID=alpine\nVERSION_ID=3.19.1\n")},
			"lib/apk/db/installed": {Data: []byte(installed)},
		}))
		if err != nil {
			log.Fatal(err)
		}
		reports = append(reports, report)
	}
	c := scan.Compare(reports[0], reports[1])
	for _, change := range c.New {
		fmt.Println("new:", change.ID, change.Package.Name, change.Reason)
	}
	for _, change := range c.Fixed {
		fmt.Println("fixed:", change.ID, change.Package.Name, change.Reason, change.VersionBefore, "to", change.VersionAfter)
	}
	// Output:
	// new: CVE-2026-0001 zlib package_added
	// fixed: CVE-2026-0002 musl package_upgraded 1.2.4-r2 to 1.2.4-r3
}

func ExampleArchive() {
	report, err := scan.Archive(context.Background(), "../testdata/images/alpine-3.8.tar.gz", "")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.OS.Name, "has", len(report.Packages), "packages")
	fmt.Println("layers of the base image:", report.BaseImage.Layers, "guessed:", report.BaseImage.Guess)
	// Output:
	// Alpine Linux v3.8 has 13 packages
	// layers of the base image: 1 guessed: true
}

// Whose findings are whose, for an image whose base is known.
func ExampleWithBase() {
	const app = "../testdata/images/alpine-3.8.tar.gz"
	report, err := scan.From(context.Background(), "archive:"+app, scan.WithBase("archive:"+app))
	if err != nil {
		log.Fatal(err)
	}
	inherited := 0
	for _, p := range report.Packages {
		if p.FromBase {
			inherited++
		}
	}
	fmt.Println(inherited, "packages are inherited:", report.BaseImage.Reason)
	// Output: 13 packages are inherited: the image begins with all 3 layers of the base
}
