package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"unicode"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/scan"
)

var update = flag.Bool("update", false, "write golden files")

const (
	alpine = "../../testdata/images/alpine-3.8.tar.gz"
	now    = "2026-11-23T12:00:00Z"
)

// cacheDir is one cache folder for all tests, so that the starter database is
// compiled once.
var cacheDir = sync.OnceValue(func() string {
	dir, err := os.MkdirTemp("", "imagevet-test-*")
	if err != nil {
		panic(err)
	}
	return dir
})

func TestMain(m *testing.M) {
	status := m.Run()
	os.RemoveAll(cacheDir())
	os.Exit(status)
}

// A result is what a run of the command left.
type result struct {
	status         int
	stdout, stderr string
}

// imagevet runs the command with the starter database at hand and nothing else
// in the environment but what env says, as NAME=VALUE.
func imagevet(t *testing.T, env []string, args ...string) result {
	t.Helper()
	vars := map[string]string{"IMAGEVET_CACHE_DIR": cacheDir()}
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		vars[name] = value
	}
	var stdout, stderr bytes.Buffer
	status := run(t.Context(), args, &stdout, &stderr, func(name string) string { return vars[name] })
	return result{status, stdout.String(), stderr.String()}
}

// golden compares with a file. The ID of the database stands for the compiled
// form, which may change without the findings changing.
func golden(t *testing.T, name, got string) {
	t.Helper()
	id := databaseID(t)
	got = strings.NewReplacer(id, "DATABASE-ID", strings.TrimPrefix(id, "sha256:")[:12], "DATABASE-ID").Replace(got)
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o666))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), got, "run with -update if this is what it should be")
}

func databaseID(t *testing.T) string {
	t.Helper()
	r := imagevet(t, nil, "db", "info", "--db", "starter")
	require.Zero(t, r.status, r.stderr)
	_, rest, _ := strings.Cut(r.stdout, "ID       ")
	id, _, _ := strings.Cut(rest, "\n")
	require.Len(t, id, len("sha256:")+64)
	return id
}

// rootfs makes a root file system of Alpine 3.10 with these packages.
func rootfs(t *testing.T, packages string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "root")
	for name, text := range map[string]string{
		"etc/os-release":       "ID=alpine\nVERSION_ID=3.10.0\nPRETTY_NAME=\"Alpine Linux v3.10\"\n",
		"lib/apk/db/installed": packages,
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o666))
	}
	return dir
}

// oldPackages have three flaws in the starter database, one in musl.
const oldPackages = "P:musl\nV:1.1.22-r2\nA:x86_64\no:musl\n\nP:busybox\nV:1.29.3-r9\nA:x86_64\no:busybox\n\n"

func TestImage(t *testing.T) {
	args := []string{"image", "--input", alpine, "--db", "starter", "--now", now}
	for _, tt := range []struct {
		golden string
		env    []string
		args   []string
	}{
		{"alpine-3.8.txt", nil, nil},
		{"alpine-3.8-160.txt", []string{"COLUMNS=160"}, nil},
		{"alpine-3.8.json", nil, []string{"--format", "json", "--list-all-pkgs"}},
	} {
		r := imagevet(t, tt.env, append(args, tt.args...)...)
		assert.Zero(t, r.status, tt.golden)
		golden(t, tt.golden, r.stdout)
	}
}

// The folder is an Alpine 3.10 with old packages: see its README.
func TestRootFS(t *testing.T) {
	args := []string{"rootfs", "testdata/rootfs", "--db", "starter", "--now", now}
	for _, tt := range []struct {
		golden string
		args   []string
	}{
		{"rootfs.txt", nil},
		{"rootfs.json", []string{"--format", "json"}},
	} {
		r := imagevet(t, nil, append(args, tt.args...)...)
		assert.Zero(t, r.status, tt.golden)
		golden(t, tt.golden, r.stdout)
	}
}

// The starter database never comes without a word on what it is worth.
func TestStarterIsAnnounced(t *testing.T) {
	r := imagevet(t, nil, "image", "--quiet", "--input", alpine, "--db", "starter", "--format=json", "--now", now)
	assert.Contains(t, r.stderr, "2026-11-20")
	assert.Contains(t, r.stderr, "too old and too patchy to call an image safe")
	assert.NotContains(t, r.stderr, "warning")
}

func TestFilters(t *testing.T) {
	dir := rootfs(t, oldPackages)
	tests := []struct {
		args           []string
		status         int
		left, filtered int
	}{
		{nil, 0, 3, 0},
		{[]string{"--exit-code", "7"}, 7, 3, 0},
		{[]string{"--severity", "unknown"}, 0, 3, 0},
		{[]string{"--severity", "CRITICAL,high", "--exit-code=7"}, 0, 0, 3}, // none left, so 0
		{[]string{"--ignore-unfixed", "--exit-code", "7"}, 7, 3, 0},
		{[]string{"--ignore-status", "fixed,affected"}, 0, 0, 3},
	}
	for _, tt := range tests {
		r := imagevet(t, nil, append([]string{"rootfs", "--db", "starter", "--format", "json", dir}, tt.args...)...)
		assert.Equalf(t, tt.status, r.status, "%q", tt.args)
		var report scan.Report
		require.NoError(t, json.Unmarshal([]byte(r.stdout), &report))
		assert.Lenf(t, report.Findings, tt.left, "%q", tt.args)
		assert.Lenf(t, report.Suppressed, tt.filtered, "%q", tt.args)
	}
}

// An image of a registry whose certificate nobody has signed.
func TestRegistry(t *testing.T) {
	quiet := log.New(io.Discard, "", 0)
	server := httptest.NewUnstartedServer(registry.New(registry.Logger(quiet)))
	server.Config.ErrorLog = quiet
	server.StartTLS()
	defer server.Close()
	ref, err := name.NewTag(strings.TrimPrefix(server.URL, "https://") + "/team/app:1")
	require.NoError(t, err)
	img, err := random.Image(1000, 2)
	require.NoError(t, err)
	require.NoError(t, remote.Write(ref, img, remote.WithTransport(server.Client().Transport)))

	r := imagevet(t, nil, "image", ref.Name(), "--db", "starter", "--insecure")
	assert.Zero(t, r.status, r.stderr)
	assert.Contains(t, r.stdout, ref.Name()+" (registry)")
	assert.Contains(t, r.stdout, "NOTHING WAS COMPARED: no packages were found")

	r = imagevet(t, nil, "image", ref.Name(), "--db", "starter")
	assert.Equal(t, exitFailed, r.status)
	assert.Contains(t, r.stderr, ref.Name())
	assert.Empty(t, r.stdout)
}

// Flags may stand on either side of the argument, with one dash or two.
func TestFlagOrder(t *testing.T) {
	dir := rootfs(t, oldPackages)
	want := imagevet(t, nil, "rootfs", "--db", "starter", "--now", now, dir)
	require.Zero(t, want.status, want.stderr)
	for _, args := range [][]string{
		{dir, "--db", "starter", "--now", now},
		{"-db", "starter", dir, "-now=" + now},
		{"--now", now, "--db=starter", "--", dir},
	} {
		assert.Equalf(t, want, imagevet(t, nil, append([]string{"rootfs"}, args...)...), "%q", args)
	}
	// After "--" everything is an argument.
	r := imagevet(t, nil, "rootfs", "--db", "starter", "--", "--quiet")
	assert.Equal(t, exitFailed, r.status)
	assert.Contains(t, r.stderr, "--quiet")
	assert.Equal(t, exitUsage, imagevet(t, nil, "rootfs", "--db", "starter", "--", dir, "--quiet").status)
}

func TestUsageError(t *testing.T) {
	tests := []struct {
		args string
		want []string
	}{
		{"", []string{"image", "rootfs", "db build", "db update", "db info"}},
		{"scan x", []string{`"scan"`, "image, rootfs, fs, sbom, db build, db update, db info, "}},
		{"db", []string{`"db"`, "db build, db update, db info"}},
		{"db fetch", []string{`"db fetch"`, "db build, db update, db info"}},
		{"image --colour x", []string{`no flag --colour`, "--db ", "--severity", "--exit-code", "--platform", "--insecure"}},
		{"rootfs --platform linux/amd64 x", []string{`no flag --platform`, "--db "}},
		{"image --format sarfi x", []string{`"sarfi"`, "table, json"}},
		{"image --severity urgent x", []string{`"urgent"`, "UNKNOWN, NONE, NEGLIGIBLE, LOW, MEDIUM, HIGH, CRITICAL"}},
		{"image --severity= x", []string{"CRITICAL"}},
		{"image --ignore-status open x", []string{`"open"`, `"fixed" "affected" "will_not_fix"`}},
		{"image --exit-code many x", []string{`"many"`, "0 to 255"}},
		{"image --exit-code 256 x", []string{"0 to 255"}},
		{"image --timeout 5 x", []string{"90s, 5m or 1h30m"}},
		{"image --timeout -1s x", []string{"90s, 5m or 1h30m"}},
		{"image --now today x", []string{"2026-01-31T12:00:00Z"}},
		{"image --platform linux x", []string{`"linux"`, "linux/amd64"}},
		{"image --db", []string{"flag needs an argument: -db"}},
		{"image", []string{"0 arguments", "usage: imagevet image"}},
		{"image a b", []string{"2 arguments"}},
		{"image --input x a b", []string{"2 arguments"}},
		{"rootfs", []string{"0 arguments"}},
		{"db build", []string{"no SOURCE"}},
		{"db build --db starter x", []string{"give a folder"}},
		{"db info x", []string{"1 arguments"}},
		{"version x", []string{"1 arguments"}},
		{"help db", []string{`"db"`, "db build, db update, db info"}},
	}
	for _, tt := range tests {
		r := imagevet(t, nil, strings.Fields(tt.args)...)
		assert.Equalf(t, exitUsage, r.status, "imagevet %s", tt.args)
		assert.Emptyf(t, r.stdout, "imagevet %s", tt.args)
		for _, want := range tt.want {
			assert.Containsf(t, r.stderr, want, "imagevet %s", tt.args)
		}
	}
}

func TestFailure(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text.tar")
	require.NoError(t, os.WriteFile(text, []byte("not an archive at all"), 0o666))
	tests := []struct {
		args []string
		want []string // what failed and what to try
	}{
		{[]string{"image", "--input", alpine, "--db", filepath.Join(dir, "nodb")}, []string{"nodb", "imagevet db build", "--db starter"}},
		{[]string{"image", "--input", alpine, "--cache-dir", dir}, []string{filepath.Join(dir, "db"), "imagevet db build", "--db starter"}},
		{[]string{"image", "--input", text, "--db", "starter"}, []string{"text.tar", "no image archive", "docker save"}},
		{[]string{"image", "--input", filepath.Join(dir, "none.tar"), "--db", "starter"}, []string{"none.tar", "no such file"}},
		{[]string{"image", "--input", dir, "--db", "starter"}, []string{"no OCI image layout", "imagevet rootfs " + dir}},
		{[]string{"image", "--input", alpine, "nginx:1.27", "--db", "starter"}, []string{"image1:latest"}},
		{[]string{"image", "--input", alpine, "--platform", "linux/arm64", "--db", "starter"}, []string{"linux/arm64", "linux/amd64"}},
		{[]string{"image", text, "--db", "starter"}, []string{"image --input " + text}},
		{[]string{"image", "--timeout", "1ns", "--input", alpine, "--db", "starter"}, []string{"--timeout, 1ns, is over"}},
		{[]string{"rootfs", text, "--db", "starter"}, []string{"not a folder"}},
		{[]string{"rootfs", dir, "--db", "starter", "--output", filepath.Join(dir, "no", "file")}, []string{"no such file"}},
		{[]string{"db", "build", "--db", filepath.Join(dir, "new"), filepath.Join(dir, "nothing")}, []string{"nothing"}},
		{[]string{"db", "build", "--db", filepath.Join(dir, "new"), text}, []string{"text.tar"}},
		{[]string{"rootfs", dir, "--db", "starter", "--cache-dir", text}, []string{"cache folder", "--cache-dir"}},
	}
	for _, tt := range tests {
		r := imagevet(t, nil, tt.args...)
		assert.Equalf(t, exitFailed, r.status, "%q", tt.args)
		assert.Emptyf(t, r.stdout, "%q", tt.args)
		for _, want := range tt.want {
			assert.Containsf(t, r.stderr, want, "%q", tt.args)
		}
	}
}

func TestInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	databaseID(t) // so that the database is there
	status := run(ctx, []string{"image", "--input", alpine, "--db", "starter", "--cache-dir", cacheDir()}, &stdout, &stderr, func(string) string { return "" })
	assert.Equal(t, exitFailed, status)
	assert.Contains(t, stderr.String(), "interrupted")
	assert.Empty(t, stdout.String())
}

func TestOutput(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "report.json"), filepath.Join(dir, "link.json")
	root := rootfs(t, oldPackages)
	require.NoError(t, os.WriteFile(file, []byte("old"), 0o600))
	require.NoError(t, os.Symlink("report.json", link))
	args := []string{"rootfs", root, "--db", "starter", "--now", now, "--format", "json"}
	want := imagevet(t, nil, args...)
	for _, name := range []string{file, link} {
		r := imagevet(t, nil, append(args, "--output", name)...)
		assert.Zero(t, r.status, r.stderr)
		assert.Empty(t, r.stdout)
		got, err := os.ReadFile(name)
		require.NoError(t, err)
		assert.Equal(t, want.stdout, string(got))
	}
	info, err := os.Lstat(link)
	require.NoError(t, err)
	assert.NotZero(t, info.Mode()&os.ModeSymlink, "a link must stay one")
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 2, "nothing else may be left")

	// A scan that fails leaves what was there.
	r := imagevet(t, nil, "rootfs", filepath.Join(dir, "none"), "--db", "starter", "--output", file)
	assert.Equal(t, exitFailed, r.status)
	got, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, want.stdout, string(got))
}

var errFull = errors.New("disk full")

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errFull }

func TestOutputError(t *testing.T) {
	dir := t.TempDir()
	a := &app{stdout: failing{}}
	file := filepath.Join(dir, "report")
	require.NoError(t, os.WriteFile(file, []byte("old"), 0o666))
	assert.ErrorIs(t, a.writeOutput(file, func(w io.Writer) error {
		_, _ = w.Write([]byte("half"))
		return errFull
	}), errFull)
	got, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, "old", string(got))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 1, "nothing half may be left")

	var stderr bytes.Buffer
	assert.Equal(t, exitFailed, run(t.Context(), []string{"version"}, failing{}, &stderr, os.Getenv))
	assert.Contains(t, stderr.String(), "disk full")
	assert.Equal(t, exitFailed, run(t.Context(), []string{"help"}, failing{}, &stderr, os.Getenv))
}

// What a program reads comes with warnings for people, unless they want none.
func TestWarnings(t *testing.T) {
	dir := rootfs(t, oldPackages)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "etc", "os-release"), []byte("ID=plan9\nVERSION_ID=4\n"), 0o666))
	args := []string{"rootfs", dir, "--db", "starter", "--format", "json"}
	assert.Contains(t, imagevet(t, nil, args...).stderr, "warning: 2 packages of")
	assert.NotContains(t, imagevet(t, nil, append(args, "--quiet")...).stderr, "warning")
	assert.Contains(t, imagevet(t, nil, "rootfs", dir, "--db", "starter", "--list-all-pkgs").stderr, "--list-all-pkgs does nothing with --format table")
	assert.Contains(t, imagevet(t, nil, "rootfs", dir, "--db", "starter").stdout, "NOTHING WAS COMPARED")
}

// Names in an image cannot take over the terminal.
func TestHostileNames(t *testing.T) {
	packages := "P:musl\x1b[2J\x1b]0;x\x07\u202e\u009b\nV:1.1.22-r2\x1b[31m\nA:x86_64\no:musl\n\n" +
		"P:evil\x1b[8m\nV:not \x1b a version\no:musl\n\n" + oldPackages
	dir := rootfs(t, packages)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "etc", "os-release"), []byte("ID=alpine\nVERSION_ID=3.10.0\nPRETTY_NAME=\"\x1b[5mAlpine\"\n"), 0o666))
	for _, format := range []string{"table", "json"} {
		r := imagevet(t, nil, "rootfs", dir, "--db", "starter", "--format", format, "--list-all-pkgs")
		require.Zero(t, r.status, r.stderr)
		for _, c := range r.stdout + r.stderr {
			require.Truef(t, c == '\n' || unicode.IsPrint(c), "%U in the output, format %s", c, format)
		}
	}
	r := imagevet(t, nil, "image", "\x1b[2J\u202e", "--db", "starter")
	assert.NotContains(t, r.stderr, "\x1b")
	assert.NotContains(t, r.stderr, "\u202e")
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{{"help"}, {"--help"}, {"-h"}} {
		r := imagevet(t, nil, args...)
		assert.Zero(t, r.status)
		for _, v := range verbs() {
			assert.Contains(t, r.stdout, "  "+v.name)
		}
	}
	for _, v := range verbs() {
		for _, args := range [][]string{append([]string{"help"}, strings.Fields(v.name)...), append(strings.Fields(v.name), "--help")} {
			r := imagevet(t, nil, args...)
			assert.Zero(t, r.status, args)
			assert.Contains(t, r.stdout, "usage: imagevet "+v.name, args)
			assert.Empty(t, r.stderr, args)
		}
	}
	r := imagevet(t, nil, "version")
	assert.Zero(t, r.status)
	assert.Regexp(t, `^imagevet \S+ go1\.\S+\n$`, r.stdout)
}

func TestDisplay(t *testing.T) {
	a := &app{stdout: &bytes.Buffer{}, env: func(string) string { return "" }}
	assert.False(t, a.colored(), "not a terminal")
	for _, columns := range []string{"", "x", "-1", "39", "99999999"} {
		a.env = func(string) string { return columns }
		assert.Lenf(t, a.display(), 1, "COLUMNS=%q must not count", columns)
	}
}
