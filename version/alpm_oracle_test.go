//go:build oracle

package version_test

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/version"
)

// alpmLoop asks libalpm, the library of pacman, about lines of two versions.
// The command vercmp calls the same function, but takes a process for each
// pair, and Debian does not install it.
const alpmLoop = `
import ctypes, sys
alpm = ctypes.CDLL("libalpm.so.13")
for line in sys.stdin.buffer:
    a, b = line.rstrip(b"\n").split(b"\t")
    print(alpm.alpm_pkg_vercmp(a, b))
`

// TestOracleALPM compares Compare with pacman, and then Satisfies, for which
// pacman does nothing but compare.
func TestOracleALPM(t *testing.T) {
	needTool(t, "/usr/bin/python3", "-c", `import ctypes; ctypes.CDLL("libalpm.so.13")`)
	words := strings.Fields("0 1 9 10 00 20240101 18446744073709551616 . . .. _ + : ~ - -1 -2 a b A rc alpha git 0: 1:")
	// There are no advisories of Arch Linux: its versions look most like
	// those of these two.
	pairs := oraclePairs(t, words, "Alpine", "Azure Linux")
	cmd := exec.Command("/usr/bin/python3", "-c", alpmLoop)
	cmd.Stdin = bytes.NewReader(joinPairs(pairs))
	out, err := cmd.Output()
	require.NoError(t, err)

	rules := map[string]func(a, b string) bool{"separators at the end": func(a, b string) bool {
		return endsWithSeparator(a) || endsWithSeparator(b)
	}}
	var rows []string
	for answer := range strings.FieldsSeq(string(out)) {
		rows = append(rows, map[string]string{"-1": "11000", "0": "01110", "1": "00011"}[answer])
	}
	checkSatisfied(t, version.ALPM, pairs, []byte(strings.Join(rows, "\n")), rules)

	rules["pkgrel on one side only"] = func(a, b string) bool {
		return strings.Contains(a, "-") != strings.Contains(b, "-")
	}
	checkAnswers(t, version.ALPM, pairs, out, rules)
}

// endsWithSeparator reports whether the version without the pkgrel, or the
// pkgrel, ends with what is no letter or digit.
func endsWithSeparator(v string) bool {
	parts, release := splitRPM(v)
	for _, part := range []string{parts[1], strings.TrimPrefix(release, "-")} {
		if part != "" && !alpmRun.MatchString(part[len(part)-1:]) {
			return true
		}
	}
	return false
}
