package cvss

// The numbers of versions 3.0 and 3.1
// (https://www.first.org/cvss/v3.1/specification-document#7-4-Metric-Values),
// in the order of metrics3. The first of each list is for a metric that is not
// set.
var (
	attackVector3     = [8]float64{0, 0.85, 0.62, 0.55, 0.2}
	attackComplexity3 = [8]float64{0, 0.77, 0.44}
	privileges3       = [2][8]float64{ // without and with a change of scope
		{0, 0.85, 0.62, 0.27},
		{0, 0.85, 0.68, 0.5},
	}
	interaction3 = [8]float64{0, 0.85, 0.62}
	impactValue3 = [8]float64{0, 0.56, 0.22, 0}
	requirement3 = [8]float64{1, 1.5, 1, 0.5}

	exploit3     = [8]int{100, 100, 97, 94, 91} // hundredths
	remediation3 = [8]int{100, 100, 97, 96, 95} // hundredths
	confidence3  = [8]int{100, 100, 96, 92}     // hundredths
)

// scopeChanged3 is 1 if Scope is Changed, else 0.
func scopeChanged3(lo uint64) uint8 { return at(lo, 4) >> 1 }

// impact3 is Impact (section 7.1):
// 6.42 * ISS, or 7.52 * (ISS-0.029) - 3.25 * (ISS-0.02)^15.
func impact3(lo uint64) float64 {
	iss := 1 - (1-impactValue3[at(lo, 5)])*(1-impactValue3[at(lo, 6)])*(1-impactValue3[at(lo, 7)])
	if scopeChanged3(lo) == 0 {
		return 6.42 * iss
	}
	return 7.52*(iss-0.029) - 3.25*pow15(iss-0.02)
}

// exploitability3 is Exploitability (section 7.1): 8.22 * AV * AC * PR * UI.
func exploitability3(lo uint64) float64 {
	return 8.22 * attackVector3[at(lo, 0)] * attackComplexity3[at(lo, 1)] *
		privileges3[scopeChanged3(lo)][at(lo, 2)] * interaction3[at(lo, 3)]
}

// base3 is the base score (section 7.1).
func base3(lo, version uint64) int {
	return combine3(impact3(lo), exploitability3(lo), scopeChanged3(lo), version)
}

// combine3 is Roundup(min(Impact + Exploitability, 10)), with a factor of 1.08
// if the scope changes, and 0 without impact.
func combine3(impact, exploitability float64, changed uint8, version uint64) int {
	if impact <= 0 {
		return 0
	}
	x := impact + exploitability
	if changed != 0 {
		x *= 1.08
	}
	return roundUp(min(x, 10), version)
}

// temporalOf3 is Roundup(base * E * RL * RC) (section 7.2), and the last step
// of the environmental score. Its numbers are integers, so it is exact.
func temporalOf3(base int, lo, version uint64) int {
	x := base * exploit3[at(lo, 8)] * remediation3[at(lo, 9)] * confidence3[at(lo, 10)] // times 10^7
	if version == v30 {
		return (x + 1e6 - 1) / 1e6
	}
	return (int((x+50)/100) + 1e4 - 1) / 1e4
}

// environmental3 is the environmental score (section 7.3). Where no modified
// metric is set, the base metric counts.
func environmental3(lo, hi, version uint64) int {
	lo = modify(lo, hi, modified3)
	miss := min(0.915, 1-
		(1-impactValue3[at(lo, 5)]*requirement3[at(lo, 11)])*
			(1-impactValue3[at(lo, 6)]*requirement3[at(lo, 12)])*
			(1-impactValue3[at(lo, 7)]*requirement3[at(lo, 13)]))
	var impact float64
	switch {
	case scopeChanged3(lo) == 0:
		impact = 6.42 * miss
	case version == v30:
		impact = 7.52*(miss-0.029) - 3.25*pow15(miss-0.02)
	default:
		impact = 7.52*(miss-0.029) - 3.25*pow13(miss*0.9731-0.02)
	}
	base := combine3(impact, exploitability3(lo), scopeChanged3(lo), version)
	return temporalOf3(base, lo, version)
}

// roundUp is Roundup, in tenths: the smallest number with one decimal that is
// not below x. Version 3.1 first rounds x to five decimals (appendix A), so
// that errors of binary fractions do not show. Version 3.0 does not; here nine
// decimals are kept, for no x of its formulas is nearer to a tenth than that
// without being one (TestMargins).
func roundUp(x float64, version uint64) int {
	if version == v30 {
		return int((int64(x*1e9+0.5) + 1e8 - 1) / 1e8)
	}
	return (int(x*1e5+0.5) + 1e4 - 1) / 1e4
}

// modify returns lo with the slots that are set in hi, of those in mask.
func modify(lo, hi, mask uint64) uint64 {
	hi &= mask
	const ones = 0o111111111111111111111 // the last bit of each slot
	set := (hi | hi>>1 | hi>>2) & ones * slotMask
	return lo&^set | hi
}

func pow15(x float64) float64 {
	x3 := x * x * x
	x6 := x3 * x3
	return x6 * x6 * x3
}

func pow13(x float64) float64 {
	x3 := x * x * x
	x6 := x3 * x3
	return x6 * x6 * x
}
