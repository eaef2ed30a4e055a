//go:build oracle

package version_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/version"
)

// cranOracle reads pairs of versions, parted by a tab, and writes what
// compareVersion says and what the operators for numeric_version say, in the
// order of cranOperators.
const cranOracle = `
pairs <- strsplit(readLines(file("stdin")), "\t", fixed = TRUE)
a <- vapply(pairs, "[", "", 1L)
b <- vapply(pairs, "[", "", 2L)
x <- numeric_version(a, strict = FALSE)
y <- numeric_version(b, strict = FALSE)
big <- vapply(unclass(x), anyNA, NA) | vapply(unclass(y), anyNA, NA)
answers <- rep("beyond 31 bits", length(pairs))
answers[is.na(x) | is.na(y)] <- "invalid"
good <- which(!is.na(x) & !is.na(y) & !big)
x <- x[good]
y <- y[good]
operators <- vapply(list(x < y, x <= y, x == y, x != y, x >= y, x > y), as.integer, integer(length(good)))
compared <- mapply(compareVersion, a[good], b[good])
answers[good] <- paste(compared, apply(operators, 1L, paste, collapse = ""))
writeLines(answers)
`

var cranOperators = strings.Fields("< <= == != >= >")

func cranPieces() []string {
	return strings.Split("0 00 1 2 9 10 07 .0 .0.0 -0 -1 .1 . - .9000 -10 a . + 2024 2147483647 2147483648 99999999999", " ")
}

// cranZeros finds the zeros at the end of a version, which the operators for
// numeric_version pass over, see cran.go.
var cranZeros = regexp.MustCompile(`([.-]0+)+$`)

// equalButZeros reports whether two versions are equal without the zeros at
// their ends.
func equalButZeros(a, b string) bool {
	got, err := version.Compare(version.CRAN, cranZeros.ReplaceAllString(a, ""), cranZeros.ReplaceAllString(b, ""))
	return err == nil && got == 0
}

func TestCRANOracle(t *testing.T) {
	rscript := interpreter(t, "Rscript", "--vanilla", "-e", "compareVersion('1', '1.0')")
	script := filepath.Join(t.TempDir(), "oracle.R")
	require.NoError(t, os.WriteFile(script, []byte(cranOracle), 0o600))
	random := rand.New(rand.NewPCG(5, 6))
	versions := mutatedVersions(acceptedFeeds(t, version.CRAN, "PyPI", "Bitnami", "crates.io"), cranPieces(), random)
	for i, list := range versions { // some of what R refuses is enough
		versions[i] = slices.DeleteFunc(list, func(v string) bool {
			_, err := version.Parse(version.CRAN, v)
			return err != nil && random.IntN(10) > 0
		})
	}
	pairs := packagePairs(versions, random, 180000)
	questions := make([]string, len(pairs))
	for i, p := range pairs {
		questions[i] = p[0] + "\t" + p[1]
	}
	counts := map[string]int{}
	for i, answer := range askInterpreter(t, questions, rscript, "--vanilla", script) {
		a, b := pairs[i][0], pairs[i][1]
		got, err := version.Compare(version.CRAN, a, b)
		if answer == "invalid" {
			counts["invalid"]++
			assert.Errorf(t, err, "Compare(cran, %q, %q), one of which R refuses", a, b)
			continue
		}
		require.NoErrorf(t, err, "Compare(cran, %q, %q)", a, b)
		if answer == "beyond 31 bits" { // R has no answer, see cran.go
			counts["left out, beyond 31 bits"]++
			continue
		}
		compared, operators, _ := strings.Cut(answer, " ")
		counts[compared]++
		assert.Equalf(t, compared, fmt.Sprint(got), "compareVersion and Compare(cran, %q, %q)", a, b)
		require.Len(t, operators, len(cranOperators))
		zeros := false
		for j, op := range cranOperators {
			ok, err := version.Satisfies(version.CRAN, a, op+" "+b)
			require.NoErrorf(t, err, "Satisfies(cran, %q, %q)", a, op+" "+b)
			switch {
			case ok == (operators[j] == '1'):
			case got != 0 && equalButZeros(a, b):
				zeros = true
			default:
				assert.Failf(t, "disagreement", "Satisfies(cran, %q, %q) = %t, but R differs", a, op+" "+b, ok)
			}
		}
		if zeros {
			counts["operators only: zeros at the end"]++
		}
	}
	t.Logf("%d pairs, %d operators: %v", len(pairs), len(cranOperators), counts)
	assert.Greater(t, counts["-1"]+counts["0"]+counts["1"], 100000)
}
