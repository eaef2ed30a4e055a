// Command gittree scans a git repository without a work tree: the commit that
// a branch, a tag or HEAD names, of a repository on disk or, fetched shallow
// into memory, at a URL.
//
//	gittree --db DIR [--ref REF] REPOSITORY
//
// It is a module of its own because the library that reads git is larger than
// imagevet.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"

	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/scan/image"
	"github.com/imagevet/imagevet/scan/report"
	"github.com/imagevet/imagevet/vulndb"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("gittree: ")
	database := flag.String("db", "", "the `DIR` of the database")
	ref := flag.String("ref", "", "the branch, tag or commit (default HEAD)")
	flag.Parse()
	if flag.NArg() != 1 || *database == "" {
		log.Print("usage: gittree --db DIR [--ref REF] REPOSITORY")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, *database, flag.Arg(0), *ref); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, w io.Writer, database, repository, ref string) error {
	db, err := vulndb.Open(database)
	if err != nil {
		return err
	}
	defer db.Close()
	tree, err := open(ctx, repository, ref)
	if err != nil {
		return fmt.Errorf("%s: %w", repository, err)
	}
	scanner, err := scan.New(scan.WithDB(db))
	if err != nil {
		return err
	}
	r, err := scanner.Scan(ctx, image.TreeFS(repository+"@"+tree.commit.String(), tree))
	if err != nil {
		return err
	}
	return report.Write(w, r, report.Table)
}
