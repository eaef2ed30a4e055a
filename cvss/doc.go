// Package cvss names the ratings of vulnerabilities.
//
// [Severity] is the qualitative scale of FIRST's Common Vulnerability Scoring
// System (CVSS v4.0 specification, section 6, table 22:
// https://www.first.org/cvss/v4.0/specification-document), with one level more
// that Linux distributions use.
package cvss
