// Imagevet tells which known vulnerabilities a container image has.
//
//	imagevet image nginx:1.27
//	imagevet image --input app.tar --format json
//	imagevet rootfs /srv/chroot
//	imagevet image docker://app:dev
//	imagevet sbom app.cdx.json
//	imagevet compare before.json after.json
//	imagevet db build osv-export
//	imagevet db update Debian PyPI
//	imagevet db pull registry.example/team/vulndb
//
// It is thin: flags in, one call of package scan, a report out. Everything it
// does is there for other programs to do, through the same packages.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"unicode"
)

// The exit statuses, beside that of --exit-code.
const (
	exitOK     = 0
	exitFailed = 1 // what was asked for could not be done
	exitUsage  = 2 // what was asked for makes no sense
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr, os.Getenv)
	stop()
	os.Exit(status)
}

// run is the whole program: everything it depends on is an argument.
func run(ctx context.Context, args []string, stdout, stderr io.Writer, env func(string) string) int {
	a := &app{stdout: stdout, stderr: stderr, env: env, starter: starterZip}
	status, err := a.dispatch(ctx, args)
	if err != nil {
		a.say("%v", err)
	}
	return status
}

// An app is one run of the program.
type app struct {
	stdout, stderr io.Writer
	env            func(string) string
	starter        string // the starter database, a zip archive
	quiet          bool
	bar            *bar // nil if there is none
}

// say writes a message to stderr. Errors hold texts from images, registries
// and advisories, so nothing reaches the terminal that it would obey.
func (a *app) say(format string, args ...any) {
	text := strings.Map(func(r rune) rune {
		if r == '\n' || unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, fmt.Sprintf(format, args...))
	a.bar.clear()
	fmt.Fprintf(a.stderr, "imagevet: %s\n", text)
}

// warn says what --quiet is against.
func (a *app) warn(format string, args ...any) {
	if !a.quiet {
		a.say("warning: "+format, args...)
	}
}

// A verb is something to do.
type verb struct {
	name string
	args string // what follows the flags
	does string // one line
	// run defines its flags in f, parses them, and does it.
	run func(a *app, ctx context.Context, f *flags, args []string) (int, error)
}

func verbs() []verb {
	return []verb{
		{"image", "REF | --input FILE|DIR [REF]", "scan an image: of a registry, docker://REF, podman://REF, archive:FILE, layout:DIR", (*app).image},
		{"rootfs", "DIR", "scan an unpacked root file system", (*app).rootfs},
		{"fs", "DIR", "scan a source tree: lock files and manifests", (*app).fs},
		{"sbom", "FILE", "scan a bill of materials: CycloneDX, SPDX, Syft's JSON, package URLs", (*app).sbom},
		{"db build", "[SOURCE...]", "make a database of OSV records: .json, .jsonl and .zip files, or folders of them", (*app).dbBuild},
		{"db update", "[ECOSYSTEM...]", "bring a database up to date with OSV's export; without ECOSYSTEM, what was downloaded before", (*app).dbUpdate},
		{"db info", "", "tell what is in a database", (*app).dbInfo},
		{"db explain", "", "tell what a database says of a package, and why", (*app).dbExplain},
		{"db diff", "OLD NEW", "tell on which packages two databases differ", (*app).dbDiff},
		{"db push", "REF", "store a database in a registry", (*app).dbPush},
		{"db pull", "REF", "fetch what is new of a database in a registry", (*app).dbPull},
		{"compare", "A B", "tell what is new and what is fixed: two reports in JSON, or what \"image\" takes", (*app).compare},
		{"cache info", "", "tell how many layers are remembered from earlier scans", (*app).cacheInfo},
		{"cache clear", "", "forget them", (*app).cacheClear},
		{"version", "", "print the version", (*app).version},
		{"help", "[VERB]", "print this, or the flags of a verb", (*app).help},
	}
}

// find returns the verb at the front of the arguments, and the rest of them.
func find(args []string) (verb, []string, bool) {
	for _, v := range verbs() {
		words := strings.Fields(v.name)
		if len(args) >= len(words) && strings.Join(args[:len(words)], " ") == v.name {
			return v, args[len(words):], true
		}
	}
	return verb{}, nil, false
}

func (a *app) dispatch(ctx context.Context, args []string) (int, error) {
	if len(args) == 0 {
		return exitUsage, fmt.Errorf("what is to be done?\n\n%s", overview())
	}
	switch args[0] {
	case "-h", "-help", "--help":
		args = []string{"help"}
	case "-v", "-version", "--version":
		args = []string{"version"}
	}
	v, rest, ok := find(args)
	if !ok {
		return exitUsage, unknownVerb(args)
	}
	status, err := v.run(a, ctx, newFlags(v), rest)
	if help, ok := errors.AsType[*helpError](err); ok {
		_, err = io.WriteString(a.stdout, help.text)
	}
	if _, ok := errors.AsType[*usageError](err); ok {
		return exitUsage, err
	}
	if err != nil {
		return exitFailed, err
	}
	return status, nil
}

func unknownVerb(args []string) error {
	what := args[0]
	var names []string
	for _, v := range verbs() {
		if strings.HasPrefix(v.name, args[0]+" ") && len(args) > 1 {
			what = args[0] + " " + args[1]
		}
		names = append(names, v.name)
	}
	return fmt.Errorf("%q is nothing that can be done; there are: %s", what, strings.Join(names, ", "))
}

func overview() string {
	var b strings.Builder
	b.WriteString("usage: imagevet VERB [flags] ...\n\n")
	for _, v := range verbs() {
		fmt.Fprintf(&b, "  %-10s %s\n", v.name, v.does)
	}
	b.WriteString("\n\"imagevet help VERB\" lists the flags of a verb.\n")
	b.WriteString("Exit status: 0, that of --exit-code if findings are left or a policy is not met, 1 on failure, 2 on wrong usage.\n")
	return b.String()
}

func (a *app) help(_ context.Context, f *flags, args []string) (int, error) {
	if err := f.parse(args); err != nil {
		return 0, err
	}
	if len(f.args) == 0 {
		_, err := io.WriteString(a.stdout, overview())
		return exitOK, err
	}
	v, rest, ok := find(f.args)
	if !ok || len(rest) > 0 {
		return 0, &usageError{unknownVerb(f.args)}
	}
	// Every verb defines its flags before it parses them.
	return v.run(a, context.Background(), newFlags(v), []string{"--help"})
}
