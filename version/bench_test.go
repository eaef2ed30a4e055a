package version_test

import (
	"testing"

	"github.com/imagevet/imagevet/version"
)

// benchmarks are pairs as a scan meets them: an installed version and the
// one that has the fix.
func benchmarks() []struct {
	name   string
	scheme version.Scheme
	a, b   string
} {
	return []struct {
		name   string
		scheme version.Scheme
		a, b   string
	}{
		{"deb", version.Deb, "1:2.36.1+dfsg-8+deb12u1", "1:2.36.1+dfsg-8+deb12u2"},
		{"apk", version.APK, "1.36.1_git20230717-r4", "1.36.1_git20230717-r5"},
		{"rpm", version.RPM, "1:2.36.1~rc1-8.el9_4.1", "1:2.36.1~rc1-8.el9_4.2"},
		{"alpm", version.ALPM, "1:2.36.1rc1-8", "1:2.36.1rc1-9"},
		{"generic", version.Generic, "1.26.3-rc.1", "1.26.3-rc.2"},
		{"semver", version.SemVer, "1.26.3-rc.1", "1.26.3-rc.2"},
		{"npm", version.NPM, "1.26.3-beta.1", "1.26.3-beta.2"},
		{"golang", version.Golang, "v0.0.0-20230717101112-abcdef012345", "v0.0.0-20230718101112-abcdef012345"},
		{"pypi", version.PyPI, "2.31.0rc1", "2.31.0"},
		{"maven", version.Maven, "1.26.3-rc1", "1.26.3-rc2"},
		{"nuget", version.NuGet, "1.26.3-rc.1", "1.26.3-rc.2"},
		{"composer", version.Composer, "v1.26.3-RC1", "v1.26.3-RC2"},
		{"cargo", version.Cargo, "1.26.3-rc.1", "1.26.3-rc.2"},
		{"hex", version.Hex, "1.26.3-rc.1", "1.26.3-rc.2"},
		{"pub", version.Pub, "1.26.3+1", "1.26.3+2"},
		{"gem", version.Gem, "7.0.4.3", "7.0.4.4"},
		{"cran", version.CRAN, "1.6-5", "1.6-6"},
		{"hackage", version.Hackage, "2.0.3.0", "2.0.4"},
		{"conan", version.Conan, "1.1.1k", "1.1.1l"},
		{"swift", version.Swift, "1.26.3-rc.1", "1.26.3-rc.2"},
	}
}

func BenchmarkCompare(b *testing.B) {
	for _, bb := range benchmarks() {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if cmp, err := version.Compare(bb.scheme, bb.a, bb.b); err != nil || cmp != -1 {
					b.Fatal(cmp, err)
				}
			}
		})
	}
}

func BenchmarkAppendKey(b *testing.B) {
	for _, bb := range benchmarks() {
		b.Run(bb.name, func(b *testing.B) {
			b.SetBytes(int64(len(bb.a)))
			b.ReportAllocs()
			buf := make([]byte, 0, 64)
			for b.Loop() {
				key, err := version.AppendKey(buf, bb.scheme, bb.a)
				if err != nil || len(key) == 0 {
					b.Fatal(key, err)
				}
			}
		})
	}
}

func BenchmarkSatisfies(b *testing.B) {
	constraints := map[version.Scheme]string{
		version.Deb: ">= 1:2.0, << 1:3.0", version.APK: ">=1.30 <2", version.RPM: ">= 1:2.0, < 1:3.0", version.ALPM: ">=1:2.0 <1:3.0", version.Generic: ">= 1.0, < 2.0",
		version.SemVer: ">= 1.0, < 2.0", version.NPM: "^1.26.3-beta.0 || ~2.1", version.Golang: "<1.0.0",
		version.PyPI:  ">=2.0,<3.0",
		version.Maven: "[1.0,2.0)", version.NuGet: "[1.0,2.0)", version.Composer: "^1.26.3@RC",
		version.Cargo: "1.26.3-beta, <2", version.Hex: "~> 1.26", version.Pub: "^1.26.0",
		version.Gem:     "~> 7.0, >= 7.0.4",
		version.CRAN:    ">= 1.0, < 2",
		version.Hackage: "^>= 2.0.1",
		version.Conan:   "[~1.1]", version.Swift: `"1.0.0-a"..<"2.0.0"`,
	}
	for _, bb := range benchmarks() {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if ok, err := version.Satisfies(bb.scheme, bb.a, constraints[bb.scheme]); err != nil || !ok {
					b.Fatal(ok, err)
				}
			}
		})
	}
}
