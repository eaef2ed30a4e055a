package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"path/filepath"

	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/scan/report"
)

// compare compares two reports, or scans what is no report first.
func (a *app) compare(ctx context.Context, f *flags, args []string) (int, error) {
	s := f.scan(a)
	f.base(s)
	f.platform(s)
	s.registry = f.registryConfig("image")
	newBase := f.set.Bool("new-base", false, "B is another base image for A: what would become of what A inherits?")
	if err := f.parse(args); err != nil {
		return 0, err
	}
	if err := f.count(2, 2); err != nil {
		return 0, err
	}
	if *s.format != report.Table && *s.format != report.JSON {
		return 0, usagef("there is no --format %v for comparisons, but table and json", *s.format)
	}
	judging, gate, err := s.judge.options(a)
	if err != nil {
		return 0, err
	}
	if gate != nil {
		return 0, usagef("--policy is not for comparisons: --exit-code tells whether something is new")
	}
	config, err := s.registry.resolve(a, f.args...)
	if err != nil {
		return 0, err
	}
	s.options = append(s.options, scan.WithRegistry(config))
	ctx, cancel := s.context(ctx)
	defer cancel()
	var scanner *scan.Scanner
	var reports [2]*scan.Report
	for i, arg := range f.args {
		r, err := readReport(arg)
		if err == nil && r == nil {
			if scanner == nil {
				var closeDB func() error
				if scanner, closeDB, err = a.scanner(ctx, s, judging); err != nil {
					return 0, explain(err, s)
				}
				defer closeDB()
			}
			r, err = scanner.From(ctx, arg)
			err = hintInput(err, arg)
		}
		if err != nil {
			return 0, explain(err, s)
		}
		reports[i] = r
	}
	c := scan.Compare(reports[0], reports[1])
	if *newBase {
		if c, err = scan.CompareBase(reports[0], reports[1]); err != nil {
			return 0, err
		}
	}
	var opts []report.Option
	if *s.output == "" {
		opts = a.display()
	}
	if err := a.writeOutput(*s.output, func(w io.Writer) error { return report.WriteComparison(w, c, *s.format, opts...) }); err != nil {
		return 0, err
	}
	if *s.format != report.Table || *s.output != "" {
		for _, warning := range c.Warnings {
			a.warn("%s", warning)
		}
	}
	if len(c.New) > 0 {
		return s.exitCode, nil
	}
	return exitOK, nil
}

// readReport reads a report from a file in JSON, and returns nil for what is no
// such file.
func readReport(name string) (*scan.Report, error) {
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() {
		return nil, nil // a reference
	}
	file, err := os.Open(filepath.Clean(name))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	in := bufio.NewReader(file)
	if first, err := in.Peek(1); err != nil || first[0] != '{' && filepath.Ext(name) != ".json" {
		return nil, nil
	}
	return scan.ReadReport(in)
}
