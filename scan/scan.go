package scan

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/imagevet/imagevet/internal/ctxio"
	"github.com/imagevet/imagevet/sbom"
	"github.com/imagevet/imagevet/scan/image"
	"github.com/imagevet/imagevet/vulndb"
)

// A Scanner scans images with one set of options. It is safe for concurrent
// use and needs no closing.
type Scanner struct {
	cfg       config
	generator *sbom.Generator
}

// New returns a Scanner. With no options it runs every built-in extractor,
// compares with no database, logs nothing and uses no network until
// [Scanner.Image] is called.
func New(opts ...Option) (*Scanner, error) {
	cfg := defaultConfig()
	for _, opt := range opts {
		if err := opt(&cfg); err != nil {
			return nil, err
		}
	}
	generator, err := sbom.New(append([]sbom.Option{sbom.WithLogger(cfg.log)}, cfg.sbom...)...)
	if err != nil {
		return nil, fmt.Errorf("scan: %w", err)
	}
	return &Scanner{cfg: cfg, generator: generator}, nil
}

// Image scans an image of a registry, such as "nginx:1.27" or
// "registry.example/app@sha256:…". The errors are those of [image.Remote] and
// [Scanner.Scan].
func (s *Scanner) Image(ctx context.Context, ref string) (*Report, error) {
	s.tell(ref, StageOpen)
	img, err := image.Remote(ctx, ref, s.cfg.image...)
	return s.scan(ctx, img, err)
}

// Archive scans an image in a file as "docker save" writes it, or an OCI
// archive. If it holds several images, ref chooses one by its tag or digest;
// it may be empty otherwise. The errors are those of [image.Archive] and
// [Scanner.Scan].
func (s *Scanner) Archive(ctx context.Context, path, ref string) (*Report, error) {
	s.tell(path, StageOpen)
	img, err := image.Archive(ctx, path, s.choose(ref)...)
	return s.scan(ctx, img, err)
}

// Layout scans an image in a folder in the OCI image layout. If it holds
// several images, ref chooses one by its tag or digest; it may be empty
// otherwise. The errors are those of [image.Layout] and [Scanner.Scan].
func (s *Scanner) Layout(ctx context.Context, dir, ref string) (*Report, error) {
	s.tell(dir, StageOpen)
	img, err := image.Layout(ctx, dir, s.choose(ref)...)
	return s.scan(ctx, img, err)
}

// Daemon scans an image that a Docker or Podman daemon has. Nothing is pulled,
// and nothing stored. The errors are those of [image.Daemon] and [Scanner.Scan].
func (s *Scanner) Daemon(ctx context.Context, ref string) (*Report, error) {
	img, err := image.Daemon(ctx, ref, s.cfg.image...)
	return s.scan(ctx, img, err)
}

// From scans what one word names, such as "docker://nginx:1.27" or
// "archive:app.tar"; see [image.From]. The errors are those of image.From and
// [Scanner.Scan].
func (s *Scanner) From(ctx context.Context, source string) (*Report, error) {
	img, err := image.From(ctx, source, s.cfg.image...)
	return s.scan(ctx, img, err)
}

// Dir scans a folder that holds an unpacked root file system. The errors are
// those of [image.Dir] and [Scanner.Scan].
func (s *Scanner) Dir(ctx context.Context, dir string) (*Report, error) {
	s.tell(dir, StageOpen)
	img, err := image.Dir(dir)
	return s.scan(ctx, img, err)
}

// Tree scans a folder that holds the sources of a project, by its lock files
// and manifests. The errors are those of [image.Tree] and [Scanner.Scan].
func (s *Scanner) Tree(ctx context.Context, dir string) (*Report, error) {
	s.tell(dir, StageOpen)
	img, err := image.Tree(dir)
	return s.scan(ctx, img, err)
}

// SBOM compares a bill of materials that somebody has made, in any of the
// formats of [sbom.Decode], with the database. What of it cannot be understood
// is in [Report].Problems. The errors are those of opening the file, of
// sbom.Decode and of [Scanner.Match]. A bill of materials that is no file can be
// handed to sbom.Decode and Match.
func (s *Scanner) SBOM(ctx context.Context, path string) (*Report, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("scan: %w", err)
	}
	defer f.Close()
	bom, err := sbom.Decode(ctxio.NewReader(ctx, f))
	if err != nil {
		return nil, fmt.Errorf("scan: %q: %w", path, err)
	}
	if bom.Target.Name == "" {
		bom.Target.Name = path
	}
	return s.Match(ctx, bom)
}

func (s *Scanner) choose(ref string) []image.Option {
	if ref == "" {
		return s.cfg.image
	}
	return append(s.cfg.image[:len(s.cfg.image):len(s.cfg.image)], image.WithReference(ref))
}

// scan scans an image that a source has opened, and closes it.
func (s *Scanner) scan(ctx context.Context, img *image.Image, err error) (*Report, error) {
	if err != nil {
		return nil, fmt.Errorf("scan: %w", err)
	}
	report, err := s.Scan(ctx, img)
	if closeErr := img.Close(); err == nil && closeErr != nil {
		return nil, fmt.Errorf("scan: %w", closeErr)
	}
	return report, err
}

// Scan scans an image from any source. It does not close it. The error is a
// [*sbom.LayerError] if a layer cannot be read, or one of [vulndb.DB.Match] if
// the database is damaged; there is no report then.
func (s *Scanner) Scan(ctx context.Context, img sbom.Image) (*Report, error) {
	bom, err := s.generator.Generate(ctx, img)
	if err != nil {
		return nil, fmt.Errorf("scan: %w", err)
	}
	s.cfg.log.DebugContext(ctx, "inventory is complete", slog.String("target", bom.Target.Name),
		slog.Int("layers", len(bom.Layers)), slog.Int("packages", len(bom.Packages)), slog.Int("problems", len(bom.Problems)))
	s.tell(bom.Target.Name, StageMatch)
	report, err := s.Match(ctx, bom)
	if err != nil {
		return nil, err
	}
	for _, c := range report.Coverage {
		if c.Status != vulndb.CoverageMatched {
			s.cfg.log.WarnContext(ctx, "packages were not compared", slog.String("ecosystem", c.Ecosystem),
				slog.Int("packages", c.Packages), slog.String("reason", c.Reason))
		}
	}
	return report, nil
}
