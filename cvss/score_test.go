package cvss

import (
	"bufio"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func f64(r *big.Rat) float64 {
	f, _ := r.Float64()
	return f
}

// eachVector calls f with every vector that has a value for each of the first n
// metrics of a version.
func eachVector(version, n int, f func(string)) {
	ver := &versions[version]
	var walk func(i int, s string)
	walk = func(i int, s string) {
		if i == n {
			f(strings.TrimSuffix(s, "/"))
			return
		}
		for _, val := range ver.metrics[i].values {
			walk(i+1, s+ver.metrics[i].name+":"+val.name+"/")
		}
	}
	walk(0, ver.prefix)
}

func TestBaseVectors2(t *testing.T) {
	n := 0
	eachVector(v20, 6, func(s string) {
		n++
		v := MustParse(s)
		base, temporal, environmental := reference2(metricsOf(s))
		require.Equalf(t, f64(base), v.BaseScore(), "BaseScore of %q", s)
		require.Equalf(t, f64(temporal), v.TemporalScore(), "TemporalScore of %q", s)
		require.Equalf(t, f64(environmental), v.EnvironmentalScore(), "EnvironmentalScore of %q", s)
		require.Equalf(t, s, v.String(), "String of %q", s)
	})
	assert.Equal(t, 729, n)
}

// TestAdjustedBase2 has every impact that an environment can make of one, with
// every exploitability.
func TestAdjustedBase2(t *testing.T) {
	t.Parallel()
	impacts := []string{"%s:N", "%s:P/%[1]sR:L", "%s:P/%[1]sR:M", "%s:P/%[1]sR:H", "%s:C/%[1]sR:L", "%s:C/%[1]sR:M", "%s:C/%[1]sR:H"}
	eachVector(v20, 3, func(s string) { // AV to Au
		for i, c := range impacts {
			for j, in := range impacts[:i+1] {
				for _, a := range impacts[:j+1] {
					s := s + "/" + fmt.Sprintf(c, "C") + "/" + fmt.Sprintf(in, "I") + "/" + fmt.Sprintf(a, "A")
					_, _, want := reference2(metricsOf(s))
					require.Equalf(t, f64(want), MustParse(s).EnvironmentalScore(), "EnvironmentalScore of %q", s)
				}
			}
		}
	})
}

func TestBaseVectors3(t *testing.T) {
	for _, version := range []int{v30, v31} {
		t.Run(versions[version].name, func(t *testing.T) {
			t.Parallel() // it takes a second
			n := 0
			eachVector(version, 8, func(s string) {
				n++
				v := MustParse(s)
				base, temporal, environmental, _ := reference3(metricsOf(s))
				want := [3]float64{f64(base), f64(temporal), f64(environmental)}
				if got := [3]float64{v.BaseScore(), v.TemporalScore(), v.EnvironmentalScore()}; got != want || v.String() != s {
					t.Fatalf("%q: base, temporal and environmental score %v, want %v; String() %q", s, got, want, v)
				}
			})
			assert.Equal(t, 2592, n)
		})
	}
}

// TestBaseVectors4 checks a part of the 104,976, spread over all of them.
func TestBaseVectors4(t *testing.T) {
	n := 0
	eachVector(v40, 11, func(s string) {
		n++
		if n%41 == 0 {
			v := MustParse(s)
			require.Equalf(t, f64(halfUp(reference4(metricsOf(s)))), v.BaseScore(), "BaseScore of %q", s)
			require.Equalf(t, s, v.String(), "String of %q", s)
		}
	})
	assert.Equal(t, 104976, n)
}

// TestMargins shows that the floating point numbers of version 3 do no harm:
// what an environmental score rounds is a tenth, or far enough from one. (The
// base scores are in TestBaseVectors3; the other steps have integers.)
func TestMargins(t *testing.T) {
	impacts := []string{"%s:N", "%s:L/%[1]sR:L", "%s:L/%[1]sR:M", "%s:L/%[1]sR:H", "%s:H/%[1]sR:L", "%s:H/%[1]sR:M", "%s:H/%[1]sR:H"}
	n := 0
	check := func(s string) {
		for i, c := range impacts {
			for j, in := range impacts[:i+1] {
				for _, a := range impacts[:j+1] {
					n++
					if n%marginStep == 0 {
						margin(t, s+"/"+fmt.Sprintf(c, "C")+"/"+fmt.Sprintf(in, "I")+"/"+fmt.Sprintf(a, "A"))
					}
				}
			}
		}
	}
	eachVector(v30, 5, check) // AV to S
	eachVector(v31, 5, check)
	assert.Equal(t, 2*4*2*3*2*2*84, n)
}

// marginStep is odd, so that in the long run each metric has each value. Run
// the test with 1 when the formulas change; that takes some seconds.
const marginStep = 29

func margin(t *testing.T, s string) {
	t.Helper()
	v, err := Parse(s)
	require.NoError(t, err)
	_, _, environmental, x := reference3(metricsOf(s))
	require.Equalf(t, f64(environmental), v.EnvironmentalScore(), "EnvironmentalScore of %q", s)
	tenths := mul(x, rat("10"))
	if frac := f64(sub(tenths, floor(tenths))); frac != 0 {
		require.Greaterf(t, min(frac, 1-frac), 1e-7, "%q: distance from a tenth", s)
		require.Greaterf(t, max(frac-5e-5, 5e-5-frac), 1e-7, "%q: distance from where appendix A rounds down", s)
	}
}

// TestGolden reads random vectors with the scores on which this package and the
// libraries of testdata/README.md agree, and calculates them a third time.
func TestGolden(t *testing.T) {
	for _, version := range []string{"2.0", "3.0", "3.1", "4.0"} {
		file, err := os.Open(filepath.Join("testdata", "golden-"+version+".txt"))
		require.NoError(t, err)
		lines := bufio.NewScanner(file)
		n := 0
		for ; lines.Scan(); n++ {
			s, want, _ := strings.Cut(lines.Text(), " ")
			v, err := Parse(s)
			got := fmt.Sprintf("%.1f %.1f %.1f", v.BaseScore(), v.TemporalScore(), v.EnvironmentalScore())
			if err != nil || got != want || v.String() != s {
				t.Fatalf("%q: base, temporal and environmental score %s, want %s; String() %q; error %v", s, got, want, v, err)
			}
			if n%5 != 0 {
				continue // the slow functions need not see all
			}
			var environmental *big.Rat
			switch version {
			case "2.0":
				_, _, environmental = reference2(metricsOf(s))
			case "4.0":
				environmental = halfUp(reference4(metricsOf(s)))
			default:
				_, _, environmental, _ = reference3(metricsOf(s))
			}
			require.Equalf(t, f64(environmental), v.EnvironmentalScore(), "EnvironmentalScore of %q", s)
		}
		require.NoError(t, lines.Err())
		require.NoError(t, file.Close())
		assert.Equalf(t, 600, n, "vectors of version %s", version)
	}
}

// TestTables checks what the code takes for granted of the tables.
func TestTables(t *testing.T) {
	for _, ver := range versions[1:] {
		for i, m := range ver.metrics {
			assert.Lenf(t, m.values, len(m.letters), "%s %s", ver.name, m.name)
			for j, val := range m.values {
				letter := val.name
				if len(letter) > 1 {
					letter = "-"
				}
				assert.Equalf(t, letter, m.letters[j:j+1], "%s %s:%s", ver.name, m.name, val.name)
			}
			if base, ok := strings.CutPrefix(m.name, "M"); ok && i >= ver.base && ver.group(i) == "Environmental" {
				k, ok := ver.find(base, 0)
				require.Truef(t, ok, "%s %s modifies a metric", ver.name, m.name)
				assert.Equalf(t, ver.metrics[k].slot+hiSlot, m.slot, "%s %s", ver.name, m.name)
				assert.Truef(t, strings.HasPrefix(m.letters, ver.metrics[k].letters), "%s %s has the codes of %s", ver.name, m.name, base)
			}
		}
	}
	n := 0
	for _, tenths := range macroVectors {
		assert.LessOrEqual(t, tenths, uint8(100))
		if tenths > 0 {
			n++
		}
	}
	assert.Equal(t, 270, n, "MacroVectors")
}
