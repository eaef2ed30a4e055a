package cvss

// What the scoring of version 4.0 needs of each level of the five sets of
// equivalent metrics (https://www.first.org/cvss/v4.0/specification-document
// #CVSS-v4-0-Scoring, section 8.2, tables 24 to 30).
//
// All the highest severity vectors of a level have the same sum of severity
// levels. So the distance of any vector from the highest one that it is below
// is the difference of two sums, and nothing is to be searched.
type level4 struct {
	highest int // the sum of levels of the highest severity vectors
	weight  int // 840 / depth, where 840 is a multiple of all depths
}

const weight4 = 840

var (
	eq1Levels = [3]level4{{0, weight4 / 1}, {1, weight4 / 4}, {3, weight4 / 5}}
	eq2Levels = [2]level4{{0, weight4 / 1}, {1, weight4 / 2}}
	eq3Levels = [3][2]level4{ // EQ3 and EQ6, which go together
		{{0, weight4 / 7}, {3, weight4 / 6}},
		{{1, weight4 / 8}, {3, weight4 / 8}},
		{1: {3, weight4 / 10}},
	}
	eq4Levels = [3]level4{{1, weight4 / 6}, {3, weight4 / 5}, {6, weight4 / 4}}
)

// score4 is the score of a vector of version 4.0, in tenths. The words hold the
// metrics that count, so the same steps give the base and the threat score.
func score4(lo, hi uint64) int {
	lo = modify(lo, hi, modified4)
	const none = 3 // the code of "None"
	const noVulnerable = none<<(5*slotBits) | none<<(6*slotBits) | none<<(7*slotBits)
	const noSubsequent = none<<(8*slotBits) | none<<(9*slotBits) | none<<(10*slotBits)
	const impacts = (1<<(6*slotBits) - 1) << (5 * slotBits)
	if lo&impacts == noVulnerable|noSubsequent {
		return 0
	}

	eq1, sum1 := exploitability4(lo)
	eq2, sum2 := complexity4(lo)
	eq3, eq6, sum3 := vulnerable4(lo)
	eq4, sum4 := subsequent4(lo)
	eq5 := severityLevel4(lo, 11)
	mv := eq1*stepEQ1 + eq2*stepEQ2 + eq3*stepEQ3 + eq4*stepEQ4 + eq5*stepEQ5 + eq6*stepEQ6
	score := int(macroVectors[mv])

	// The mean over all sets with a lower level of: the difference to the
	// MacroVector there, times the part of the depth that is gone through.
	// distance is the sum of these, times 840, in tenths.
	distance, lower := 0, 0
	if eq1 < 2 {
		l := eq1Levels[eq1]
		distance += (score - int(macroVectors[mv+stepEQ1])) * (sum1 - l.highest) * l.weight
		lower++
	}
	if eq2 < 1 {
		l := eq2Levels[eq2]
		distance += (score - int(macroVectors[mv+stepEQ2])) * (sum2 - l.highest) * l.weight
		lower++
	}
	if eq3 < 2 {
		l := eq3Levels[eq3][eq6]
		distance += (score - lowerEQ3(mv, eq3, eq6)) * (sum3 - l.highest) * l.weight
		lower++
	}
	if eq4 < 2 {
		l := eq4Levels[eq4]
		distance += (score - int(macroVectors[mv+stepEQ4])) * (sum4 - l.highest) * l.weight
		lower++
	}
	if eq5 < 2 {
		lower++ // each level has one vector: the distance is 0
	}
	if distance == 0 {
		return score
	}
	// score - distance/840/lower, rounded half up: "one decimal place" in the
	// specification, the half upwards in FIRST's reference calculator since
	// https://github.com/RedHatProductSecurity/cvss-v4-calculator/pull/67.
	unit := weight4 * lower
	return (2*(score*unit-distance) + unit) / (2 * unit)
}

// severityLevel4 is the level of a metric: 0 for the worst value, which is also
// assumed where none is set (sections 3.1 and 4.1).
func severityLevel4(lo uint64, slot uint8) int { return max(int(at(lo, slot))-1, 0) }

// exploitability4 returns the level of EQ1 (table 24), and the sum of the
// severity levels of its metrics.
func exploitability4(lo uint64) (eq, sum int) {
	av, pr, ui := int(at(lo, 0))-1, int(at(lo, 3))-1, int(at(lo, 4))-1
	sum = av + pr + ui
	switch {
	case sum == 0:
		return 0, sum
	case av != 3 && (av == 0 || pr == 0 || ui == 0):
		return 1, sum
	}
	return 2, sum
}

// complexity4 does the same for EQ2 (table 25).
func complexity4(lo uint64) (eq, sum int) {
	sum = int(at(lo, 1)) + int(at(lo, 2)) - 2
	return min(sum, 1), sum
}

// vulnerable4 does the same for EQ3 and EQ6 (tables 26 and 29), whose severity
// distance is measured together (table 30).
func vulnerable4(lo uint64) (eq3, eq6, sum int) {
	vc, vi, va := int(at(lo, 5))-1, int(at(lo, 6))-1, int(at(lo, 7))-1
	cr, ir, ar := severityLevel4(lo, 12), severityLevel4(lo, 13), severityLevel4(lo, 14)
	sum = vc + vi + va + cr + ir + ar
	switch {
	case vc == 0 && vi == 0:
		eq3 = 0
	case vc == 0 || vi == 0 || va == 0:
		eq3 = 1
	default:
		eq3 = 2
	}
	if vc+cr != 0 && vi+ir != 0 && va+ar != 0 {
		eq6 = 1
	}
	return eq3, eq6, sum
}

// subsequent4 does the same for EQ4 (table 27). Safety, with the code 4, is the
// level 0 here, and High is 1.
func subsequent4(lo uint64) (eq, sum int) {
	const safety = 4
	sc, si, sa := at(lo, 8), at(lo, 9), at(lo, 10)
	sum = int(sc) + int(si%safety) + int(sa%safety)
	switch {
	case si == safety || sa == safety:
		return 0, sum
	case sc == 1 || si == 1 || sa == 1:
		return 1, sum
	}
	return 2, sum
}

// lowerEQ3 is the score of the MacroVector below in EQ3 and EQ6. From 0 and 0
// two ways lead down; the one with the higher score counts.
func lowerEQ3(mv, eq3, eq6 int) int {
	switch {
	case eq6 == 1:
		return int(macroVectors[mv+stepEQ3])
	case eq3 == 1:
		return int(macroVectors[mv+stepEQ6])
	}
	return int(max(macroVectors[mv+stepEQ3], macroVectors[mv+stepEQ6]))
}
