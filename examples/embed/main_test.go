package main

import (
	"bytes"
	"context"
	"log"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/vulndb"
)

// One record, as OSV exports it.
const record = `{
  "schema_version": "1.7.0",
  "id": "ALPINE-CVE-2020-1967",
  "modified": "2020-04-21T15:36:02Z",
  "upstream": ["CVE-2020-1967"],
  "affected": [{
    "package": {"ecosystem": "Alpine:v3.10", "name": "openssl"},
    "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.1.1g-r0"}]}]
  }]
}`

// The program of the README, on an image that is in the repository.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "embed")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	advisory := filepath.Join(dir, "ALPINE-CVE-2020-1967.json")
	if err := os.WriteFile(advisory, []byte(record), 0o600); err != nil {
		log.Fatal(err)
	}
	database := filepath.Join(dir, "db")
	if _, err := vulndb.Build(ctx, database, []vulndb.Source{vulndb.FileSource(advisory)}); err != nil {
		log.Fatal(err)
	}
	if err := run(ctx, os.Stdout, database, "../../testdata/images/alpine-3.10.tar.gz"); err != nil {
		log.Fatal(err)
	}
	// Output:
}

func TestTheREADMEShowsThisProgram(t *testing.T) {
	program, err := os.ReadFile("main.go")
	require.NoError(t, err)
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	_, code, _ := bytes.Cut(program, []byte("package main"))
	assert.True(t, strings.Contains(string(readme), "```go\npackage main"+string(code)+"```\n"),
		"the program in README.md is not examples/embed/main.go from \"package main\" on")
}
