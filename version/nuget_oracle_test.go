//go:build oracle

package version_test

import (
	"math/rand/v2"
	"testing"

	"github.com/imagevet/imagevet/version"
)

// TestNuGetOracle compares real versions of crates and of Bitnami's images,
// where NuGet can read them, and random ones with the slow reference.
func TestNuGetOracle(t *testing.T) {
	var real []string
	for _, ecosystem := range []string{"Bitnami", "crates.io"} {
		for _, list := range feed(t, ecosystem, 1) {
			for _, v := range list {
				if _, err := version.Parse(version.NuGet, v); err == nil {
					real = append(real, v)
				}
			}
		}
	}
	random := rand.New(rand.NewPCG(5, 6))
	pick := func() string {
		if random.IntN(2) == 0 {
			return randomNuGet(random)
		}
		return real[random.IntN(len(real))]
	}
	const pairs = 200000
	for range pairs {
		checkNuGetReference(t, pick(), pick())
	}
	t.Logf("%d pairs, %d real versions", pairs, len(real))
}
