package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/scan"
)

func TestBarLine(t *testing.T) {
	for _, tt := range []struct {
		p    scan.Progress
		want string
	}{
		{scan.Progress{Stage: "open", Target: "nginx:1"}, "opening nginx:1"},
		{scan.Progress{Stage: "layers", Layers: 4, Read: 1, Done: 5e6, Total: 10e6}, "layer 2 of 4     [==============              ] 5.0 of 10.0 MB"},
		{scan.Progress{Stage: "layers", Layers: 4, Read: 4, Done: 10e6, Total: 10e6}, "layer 4 of 4     [============================] 10.0 of 10.0 MB"},
		{scan.Progress{Stage: "layers", Layers: 4, Done: 5e6, Total: -1}, "layer 1 of 4  5.0 MB"},
		{scan.Progress{Stage: "export", Target: "PyPI", Done: 20e6, Total: 10e6}, "PyPI             [============================] 20.0 of 10.0 MB"},
		{scan.Progress{Stage: "records", Target: "PyPI", Done: 0, Total: 7}, "PyPI             [                            ] 0 of 7 advisories"},
		{scan.Progress{Stage: "compile", Total: 2}, "compiling 2 ecosystems"},
		{scan.Progress{Stage: "match"}, "comparing with the database"},
	} {
		assert.Equal(t, tt.want, barLine(tt.p))
	}
}

func TestBar(t *testing.T) {
	var out bytes.Buffer
	now := time.Unix(1e9, 0)
	b := &bar{w: &out, columns: 20, now: func() time.Time { return now }}
	a := &app{stderr: &out, bar: b}
	step := func(ms int, p scan.Progress) string {
		now = now.Add(time.Duration(ms) * time.Millisecond)
		out.Reset()
		b.show(p)
		return out.String()
	}
	layers := scan.Progress{Stage: "layers", Layers: 2, Total: -1}
	assert.Empty(t, step(0, layers), "what is quick needs no bar")
	assert.Empty(t, step(200, layers))
	b.clear()
	assert.Empty(t, out.String(), "nothing to clear")
	assert.Equal(t, "\rlayer 1 of 2  0.0 M\x1b[K", step(200, layers), "cut to the width of the terminal")
	assert.Empty(t, step(50, layers), "too soon")
	assert.Equal(t, "\rcomparing with the \x1b[K", step(0, scan.Progress{Stage: "match"}), "another stage is shown at once")
	assert.Equal(t, "\ropening \ufffd[2J\x1b[K", step(0, scan.Progress{Stage: "open", Target: "\x1b[2J"}), "the terminal obeys nobody else")
	out.Reset()
	a.warn("something")
	assert.Equal(t, "\r\x1b[Kimagevet: warning: something\n", out.String(), "messages have a line of their own")
	(*bar)(nil).clear()
}

// Where stderr is no terminal, nothing is drawn.
func TestNoBarInAFile(t *testing.T) {
	var out bytes.Buffer
	env := func(string) string { return "" }
	assert.Nil(t, (&app{stderr: &out, env: env}).newBar(false))
	f, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	require.NoError(t, err)
	defer f.Close()
	assert.Nil(t, (&app{stderr: f, env: env}).newBar(false))

	terminal, err := os.Open(os.DevNull) // a device, as a terminal is
	require.NoError(t, err)
	defer terminal.Close()
	assert.NotNil(t, (&app{stderr: terminal, env: env}).newBar(false))
	assert.Nil(t, (&app{stderr: terminal, env: env}).newBar(true))
	assert.Nil(t, (&app{stderr: terminal, env: env, quiet: true}).newBar(false))
	assert.Nil(t, (&app{stderr: terminal, env: func(string) string { return "dumb" }}).newBar(false))
}

func TestCacheVerbs(t *testing.T) {
	dir := t.TempDir()
	env := []string{"IMAGEVET_DB=starter"}
	args := []string{"--input", alpine, "--now", now, "--cache-dir", dir, "--format", "json"}
	run := func(extra ...string) string {
		r := imagevet(t, env, append(append([]string{"image"}, args...), extra...)...)
		require.Zero(t, r.status, r.stderr)
		return r.stdout
	}
	info := func() string {
		r := imagevet(t, nil, "cache", "info", "--cache-dir", dir)
		require.Zero(t, r.status, r.stderr)
		return r.stdout
	}
	want := run("--no-cache")
	layers := filepath.Join(dir, "layers")
	assert.NoDirExists(t, layers)
	assert.Equal(t, "Layers "+layers+"\n0 layers, 0.0 MB\n", info())
	assert.Equal(t, want, run())
	assert.Contains(t, info(), "\n3 layers, ")
	assert.Equal(t, want, run("--no-progress"))

	// What is damaged is told, and does not matter.
	entries, err := filepath.Glob(filepath.Join(layers, "*", "*"))
	require.NoError(t, err)
	require.Len(t, entries, 3)
	for _, e := range entries {
		require.NoError(t, os.WriteFile(e, []byte("damaged"), 0o600))
	}
	r := imagevet(t, env, append([]string{"image"}, args...)...)
	assert.Equal(t, want, r.stdout)
	assert.Equal(t, 3, strings.Count(r.stderr, "imagevet: warning: an entry of the layer cache is of no use, key=imagevet-"))
	r = imagevet(t, env, append([]string{"image"}, args...)...)
	assert.Equal(t, want, r.stdout)
	assert.NotContains(t, r.stderr, "layer cache", "it has been mended")

	r = imagevet(t, nil, "cache", "clear", "--cache-dir", dir)
	require.Zero(t, r.status, r.stderr)
	assert.Contains(t, info(), "\n0 layers, ")
	assert.Equal(t, exitUsage, imagevet(t, nil, "cache", "clear", "x").status)
	assert.Equal(t, want, run())
}
