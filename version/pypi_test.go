package version_test

import (
	"cmp"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/version"
)

// pypiOrder ascends, see checkOrder.
func pypiOrder() [][]string {
	return [][]string{
		// Legacy versions: words below "final" (the end), then numbers.
		{"!"},
		{"a-final"},
		{"a3"},
		{"-class.-jw.util.version.Version-"},
		{"trunk"},
		{"0.3m1"},
		{"0.3.1-p1"},
		{"0.3.2d", "0.3.2D", " 0.3.2d "},
		{"0.3.2f.dev", "0.3.2f-dev", "0.3.2f--dev", "0.3.2f-0-dev"}, // no hyphen before what precedes the end
		{"0.3.2f", "0.3.2.f", "0.3.2.0.0.f"},                        // no zeros before a word
		{"0.4m1"},
		{"1.0beta6.1"},
		{"2.0.0-final", "2-final"},
		{"2--final", "2.0--final"},
		{"2013-03-27T16:32:26+0100"},
		{"2013-03-27T16:32:27+0100"},
		{"2013-03-28", "2013-03-28.0", "2013.0-03-28", "2013-3-28"},
		{"20130327163226x"}, // by value
		{"100000000000000000000000x"},

		{"0.dev0", "0.0.DEV", "v0.0-dev", "0_dev_0", "0!0dev"},
		{"0a0.dev1"},
		{"0a", "0a0", "0.alpha"},
		{"0", "0.0", "00.00.0", "v0", "0!0"},
		{"0.0.1"},
		{"1.dev0"},
		{"1.dev1"},
		{"1a0.dev0"},
		{"1a1.dev1"},
		{"1a1.dev2"},
		{"1.0a1", "1.0-alpha_1", "1.0.ALPHA.1", "1.0a01", "1alpha1"},
		{"1.0a1.post1.dev1"},
		{"1.0a1.post1"},
		{"1.0a2"},
		{"1.0a10"},
		{"1.0b1.dev0", "1.0b1dev", "1.0BETA-1-DEV-0"},
		{"1.0b1", "1.0beta1", "1.0_b_1"},
		{"1.0rc1.dev5"},
		{"1.0rc1", "1.0c1", "1.0pre1", "1.0.preview.1", "1.0-C-1"},
		{"1.0rc1+l"},
		{"1.0rc1.post0", "1.0rc1r", "1.0rc1-0", "1.0rc1.rev"},
		{"1.0", "1", "v1.0.0", "V1", "\t1.0\n", "\f1\v", "1.00", "01", "0!1"},
		{"1.0+a", "1+A"},
		{"1.0+a.b", "1.0+a-b", "1.0+A_B"},
		{"1.0+a.0"},
		{"1.0+a.1"},
		{"1.0+a1"},
		{"1.0+ab"},
		{"1.0+0", "1.0+00"},
		{"1.0+0.a"},
		{"1.0+2"},
		{"1.0+10"},
		{"1.0+99999999999999999999"},
		{"1.0.post0.dev1", "1.0.postdev1", "1.0rdev1"},
		{"1.0.post0", "1.0post", "1.0-0", "1.0.rev", "1.0r", "1.0-post", "1.0post-"},
		{"1.0.post0+l"},
		{"1.0.post1.dev0"},
		{"1.0.post1", "1.0-1", "1-1", "1.0.r1", "1.0rev1", "1.0_post_1"},
		{"1.0.post2"},
		{"1.0.post20240101000000000000000"},
		{"1.0.1.dev0"},
		{"1.0.1a1"},
		{"1.0.1"},
		{"1.1"},
		{"1.2"},
		{"1.10"},
		{"2.0"},
		{"2024.1"},
		{"99999999999999999998"},
		{"99999999999999999999"},
		{"1!0.dev0"},
		{"1!0.5", "01!0.5.0"},
		{"2!0"},
		{"99999999999999999999!0"},
	}
}

func TestComparePyPI(t *testing.T) {
	checkOrder(t, version.PyPI, pypiOrder())
}

// TestPyPIVectors has the versions of packaging's own test, without an epoch
// and with one, https://github.com/pypa/packaging/blob/main/tests/test_version.py
// (Apache-2.0 or BSD-2-Clause; the versions and their order are facts).
func TestPyPIVectors(t *testing.T) {
	var rows [][]string
	for _, epoch := range []string{"", "1!"} {
		for v := range strings.FieldsSeq("1.0.dev0 1.0.dev456 1.0.dev456+local 1.0a0 1.0a0.post0.dev0 1.0a0.post0 1.0a1.dev1 " +
			"1.0a1.dev1+local 1.0a1 1.0a1+local 1.0b0 1.0b1.dev456 1.0b2 1.0b2.post345.dev456 1.0b2.post345 " +
			"1.0b2-346 1.0rc0 1.0rc1.dev1 1.0c1 1.0rc2 1.0 1.0.post0.dev0 1.0.post0 1.0.post456.dev34 " +
			"1.0.post456 1.0.post456+local 1.0.1.dev1 1.0.1a1 1.0.1 1.0.1+local 1.0.1.post1 1.1.dev1 1.2+a " +
			"1.2+abc 1.2+abcdef 1.2+def 1.2+0 1.2+1 1.2+1.abc 1.2+1.1 1.2+1.1.0 1.2+2 1.2+123 1.2+123456 " +
			"1.2.r32+123456 1.2.rev33+123456") {
			rows = append(rows, []string{epoch + v})
		}
	}
	checkOrder(t, version.PyPI, rows)

	tests := []struct {
		normal    string
		spellings string
	}{
		{"1.0.dev0", "1.0dev 1.0.dev 1.0-dev 1.0DEV 1.0.DEV 1.0-DEV"},
		{"1.0.dev1", "1.0dev1 1.0-dev1 1.0DEV1 1.0.DEV1 1.0-DEV1"},
		{"1.0a0", "1.0a 1.0.a 1.0-a 1.0alpha 1.0.alpha 1.0-alpha 1.0A 1.0.A 1.0-A 1.0ALPHA 1.0.ALPHA 1.0-ALPHA"},
		{"1.0a1", "1.0.a1 1.0-a1 1.0.alpha1 1.0-alpha1 1.0.A1 1.0-A1 1.0.ALPHA1 1.0-ALPHA1"},
		{"1.0b0", "1.0b 1.0.b 1.0-b 1.0beta 1.0.beta 1.0-beta 1.0B 1.0.B 1.0-B 1.0BETA 1.0.BETA 1.0-BETA"},
		{"1.0b1", "1.0.b1 1.0-b1 1.0.beta1 1.0-beta1 1.0.B1 1.0-B1 1.0.BETA1 1.0-BETA1"},
		{"1.0rc0", "1.0c 1.0.c 1.0-c 1.0rc 1.0.rc 1.0-rc 1.0C 1.0.C 1.0-C 1.0RC 1.0.RC 1.0-RC"},
		{"1.0rc1", "1.0.c1 1.0-c1 1.0.rc1 1.0-rc1 1.0.C1 1.0-C1 1.0.RC1 1.0-RC1"},
		{"1.0.post0", "1.0post 1.0.post 1.0-post 1.0POST 1.0.POST 1.0r 1.0rev 1.0-POST 1.0.post000"},
		{"1.0.post1", "1.0post1 1.0-post1 1.0POST1 1.0.POST1 1.0.r1 1.0.rev1 1.0-POST1"},
		{"1.0.post5", "1.0-5 1.0-r5 1.0-rev5"},
		{"1.0+abc", "1.0+AbC"},
		{"1.1", "1.01"},
		{"1.0a5", "1.0a05"},
		{"1.0b7", "1.0b07"},
		{"1.0rc56", "1.0c056"},
		{"1.0rc9", "1.0rc09"},
		{"1.1.dev9000", "1.1.dev09000"},
		{"1.2", "00!1.2"},
		{"100!0.0", "0100!0.0"},
		{"1.0", "v1.0"},
	}
	for _, tt := range tests {
		for v := range strings.FieldsSeq(tt.spellings) {
			checkPair(t, version.PyPI, v, tt.normal, 0)
			ok, err := version.Satisfies(version.PyPI, v, "==="+tt.normal)
			require.NoError(t, err)
			assert.Truef(t, ok, "normal form of %q", v)
		}
	}
}

func TestInvalidPyPI(t *testing.T) {
	tests := []struct {
		v   string
		pos int
	}{
		{"", 0},
		{" \t", 0},
		{"1.٣", 2}, // digits beyond ASCII
		{"1.0\x00", 3},
		{"1\n0", 1},
		{"é", 0},
		{"\xff", 0},
		{" 1\x7f", 2},
		{"1.0poſt1", 5}, // Python takes it for "post"
		{strings.Repeat("1", 4097), 4096},
	}
	for _, tt := range tests {
		checkInvalid(t, version.PyPI, tt.v, "1", tt.pos)
	}
}

func TestSatisfiesPyPI(t *testing.T) {
	tests := []struct {
		v, constraint string
		want          bool
	}{
		{"1.0", "", true},
		{"1.0a1", " \n", true},
		{"1.0", ",", true}, // no condition
		{"1.0.0", "==1.0", true},
		{"1.0+local", "==1.0", true}, // not asked for
		{"1.0", "==1.0+local", false},
		{"1.0+LOCAL.01", "==1.0+local.1", true},
		{"1.0+other", "!=1.0+local", true},
		{"1.0.post1", "==1.0", false},
		{"1.0", "!=1.0", false},
		{"1.1", "!=1.0", true},
		{"1.0", "<= 1.0 ", true},
		{"1.0+local", "<=1.0", true}, // only the public version counts
		{"1.0+local", ">=1.0", true},
		{"1.0+local", ">1.0", false},
		{"1.0.dev1", "<1.0", false}, // a pre-release of what is excluded
		{"1.0rc1", "<1.0", false},
		{"1.0rc1", "<1.0rc2", true},
		{"0.9.dev1", "<1.0", true},
		{"1.0rc1", "<1.0.post1", false},
		{"1.0.post1", ">1.0", false}, // a post-release of what is excluded
		{"1.0.post2", ">1.0.post1", true},
		{"1.0.1", ">1.0", true},
		{"1.0.post1", ">1.0rc1", false}, // by the base of both
		{"1.0a1", ">=0.9", true},        // pre-releases are versions like others
		{"1.5a1", "==1.*", true},
		{"1.0", "==1.0.0.*", true},
		{"1.0.post1", "==1.0.*", true},
		{"1.0+l", "== v1.0.*", true},
		{"1.10", "==1.1.*", false},
		{"1.10", "!=1.1.*", true},
		{"1!1.0", "==1.0.*", false},
		{"1!1.0", "==1!1.0.*", true},
		{"2.2", "~=2.2", true},
		{"2.9.dev1", "~=2.2", true},
		{"3.0", "~=2.2", false},
		{"2.2rc1", "~=2.2", false},
		{"2.2.post3", "~=2.2.post3", true},
		{"2.3", "~=2.2.0", false},
		{"1.4.6", "~=1.4.5a4", true},
		{"1.5", "~=1.4.5.pre4", false}, // whatever the spelling
		{"1!2.3", "~=1!2.2", true},
		{"1.0", "===1.0", true},
		{"1.0.0", "===1.0", false}, // another text
		{"1.0-ALPHA", "===1.0A0", true},
		{"v1!01.00.post+L.07", "===1!1.0.post0+l.7", true},
		{"1b1.dev", "===1b1.dev0", true},
		{"1c1", "===1rc1", true},
		{"0.3.2d", "===0.3.2D", true},
		{"0.3.2d", "===d", false},
		{"1.0", "====1.0", false}, // "=1.0" is not its text
		{"0.3.2d", "<1.0", false}, // legacy versions meet nothing else
		{"0.3.2d", "!=1.0", false},
		{"1.5", ">=1.0,<2.0", true},
		{"2.5", ">=1.0,<2.0", false},
		{"1.5", " >= 1.0 , < 2.0 , != 1.5.0,", false},
	}
	for _, tt := range tests {
		got, err := version.Satisfies(version.PyPI, tt.v, tt.constraint)
		require.NoErrorf(t, err, "Satisfies(pypi, %q, %q)", tt.v, tt.constraint)
		assert.Equalf(t, tt.want, got, "Satisfies(pypi, %q, %q)", tt.v, tt.constraint)
	}
}

func TestSatisfiesPyPIErrors(t *testing.T) {
	tests := []struct {
		constraint string
		pos        int
	}{
		{"1.0", 0}, // no operator
		{"=1.0", 0},
		{"=>1.0", 0},
		{"~1.0", 0},
		{"<>1.0", 0},
		{">= ", 2},
		{">=1.0, <", 8},
		{"===", 3},
		{"=== a b", 5},
		{"===a;b", 4},
		{"===é", 3},
		{">=trunk", 2}, // a legacy version
		{">=1.0 <2", 2},
		{">=1.*", 4},
		{"~=1.0.*", 6},
		{"==1.0a1.*", 8},
		{"==1.0+l.*", 8},
		{"==1.*.*", 2},
		{"==*", 2},
		{">=1.0+local", 2},
		{"~=1.0+local", 2},
		{"~=1", 2},
		{"==1, ~=1!2a1", 7},
		{strings.Repeat(" ", 65537), 65536},
	}
	for _, tt := range tests {
		got, err := version.Satisfies(version.PyPI, "1", tt.constraint)
		var perr *version.ParseError
		require.ErrorAsf(t, err, &perr, "Satisfies(pypi, 1, %q)", tt.constraint)
		assert.False(t, got)
		assert.Equal(t, version.ParseError{Scheme: version.PyPI, Text: tt.constraint, Pos: tt.pos, Reason: perr.Reason}, *perr)
	}
}

func FuzzPyPI(f *testing.F) {
	f.Add("1!1.0rc1.post2.dev3+Ubuntu.1", "1.0", "1.0-1")
	f.Add("0.3.2d", "1.0--final", "2013-03-27T16:32:26+0100")
	f.Add(".", "-.-.0-f501-fiRal", "--0.0-d-0.0d")
	f.Add("1.0a-.dev", "1.0adev", "v1c-1_r.1")
	f.Add("18446744073709551616", "18446744073709551615.0", "000+000")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if !checkTriple(t, version.PyPI, a, b, c) {
			return
		}
		got, err := version.Compare(version.PyPI, a, b)
		require.NoError(t, err)
		require.Equalf(t, comparePyPISlowly(a, b), got, "Compare(%q, %q) and the reference", a, b)
		if strings.Contains(a, "+") || strings.Contains(b, ",") || strings.HasPrefix(b, "=") || pypiPattern.FindString(pypiFold(a)) == "" {
			return // not compared as a whole by a constraint
		}
		for op, want := range map[string]bool{"<=": got <= 0, "==": got == 0, "!=": got != 0, ">=": got >= 0} {
			ok, err := version.Satisfies(version.PyPI, a, op+b)
			if err == nil { // b is neither a legacy nor a local version
				require.Equalf(t, want, ok, "Satisfies(%q, %q)", a, op+b)
			}
		}
	})
}

// pypiFold returns a version in lower case without the white space around it.
func pypiFold(v string) string { return strings.ToLower(strings.Trim(v, " \t\n\v\f\r")) }

// pypiPattern is our own pattern for versions, of lower case.
var pypiPattern = regexp.MustCompile(`^v?(?:(\d+)!)?(\d+(?:\.\d+)*)` +
	`(?:[-._]?(alpha|beta|preview|pre|rc|a|b|c)[-._]?(\d*))?` +
	`(?:-(\d+)|[-._]?(post|rev|r)[-._]?(\d*))?` +
	`(?:[-._]?(dev)[-._]?(\d*))?` +
	`(?:\+([a-z0-9]+(?:[-._][a-z0-9]+)*))?$`)

var (
	pypiLocalPart  = regexp.MustCompile(`[a-z0-9]+`)
	pypiLegacyPart = regexp.MustCompile(`\d+|[a-z]+|\.|-|[^0-9a-z.-]+`)
)

// comparePyPISlowly compares two valid versions as lists of numbers and texts.
func comparePyPISlowly(a, b string) int {
	return slices.CompareFunc(pypiParts(a), pypiParts(b), func(x, y pypiPart) int {
		if x.rank != y.rank {
			return cmp.Compare(x.rank, y.rank)
		}
		if c := x.number.Cmp(&y.number); c != 0 {
			return c
		}
		return strings.Compare(x.text, y.text)
	})
}

type pypiPart struct {
	rank   int
	number big.Int
	text   string
}

func pypiParts(v string) []pypiPart {
	var parts []pypiPart
	number := func(rank int, digits string) {
		part := pypiPart{rank: rank}
		part.number.SetString("0"+digits, 10)
		parts = append(parts, part)
	}
	v = pypiFold(v)
	m := pypiPattern.FindStringSubmatch(v)
	if m == nil {
		return pypiLegacyParts(v)
	}
	epoch, release, pre, post, dev := m[1], m[2], m[3], m[5]+m[6], m[8]
	number(0, "")
	number(0, epoch)
	list := strings.Split(release, ".")
	for len(list) > 0 && strings.Trim(list[len(list)-1], "0") == "" {
		list = list[:len(list)-1]
	}
	for _, digits := range list {
		number(9, digits)
	}
	ranks := map[string]int{"a": 2, "alpha": 2, "b": 3, "beta": 3, "c": 4, "rc": 4, "pre": 4, "preview": 4}
	switch {
	case pre != "":
		number(ranks[pre], m[4])
	case dev != "" && post == "":
		number(1, "")
	default:
		number(5, "")
	}
	for _, suffix := range []struct {
		present bool
		digits  string
		rank    int
	}{{post != "", m[5] + m[7], 1}, {dev != "", m[9], -1}} {
		if suffix.present {
			number(suffix.rank, suffix.digits)
		} else {
			number(0, "")
		}
	}
	for _, part := range pypiLocalPart.FindAllString(m[10], -1) {
		if strings.Trim(part, "0123456789") == "" {
			number(2, part)
		} else {
			parts = append(parts, pypiPart{rank: 1, text: part})
		}
	}
	return parts
}

func pypiLegacyParts(v string) []pypiPart {
	parts := []pypiPart{{rank: -1}}
	words := map[string]string{"pre": "c", "preview": "c", "-": "final-", "rc": "c", "dev": "@"}
	list := pypiLegacyPart.FindAllString(v, -1)
	for _, text := range append(list, "final") {
		if word := words[text]; word != "" {
			text = word
		}
		if text == "." {
			continue
		}
		part := pypiPart{rank: 1, text: text}
		if _, ok := part.number.SetString(text, 10); ok {
			parts = append(parts, pypiPart{rank: 2, number: part.number})
			continue
		}
		part.number.SetInt64(0)
		for last := parts[len(parts)-1]; text < "final" && last.text == "final-"; last = parts[len(parts)-1] {
			parts = parts[:len(parts)-1]
		}
		for last := parts[len(parts)-1]; last.rank == 2 && last.number.Sign() == 0; last = parts[len(parts)-1] {
			parts = parts[:len(parts)-1]
		}
		parts = append(parts, part)
	}
	return parts
}
