package version_test

import (
	"fmt"
	"log"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/version"
)

func ExampleAffected() {
	events := []version.Event{{Introduced: "0"}, {Fixed: "1.36.1-r16"}, {Introduced: "1.37.0-r0"}, {LastAffected: "1.37.0-r3"}}
	for _, v := range []string{"1.36.1-r15", "1.36.1-r16", "1.37.0-r3", "1.37.0-r4"} {
		affected, err := version.Affected(version.APK, events, v)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(v, affected)
	}
	// Output:
	// 1.36.1-r15 true
	// 1.36.1-r16 false
	// 1.37.0-r3 true
	// 1.37.0-r4 false
}

// parseEvents reads events as "i0 f2 l3 m5": introduced, fixed, last affected
// and limit.
func parseEvents(text string) []version.Event {
	var events []version.Event
	for word := range strings.FieldsSeq(text) {
		var e version.Event
		*map[byte]*string{'i': &e.Introduced, 'f': &e.Fixed, 'l': &e.LastAffected, 'm': &e.Limit}[word[0]] = word[1:]
		events = append(events, e)
	}
	return events
}

func TestAffected(t *testing.T) {
	tests := []struct {
		events   string
		affected string // of the versions 1 to 5
	}{
		{"", ""},
		{"i0", "1 2 3 4 5"},
		{"i2", "2 3 4 5"},
		{"f2", ""}, // nothing was introduced
		{"l2", ""},
		{"m2", ""},
		{"i0 f3", "1 2"},
		{"i0 l3", "1 2 3"},
		{"f3 i0", "1 2"}, // in any order
		{"i2 f4 i5", "2 3 5"},
		{"i5 f4 i2", "2 3 5"},
		{"i1 f2 f4", "1"}, // fixed twice
		{"i1 i2 f4", "1 2 3"},
		{"i1 f2 i2 f3", "1 2"}, // [1, 2) and [2, 3)
		{"i2 f2", ""},          // begins and ends there
		{"i2 f2 f4", ""},
		{"i2 f2 i3", "3 4 5"},
		{"i2 l2", "2"},
		{"i1 l2 i2 f4", "1 2 3"},
		{"i2 f2 l2", ""},
		{"i1 l2 f2", "1"}, // fixed comes first
		{"i0 m3", "1 2"},
		{"i0 m3 m4", "1 2 3"}, // below one of them
		{"i0 m3 m*", "1 2 3 4 5"},
		{"i0 f2 m4 i3", "1 3"},
		{"i0 l2 l4", "1 2"},
	}
	for _, tt := range tests {
		events := parseEvents(tt.events)
		var got []string
		for v := range strings.FieldsSeq("1 2 3 4 5") {
			affected, err := version.Affected(version.Deb, events, v)
			require.NoErrorf(t, err, "Affected(deb, %v, %q)", events, v)
			if affected {
				got = append(got, v)
			}
		}
		assert.Equalf(t, tt.affected, strings.Join(got, " "), "affected by %s", tt.events)
	}
}

// TestAffectedLowest checks that "0" is below all versions only as what
// OSV defines: https://ossf.github.io/osv-schema/#special-values.
func TestAffectedLowest(t *testing.T) {
	tests := []struct {
		events, v string
		want      bool
	}{
		{"i0", "0~beta", true},
		{"i0 f0", "0~beta", true}, // a fix is in version 0 itself
		{"i0 f0", "0", false},
		{"i0-0", "0~beta", false},
		{"i0 l0", "0", true},
		{"i0 m0", "0~beta", true},
		{"i0 m0", "0", false},
		{"i0 f1 i1:0", "1:0", true},
	}
	for _, tt := range tests {
		got, err := version.Affected(version.Deb, parseEvents(tt.events), tt.v)
		require.NoErrorf(t, err, "Affected(deb, %s, %q)", tt.events, tt.v)
		assert.Equalf(t, tt.want, got, "Affected(deb, %s, %q)", tt.events, tt.v)
	}
}

func TestAffectedErrors(t *testing.T) {
	tests := []struct {
		events, v, want string
	}{
		{"i0", "", `version: deb "": empty (at byte 0)`},
		{"i0 f1-", "2", `version: deb "1-": empty revision (at byte 2)`},
		{"i0 f9-", "2", `version: deb "9-": empty revision (at byte 2)`}, // does not decide
		{"i0 l1-", "2", `version: deb "1-": empty revision (at byte 2)`},
		{"i0 m1-", "2", `version: deb "1-": empty revision (at byte 2)`},
		{"i*-", "2", `version: deb "*-": empty revision (at byte 2)`},
	}
	for _, tt := range tests {
		got, err := version.Affected(version.Deb, parseEvents(tt.events), tt.v)
		assert.EqualErrorf(t, err, tt.want, "Affected(deb, %s, %q)", tt.events, tt.v)
		assert.False(t, got)
	}
	for _, e := range []version.Event{{}, {Introduced: "1", Fixed: "2"}, {Introduced: "1", Fixed: "2", LastAffected: "3", Limit: "4"}} {
		got, err := version.Affected(version.Deb, []version.Event{{Introduced: "0"}, e}, "1")
		assert.ErrorContainsf(t, err, "version: event 1 of the range has ", "%v", e)
		assert.False(t, got)
	}
	_, err := version.Affected(0, nil, "1")
	assert.ErrorIs(t, err, version.ErrUnknownScheme)
}

// TestAffectedRandom compares with the rules told one version at a time.
func TestAffectedRandom(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	for range 3000 {
		var events []string
		for range random.IntN(7) {
			events = append(events, string("iiffllm"[random.IntN(7)])+strconv.Itoa(1+random.IntN(4)))
		}
		for v := range 6 {
			got, err := version.Affected(version.Deb, parseEvents(strings.Join(events, " ")), strconv.Itoa(v))
			require.NoError(t, err)
			require.Equalf(t, affectedSlowly(events, v), got, "Affected(%v, %d)", events, v)
		}
	}
}

// affectedSlowly goes through the versions 0 to v.
func affectedSlowly(events []string, v int) bool {
	limited, free := false, false
	below, at := false, false
	for i := 0; i <= v; i++ {
		has := func(kind string) bool { return slices.Contains(events, kind+strconv.Itoa(i)) }
		at = below
		switch {
		case has("i") && below:
		case has("f"):
			below, at = false, false
		case has("l"):
			at = below || has("i")
			below = false
		case has("i"):
			below, at = true, true
		}
	}
	for _, e := range events {
		if e[0] == 'm' {
			limited = true
			free = free || v < int(e[1]-'0')
		}
	}
	return at && (free || !limited)
}
