package version

import "strings"

// Versions of R packages are numbers with "." or "-" between, without a
// difference between the two. They are compared number by number, and a
// version that ends first is lower, as compareVersion of R has it: 1.0 < 1.0.0.
// The operators for numeric_version pass over zeros at the end in some releases
// of R, 4.2 among them, where 1.0 and 1.0.0 are equal; constraints agree with
// compareVersion nevertheless, so that there is one order. See the section "The
// DESCRIPTION file" of Writing R Extensions,
// https://cran.r-project.org/doc/manuals/r-release/R-exts.html#The-DESCRIPTION-file,
// and the class numeric_version of R,
// https://stat.ethz.ch/R-manual/R-devel/library/base/html/numeric_version.html.
// A package needs two numbers at least, but R itself reads and compares one.
// Numbers beyond 31 bits, which are NA for R, are compared in full.

// checkCRAN returns an error if v is not a version.
func checkCRAN(v string) *ParseError {
	fail := func(pos int, reason string) *ParseError {
		return &ParseError{Scheme: CRAN, Text: v, Pos: pos, Reason: reason}
	}
	switch {
	case v == "":
		return fail(0, reasonEmpty)
	case len(v) > maxVersion:
		return fail(maxVersion, reasonTooLong)
	}
	for rest := v; ; rest = rest[1:] {
		var digits string
		if digits, rest = cutDigits(rest); digits == "" {
			return fail(len(v)-len(rest), "not a number")
		}
		if rest == "" {
			return nil
		}
		if rest[0] != '.' && rest[0] != '-' {
			return fail(len(v)-len(rest), "not allowed here")
		}
	}
}

func compareCRAN(a, b string) (int, error) {
	if err := checkCRAN(a); err != nil {
		return 0, err
	}
	if err := checkCRAN(b); err != nil {
		return 0, err
	}
	return compareNumbers(a, b, false), nil
}

// compareNumbers compares two lists of numbers, which single bytes separate.
// If prefix is true, b stands for all lists that begin with its numbers.
func compareNumbers(a, b string, prefix bool) int {
	for {
		var x, y string
		x, a = cutDigits(a)
		y, b = cutDigits(b)
		if c := compareDigits(x, y); c != 0 {
			return c
		}
		switch {
		case b == "" && (a == "" || prefix):
			return 0
		case a == "":
			return -1
		case b == "":
			return 1
		}
		a, b = a[1:], b[1:]
	}
}

// The key of a list of numbers is the numbers, with numbersFirst as base, and
// the end, which is lower than all of them.
const (
	numbersEnd   = 0
	numbersFirst = 1 // the first of numberCodes
)

func appendCRANKey(dst []byte, v string) ([]byte, error) {
	if err := checkCRAN(v); err != nil {
		return nil, err
	}
	return appendNumbers(dst, v), nil
}

// appendNumbers appends the key of a list of numbers, which single bytes
// separate.
func appendNumbers(dst []byte, v string) []byte {
	for {
		var digits string
		digits, v = cutDigits(v)
		dst = appendNumber(dst, numbersFirst, digits)
		if v == "" {
			return append(dst, numbersEnd)
		}
		v = v[1:]
	}
}

// parseCRANConstraint parses what stands in parentheses behind the name of a
// package in the field Depends and its like, see "The DESCRIPTION file". There
// the name is repeated for a second condition; commas stand for that here.
func parseCRANConstraint(constraint string) ([]allOf, *ParseError) {
	var set allOf
	for start := 0; start <= len(constraint); {
		end := start
		for end < len(constraint) && constraint[end] != ',' {
			end++
		}
		from, to := trimBlanks(constraint, start, end)
		start = end + 1
		if from < to && constraint[from] == '(' {
			if constraint[to-1] != ')' {
				return nil, &ParseError{Scheme: CRAN, Text: constraint, Pos: from, Reason: "parenthesis not closed"}
			}
			from, to = trimBlanks(constraint, from+1, to-1)
		}
		op := from
		for from < to && strings.IndexByte("=!<>", constraint[from]) >= 0 {
			from++
		}
		admitted := cranOperator(constraint[op:from])
		if admitted == 0 {
			return nil, &ParseError{Scheme: CRAN, Text: constraint, Pos: op, Reason: "unknown operator"}
		}
		from, to = trimBlanks(constraint, from, to)
		want := constraint[from:to]
		if err := checkCRAN(want); err != nil {
			return nil, within(err, constraint, from)
		}
		set = append(set, comparator{holds: admitted, version: want})
	}
	return []allOf{set}, nil
}

// cranOperator returns what an operator admits, nothing if it is unknown.
func cranOperator(op string) relation {
	switch op {
	case "==", "":
		return equal
	case "!=":
		return less | greater
	case "<":
		return less
	case "<=":
		return less | equal
	case ">=":
		return equal | greater
	case ">":
		return greater
	}
	return 0
}
