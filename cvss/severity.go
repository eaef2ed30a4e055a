package cvss

import (
	"fmt"
	"strings"
)

// A Severity is a qualitative rating. Severities are ordered by their values.
type Severity uint8

// The severities. Negligible is no rating of CVSS: distributions use it, under
// this name or as "unimportant", for what has hardly any consequence.
const (
	Unknown Severity = iota // not rated
	None
	Negligible
	Low
	Medium
	High
	Critical
)

var severityNames = [...]string{"UNKNOWN", "NONE", "NEGLIGIBLE", "LOW", "MEDIUM", "HIGH", "CRITICAL"}

// Severities returns all severities, the highest first and Unknown last.
func Severities() []Severity {
	return []Severity{Critical, High, Medium, Low, Negligible, None, Unknown}
}

// ParseSeverity reads a severity's name in any case. Words that advisories use
// for the same levels are known too: "important" and "moderate" as Red Hat
// writes, "unimportant" as Debian does.
func ParseSeverity(name string) (Severity, error) {
	upper := strings.ToUpper(name)
	for i, n := range severityNames {
		if n == upper {
			return Severity(i), nil
		}
	}
	switch upper {
	case "IMPORTANT":
		return High, nil
	case "MODERATE":
		return Medium, nil
	case "UNIMPORTANT":
		return Negligible, nil
	}
	return Unknown, fmt.Errorf("cvss: %q is no severity; there are %s", name, strings.Join(severityNames[:], ", "))
}

// String returns the name in upper case.
func (s Severity) String() string {
	if int(s) < len(severityNames) {
		return severityNames[s]
	}
	return fmt.Sprintf("Severity(%d)", uint8(s))
}

// MarshalText returns the name in upper case.
func (s Severity) MarshalText() ([]byte, error) {
	if int(s) >= len(severityNames) {
		return nil, fmt.Errorf("cvss: %v has no name", s)
	}
	return []byte(s.String()), nil
}

// UnmarshalText reads what [ParseSeverity] does.
func (s *Severity) UnmarshalText(text []byte) (err error) {
	*s, err = ParseSeverity(string(text))
	return err
}
