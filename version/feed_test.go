package version_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/sharedtest"
	"github.com/imagevet/imagevet/version"
)

var feedAll = flag.Bool("feed.all", false, "read all advisories of large feeds, not a part of them")

// maxRecord limits one advisory of the test material, in bytes.
const maxRecord = 4 << 20

// feed reads the versions that every nth advisory of an ecosystem names, by
// package, each list without duplicates and in the order of its text.
func feed(t *testing.T, ecosystem string, n int) [][]string {
	t.Helper()
	r, err := zip.OpenReader(sharedtest.Path(t, "data", "osv", ecosystem, "all.zip"))
	require.NoError(t, err)
	defer r.Close()
	packages := map[string]map[string]bool{}
	for i, f := range r.File {
		if i%n == 0 || *feedAll {
			readRecord(t, f, packages)
		}
	}
	var lists [][]string
	for _, name := range slices.Sorted(maps.Keys(packages)) {
		lists = append(lists, slices.Sorted(maps.Keys(packages[name])))
	}
	require.NotEmpty(t, lists, ecosystem)
	return lists
}

func readRecord(t *testing.T, f *zip.File, packages map[string]map[string]bool) {
	t.Helper()
	r, err := f.Open()
	require.NoError(t, err)
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, maxRecord+1))
	require.NoError(t, err)
	require.LessOrEqual(t, len(data), maxRecord, f.Name)
	var record struct {
		Affected []struct {
			Package  struct{ Name string }
			Versions []string
			Ranges   []struct {
				Events []map[string]string
			}
		}
	}
	require.NoError(t, json.Unmarshal(data, &record), f.Name)
	for _, a := range record.Affected {
		versions := packages[a.Package.Name]
		if versions == nil {
			versions = map[string]bool{}
			packages[a.Package.Name] = versions
		}
		for _, v := range a.Versions {
			versions[v] = true
		}
		for _, r := range a.Ranges {
			for _, event := range r.Events {
				for _, v := range event {
					versions[v] = true
				}
			}
		}
	}
}

// TestFeeds reads the versions of real advisories, and checks that keys
// order them as Compare does: neighbours of each package, and random pairs.
func TestFeeds(t *testing.T) {
	tests := []struct {
		ecosystem string
		scheme    version.Scheme
		part      int // read one in so many advisories
	}{
		{"Debian", version.Deb, 4},
		{"Debian-changelog", version.Deb, 16},
		{"Alpine", version.APK, 1},
		{"AlmaLinux", version.RPM, 8},
		{"Azure Linux", version.RPM, 8},
		{"PyPI", version.PyPI, 8},
		{"RubyGems", version.Gem, 1},
	}
	for _, tt := range tests {
		t.Run(tt.ecosystem, func(t *testing.T) {
			lists := feed(t, tt.ecosystem, tt.part)
			keys := map[string][]byte{}
			var versions []string
			texts, bytesOfKeys := 0, 0
			for _, list := range lists {
				for _, v := range list {
					if keys[v] == nil {
						keys[v] = mustKey(t, tt.scheme, v)
						versions = append(versions, v)
						texts += len(v)
						bytesOfKeys += len(keys[v])
					}
				}
			}
			check := func(a, b string) {
				got, err := version.Compare(tt.scheme, a, b)
				require.NoError(t, err)
				require.Equalf(t, bytes.Compare(keys[a], keys[b]), got, "Compare(%v, %q, %q)", tt.scheme, a, b)
			}
			pairs := 0
			for _, list := range lists {
				sortByKey(list, keys)
				for i := 1; i < len(list); i++ {
					check(list[i-1], list[i])
					pairs++
				}
			}
			sortByKey(versions, keys)
			for i := 1; i < len(versions); i++ {
				check(versions[i-1], versions[i])
			}
			random := rand.New(rand.NewPCG(1, 2))
			for range 20000 {
				check(versions[random.IntN(len(versions))], versions[random.IntN(len(versions))])
			}
			assert.LessOrEqual(t, bytesOfKeys, texts+2*len(versions), "keys are about as long as the text")
			t.Logf("%d versions, %d neighbours in %d packages, %.1f bytes of text, %.1f bytes of key",
				len(versions), pairs, len(lists), float64(texts)/float64(len(versions)), float64(bytesOfKeys)/float64(len(versions)))
		})
	}
}

func sortByKey(versions []string, keys map[string][]byte) {
	slices.SortFunc(versions, func(a, b string) int { return bytes.Compare(keys[a], keys[b]) })
}
