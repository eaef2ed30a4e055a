package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/imagevet/imagevet/vulndb"
	"github.com/imagevet/imagevet/vulndb/oci"
)

// maxKey bounds a file with public keys, in bytes.
const maxKey = 1 << 20

// A registryFlags is what can be said about a database in a registry.
type registryFlags struct {
	db, cacheDir *string
	registry     *registryConfig
}

func (f *flags) registry(a *app) *registryFlags {
	r := &registryFlags{db: f.db(a), cacheDir: f.cacheDir(a)}
	f.quietFlag(a)
	r.registry = f.registryConfig("database")
	return r
}

// dir returns the folder of the database, which is not the one in the program.
func (r *registryFlags) dir(a *app) (string, error) {
	if *r.db == starterName {
		return "", usagef("--db starter is the database in this program, give a folder")
	}
	return a.dbDir(*r.db, *r.cacheDir)
}

func (a *app) dbPush(ctx context.Context, f *flags, args []string) (int, error) {
	r := f.registry(a)
	if err := f.parse(args); err != nil {
		return 0, err
	}
	if err := f.count(1, 1); err != nil {
		return 0, err
	}
	dir, err := r.dir(a)
	if err != nil {
		return 0, err
	}
	config, err := r.registry.resolve(a, f.args[0])
	if err != nil {
		return 0, err
	}
	digest, err := oci.Push(ctx, dir, f.args[0], oci.WithRegistry(config))
	if err != nil {
		return 0, err
	}
	_, err = fmt.Fprintln(a.stdout, digest)
	return exitOK, err
}

func (a *app) dbPull(ctx context.Context, f *flags, args []string) (int, error) {
	r := f.registry(a)
	var options []oci.Option
	f.set.Func("key", "a `FILE` with the public key, or several, in PEM: the database must be signed with one of them", func(path string) error {
		text, err := readFile(path, maxKey)
		options = append(options, oci.WithPublicKey(text))
		return err
	})
	f.set.Func("ecosystems", "the ecosystems to pull, a `LIST` such as Debian,PyPI (default all)", func(text string) error {
		names, err := parseList(text, func(name string) (string, error) { return name, nil })
		options = append(options, oci.WithEcosystems(names...))
		return err
	})
	if err := f.parse(args); err != nil {
		return 0, err
	}
	if err := f.count(1, 1); err != nil {
		return 0, err
	}
	dir, err := r.dir(a)
	if err != nil {
		return 0, err
	}
	config, err := r.registry.resolve(a, f.args[0])
	if err != nil {
		return 0, err
	}
	result, err := oci.Pull(ctx, f.args[0], dir, append(options, oci.WithRegistry(config))...)
	if err != nil {
		return 0, hintVersion(err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Digest   %s\nPulled   %d files of %d bytes, %d were there\n", result.Digest, len(result.Fetched), result.Bytes, len(result.Reused))
	if _, err := io.WriteString(a.stdout, b.String()); err != nil {
		return 0, err
	}
	return exitOK, printInfo(a.stdout, dir, result.Info)
}

// hintVersion tells that what is in the registry does not get better by
// pulling it again.
func hintVersion(err error) error {
	if errors.Is(err, vulndb.ErrVersion) {
		return fmt.Errorf("%w\nThe database in the registry was made by another version of this program; the one here is as it was", err)
	}
	return err
}

// readFile reads a file of bounded size.
func readFile(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(data)) > most {
		return nil, fmt.Errorf("%s has more than %d bytes", path, most)
	}
	return data, err
}
