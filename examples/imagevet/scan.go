package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/imagevet/imagevet/sbom"
	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/scan/image"
	"github.com/imagevet/imagevet/scan/report"
	"github.com/imagevet/imagevet/vulndb"
)

func (a *app) image(ctx context.Context, f *flags, args []string) (int, error) {
	s := f.scan(a)
	input := f.image(s)
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
	ref := ""
	if len(f.args) == 1 {
		ref = f.args[0]
	}
	return a.scan(ctx, s, func(ctx context.Context, scanner *scan.Scanner) (*scan.Report, error) {
		if *input == "" {
			r, err := scanner.Image(ctx, ref)
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

// scan opens the database, scans with it and writes the report.
func (a *app) scan(ctx context.Context, s *scanFlags, do func(context.Context, *scan.Scanner) (*scan.Report, error)) (int, error) {
	if s.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.timeout)
		defer cancel()
	}
	options := s.options
	db, err := a.openDB(ctx, *s.db, *s.cacheDir)
	switch {
	case err == nil:
		defer db.Close()
		options = append(options, scan.WithDB(db))
	case s.format.IsSBOM() && *s.db == "" && errors.Is(err, vulndb.ErrNotFound):
		// A bill of materials is of use without a database.
		a.warn("there is no database: the bill of materials tells of no vulnerabilities")
	default:
		return 0, explain(err, s)
	}
	if !s.noCache {
		options = append(options, a.cacheOptions(*s.cacheDir)...)
	}
	if bar := a.newBar(s.noProgress); bar != nil {
		options = append(options, scan.WithProgress(bar.show))
	}
	scanner, err := scan.New(options...)
	if err != nil {
		return 0, err
	}
	r, err := do(ctx, scanner)
	a.bar.clear()
	if err != nil {
		return 0, explain(err, s)
	}
	opts := []report.Option{report.WithPackages(s.listPackages), report.WithSBOM(a.sbomOptions(s)...)}
	if *s.output == "" {
		opts = append(opts, a.display()...)
	}
	err = a.writeOutput(*s.output, func(w io.Writer) error { return report.Write(w, r, *s.format, opts...) })
	if err != nil {
		return 0, err
	}
	a.warnReport(r, s)
	if len(r.Findings) > 0 {
		return s.exitCode, nil
	}
	return exitOK, nil
}

// sbomOptions are what bills of materials say of how they were made. Their time
// is that of SOURCE_DATE_EPOCH, or else now.
func (a *app) sbomOptions(s *scanFlags) []sbom.EncodeOption {
	now := s.now
	if now.IsZero() {
		now = time.Now()
	}
	opts := []sbom.EncodeOption{sbom.WithTimestamp(now), sbom.WithSourceDateEpoch(a.env("SOURCE_DATE_EPOCH"))}
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
	if s.listPackages && *s.format == report.Table {
		a.warn("--list-all-pkgs does nothing with --format %v", *s.format)
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
