package main

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/imagevet/imagevet/vulndb"
)

// starterName is the value of --db that means the starter database.
const starterName = "starter"

// starterZip is the starter database before it is compiled, in a string as
// nothing may change it. See NOTICE for what is in it.
//
//go:embed starter.zip
var starterZip string

// openStarter opens the starter database and says what it is worth. It is
// compiled into the cache folder when it is used for the first time. Several
// processes may do so at once: each puts the same files there.
func (a *app) openStarter(ctx context.Context, cacheDir string) (*vulndb.DB, error) {
	newest, err := starterDate(a.starter)
	if err != nil {
		return nil, err
	}
	a.say("the starter database, of %s, has Alpine v3.3 to v3.11 up to 2020-06,\n"+
		"Debian advisories up to 2023-04 and Debian 11 to 13 changelogs up to 2026-11.\n"+
		"It is too old and too patchy to call an image safe.", newest.Format(time.DateOnly))
	cache, err := a.cache(cacheDir)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(a.starter))
	dir := filepath.Join(cache, starterName+"-"+hex.EncodeToString(sum[:8]))
	db, err := vulndb.Open(dir)
	if err == nil {
		return db, nil
	}
	// Whatever is wrong with it, it can be made again: it may not be there yet,
	// or another version of the program may have made it.
	source := vulndb.ZipSource("starter.zip", strings.NewReader(a.starter), int64(len(a.starter)))
	built := vulndb.WithClock(func() time.Time { return newest })
	err = os.MkdirAll(dir, 0o777) // before the work, which would be for nothing
	if err == nil {
		_, err = vulndb.Build(ctx, dir, []vulndb.Source{source}, built)
	}
	if err != nil {
		return nil, fmt.Errorf("the starter database must be compiled into the cache folder, which --cache-dir and IMAGEVET_CACHE_DIR can change: %w", err)
	}
	return vulndb.Open(dir)
}

// starterDate is when the newest advisory of the starter database was changed.
func starterDate(archive string) (time.Time, error) {
	z, err := zip.NewReader(strings.NewReader(archive), int64(len(archive)))
	if err != nil {
		return time.Time{}, fmt.Errorf("the starter database: %w", err)
	}
	var newest time.Time
	for _, m := range z.File {
		if m.Modified.After(newest) {
			newest = m.Modified.UTC()
		}
	}
	if newest.IsZero() {
		return time.Time{}, errors.New("the starter database is empty")
	}
	return newest, nil
}
