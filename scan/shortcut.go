package scan

import "context"

// What follows is a [Scanner] for one scan. Programs that scan more than one
// image share a Scanner.

// Image scans an image of a registry, as [Scanner.Image] of a [New] Scanner.
func Image(ctx context.Context, ref string, opts ...Option) (*Report, error) {
	return with(opts, func(s *Scanner) (*Report, error) { return s.Image(ctx, ref) })
}

// Archive scans an image in a file, as [Scanner.Archive] of a [New] Scanner.
func Archive(ctx context.Context, path, ref string, opts ...Option) (*Report, error) {
	return with(opts, func(s *Scanner) (*Report, error) { return s.Archive(ctx, path, ref) })
}

// Layout scans an image in an OCI image layout, as [Scanner.Layout] of a [New]
// Scanner.
func Layout(ctx context.Context, dir, ref string, opts ...Option) (*Report, error) {
	return with(opts, func(s *Scanner) (*Report, error) { return s.Layout(ctx, dir, ref) })
}

// Daemon scans an image that a daemon has, as [Scanner.Daemon] of a [New]
// Scanner.
func Daemon(ctx context.Context, ref string, opts ...Option) (*Report, error) {
	return with(opts, func(s *Scanner) (*Report, error) { return s.Daemon(ctx, ref) })
}

// From scans what one word names, as [Scanner.From] of a [New] Scanner.
func From(ctx context.Context, source string, opts ...Option) (*Report, error) {
	return with(opts, func(s *Scanner) (*Report, error) { return s.From(ctx, source) })
}

// Dir scans an unpacked root file system, as [Scanner.Dir] of a [New] Scanner.
func Dir(ctx context.Context, dir string, opts ...Option) (*Report, error) {
	return with(opts, func(s *Scanner) (*Report, error) { return s.Dir(ctx, dir) })
}

// Tree scans the sources of a project, as [Scanner.Tree] of a [New] Scanner.
func Tree(ctx context.Context, dir string, opts ...Option) (*Report, error) {
	return with(opts, func(s *Scanner) (*Report, error) { return s.Tree(ctx, dir) })
}

// SBOM compares a bill of materials, as [Scanner.SBOM] of a [New] Scanner.
func SBOM(ctx context.Context, path string, opts ...Option) (*Report, error) {
	return with(opts, func(s *Scanner) (*Report, error) { return s.SBOM(ctx, path) })
}

func with(opts []Option, do func(*Scanner) (*Report, error)) (*Report, error) {
	s, err := New(opts...)
	if err != nil {
		return nil, err
	}
	return do(s)
}
