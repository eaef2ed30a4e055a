package version_test

import (
	"fmt"
	"log"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/version"
)

func ExampleParseVERS() {
	r, err := version.ParseVERS("vers:deb/>=1.0-1|!=1.2-1|<2.0-1")
	if err != nil {
		log.Fatal(err)
	}
	for _, v := range []string{"1.0-1", "1.2-1", "2.0-1"} {
		fmt.Println(v, r.Contains(version.MustParse(version.Deb, v)))
	}
	// Output:
	// 1.0-1 true
	// 1.2-1 false
	// 2.0-1 false
}

func ExampleRange_VERS() {
	r, err := version.ParseRange(version.NPM, "^1.2.3 || 3.0.0")
	if err != nil {
		log.Fatal(err)
	}
	uri, err := r.VERS()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(uri)
	// Output: vers:npm/>=1.2.3|<2.0.0-0|3.0.0
}

// TestParseVERS parses, tests versions and prints. What is valid is mostly
// canonical already. Rows called "from vers-spec", here and below, are facts
// out of the tests of https://github.com/package-url/vers-spec (MIT). Its
// vectors that section 5.4 of the specification forbids are left out.
func TestParseVERS(t *testing.T) {
	tests := []struct {
		uri, in, out string // versions that it contains and that it does not
	}{
		{"vers:npm/1.2.3|>=2.0.0|<5.0.0", "1.2.3 2.0.0 4.9.9", "1.2.2 1.2.4 5.0.0"}, // from the specification
		{"vers:generic/*", "0 1", ""},
		{"vers:generic/1", "1 1.0", "0 2"},
		{"vers:generic/1|2", "1 2", "0 1.1 3"},
		{"vers:generic/!=1", "0 2", "1"},
		{"vers:generic/!=1|!=2", "0 1.1 3", "1 2"},
		{"vers:generic/<1", "0", "1 2"},
		{"vers:generic/<=1", "0 1", "2"},
		{"vers:generic/>1", "2", "0 1"},
		{"vers:generic/>=1", "1 2", "0"},
		{"vers:generic/<1|>1.1|<=2|>3", "0 1.2 2 4", "1 1.1 2.1 3"},
		{"vers:generic/!=1|<2", "0 1.1", "1 2 3"},
		{"vers:generic/>1|!=2|<3", "1.1 2.1", "1 2 3"},
		{"vers:generic/>1|!=2", "1.1 3", "1 2"},
		{"vers:generic/<=1|2|>=3", "0 1 2 3 4", "1.1 2.1"},
		{"vers:generic/>=1.10|<2.0|>=2.9", "1.10 1.11 2.9", "1.9 2.0 2.1"}, // ascending as versions
		{"vers:pypi/<=1.3.0|3.0.0", "1.0.0 3.0.0", "2.0"},                  // this and the next four: from vers-spec
		{"vers:pypi/>0.0.2", "0.0.3", "0.0.2"},
		{"vers:pypi/<0.0.2", "0.0.0.1", ""},
		{"vers:pypi/>=1.0.0|<=2.0.0", "1.5", "2.0.3 0.0.9"},
		{"vers:pypi/<=1.0.0|>=2.0.0", "", "1.5"},
		{"vers:npm/>=1.0.0|<2.0.0", "1.5.0-rc.1 2.0.0-rc.1", "1.0.0-rc.1"}, // no rule but the order
		{"vers:rpm/<=1.0", "1.0 0.9-1", "1.0-1"},                           // by Compare, not as in a dependency
		{"vers:rpm/>1.0", "1.0-1", "1.0"},
		{"vers:deb/1.0%7Erc1", "1.0~rc1", "1.0"},
		{"vers:deb/1:1.0+b1", "1:1.0+b1", "1.0+b1"},
		{"vers:deb/%211", "!1", "1"},
		{"vers:deb/1%25a", "1%a", "1"},
		{"vers:deb/1.0%c3%A9", "1.0é", "1.0"},
	}
	// What is not canonical.
	printed := map[string]string{"vers:deb/1.0%7Erc1": "vers:deb/1.0~rc1", "vers:deb/1.0%c3%A9": "vers:deb/1.0%C3%A9"}
	for _, tt := range tests {
		r, err := version.ParseVERS(tt.uri)
		require.NoError(t, err, tt.uri)
		assert.Equal(t, tt.uri, r.String())
		for v := range strings.FieldsSeq(tt.in) {
			assert.Truef(t, r.Contains(version.MustParse(r.Scheme(), v)), "%s contains %s", tt.uri, v)
		}
		for v := range strings.FieldsSeq(tt.out) {
			assert.Falsef(t, r.Contains(version.MustParse(r.Scheme(), v)), "%s contains %s", tt.uri, v)
		}
		want := tt.uri
		if p := printed[tt.uri]; p != "" {
			want = p
		}
		got, err := r.VERS()
		require.NoError(t, err, tt.uri)
		assert.Equal(t, want, got)
	}
}

// TestSimplifyVERS has what the rules allow but need not be said. "!=" that
// takes nothing away and "=" that adds nothing are left out.
func TestSimplifyVERS(t *testing.T) {
	tests := map[string]string{
		"vers:generic/<1|!=2":        "vers:generic/<1",
		"vers:generic/!=1|>2":        "vers:generic/>2",
		"vers:generic/1|!=2":         "vers:generic/1",
		"vers:generic/!=1|2":         "vers:generic/2",
		"vers:generic/>1|2":          "vers:generic/>1",
		"vers:generic/1|!=2|3":       "vers:generic/1|3",
		"vers:generic/<1|!=2|>=3":    "vers:generic/<1|>=3",
		"vers:generic/<1|!=1.5|1.6":  "vers:generic/<1|1.6",
		"vers:generic/>1|!=2|3|!=4":  "vers:generic/>1|!=2|!=4",
		"vers:debian/1":              "vers:deb/1",
		"vers:generic/!=1|<2|!=3|>4": "vers:generic/!=1|<2|>4",
	}
	for uri, want := range tests {
		r, err := version.ParseVERS(uri)
		require.NoError(t, err, uri)
		got, err := r.VERS()
		require.NoError(t, err, uri)
		assert.Equal(t, want, got, uri)
	}
}

func TestParseVERSErrors(t *testing.T) {
	tests := []struct {
		uri    string
		scheme version.Scheme
		pos    int
	}{
		{"", 0, 0},
		{"npm/1", 0, 0},
		{"VERS:npm/1", 0, 0},
		{"vers :npm/1", 0, 0},
		{"vers:", 0, 5},
		{"vers:npm", 0, 8},
		{"vers:/1", 0, 5},
		{"vers:NPM/1", 0, 5},
		{"vers:1npm/1", 0, 5},
		{"vers:n%70m/1", 0, 5},
		{"vers:amazon linux/1", 0, 5},
		{"vers:deb/", version.Deb, 9},
		{"vers:deb/|1", version.Deb, 9},
		{"vers:deb/1|", version.Deb, 11},
		{"vers:deb/1||2", version.Deb, 11},
		{"vers:deb/>1| <2", version.Deb, 12},
		{"vers:deb/> 1", version.Deb, 10},
		{"vers:deb/1\t", version.Deb, 10},
		{"vers:deb/1\n", version.Deb, 10},
		{"vers:deb/é", version.Deb, 9},
		{"vers:deb/=1", version.Deb, 9},
		{"vers:deb/==1", version.Deb, 9},
		{"vers:deb/>==1", version.Deb, 11},
		{"vers:deb/<>1", version.Deb, 10},
		{"vers:deb/!1", version.Deb, 9},
		{"vers:deb/~1%2", version.Deb, 11},
		{"vers:deb/1%2G", version.Deb, 10},
		{"vers:deb/1%", version.Deb, 10},
		{"vers:deb/1%00", version.Deb, 9}, // no version of the scheme
		{"vers:deb/1-", version.Deb, 9},
		{"vers:deb/>=", version.Deb, 11},
		{"vers:deb/<|2", version.Deb, 10},
		{"vers:deb/**", version.Deb, 9},
		{"vers:deb/*|1", version.Deb, 9},
		{"vers:deb/1|*", version.Deb, 11},
		{"vers:deb/*1", version.Deb, 9},
		{"vers:deb/2|1", version.Deb, 11},
		{"vers:deb/>=2|<1", version.Deb, 14},
		{"vers:deb/>1|<1", version.Deb, 13},
		{"vers:deb/1|1-0", version.Deb, 11}, // equal
		{"vers:deb/!=1|1", version.Deb, 13},
		{"vers:deb/<1|<2", version.Deb, 12},
		{"vers:deb/<1|<=2", version.Deb, 12},
		{"vers:deb/>1|>=2", version.Deb, 12},
		{"vers:deb/>1|!=2|>=3", version.Deb, 16},
		{"vers:deb/>1|2|<3", version.Deb, 14},
		{"vers:deb/1|<2", version.Deb, 11},
		{"vers:deb/1|!=2|<3", version.Deb, 15},
		{"vers:deb/" + strings.Repeat("1", 65536), 0, 65536},
	}
	for _, tt := range tests {
		r, err := version.ParseVERS(tt.uri)
		var perr *version.ParseError
		require.ErrorAs(t, err, &perr, tt.uri)
		assert.Equal(t, version.ParseError{Scheme: tt.scheme, Text: tt.uri, Pos: tt.pos, Reason: perr.Reason}, *perr)
		assert.NotEmpty(t, perr.Reason)
		assert.Zero(t, r)
	}
	for _, uri := range []string{"vers:invalid/1.0.0", "vers:invalid/*", "vers:example/1.2.3", "vers:test/1", "vers:all/*", "vers:none/*", "vers:unknown/1"} {
		_, err := version.ParseVERS(uri)
		assert.ErrorIs(t, err, version.ErrUnknownScheme, uri)
	}
}

// TestVERS prints constraints of ecosystems.
func TestVERS(t *testing.T) {
	tests := []struct {
		scheme           version.Scheme
		constraint, want string // without the type; empty if there is none
	}{
		{version.Deb, "", "*"},
		{version.Deb, ">= 1, << 2", ">=1|<2"},
		{version.Deb, ">> 2 | << 1", "<1|>2"},
		{version.Deb, "= 1-0 | = 1", "1-0"},
		{version.Deb, "<< 2 | >= 2", "*"},
		{version.Deb, "<< 2 | >> 2", "!=2"},
		{version.Deb, "<= 2 | >= 1", "*"},
		{version.Deb, "<< 1, >> 2", ""},
		{version.Deb, "<< 1, = 1", ""},
		{version.Deb, ">= 1, <= 1", "1"},
		{version.Deb, ">= 1, << 3 | = 5, << 4", ">=1|<3"},
		{version.Deb, ">= 1:1.0+b~1", ">=1:1.0+b~1"},
		{version.Deb, "= 1%a", "1%25a"},
		{version.APK, ">=1 <2", ">=1|<2"},
		{version.APK, "~1", ""},
		{version.RPM, ">= 1.0-1, < 2.0-1", ">=1.0-1|<2.0-1"},
		{version.RPM, ">= 1.0, < 2.0", ">=1.0|<2.0"},
		{version.RPM, "= 1.0-1", "1.0-1"},
		{version.RPM, "= 1.0", ""}, // any release
		{version.RPM, "<= 1.0", ""},
		{version.RPM, "> 1.0-", ""},
		{version.Generic, ">= 1", ""},                       // a constraint of another module
		{version.NPM, ">=2.0.0 <=4.0.4", ">=2.0.0|<=4.0.4"}, // this and the rest: from vers-spec
		{version.NPM, ">= 1.1", ">=1.1.0"},
		{version.NPM, "^1.2.3-rc.1", ">=1.2.3-rc.1|<2.0.0-0"}, // without npm's rule for pre-releases
		{version.Cargo, "1.2", ">=1.2.0|<2.0.0-0"},
		{version.Maven, "[1.0,2.0)", ">=1.0|<2.0"},
		{version.NuGet, "(1.0,2.0]", ">1.0|<=2.0"},
		{version.PyPI, ">=1.0", ""}, // admits no pre-releases
		{version.NPM, "*", "*"},
		{version.NPM, "2.1.4", "2.1.4"},
		{version.NPM, ">=1.5.2 || >=1.4.11 <1.5.0 || >=1.3.2 <1.4.0", ">=1.3.2|<1.4.0|>=1.4.11|<1.5.0|>=1.5.2"},
		{version.NPM, ">=1.3.0 <1.3.2 || >=1.4.0 <1.4.11 || >=1.5.0 <1.5.2", ">=1.3.0|<1.3.2|>=1.4.0|<1.4.11|>=1.5.0|<1.5.2"},
	}
	for _, tt := range tests {
		r, err := version.ParseRange(tt.scheme, tt.constraint)
		require.NoError(t, err, tt.constraint)
		got, err := r.VERS()
		if tt.want == "" {
			assert.ErrorIsf(t, err, version.ErrNoVERS, "VERS of %v %q", tt.scheme, tt.constraint)
			assert.Empty(t, got)
			continue
		}
		require.NoErrorf(t, err, "VERS of %v %q", tt.scheme, tt.constraint)
		assert.Equalf(t, "vers:"+tt.scheme.String()+"/"+tt.want, got, "VERS of %v %q", tt.scheme, tt.constraint)
	}
	_, err := version.Range{}.VERS()
	assert.ErrorIs(t, err, version.ErrUnknownScheme)
}

// TestLongVERS has many constraints, none of which may cost more than its
// share.
func TestLongVERS(t *testing.T) {
	for _, comparators := range []string{"!=", "=", "<>", "!<!>"} {
		var uri strings.Builder
		uri.WriteString("vers:deb/")
		for i := 1; uri.Len() < 65000; i++ {
			c := comparators[i%len(comparators)]
			if i > 1 {
				uri.WriteByte('|')
			}
			switch c {
			case '!':
				uri.WriteString("!=")
			case '<', '>':
				uri.WriteByte(c)
			}
			uri.WriteString(strconv.Itoa(i))
		}
		r, err := version.ParseVERS(uri.String())
		require.NoError(t, err, comparators)
		printed, err := r.VERS()
		require.NoError(t, err, comparators)
		again, err := version.ParseVERS(printed)
		require.NoError(t, err, comparators)
		for _, v := range []string{"1", "1.5", "2", "2.5", "5000", "99999"} {
			assert.Equal(t, r.Contains(version.MustParse(version.Deb, v)), again.Contains(version.MustParse(version.Deb, v)), "%q %s", comparators, v)
		}
	}
}

// TestVERSRandom compares with the algorithm of the specification.
func TestVERSRandom(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 10))
	valid := 0
	for range 10000 {
		var list []string
		for v := range 6 {
			if i := random.IntN(12); i < 6 {
				list = append(list, []string{"", "!=", "<", "<=", ">", ">="}[i]+strconv.Itoa(v))
			}
		}
		uri := "vers:deb/" + strings.Join(list, "|")
		r, err := version.ParseVERS(uri)
		require.Equalf(t, validVERS(list), err == nil, "%s: %v", uri, err)
		if err != nil {
			continue
		}
		valid++
		printed, err := r.VERS()
		require.NoError(t, err, uri)
		again, err := version.ParseVERS(printed)
		require.NoErrorf(t, err, "%s, printed from %s", printed, uri)
		for i := -1; i < 12; i++ {
			// Twice the version: 0, 0.5, 1 and so on, and one below all.
			text := "~"
			if i >= 0 {
				text = strconv.Itoa(i/2) + strings.Repeat(".5", i%2)
			}
			v := version.MustParse(version.Deb, text)
			require.Equalf(t, containsVERS(list, i), r.Contains(v), "%s contains %v", uri, v)
			require.Equalf(t, r.Contains(v), again.Contains(v), "%s, printed from %s, contains %v", printed, uri, v)
		}
	}
	assert.Greater(t, valid, 500)
}

// cutVERS splits a constraint into comparator and twice its version.
func cutVERS(constraint string) (string, int) {
	comparator := strings.TrimRight(constraint, "0123456789")
	v, _ := strconv.Atoi(constraint[len(comparator):])
	return comparator, 2 * v
}

// validVERS tells whether the pairs of neighbours are allowed by 5.4.
func validVERS(list []string) bool {
	var kinds []byte // "=", "<" or ">"
	for _, c := range list {
		switch comparator, _ := cutVERS(c); comparator {
		case "":
			kinds = append(kinds, '=')
		case "!=":
		default:
			kinds = append(kinds, comparator[0])
		}
	}
	text := string(kinds)
	bounds := strings.ReplaceAll(text, "=", "")
	return len(list) > 0 && !strings.Contains(text, "=<") && !strings.Contains(bounds, "<<") && !strings.Contains(bounds, ">>")
}

// containsVERS is "Checking if a version is contained within a range" of
// https://github.com/package-url/vers-spec/blob/main/docs/specification/how-to-parse.md,
// with what ParseVERS documents beside.
func containsVERS(list []string, v int) bool {
	var bounds []string
	unequal := true
	for _, c := range list {
		comparator, w := cutVERS(c)
		if v == w && comparator != "!=" && comparator != "<" && comparator != ">" {
			return true
		}
		if comparator == "<" || comparator == "<=" || comparator == ">" || comparator == ">=" {
			bounds = append(bounds, c)
		}
		unequal = unequal && comparator == "!="
	}
	for _, c := range list {
		if comparator, w := cutVERS(c); comparator == "!=" && v == w {
			return false
		}
	}
	if unequal {
		return true
	}
	for i, c := range bounds {
		comparator, w := cutVERS(c)
		if comparator[0] == '<' && i == 0 && v < w {
			return true
		}
		if comparator[0] == '>' && v > w {
			if i == len(bounds)-1 {
				return true
			}
			if _, next := cutVERS(bounds[i+1]); v < next {
				return true
			}
		}
	}
	return false
}

func FuzzParseVERS(f *testing.F) {
	f.Add("vers:npm/>=1.0.0|!=1.2.0|<2.0.0|3.0.0", "1.0.0")
	f.Add("vers:deb/1.0%7Erc1", "1.0~rc1")
	f.Add("vers:generic/!=1|!=2", "1")
	f.Add("vers:rpm/<1.0|>=1.0-1", "1.0")
	f.Add("vers:pypi/*", "1!2.0")
	f.Fuzz(func(t *testing.T, uri, text string) {
		r, err := version.ParseVERS(uri)
		if err != nil {
			require.Zero(t, r)
			return
		}
		printed, err := r.VERS()
		require.NoError(t, err, uri)
		again, err := version.ParseVERS(printed)
		require.NoErrorf(t, err, "%q, printed from %q", printed, uri)
		twice, err := again.VERS()
		require.NoError(t, err, printed)
		require.Equalf(t, printed, twice, "printed again, at first from %q", uri)
		if v, err := version.Parse(r.Scheme(), text); err == nil {
			require.Equalf(t, r.Contains(v), again.Contains(v), "whether %q and %q contain %q", uri, printed, text)
		}
	})
}
