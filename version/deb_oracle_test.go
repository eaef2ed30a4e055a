//go:build oracle

package version_test

import (
	"slices"
	"strings"
	"testing"
)

// TestOracleDeb compares Compare with dpkg, one process for each pair: this
// takes some minutes.
func TestOracleDeb(t *testing.T) {
	words := strings.Fields("0 1 9 10 00 20240101 18446744073709551616 . .. - _ + : ~ ~~ a b A rc +deb12u1 ~bpo12+1 0: 1: - ~rc1")
	pairs := oraclePairs(t, words, "Debian", "Debian-changelog")
	pairs = slices.DeleteFunc(pairs, func(p [2]string) bool { // the unit and the separator of the conversation
		return strings.ContainsAny(p[0]+p[1], "\n|")
	})
	checkDpkg(t, pairs, 0)
}
