// Package redhat reads the content manifests of Red Hat's images: which
// repositories ("content sets") an image was built from. Advisories of Red Hat
// apply to products, and these repositories tell which ones.
//
// The manifests are root/buildinfo/content_manifests/NAME-VERSION-RELEASE.json,
// in newer images usr/share/buildinfo/NAME.json, one for each image that a
// layer belongs to: an image and the one that it is built on have one each.
// Their form is atomic-reactor's [content manifest]; of interest is
// "content_sets". Some have none, and describe sources instead.
//
// The Dockerfile that lies beside, root/buildinfo/Dockerfile-NAME, is not read.
// Its labels name the image itself, which is no package in it, and are only
// certain where none of them has a variable.
//
// The content is hostile: the file, the number and the length of names are
// limited, and what exceeds a limit is an error, never a shorter list.
//
// [content manifest]: https://github.com/containerbuildsystem/atomic-reactor/blob/master/atomic_reactor/schemas/content_manifest.json
package redhat

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/imagevet/imagevet/internal/extract/bounded"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// An image is built from some five repositories. The manifest can be large
// for its list of sources.
const (
	maxFile = 64 << 20
	maxSets = 1000
	maxName = 1024 // bytes
)

// Extractor reads content manifests. The zero value is ready, and safe for use
// by many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "redhat".
func (Extractor) Name() string { return "redhat" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// Patterns returns the paths of content manifests.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{
		{Glob: "root/buildinfo/content_manifests/*.json"},
		{Glob: "usr/share/buildinfo/*.json"},
		{Glob: "usr/share/buildinfo/content_manifests/*.json"},
	}
}

// A manifest has the field of interest. Its elements are decoded one by one,
// so that one that is broken does not hide the others.
type manifest struct {
	ContentSets json.RawMessage `json:"content_sets"`
}

// Extract returns an operating system with nothing but content sets, each once
// and in the order of the file, or none if the manifest lists none. Such a
// manifest is counted in Ignored. The error wraps [inventory.ErrTooLarge] if a
// limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	var m manifest
	if err := bounded.JSON(ctx, f, maxFile, &m); err != nil {
		return inventory.Facts{}, err
	}
	if len(m.ContentSets) == 0 || string(m.ContentSets) == "null" {
		return inventory.Facts{Ignored: 1}, nil
	}
	var sets []json.RawMessage
	if err := json.Unmarshal(m.ContentSets, &sets); err != nil {
		return inventory.Facts{}, fmt.Errorf("content_sets is no list: %q", lines.Clip([]byte(m.ContentSets)))
	}
	if len(sets) > maxSets {
		return inventory.Facts{}, fmt.Errorf("more than %d content sets: %w", maxSets, inventory.ErrTooLarge)
	}
	var (
		os       inventory.OS
		problems lines.Problems
		seen     = map[string]bool{}
	)
	for _, data := range sets {
		var set string
		if err := json.Unmarshal(data, &set); err != nil || set == "" {
			problems.Add("a content set is not understood: %q", lines.Clip([]byte(data)))
			continue
		}
		if len(set) > maxName {
			return inventory.Facts{}, fmt.Errorf("a content set of more than %d bytes: %w", maxName, inventory.ErrTooLarge)
		}
		if !seen[set] {
			seen[set] = true
			os.ContentSets = append(os.ContentSets, set)
		}
	}
	facts := inventory.Facts{Problems: problems.List()}
	switch {
	case len(os.ContentSets) > 0:
		facts.OS = &os
	case len(sets) == 0:
		facts.Ignored = 1
	}
	return facts, nil
}
