package main

import (
	"context"
	"io/fs"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/vulndb"
)

// runGit runs git in a folder, without the settings of who runs the test.
func runGit(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "init.defaultBranch=main"}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
	out, err := cmd.CombinedOutput()
	require.NoErrorf(t, err, "git %q: %s", args, out)
	return strings.TrimSpace(string(out))
}

// repository makes a bare repository with two commits on main, a tag and
// another branch.
func repository(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	work := t.TempDir()
	runGit(t, work, "init", "-q")
	write := func(name, content string, mode fs.FileMode) {
		require.NoError(t, os.MkdirAll(filepath.Join(work, filepath.Dir(name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(work, name), []byte(content), mode))
	}
	write("vendor/composer/installed.json", `{"packages":[{"name":"monolog/monolog","version":"1.10.0"}]}`, 0o644)
	runGit(t, work, "add", ".")
	runGit(t, work, "commit", "-q", "-m", "first")
	runGit(t, work, "tag", "v1")
	runGit(t, work, "branch", "old")
	write("vendor/composer/installed.json", `{"packages":[{"name":"monolog/monolog","version":"2.0.0"}]}`, 0o644)
	write("bin/run", "#!/bin/sh\n", 0o755)
	require.NoError(t, os.Symlink("../vendor/composer/installed.json", filepath.Join(work, "bin", "link")))
	require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(work, "bin", "out")))
	runGit(t, work, "add", ".")
	runGit(t, work, "commit", "-q", "-m", "second")
	bare := filepath.Join(t.TempDir(), "project.git")
	runGit(t, work, "clone", "-q", "--bare", work, bare)
	runGit(t, bare, "config", "http.uploadpack", "true")
	runGit(t, bare, "update-server-info")
	return bare
}

func TestTree(t *testing.T) {
	tree, err := open(t.Context(), repository(t), "")
	require.NoError(t, err)
	// TestFS reads all files too, and a link out of the tree cannot be read.
	_, err = tree.Open("bin/out")
	assert.ErrorIs(t, err, fs.ErrInvalid)
	delete(tree.entries, "bin/out")
	tree.folders["bin"] = []string{"link", "run"}
	require.NoError(t, fstest.TestFS(tree, "bin/run", "bin/link", "vendor/composer/installed.json"))
	target, err := tree.ReadLink("bin/link")
	require.NoError(t, err)
	assert.Equal(t, "../vendor/composer/installed.json", target)
	info, err := tree.Lstat("bin/run")
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o755), info.Mode())
}

func TestRun(t *testing.T) {
	bare := repository(t)
	backend := runGit(t, bare, "--exec-path")
	server := httptest.NewServer(&cgi.Handler{
		Path: filepath.Join(backend, "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + filepath.Dir(bare), "GIT_HTTP_EXPORT_ALL=1"},
	})
	defer server.Close()
	if response, err := http.Get(server.URL + "/project.git/info/refs?service=git-upload-pack"); err != nil || response.StatusCode != http.StatusOK {
		t.Skip("git has no HTTP backend here")
	}
	db := t.TempDir()
	source := filepath.Join(t.TempDir(), "osv.json")
	require.NoError(t, os.WriteFile(source, []byte(`{"id":"GHSA-0000","modified":"2026-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"Packagist","name":"monolog/monolog"},
		"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1.12.0"}]}]}]}`), 0o644))
	_, err := vulndb.Build(t.Context(), db, []vulndb.Source{vulndb.FileSource(source)})
	require.NoError(t, err)
	tests := []struct {
		repository, ref string
		affected        bool
	}{
		{bare, "", false},
		{bare, "v1", true},
		{bare, "old", true},
		{server.URL + "/project.git", "", false},
		{server.URL + "/project.git", "old", true},
		{server.URL + "/project.git", "v1", true},
	}
	for _, tt := range tests {
		var out strings.Builder
		require.NoErrorf(t, run(t.Context(), &out, db, tt.repository, tt.ref), "%s %q", tt.repository, tt.ref)
		assert.Equalf(t, tt.affected, strings.Contains(out.String(), "GHSA-0000"), "%s %q: %s", tt.repository, tt.ref, out.String())
	}
}

func TestErrors(t *testing.T) {
	bare := repository(t)
	for _, tt := range []struct{ repository, ref, want string }{
		{bare, "no-such-ref", "no-such-ref"},
		{t.TempDir(), "", "repository does not exist"},
		{"http://127.0.0.1:1/x.git", "", "refused"},
	} {
		_, err := open(t.Context(), tt.repository, tt.ref)
		assert.ErrorContains(t, err, tt.want)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := open(ctx, bare, "")
	assert.ErrorIs(t, err, context.Canceled)
}
