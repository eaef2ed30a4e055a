package vulndb_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/vulndb"
)

// folder builds a database on Debian, with a record for each ID, and on
// Alpine, with one.
func folder(tb testing.TB, ids ...string) string {
	tb.Helper()
	records := []string{osv("ALPINE-CVE-2026-0001", "Alpine:v3.19", "foo", ranges("introduced 0"))}
	for _, id := range ids {
		records = append(records, simple(id))
	}
	dir := tb.TempDir()
	_, err := vulndb.Build(tb.Context(), dir, []vulndb.Source{vulndb.FileSource(jsonl(tb, records...))}, clock)
	require.NoError(tb, err)
	return dir
}

// delivery brings the database of another folder. What happens before a file
// is sent is up to the caller.
func delivery(tb testing.TB, dir string, before func(f vulndb.File)) vulndb.Delivery {
	tb.Helper()
	s, err := vulndb.OpenSnapshot(dir)
	require.NoError(tb, err)
	tb.Cleanup(func() { assert.NoError(tb, s.Close()) })
	require.NoError(tb, s.Verify(tb.Context()))
	return vulndb.Delivery{Manifest: s.Manifest(), Fetch: func(_ context.Context, f vulndb.File, w io.Writer) error {
		before(f)
		r, err := s.Open(f)
		if err == nil {
			_, err = io.Copy(w, r)
		}
		return err
	}}
}

func TestInstall(t *testing.T) {
	from, to := folder(t, "CVE-2026-0001"), filepath.Join(t.TempDir(), "a", "b")
	var fetched atomic.Int32
	d := delivery(t, from, func(vulndb.File) { fetched.Add(1) })
	got, err := vulndb.Install(t.Context(), to, d)
	require.NoError(t, err)
	assert.Equal(t, files(t, from), files(t, to))
	assert.Equal(t, open(t, from).Info(), got.Info)
	assert.EqualValues(t, 2, fetched.Load())
	require.Len(t, got.Fetched, 2)
	assert.Equal(t, got.Fetched[0].Size+got.Fetched[1].Size, got.Bytes)

	before, err := os.Stat(filepath.Join(to, "manifest.json"))
	require.NoError(t, err)
	got, err = vulndb.Install(t.Context(), to, d)
	require.NoError(t, err)
	after, err := os.Stat(filepath.Join(to, "manifest.json"))
	require.NoError(t, err)
	assert.True(t, os.SameFile(before, after), "and nothing is written where nothing is new")
	assert.EqualValues(t, 2, fetched.Load(), "nothing is fetched again")
	assert.Len(t, got.Reused, 2)
	assert.Equal(t, files(t, from), files(t, to))

	got, err = vulndb.Install(t.Context(), to, delivery(t, folder(t, "CVE-2026-0002"), func(vulndb.File) {}))
	require.NoError(t, err)
	require.Len(t, got.Fetched, 1)
	assert.Equal(t, "Debian", got.Fetched[0].Ecosystem)
	assert.Len(t, files(t, to), 3, "the old file is gone")
	assert.Equal(t, "CVE-2026-0002", match(t, open(t, to), bookworm, deb("foo", "1")).Matches[0].ID)
}

// A file that another process removes while the rest is fetched is fetched
// too.
func TestInstallLost(t *testing.T) {
	from, to := folder(t, "CVE-2026-0002"), t.TempDir()
	_, err := vulndb.Install(t.Context(), to, delivery(t, folder(t, "CVE-2026-0001"), func(vulndb.File) {}))
	require.NoError(t, err)
	var order []string
	d := delivery(t, from, func(f vulndb.File) {
		order = append(order, f.Ecosystem)
		names, err := filepath.Glob(filepath.Join(to, "alpine-*"))
		assert.NoError(t, err)
		for _, name := range names {
			assert.NoError(t, os.Remove(name))
		}
	})
	d.Workers = 1
	got, err := vulndb.Install(t.Context(), to, d)
	require.NoError(t, err)
	assert.Equal(t, []string{"Debian", "Alpine", "Debian"}, order)
	assert.Len(t, got.Fetched, 2)
	assert.Equal(t, files(t, from), files(t, to))
}

func TestInstallErrors(t *testing.T) {
	from, to := folder(t, "CVE-2026-0001"), folder(t, "CVE-2026-0002")
	nothing := func(vulndb.File) {}
	errSent := errors.New("line is dead")
	write := func(text string, end error) func(context.Context, vulndb.File, io.Writer) error {
		return func(_ context.Context, _ vulndb.File, w io.Writer) error {
			_, err := io.WriteString(w, text)
			return errors.Join(err, end)
		}
	}
	tests := []struct {
		name   string
		change func(d *vulndb.Delivery)
		want   error
	}{
		{"no manifest", func(d *vulndb.Delivery) { d.Manifest = nil }, vulndb.ErrForeign},
		{"a huge manifest", func(d *vulndb.Delivery) { d.Manifest = make([]byte, 5<<20) }, vulndb.ErrForeign},
		{"an empty one", func(d *vulndb.Delivery) { d.Manifest = []byte(emptyManifest) }, vulndb.ErrEmpty},
		{"a changed one", func(d *vulndb.Delivery) { d.Manifest[len(d.Manifest)/2]++ }, vulndb.ErrCorrupt},
		{"fetching fails", func(d *vulndb.Delivery) { d.Fetch = write("", errSent) }, errSent},
		{"fetching fails in the middle", func(d *vulndb.Delivery) { d.Fetch = write("ivet", errSent) }, errSent},
		{"nothing is fetched", func(d *vulndb.Delivery) { d.Fetch = write("", nil) }, vulndb.ErrCorrupt},
		{"too much is fetched", func(d *vulndb.Delivery) { d.Fetch = write(strings.Repeat("x", 1<<20), nil) }, vulndb.ErrCorrupt},
		{"something else is fetched", func(d *vulndb.Delivery) {
			d.Fetch = func(_ context.Context, f vulndb.File, w io.Writer) error {
				_, err := w.Write(make([]byte, f.Size))
				return err
			}
		}, vulndb.ErrCorrupt},
		{"too much", func(d *vulndb.Delivery) { d.MaxBytes = 100 }, vulndb.ErrLimit},
		{"an unknown ecosystem", func(d *vulndb.Delivery) { d.Ecosystems = []string{"Debian", "debian"} }, vulndb.ErrNoEcosystem},
	}
	for at := 1; at < 10; at++ { // most of what Open does not read is found there
		tests = append(tests, struct {
			name   string
			change func(d *vulndb.Delivery)
			want   error
		}{fmt.Sprintf("a changed byte at %d/10 is fetched", at), func(d *vulndb.Delivery) {
			fetch := d.Fetch
			d.Fetch = func(ctx context.Context, f vulndb.File, w io.Writer) error {
				var b bytes.Buffer
				err := fetch(ctx, f, &b)
				b.Bytes()[b.Len()*at/10] ^= 1
				_, writeErr := w.Write(b.Bytes())
				return errors.Join(err, writeErr)
			}
		}, vulndb.ErrCorrupt})
	}
	before := files(t, to)
	for _, tt := range tests {
		d := delivery(t, from, nothing)
		tt.change(&d)
		got, err := vulndb.Install(t.Context(), to, d)
		assert.ErrorIs(t, err, tt.want, tt.name)
		assert.Zero(t, got, tt.name)
		assert.Equal(t, before, files(t, to), tt.name)
	}
	for _, change := range []func(d *vulndb.Delivery){
		func(d *vulndb.Delivery) { d.Fetch = nil },
		func(d *vulndb.Delivery) { d.Workers = -1 },
		func(d *vulndb.Delivery) { d.MaxBytes = -1 },
		func(d *vulndb.Delivery) { d.Ecosystems = []string{} },
	} {
		d := delivery(t, from, nothing)
		change(&d)
		_, err := vulndb.Install(t.Context(), to, d)
		assert.Error(t, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err := vulndb.Install(ctx, to, delivery(t, from, func(vulndb.File) { cancel() }))
	assert.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, before, files(t, to))
}

func TestSnapshot(t *testing.T) {
	dir := folder(t, "CVE-2026-0001")
	s, err := vulndb.OpenSnapshot(dir)
	require.NoError(t, err)
	assert.Equal(t, files(t, dir)["manifest.json"], string(s.Manifest()))
	assert.Equal(t, open(t, dir).Info(), s.Info())
	// It outlives the folder's next database.
	_, err = vulndb.Install(t.Context(), dir, delivery(t, folder(t, "CVE-2026-0002"), func(vulndb.File) {}))
	require.NoError(t, err)
	assert.NoError(t, s.Verify(t.Context()))
	assert.Len(t, s.Files(), 2)
	_, err = s.Open(vulndb.File{Name: "../" + s.Files()[0].Name})
	assert.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, s.Close())

	for name := range files(t, dir) {
		if name == "manifest.json" {
			continue
		}
		path := filepath.Join(dir, name)
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, damaged := range []string{string(data[:50]), string(data) + "x", "X" + string(data[1:])} {
			require.NoError(t, os.WriteFile(path, []byte(damaged), 0o666))
			broken, err := vulndb.OpenSnapshot(dir)
			require.NoError(t, err)
			assert.ErrorIs(t, broken.Verify(t.Context()), vulndb.ErrCorrupt)
			assert.NoError(t, broken.Close())
		}
		require.NoError(t, os.Remove(path))
		_, err = vulndb.OpenSnapshot(dir)
		assert.ErrorIs(t, err, vulndb.ErrCorrupt, name)
		require.NoError(t, os.WriteFile(path, data, 0o666))
	}
	_, err = vulndb.OpenSnapshot(t.TempDir())
	assert.ErrorIs(t, err, vulndb.ErrNotFound)
}

// A database is moved through a folder that both sides see, as on a memory
// stick.
func ExampleInstall() {
	err := func() error {
		source, err := os.MkdirTemp("", "vulndb")
		if err != nil {
			return err
		}
		defer os.RemoveAll(source)
		target, err := os.MkdirTemp("", "vulndb")
		if err != nil {
			return err
		}
		defer os.RemoveAll(target)
		ctx := context.Background()
		list := filepath.Join(source, "advisories.jsonl")
		if err := os.WriteFile(list, []byte(advisories), 0o666); err != nil {
			return err
		}
		if _, err := vulndb.Build(ctx, source, []vulndb.Source{vulndb.FileSource(list)}); err != nil {
			return err
		}

		s, err := vulndb.OpenSnapshot(source)
		if err != nil {
			return err
		}
		defer s.Close()
		fetch := func(_ context.Context, f vulndb.File, w io.Writer) error {
			r, err := s.Open(f)
			if err != nil {
				return err
			}
			_, err = io.Copy(w, r)
			return err
		}
		for range 2 {
			done, err := vulndb.Install(ctx, target, vulndb.Delivery{Manifest: s.Manifest(), Fetch: fetch})
			if err != nil {
				return err
			}
			fmt.Printf("%d files fetched, %d were there\n", len(done.Fetched), len(done.Reused))
		}
		return nil
	}()
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// 1 files fetched, 0 were there
	// 0 files fetched, 1 were there
}
