//go:build oracle

package version_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/imagevet/imagevet/version"
)

// hexOracle answers lines of tab-separated questions with Elixir: "compare",
// a, b or "match", version, requirement.
const hexOracle = `
answer = fn
  ["compare", a, b] ->
    with {:ok, a} <- Version.parse(a), {:ok, b} <- Version.parse(b) do
      case Version.compare(a, b) do
        :lt -> "-1"
        :eq -> "0"
        :gt -> "1"
      end
    else
      _ -> "invalid"
    end

  ["match", v, text] ->
    with {:ok, v} <- Version.parse(v), {:ok, requirement} <- Version.parse_requirement(text) do
      to_string(Version.match?(v, requirement))
    else
      _ -> "invalid"
    end
end

IO.binread(:stdio, :eof)
|> String.split("\n", trim: true)
|> Enum.map(fn line -> [answer.(String.split(line, "\t")), "\n"] end)
|> IO.binwrite()
`

func TestHexOracle(t *testing.T) {
	elixir := interpreter(t, "elixir", "-e", "Version")
	pairs := strictPairs(t, version.Hex, rand.New(rand.NewPCG(5, 6)), 200000) // there are no advisories of Hex
	questions := make([]string, len(pairs))
	for i, p := range pairs {
		questions[i] = "compare\t" + p[0] + "\t" + p[1]
	}
	counts := map[string]int{}
	for i, answer := range askInterpreter(t, questions, elixir, "-e", hexOracle) {
		a, b := pairs[i][0], pairs[i][1]
		if answer == "invalid" { // more is accepted here, see semver.go
			counts["left out, not valid for Elixir"]++
			continue
		}
		counts[answer]++
		got, err := version.Compare(version.Hex, a, b)
		assert.Truef(t, err == nil && fmt.Sprint(got) == answer, "Compare(hex, %q, %q) = %d, %v, but Elixir says %s", a, b, got, err, answer)
	}
	t.Logf("%d pairs: %v", len(pairs), counts)
	assert.Greater(t, counts["-1"]+counts["0"]+counts["1"], 100000)
}

// hexRequirement makes a requirement of comparisons with versions.
func hexRequirement(random *rand.Rand, versions ...string) string {
	pick := func(list ...string) string { return list[random.IntN(len(list))] }
	one := func() string {
		v := pick(versions...)
		op := pick("", "==", "<", "<=", ">", ">=", "~>", "~>", "~>", pick("", "", "!=", "!", "=", "^", "~"))
		if op == "~>" && random.IntN(2) == 0 {
			if parts := hexThird.FindStringSubmatch(v); parts != nil {
				v = parts[1] + pick(parts[2], "")
			}
		}
		return op + pick("", " ", " ", "  ") + v
	}
	var r strings.Builder
	r.WriteString(one())
	for random.IntN(3) == 0 {
		r.WriteString(pick(" ", " ", "  ") + pick("and", "or", "or", "and", pick("and", "xor", "&&", ",")) + pick(" ", " ", "  ") + one())
	}
	return r.String()
}

// hexThird splits what follows the second number.
var hexThird = regexp.MustCompile(`^(\d+\.\d+)\.\d+(.*)$`)

// hexBuild finds a build after two numbers, which Elixir reads, see
// parseHexConstraint.
var hexBuild = regexp.MustCompile(`~> *\d+\.\d+\+`)

func TestHexRequirementOracle(t *testing.T) {
	elixir := interpreter(t, "elixir", "-e", "Version")
	random := rand.New(rand.NewPCG(7, 8))
	pairs := strictPairs(t, version.Hex, random, 300000)
	questions := make([]string, len(pairs))
	for i, p := range pairs {
		other := pairs[random.IntN(len(pairs))]
		pairs[i][1] = hexRequirement(random, p[0], p[1], p[1], p[1], other[0])
		questions[i] = "match\t" + p[0] + "\t" + pairs[i][1]
	}
	counts := map[string]int{}
	for i, answer := range askInterpreter(t, questions, elixir, "-e", hexOracle) {
		v, requirement := pairs[i][0], pairs[i][1]
		if answer == "invalid" {
			counts["left out, not valid for Elixir"]++
			continue
		}
		ok, err := version.Satisfies(version.Hex, v, requirement)
		if err != nil && hexBuild.MatchString(requirement) {
			counts["left out, a build after two numbers"]++
			continue
		}
		counts[answer]++
		assert.Truef(t, err == nil && fmt.Sprint(ok) == answer, "Satisfies(hex, %q, %q) = %t, %v, but Elixir says %s", v, requirement, ok, err, answer)
	}
	t.Logf("%d pairs: %v", len(pairs), counts)
	assert.Greater(t, counts["true"], 20000)
	assert.Greater(t, counts["true"]+counts["false"], 100000)
}
