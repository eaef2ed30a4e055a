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
  "schema_version": "1.7.5",
  "id": "ALPINE-CVE-2019-14697",
  "modified": "2020-06-08T13:44:53Z",
  "upstream": ["CVE-2019-14697"],
  "affected": [{
    "package": {"ecosystem": "Alpine:v3.8", "name": "musl"},
    "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.1.19-r11"}]}]
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
	advisory := filepath.Join(dir, "ALPINE-CVE-2019-14697.json")
	if err := os.WriteFile(advisory, []byte(record), 0o600); err != nil {
		log.Fatal(err)
	}
	database := filepath.Join(dir, "db")
	if _, err := vulndb.Build(ctx, database, []vulndb.Source{vulndb.FileSource(advisory)}); err != nil {
		log.Fatal(err)
	}
	if err := run(ctx, os.Stdout, database, "../../testdata/images/alpine-3.8.tar.gz"); err != nil {
		log.Fatal(err)
	}
	// Output:
	// CVE-2019-14697: musl 1.1.19-r10, fixed in 1.1.19-r11
	//   ALPINE-CVE-2019-14697: musl 1.1.19-r10 is in >= 0, < 1.1.19-r11
	// CVE-2019-14697: musl-utils 1.1.19-r10, fixed in 1.1.19-r11
	//   ALPINE-CVE-2019-14697: musl 1.1.19-r10 is in >= 0, < 1.1.19-r11
	// Alpine:v3.8: 13 packages, matched
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
