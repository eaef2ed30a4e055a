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
		{"generic", version.Generic, "1.26.3-rc.1", "1.26.3-rc.2"},
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
		version.Deb: ">= 1:2.0, << 1:3.0", version.APK: ">=1.30 <2", version.Generic: ">= 1.0, < 2.0",
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
