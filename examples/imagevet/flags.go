package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/imagevet/imagevet/cvss"
	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/scan/image"
	"github.com/imagevet/imagevet/scan/report"
	"github.com/imagevet/imagevet/vulndb"
)

// A usageError is a wrong command line.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// A helpError is the wish for help.
type helpError struct{ text string }

func (e *helpError) Error() string { return e.text }

// flags are the flags and arguments of a verb.
type flags struct {
	set  *flag.FlagSet
	verb verb
	args []string // what is no flag, after parse
}

func newFlags(v verb) *flags {
	set := flag.NewFlagSet(v.name, flag.ContinueOnError)
	set.SetOutput(io.Discard) // errors are returned
	return &flags{set: set, verb: v}
}

// parse parses flags wherever they stand. What follows "--" is no flag.
func (f *flags) parse(args []string) error {
	for {
		if err := f.set.Parse(args); err != nil {
			return f.explain(err)
		}
		rest := f.set.Args()
		if n := len(args) - len(rest); n > 0 && args[n-1] == "--" {
			f.args = append(f.args, rest...)
			return nil
		}
		if len(rest) == 0 {
			return nil
		}
		f.args = append(f.args, rest[0])
		args = rest[1:]
	}
}

func (f *flags) explain(err error) error {
	if errors.Is(err, flag.ErrHelp) {
		return &helpError{f.usage()}
	}
	if name, ok := strings.CutPrefix(err.Error(), "flag provided but not defined: "); ok {
		return usagef("%q has no flag --%s\n\n%s", "imagevet "+f.verb.name, strings.TrimLeft(name, "-"), f.usage())
	}
	return &usageError{err}
}

// usage lists the flags.
func (f *flags) usage() string {
	var b strings.Builder
	fmt.Fprintf(&b, "usage: imagevet %s", f.verb.name)
	var lines []string
	f.set.VisitAll(func(fl *flag.Flag) {
		value, text := flag.UnquoteUsage(fl)
		lines = append(lines, fmt.Sprintf("  %s\n        %s\n", strings.TrimSpace("--"+fl.Name+" "+value), text))
	})
	if len(lines) > 0 {
		b.WriteString(" [flags]")
	}
	if f.verb.args != "" {
		b.WriteString(" " + f.verb.args)
	}
	fmt.Fprintf(&b, "\n\n%s%s.\n", strings.ToUpper(f.verb.does[:1]), f.verb.does[1:])
	if len(lines) > 0 {
		b.WriteString("\nFlags, before or after the rest:\n" + strings.Join(lines, ""))
	}
	return b.String()
}

// count checks how many arguments there are besides the flags.
func (f *flags) count(least, most int) error {
	if n := len(f.args); n < least || n > most {
		return usagef("%d arguments %q do not fit\n\n%s", n, f.args, f.usage())
	}
	return nil
}

// What follows defines flags that several verbs have.

func (f *flags) db(a *app) *string {
	return f.set.String("db", a.env("IMAGEVET_DB"),
		"the database `DIR`, or \"starter\" for the small one in this program (default $IMAGEVET_DB or \"db\" in the cache folder)")
}

func (f *flags) cacheDir(a *app) *string {
	return f.set.String("cache-dir", a.env("IMAGEVET_CACHE_DIR"), "the cache `DIR` (default $IMAGEVET_CACHE_DIR or \"imagevet\" in the user's cache folder)")
}

func (f *flags) quietFlag(a *app) {
	f.set.BoolVar(&a.quiet, "quiet", false, "no warnings on stderr")
}

func (f *flags) mirrors(out *[]string) {
	f.set.Func("mirror", "download the database from this `URL` or folder, in the layout of OSV's export; again for the next one to try (default "+vulndb.OSVMirror+")", func(text string) error {
		*out = append(*out, text)
		return nil
	})
}

func (f *flags) noProgress(v *bool) {
	f.set.BoolVar(v, "no-progress", false, "no progress on stderr")
}

func (f *flags) output() *string {
	return f.set.String("output", "", "write to a `FILE` instead of stdout; it is there in full or not at all")
}

func (f *flags) format() *report.Format {
	format := report.Table
	var names []string
	for _, known := range report.Formats() {
		names = append(names, known.String())
	}
	f.set.Func("format", "the `FORMAT`: "+strings.Join(names, ", ")+" (default table)", func(s string) (err error) {
		format, err = report.ParseFormat(s)
		return err
	})
	return &format
}

// A scanFlags is what can be said about a scan.
type scanFlags struct {
	db, cacheDir, output *string
	format               *report.Format
	specVersion          string // of a bill of materials
	template             string // a text or a file
	suppressed           bool   // whether formats list them
	listPackages         bool
	noCache, noProgress  bool
	skip                 []string
	judge                *judgeFlags
	exitCode             int
	exitCodeSet          bool
	timeout              time.Duration
	autoUpdate           time.Duration // negative: never
	mirrors              []string
	now                  time.Time // zero: that of the system
	registry             *registryConfig
	options              []scan.Option
	table                []report.Option
	ignoreBase           bool
}

// time is that of --now, or else now.
func (s *scanFlags) time() time.Time {
	if s.now.IsZero() {
		return time.Now()
	}
	return s.now
}

func (f *flags) scan(a *app) *scanFlags {
	s := &scanFlags{db: f.db(a), cacheDir: f.cacheDir(a), output: f.output(), format: f.format(), judge: f.judge(), timeout: 5 * time.Minute, autoUpdate: -1, noCache: true}
	f.quietFlag(a)
	f.set.Func("auto-update", "download what the image needs of the database if that was not done for a `DURATION` such as 24h (default never)", func(text string) (err error) {
		if s.autoUpdate, err = time.ParseDuration(text); err != nil || s.autoUpdate < 0 {
			return errors.New("give a duration such as 30m or 24h; 0 is each time")
		}
		return nil
	})
	f.mirrors(&s.mirrors)
	f.formatFlags(s)
	f.noProgress(&s.noProgress)
	f.set.Func("severity", "the severities to report, a `LIST` such as CRITICAL,HIGH (default all)", func(text string) error {
		severities, err := parseList(text, cvss.ParseSeverity)
		s.options = append(s.options, scan.WithSeverities(severities...))
		return err
	})
	f.boolean(s, "ignore-unfixed", "leave out what has no fixed version", scan.WithIgnoreUnfixed)
	f.set.Func("ignore-status", "the statuses to leave out, a `LIST` such as will_not_fix,end_of_life", func(text string) error {
		statuses, err := parseList(text, parseStatus)
		s.options = append(s.options, scan.WithIgnoreStatuses(statuses...))
		return err
	})
	f.boolean(s, "informational", "report advisories that call themselves no flaw too: unmaintained, notice", scan.WithInformational)
	f.table(s)
	f.inventory(s)
	f.set.StringVar(&s.specVersion, "spec-version", "", "the `VERSION` of the specification of a bill of materials: 1.4 to 1.7 of CycloneDX (default 1.6), 2.2, 2.3 and 3.0 of SPDX (default 2.3)")
	f.set.BoolVar(&s.listPackages, "list-all-pkgs", false, "list all packages (formats json, html and trivy)")
	f.set.Func("exit-code", "exit with status `N` if findings are left or, with --policy, if it is not met (default 0; with --policy 3)", func(text string) (err error) {
		s.exitCodeSet = true
		if s.exitCode, err = strconv.Atoi(text); err != nil || s.exitCode < 0 || s.exitCode > 255 {
			return errors.New("give a number from 0 to 255")
		}
		return nil
	})
	f.set.Func("timeout", "give up after a `DURATION` such as 90s or 1h; 0 is never (default 5m0s)", func(text string) (err error) {
		if s.timeout, err = time.ParseDuration(text); err != nil || s.timeout < 0 {
			return errors.New("give a duration such as 90s, 5m or 1h30m")
		}
		return nil
	})
	f.set.Func("now", "the `TIME` to take for now, as 2026-01-31T12:00:00Z (default the system's)", func(text string) (err error) {
		if s.now, err = time.Parse(time.RFC3339, text); err != nil {
			return errors.New("give a time as RFC 3339 has it, such as 2026-01-31T12:00:00Z")
		}
		s.options = append(s.options, scan.WithClock(func() time.Time { return s.now }))
		return nil
	})
	return s
}

// imageFlags defines what only images have.
func (f *flags) image(s *scanFlags) (input *string, daemon *bool) {
	f.base(s)
	f.set.BoolVar(&s.noCache, "no-cache", false, "read all layers, and remember none")
	daemon = f.set.Bool("daemon", false, "REF is in the Docker or Podman daemon of this machine")
	input = f.set.String("input", "", "a `FILE|DIR` from \"docker save\" or skopeo, or with an OCI layout, instead of a registry; REF then chooses one of several images")
	f.platform(s)
	f.set.BoolFunc("foreign-layers", "fetch layers that the registry does not have from where the image says, as those of Windows", func(text string) (err error) {
		s.registry.config.ForeignLayers, err = strconv.ParseBool(text)
		return err
	})
	s.registry = f.registryConfig("image")
	return input, daemon
}

func (f *flags) platform(s *scanFlags) {
	f.set.Func("platform", "the `OS/ARCH[/VARIANT]` to choose of an index (default that of this machine)", func(text string) error {
		if _, err := image.ParsePlatform(text); err != nil {
			return err
		}
		s.options = append(s.options, scan.WithPlatform(text))
		return nil
	})
}

// parseList reads words between commas.
func parseList[T any](text string, parse func(string) (T, error)) ([]T, error) {
	var out []T
	for word := range strings.SplitSeq(text, ",") {
		v, err := parse(strings.TrimSpace(word))
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func parseStatus(text string) (scan.Status, error) {
	s := scan.Status(strings.ToLower(text))
	if !slices.Contains(scan.Statuses(), s) {
		return "", fmt.Errorf("%q is no status; there are %q", text, scan.Statuses())
	}
	return s, nil
}
