package main

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/scan"
)

func TestGroups(t *testing.T) {
	for by, want := range map[string]string{
		"severity": "UNKNOWN (2)\nPACKAGE",
		"package":  "musl 1.1.19-r10 (apk): 1 finding\n  layer 0, base: ADD file:",
		"layer":    "Layer 0 (base): 2 findings\n  ADD file:",
	} {
		r := imagevet(t, nil, "image", "archive:"+alpine, "--db", "starter", "--group-by", by, "--dependency-tree")
		assert.Zero(t, r.status, r.stderr)
		assert.Contains(t, r.stdout, want)
	}
	assert.Equal(t, exitUsage, imagevet(t, nil, "image", "x", "--group-by", "colour").status)
}

func TestBaseFlags(t *testing.T) {
	args := []string{"image", "--input", alpine, "--db", "starter", "--now", now}
	dir := t.TempDir()
	bare, err := random.Image(1000, 2) // without a history
	require.NoError(t, err)
	_, err = layout.Write(dir, mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: bare}))
	require.NoError(t, err)
	r := imagevet(t, nil, "image", "layout:"+dir, "--db", "starter", "--ignore-base")
	assert.Zero(t, r.status)
	assert.Contains(t, r.stderr, "--ignore-base left out nothing")
	assert.Contains(t, r.stdout, "not known: the image does not tell")

	r = imagevet(t, nil, append(args, "--ignore-base")...)
	assert.Contains(t, r.stdout, "1 of 3 layers, a guess")
	assert.Contains(t, r.stderr, "--ignore-base rests on a guess")
	assert.Contains(t, r.stdout, "2 by base: it is inherited from the base image, as the history lets guess")

	r = imagevet(t, nil, append(args, "--base", "archive:"+alpine, "--ignore-base", "--exit-code", "9")...)
	assert.Zero(t, r.status, r.stderr)
	assert.Contains(t, r.stdout, "3 of 3 layers")
	assert.Contains(t, r.stdout, "2 by base: it is inherited from the base image\n")

	r = imagevet(t, nil, append(args, "--base", "archive:nowhere.tar")...)
	assert.Equal(t, exitFailed, r.status)
	assert.Contains(t, r.stderr, "the base image")
}

func TestInventoryFlags(t *testing.T) {
	for _, args := range [][]string{
		{"--severity-source", "advisory"},
		{"--severity-source=Enrichment,distribution"},
		{"--lockfiles", "never"},
		{"--without-extractors", "jar,npm"},
	} {
		r := imagevet(t, nil, append([]string{"image", "--input", alpine, "--db", "starter"}, args...)...)
		assert.Zero(t, r.status, r.stderr)
	}
	for _, args := range [][]string{
		{"--severity-source", "gut"},
		{"--severity-source", "advisory,advisory"},
		{"--lockfiles", "sometimes"},
		{"--without-extractors", "nobody"},
		{"--base", ""},
	} {
		r := imagevet(t, nil, append([]string{"image", "--input", alpine, "--db", "starter"}, args...)...)
		assert.Equal(t, exitUsage, r.status, "%q", args)
	}
	// Without the extractor that knows them there are no packages.
	r := imagevet(t, nil, "image", "--input", alpine, "--db", "starter", "--without-extractors", "apk")
	assert.Contains(t, r.stdout, "NOTHING WAS COMPARED")
}

func TestCompareVerb(t *testing.T) {
	dir := t.TempDir()
	report := func(name, packages string, args ...string) string {
		path := filepath.Join(dir, name)
		r := imagevet(t, nil, append([]string{"rootfs", "--db", "starter", "--format", "json", "--output", path, rootfs(t, packages)}, args...)...)
		require.Zero(t, r.status, r.stderr)
		return path
	}
	before := report("before.json", oldPackages, "--list-all-pkgs")
	after := report("after.json", strings.Replace(oldPackages, "1.1.22-r2", "1.1.22-r3", 1), "--list-all-pkgs")

	r := imagevet(t, nil, "compare", before, after)
	assert.Zero(t, r.status, r.stderr)
	assert.Contains(t, r.stdout, "Changes  0 new, 1 fixed, 2 kept, 0 unclear")
	assert.Regexp(t, `UNKNOWN +musl +CVE-2019-14697 +1\.1\.22-r2 +1\.1\.22-r3 +upgraded`, r.stdout)

	r = imagevet(t, nil, "compare", after, before, "--exit-code", "5", "--format", "json")
	assert.Equal(t, 5, r.status, "something is new")
	var c scan.Comparison
	require.NoError(t, json.Unmarshal([]byte(r.stdout), &c))
	require.Len(t, c.New, 1)
	assert.Equal(t, scan.ReasonDowngraded, c.New[0].Reason)

	// What is no report is scanned.
	r = imagevet(t, nil, "compare", "--db", "starter", before, "archive:"+alpine)
	assert.Zero(t, r.status, r.stderr)
	assert.Contains(t, r.stdout, alpine)
	r = imagevet(t, nil, "compare", "--db", "starter", "--new-base", "--base", "archive:"+alpine, "archive:"+alpine, "archive:"+alpine)
	assert.Zero(t, r.status, r.stderr)
	assert.Contains(t, r.stdout, "No difference: 2 findings were the same in both.")

	for want, args := range map[string][]string{
		"are not known":      {"--new-base", before, after},
		"--input " + alpine:  {before, alpine},
		"no --format spdx":   {"--format", "spdx", before, after},
		"1 arguments":        {before},
		"unexpected EOF":     {before, write(t, dir, "cut.json", `{"schema_version":1,`)},
		"is no report":       {before, write(t, dir, "other.json", `{}`)},
		"another version of": {before, write(t, dir, "new.json", `{"schema_version":7}`)},
	} {
		r := imagevet(t, nil, append([]string{"compare", "--db", "starter"}, args...)...)
		assert.NotZero(t, r.status, want)
		assert.Contains(t, r.stderr, want)
	}
}

func write(t *testing.T, dir, name, text string) string {
	path := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// A daemon that has no image at all.
func TestDaemonFlag(t *testing.T) {
	dir, err := os.MkdirTemp("", "d") // the path of a socket has to be short
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Skipf("no unix sockets here: %v", err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/_ping" {
			http.Error(w, `{"message":"No such image"}`, http.StatusNotFound)
		}
	})}
	go server.Serve(l)
	defer server.Close()
	t.Setenv("DOCKER_HOST", "unix://"+socket)
	for _, args := range [][]string{{"--daemon", "app:1"}, {"docker://app:1"}} {
		r := imagevet(t, nil, append([]string{"image", "--db", "starter"}, args...)...)
		assert.Equal(t, exitFailed, r.status)
		assert.Contains(t, r.stderr, `"app:1": the daemon at "unix://`+socket+`" does not have it`)
		assert.Contains(t, r.stderr, "No such image")
	}
	r := imagevet(t, nil, "image", "--daemon", "--input", alpine, "x")
	assert.Equal(t, exitUsage, r.status)
}
