package sbom_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom"
	"github.com/imagevet/imagevet/sbom/cache"
	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/scan/image"
	"github.com/imagevet/imagevet/scan/report"
)

// TestCachedReports compares reports of real images, byte by byte: without a
// cache, with one that is empty, and with one that knows all layers, in memory
// and in a folder. One cache is used for all images.
func TestCachedReports(t *testing.T) {
	images := []string{filepath.Join("..", "testdata", "images", "alpine-3.8.tar.gz")}
	if *corpus == "" {
		t.Log("without the images of mkimages: -corpus DIR")
	} else {
		for _, pattern := range []string{"*.docker.tar", "*.oci", "*.oci.tar"} {
			more, err := filepath.Glob(filepath.Join(*corpus, pattern))
			require.NoError(t, err)
			require.NotEmpty(t, more, pattern)
			images = append(images, more...)
		}
	}
	memory, err := cache.NewMemory(1 << 30)
	require.NoError(t, err)
	folder, err := cache.NewFolder(t.TempDir())
	require.NoError(t, err)
	now := func() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }
	for _, path := range images {
		t.Run(filepath.Base(path), func(t *testing.T) {
			run := func(opts ...sbom.Option) ([]byte, sbom.CacheStats) {
				opts = append(opts, sbom.WithDeleted(true))
				s, err := scan.New(scan.WithClock(now), scan.WithInventory(opts...))
				require.NoError(t, err)
				img, err := image.Open(t.Context(), path)
				require.NoError(t, err)
				r, err := s.Scan(t.Context(), img)
				require.NoError(t, errors.Join(err, img.Close()))
				var buf bytes.Buffer
				for _, f := range []report.Format{report.JSON, report.CycloneDX} {
					require.NoError(t, report.Write(&buf, r, f, report.WithPackages(true), report.WithSBOM(sbom.WithTimestamp(now()))))
				}
				return buf.Bytes(), s.CacheStats()
			}
			want, _ := run()
			for _, c := range []sbom.Cache{memory, folder} {
				for i := range 2 {
					got, stats := run(sbom.WithCache(c), sbom.WithVerifiedLayers(true))
					assert.True(t, bytes.Equal(want, got), "scan %d with %T", i, c)
					assert.Zero(t, stats.Errors)
					assert.Zero(t, stats.Rejected)
					if i == 1 {
						assert.Zero(t, stats.Misses)
						assert.Positive(t, stats.Hits)
					}
				}
			}
			assert.Greater(t, strings.Count(string(want), "\n"), 100)
		})
	}
}
