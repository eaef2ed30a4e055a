package version_test

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/version"
)

// A pair takes dpkg one to two milliseconds.
var dpkgPairs = flag.Int("dpkg.pairs", 500, "the number of pairs of versions that each test compares with dpkg, 0 for all")

// dpkgLoop asks dpkg about lines of "a|operator|b" on its standard input and
// prints the exit status for each: 0 yes, 1 no, 2 not a version.
const dpkgLoop = `while IFS='|' read -r a op b; do dpkg --compare-versions " $a" "$op" " $b" 2>/dev/null; echo $?; done`

// checkDpkg checks that dpkg agrees with Compare about each pair. dpkg gets
// versions with a blank before, lest one looks like an option. If most is not
// 0, it is asked about a sample of that many.
func checkDpkg(t *testing.T, pairs [][2]string, most int) {
	t.Helper()
	if _, err := exec.LookPath("dpkg"); err != nil {
		t.Skipf("no dpkg to compare with: %v", err)
	}
	if n := most; n > 0 && n < len(pairs) {
		random := rand.New(rand.NewPCG(1, 2))
		random.Shuffle(len(pairs), func(i, j int) { pairs[i], pairs[j] = pairs[j], pairs[i] })
		pairs = pairs[:n]
	}
	var questions bytes.Buffer
	want := make([]string, len(pairs))
	for i, pair := range pairs {
		cmp, err := version.Compare(version.Deb, pair[0], pair[1])
		op := [...]string{"lt", "eq", "gt"}[cmp+1]
		want[i] = "0"
		if perr := (*version.ParseError)(nil); errors.As(err, &perr) {
			want[i] = "2"
		}
		fmt.Fprintf(&questions, "%s|%s|%s\n", pair[0], op, pair[1])
	}
	cmd := exec.Command("sh", "-c", dpkgLoop)
	cmd.Stdin = &questions
	answers, err := cmd.Output()
	require.NoError(t, err)
	scanner := bufio.NewScanner(bytes.NewReader(answers))
	for i, pair := range pairs {
		require.True(t, scanner.Scan(), "an answer for each pair")
		cmp, err := version.Compare(version.Deb, pair[0], pair[1])
		assert.Equalf(t, want[i], scanner.Text(), "dpkg's exit status for Compare(deb, %q, %q) = %d, %v", pair[0], pair[1], cmp, err)
	}
	t.Logf("%d pairs", len(pairs))
}

// TestDpkg compares all pairs of the order test and of texts that are
// versions only in part.
func TestDpkg(t *testing.T) {
	versions := []string{
		"1 0", ":1", "a:1", "1a:1", "0x1:1", "+:1", "1-1:1", "-1:1", "2147483648:1", "99999999999999999999999:1",
		"1:", "1.0-", "1.0-1-", "-1", "1:-1", "--", "~", "1:2:3-4", "1-2-3", "1~~a", "1~~", "1-~~", "a-b-c1",
	}
	for _, row := range debOrder() {
		for _, v := range row {
			// Lines are the unit of the conversation, and the order of
			// bytes beyond ASCII depends on the machine.
			if !strings.ContainsAny(v, "\n\r|") && (runtime.GOARCH == "amd64" || isASCII(v)) {
				versions = append(versions, v)
			}
		}
	}
	var pairs [][2]string
	for _, a := range versions {
		for _, b := range versions {
			pairs = append(pairs, [2]string{a, b})
		}
	}
	checkDpkg(t, pairs, *dpkgPairs)
}

// TestDpkgFeeds compares neighbouring versions of the packages of real
// advisories.
func TestDpkgFeeds(t *testing.T) {
	tests := []struct {
		ecosystem string
		part      int // read one in so many advisories
	}{
		{"Debian", 4},
		{"Debian-changelog", 16},
	}
	for _, tt := range tests {
		t.Run(tt.ecosystem, func(t *testing.T) {
			lists := feed(t, tt.ecosystem, tt.part)
			keys := map[string][]byte{}
			var pairs [][2]string
			for _, list := range lists {
				for _, v := range list {
					keys[v] = mustKey(t, version.Deb, v)
				}
				sortByKey(list, keys)
				for i := 1; i < len(list); i++ {
					pairs = append(pairs, [2]string{list[i-1], list[i]})
				}
			}
			checkDpkg(t, pairs, *dpkgPairs)
		})
	}
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
