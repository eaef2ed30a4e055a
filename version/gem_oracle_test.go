//go:build oracle

package version_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/version"
)

// rubyOracle answers lines of tab-separated questions with RubyGems:
// "compare", a, b or "satisfied", version, requirement.
const rubyOracle = `
STDIN.each_line(chomp: true) do |line|
  what, a, b = line.split("\t", 3)
  begin
    if what == "compare"
      puts Gem::Version.new(a) <=> Gem::Version.new(b)
    else
      puts Gem::Requirement.new(*b.split(",", -1)).satisfied_by?(Gem::Version.new(a))
    end
  rescue ArgumentError # and Gem::Requirement::BadRequirementError
    puts "invalid"
  end
end
`

func gemPieces() []string {
	return strings.Split("0 00 1 2 10 .0 .0.0 .1 .10 .a .b1 .rc1 .pre - -1 -a . .. a A z _ + .0.b ~ -java 99999999999999999999", " ")
}

func TestGemOracle(t *testing.T) {
	ruby := interpreter(t, "ruby", "-e", "Gem::Version")
	random := rand.New(rand.NewPCG(5, 6))
	pairs := packagePairs(mutatedVersions(feed(t, "RubyGems", 1), gemPieces(), random), random, 400000)
	var questions []string
	for _, p := range pairs {
		questions = append(questions, "compare\t"+p[0]+"\t"+p[1])
	}
	answers := askInterpreter(t, questions, ruby, "-e", rubyOracle)
	counts := map[string]int{}
	for i, p := range pairs {
		if isBlankGem(p[0]) || isBlankGem(p[1]) {
			continue
		}
		cmp, err := version.Compare(version.Gem, p[0], p[1])
		got := fmt.Sprint(cmp)
		if err != nil {
			got = "invalid"
		}
		counts[got]++
		assert.Equalf(t, answers[i], got, "RubyGems' order and Compare(gem, %q, %q)", p[0], p[1])
	}
	t.Logf("%d pairs: %v", len(pairs), counts)
	assert.Greater(t, len(pairs)-counts["invalid"], 100000)
}

// isBlankGem reports whether v is the empty version, 0 for RubyGems and no
// version for us.
func isBlankGem(v string) bool { return strings.TrimSpace(v) == "" }

func TestGemRequirementOracle(t *testing.T) {
	ruby := interpreter(t, "ruby", "-e", "Gem::Requirement")
	random := rand.New(rand.NewPCG(7, 8))
	ops := strings.Split("= != < <= >= > ~> ~> ~> ~", " ")
	var pairs [][2]string
	var questions []string
	for _, p := range packagePairs(mutatedVersions(feed(t, "RubyGems", 1), gemPieces(), random), random, 400000) {
		constraint := ops[random.IntN(len(ops))] + strings.Repeat(" ", random.IntN(2)) + p[1]
		if random.IntN(4) == 0 {
			constraint = ops[random.IntN(len(ops))] + p[0] + "," + constraint
		}
		if isBlankGem(p[0]) {
			continue
		}
		pairs = append(pairs, [2]string{p[0], constraint})
		questions = append(questions, "satisfied\t"+p[0]+"\t"+constraint)
	}
	answers := askInterpreter(t, questions, ruby, "-e", rubyOracle)
	counts := map[string]int{}
	for i, p := range pairs {
		ok, err := version.Satisfies(version.Gem, p[0], p[1])
		got := fmt.Sprint(ok)
		if err != nil {
			got = "invalid"
		}
		counts[got]++
		require.Equalf(t, answers[i], got, "RubyGems' answer and Satisfies(gem, %q, %q): %v", p[0], p[1], err)
	}
	t.Logf("%d pairs: %v", len(pairs), counts)
	assert.Greater(t, len(pairs)-counts["invalid"], 100000)
}
