// Package locktest holds what the tests of the extractors of JavaScript's lock
// files share.
package locktest

import (
	"encoding/base64"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/extract/extracttest"
	"github.com/imagevet/imagevet/internal/extract/nodelock"
	"github.com/imagevet/imagevet/sbom/inventory"
)

var update = flag.Bool("update", false, "write the expected facts anew")

// Text writes facts as text, a line for each package:
//
//	12: @scope/name@1.0.0 direct development bundled vcs_url=… SHA-1:01234567…; needs@1.0.0 others
func Text(facts inventory.Facts) string {
	var b strings.Builder
	for _, p := range facts.Packages {
		full := p.Name
		if p.Namespace != "" {
			full = p.Namespace + "/" + p.Name
		}
		fmt.Fprintf(&b, "%d: ", p.Line)
		if p.Type != "npm" {
			b.WriteString(p.Type + ":")
		}
		b.WriteString(full + "@" + p.Version)
		if p.Constraint != "" {
			fmt.Fprintf(&b, "(%s)", p.Constraint)
		}
		if p.Relation != inventory.RelationUnknown {
			b.WriteString(" " + p.Relation.String())
		}
		if p.Development {
			b.WriteString(" development")
		}
		if p.Bundled {
			b.WriteString(" bundled")
		}
		for key, value := range p.Qualifiers {
			b.WriteString(" " + key + "=" + value)
		}
		for _, h := range p.Hashes {
			b.WriteString(" " + h.Algorithm + ":" + h.Value[:8] + "…")
		}
		if len(p.Requires) > 0 {
			b.WriteString("; " + strings.Join(p.Requires, " "))
		}
		b.WriteByte('\n')
	}
	if facts.Ignored > 0 {
		fmt.Fprintf(&b, "ignored: %d\n", facts.Ignored)
	}
	for _, problem := range facts.Problems {
		b.WriteString("problem: " + problem + "\n")
	}
	return b.String()
}

// Golden checks the facts of the file testdata/folder/name, which lies at
// "app/name" in the image, against testdata/folder/want.txt. Digests have to be
// those of the file, in base64 or in hexadecimal digits.
func Golden(t *testing.T, e inventory.Extractor, folder, name string) {
	t.Helper()
	content := extracttest.Fixture(t, folder, name)
	facts, err := e.Extract(t.Context(), extracttest.File("app/"+name, content))
	require.NoErrorf(t, err, "Extract, %s", folder)
	for _, p := range facts.Packages {
		extracttest.Hashes(t, p.Hashes)
		for _, h := range p.Hashes {
			sum, err := hex.DecodeString(h.Value)
			require.NoError(t, err)
			assert.Truef(t, strings.Contains(content, h.Value) || strings.Contains(content, base64.StdEncoding.EncodeToString(sum)), "digest %s of %s in %s", h.Value, p.Name, folder)
		}
	}
	assert.True(t, facts.Declared)
	golden := filepath.Join("testdata", folder, "want.txt")
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(Text(facts)), 0o644))
	}
	assert.Equal(t, extracttest.Fixture(t, folder, "want.txt"), Text(facts), folder)
}

// Names returns the packages as "name@version", each once and sorted, and
// those alone for which keep returns true.
func Names(facts inventory.Facts, keep func(inventory.Package) bool) []string {
	var names []string
	for _, p := range facts.Packages {
		if keep(p) {
			names = append(names, strings.TrimPrefix(p.Namespace+"/"+p.Name, "/")+"@"+p.Version)
		}
	}
	sort.Strings(names)
	return names
}

// Fuzz checks properties that hold for the facts of any content.
func Fuzz(t *testing.T, e inventory.Extractor, name, content string) {
	t.Helper()
	facts, err := e.Extract(t.Context(), extracttest.File(name, content))
	extracttest.Check(t, facts, err)
	again, errAgain := e.Extract(t.Context(), inventory.NewFile(name, 0o644, 0, iotest.OneByteReader(strings.NewReader(content)), nil))
	require.Equal(t, fmt.Sprint(err), fmt.Sprint(errAgain))
	require.Equal(t, facts, again)
	if err != nil {
		return
	}
	require.True(t, facts.Declared)
	lines := 1 + strings.Count(content, "\n")
	once := map[string]bool{}
	for _, p := range facts.Packages {
		require.NotEqual(t, p.Version == "", p.Constraint == "", "version or constraint, and not both")
		require.LessOrEqual(t, len(p.Version), nodelock.MaxName)
		require.LessOrEqual(t, len(p.Constraint), nodelock.MaxURL)
		require.LessOrEqual(t, len(p.Name)+len(p.Namespace), nodelock.MaxName)
		require.NotContains(t, p.Name, "/")
		if p.Namespace != "" {
			require.Equal(t, byte('@'), p.Namespace[0])
		}
		require.GreaterOrEqual(t, p.Line, 1)
		require.LessOrEqual(t, p.Line, lines)
		id := fmt.Sprintf("%q", []string{p.Type, p.Namespace, p.Name, p.Version, p.Constraint, p.Qualifiers["vcs_url"]})
		require.False(t, once[id], id)
		once[id] = true
		seen := map[string]bool{}
		for _, r := range p.Requires {
			require.False(t, seen[r], r)
			seen[r] = true
		}
	}
}

// Memory runs f and returns how many bytes more than before are in use at the
// most while it runs, as far as the garbage collector tells.
func Memory(f func()) uint64 {
	runtime.GC()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	done, most := make(chan struct{}), make(chan uint64)
	go func() {
		var high uint64
		for {
			select {
			case <-done:
				most <- high
				return
			case <-time.After(5 * time.Millisecond):
				runtime.ReadMemStats(&now)
				high = max(high, now.HeapInuse+now.StackInuse)
			}
		}
	}()
	f()
	close(done)
	high := <-most
	return high - min(high, before.HeapInuse+before.StackInuse)
}

// Generated is a file of an image with a head, as many records as fill size
// bytes, and a tail. Each record is made by one call.
func Generated(name, head string, size int64, record func(i int) string, tail string) *inventory.File {
	g := &generator{record: record, left: size}
	r := io.MultiReader(strings.NewReader(head), g, strings.NewReader(tail))
	return inventory.NewFile(name, 0o644, size+int64(len(head)+len(tail)), r, nil)
}

type generator struct {
	record func(i int) string
	left   int64
	i      int
	rest   string
}

func (g *generator) Read(p []byte) (int, error) {
	if g.rest == "" {
		if g.left <= 0 {
			return 0, io.EOF
		}
		g.rest = g.record(g.i)
		g.i++
		g.left -= int64(len(g.rest))
	}
	n := copy(p, g.rest)
	g.rest = g.rest[n:]
	return n, nil
}
