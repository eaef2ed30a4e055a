package sbom_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom"
	"github.com/imagevet/imagevet/sbom/cache"
	"github.com/imagevet/imagevet/scan/image"
)

// BenchmarkWarm makes the inventory of real images, of which all layers are in
// the cache: in memory, and in a folder. "cold" is the same without a cache,
// "packages" how many there are, and "cached-MB" the size of what is kept.
//
//	go test ./sbom -run - -bench Warm -corpus DIR
func BenchmarkWarm(b *testing.B) {
	if *corpus == "" {
		b.Skip("no folder of images: -corpus DIR")
	}
	for _, name := range []string{"debian-bookworm", "java-app", "node-app", "node-huge"} {
		path := filepath.Join(*corpus, name+".oci")
		run := func(kind string, c sbom.Cache) {
			b.Run(name+"/"+kind, func(b *testing.B) {
				var opts []sbom.Option
				if c != nil {
					opts = append(opts, sbom.WithCache(c))
				}
				g, err := sbom.New(opts...)
				require.NoError(b, err)
				generate := func() *sbom.BOM {
					img, err := image.Layout(context.Background(), path)
					require.NoError(b, err)
					defer img.Close()
					bom, err := g.Generate(context.Background(), img)
					require.NoError(b, err)
					return bom
				}
				packages := len(generate().Packages)
				before := g.CacheStats()
				b.ReportAllocs()
				for b.Loop() {
					generate()
				}
				if c != nil {
					after := g.CacheStats()
					require.Equal(b, before.Misses, after.Misses)
					require.Greater(b, after.Hits, before.Hits)
				}
				b.ReportMetric(float64(packages), "packages")
			})
		}
		memory, err := cache.NewMemory(1 << 30)
		require.NoError(b, err)
		folder, err := cache.NewFolder(b.TempDir())
		require.NoError(b, err)
		run("memory", memory)
		run("folder", folder)
		b.Logf("%s: %.1f MB in %d entries", name, float64(memory.Info().Bytes)/1e6, memory.Info().Entries)
		run("cold", nil)
	}
}
