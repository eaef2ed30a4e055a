package sbom_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/layer"
	"github.com/imagevet/imagevet/sbom"
)

// imagePaths makes n paths as images have them, the same each time: mostly
// libraries of scripts, documentation, and programs.
func imagePaths(n int) [][]byte {
	rng := rand.New(rand.NewPCG(1, 2))
	word := func() string {
		w := make([]byte, 3+rng.IntN(10))
		for i := range w {
			w[i] = "etaoinshrdlucmfwypvbgk-_0123"[rng.IntN(28)]
		}
		return string(w)
	}
	pick := func(all ...string) string { return all[rng.IntN(len(all))] }
	var words []string
	for range 2000 {
		words = append(words, word())
	}
	w := func() string { return words[rng.IntN(len(words))] }
	// In one piece of memory, as the names come out of an archive's buffer.
	var all []byte
	paths := make([][]byte, n)
	ends := make([]int, n)
	for i := range paths {
		var p string
		switch rng.IntN(10) {
		case 0, 1, 2, 3:
			p = fmt.Sprintf("app/node_modules/%s/%s/%s.%s", w(), pick("lib", "dist", "src", "node_modules/"+w()), w(), pick("js", "js", "js", "d.ts", "json", "md", "map"))
			if rng.IntN(30) == 0 {
				p = fmt.Sprintf("app/node_modules/%s/package.json", w())
			}
		case 4, 5, 6:
			p = fmt.Sprintf("usr/lib/python3/dist-packages/%s/%s/%s.%s", w(), w(), w(), pick("py", "py", "pyc", "pyi", "txt"))
		case 7:
			p = fmt.Sprintf("usr/share/doc/%s/%s", w(), pick("copyright", "changelog.Debian.gz", "README", "examples/"+w()+".conf"))
		case 8:
			p = fmt.Sprintf("usr/lib/x86_64-linux-gnu/%s/lib%s.so%s", w(), w(), pick("", ".1", ".2.3.4"))
		default:
			p = fmt.Sprintf("usr/%s/%s", pick("bin", "sbin", "libexec", "include", "share/man/man1"), w())
		}
		all = append(all, p...)
		ends[i] = len(all)
	}
	start := 0
	for i, end := range ends {
		paths[i] = all[start:end:end]
		start = end
	}
	return paths
}

// BenchmarkRoute routes a million paths in each round.
func BenchmarkRoute(b *testing.B) {
	router, err := layer.NewRouter(sbom.Extractors())
	require.NoError(b, err)
	paths := imagePaths(1_000_000)
	var buf [8]int
	wanted := 0
	b.ReportAllocs()
	for b.Loop() {
		wanted = 0
		for _, p := range paths {
			if len(router.Append(buf[:0], p, false)) > 0 {
				wanted++
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(paths)), "ns/path")
	b.ReportMetric(float64(wanted), "wanted")
}

func TestRoutingDoesNotAllocate(t *testing.T) {
	router, err := layer.NewRouter(sbom.Extractors())
	require.NoError(t, err)
	paths := imagePaths(5000)
	var buf [8]int
	require.Zero(t, testing.AllocsPerRun(5, func() {
		for _, p := range paths {
			router.Append(buf[:0], p, true)
		}
	}))
}
