package version

import "fmt"

// Limits of what is read, in bytes. The longest version in the advisories of
// Debian, Alpine and the language ecosystems has well under 100.
const (
	maxVersion    = 4 << 10
	maxConstraint = 64 << 10
)

// The reasons that all schemes share.
const (
	reasonEmpty   = "empty"
	reasonTooLong = "too long"
)

// A ParseError reports a version or constraint that its scheme does not
// allow. What it stands for cannot be told, which is not the same as "not
// affected".
type ParseError struct {
	Scheme Scheme
	Text   string // the version or constraint as it was given
	Pos    int    // offset in Text in bytes of what is wrong, 0 if it is wrong as a whole
	Reason string // what is wrong
}

func (e *ParseError) Error() string {
	return fmt.Sprintf("version: %v %q: %s (at byte %d)", e.Scheme, clip(e.Text), e.Reason, e.Pos)
}

// clip shortens hostile text for an error message.
func clip(s string) string {
	const most = 128
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}

// checkConstraint returns an error if the constraint is too long to be read.
func checkConstraint(s Scheme, constraint string) *ParseError {
	if len(constraint) > maxConstraint {
		return &ParseError{Scheme: s, Text: constraint, Pos: maxConstraint, Reason: reasonTooLong}
	}
	return nil
}

// within turns the error for a version inside a constraint, where it begins
// at the given offset, into an error for the constraint.
func within(err *ParseError, constraint string, offset int) *ParseError {
	return &ParseError{Scheme: err.Scheme, Text: constraint, Pos: offset + err.Pos, Reason: err.Reason}
}
