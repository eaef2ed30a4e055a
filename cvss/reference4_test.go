package cvss

import (
	"math/big"
	"slices"
	"strings"
)

// highest4 has the highest severity vectors of each level of each set of
// equivalent metrics, and the depth of the level (CVSS v4.0, section 8.2,
// tables 24 to 30). EQ3 and EQ6 are one set.
type highest4 struct {
	vectors string
	depth   string
}

var highestVectors4 = []map[string]highest4{
	{
		"0": {"AV:N/PR:N/UI:N", "1"},
		"1": {"AV:A/PR:N/UI:N AV:N/PR:L/UI:N AV:N/PR:N/UI:P", "4"},
		"2": {"AV:P/PR:N/UI:N AV:A/PR:L/UI:P", "5"},
	},
	{
		"0": {"AC:L/AT:N", "1"},
		"1": {"AC:H/AT:N AC:L/AT:P", "2"},
	},
	{
		"00": {"VC:H/VI:H/VA:H/CR:H/IR:H/AR:H", "7"},
		"01": {"VC:H/VI:H/VA:L/CR:M/IR:M/AR:H VC:H/VI:H/VA:H/CR:M/IR:M/AR:M", "6"},
		"10": {"VC:L/VI:H/VA:H/CR:H/IR:H/AR:H VC:H/VI:L/VA:H/CR:H/IR:H/AR:H", "8"},
		"11": {"VC:L/VI:H/VA:L/CR:H/IR:M/AR:H VC:L/VI:H/VA:H/CR:H/IR:M/AR:M VC:H/VI:L/VA:H/CR:M/IR:H/AR:M " +
			"VC:H/VI:L/VA:L/CR:M/IR:H/AR:H VC:L/VI:L/VA:H/CR:H/IR:H/AR:M", "8"},
		"21": {"VC:L/VI:L/VA:L/CR:H/IR:H/AR:H", "10"},
	},
	{
		"0": {"SC:H/SI:S/SA:S", "6"},
		"1": {"SC:H/SI:H/SA:H", "5"},
		"2": {"SC:L/SI:L/SA:L", "4"},
	},
	{
		"0": {"E:A", "1"},
		"1": {"E:P", "1"},
		"2": {"E:U", "1"},
	},
}

// order4 has the values of the metrics from the worst to the mildest.
var order4 = map[string]string{
	"AV": "NALP", "PR": "NLH", "UI": "NPA", "AC": "LH", "AT": "NP", "VC": "HLN", "VI": "HLN", "VA": "HLN",
	"SC": "SHLN", "SI": "SHLN", "SA": "SHLN", "CR": "HML", "IR": "HML", "AR": "HML", "E": "APU",
}

// reference4 is section 8 of the specification.
func reference4(m map[string]string) *big.Rat {
	get := func(name string) string {
		if val, ok := m["M"+name]; ok {
			return val
		}
		if val, ok := m[name]; ok {
			return val
		}
		return order4[name][:1] // the worst case
	}
	is := func(metrics string) bool { // all of them
		for part := range strings.SplitSeq(metrics, "/") {
			name, val, _ := strings.Cut(part, ":")
			if get(name) != val {
				return false
			}
		}
		return true
	}
	anyOf := func(list ...string) bool { return slices.ContainsFunc(list, is) }
	if is("VC:N/VI:N/VA:N/SC:N/SI:N/SA:N") {
		return rat("0")
	}
	var eq [6]int
	switch {
	case is("AV:N/PR:N/UI:N"):
	case anyOf("AV:N", "PR:N", "UI:N") && !is("AV:P"):
		eq[0] = 1
	default:
		eq[0] = 2
	}
	if !is("AC:L/AT:N") {
		eq[1] = 1
	}
	switch {
	case is("VC:H/VI:H"):
	case anyOf("VC:H", "VI:H", "VA:H"):
		eq[2] = 1
	default:
		eq[2] = 2
	}
	switch {
	case anyOf("SI:S", "SA:S"):
	case anyOf("SC:H", "SI:H", "SA:H"):
		eq[3] = 1
	default:
		eq[3] = 2
	}
	eq[4] = strings.Index("APU", get("E"))
	if !anyOf("CR:H/VC:H", "IR:H/VI:H", "AR:H/VA:H") {
		eq[5] = 1
	}
	scoreOf := func(eq [6]int) (score *big.Rat, ok bool) {
		for i, levels := range []int{3, 2, 3, 3, 3, 2} {
			if eq[i] >= levels {
				return nil, false
			}
		}
		i := ((((eq[0]*2+eq[1])*3+eq[2])*3+eq[3])*3+eq[4])*2 + eq[5]
		tenths := macroVectors[i]
		return big.NewRat(int64(tenths), 10), tenths > 0
	}
	step := func(i int) [6]int {
		next := eq
		next[i]++
		return next
	}
	score, _ := scoreOf(eq)
	sum, lower := rat("0"), 0
	for set, level := range []string{
		digits(eq[0]), digits(eq[1]), digits(eq[2]) + digits(eq[5]), digits(eq[3]), digits(eq[4]),
	} {
		var below *big.Rat
		for _, i := range [][]int{{0}, {1}, {2, 5}, {3}, {4}}[set] {
			if set == 2 && eq[2] == 1 && eq[5] == 0 && i == 2 {
				continue // 10 goes to 11
			}
			if s, ok := scoreOf(step(i)); ok && (below == nil || s.Cmp(below) > 0) {
				below = s
			}
		}
		if below == nil {
			continue
		}
		lower++
		h := highestVectors4[set][level]
		part := mul(rat(distance4(h.vectors, get)), new(big.Rat).Inv(rat(h.depth)))
		sum = add(sum, mul(sub(score, below), part))
	}
	if lower > 0 {
		sum = mul(sum, big.NewRat(1, int64(lower)))
	}
	return sub(score, sum)
}

func digits(n int) string { return string(rune('0' + n)) }

// distance4 is the distance of a vector from the first highest severity vector
// that is not below it in any metric.
func distance4(highest string, get func(string) string) string {
	for candidate := range strings.FieldsSeq(highest) {
		total := 0
		for part := range strings.SplitSeq(candidate, "/") {
			name, val, _ := strings.Cut(part, ":")
			d := strings.Index(order4[name], get(name)) - strings.Index(order4[name], val)
			if d < 0 {
				total = -1
				break
			}
			total += d
		}
		if total >= 0 {
			return big.NewInt(int64(total)).String()
		}
	}
	panic("below no highest severity vector: " + highest)
}
