package version

import "strings"

// Versions of pacman, [epoch:]version[-rel], are described in PKGBUILD(5),
// https://man.archlinux.org/man/PKGBUILD.5, and their order in vercmp(8),
// https://man.archlinux.org/man/vercmp.8. The function behind that is
// alpm_pkg_vercmp,
// https://gitlab.archlinux.org/pacman/pacman/-/blob/master/lib/libalpm/version.c,
// a descendant of rpm's of old: "~" and "^" have no meaning, but the number of
// separators between two runs has.
//
// That function is no order, in two ways:
//
//   - It ignores the pkgrel unless both versions have one, so that 1-1 = 1 =
//     1-2 but 1-1 < 1-2. Here a version without one is lower than the same
//     version with any. [Satisfies] keeps to pacman, where dependencies without
//     a pkgrel need it.
//   - Separators at the end of a version are dropped if something is left of
//     the other version, but not if nothing is, so that 1. < 1.5 < 1..a < 1.
//     in a circle. Here the end counts as what follows the separators: first
//     their number decides, as it does between runs, then letters are lower
//     than the end and digits higher. So 1. < 1.5 < 1..a.
//
// Versions that differ in neither way are compared as pacman does.

func compareALPM(a, b string) (int, error) {
	va, err := parseRPM(ALPM, a)
	if err != nil {
		return 0, err
	}
	vb, err := parseRPM(ALPM, b)
	if err != nil {
		return 0, err
	}
	c := compareALPMVersion(va, vb)
	switch {
	case c != 0:
		return c, nil
	case !va.hasRelease || !vb.hasRelease:
		return compareRelease(va, vb), nil
	}
	return compareALPMPart(va.release, vb.release), nil
}

// compareALPMVersion compares all but the pkgrel.
func compareALPMVersion(a, b rpmVersion) int {
	if c := compareDigits(a.epoch, b.epoch); c != 0 {
		return c
	}
	return compareALPMPart(a.version, b.version)
}

// A version or pkgrel is a sequence of runs of digits and letters. At the
// first difference the number of separators before the run decides, then
// these codes. They also are the first bytes of the items in a key.
const (
	alpmAlpha      = 1 // the letters follow
	alpmEnd        = 2
	alpmNumber     = 3                        // the first of numberCodes
	alpmSeparator  = alpmNumber + numberCodes // one byte before a run
	alpmSeparators = alpmSeparator + 1        // more, the number follows
	alpmLetter     = alpmSeparators + 1       // the first of 52: above all that may come after a run of letters
)

// nextALPM skips the separators at the beginning of s and returns their number
// and the code of what follows.
func nextALPM(s string) (separators int, code byte, rest string) {
	for i := range len(s) {
		switch c := s[i]; {
		case isDigit(c):
			return i, alpmNumber, s[i:]
		case isLower(c), isUpper(c):
			return i, alpmAlpha, s[i:]
		}
	}
	return len(s), alpmEnd, ""
}

func compareALPMPart(a, b string) int {
	if a == b {
		return 0
	}
	for {
		n, code, restA := nextALPM(a)
		m, other, restB := nextALPM(b)
		if c := (n-m)<<8 + int(code) - int(other); c != 0 {
			if c < 0 {
				return -1
			}
			return 1
		}
		var x, y string
		switch code {
		case alpmEnd:
			return 0
		case alpmAlpha:
			x, a = cutLetters(restA)
			y, b = cutLetters(restB)
			if c := strings.Compare(x, y); c != 0 {
				return c
			}
		default:
			x, a = cutDigits(restA)
			y, b = cutDigits(restB)
			if c := compareDigits(x, y); c != 0 {
				return c
			}
		}
	}
}

// appendALPMKey appends the epoch, the version and, if there is one, the
// pkgrel, as appendRPMKey does.
func appendALPMKey(dst []byte, v string) ([]byte, error) {
	r, err := parseRPM(ALPM, v)
	if err != nil {
		return nil, err
	}
	dst = appendNumber(dst, 0, r.epoch)
	dst = appendALPMPart(dst, r.version)
	if r.hasRelease {
		dst = appendALPMPart(dst, r.release)
	}
	return dst, nil
}

func appendALPMPart(dst []byte, s string) []byte {
	for {
		var separators int
		var code byte
		var run string
		separators, code, s = nextALPM(s)
		switch {
		case separators == 1:
			dst = append(dst, alpmSeparator)
		case separators > 1:
			dst = appendUint(append(dst, alpmSeparators), 0, uint64(separators))
		}
		switch code {
		case alpmAlpha:
			run, s = cutLetters(s)
			dst = appendLetters(append(dst, code), alpmLetter, run)
		case alpmNumber:
			run, s = cutDigits(s)
			dst = appendNumber(dst, alpmNumber, run)
		default:
			return append(dst, code)
		}
	}
}

// parseALPMConstraint parses what follows the name of a package in the
// "depends" of PKGBUILD(5), https://man.archlinux.org/man/PKGBUILD.5.
// pacman repeats the name for each comparison, which is left out here.
func parseALPMConstraint(constraint string) ([]allOf, *ParseError) {
	return parseReleaseConstraint(ALPM, constraint)
}

// overlapsALPM is overlaps for pacman: releases count only if both sides have
// one.
func overlapsALPM(holds relation, v, want string) bool {
	a, _ := parseRPM(ALPM, v)
	b, _ := parseRPM(ALPM, want)
	c := compareALPMVersion(a, b)
	if c == 0 && a.hasRelease && b.hasRelease {
		c = compareALPMPart(a.release, b.release)
	}
	return holds.holds(c)
}
