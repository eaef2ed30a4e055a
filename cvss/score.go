package cvss

// All scores are calculated as integers, in tenths, and become fractions here.
func fraction(tenths int) float64 { return float64(tenths) / 10 }

// Masks of a vector's words.
const (
	temporal2    = (1<<(3*slotBits) - 1) << (6 * slotBits) // E, RL, RC
	environment2 = (1<<(5*slotBits) - 1) << (9 * slotBits) // CDP, TD, CR, IR, AR

	temporal3    = (1<<(3*slotBits) - 1) << (8 * slotBits)  // E, RL, RC
	environment3 = (1<<(3*slotBits) - 1) << (11 * slotBits) // CR, IR, AR
	modified3    = 1<<(8*slotBits) - 1                      // MAV to MA

	threat4      = (1<<slotBits - 1) << (11 * slotBits)     // E
	environment4 = (1<<(3*slotBits) - 1) << (12 * slotBits) // CR, IR, AR
	modified4    = 1<<(11*slotBits) - 1                     // MAV to MSA
)

// hasEnvironment reports whether any environmental metric is set.
func (v Vector) hasEnvironment() bool {
	switch v.version() {
	case v20:
		return v.lo&environment2 != 0
	case v30, v31:
		return v.lo&environment3 != 0 || v.hi&modified3 != 0
	case v40:
		return v.lo&environment4 != 0 || v.hi&modified4 != 0
	}
	return false
}

// BaseScore returns the score of the base metrics alone.
func (v Vector) BaseScore() float64 { return fraction(v.base()) }

func (v Vector) base() int {
	switch v.version() {
	case v20:
		return base2(v.lo)
	case v30, v31:
		return base3(v.lo, v.version())
	case v40:
		return score4(v.lo&^(threat4|environment4), 0)
	}
	return 0
}

// TemporalScore returns the score of the base metrics and the temporal ones,
// which version 4.0 calls threat metrics. If none of these is set, it is the
// base score.
func (v Vector) TemporalScore() float64 { return fraction(v.temporal()) }

func (v Vector) temporal() int {
	switch v.version() {
	case v20:
		return temporalOf2(base2(v.lo), v.lo)
	case v30, v31:
		return temporalOf3(base3(v.lo, v.version()), v.lo, v.version())
	case v40:
		return score4(v.lo&^environment4, 0)
	}
	return 0
}

// EnvironmentalScore returns the score of the base, temporal or threat, and
// environmental metrics. In version 3.1 it can differ from the temporal score
// even if no environmental metric is set, for the two have different formulas.
func (v Vector) EnvironmentalScore() float64 { return fraction(v.environmental()) }

func (v Vector) environmental() int {
	switch v.version() {
	case v20:
		return environmental2(v.lo)
	case v30, v31:
		return environmental3(v.lo, v.hi, v.version())
	case v40:
		return score4(v.lo, v.hi)
	}
	return 0
}

// Score returns the score of all metrics that are set: the environmental score
// if any environmental metric is, else the temporal or threat score if one of
// these is, else the base score. The supplemental metrics of version 4.0 have
// no influence on a score.
func (v Vector) Score() float64 { return fraction(v.score()) }

func (v Vector) score() int {
	switch v.version() {
	case v20:
		if v.lo&(environment2|temporal2) == 0 {
			return base2(v.lo)
		}
		if v.lo&environment2 == 0 {
			return temporalOf2(base2(v.lo), v.lo)
		}
	case v30, v31:
		if v.hi&modified3 == 0 && v.lo&(environment3|temporal3) == 0 {
			return base3(v.lo, v.version())
		}
		if v.hi&modified3 == 0 && v.lo&environment3 == 0 {
			return temporalOf3(base3(v.lo, v.version()), v.lo, v.version())
		}
	}
	return v.environmental()
}

// Impact returns the impact sub-score of the base metrics in versions 2.0 and
// 3, rounded to one decimal and never below 0, as NVD publishes it. Version 4.0
// has none: it is 0 there.
func (v Vector) Impact() float64 {
	switch v.version() {
	case v20:
		return roundHalfUp(float64(impact2(v.lo)) / 1e11)
	case v30, v31:
		return roundHalfUp(max(impact3(v.lo), 0))
	}
	return 0
}

// Exploitability returns the exploitability sub-score of the base metrics in
// versions 2.0 and 3, rounded to one decimal, as NVD publishes it. Version 4.0
// has none: it is 0 there.
func (v Vector) Exploitability() float64 {
	switch v.version() {
	case v20:
		return roundHalfUp(float64(exploitability2(v.lo)) / 1e8)
	case v30, v31:
		return roundHalfUp(exploitability3(v.lo))
	}
	return 0
}

func roundHalfUp(x float64) float64 { return fraction(int(x*10 + 0.5)) }

// Severity returns the rating of [Vector.Score], and [Unknown] for no vector.
// Version 2.0 has no ratings of its own; see [Rate] for those used.
func (v Vector) Severity() Severity {
	if v.IsZero() {
		return Unknown
	}
	return rate(v.version() == v20, v.score())
}

// Rate returns the rating of a score that came without a vector. The version
// is one of those of [Vector.Version], or empty for one that is not known,
// which is taken for a recent one. A number that is no score is [Unknown].
//
// Versions 3 and 4.0 have None for 0.0, Low from 0.1, Medium from 4.0, High
// from 7.0 and Critical from 9.0 (CVSS v4.0, section 6). For version 2.0 the
// ratings are those of NVD: Low from 0.0, Medium from 4.0, High from 7.0
// (https://nvd.nist.gov/vuln-metrics/cvss).
func Rate(version string, score float64) Severity {
	if !(score >= 0 && score <= 10) { // not a number is neither
		return Unknown
	}
	for i := range versions {
		if versions[i].name == version {
			return rate(i == v20, int(score*10+0.5))
		}
	}
	return Unknown
}

func rate(nvd2 bool, tenths int) Severity {
	switch {
	case tenths >= 90 && !nvd2:
		return Critical
	case tenths >= 70:
		return High
	case tenths >= 40:
		return Medium
	case tenths > 0 || nvd2:
		return Low
	}
	return None
}
