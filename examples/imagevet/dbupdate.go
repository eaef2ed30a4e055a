package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/vulndb"
)

func (a *app) dbUpdate(ctx context.Context, f *flags, args []string) (int, error) {
	db, cacheDir := f.db(a), f.cacheDir(a)
	f.quietFlag(a)
	var mirrors []string
	f.mirrors(&mirrors)
	full := f.set.Bool("full", false, "download whole exports, whatever is there")
	malicious := f.malicious()
	var silent bool
	f.noProgress(&silent)
	if err := f.parse(args); err != nil {
		return 0, err
	}
	if *db == starterName {
		return 0, usagef("--db starter is the database in this program, give a folder to keep up to date")
	}
	dir, err := a.dbDir(*db, *cacheDir)
	if err != nil {
		return 0, err
	}
	opts := []vulndb.UpdateOption{vulndb.WithFullUpdate(*full), vulndb.WithEcosystems(f.args...), vulndb.WithMaliciousPackages(*malicious)}
	if len(mirrors) > 0 {
		opts = append(opts, vulndb.WithMirrors(mirrors...))
	}
	if bar := a.newBar(silent); bar != nil {
		opts = append(opts, vulndb.WithProgress(scan.UpdateProgress(bar.show)))
	} else if !silent && !a.quiet {
		opts = append(opts, vulndb.WithProgress((&progress{app: a}).show))
	}
	report, err := vulndb.Update(ctx, dir, opts...)
	a.bar.clear()
	if err != nil {
		return 0, err
	}
	for _, p := range report.Problems {
		where := p.Ecosystem
		if p.Mirror != "" {
			where += ": " + p.Mirror
		}
		a.warn("%s: %s", where, p.Reason)
	}
	for _, e := range report.Ecosystems {
		a.warnUpdate(&e)
	}
	a.warnBuild(&report.Build)
	return exitOK, printInfo(a.stdout, dir, report.Info)
}

// warnUpdate tells what of an ecosystem is not as new as it could be.
func (a *app) warnUpdate(e *vulndb.EcosystemUpdate) {
	if e.Status == vulndb.Stale {
		a.warn("%s is as it was: no mirror has newer advisories than those of %s", e.Ecosystem, e.Newest.Format(time.RFC3339))
	}
	if n := len(e.Vanished); n > 0 {
		a.warn("%s: %s lists %d advisories that it does not have, the first is %s", e.Ecosystem, e.Mirror, n, e.Vanished[0])
	}
	if e.Behind > 0 {
		a.warn("%s: %d advisories of %s are not as new as it lists them", e.Ecosystem, e.Behind, e.Mirror)
	}
}

// A progress tells how far an update is where there is no terminal: a line for
// each second and for each thing that is done.
type progress struct {
	app *app

	mu   sync.Mutex
	what string
	last time.Time
}

func (p *progress) show(now vulndb.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	what := now.Stage + now.Ecosystem + now.Mirror
	done := now.Done == now.Total
	if what == p.what && !done && time.Since(p.last) < time.Second {
		return
	}
	p.what, p.last = what, time.Now()
	switch now.Stage {
	case "export":
		p.app.say("%s: %s of the export", now.Ecosystem, megabytes(now.Done, now.Total))
	case "records":
		p.app.say("%s: %d of %d new advisories", now.Ecosystem, now.Done, now.Total)
	case "compile":
		if !done {
			p.app.say("compiling %s", plural(now.Total, "ecosystem"))
		}
	}
}

func plural(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
