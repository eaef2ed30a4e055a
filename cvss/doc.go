// Package cvss reads, scores and prints vectors of the Common Vulnerability
// Scoring System, versions 2.0, 3.0, 3.1 and 4.0.
//
// Start with [Parse]. It reads every version, and [Vector] answers the rest:
// [Vector.Score] and [Vector.Severity] for the whole of what a vector says,
// [Vector.BaseScore], [Vector.TemporalScore] and [Vector.EnvironmentalScore]
// for a part of it, [Vector.Explain] for its metrics in words. [Vector.Get] and
// [Vector.With] read and change one metric.
//
// A Vector is a small value: it can be compared with ==, be a key of a map, be
// used by many goroutines at once, and stands as text in JSON. Parsing and
// scoring allocate nothing. Vectors may come from anywhere; what is no vector
// is a [*ParseError].
//
// Scores are exact: each version's formulas are calculated so that the result
// is the one that the specification's arithmetic has on paper, with the
// rounding of that version, and no error of binary fractions shows.
//
// [Severity] is the qualitative scale (CVSS v4.0, section 6), with one level
// more that Linux distributions use.
//
// The specifications are
//
//   - https://www.first.org/cvss/v2/guide
//   - https://www.first.org/cvss/v3.0/specification-document
//   - https://www.first.org/cvss/v3.1/specification-document
//   - https://www.first.org/cvss/v4.0/specification-document
//
// CVSS is owned by FIRST and used by permission: see
// https://www.first.org/cvss/.
package cvss
