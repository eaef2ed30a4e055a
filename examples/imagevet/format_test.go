package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/scan/report"
)

// TestFormats writes every format to a file, twice: the bytes are the same.
func TestFormats(t *testing.T) {
	for _, f := range report.Formats() {
		file := filepath.Join(t.TempDir(), "out")
		args := []string{"image", "--quiet", "--input", alpine, "--db", "starter", "--now", now, "--ignore-unfixed", "--show-suppressed", "--format", f.String(), "--output", file}
		if f == report.Template {
			args = append(args, "--template", "{{range .Findings}}{{clean .ID}}\n{{end}}")
		}
		var texts []string
		for range 2 {
			r := imagevet(t, nil, args...)
			require.Zero(t, r.status, "%v: %s", f, r.stderr)
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			texts = append(texts, string(data))
		}
		assert.Equal(t, texts[0], texts[1], f)
		if f != report.SPDX && f != report.SPDXTagValue {
			assert.Contains(t, texts[0], "CVE-2019-14697", f)
		}
	}
}

func TestTemplateFlag(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ids.tmpl")
	require.NoError(t, os.WriteFile(file, []byte("{{range .Findings}}{{clean .ID}} {{name .Package}}\n{{end}}"), 0o600))
	args := []string{"image", "--quiet", "--input", alpine, "--db", "starter", "--now", now, "--format", "template", "--template"}
	for _, template := range []string{file, "@" + file, "{{range .Findings}}{{clean .ID}} {{name .Package}}\n{{end}}"} {
		r := imagevet(t, nil, append(args, template)...)
		require.Zero(t, r.status, r.stderr)
		assert.Equal(t, "CVE-2019-14697 musl\nCVE-2019-14697 musl-utils\n", r.stdout, template)
	}
	tests := []struct {
		args   string
		status int
		want   string
	}{
		{"--format template", exitUsage, "--format template needs --template"},
		{"--format json --template {{", exitUsage, "--template is for --format template, not json"},
		{"--format template --template {{", exitUsage, "unclosed action"},
		{"--format template --template @nothing", exitFailed, "nothing"},
		{"--format template --template " + t.TempDir(), exitFailed, "directory"},
	}
	for _, tt := range tests {
		r := imagevet(t, nil, append([]string{"image", "--input", alpine, "--db", "starter"}, strings.Fields(tt.args)...)...)
		assert.Equal(t, tt.status, r.status, tt.args)
		assert.Contains(t, r.stderr, tt.want, tt.args)
		assert.Empty(t, r.stdout, tt.args)
	}
	require.NoError(t, os.WriteFile(file, make([]byte, maxTemplate+1), 0o600))
	assert.Contains(t, imagevet(t, nil, append(args, file)...).stderr, "is larger than 1048576 bytes")
}

func TestDocumentTime(t *testing.T) {
	args := []string{"image", "--quiet", "--input", alpine, "--db", "starter", "--now", now, "--format", "openvex"}
	assert.Contains(t, imagevet(t, nil, args...).stdout, `"timestamp": "2026-11-23T12:00:00Z"`)
	assert.Contains(t, imagevet(t, []string{"SOURCE_DATE_EPOCH=1700000000"}, args...).stdout, `"timestamp": "2023-11-14T22:13:20Z"`)
	for _, bad := range []string{"soon", "-1", "253402300800"} {
		r := imagevet(t, []string{"SOURCE_DATE_EPOCH=" + bad}, args...)
		assert.Equal(t, exitFailed, r.status)
		assert.Contains(t, r.stderr, "no number of seconds")
	}
}
