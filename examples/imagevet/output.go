package main

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"

	"github.com/imagevet/imagevet/scan/report"
)

// writeOutput calls write with a file, which is there under its name once it
// is complete, or with stdout if there is no name.
func (a *app) writeOutput(name string, write func(io.Writer) error) error {
	if name == "" {
		return write(a.stdout)
	}
	info, err := os.Stat(name)
	switch {
	case err == nil && !info.Mode().IsRegular():
		// A device or a pipe must stay what it is.
		return writeFile(name, write)
	case err == nil:
		// A link must keep leading to the file.
		if name, err = filepath.EvalSymlinks(name); err != nil {
			return err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return replaceFile(name, write)
}

func writeFile(name string, write func(io.Writer) error) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

// replaceFile writes under another name and renames.
func replaceFile(name string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	err = write(f)
	// CreateTemp gives files that only their owner can read.
	if chmodErr := f.Chmod(0o644); !errors.Is(chmodErr, errors.ErrUnsupported) {
		err = errors.Join(err, chmodErr)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

// display returns how a table is to look on stdout.
func (a *app) display() []report.Option {
	var opts []report.Option
	if columns, err := strconv.Atoi(a.env("COLUMNS")); err == nil && columns >= report.MinWidth && columns <= 1000 {
		opts = append(opts, report.WithWidth(columns))
	}
	return append(opts, report.WithColor(a.colored()))
}

// colored reports whether stdout is a terminal whose user has not said that
// there is to be no colour (https://no-color.org).
func (a *app) colored() bool {
	f, ok := a.stdout.(*os.File)
	if !ok || a.env("NO_COLOR") != "" || a.env("TERM") == "dumb" {
		return false
	}
	return isTerminal(f)
}

// programVersion is what the Go command knows of this build.
func programVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown)"
	}
	return cmp.Or(info.Main.Version, "(unknown)") + " " + info.GoVersion
}
