// Command embed shows how a program scans an image: it prints the findings of
// an archive, with a database that "imagevet db build" has made.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/vulndb"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: embed DATABASE ARCHIVE")
	}
	if err := run(context.Background(), os.Stdout, os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, w io.Writer, database, archive string) error {
	db, err := vulndb.Open(database)
	if err != nil {
		return err
	}
	defer db.Close()
	scanner, err := scan.New(scan.WithDB(db), scan.WithIgnoreUnfixed(true))
	if err != nil {
		return err
	}
	report, err := scanner.Archive(ctx, archive, "")
	if err != nil {
		return err
	}
	for _, f := range report.Findings {
		fmt.Fprintf(w, "%s: %s %s, fixed in %s\n", f.ID, f.Package.Name, f.Package.Version, f.FixedVersion)
		fmt.Fprintf(w, "  %s: %s %s is in %s\n", f.Evidence.Advisory, f.Evidence.MatchedName, f.Evidence.MatchedVersion, f.Evidence.Range)
	}
	for _, c := range report.Coverage {
		fmt.Fprintf(w, "%s: %d packages, %s %s\n", c.Ecosystem, c.Packages, c.Status, c.Reason)
	}
	return nil
}
