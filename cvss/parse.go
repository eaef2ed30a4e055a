package cvss

import (
	"fmt"
	"strings"
)

// maxLen bounds a vector in bytes. The longest one that is right has less than
// 200, a few more if it sets metrics to "not defined".
const maxLen = 512

// A ParseError says what is wrong with a vector.
type ParseError struct {
	Vector string
	Metric string // the metric at fault; empty if it is none
	Offset int    // where in Vector, in bytes
	Reason string
}

func (e *ParseError) Error() string {
	vector, more := e.Vector, ""
	if len(vector) > maxLen {
		vector, more = vector[:maxLen], "..."
	}
	if e.Metric == "" {
		return fmt.Sprintf("cvss: %q%s at byte %d: %s", vector, more, e.Offset, e.Reason)
	}
	return fmt.Sprintf("cvss: %q%s at byte %d: metric %q: %s", vector, more, e.Offset, e.Metric, e.Reason)
}

// Parse reads a vector of any version: with its prefix, such as "CVSS:3.1/",
// or without one for version 2.0, where it may stand in parentheses. A slash
// at the end is ignored, as feeds have it.
//
// All mandatory metrics must be there, and none twice. The metrics of versions
// 2.0 and 3 may come in any order (CVSS v3.1, section 6), those of version 4.0
// only in that of its specification (CVSS v4.0, section 7). Any error is a
// [*ParseError].
func Parse(vector string) (Vector, error) {
	if len(vector) > maxLen {
		return Vector{}, &ParseError{Vector: vector, Offset: maxLen, Reason: "too long for a vector"}
	}
	n, start, end := v20, 0, len(vector)
	switch {
	case vector == "":
		return Vector{}, &ParseError{Reason: "empty"}
	case vector[0] == '(':
		if vector[end-1] != ')' {
			return Vector{}, &ParseError{Vector: vector, Offset: end, Reason: "no closing parenthesis"}
		}
		start, end = 1, end-1
	case strings.HasPrefix(vector, "CVSS:"):
		switch {
		case strings.HasPrefix(vector, versions[v31].prefix):
			n = v31
		case strings.HasPrefix(vector, versions[v40].prefix):
			n = v40
		case strings.HasPrefix(vector, versions[v30].prefix):
			n = v30
		default:
			return Vector{}, &ParseError{Vector: vector, Offset: len("CVSS:"), Reason: "unknown version"}
		}
		start = len(versions[n].prefix)
	}
	if end > start && vector[end-1] == '/' {
		end--
	}
	return parseMetrics(n, vector, start, end)
}

// parseMetrics reads the metrics in vector[start:end].
func parseMetrics(n int, vector string, start, end int) (v Vector, err error) {
	ver := &versions[n]
	v.hi = uint64(n) << versionShift
	var seen uint64 // a bit for each metric
	next := 0       // the metric that comes next if they are in order
	for i := start; ; {
		name := i
		for i < end && vector[i] != ':' && vector[i] != '/' {
			i++
		}
		if i >= end || vector[i] != ':' {
			return Vector{}, &ParseError{vector, vector[name:i], name, "no colon and value"}
		}
		k := next
		if k >= len(ver.metrics) || ver.metrics[k].name != vector[name:i] {
			if k, err = ver.outOfTurn(vector, name, i, next, seen); err != nil {
				return Vector{}, err
			}
		}
		if seen&(1<<k) != 0 {
			return Vector{}, &ParseError{vector, vector[name:i], name, "given twice"}
		}
		seen |= 1 << k
		next = k + 1

		m := &ver.metrics[k]
		i++
		val := i
		var code uint8
		if i < end && (i+1 == end || vector[i+1] == '/') {
			code = m.letter(vector[i])
			i++
		} else {
			for i < end && vector[i] != '/' {
				i++
			}
		}
		if code == 0 {
			var ok bool
			if code, ok = m.code(vector[val:i]); !ok && (k < ver.base || vector[val:i] != ver.unset) {
				return Vector{}, &ParseError{vector, m.name, val, fmt.Sprintf("unknown value %q", vector[val:i])}
			}
		}
		v.set(m.slot, code)
		if i == end {
			break
		}
		i++ // the slash
	}
	if missing := ^seen & (1<<ver.base - 1); missing != 0 {
		return Vector{}, ver.missing(vector, end, missing)
	}
	return v, nil
}

// letter returns the code of a value of one letter, 0 if there is none.
func (m *metric) letter(c byte) uint8 {
	for i := range len(m.letters) {
		if m.letters[i] == c && c != '-' {
			return uint8(i + 1)
		}
	}
	return 0
}

// outOfTurn returns the place of the metric vector[start:end], where the one at
// place next could have stood.
func (ver *version) outOfTurn(vector string, start, end, next int, seen uint64) (int, error) {
	k, ok := ver.find(vector[start:end], next)
	reason := ""
	switch {
	case !ok:
		reason = "unknown in version " + ver.name
	case !ver.ordered || seen&(1<<k) != 0: // the caller reports what is twice
	case k < next:
		reason = "must come before " + ver.metrics[next-1].name
	case next < ver.base:
		reason = "must come after " + ver.metrics[next].name
	}
	if reason != "" {
		return 0, &ParseError{vector, vector[start:end], start, reason}
	}
	return k, nil
}

// missing reports the first mandatory metric that is not there.
func (ver *version) missing(vector string, end int, missing uint64) error {
	k := 0
	for missing&(1<<k) == 0 {
		k++
	}
	return &ParseError{vector, ver.metrics[k].name, end, "mandatory but missing"}
}
