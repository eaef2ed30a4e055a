//go:build oracle

package version_test

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/version"
)

// pythonOracle answers lines of tab-separated questions with Python's
// packaging: "compare", a, b or "contains", version, operator, version. It
// puts legacy versions in order with the copy of packaging 21 inside pip and
// answers "?" where there is none.
//
// Two defects of packaging 23 are avoided. It takes the text after "~=" apart
// without reading it as a version, so that "~=1.2.rc1" asks for 1.2 and
// "~=1.2rc1" for 1: it is given the normal form. And it does not see an epoch
// before a wildcard, so that "==1!1.0.*" leaves out 1!1.0: it is asked
// without the epoch if both have the same.
const pythonOracle = `
import sys
from packaging.version import Version, InvalidVersion
from packaging.specifiers import SpecifierSet, InvalidSpecifier
try:
    from pip._vendor.packaging.version import LegacyVersion
except ImportError:
    LegacyVersion = None

def rank(v):
    try:
        return 1, Version(v)
    except InvalidVersion:
        return 0, LegacyVersion and LegacyVersion(v.strip())

def compare(a, b):
    a, b = rank(a), rank(b)
    if a[0] != b[0]:
        return (a[0] > b[0]) - (a[0] < b[0])
    if a[1] is None or b[1] is None:
        return "?"
    return (a[1] > b[1]) - (a[1] < b[1])

def split(v):
    v = Version(v)
    return v.epoch, str(v).split("!")[-1]

def contains(v, op, text):
    try:
        SpecifierSet(op + text)
    except InvalidSpecifier:
        return "invalid"
    text = text.strip()
    wildcard = op in ("==", "!=") and text.endswith(".*")
    if wildcard or op == "~=":
        epoch, v = split(v)
        wanted, text = split(text[:-2] if wildcard else text)
        if epoch != wanted:
            return int(op == "!=")
        text += ".*" if wildcard else ""
    return int(SpecifierSet(op + text).contains(v, prereleases=True))

for line in sys.stdin:
    what, *args = line.rstrip("\n").split("\t")
    print(compare(*args) if what == "compare" else contains(*args))
`

func pypiPieces() []string {
	return strings.Split("0 00 1 2 10 .0 .0.0 .1 . - _ + ! v V 1! 0! a b c rc alpha Beta PRE preview post rev r dev .dev .post1 -1 +1 +a.2 +A-b _3 a1 rc0 .* x final d ~ @ m -final git svn 007 99999999", " ")
}

func TestPyPIOracle(t *testing.T) {
	python := interpreter(t, "/usr/bin/python3", "-c", "import packaging.specifiers")
	random := rand.New(rand.NewPCG(5, 6))
	versions := mutatedVersions(feed(t, "PyPI", 1), pypiPieces(), random)
	pairs := packagePairs(versions, random, 120000)
	var questions []string
	for _, p := range pairs {
		questions = append(questions, "compare\t"+p[0]+"\t"+p[1])
	}
	answers := askInterpreter(t, questions, python, "-c", pythonOracle)
	asked := 0
	for i, p := range pairs {
		if answers[i] == "?" || hasLongLegacyNumber(p[0], p[1]) {
			continue
		}
		asked++
		got, err := version.Compare(version.PyPI, p[0], p[1])
		require.NoErrorf(t, err, "Compare(pypi, %q, %q)", p[0], p[1])
		assert.Equalf(t, answers[i], fmt.Sprint(got), "packaging's order and Compare(pypi, %q, %q)", p[0], p[1])
	}
	t.Logf("%d pairs", asked)
	assert.Greater(t, asked, 100000)
}

// hasLongLegacyNumber reports whether two legacy versions have a number of
// more than 8 digits, which packaging 21 compares as text.
func hasLongLegacyNumber(a, b string) bool {
	long := func(v string) bool {
		digits := 0
		for i := range len(v) {
			if digits++; v[i] < '0' || v[i] > '9' {
				digits = 0
			}
			if digits > 8 {
				return true
			}
		}
		return false
	}
	return isLegacyPyPI(a) && isLegacyPyPI(b) && (long(a) || long(b))
}

// isLegacyPyPI reports whether v is a legacy version: only the least version
// of PEP 440 tells.
func isLegacyPyPI(v string) bool {
	cmp, err := version.Compare(version.PyPI, v, "0.dev0")
	return err == nil && cmp < 0
}

func TestPyPISpecifierOracle(t *testing.T) {
	python := interpreter(t, "/usr/bin/python3", "-c", "import packaging.specifiers")
	random := rand.New(rand.NewPCG(7, 8))
	versions := mutatedVersions(feed(t, "PyPI", 1), pypiPieces(), random)
	ops := strings.Split("~= == != <= >= < > === ==* !=*", " ")
	var pairs [][2]string
	var questions []string
	for _, p := range packagePairs(versions, random, 400000) {
		if isLegacyPyPI(p[0]) || len(pairs) == 200000 {
			continue // refused by packaging; we let them meet only "==="
		}
		if isLegacyPyPI(p[1]) && random.IntN(10) > 0 {
			continue // almost always an error
		}
		op, wildcard := strings.CutSuffix(ops[random.IntN(len(ops))], "*")
		if wildcard {
			numbers := strings.TrimLeft(p[1], "0123456789.!")
			p[1] = p[1][:len(p[1])-len(numbers)] + ".*"
			if random.IntN(10) == 0 {
				p[1] += numbers
			}
		}
		pairs = append(pairs, [2]string{p[0], op + p[1]})
		questions = append(questions, "contains\t"+p[0]+"\t"+op+"\t"+p[1])
	}
	answers := askInterpreter(t, questions, python, "-c", pythonOracle)
	counts := map[string]int{}
	for i, p := range pairs {
		ok, err := version.Satisfies(version.PyPI, p[0], p[1])
		got := "0"
		if err != nil {
			got = "invalid"
		} else if ok {
			got = "1"
		}
		counts[got]++
		assert.Equalf(t, answers[i], got, "packaging's answer and Satisfies(pypi, %q, %q) = %v", p[0], p[1], err)
	}
	t.Logf("%d pairs: %v", len(pairs), counts)
	assert.Greater(t, len(pairs), 100000)
}

// interpreter returns the path of a tool that can run with the arguments, and
// skips the test if there is none.
func interpreter(t *testing.T, tool string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(tool)
	if err == nil {
		err = exec.Command(path, args...).Run()
	}
	if err != nil {
		t.Skipf("no %s to compare with, see testdata/oracles.sh: %v", tool, err)
	}
	return path
}

// askInterpreter writes the questions to one process, a line each, and returns
// its answers, a line each.
func askInterpreter(t *testing.T, questions []string, command string, args ...string) []string {
	t.Helper()
	cmd := exec.Command(command, args...)
	cmd.Stdin = strings.NewReader(strings.Join(questions, "\n") + "\n")
	var problems strings.Builder
	cmd.Stderr = &problems
	out, err := cmd.Output()
	require.NoErrorf(t, err, "%s: %s", command, problems.String())
	answers := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	require.Len(t, answers, len(questions), "an answer for each question")
	return answers
}

// mutatedVersions returns real versions, as lists of packages, of which each
// is followed by mutations of it.
func mutatedVersions(lists [][]string, pieces []string, random *rand.Rand) [][]string {
	var all [][]string
	for _, list := range lists {
		var versions []string
		for _, v := range list {
			versions = append(versions, v)
			for range 3 {
				v = mutateVersion(v, list[random.IntN(len(list))], pieces, random)
				if v != "" && len(v) < 60 && !strings.ContainsAny(v, "\t\r\n") {
					versions = append(versions, v)
				}
			}
		}
		all = append(all, versions)
	}
	return all
}

// mutateVersion changes a version in one place.
func mutateVersion(v, other string, pieces []string, random *rand.Rand) string {
	i := random.IntN(len(v) + 1)
	switch piece := pieces[random.IntN(len(pieces))]; random.IntN(6) {
	case 0: // leave something out
		return v[:i] + v[min(i+1, len(v)):]
	case 1:
		return v[:i] + piece + v[i:]
	case 2:
		return v[:i] + piece
	case 3:
		return v + piece
	case 4:
		return piece + v
	default: // the beginning of one and the end of another
		return v[:i] + other[min(i, len(other)):]
	}
}

// packagePairs returns n pairs, most of them within a package, and of versions
// that stand close to each other there.
func packagePairs(versions [][]string, random *rand.Rand, n int) [][2]string {
	var pairs [][2]string
	all := slices.Concat(versions...)
	for len(pairs) < n {
		list := versions[random.IntN(len(versions))]
		i := random.IntN(len(list))
		b := list[max(0, min(len(list)-1, i+random.IntN(9)-4))]
		if random.IntN(10) == 0 {
			b = all[random.IntN(len(all))]
		}
		pairs = append(pairs, [2]string{list[i], b})
	}
	return pairs
}
