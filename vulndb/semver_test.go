package vulndb_test

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// The tests below compare the answers for every package that real advisories
// name, in each version that they mention and in its neighbours, with plain
// loops over the records. The orders of versions here are written a second
// time, after their specifications, and share nothing with package version.

// semverOrder is https://semver.org/#spec-item-11.
func semverOrder(tb testing.TB) compareFunc {
	number := func(s string) int {
		n, err := strconv.Atoi(s)
		require.NoError(tb, err, s)
		return n
	}
	digits := regexp.MustCompile(`^\d+$`)
	identifier := func(a, b string) int {
		switch x, y := digits.MatchString(a), digits.MatchString(b); {
		case x && y:
			return cmp.Compare(number(a), number(b))
		case x:
			return -1
		case y:
			return +1
		}
		return strings.Compare(a, b)
	}
	return func(a, b string) int {
		a, _, _ = strings.Cut(a, "+")
		b, _, _ = strings.Cut(b, "+")
		coreA, preA, isPreA := strings.Cut(a, "-")
		coreB, preB, isPreB := strings.Cut(b, "-")
		x, y := strings.Split(coreA, "."), strings.Split(coreB, ".")
		require.Len(tb, x, 3, a)
		require.Len(tb, y, 3, b)
		for i := range x {
			if c := cmp.Compare(number(x[i]), number(y[i])); c != 0 {
				return c
			}
		}
		switch {
		case isPreA && isPreB:
			return slices.CompareFunc(strings.Split(preA, "."), strings.Split(preB, "."), identifier)
		case isPreA:
			return -1
		case isPreB:
			return +1
		}
		return 0
	}
}

// composerForm are the versions that Composer's documentation tells of, see
// https://getcomposer.org/doc/04-schema.md#version.
var composerForm = regexp.MustCompile(`^(?i)v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:\.(\d+))?(?:[-._]?(alpha|a|beta|b|rc|patch|pl|p)[-.]?(\d*))?([-.]dev)?$`)

// composerOrder: four numbers, then what is less stable is lower, a patch
// higher, and each number after it counts.
func composerOrder(tb testing.TB) compareFunc {
	known := map[string][7]int{}
	key := func(v string) [7]int {
		if k, ok := known[v]; ok {
			return k
		}
		m := composerForm.FindStringSubmatch(v)
		require.NotNil(tb, m, v)
		var k [7]int
		for i := range 4 {
			k[i], _ = strconv.Atoi(m[i+1])
		}
		switch strings.ToLower(m[5]) {
		case "alpha", "a":
			k[4] = -3
		case "beta", "b":
			k[4] = -2
		case "rc":
			k[4] = -1
		case "patch", "pl", "p":
			k[4] = +1
		}
		k[5] = -1 // none is below 0
		if m[6] != "" {
			k[5], _ = strconv.Atoi(m[6])
		}
		if m[7] != "" { // before all that it leads to
			if k[6] = -1; m[5] == "" {
				k[4] = -4
			}
		}
		known[v] = k
		return k
	}
	return func(a, b string) int {
		x, y := key(a), key(b)
		return slices.Compare(x[:], y[:])
	}
}

// nearSemver returns a version and what is close to it.
func nearSemver(v string) []string {
	core, pre, isPre := strings.Cut(v, "-")
	out := []string{v, core, core + "-0", core + "-alpha.1", core + "-zz", core + "+build.5"}
	if isPre {
		out = append(out, v+".0", v+"0", core+"-"+strings.Split(pre, ".")[0])
	}
	return append(out, stepped(core)...)
}

// nearComposer returns a version and what is close to it.
func nearComposer(v string) []string {
	core := regexp.MustCompile(`^v?[\d.]+`).FindString(v)
	out := []string{v, "v" + core, core + "-dev", core + "-alpha", core + "-alpha2", core + "-beta1", core + "-RC1", core + "-p1", core + "-p2"}
	if strings.Count(core, ".") < 3 {
		out = append(out, core+".0", core+".1")
	}
	return append(out, stepped(core)...)
}

// stepped returns a version with each of its numbers one lower and one higher.
func stepped(core string) []string {
	var out []string
	numbers := strings.Split(core, ".")
	for i := range numbers {
		for _, step := range []int{-1, +1} {
			if n, _ := strconv.Atoi(numbers[i]); n+step >= 0 {
				next := slices.Clone(numbers)
				next[i] = strconv.Itoa(n + step)
				out = append(out, strings.Join(next, "."))
			}
		}
	}
	return out
}

// everyVersion compares the database with the records in the versions near to
// those that the records name, of one package in every step unless -full is
// given. pkg makes a package of a name.
func everyVersion(t *testing.T, ecosystem string, step int, compare compareFunc, near func(string) []string, pkg func(name string) inventory.Package) {
	if *full {
		step = 1
	}
	path, records := realRecords(t, 1, ecosystem)
	db := buildFile(t, path)
	byName := map[string][]*refRecord{}
	versions := map[string]map[string]bool{}
	words := map[string]string{} // of advisories on no flaw
	for _, r := range records {
		for _, a := range r.Affected {
			name := a.Package.Name
			words[r.ID] = a.Database.Informational
			if versions[name] == nil {
				versions[name] = map[string]bool{}
			}
			if !slices.Contains(byName[name], r) {
				byName[name] = append(byName[name], r)
			}
			for _, rng := range a.Ranges {
				for _, e := range rng.Events {
					for _, v := range e {
						if v != "0" && rng.Type != "GIT" {
							for _, v := range near(v) {
								versions[name][v] = true
							}
						}
					}
				}
			}
		}
	}
	var pkgs []inventory.Package
	var want []string
	verdicts, findings := 0, 0
	names := sortedKeys(versions)
	for i := 0; i < len(names); i += step {
		name := names[i]
		for _, v := range sortedKeys(versions[name]) {
			p := pkg(name)
			p.Version = v
			var said []string
			for _, r := range byName[name] {
				verdicts++
				if in, _ := r.affects(ecosystem, name, v, compare); in && r.Withdrawn == "" {
					said = append(said, r.ID)
					findings++
				}
			}
			slices.Sort(said)
			pkgs, want = append(pkgs, p), append(want, strings.Join(said, " "))
		}
	}
	result := match(t, db, inventory.OS{}, pkgs...)
	assert.Empty(t, result.Problems)
	got := make([][]string, len(pkgs))
	for _, m := range result.Matches {
		if len(m.Other) == 0 {
			assert.Equal(t, words[m.Evidence.Advisory], m.Informational, m.Evidence.Advisory)
		}
		for _, e := range append(m.Other, m.Evidence) {
			if !slices.Contains(got[m.Package], e.Advisory) { // several CVEs of one
				got[m.Package] = append(got[m.Package], e.Advisory)
			}
		}
	}
	equal := 0
	for i := range pkgs {
		slices.Sort(got[i])
		if text := strings.Join(got[i], " "); text == want[i] {
			equal++
		} else if i-equal < 10 {
			assert.Failf(t, "answers differ", "%s %s:\nwant %s\ngot  %s", pkgs[i].Name, pkgs[i].Version, want[i], text)
		}
	}
	t.Logf("%s: equal for %d of %d versions of %d packages; %d findings of %d comparisons", ecosystem, equal, len(pkgs), (len(names)+step-1)/step, findings, verdicts)
	assert.Equal(t, len(pkgs), equal)
	assert.Greater(t, findings, 1000)
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func TestMatchRealCrates(t *testing.T) {
	everyVersion(t, "crates.io", 4, semverOrder(t), nearSemver, func(name string) inventory.Package {
		return inventory.Package{Type: "cargo", Name: name}
	})
}

// Composer tells no upper from lower case in names.
func TestMatchRealPackagist(t *testing.T) {
	n := 0
	everyVersion(t, "Packagist", 7, composerOrder(t), nearComposer, func(name string) inventory.Package {
		vendor, project, ok := strings.Cut(name, "/")
		require.True(t, ok, name)
		if n++; n%2 == 0 {
			vendor, project = strings.ToUpper(vendor), strings.ToUpper(project)
		}
		return inventory.Package{Type: "composer", Namespace: vendor, Name: project}
	})
}

// The orders that the tests rest on, by the examples of their specifications.
func TestReferenceOrders(t *testing.T) {
	for _, tt := range []struct {
		order    compareFunc
		versions string // ascending
	}{
		{semverOrder(t), "1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0 2.0.0 2.1.0 2.1.1"},
		{composerOrder(t), "1.0-dev 1.0-alpha 1.0-alpha2 1.0-beta1 1.0-RC1 1.0 1.0-p1 1.0-p2 1.0.1 1.0.2 1.1 v2.0"},
	} {
		list := strings.Fields(tt.versions)
		for i := range list {
			for j := range list {
				assert.Equal(t, cmp.Compare(i, j), tt.order(list[i], list[j]), fmt.Sprint(list[i], " ", list[j]))
			}
		}
	}
}
