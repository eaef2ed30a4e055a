package version

// A Range is a set of versions, as a constraint describes it. The zero value
// is the empty set of no scheme.
type Range struct {
	scheme Scheme
	text   string
	any    []allOf
}

// allOf is a set of versions: those for which each comparator holds.
type allOf []comparator

// A comparator compares a version with its own.
type comparator struct {
	holds   relation // the results of the comparison that it asks for
	kind    comparatorKind
	version string // valid, but for the kind exact

	// test takes the place of all that, for what is no comparison. It is nil
	// otherwise.
	test func(v string) bool
}

// A comparatorKind tells how a comparator compares.
type comparatorKind uint8

const (
	plain      comparatorKind = iota // by the scheme's order
	prefix                           // with all versions that begin with the parts of its own
	exact                            // the text itself
	anyRelease                       // by version and release, where a missing release is any release
)

// maxAlternatives bounds how many sets a constraint may unite. Constraints in
// use have a handful.
const maxAlternatives = 1024

// ParseRange parses a constraint in the syntax that [Satisfies] documents, to
// test many versions against it.
//
// The error is a [*ParseError] if the constraint is malformed, and wraps
// [ErrUnknownScheme] if s is not a scheme.
func ParseRange(s Scheme, constraint string) (Range, error) {
	if s == 0 || s >= endOfSchemes {
		return Range{}, s.unknown()
	}
	if err := checkConstraint(s, constraint); err != nil {
		return Range{}, err
	}
	r := Range{scheme: s, text: constraint}
	if isBlankText(constraint) {
		r.any = []allOf{{}}
		return r, nil
	}
	any, err := parseConstraint(s, constraint)
	if err != nil {
		return Range{}, err
	}
	if len(any) > maxAlternatives {
		return Range{}, &ParseError{Scheme: s, Text: constraint, Reason: "too many alternatives"}
	}
	r.any = any
	return r, nil
}

// parseConstraint parses a constraint that is neither blank nor too long.
func parseConstraint(s Scheme, constraint string) ([]allOf, *ParseError) {
	switch s {
	case Deb:
		return parseDebConstraint(constraint)
	case APK:
		return parseAPKConstraint(constraint)
	case RPM:
		return parseRPMConstraint(constraint)
	case PyPI:
		return parsePyPIConstraint(constraint)
	case SemVer, Golang:
		return parseSemverComparators(s, constraint)
	case NPM:
		return parseNPMConstraint(constraint)
	case Cargo:
		return parseCargoConstraint(constraint)
	case Hex:
		return parseHexConstraint(constraint)
	case Pub:
		return parsePubConstraint(constraint)
	case Conan:
		return parseConanConstraint(constraint)
	case Swift:
		return parseSwiftConstraint(constraint)
	case Maven:
		return parseMavenConstraint(constraint)
	case ALPM:
		return parseALPMConstraint(constraint)
	case NuGet:
		return parseNuGetConstraint(constraint)
	case Gem:
		return parseGemConstraint(constraint)
	case CRAN:
		return parseCRANConstraint(constraint)
	case Hackage:
		return parseHackageConstraint(constraint)
	case Composer:
		return parseComposerConstraint(constraint)
	}
	return parseGenericConstraint(constraint)
}

// Scheme returns the scheme of the range.
func (r Range) Scheme() Scheme { return r.scheme }

// String returns the constraint as it was given.
func (r Range) String() string { return r.text }

// Contains reports whether the version is in the range. A version of another
// scheme is not.
func (r Range) Contains(v Version) bool {
	return v.scheme == r.scheme && v.scheme != 0 && r.contains(v.text)
}

// contains is Contains for a valid version of the range's scheme.
func (r Range) contains(v string) bool {
	for _, set := range r.any {
		if set.contains(r.scheme, v) {
			return true
		}
	}
	return false
}

func (set allOf) contains(s Scheme, v string) bool {
	for _, c := range set {
		if !c.contains(s, v) {
			return false
		}
	}
	return true
}

func (c comparator) contains(s Scheme, v string) bool {
	switch {
	case c.test != nil:
		return c.test(v)
	case c.kind == exact:
		return c.version == v
	case c.kind == anyRelease:
		return overlaps(s, c.holds, v, c.version)
	case c.kind == prefix && s == APK:
		return c.holds.holds(compareValidAPK(v, c.version, true))
	}
	result, err := Compare(s, v, c.version)
	return err == nil && c.holds.holds(result)
}
