package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/scan"
)

// A source tree is scanned by its lock files, wherever they are.
func TestFS(t *testing.T) {
	dir := t.TempDir()
	write := func(elem, content string) string {
		file := filepath.Join(dir, filepath.FromSlash(elem))
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(content), 0o644))
		return file
	}
	gemfile := func(version string) string {
		return "GEM\n  remote: https://rubygems.org/\n  specs:\n    rack (" + version + ")\n\nPLATFORMS\n  ruby\n\nDEPENDENCIES\n  rack\n"
	}
	tree := filepath.Join(dir, "tree")
	write("tree/Gemfile.lock", gemfile("2.0.0"))
	write("tree/dev/tools/Gemfile.lock", gemfile("2.0.1")) // "dev" is a folder like others
	write("tree/.git/Gemfile.lock", gemfile("2.0.2"))
	write("tree/vendor/bundle/ruby/3.0.0/gems/x-1.0/Gemfile.lock", gemfile("2.0.3"))
	osv := write("osv/GHSA-1.json", `{"id":"GHSA-1","modified":"2026-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"RubyGems","name":"rack"},
		"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"2.2.0"}]}]}]}`)
	db := filepath.Join(dir, "db")
	r := imagevet(t, nil, "db", "build", "--db", db, osv)
	require.Zero(t, r.status, r.stderr)

	found := func(args ...string) (paths []string) {
		r := imagevet(t, nil, append([]string{"fs", "--db", db, "--format", "json", tree}, args...)...)
		require.Zero(t, r.status, r.stderr)
		var report scan.Report
		require.NoError(t, json.Unmarshal([]byte(r.stdout), &report))
		assert.Equal(t, "tree", report.Target.Kind)
		for _, f := range report.Findings {
			assert.Equal(t, "direct", f.Package.Relation)
			assert.Equal(t, 4, f.Package.Line)
			paths = append(paths, f.Package.Paths...)
		}
		return paths
	}
	assert.Equal(t, []string{"Gemfile.lock", "dev/tools/Gemfile.lock"}, found())
	assert.Equal(t, []string{"Gemfile.lock"}, found("--skip", "/dev/"))
	assert.Equal(t, []string{"dev/tools/Gemfile.lock"}, found("--skip", "Gemfile.lock", "--skip", "!tools/Gemfile.lock", "--skip", "!/dev/tools/Gemfile.lock"))
	assert.Equal(t, exitUsage, imagevet(t, nil, "fs").status)
	r = imagevet(t, nil, "fs", "--db", db, "--skip", "[", tree)
	assert.Equal(t, exitFailed, r.status)
	assert.Contains(t, r.stderr, `WithSkip: rule "["`)
}
