package version

import "strings"

// Versions of Go modules are semantic versions with "v" before them,
// https://go.dev/ref/mod#versions. The advisories of Go write them without it.
// Pseudo-versions, which stand for a commit, have a pre-release that sorts
// by time: https://go.dev/ref/mod#pseudo-versions. What "+incompatible" and
// "+dirty" say is a build, which has no rank.
//
// Go itself, the module "stdlib" or "toolchain" of advisories, has versions
// like "go1.21.3" and "go1.21rc2", https://go.dev/doc/toolchain#version. They
// are read like 1.21.3 and 1.21.0-rc.2, as advisories write them, with or
// without "go". This is where the order differs from that of Go's package
// go/version: there "go1.21" is the language and lower than "go1.21rc1", here
// it is 1.21.0, as for all releases before.
//
// Programs report more than the version, "go1.20.5 X:boringcrypto": what
// follows a blank is left out. "devel ..." and "(devel)" tell no version, and
// neither do the names of toolchains that others have changed, such as
// "go1.21.3-custom".

// parseGolang reads a version that is not too long.
func parseGolang(v string) (semver, *ParseError) {
	end := strings.IndexByte(v, ' ')
	if end < 0 {
		end = len(v)
	}
	if !strings.HasPrefix(v, "go") {
		start := semverStart(v[:end])
		i := skipNumbers(v, start, end)
		if i == end || !isLower(v[i]) {
			return readSemver(Golang, v, start, end, false)
		}
		return readToolchain(v, start, i, end)
	}
	i := skipNumbers(v, len("go"), end)
	if i == end || isLower(v[i]) {
		return readToolchain(v, len("go"), i, end)
	}
	return semver{}, &ParseError{Scheme: Golang, Text: v, Pos: i, Reason: semverNotAllowed}
}

func skipNumbers(v string, i, end int) int {
	for i < end && (isDigit(v[i]) || v[i] == '.') {
		i++
	}
	return i
}

// readToolchain reads v[start:end] as a version of Go, of which v[start:i] are
// the numbers.
func readToolchain(v string, start, i, end int) (semver, *ParseError) {
	p, err := readSemver(Golang, v[:i], start, i, false)
	if err != nil {
		return semver{}, within(err, v, 0)
	}
	if i == end {
		return p, nil
	}
	word := i
	for i < end && isLower(v[i]) {
		i++
	}
	switch v[word:i] {
	case "alpha", "beta", "rc":
	default:
		return semver{}, &ParseError{Scheme: Golang, Text: v, Pos: word, Reason: semverNotAllowed}
	}
	number, rest := cutDigits(v[i:end])
	switch {
	case number == "":
		return semver{}, &ParseError{Scheme: Golang, Text: v, Pos: i, Reason: semverNoNumber}
	case rest != "":
		return semver{}, &ParseError{Scheme: Golang, Text: v, Pos: i + len(number), Reason: semverNotAllowed}
	}
	p.pre, p.fused = v[word:end], true
	return p, nil
}
