// Package cpan reads what tells of Perl distributions that were installed from
// CPAN by hand, with a CPAN client, and not by the operating system's package
// manager:
//
//   - .meta/DIST/install.json, which cpanm and cpm leave: the distribution, its
//     author and the modules in it.
//   - .meta/DIST/MYMETA.json beside it: the same distribution with its licences
//     and the modules that it requires, but without the author. See [CPAN::Meta].
//   - perllocal.pod, to which "make install" of [ExtUtils::MakeMaker] appends:
//     the main module and the version. It is all that the classic client leaves.
//
// None of these knows everything, and what one client leaves describes a
// distribution two or three times: with the author as namespace from
// install.json, without from the others. Requires and Provides name modules,
// such as "LWP::UserAgent"; a distribution is named after its main module with
// "-" for "::", which perllocal.pod is relied on for, and which is wrong for a
// few, such as libwww-perl (LWP).
//
// perllocal.pod is a log: of a module that is in it more than once, the last
// entry counts, and those before are ignored. What was removed afterwards is
// still in it. Modules built by Module::Build without a client, and those that
// Debian and others package, leave none of these files; .packlist has no
// version and is not read.
//
// The content is hostile: the size of files, the number of modules and
// licences and the length of names and versions are limited.
//
// [CPAN::Meta]: https://metacpan.org/pod/CPAN::Meta::Spec
// [ExtUtils::MakeMaker]: https://metacpan.org/pod/ExtUtils::Command::MM#perllocal_install
package cpan

import (
	"context"
	"path"
	"strings"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// The largest distributions have some 10,000 modules, and 1 MiB of JSON; each
// entry of perllocal.pod has about 200 bytes.
const (
	maxJSON     = 4 << 20
	maxLog      = 16 << 20
	maxPackages = 20_000
	maxModules  = 50_000
	maxLicenses = 100
	maxName     = 512
)

// Extractor reads the three kinds of files. The zero value is ready, and safe
// for use by many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "cpan".
func (Extractor) Name() string { return "cpan" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// Patterns returns the places of the files.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{
		{Glob: "**/.meta/*/install.json"},
		{Glob: "**/.meta/*/MYMETA.json"},
		{Glob: "**/perllocal.pod"},
	}
}

// Extract returns the distributions that the file tells of. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	switch path.Base(f.Path()) {
	case "install.json":
		return installed(ctx, f)
	case "MYMETA.json":
		return meta(ctx, f)
	}
	return local(ctx, f)
}

// plausible reports whether s can be the name of a distribution, a module or an
// author, or a version.
func plausible(s string) bool {
	return s != "" && len(s) <= maxName && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == '/' || r == 0x7f })
}
