//go:build oracle

package version_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/version"
)

// rpmLoop reads pairs of versions from a file and writes what rpm says. What
// "print" writes is kept until the end of the macro, so it is not used.
const rpmLoop = `%%{lua: for line in io.lines(%q) do
	local a, b = line:match("^(.-)\t(.*)$")
	io.stdout:write(rpm.vercmp(a, b), "\n")
end}`

// TestOracleRPM compares Compare with rpm.
func TestOracleRPM(t *testing.T) {
	needTool(t, "rpm")
	pairs := oraclePairs(t, rpmWords, rpmFeeds...)
	path := filepath.Join(t.TempDir(), "pairs")
	require.NoError(t, os.WriteFile(path, joinPairs(pairs), 0o600))
	out, err := exec.Command("rpm", "--eval", fmt.Sprintf(rpmLoop, path)).Output()
	require.NoError(t, err)
	checkAnswers(t, version.RPM, pairs, out, nil)
}

// rpmOverlap asks librpm whether a package that provides a = <version> meets
// a dependency: lines of version, number of the operator and version.
const rpmOverlap = `
import ctypes, sys
rpm = ctypes.CDLL("librpm.so.9")
rpm.rpmdsSingle.restype = ctypes.c_void_p
rpm.rpmdsSingle.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int]
rpm.rpmdsCompare.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
rpm.rpmdsFree.argtypes = [ctypes.c_void_p]
PROVIDENAME, LESS, GREATER, EQUAL = 1047, 2, 4, 8
flags = [LESS, LESS | EQUAL, EQUAL, EQUAL | GREATER, GREATER]
for line in sys.stdin.buffer:
    v, w = line.rstrip(b"\n").split(b"\t")
    a = rpm.rpmdsSingle(PROVIDENAME, b"a", v, EQUAL)
    row = ""
    for f in flags:
        b = rpm.rpmdsSingle(PROVIDENAME, b"a", w, f)
        row += str(rpm.rpmdsCompare(a, b))
        rpm.rpmdsFree(b)
    rpm.rpmdsFree(a)
    print(row)
`

// TestOracleRPMSatisfies compares Satisfies with rpm.
func TestOracleRPMSatisfies(t *testing.T) {
	needTool(t, "/usr/bin/python3", "-c", `import ctypes; ctypes.CDLL("librpm.so.9")`)
	pairs := oraclePairs(t, rpmWords, rpmFeeds...)
	cmd := exec.Command("/usr/bin/python3", "-c", rpmOverlap)
	cmd.Stdin = bytes.NewReader(joinPairs(pairs))
	out, err := cmd.Output()
	require.NoError(t, err)
	checkSatisfied(t, version.RPM, pairs, out, nil)
}

// rpmWords are what versions of rpm are mutated with.
var (
	rpmWords = strings.Fields("0 1 9 10 00 20240101 18446744073709551616 . .. - _ + : ~ ^ a b A rc git el8 .el9_4 0: 1: - ~rc1 ^git1 é")
	rpmFeeds = []string{"AlmaLinux", "Azure Linux"}
)

// needTool skips the test if a command is not there, or does not succeed.
func needTool(t *testing.T, name string, arg ...string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("no oracle, see testdata/oracles.sh: %v", err)
	}
	if len(arg) > 0 {
		if out, err := exec.Command(name, arg...).CombinedOutput(); err != nil {
			t.Skipf("no oracle, see testdata/oracles.sh: %v: %s", err, out)
		}
	}
}

// oracleSize is the number of pairs of versions that are compared.
const oracleSize = 150_000

// oraclePairs returns pairs of real versions of the same package or of any
// two, and of mutations of them.
func oraclePairs(t *testing.T, words []string, ecosystems ...string) [][2]string {
	t.Helper()
	var lists [][]string
	for _, ecosystem := range ecosystems {
		for _, list := range feed(t, ecosystem, 1) {
			var kept []string
			for _, v := range list {
				if v != "" && !strings.ContainsAny(v, "\t\n\r\x00 ,<=>") {
					kept = append(kept, v)
				}
			}
			if len(kept) > 0 {
				lists = append(lists, kept)
			}
		}
	}
	random := rand.New(rand.NewPCG(5, 6))
	mutate := func(v string) string {
		for range 1 + random.IntN(3) {
			i := random.IntN(len(v) + 1)
			j := min(len(v), i+random.IntN(3))
			switch random.IntN(4) {
			case 0:
				v = v[:i] + v[j:]
			case 1:
				v = v[:i]
			default:
				v = v[:i] + words[random.IntN(len(words))] + v[j:]
			}
		}
		if v == "" || strings.ToValidUTF8(v, "") != v {
			return "0"
		}
		return v
	}
	pairs := make([][2]string, 0, oracleSize)
	for len(pairs) < oracleSize {
		list := lists[random.IntN(len(lists))]
		other := list
		if random.IntN(4) == 0 {
			other = lists[random.IntN(len(lists))]
		}
		a, b := list[random.IntN(len(list))], other[random.IntN(len(other))]
		switch random.IntN(4) {
		case 0:
		case 1:
			b = mutate(a)
		case 2:
			a, b = mutate(a), mutate(a)
		default:
			a, b = mutate(a), mutate(b)
		}
		pairs = append(pairs, [2]string{a, b})
	}
	return pairs
}

// joinPairs writes a pair a line, parted by a tab.
func joinPairs(pairs [][2]string) []byte {
	var out bytes.Buffer
	for _, pair := range pairs {
		fmt.Fprintf(&out, "%s\t%s\n", pair[0], pair[1])
	}
	return out.Bytes()
}

// checkAnswers checks that Compare gives the answers of a tool, a line for
// each pair: a number with the sign of the result. Rules name the pairs in
// which they are known to differ.
func checkAnswers(t *testing.T, s version.Scheme, pairs [][2]string, answers []byte, rules map[string]func(a, b string) bool) {
	t.Helper()
	lines := strings.Fields(string(answers))
	require.Len(t, lines, len(pairs))
	counts := map[string]int{}
	for i, pair := range pairs {
		got, err := version.Compare(s, pair[0], pair[1])
		require.NoErrorf(t, err, "Compare(%v, %q, %q)", s, pair[0], pair[1])
		checkAnswer(t, s, pair, "", fmt.Sprint(got), lines[i], rules, counts)
	}
	t.Logf("%d pairs; disagreements by rule: %v", len(pairs), counts)
}

// checkSatisfied checks that Satisfies gives the answers of a tool: a line for
// each pair with a digit 0 or 1 for "<", "<=", "=", ">=" and ">".
func checkSatisfied(t *testing.T, s version.Scheme, pairs [][2]string, answers []byte, rules map[string]func(a, b string) bool) {
	t.Helper()
	lines := strings.Fields(string(answers))
	require.Len(t, lines, len(pairs))
	counts := map[string]int{}
	for i, pair := range pairs {
		require.Len(t, lines[i], 5)
		for j, op := range []string{"<", "<=", "=", ">=", ">"} {
			ok, err := version.Satisfies(s, pair[0], op+" "+pair[1])
			require.NoErrorf(t, err, "Satisfies(%v, %q, %q)", s, pair[0], op+" "+pair[1])
			got := "0"
			if ok {
				got = "1"
			}
			checkAnswer(t, s, pair, op, got, lines[i][j:j+1], rules, counts)
		}
	}
	t.Logf("%d pairs, 5 operators; disagreements by rule: %v", len(pairs), counts)
}

func checkAnswer(t *testing.T, s version.Scheme, pair [2]string, op, got, want string, rules map[string]func(a, b string) bool, counts map[string]int) {
	t.Helper()
	if got == want {
		return
	}
	for name, differ := range rules {
		if differ(pair[0], pair[1]) {
			counts[name]++
			return
		}
	}
	assert.Equalf(t, want, got, "the tool's answer for %v: %q %s %q", s, pair[0], op, pair[1])
}
