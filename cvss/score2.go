package cvss

import "math/bits"

// The numbers of version 2.0 (https://www.first.org/cvss/v2/guide#3-2-Equations)
// as integers, in the order of metrics2. The first of each list is for a metric
// that is not set.
var (
	accessVector2     = [8]uint64{0, 395, 646, 1000} // thousandths
	accessComplexity2 = [8]uint64{0, 35, 61, 71}     // hundredths
	authentication2   = [8]uint64{0, 450, 560, 704}  // thousandths
	impactValue2      = [8]uint64{0, 0, 275, 660}    // thousandths

	exploit2     = [8]uint64{100, 85, 90, 95, 100} // hundredths
	remediation2 = [8]uint64{100, 87, 90, 95, 100} // hundredths
	confidence2  = [8]uint64{100, 90, 95, 100}     // hundredths

	collateral2   = [8]uint64{0, 0, 1, 3, 4, 5}       // tenths
	distribution2 = [8]uint64{100, 0, 25, 75, 100}    // hundredths
	requirement2  = [8]uint64{100, 50, 100, 151, 100} // hundredths
)

// impact2 is the sub-score Impact times 10^11:
// 10.41 * (1 - (1-C) * (1-I) * (1-A)).
func impact2(lo uint64) uint64 {
	c := 1000 - impactValue2[at(lo, 3)]
	i := 1000 - impactValue2[at(lo, 4)]
	a := 1000 - impactValue2[at(lo, 5)]
	return 1041 * (1e9 - c*i*a)
}

// exploitability2 is the sub-score Exploitability times 10^8: 20 * AV * AC * Au.
func exploitability2(lo uint64) uint64 {
	return 20 * accessVector2[at(lo, 0)] * accessComplexity2[at(lo, 1)] * authentication2[at(lo, 2)]
}

// base2 is round_to_1_decimal((0.6*Impact + 0.4*Exploitability - 1.5) *
// f(Impact)), where f is 0 without impact and 1.176 with any. An impact is at
// least 2.8, so nothing falls below 0.
func base2(lo uint64) int {
	impact := impact2(lo)
	if impact == 0 {
		return 0
	}
	x := 6*impact + 4e3*exploitability2(lo) - 15e11 // times 10^12
	return int((x*1176 + 5e13) / 1e14)
}

// temporalOf2 is round_to_1_decimal(base * E * RL * RC).
func temporalOf2(base int, lo uint64) int {
	x := uint64(base) * exploit2[at(lo, 6)] * remediation2[at(lo, 7)] * confidence2[at(lo, 8)]
	return int((x + 5e5) / 1e6)
}

// environmental2 is round_to_1_decimal((AdjustedTemporal + (10 -
// AdjustedTemporal) * CDP) * TD), where AdjustedTemporal is the temporal score
// with AdjustedImpact for Impact.
func environmental2(lo uint64) int {
	temporal := uint64(temporalOf2(adjustedBase2(lo), lo))
	x := (10*temporal + (100-temporal)*collateral2[at(lo, 9)]) * distribution2[at(lo, 10)]
	return int((x + 500) / 1000)
}

// adjustedBase2 is the base score with AdjustedImpact, which is
// min(10, 10.41 * (1 - (1-C*CR) * (1-I*IR) * (1-A*AR))).
func adjustedBase2(lo uint64) int {
	c := 1e5 - impactValue2[at(lo, 3)]*requirement2[at(lo, 11)]
	i := 1e5 - impactValue2[at(lo, 4)]*requirement2[at(lo, 12)]
	a := 1e5 - impactValue2[at(lo, 5)]*requirement2[at(lo, 13)]
	impact := min(1041*(1e15-c*i*a), 10e17) // times 10^17
	x := 6*impact + 4e9*exploitability2(lo) // times 10^18, and within 64 bits
	if impact == 0 || x < 15e17 {
		return 0 // a low requirement can bring the sum below 0, which is no score
	}
	x -= 15e17
	// x * 1.176 has no room in 64 bits. Its last three bits are not needed:
	// 1176 is 8 * 147, and 10^20 is 8 * 125 * 10^17.
	high, low := bits.Mul64(x, 147)
	low, carry := bits.Add64(low, 625e16, 0)
	q, _ := bits.Div64(high+carry, low, 125e17)
	return int(q)
}
