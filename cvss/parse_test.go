package cvss_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/cvss"
)

// corpus has vectors with their canonical form and the score of all of them.
var corpus = []struct {
	vector, want string
	score        float64
	severity     cvss.Severity
}{
	// CVSS v2 guide, section 3.3: CVE-2002-0392, CVE-2003-0818 and
	// CVE-2003-0062, each with its base, temporal and highest environmental
	// score. The last ones show that a half is rounded up: 9.15 and 7.45.
	{"AV:N/AC:L/Au:N/C:N/I:N/A:C", "", 7.8, cvss.High},
	{"AV:N/AC:L/Au:N/C:N/I:N/A:C/E:F/RL:OF/RC:C", "", 6.4, cvss.Medium},
	{"AV:N/AC:L/Au:N/C:N/I:N/A:C/E:F/RL:OF/RC:C/CDP:H/TD:H/CR:M/IR:M/AR:H", "", 9.2, cvss.High},
	{"AV:N/AC:L/Au:N/C:C/I:C/A:C", "", 10, cvss.High},
	{"AV:N/AC:L/Au:N/C:C/I:C/A:C/E:F/RL:OF/RC:C", "", 8.3, cvss.High},
	{"AV:N/AC:L/Au:N/C:C/I:C/A:C/E:F/RL:OF/RC:C/CDP:H/TD:H/CR:M/IR:M/AR:L", "", 9, cvss.High},
	{"AV:L/AC:H/Au:N/C:C/I:C/A:C", "", 6.2, cvss.Medium},
	{"AV:L/AC:H/Au:N/C:C/I:C/A:C/E:POC/RL:OF/RC:C", "", 4.9, cvss.Medium},
	{"AV:L/AC:H/Au:N/C:C/I:C/A:C/E:POC/RL:OF/RC:C/CDP:H/TD:H/CR:M/IR:M/AR:M", "", 7.5, cvss.High},
	{"(AV:N/AC:L/Au:N/C:P/I:P/A:P)", "AV:N/AC:L/Au:N/C:P/I:P/A:P", 7.5, cvss.High}, // as in NVD's feeds
	{"AV:L/AC:H/Au:M/C:N/I:N/A:N", "", 0, cvss.Low},                                // NVD has no "None" for version 2.0
	{"C:P/I:P/A:P/AV:N/AC:L/Au:N", "AV:N/AC:L/Au:N/C:P/I:P/A:P", 7.5, cvss.High},   // another order
	{"AV:N/AC:L/Au:N/C:P/I:P/A:P/E:ND/CDP:ND/", "AV:N/AC:L/Au:N/C:P/I:P/A:P", 7.5, cvss.High},

	// The sum of the adjusted base score is below 0 before CDP counts.
	{"AV:L/AC:H/Au:M/C:N/I:N/A:P/E:U/RC:UR/CDP:H/TD:H/CR:L/AR:L", "", 5, cvss.Medium},

	// CVSS v3.1 examples: https://www.first.org/cvss/v3.1/examples
	{"CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", "", 6.4, cvss.Medium},   // CVE-2013-0375
	{"CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", "", 3.1, cvss.Low},      // CVE-2014-3566
	{"CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:H/I:H/A:H", "", 9.9, cvss.Critical}, // CVE-2012-1516
	{"CVSS:3.1/AV:L/AC:L/PR:H/UI:N/S:U/C:L/I:L/A:L", "", 4.2, cvss.Medium},   // CVE-2009-0783
	{"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", "", 7.5, cvss.High},     // CVE-2014-0160
	{"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "", 9.8, cvss.Critical}, // CVE-2014-6271
	{"CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:C/C:N/I:H/A:N", "", 6.8, cvss.Medium},   // CVE-2008-1447
	{"CVSS:3.1/AV:P/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "", 6.8, cvss.Medium},   // CVE-2014-2005
	{"CVSS:3.1/AV:A/AC:L/PR:N/UI:N/S:C/C:H/I:N/A:H", "", 9.3, cvss.Critical}, // CVE-2013-6014
	{"CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", "", 6.1, cvss.Medium},   // CVE-2013-1937
	{"CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", "", 0, cvss.None},       // no impact
	{"CVSS:3.1/S:U/C:H/I:N/A:N/AV:N/AC:L/PR:N/UI:N/E:X/", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", 7.5, cvss.High},

	// Vectors of issues of FIRST's reference calculator: the sum before
	// rounding is 8.55 (RedHatProductSecurity/cvss-v4-calculator#66), 0.35 and
	// 8.95 (#48), and 5.941666... (#53).
	{"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:P/VC:H/VI:L/VA:N/SC:H/SI:H/SA:H", "", 8.6, cvss.High},
	{"CVSS:4.0/AV:N/AC:L/AT:P/PR:L/UI:A/VC:L/VI:L/VA:N/SC:N/SI:N/SA:N/E:U", "", 0.4, cvss.Low},
	{"CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:N/VC:H/VI:H/VA:N/SC:H/SI:H/SA:H/E:P", "", 9, cvss.Critical},
	{"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H", "", 10, cvss.Critical},
	{"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N/", "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 9.3, cvss.Critical},
	{"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:N/SC:N/SI:N/SA:N", "", 0, cvss.None},
	{"CVSS:4.0/AV:L/AC:L/AT:N/PR:L/UI:P/VC:N/VI:H/VA:H/SC:N/SI:L/SA:L/E:P/CR:H/IR:M/AR:H/MAV:A/MAT:P/MPR:N/MVI:H/MVA:N/MSI:H/MSA:N/S:N/V:C/U:Amber", "", 4.7, cvss.Medium},
}

func TestParse(t *testing.T) {
	for _, tt := range corpus {
		want := tt.want
		if want == "" {
			want = tt.vector
		}
		v, err := cvss.Parse(tt.vector)
		require.NoError(t, err)
		assert.Equalf(t, want, v.String(), "String of %q", tt.vector)
		assert.InDeltaf(t, tt.score, v.Score(), 0, "Score of %q", tt.vector)
		assert.Equalf(t, tt.severity, v.Severity(), "Severity of %q", tt.vector)
	}
}

func TestParseErrors(t *testing.T) {
	const v3, v4 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"
	tests := []struct {
		vector, metric string
		offset         int
		reason         string
	}{
		{"", "", 0, "empty"},
		{"()", "", 1, "no colon and value"},
		{"/", "", 0, "no colon and value"},
		{"High", "High", 0, "no colon and value"},
		{"(AV:N/AC:L/Au:N/C:P/I:P/A:P", "", 27, "no closing parenthesis"},
		{"CVSS:3.2/AV:N", "", 5, "unknown version"},
		{"CVSS:3.1", "", 5, "unknown version"},
		{"CVSS:3.1/", "", 9, "no colon and value"},
		{v3 + "/C:H", "C", 45, "given twice"},
		{v3 + "/E:X/E:P", "E", 49, "given twice"},
		{v3 + "//", "", 45, "no colon and value"},
		{v3 + "/Au:N", "Au", 45, "unknown in version 3.1"},
		{v3 + "/E:Z", "E", 47, `unknown value "Z"`},
		{v3 + "/E:", "E", 47, `unknown value ""`},
		{v3 + "/E:UU", "E", 47, `unknown value "UU"`},
		{"CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", "AV", 12, `unknown value "X"`},
		{"CVSS:3.1/av:n", "av", 9, "unknown in version 3.1"},
		{"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N", "A", 40, "mandatory but missing"},
		{"AV:N/AC:L/Au:N/C:P/I:P/A:P/E:-", "E", 29, `unknown value "-"`},
		{v4 + "/AR:H/CR:H", "CR", 69, "must come before AR"},
		{"CVSS:4.0/AC:L/AV:N", "AC", 9, "must come after AV"},
		{v4 + "/E:A/E:A", "E", 68, "given twice"},
		{v4 + "/U:Blue", "U", 66, `unknown value "Blue"`},
		{strings.Repeat("A", 513), "", 512, "too long for a vector"},
	}
	for _, tt := range tests {
		v, err := cvss.Parse(tt.vector)
		pe, ok := errors.AsType[*cvss.ParseError](err)
		require.Truef(t, ok, "Parse(%q): error %v", tt.vector, err)
		assert.Equal(t, cvss.ParseError{Vector: tt.vector, Metric: tt.metric, Offset: tt.offset, Reason: tt.reason}, *pe)
		assert.Contains(t, err.Error(), tt.reason)
		assert.Truef(t, v.IsZero(), "Parse(%q) returns no vector with its error", tt.vector)
	}
}

func FuzzParse(f *testing.F) {
	for _, tt := range corpus { // shared with TestParse
		f.Add(tt.vector)
	}
	f.Add("CVSS:4.0/AC:L/AV:N") // out of order
	f.Add("AV:N/AC:L/Au:N/C:P/I:P/A:P/E:-")
	f.Fuzz(func(t *testing.T, s string) {
		v, err := cvss.Parse(s)
		if err != nil {
			require.Truef(t, v.IsZero(), "Parse(%q)", s)
			return
		}
		back, err := cvss.Parse(v.String())
		require.NoErrorf(t, err, "Parse(%q), printed from %q", v, s)
		require.Equalf(t, v, back, "printed from %q", s)
		for _, score := range []float64{
			v.BaseScore(), v.TemporalScore(), v.EnvironmentalScore(), v.Score(), v.Impact(), v.Exploitability(),
		} {
			text := fmt.Sprintf("%.1f", score)
			require.Truef(t, score >= 0 && score <= 10 && fmt.Sprint(score) == strings.TrimSuffix(text, ".0"), "%q has the score %v", s, score)
		}
	})
}
