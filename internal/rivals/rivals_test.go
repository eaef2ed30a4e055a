package rivals

import (
	"archive/zip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"sort"
	"testing"

	"deps.dev/util/semver"
	masterminds "github.com/Masterminds/semver/v3"
	gem "github.com/aquasecurity/go-gem-version"
	npm "github.com/aquasecurity/go-npm-version/pkg"
	pep440 "github.com/aquasecurity/go-pep440-version"
	"github.com/google/osv-scalibr/semantic"
	apk "github.com/knqyf263/go-apk-version"
	deb "github.com/knqyf263/go-deb-version"
	rpm "github.com/knqyf263/go-rpm-version"
	mvn "github.com/masahiro331/go-mvn-version"

	"github.com/imagevet/imagevet/version"
)

// A rival is a library with its order of one kind of versions.
type rival struct {
	name    string
	compare func(a, b string) (int, error)
}

// A contest is a list of real versions and those who compare them.
type contest struct {
	scheme string
	feeds  []string // OSV ecosystems that the versions are from
	rivals []rival
}

// contests has no list of npm and Maven, which the test material lacks: they
// get versions of others, which look alike.
func contests() []contest {
	return []contest{
		{"deb", []string{"Debian"}, []rival{
			{"go-deb-version", parsed(deb.NewVersion, func(a, b deb.Version) int { return a.Compare(b) })},
			{"osv-scalibr", scalibr("Debian")},
		}},
		{"rpm", []string{"AlmaLinux", "Azure Linux"}, []rival{
			{"go-rpm-version", func(a, b string) (int, error) { return rpm.NewVersion(a).Compare(rpm.NewVersion(b)), nil }},
			{"osv-scalibr", scalibr("Red Hat")},
		}},
		{"apk", []string{"Alpine"}, []rival{
			{"go-apk-version", parsed(apk.NewVersion, apk.Version.Compare)},
			{"osv-scalibr", scalibr("Alpine")},
		}},
		{"semver", []string{"Bitnami"}, []rival{
			{"masterminds", parsed(masterminds.NewVersion, (*masterminds.Version).Compare)},
			{"deps.dev", depsDev(semver.DefaultSystem)},
			{"osv-scalibr", scalibr("Bitnami")},
		}},
		{"cargo", []string{"crates.io"}, []rival{
			{"masterminds", parsed(masterminds.NewVersion, (*masterminds.Version).Compare)},
			{"deps.dev", depsDev(semver.Cargo)},
			{"osv-scalibr", scalibr("crates.io")},
		}},
		{"npm", []string{"crates.io", "Bitnami"}, []rival{
			{"go-npm-version", parsed(npm.NewVersion, npm.Version.Compare)},
			{"deps.dev", depsDev(semver.NPM)},
			{"osv-scalibr", scalibr("npm")},
		}},
		{"golang", []string{"Go"}, []rival{
			{"deps.dev", func(a, b string) (int, error) { return depsDev(semver.Go)("v"+a, "v"+b) }}, // OSV leaves out the v
			{"osv-scalibr", scalibr("Go")},
		}},
		{"pypi", []string{"PyPI"}, []rival{
			{"go-pep440-version", parsed(pep440.Parse, pep440.Version.Compare)},
			{"deps.dev", depsDev(semver.PyPI)},
			{"osv-scalibr", scalibr("PyPI")},
		}},
		{"gem", []string{"RubyGems"}, []rival{
			{"go-gem-version", parsed(gem.NewVersion, gem.Version.Compare)},
			{"deps.dev", depsDev(semver.RubyGems)},
			{"osv-scalibr", scalibr("RubyGems")},
		}},
		{"maven", []string{"Bitnami", "Packagist"}, []rival{
			{"go-mvn-version", parsed(mvn.NewVersion, mvn.Version.Compare)},
			{"deps.dev", depsDev(semver.Maven)},
			{"osv-scalibr", scalibr("Maven")},
		}},
		{"composer", []string{"Packagist"}, []rival{
			{"osv-scalibr", scalibr("Packagist")},
		}},
	}
}

// parsed compares by a library that parses first, as all sides have to.
func parsed[V any](parse func(string) (V, error), compare func(V, V) int) func(a, b string) (int, error) {
	return func(a, b string) (int, error) {
		x, err := parse(a)
		if err != nil {
			return 0, err
		}
		y, err := parse(b)
		if err != nil {
			return 0, err
		}
		return compare(x, y), nil
	}
}

func depsDev(system semver.System) func(a, b string) (int, error) {
	return parsed(system.Parse, (*semver.Version).Compare)
}

func scalibr(ecosystem string) func(a, b string) (int, error) {
	return func(a, b string) (int, error) {
		v, err := semantic.Parse(a, ecosystem)
		if err != nil {
			return 0, err
		}
		return v.CompareStr(b)
	}
}

// scheme returns the scheme of the contest, and skips what is not there yet.
func (c contest) find(tb testing.TB) version.Scheme {
	tb.Helper()
	s, err := version.ParseScheme(c.scheme)
	if err != nil {
		tb.Skip(err)
	}
	return s
}

// maxPairs bounds the pairs of a contest.
const maxPairs = 50_000

// pairs returns the neighbours in the list of each package, both of which are
// versions of the scheme. Half of the pairs are in descending order.
func (c contest) pairs(tb testing.TB, s version.Scheme) (pairs [][2]string, refused int) {
	tb.Helper()
	for _, ecosystem := range c.feeds {
		for _, list := range feed(tb, ecosystem) {
			for i := 1; i < len(list); i++ {
				a, b := list[i-1], list[i]
				if i%2 == 0 {
					a, b = b, a
				}
				if _, err := version.Compare(s, a, b); err != nil {
					refused++
					continue
				}
				pairs = append(pairs, [2]string{a, b})
			}
		}
	}
	if step := (len(pairs) + maxPairs - 1) / maxPairs; step > 1 {
		kept := pairs[:0]
		for i := 0; i < len(pairs); i += step {
			kept = append(kept, pairs[i])
		}
		pairs = kept
	}
	return pairs, refused
}

// feed reads the versions in the advisories of an ecosystem, by package.
func feed(tb testing.TB, ecosystem string) [][]string {
	tb.Helper()
	// sharedtest looks beside the module, and this one lies deeper.
	r, err := zip.OpenReader(filepath.Join("..", "..", "..", "shared", "data", "osv", ecosystem, "all.zip"))
	if errors.Is(err, fs.ErrNotExist) {
		tb.Skipf("no test material beside the project: %v", err)
	}
	if err != nil {
		tb.Fatal(err)
	}
	defer r.Close()
	packages := map[string]map[string]bool{}
	for _, f := range r.File {
		if err := readRecord(f, packages); err != nil {
			tb.Fatal(f.Name, err)
		}
	}
	var lists [][]string
	for _, name := range slices.Sorted(maps.Keys(packages)) {
		lists = append(lists, slices.Sorted(maps.Keys(packages[name])))
	}
	return lists
}

func readRecord(f *zip.File, packages map[string]map[string]bool) error {
	r, err := f.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, 4<<20))
	if err != nil {
		return err
	}
	var record struct {
		Affected []struct {
			Package  struct{ Name string }
			Versions []string
			Ranges   []struct {
				Type   string
				Events []map[string]string
			}
		}
	}
	if err := json.Unmarshal(data, &record); err != nil {
		return err
	}
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
			if r.Type == "GIT" {
				continue
			}
			for _, event := range r.Events {
				for _, v := range event {
					versions[v] = true
				}
			}
		}
	}
	return nil
}

// TestAgree counts disagreements. None is an error: see the package's comment.
func TestAgree(t *testing.T) {
	for _, c := range contests() {
		t.Run(c.scheme, func(t *testing.T) {
			s := c.find(t)
			pairs, refused := c.pairs(t, s)
			t.Logf("%d pairs, %d more that imagevet refuses", len(pairs), refused)
			for _, r := range c.rivals {
				disagreed, rejected := 0, 0
				var examples []string
				for _, pair := range pairs {
					want, err := version.Compare(s, pair[0], pair[1])
					if err != nil {
						t.Fatal(err)
					}
					got, err := safely(r.compare, pair[0], pair[1])
					switch {
					case err != nil:
						rejected++
					case sign(got) != want:
						disagreed++
						if len(examples) < 5 {
							examples = append(examples, fmt.Sprintf("%q and %q: %d, imagevet %d", pair[0], pair[1], sign(got), want))
						}
					}
				}
				sort.Strings(examples)
				t.Logf("%-18s %6d disagreements, %6d pairs refused %v", r.name, disagreed, rejected, examples)
			}
		})
	}
}

// safely turns a panic of a library into an error.
func safely(compare func(a, b string) (int, error), a, b string) (c int, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return compare(a, b)
}

func sign(n int) int { return min(max(n, -1), 1) }

// BenchmarkCompare compares all pairs that every side understands. ns/pair is
// what to look at.
func BenchmarkCompare(b *testing.B) {
	for _, c := range contests() {
		b.Run(c.scheme, func(b *testing.B) {
			s := c.find(b)
			all, _ := c.pairs(b, s)
			var pairs [][2]string
			for _, pair := range all {
				if !slices.ContainsFunc(c.rivals, func(r rival) bool {
					_, err := safely(r.compare, pair[0], pair[1])
					return err != nil
				}) {
					pairs = append(pairs, pair)
				}
			}
			if len(pairs) == 0 {
				b.Skip("no pair that all understand")
			}
			ours := rival{"imagevet", func(x, y string) (int, error) { return version.Compare(s, x, y) }}
			for _, r := range append([]rival{ours}, c.rivals...) {
				b.Run(r.name, func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						for _, pair := range pairs {
							if _, err := r.compare(pair[0], pair[1]); err != nil {
								b.Fatal(err)
							}
						}
					}
					b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(pairs)), "ns/pair")
				})
			}
		})
	}
}
