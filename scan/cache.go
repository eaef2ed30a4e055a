package scan

import (
	"errors"

	"github.com/imagevet/imagevet/sbom"
)

// WithCache sets where the facts of layers are kept, so that a layer which several
// images share is read, and downloaded, once; [sbom.WithCache] says what is kept
// under which conditions, and package sbom/cache has a cache in memory and one in
// a folder. What the database says is never kept. Trouble with the cache does
// not fail a scan: the logger is told, and [Scanner.CacheStats] counts it. The
// default is to keep nothing.
func WithCache(cache sbom.Cache) Option {
	return func(c *config) error {
		if cache == nil {
			return errors.New("scan: WithCache(nil): leave the option out to keep nothing")
		}
		c.sbom = append(c.sbom, sbom.WithCache(cache))
		return nil
	}
}

// CacheStats tells how useful the cache of layers has been since the Scanner was
// made. Layers that several scans read at the same time are counted without a
// cache too.
func (s *Scanner) CacheStats() sbom.CacheStats { return s.generator.CacheStats() }
