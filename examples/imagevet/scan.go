package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/imagevet/imagevet/sbom"
	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/scan/image"
	"github.com/imagevet/imagevet/scan/report"
	"github.com/imagevet/imagevet/vulndb"
)

func (a *app) image(ctx context.Context, f *flags, args []string) (int, error) {
	s := f.scan(a)
	input, daemon := f.image(s)
	if err := f.parse(args); err != nil {
		return 0, err
	}
	least := 1
	if *input != "" {
		least = 0
	}
	if err := f.count(least, 1); err != nil {
		return 0, err
	}
	if *daemon && *input != "" {
		return 0, usagef("--daemon and --input exclude each other")
	}
	ref := ""
	if len(f.args) == 1 {
		ref = f.args[0]
	}
	var refs []string // that a registry is asked for
	if *input == "" && !*daemon {
		refs = []string{ref}
	}
	config, err := s.registry.resolve(a, refs...)
	if err != nil {
		return 0, err
	}
	s.options = append(s.options, scan.WithRegistry(config)) // for the base image too
	return a.scan(ctx, s, func(ctx context.Context, scanner *scan.Scanner) (*scan.Report, error) {
		if *daemon {
			return scanner.Daemon(ctx, ref)
		}
		if *input == "" {
			r, err := scanner.From(ctx, ref)
			return r, hintInput(err, ref)
		}
		info, err := os.Stat(*input)
		if err != nil {
			return nil, fmt.Errorf("--input: %w", err)
		}
		if info.IsDir() {
			r, err := scanner.Layout(ctx, *input, ref)
			return r, hintRootFS(err, *input)
		}
		return scanner.Archive(ctx, *input, ref)
	})
}

// hintInput tells of --input where a file was given as a reference.
func hintInput(err error, ref string) error {
	if _, statErr := os.Stat(ref); err == nil || statErr != nil {
		return err
	}
	return fmt.Errorf("%w\nThere is a file or folder of this name; to scan that: imagevet image --input %s", err, ref)
}

// hintRootFS tells of the verb rootfs where a folder is no image.
func hintRootFS(err error, dir string) error {
	if _, ok := errors.AsType[*image.FormatError](err); !ok {
		return err
	}
	return fmt.Errorf("%w\nTo scan an unpacked root file system: imagevet rootfs %s", err, dir)
}

func (a *app) rootfs(ctx context.Context, f *flags, args []string) (int, error) {
	s := f.scan(a)
	if err := f.parse(args); err != nil {
		return 0, err
	}
	if err := f.count(1, 1); err != nil {
		return 0, err
	}
	return a.scan(ctx, s, func(ctx context.Context, scanner *scan.Scanner) (*scan.Report, error) {
		return scanner.Dir(ctx, f.args[0])
	})
}

func (a *app) fs(ctx context.Context, f *flags, args []string) (int, error) {
	s := f.scan(a)
	f.set.Func("skip", "a `RULE` of files to pass over, as in .gitignore; may be given several times", func(rule string) error {
		s.skip = append(s.skip, rule)
		return nil
	})
	if err := f.parse(args); err != nil {
		return 0, err
	}
	if err := f.count(1, 1); err != nil {
		return 0, err
	}
	s.options = append(s.options, scan.WithInventory(sbom.WithSkip(s.skip...)))
	return a.scan(ctx, s, func(ctx context.Context, scanner *scan.Scanner) (*scan.Report, error) {
		return scanner.Tree(ctx, f.args[0])
	})
}

func (a *app) sbom(ctx context.Context, f *flags, args []string) (int, error) {
	s := f.scan(a)
	if err := f.parse(args); err != nil {
		return 0, err
	}
	if err := f.count(1, 1); err != nil {
		return 0, err
	}
	return a.scan(ctx, s, func(ctx context.Context, scanner *scan.Scanner) (*scan.Report, error) {
		return scanner.SBOM(ctx, f.args[0])
	})
}

// context ends with --timeout.
func (s *scanFlags) context(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.timeout > 0 {
		return context.WithTimeout(ctx, s.timeout)
	}
	return context.WithCancel(ctx)
}

// scanner opens the database and makes a scanner with these options too, and
// returns what closes the database.
func (a *app) scanner(ctx context.Context, s *scanFlags, judging []scan.Option) (*scan.Scanner, func() error, error) {
	options := append(s.options[:len(s.options):len(s.options)], judging...)
	db, closeDB, err := a.scanDB(ctx, s)
	switch {
	case err == nil:
		options = append(options, db)
	case s.format.IsSBOM() && *s.db == "" && errors.Is(err, vulndb.ErrNotFound):
		// A bill of materials is of use without a database.
		closeDB = func() error { return nil }
		a.warn("there is no database: the bill of materials tells of no vulnerabilities")
	default:
		return nil, nil, err
	}
	if !s.noCache {
		options = append(options, a.cacheOptions(*s.cacheDir)...)
	}
	if bar := a.newBar(s.noProgress); bar != nil {
		options = append(options, scan.WithProgress(bar.show))
	}
	scanner, err := scan.New(options...)
	if err != nil {
		closeDB()
		return nil, nil, err
	}
	return scanner, closeDB, nil
}

// scan opens the database, scans with it and writes the report.
func (a *app) scan(ctx context.Context, s *scanFlags, do func(context.Context, *scan.Scanner) (*scan.Report, error)) (int, error) {
	opts, err := a.reportOptions(s)
	if err != nil {
		return 0, err
	}
	judging, gate, err := s.judge.options(a)
	if err != nil {
		return 0, err
	}
	ctx, cancel := s.context(ctx)
	defer cancel()
	scanner, closeDB, err := a.scanner(ctx, s, judging)
	if err != nil {
		return 0, explain(err, s)
	}
	defer closeDB()
	r, err := do(ctx, scanner)
	a.bar.clear()
	if err != nil {
		return 0, explain(err, s)
	}
	opts = append(opts, report.WithPackages(s.listPackages), report.WithSBOM(a.sbomOptions(s)...))
	opts = append(opts, s.table...)
	if *s.output == "" {
		opts = append(opts, a.display()...)
	}
	err = a.writeOutput(*s.output, func(w io.Writer) error { return report.Write(w, r, *s.format, opts...) })
	if err != nil {
		return 0, err
	}
	a.warnReport(r, s)
	return a.status(r, gate, s)
}

// scanDB returns the option with the database, and what closes it.
func (a *app) scanDB(ctx context.Context, s *scanFlags) (scan.Option, func() error, error) {
	if s.autoUpdate < 0 {
		db, err := a.openDB(ctx, *s.db, *s.cacheDir)
		if err != nil {
			return nil, nil, err
		}
		return scan.WithDB(db), db.Close, nil
	}
	if *s.db == starterName {
		return nil, nil, usagef("--db starter is the database in this program: it cannot be updated")
	}
	dir, err := a.dbDir(*s.db, *s.cacheDir)
	if err != nil {
		return nil, nil, err
	}
	var opts []vulndb.UpdateOption
	if len(s.mirrors) > 0 {
		opts = append(opts, vulndb.WithMirrors(s.mirrors...))
	}
	if !a.quiet {
		opts = append(opts, vulndb.WithProgress((&progress{app: a}).show))
	}
	auto, err := vulndb.NewAutoUpdater(dir, s.autoUpdate, opts...)
	if err != nil {
		return nil, nil, err
	}
	return scan.WithAutoUpdate(auto), auto.Close, nil
}

// sbomOptions are what bills of materials say of how they were made. Their time
// is that of SOURCE_DATE_EPOCH, or else now.
func (a *app) sbomOptions(s *scanFlags) []sbom.EncodeOption {
	opts := []sbom.EncodeOption{sbom.WithTimestamp(s.time()), sbom.WithSourceDateEpoch(a.env("SOURCE_DATE_EPOCH"))}
	if s.specVersion != "" {
		opts = append(opts, sbom.WithSpecVersion(s.specVersion))
	}
	return opts
}

// explain says in the words of the command line why a scan was cut short.
func explain(err error, s *scanFlags) error {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w\nThe time of --timeout, %v, is over: give a longer one, or 0 for none", err, s.timeout)
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("interrupted: %w", err)
	}
	return err
}

// warnReport says on stderr what a table on stdout says, where there is none:
// the report may be incomplete, and its reader is a program.
func (a *app) warnReport(r *scan.Report, s *scanFlags) {
	switch b := r.BaseImage; {
	case !s.ignoreBase:
	case b == nil || b.Layers == 0:
		a.warn("--ignore-base left out nothing, as the base image is not known")
	case b.Guess:
		a.warn("--ignore-base rests on a guess of where the base image ends; --base makes sure")
	}
	if s.listPackages && *s.format == report.Table {
		a.warn("--list-all-pkgs does nothing with --format %v", *s.format)
	}
	if *s.format == report.SARIF && report.TooManyForGitHub(r) {
		a.warn("%d findings: GitHub refuses a SARIF file with so many; choose severities with --severity, or leave out what has no fix with --ignore-unfixed", len(r.Findings))
	}
	if *s.format == report.Table && *s.output == "" {
		return
	}
	for _, c := range r.Coverage {
		switch {
		case c.Status != vulndb.CoverageMatched:
			a.warn("%d packages of %s were not compared: %s", c.Packages, c.Ecosystem, c.Reason)
		case c.Reason != "":
			a.warn("%d packages of %s were compared in part: %s", c.Packages, c.Ecosystem, c.Reason)
		}
	}
	if len(r.Problems) > 0 {
		p := r.Problems[0]
		a.warn("%d problems, behind which packages and findings may hide; the first is %q (%s): %s", len(r.Problems), p.Path, p.Extractor, p.Error)
	}
	a.warnJudged(r)
	if r.OS.EndOfLife {
		a.warn("%s has had no security support since %s", r.OS.Name, r.OS.EndOfLifeDate)
	}
}

func (a *app) version(_ context.Context, f *flags, args []string) (int, error) {
	if err := f.parse(args); err != nil {
		return 0, err
	}
	if err := f.count(0, 0); err != nil {
		return 0, err
	}
	_, err := fmt.Fprintf(a.stdout, "imagevet %s\n", programVersion())
	return exitOK, err
}
