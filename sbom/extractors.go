package sbom

import (
	"github.com/imagevet/imagevet/internal/extract/apk"
	"github.com/imagevet/imagevet/internal/extract/bottlerocket"
	"github.com/imagevet/imagevet/internal/extract/chisel"
	"github.com/imagevet/imagevet/internal/extract/composer"
	"github.com/imagevet/imagevet/internal/extract/composerlock"
	"github.com/imagevet/imagevet/internal/extract/conda"
	"github.com/imagevet/imagevet/internal/extract/cpan"
	"github.com/imagevet/imagevet/internal/extract/cran"
	"github.com/imagevet/imagevet/internal/extract/dart"
	"github.com/imagevet/imagevet/internal/extract/dotnet"
	"github.com/imagevet/imagevet/internal/extract/dpkg"
	"github.com/imagevet/imagevet/internal/extract/erlang"
	"github.com/imagevet/imagevet/internal/extract/executable"
	"github.com/imagevet/imagevet/internal/extract/flatpak"
	"github.com/imagevet/imagevet/internal/extract/gem"
	"github.com/imagevet/imagevet/internal/extract/gemfilelock"
	"github.com/imagevet/imagevet/internal/extract/gradlelock"
	"github.com/imagevet/imagevet/internal/extract/gradleverification"
	"github.com/imagevet/imagevet/internal/extract/haskell"
	"github.com/imagevet/imagevet/internal/extract/homebrew"
	"github.com/imagevet/imagevet/internal/extract/jar"
	"github.com/imagevet/imagevet/internal/extract/julia"
	"github.com/imagevet/imagevet/internal/extract/jvm"
	"github.com/imagevet/imagevet/internal/extract/luarocks"
	"github.com/imagevet/imagevet/internal/extract/msbuild"
	"github.com/imagevet/imagevet/internal/extract/nix"
	"github.com/imagevet/imagevet/internal/extract/npm"
	"github.com/imagevet/imagevet/internal/extract/npmlock"
	"github.com/imagevet/imagevet/internal/extract/nugetassets"
	"github.com/imagevet/imagevet/internal/extract/nugetconfig"
	"github.com/imagevet/imagevet/internal/extract/nugetlock"
	"github.com/imagevet/imagevet/internal/extract/opkg"
	"github.com/imagevet/imagevet/internal/extract/osrelease"
	"github.com/imagevet/imagevet/internal/extract/pacman"
	"github.com/imagevet/imagevet/internal/extract/pear"
	"github.com/imagevet/imagevet/internal/extract/pnpmlock"
	"github.com/imagevet/imagevet/internal/extract/pom"
	"github.com/imagevet/imagevet/internal/extract/portage"
	"github.com/imagevet/imagevet/internal/extract/python"
	"github.com/imagevet/imagevet/internal/extract/redhat"
	"github.com/imagevet/imagevet/internal/extract/rpm"
	"github.com/imagevet/imagevet/internal/extract/rpmmanifest"
	"github.com/imagevet/imagevet/internal/extract/sbomfile"
	"github.com/imagevet/imagevet/internal/extract/snap"
)

// Extractors returns the extractors that are built in.
func Extractors() []Extractor {
	return []Extractor{
		// The distribution and its package managers.
		apk.Extractor{},
		dpkg.Extractor{},
		rpm.Extractor{},
		rpmmanifest.Extractor{},
		opkg.Extractor{},
		pacman.Extractor{},
		portage.Extractor{},
		nix.Extractor{},
		homebrew.Extractor{},
		chisel.Extractor{},
		flatpak.Extractor{},
		snap.Extractor{},
		bottlerocket.Extractor{},
		osrelease.Extractor{},
		redhat.Extractor{},
		// Programs, languages, and what others have listed.
		executable.Extractor{},
		jar.Extractor{},
		jvm.Extractor{},
		npm.Extractor{},
		python.Extractor{},
		conda.Extractor{},
		gem.Extractor{},
		composer.Extractor{},
		pear.Extractor{},
		cran.Extractor{},
		cpan.Extractor{},
		luarocks.Extractor{},
		erlang.Extractor{},
		haskell.Extractor{},
		julia.Extractor{},
		dart.Extractor{},
		dotnet.Extractor{},
		sbomfile.Extractor{},
		// Lock files and manifests.
		npmlock.Extractor{},
		pnpmlock.Extractor{},
		gemfilelock.Extractor{},
		composerlock.Extractor{},
		pom.Extractor{},
		gradlelock.Extractor{},
		gradleverification.Extractor{},
		nugetlock.Extractor{},
		nugetconfig.Extractor{},
		msbuild.Extractor{},
		nugetassets.Extractor{},
	}
}
