package cvss_test

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/cvss"
)

func TestZeroVector(t *testing.T) {
	var v cvss.Vector
	assert.True(t, v.IsZero())
	assert.Empty(t, v.Version()+v.String()+v.Nomenclature())
	assert.Zero(t, v.BaseScore()+v.TemporalScore()+v.EnvironmentalScore()+v.Score()+v.Impact()+v.Exploitability())
	assert.Equal(t, cvss.Unknown, v.Severity())
	_, ok := v.Get("AV")
	assert.False(t, ok)
	for m := range v.Explain() {
		t.Errorf("no vector has the metric %v", m)
	}
	_, err := v.With("AV", "N")
	assert.ErrorContains(t, err, "no vector")
	assert.LessOrEqual(t, unsafe.Sizeof(v), uintptr(16))
}

func TestGetWith(t *testing.T) {
	v := cvss.MustParse("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N")
	assert.Equal(t, "CVSS-B", v.Nomenclature())
	for _, step := range []struct{ metric, value, nomenclature string }{
		{"S", "P", "CVSS-B"}, // supplemental
		{"E", "U", "CVSS-BT"},
		{"MSI", "S", "CVSS-BTE"},
		{"E", "X", "CVSS-BE"},
		{"MSI", "X", "CVSS-B"},
		{"CR", "L", "CVSS-BE"},
		{"AV", "P", "CVSS-BE"},
		{"U", "Amber", "CVSS-BE"},
	} {
		var err error
		v, err = v.With(step.metric, step.value)
		require.NoError(t, err)
		got, ok := v.Get(step.metric)
		assert.Truef(t, ok, "Get(%q)", step.metric)
		assert.Equalf(t, step.value, got, "Get(%q)", step.metric)
		assert.Equalf(t, step.nomenclature, v.Nomenclature(), "Nomenclature of %q", v)
	}
	assert.Equal(t, "CVSS:4.0/AV:P/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N/CR:L/S:P/U:Amber", v.String())

	for _, bad := range [][2]string{{"AV", "X"}, {"AV", "Z"}, {"Au", "N"}, {"E", "ND"}, {"U", ""}} {
		got, err := v.With(bad[0], bad[1])
		assert.ErrorContainsf(t, err, fmt.Sprintf("%q", bad[0]), "With(%q, %q)", bad[0], bad[1])
		assert.Truef(t, got.IsZero(), "With(%q, %q) returns no vector with its error", bad[0], bad[1])
	}
	_, ok := v.Get("Au")
	assert.False(t, ok, "version 4.0 has no Au")
	got, ok := cvss.MustParse("AV:N/AC:L/Au:N/C:P/I:P/A:P").Get("E")
	assert.True(t, ok)
	assert.Equal(t, "ND", got)
	assert.Panics(t, func() { cvss.MustParse("AV:N") })
}

// TestText uses vectors as values and keys in JSON, and as keys of a map.
func TestText(t *testing.T) {
	const s = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"
	type record struct {
		One, None cvss.Vector
		Names     map[cvss.Vector]string
	}
	want := record{One: cvss.MustParse(s), Names: map[cvss.Vector]string{cvss.MustParse(s + "/E:X"): "a"}}
	data, err := json.Marshal(want)
	require.NoError(t, err)
	assert.Equal(t, `{"One":"`+s+`","None":"","Names":{"`+s+`":"a"}}`, string(data))
	var got record
	require.NoError(t, json.Unmarshal(data, &got))
	assert.Equal(t, want, got)
	assert.Error(t, json.Unmarshal([]byte(`{"One":"AV:N"}`), &got))
}

// TestSubScores has sub-scores as NVD publishes them, with one decimal.
func TestSubScores(t *testing.T) {
	tests := []struct {
		vector                 string
		impact, exploitability float64
	}{
		{"AV:N/AC:L/Au:N/C:P/I:N/A:N", 2.9, 10},
		{"AV:N/AC:M/Au:N/C:C/I:C/A:C", 10, 8.6},
		{"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", 3.6, 3.9},
		{"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 6, 3.9},
		{"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:N/I:N/A:N", 0, 3.9}, // the formula is below 0
		{"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 0, 0},
	}
	for _, tt := range tests {
		v := cvss.MustParse(tt.vector)
		assert.InDeltaf(t, tt.impact, v.Impact(), 0, "Impact of %q", v)
		assert.InDeltaf(t, tt.exploitability, v.Exploitability(), 0, "Exploitability of %q", v)
	}
}

// TestEnvironmentalScore has the one case in which a vector without metrics of
// the environment has another environmental score: the exponents of version 3.1
// (section 7.3).
func TestEnvironmentalScore(t *testing.T) {
	v := cvss.MustParse("CVSS:3.1/AV:P/AC:L/PR:H/UI:R/S:C/C:H/I:H/A:H/E:U")
	assert.InDelta(t, v.TemporalScore(), v.Score(), 0)
	assert.NotEqual(t, v.TemporalScore(), v.EnvironmentalScore())
}

func TestRate(t *testing.T) {
	tests := []struct {
		version string
		score   float64
		want    cvss.Severity
	}{
		{"", 0, cvss.None},
		{"3.1", 0.1, cvss.Low},
		{"3.0", 3.9, cvss.Low},
		{"4.0", 4, cvss.Medium},
		{"4.0", 6.9, cvss.Medium},
		{"3.1", 7, cvss.High},
		{"3.1", 8.9, cvss.High},
		{"3.1", 9, cvss.Critical},
		{"", 10, cvss.Critical},
		{"2.0", 0, cvss.Low},
		{"2.0", 10, cvss.High},
		{"5.0", 10, cvss.Unknown},
		{"3.1", 10.1, cvss.Unknown},
		{"3.1", -0.1, cvss.Unknown},
		{"3.1", math.NaN(), cvss.Unknown},
	}
	for _, tt := range tests {
		assert.Equalf(t, tt.want, cvss.Rate(tt.version, tt.score), "Rate(%q, %v)", tt.version, tt.score)
	}
}

func TestNoAllocs(t *testing.T) {
	for _, tt := range corpus {
		n := testing.AllocsPerRun(10, func() {
			v, err := cvss.Parse(tt.vector)
			if err != nil || v.Score() != tt.score || v.Severity() != tt.severity {
				t.Errorf("%q: %v, %v", tt.vector, v, err)
			}
		})
		assert.Zerof(t, n, "allocations for %q", tt.vector)
	}
}

func ExampleParse() {
	v, err := cvss.Parse("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N")
	fmt.Println(v.Version(), v.Score(), v.Severity(), err)
	_, err = cvss.Parse("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N")
	fmt.Println(err)
	// Output:
	// 3.1 7.5 HIGH <nil>
	// cvss: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N" at byte 40: metric "A": mandatory but missing
}

func ExampleVector_Score() {
	v := cvss.MustParse("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N")
	fmt.Println(v.Nomenclature(), v.Score())
	v, err := v.With("E", "U") // nobody is known to exploit it
	fmt.Println(v.Nomenclature(), v.Score(), v.BaseScore(), err)
	// Output:
	// CVSS-B 9.3
	// CVSS-BT 8.1 9.3 <nil>
}

func ExampleVector_Explain() {
	v := cvss.MustParse("AV:N/AC:L/Au:N/C:N/I:N/A:C/E:POC")
	for m := range v.Explain() {
		fmt.Printf("%s: %v\n", m.Group, m)
	}
	// Output:
	// Base: Access Vector: Network
	// Base: Access Complexity: Low
	// Base: Authentication: None
	// Base: Confidentiality Impact: None
	// Base: Integrity Impact: None
	// Base: Availability Impact: Complete
	// Temporal: Exploitability: Proof-of-Concept
}

func ExampleRate() {
	fmt.Println(cvss.Rate("3.1", 9.8), cvss.Rate("2.0", 9.8))
	// Output: CRITICAL HIGH
}

var benchmarks = []struct{ name, vector string }{
	{"2.0", "AV:N/AC:L/Au:N/C:P/I:P/A:P"},
	{"3.1", "CVSS:3.1/AV:N/AC:L/PR:L/UI:R/S:C/C:H/I:L/A:N"},
	{"3.1-full", "CVSS:3.1/AV:N/AC:L/PR:L/UI:R/S:C/C:H/I:L/A:N/E:P/RL:O/RC:R/CR:H/IR:M/AR:L/MAV:A/MAC:H/MPR:L/MUI:N/MS:U/MC:L/MI:H/MA:L"},
	{"4.0", "CVSS:4.0/AV:N/AC:L/AT:P/PR:L/UI:P/VC:H/VI:L/VA:N/SC:L/SI:N/SA:N"},
	{"4.0-full", "CVSS:4.0/AV:N/AC:L/AT:P/PR:L/UI:P/VC:H/VI:L/VA:N/SC:L/SI:N/SA:N/E:P/CR:H/IR:M/AR:H/MAV:A/MAT:P/MPR:N/MVI:H/MVA:N/MSI:H/MSA:N/S:N/V:C/U:Amber"},
}

func BenchmarkParse(b *testing.B) {
	for _, bb := range benchmarks {
		b.Run(bb.name, func(b *testing.B) {
			b.SetBytes(int64(len(bb.vector)))
			b.ReportAllocs()
			for b.Loop() {
				if v, err := cvss.Parse(bb.vector); err != nil || v.IsZero() {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkScore(b *testing.B) {
	for _, bb := range benchmarks {
		v := cvss.MustParse(bb.vector)
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if v.Score() == 0 {
					b.Fatal("no score")
				}
			}
		})
	}
}

func BenchmarkString(b *testing.B) {
	for _, bb := range benchmarks {
		v := cvss.MustParse(bb.vector)
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if len(v.String()) != len(bb.vector) {
					b.Fatal("another vector")
				}
			}
		})
	}
}
