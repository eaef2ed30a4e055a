package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/imagevet/imagevet/vulndb"
	"github.com/imagevet/imagevet/vulndb/oci"
)

// cache returns the folder for what can be made again.
func (a *app) cache(dir string) (string, error) {
	if dir != "" {
		return dir, nil
	}
	user, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("there is no cache folder, give one with --cache-dir or IMAGEVET_CACHE_DIR: %w", err)
	}
	return filepath.Join(user, "imagevet"), nil
}

// dbDir returns the folder of a database.
func (a *app) dbDir(db, cacheDir string) (string, error) {
	if db != "" {
		return db, nil
	}
	cache, err := a.cache(cacheDir)
	return filepath.Join(cache, "db"), err
}

// openDB opens a database.
func (a *app) openDB(ctx context.Context, name, cacheDir string) (*vulndb.DB, error) {
	if name == starterName {
		return a.openStarter(ctx, cacheDir)
	}
	dir, err := a.dbDir(name, cacheDir)
	if err != nil {
		return nil, err
	}
	db, err := vulndb.Open(dir)
	if errors.Is(err, vulndb.ErrNotFound) {
		return nil, fmt.Errorf("%w\n"+
			"Download one: imagevet db update --db %s ECOSYSTEM...\n"+
			"Make one of an export of OSV records: imagevet db build --db %s SOURCE...\n"+
			"Or try the small one in this program: --db starter", err, dir, dir)
	}
	return db, err
}

func (a *app) dbBuild(ctx context.Context, f *flags, args []string) (status int, resultErr error) {
	db, cacheDir := f.db(a), f.cacheDir(a)
	f.quietFlag(a)
	malicious := f.malicious()
	trivy := f.set.String("trivy", "", "take in a database of Trivy from a registry, the `REF` of which is such as ghcr.io/aquasecurity/trivy-db:2")
	r := f.registryConfig("database of --trivy")
	if err := f.parse(args); err != nil {
		return 0, err
	}
	if *db == starterName {
		return 0, usagef("--db starter is the database in this program, give a folder to build another one in")
	}
	if len(f.args) == 0 && *trivy == "" {
		return 0, usagef("there is no SOURCE\n\n%s", f.usage())
	}
	dir, err := a.dbDir(*db, *cacheDir)
	if err != nil {
		return 0, err
	}
	var sources []vulndb.Source
	for _, path := range f.args {
		sources = append(sources, vulndb.FileSource(path))
	}
	if *trivy != "" {
		config, err := r.resolve(a, *trivy)
		if err != nil {
			return 0, err
		}
		t, pullErr := oci.PullTrivy(ctx, *trivy, "", oci.WithRegistry(config))
		if pullErr != nil {
			return 0, pullErr
		}
		defer func() { resultErr = errors.Join(resultErr, t.Close()) }()
		sources = append(sources, t.Source())
	}
	report, err := vulndb.Build(ctx, dir, sources, vulndb.WithMaliciousPackages(*malicious))
	if err != nil {
		return 0, err
	}
	a.warnBuild(&report)
	return exitOK, printInfo(a.stdout, dir, report.Info)
}

// malicious declares the flag that takes in records on malicious packages.
func (f *flags) malicious() *bool {
	return f.set.Bool("malicious", false, "take in records on packages that were made to do harm (MAL-...)")
}

// warnBuild tells what a database lacks of its sources.
func (a *app) warnBuild(r *vulndb.BuildReport) {
	for _, u := range r.Unsupported {
		a.warn("%d records of %s were left out: %s", u.Records, u.Ecosystem, u.Reason)
	}
	for _, b := range r.BadRecords {
		a.warn("%s: %s", b.Source, strings.Join(b.Reasons, "; "))
	}
	if more := r.Bad - len(r.BadRecords); more > 0 {
		a.warn("%d more records are bad", more)
	}
	if r.Skipped > 0 {
		a.warn("%d files were skipped, the first is %s", r.Skipped, r.SkippedFiles[0])
	}
	if r.Flawless > 0 {
		a.warn("%d records tell of bug fixes and enhancements, not of flaws, and were left out", r.Flawless)
	}
	if r.Malicious > 0 {
		a.warn("%d records on malicious packages were left out, --malicious takes them in", r.Malicious)
	}
	if r.Nameless > 0 {
		a.warn("%d records name no package", r.Nameless)
	}
}

func (a *app) dbInfo(ctx context.Context, f *flags, args []string) (int, error) {
	name, cacheDir := f.db(a), f.cacheDir(a)
	f.quietFlag(a)
	if err := f.parse(args); err != nil {
		return 0, err
	}
	if err := f.count(0, 0); err != nil {
		return 0, err
	}
	db, err := a.openDB(ctx, *name, *cacheDir)
	if err != nil {
		return 0, err
	}
	defer db.Close()
	dir := *name
	if dir != starterName {
		if dir, err = a.dbDir(dir, *cacheDir); err != nil {
			return 0, err
		}
	}
	return exitOK, printInfo(a.stdout, dir, db.Info())
}

func printInfo(w io.Writer, name string, info vulndb.Info) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Database %s\nBuilt    %s\nID       %s\n\n", name, info.Built.UTC().Format(time.RFC3339), info.ID)
	fmt.Fprintf(&b, "%-20s %10s  %s\n", "ECOSYSTEM", "ADVISORIES", "NEWEST")
	for _, s := range info.Sources {
		fmt.Fprintf(&b, "%-20s %10d  %s\n", s.Ecosystem, s.Records, s.Modified.UTC().Format(time.DateOnly))
	}
	if len(info.Enrichment) > 0 {
		fmt.Fprintf(&b, "\n%-20s %10s  %s\n", "ENRICHMENT", "ENTRIES", "DATE")
	}
	for _, e := range info.Enrichment {
		fmt.Fprintf(&b, "%-20s %10d  %s\n", strings.TrimSpace(e.Source+" "+e.Version), e.CVEs+e.Releases, e.Date.UTC().Format(time.DateOnly))
	}
	_, err := io.WriteString(w, b.String())
	return err
}
