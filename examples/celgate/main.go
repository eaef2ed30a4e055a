// Command celgate scans an image and lets it pass only if no finding meets one
// of the expressions, which are in the Common Expression Language:
//
//	celgate --db DIR --deny EXPRESSION [--deny EXPRESSION ...] ARCHIVE
//
// The exit status is 3 if a finding is denied, and 1 if the scan fails.
//
// It is a module of its own because CEL is larger than imagevet. For what
// package scan/policy can say there is no need of it. The library is
// https://github.com/google/cel-go, whose module is now cel.dev/cel-go.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/vulndb"
)

// exitDenied is the status for an image that does not pass, as it is of the
// command imagevet with --policy.
const exitDenied = 3

func main() {
	log.SetFlags(0)
	log.SetPrefix("celgate: ")
	var deny []string
	database := flag.String("db", "", "the `DIR` of the database")
	flag.Func("deny", "an `EXPRESSION` that may be true for no finding; may be given several times", func(text string) error {
		deny = append(deny, text)
		return nil
	})
	flag.Parse()
	if flag.NArg() != 1 || *database == "" || len(deny) == 0 {
		log.Print("usage: celgate --db DIR --deny EXPRESSION ARCHIVE")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	pass, err := run(ctx, os.Stdout, *database, flag.Arg(0), deny, time.Now())
	stop()
	switch {
	case err != nil:
		log.Fatal(err)
	case !pass:
		os.Exit(exitDenied)
	}
}

// run scans and judges, and reports whether the image passes.
func run(ctx context.Context, w io.Writer, database, archive string, deny []string, now time.Time) (bool, error) {
	gate, err := New(deny...)
	if err != nil {
		return false, err
	}
	db, err := vulndb.Open(database)
	if err != nil {
		return false, err
	}
	defer db.Close()
	scanner, err := scan.New(scan.WithDB(db), scan.WithClock(func() time.Time { return now }))
	if err != nil {
		return false, err
	}
	report, err := scanner.Archive(ctx, archive, "")
	if err != nil {
		return false, err
	}
	denied, err := gate.Denied(ctx, report, now)
	if err != nil {
		return false, err
	}
	for _, d := range denied {
		p := &d.Finding.Package
		fmt.Fprintf(w, "%q (%v) in %q: %s", d.Finding.ID, d.Finding.Severity, strings.TrimSpace(p.Name+" "+p.Version), d.Expression)
		if d.Err != nil {
			fmt.Fprintf(w, ": %v", d.Err)
		}
		fmt.Fprintln(w)
	}
	// An expression sees findings only. What was not compared has none.
	for _, c := range report.Coverage {
		if c.Status != vulndb.CoverageMatched {
			fmt.Fprintf(w, "%d packages of %q were not compared: %s\n", c.Packages, c.Ecosystem, c.Reason)
		}
	}
	fmt.Fprintf(w, "%d of %d findings are denied\n", len(denied), len(report.Findings))
	return len(denied) == 0, nil
}
