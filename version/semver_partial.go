package version

import (
	"slices"
	"strings"
)

// What npm and Cargo have in common: requirements with versions of which the
// end is left open, such as "1.2" and "1.2.x".

// semverPartial is such a version. The numbers that are open are empty; with
// one number all that follow are open, too.
type semverPartial struct {
	major, minor, patch string

	numbers string // the text of all numbers that are not open
	pre     string // without "-", empty if there is none or a number is open
	text    string // numbers and pre

	wild   bool // has a wildcard
	hidden bool // has numbers, a pre-release or a build after a wildcard
}

// readSemverPartial reads the partial version at constraint[start:end] and
// returns where it ends.
func readSemverPartial(s Scheme, constraint string, start, end int, loose bool) (semverPartial, int, *ParseError) {
	fail := func(pos int, reason string) (semverPartial, int, *ParseError) {
		return semverPartial{}, 0, &ParseError{Scheme: s, Text: constraint, Pos: pos, Reason: reason}
	}
	if start == end {
		return fail(start, semverNoVersion)
	}
	var p semverPartial
	parts := [...]*string{&p.major, &p.minor, &p.patch}
	i, n := start, 0
	for ; n < len(parts); n++ {
		if n > 0 {
			if i == end || constraint[i] != '.' {
				break
			}
			i++
		}
		if i < end && strings.IndexByte("xX*", constraint[i]) >= 0 {
			i++
			p.wild = true
			continue
		}
		digits, _ := cutDigits(constraint[i:end])
		if digits == "" {
			return fail(i, semverNoNumber)
		}
		i += len(digits)
		if p.wild {
			p.hidden = true
			continue
		}
		*parts[n] = digits
		p.numbers = constraint[start:i]
	}
	p.text = p.numbers
	if n == len(parts) {
		pre, build, next, reason := readSemverTail(constraint, i, end, loose)
		if reason != "" {
			return fail(next, reason)
		}
		p.hidden = p.hidden || p.wild && pre+build != ""
		if i = next; p.patch != "" && pre != "" {
			p.pre, p.text = pre, p.numbers+"-"+pre
		}
	}
	if i-start > maxVersion-8 { // comparators add a few bytes to it
		return fail(start, reasonTooLong)
	}
	return p, i, nil
}

// readSemverOperator reads the operator at constraint[start:end] and returns
// where it ends. "~>" is another spelling of "~".
func readSemverOperator(constraint string, start, end int) (op string, next int) {
	rest := constraint[start:end]
	for _, op := range [...]string{"<=", ">=", "<", ">", "="} {
		if strings.HasPrefix(rest, op) {
			return op, start + len(op)
		}
	}
	switch {
	case strings.HasPrefix(rest, "~>"):
		return "~", start + 2
	case strings.HasPrefix(rest, "~"), strings.HasPrefix(rest, "^"):
		return rest[:1], start + 1
	}
	return "", start
}

// comparators returns the comparisons that an operator with p stands for. In
// upper bounds, "-0" is the lowest pre-release.
func (p semverPartial) comparators(op string) []comparator {
	lower := comparator{holds: equal | greater, version: p.text}
	below := func(v string) comparator { return comparator{holds: less, version: v + "-0"} }
	if p.major == "" {
		if op == "<" || op == ">" {
			return []comparator{below("0")} // nothing
		}
		return nil // everything
	}
	switch op {
	case "^":
		return []comparator{lower, below(p.nextBreaking())}
	case "~":
		return []comparator{lower, below(p.nextMinor())}
	}
	if p.patch != "" {
		return []comparator{{holds: semverOperator(op), version: p.text}}
	}
	switch op {
	case "<":
		return []comparator{below(p.numbers)}
	case "<=":
		return []comparator{below(p.nextMinor())}
	case ">=":
		return []comparator{lower}
	case ">":
		return []comparator{{holds: equal | greater, version: p.nextMinor()}}
	}
	return []comparator{lower, below(p.nextMinor())}
}

// nextBreaking returns the version that increases the first number that is
// not 0, or else the last one.
func (p semverPartial) nextBreaking() string {
	switch {
	case trimZeros(p.major) != "" || p.minor == "":
		return incrementDigits(p.major)
	case trimZeros(p.minor) != "" || p.patch == "":
		return p.major + "." + incrementDigits(p.minor)
	}
	return p.major + "." + p.minor + "." + incrementDigits(p.patch)
}

// nextMinor returns the version that increases the second number, or the first
// if the second is open.
func (p semverPartial) nextMinor() string {
	if p.minor == "" {
		return incrementDigits(p.major)
	}
	return p.major + "." + incrementDigits(p.minor)
}

// incrementDigits adds 1 to a decimal number.
func incrementDigits(digits string) string {
	sum := []byte(digits)
	for i := len(sum) - 1; i >= 0; i-- {
		if sum[i] != '9' {
			sum[i]++
			return string(sum)
		}
		sum[i] = '0'
	}
	return "1" + string(sum)
}

// semverPreRule returns the comparator that admits pre-releases only of the
// given numbers.
func semverPreRule(s Scheme, numbers []string) comparator {
	return comparator{test: func(v string) bool {
		p, err := parseSemver(s, v)
		return err == nil && (p.pre == "" || slices.ContainsFunc(numbers, func(n string) bool {
			return compareSemverNumbers(n, p.numbers) == 0
		}))
	}}
}
