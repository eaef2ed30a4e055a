package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/imagevet/imagevet/vulndb"
)

func (a *app) dbDiff(ctx context.Context, f *flags, args []string) (int, error) {
	cacheDir := f.cacheDir(a)
	asJSON := f.tableOrJSON()
	f.quietFlag(a)
	if err := f.parse(args); err != nil {
		return 0, err
	}
	if err := f.count(2, 2); err != nil {
		return 0, err
	}
	var dbs [2]*vulndb.DB
	for i, dir := range f.args {
		db, err := a.openDB(ctx, dir, *cacheDir)
		if err != nil {
			return 0, err
		}
		defer db.Close()
		dbs[i] = db
	}
	c, err := vulndb.Diff(ctx, dbs[0], dbs[1])
	if err != nil {
		return 0, err
	}
	if *asJSON {
		return exitOK, printJSON(a.stdout, c)
	}
	return exitOK, printChanges(a.stdout, c)
}

func printChanges(w io.Writer, c *vulndb.Changes) error {
	const most = 20 // names of one kind
	var b strings.Builder
	fmt.Fprintf(&b, "From %s\nTo   %s\n", c.From, c.To)
	if c.IsZero() {
		b.WriteString("\nThey have the same advisories.\n")
	}
	titles := []struct{ change, title string }{
		{vulndb.ChangeAdded, "added"},
		{vulndb.ChangeRemoved, "removed"},
		{vulndb.ChangeVerdicts, "changed"},
		{vulndb.ChangeDetails, "in texts and ratings"},
	}
	for _, e := range c.Ecosystems {
		change := ""
		if e.Change != vulndb.ChangeVerdicts {
			change = " " + e.Change
		}
		plural := "s"
		if len(e.Packages) == 1 {
			plural = ""
		}
		b.WriteByte('\n')
		wrap(&b, "", "", fmt.Sprintf("%s%s: %d package%s", e.Ecosystem, change, len(e.Packages), plural))
		for _, t := range titles {
			var names []string
			n := 0
			for _, p := range e.Packages {
				if p.Change != t.change {
					continue
				}
				if n++; n <= most {
					names = append(names, p.Name)
				}
			}
			switch {
			case n == 0:
				continue
			case n > most:
				names = append(names, fmt.Sprintf("and %d more (--format json has them)", n-most))
			}
			wrap(&b, fmt.Sprintf("  %d %s: ", n, t.title), "    ", strings.Join(names, ", "))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
