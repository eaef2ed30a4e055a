//go:build oracle

package version_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/version"
)

// composerProgram answers lines of "c", version, version with the comparison
// and lines of "s", version, constraint with 1 or 0; "error" if something is
// malformed.
const composerProgram = `
require "/usr/share/php/Composer/Semver/autoload.php";
$parser = new Composer\Semver\VersionParser();
while (($line = fgets(STDIN)) !== false) {
	$p = explode("\t", rtrim($line, "\n"));
	try {
		$a = $parser->normalize($p[1]);
		if ($p[0] === "s") {
			echo (int) Composer\Semver\Semver::satisfies($p[1], $p[2]), "\n";
			continue;
		}
		$b = $parser->normalize($p[2]);
		if (strpos($a, "dev-") === 0 || strpos($b, "dev-") === 0) {
			echo "branch\n";
			continue;
		}
		echo (int) Composer\Semver\Comparator::greaterThan($a, $b) - (int) Composer\Semver\Comparator::lessThan($a, $b), "\n";
	} catch (Exception $e) {
		echo "error\n";
	}
}
`

func askComposer(t *testing.T, lines []string) []string {
	t.Helper()
	php, err := exec.LookPath("php")
	if err != nil {
		t.Skipf("no php to compare with: %v", err)
	}
	if _, err := os.Stat("/usr/share/php/Composer/Semver/autoload.php"); err != nil {
		t.Skipf("no composer/semver to compare with: %v", err)
	}
	cmd := exec.Command(php, "-r", composerProgram)
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	require.NoError(t, err)
	answers := strings.Split(string(bytes.TrimSuffix(out, []byte("\n"))), "\n")
	require.Len(t, answers, len(lines))
	return answers
}

// The rules by which this package departs from composer/semver, see the
// comments in composer.go.
var (
	composerAlias  = regexp.MustCompile(` as `)
	composerCased  = regexp.MustCompile(`(?i)stable`)  // "1.0-Stable", which is below all there
	composerHyphen = regexp.MustCompile(`[, ]-|-[, ]`) // "dev-a,-b", one branch there and an error here
	composerLong   = regexp.MustCompile(`[0-9]{19,}`)
)

func composerExcused(texts ...string) string {
	for _, text := range texts {
		switch {
		case composerAlias.MatchString(text):
			return "alias"
		case composerLong.MatchString(text):
			return "beyond 64 bits"
		case composerCased.MatchString(text) && !strings.Contains(text, "stable"):
			return "stable in upper case"
		}
	}
	return ""
}

func composerMutate(random *rand.Rand, v string) string {
	pieces := strings.Split("0 1 2 10 01 . . - - _ + : .0 .1 -dev dev alpha -beta2 b1 a1 RC rc3 -p1 pl patch stable @dev @beta x .x * .x-dev v # 20100102", " ")
	for range random.IntN(4) {
		i := random.IntN(len(v) + 1)
		j := min(len(v), i+random.IntN(3))
		v = v[:i] + pieces[random.IntN(len(pieces))] + v[j:]
		if random.IntN(4) == 0 {
			v = v[:min(len(v), 1+random.IntN(8))]
		}
	}
	return v
}

func composerOracleVersions(t *testing.T) []string {
	seen := map[string]bool{}
	var versions []string
	for _, list := range feed(t, "Packagist", 1) {
		for _, v := range list {
			if v != "" && !seen[v] && isASCII(v) && !strings.ContainsAny(v, "\t\n\r") {
				seen[v] = true
				versions = append(versions, v)
			}
		}
	}
	return versions
}

func TestComposerOracle(t *testing.T) {
	real := composerOracleVersions(t)
	random := rand.New(rand.NewPCG(5, 6))
	var lines []string
	var pairs [][2]string
	for len(pairs) < 300000 {
		a, b := real[random.IntN(len(real))], real[random.IntN(len(real))]
		if random.IntN(4) != 0 {
			b = composerMutate(random, a)
		}
		if random.IntN(3) == 0 {
			a = composerMutate(random, a)
		}
		if strings.TrimSpace(a) == "" || strings.TrimSpace(b) == "" {
			continue
		}
		pairs = append(pairs, [2]string{a, b})
		lines = append(lines, "c\t"+a+"\t"+b)
	}
	answers := askComposer(t, lines)
	excused, counts := map[string]int{}, map[string]int{}
	wrong := 0
	for i, pair := range pairs {
		cmp, err := version.Compare(version.Composer, pair[0], pair[1])
		got, want := strconv.Itoa(cmp), answers[i]
		if err != nil {
			got = "error"
		}
		if want == "branch" { // which Composer accepts and this package does not
			want = "error"
		}
		counts[want]++
		if got == want {
			continue
		}
		if rule := composerExcused(pair[:]...); rule != "" {
			excused[rule]++
			continue
		}
		if wrong++; wrong < 20 {
			assert.Failf(t, "disagreement", "Compare(composer, %q, %q) = %s %v, Composer says %s", pair[0], pair[1], got, err, answers[i])
		}
	}
	t.Logf("%d pairs, answers %v, %d disagreements, excused %v", len(pairs), counts, wrong, excused)
}

func TestComposerConstraintOracle(t *testing.T) {
	real := composerOracleVersions(t)
	random := rand.New(rand.NewPCG(7, 8))
	pick := func(texts ...string) string { return texts[random.IntN(len(texts))] }
	small := func() string {
		var v strings.Builder
		v.WriteString(strconv.Itoa(random.IntN(4)))
		for range random.IntN(4) {
			v.WriteString("." + strconv.Itoa(random.IntN(4)))
		}
		return v.String() + pick("", "", "", "", "-dev", "-beta1", "RC2", "-alpha", "-p1", ".x-dev", "@dev", "@beta", "@stable", "@RC", "+b")
	}
	var lines []string
	var questions [][2]string
	for len(questions) < 200000 {
		bound := small
		if random.IntN(4) == 0 {
			bound = func() string { return composerMutate(random, real[random.IntN(len(real))]) }
		}
		var c strings.Builder
		for range 1 + random.IntN(3) {
			if c.Len() > 0 {
				c.WriteString(pick(" ", ", ", ",", " || ", "|", " | ", "||", " , ", "  "))
			}
			switch random.IntN(8) {
			case 0:
				c.WriteString(bound() + pick(" - ", " - ", "  -  ") + bound())
			case 1:
				c.WriteString(bound() + pick(".*", ".x", ".X.*", "*", ".x-dev"))
			case 2, 3:
				c.WriteString(pick("~", "^") + bound())
			case 4:
				c.WriteString(pick("*", "x", "v*", "*.*", "dev-main", "main-dev", "@dev", "dev-main#abc", "1.x-dev#abc", "master", ">= ", "~> 1"))
			default:
				c.WriteString(pick("=", "==", "", "!=", "<>", "<", "<=", ">", ">=", "< ", ">= ", "!= ") + bound())
			}
		}
		v := small()
		if random.IntN(4) == 0 {
			v = bound()
		}
		if v = strings.TrimSpace(v); v == "" || composerExcused(v, c.String()) != "" {
			continue
		}
		questions = append(questions, [2]string{v, c.String()})
		lines = append(lines, "s\t"+v+"\t"+c.String())
	}
	answers := askComposer(t, lines)
	counts := map[string]int{}
	wrong := 0
	for i, q := range questions {
		if _, err := version.Parse(version.Composer, q[0]); err != nil {
			counts["not a version"]++
			continue // TestComposerOracle has them
		}
		ok, err := version.Satisfies(version.Composer, q[0], q[1])
		got := map[bool]string{false: "0", true: "1"}[ok]
		if err != nil {
			got = "error"
		}
		counts[got]++
		if got == answers[i] {
			continue
		}
		if got == "error" && composerHyphen.MatchString(q[1]) {
			counts["hyphen beside a separator"]++
			continue
		}
		if wrong++; wrong < 25 {
			assert.Failf(t, "disagreement", "Satisfies(composer, %q, %q) = %s %v, Composer says %s", q[0], q[1], got, err, answers[i])
		}
	}
	t.Logf("%d questions, answers %v, %d disagreements", len(questions), counts, wrong)
}
