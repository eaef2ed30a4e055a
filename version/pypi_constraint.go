package version

import (
	"slices"
	"strings"
)

// parsePyPIConstraint parses version specifiers,
// https://packaging.python.org/en/latest/specifications/version-specifiers/#version-specifiers.
// Nothing between two commas is no condition, as for packaging.
//
// The specification is followed in two things that packaging 23 has wrong.
// What "~=" asks for does not depend on the spelling of its version:
// "~=1.4.5.pre1" is "~=1.4.5rc1", and admits 1.4.9, though packaging looks
// at the text and admits only 1.4.5. And a wildcard minds the epoch:
// "==1!1.0.*" admits 1!1.0, and "==0.0.*" does not. Versions that packaging
// cannot read meet "===" only, which packaging 21 already had that way.
func parsePyPIConstraint(constraint string) ([]allOf, *ParseError) {
	var all []pypiSpecifier
	for start := 0; start <= len(constraint); {
		end := start
		for end < len(constraint) && constraint[end] != ',' {
			end++
		}
		from, to := trimPyPI(constraint, start, end)
		start = end + 1
		if from == to {
			continue
		}
		specifier, err := parsePyPISpecifier(constraint, from, to)
		if err != nil {
			return nil, err
		}
		all = append(all, specifier)
	}
	return []allOf{{{test: func(v string) bool {
		p, err := parsePyPI(v)
		return err == nil && !slices.ContainsFunc(all, func(s pypiSpecifier) bool { return !s.admits(p) })
	}}}}, nil
}

// pypiSpecifier is one condition. A wildcard has its operator and stands for
// the versions whose release begins with that of its version.
type pypiSpecifier struct {
	op       string
	version  pypiVersion
	text     string // of the version
	wildcard bool
}

// parsePyPISpecifier reads one condition, constraint[start:end].
func parsePyPISpecifier(constraint string, start, end int) (pypiSpecifier, *ParseError) {
	fail := func(pos int, reason string) (pypiSpecifier, *ParseError) {
		return pypiSpecifier{}, &ParseError{Scheme: PyPI, Text: constraint, Pos: pos, Reason: reason}
	}
	op := start
	for start < end && strings.IndexByte("~=!<>", constraint[start]) >= 0 {
		start++
	}
	if strings.HasPrefix(constraint[op:start], "===") {
		start = op + len("===") // anything may follow
	}
	s := pypiSpecifier{op: constraint[op:start]}
	switch s.op {
	case "~=", "==", "!=", "<=", ">=", "<", ">", "===":
	default:
		return fail(op, "unknown operator")
	}
	start, end = trimPyPI(constraint, start, end)
	if start == end {
		return fail(start, "no version")
	}
	s.text = constraint[start:end]
	if s.op == "===" {
		for i := start; i < end; i++ {
			if c := constraint[i]; c <= ' ' || c > '~' || c == ';' || c == ')' {
				return fail(i, "not allowed here")
			}
		}
		return s, nil
	}
	text, wildcard := strings.CutSuffix(s.text, ".*")
	v, ok := parsePEP440(text)
	numbers := pypiVersion{epoch: v.epoch, release: v.release}
	switch {
	case !ok:
		return fail(start, "not a version of PEP 440")
	case wildcard && s.op != "==" && s.op != "!=":
		return fail(end-1, "wildcard not allowed with this operator")
	case wildcard && v != numbers:
		return fail(end-1, "wildcard after more than a release")
	case v.local != "" && s.op != "==" && s.op != "!=":
		return fail(start, "local version not allowed with this operator")
	case s.op == "~=" && strings.IndexByte(v.release, '.') < 0:
		return fail(start, "release of one number")
	}
	s.version, s.wildcard = v, wildcard
	return s, nil
}

// admits reports whether p meets the condition. Legacy versions meet none but
// "===".
func (s pypiSpecifier) admits(p pypiVersion) bool {
	if s.op == "===" {
		return strings.EqualFold(p.normal(), s.text)
	}
	if p.legacy != "" {
		return false
	}
	switch s.op {
	case "==":
		return s.equals(p)
	case "!=":
		return !s.equals(p)
	case "<=":
		return p.public().compare(s.version) <= 0
	case ">=":
		return p.public().compare(s.version) >= 0
	case "<":
		// A pre-release of the version that is excluded is excluded too.
		return p.compare(s.version) < 0 &&
			(!p.isPreRelease() || s.version.isPreRelease() || p.base().compare(s.version.base()) != 0)
	case ">":
		// So are post-releases and local versions of it.
		return p.compare(s.version) > 0 &&
			((!p.isPost || s.version.isPost) && p.local == "" || p.base().compare(s.version.base()) != 0)
	}
	// "~=": at least the version, and alike in all numbers but the last.
	release := s.version.release
	return p.public().compare(s.version) >= 0 &&
		p.hasPrefix(s.version.epoch, release[:strings.LastIndexByte(release, '.')])
}

// equals is the operator "==". A local version matters only if asked for.
func (s pypiSpecifier) equals(p pypiVersion) bool {
	switch {
	case s.wildcard:
		return p.hasPrefix(s.version.epoch, s.version.release)
	case s.version.local == "":
		p = p.public()
	}
	return p.compare(s.version) == 0
}

// hasPrefix reports whether the epoch is the same and the release begins with
// the numbers of another. Missing numbers are 0.
func (p pypiVersion) hasPrefix(epoch, release string) bool {
	if compareDigits(p.epoch, epoch) != 0 {
		return false
	}
	for have := p.release; release != ""; {
		var x, y string
		x, have, _ = strings.Cut(have, ".")
		y, release, _ = strings.Cut(release, ".")
		if compareDigits(x, y) != 0 {
			return false
		}
	}
	return true
}

// normal returns the normal form of a version, with which "===" compares, and
// the text of a legacy version.
func (p pypiVersion) normal() string {
	if p.legacy != "" {
		return p.legacy
	}
	var dst []byte
	if trimZeros(p.epoch) != "" {
		dst = append(appendPyPIDecimal(dst, p.epoch), '!')
	}
	for release := p.release; ; {
		var digits string
		more := false
		digits, release, more = strings.Cut(release, ".")
		dst = appendPyPIDecimal(dst, digits)
		if !more {
			break
		}
		dst = append(dst, '.')
	}
	switch p.pre {
	case pypiAlpha:
		dst = appendPyPIDecimal(append(dst, "a"...), p.preNumber)
	case pypiBeta:
		dst = appendPyPIDecimal(append(dst, "b"...), p.preNumber)
	case pypiRC:
		dst = appendPyPIDecimal(append(dst, "rc"...), p.preNumber)
	}
	if p.isPost {
		dst = appendPyPIDecimal(append(dst, ".post"...), p.post)
	}
	if p.isDev {
		dst = appendPyPIDecimal(append(dst, ".dev"...), p.dev)
	}
	sep := byte('+')
	for rest := p.local; rest != ""; sep = '.' {
		var part string
		part, rest = cutPyPILocal(rest)
		if dst = append(dst, sep); isPyPINumber(part) {
			dst = appendPyPIDecimal(dst, part)
		} else {
			dst = append(dst, part...)
		}
	}
	return string(dst)
}

// appendPyPIDecimal appends digits without leading zeros.
func appendPyPIDecimal(dst []byte, digits string) []byte {
	if digits = trimZeros(digits); digits == "" {
		return append(dst, '0')
	}
	return append(dst, digits...)
}
