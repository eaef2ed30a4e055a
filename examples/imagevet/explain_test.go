package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/vulndb"
)

// testDB builds a database of records, one a line, and returns its folder.
func testDB(t *testing.T, records string) string {
	t.Helper()
	dir := t.TempDir()
	source, db := filepath.Join(dir, "records.jsonl"), filepath.Join(dir, "db")
	require.NoError(t, os.WriteFile(source, []byte(records), 0o666))
	require.Zero(t, imagevet(t, nil, "db", "build", "--quiet", "--db", db, source).status)
	return db
}

const explained = `{"id":"ALPINE-CVE-2020-28928","modified":"2026-01-01T00:00:00Z","upstream":["CVE-2020-28928"],"affected":[{"package":{"ecosystem":"Alpine:v3.10","name":"musl"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1.1.24-r3"}]}]}]}
{"id":"X-1","modified":"2026-01-01T00:00:00Z","summary":"a title\u001b[31m that goes on and on, and on, until it is longer than one line of eighty columns is","affected":[{"package":{"ecosystem":"Alpine:v3.10","name":"musl"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1"},{"introduced":"1.1.24-r3"},{"fixed":"1.1.24-r4"}]}]}]}
{"id":"X-2","modified":"2026-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"Alpine:v3.10","name":"other"},"versions":["1"]}]}
`

func TestDBExplain(t *testing.T) {
	db := testDB(t, explained)
	r := imagevet(t, []string{"IMAGEVET_DB=" + db}, "db", "explain", "--package", "pkg:apk/alpine/libc@1.1.24-r3?upstream=musl", "--distro", "alpine-3.10.2")
	require.Zero(t, r.status, r.stderr)
	_, body, _ := strings.Cut(r.stdout, "Coverage ")
	assert.Equal(t, `Alpine:v3.10: matched
Searched Alpine:v3.10
Name     musl 1.1.24-r3

Advisories that affect the package: 1

  X-1
    a title�[31m that goes on and on, and on, until it is longer than one line
    of eighty columns is
    Alpine:v3.10: affected: 1.1.24-r3 is at or above introduced 1.1.24-r3 and
      below fixed 1.1.24-r4 (apk)
    fixed in 1.1.24-r4
    range >= 0, < 1: no: at or above fixed 1
    range >= 1.1.24-r3, < 1.1.24-r4: yes: at or above introduced 1.1.24-r3,
      below fixed 1.1.24-r4

Advisories that name the package and do not affect it: 1

  ALPINE-CVE-2020-28928, CVE-2020-28928
    Alpine:v3.10: not affected: 1.1.24-r3 is at or above fixed 1.1.24-r3 (apk)
`, body)
	for line := range strings.Lines(r.stdout) {
		assert.LessOrEqual(t, utf8.RuneCountInString(line), 81, line)
	}

	r = imagevet(t, nil, "db", "explain", "--db", db, "--package", "pkg:apk/alpine/musl@1.1.24-r2?distro=alpine-3.10", "--id", "cve-2020-28928", "--id=X-2", "--id", "X-3")
	assert.Contains(t, r.stdout, "affected: 1.1.24-r2 is below fixed 1.1.24-r3 (apk)\n")
	assert.NotContains(t, r.stdout, "X-1")
	assert.Contains(t, r.stdout, `Asked for, and not about the package:
  X-2: the database has it for other (Alpine:v3.10), as X-2, and not for what
    was looked up
  X-3: the database has no such advisory for Alpine; it keeps none that were
    withdrawn
`)

	r = imagevet(t, nil, "db", "explain", "--db", db, "--format", "json", "--package", "pkg:apk/alpine/musl@1?distro=alpine-3.10")
	var e vulndb.Explanation
	require.NoError(t, json.Unmarshal([]byte(r.stdout), &e))
	assert.Len(t, e.Advisories, 2)

	// A release or a distribution without advisories is told of.
	r = imagevet(t, nil, "db", "explain", "--db", db, "--package", "pkg:apk/alpine/musl@1?distro=alpine-3.19")
	assert.Zero(t, r.status)
	assert.Contains(t, r.stdout, "Coverage Alpine:v3.19: no_data: the database has no advisories for Alpine:v3.19,\n         only for Alpine:v3.10\n")
	r = imagevet(t, nil, "db", "explain", "--db", db, "--package", "pkg:apk/musl@1")
	assert.Contains(t, r.stderr, "--distro")
	assert.Contains(t, r.stdout, "Distro   none\n")
}

func TestDBExplainErrors(t *testing.T) {
	const musl = "pkg:apk/alpine/musl@1?distro=alpine-3.10"
	for _, args := range [][]string{
		{},
		{"--package", "musl"},
		{"--package", musl + "\npkg:apk/alpine/zlib@1"},
		{"--package", musl, "--id", " "},
		{"--package", musl, "--distro", "alpine-"},
		{"--package", musl, "--distro", "-3"},
		{"--package", musl, "--format", "xml"},
		{"--package", musl, "more"},
	} {
		r := imagevet(t, nil, append([]string{"db", "explain", "--db", "nowhere"}, args...)...)
		assert.Equal(t, exitUsage, r.status, args)
		assert.NotEmpty(t, r.stderr, args)
		assert.Empty(t, r.stdout, args)
	}
	r := imagevet(t, nil, "db", "explain", "--db", t.TempDir(), "--package", musl)
	assert.Equal(t, exitFailed, r.status)
	assert.Empty(t, r.stdout)
}

func TestWrap(t *testing.T) {
	long := strings.Repeat("ä", 200)
	var b strings.Builder
	wrap(&b, "head ", "  ", "one "+long+" two\nthree")
	wrap(&b, "only ", "  ", "")
	assert.Equal(t, "head one\n  "+long[:78*2]+"\n  "+long[:78*2]+"\n  "+long[:44*2]+" two three\nonly\n", b.String())
}
