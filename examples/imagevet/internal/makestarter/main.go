// Makestarter writes the starter database of the imagevet command: a small zip
// of real advisories, compiled by the command when it is first asked for.
//
//	go run ./examples/imagevet/internal/makestarter -o examples/imagevet/starter.zip FOLDER
//
// FOLDER has the layout of OSV's export, <name>/all.zip. The same input gives
// the same records in the same order under the same dates.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	out := flag.String("o", "starter.zip", "the `file` to write")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: makestarter [-o FILE] FOLDER")
		os.Exit(2)
	}
	if err := run(ctx, *out, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "makestarter:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out, dir string) (err error) {
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
	}()
	return pack(ctx, f, dir, sources())
}
