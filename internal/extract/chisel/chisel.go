// Package chisel reads the manifest of Chisel, which makes images of parts of
// Ubuntu's packages: var/lib/chisel/manifest.wall. Such images have no
// database of dpkg.
//
// The file is compressed with zstd and has one JSON object in a line, the
// first of which tells how many there are ([jsonwall]). Those of kind
// "package" give name, version, architecture and SHA-256 of a package; those
// of kind "content" say which slice brought a path, and what is in front of
// the "_" of a slice's name is its package. "slice" and "path" add nothing to
// that. The manifest does not know source packages, by which Ubuntu publishes its
// advisories: [inventory.Package.Source] is empty.
//
// The content is hostile: lines, packages, paths and the file itself, packed
// and unpacked, are limited, and what exceeds a limit is an error, never a
// shorter list. Of a file that is damaged further on, what comes before is
// kept.
//
// [jsonwall]: https://pkg.go.dev/github.com/canonical/chisel-manifest/public/manifest
package chisel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// An image of Chisel has some ten packages and a few hundred paths, in a
// manifest of less than 100 KiB. It is written with zstd's default window of
// at most 8 MiB.
const (
	maxPacked   = 4 << 20
	maxUnpacked = 64 << 20
	maxWindow   = 8 << 20
	maxPackages = 100_000
	maxPaths    = 200_000
)

// Extractor reads Chisel's manifest. The zero value is ready, and safe for use
// by many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "chisel".
func (Extractor) Name() string { return "chisel" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// Patterns returns the paths of the manifest. The maker of an image chooses
// where it is; var/lib/chisel is what Ubuntu's own slices say.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{{Glob: "**/chisel/manifest.wall"}}
}

// A source is the packed file. It remembers whether reading it went wrong, for
// that is no damage of the content.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// Extract returns the packages of the manifest and the files they own. The
// error wraps [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	if err := ctx.Err(); err != nil {
		return inventory.Facts{}, err
	}
	packed := &io.LimitedReader{R: f, N: maxPacked + 1}
	src := &source{r: packed}
	unpacked, err := zstd.NewReader(src,
		zstd.WithDecoderConcurrency(1), // no goroutines
		zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return inventory.Facts{}, err
	}
	defer unpacked.Close()

	p := parser{owned: map[string]int{}}
	err = lines.Each(ctx, unpacked, maxUnpacked, p.line)
	switch {
	case src.err != nil:
		return inventory.Facts{}, src.err
	case packed.N == 0:
		return inventory.Facts{}, fmt.Errorf("more than %d bytes: %w", maxPacked, inventory.ErrTooLarge)
	case err != nil && (!isDamage(err) || len(p.facts.Packages) == 0):
		return inventory.Facts{}, err
	case err != nil:
		p.problems.Add("the manifest is damaged after line %d: %s", p.lines, lines.Clip(err.Error()))
	case p.lines == 0:
		return inventory.Facts{}, errors.New("the manifest is empty")
	case p.lines != p.count:
		p.problems.Add("the manifest should have %d lines and has %d", p.count, p.lines)
	}
	p.facts.Problems = p.problems.List()
	return p.facts, nil
}

// isDamage reports whether an error of unpacking is due to the content.
func isDamage(err error) bool {
	return !errors.Is(err, inventory.ErrTooLarge) && !errors.Is(err, errNoManifest) &&
		!errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) &&
		!errors.Is(err, zstd.ErrWindowSizeExceeded) && !errors.Is(err, zstd.ErrDecoderSizeExceeded)
}

var errNoManifest = errors.New("the first line is not that of a manifest")

// A parser collects the entries of a manifest.
type parser struct {
	lines, count int // seen, and announced
	paths        int
	facts        inventory.Facts
	owned        map[string]int // index in Owned, by package
	problems     lines.Problems
}

// An entry has the fields of all kinds that are of interest.
type entry struct {
	Jsonwall string `json:"jsonwall"` // of the first line only
	Count    int    `json:"count"`    // likewise

	Kind    string `json:"kind"`
	Name    string `json:"name"`
	Version string `json:"version"`
	SHA256  string `json:"sha256"`
	Arch    string `json:"arch"`
	Slice   string `json:"slice"`
	Path    string `json:"path"`
}

// line takes the next line of the manifest.
func (p *parser) line(line []byte) error {
	var e entry
	err := json.Unmarshal(line, &e)
	p.lines++
	if p.lines == 1 {
		if err != nil || e.Jsonwall == "" {
			return fmt.Errorf("%w: %q", errNoManifest, lines.Clip(line))
		}
		p.count = e.Count
		return nil
	}
	if err != nil {
		p.problems.Add("line %d is not understood: %q", p.lines, lines.Clip(line))
		return nil
	}
	switch e.Kind {
	case "package":
		return p.pkg(&e)
	case "content":
		return p.content(&e)
	case "slice", "path":
	default:
		p.problems.Add("line %d is of the unknown kind %q", p.lines, lines.Clip(e.Kind))
	}
	return nil
}

func (p *parser) pkg(e *entry) error {
	switch {
	case e.Name == "":
		p.problems.Add("a package has no name; its version is %q", lines.Clip(e.Version))
		return nil
	case e.Version == "":
		p.problems.Add("package %q has no version", lines.Clip(e.Name))
		return nil
	case len(p.facts.Packages) == maxPackages:
		return fmt.Errorf("more than %d packages: %w", maxPackages, inventory.ErrTooLarge)
	}
	pkg := inventory.Package{
		Type:    "deb",
		Name:    e.Name,
		Version: e.Version,
		Arch:    e.Arch,
	}
	if e.SHA256 != "" {
		pkg.Qualifiers = map[string]string{"checksum": "sha256:" + e.SHA256}
	}
	p.facts.Packages = append(p.facts.Packages, pkg)
	return nil
}

// content takes a path of a slice. Those of folders end in a slash; they are
// left out.
func (p *parser) content(e *entry) error {
	name, _, ok := strings.Cut(e.Slice, "_")
	file := strings.TrimPrefix(path.Clean("/"+e.Path), "/")
	if !ok || name == "" || e.Path == "" {
		p.problems.Add("line %d is not understood: slice %q, path %q", p.lines, lines.Clip(e.Slice), lines.Clip(e.Path))
		return nil
	}
	if file == "" || strings.HasSuffix(e.Path, "/") {
		return nil
	}
	if p.paths++; p.paths > maxPaths {
		return fmt.Errorf("more than %d paths: %w", maxPaths, inventory.ErrTooLarge)
	}
	i, ok := p.owned[name]
	if !ok {
		i = len(p.facts.Owned)
		p.owned[name] = i
		p.facts.Owned = append(p.facts.Owned, inventory.Ownership{Package: name})
	}
	p.facts.Owned[i].Paths = append(p.facts.Owned[i].Paths, file)
	return nil
}
