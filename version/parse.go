package version

// A Version is a version that its scheme allows. It is small, immutable and
// comparable: == tells whether scheme and spelling are the same, and
// [Version.Compare] whether the rank is. The zero value is no version.
type Version struct {
	scheme Scheme
	text   string
}

// Parse checks a version. The errors are those of [Compare].
func Parse(s Scheme, text string) (Version, error) {
	if _, err := Compare(s, text, text); err != nil {
		return Version{}, err
	}
	return Version{s, text}, nil
}

// MustParse is [Parse] for constants; it panics on error.
func MustParse(s Scheme, text string) Version {
	v, err := Parse(s, text)
	if err != nil {
		panic(err)
	}
	return v
}

// IsZero reports whether v is the zero value.
func (v Version) IsZero() bool { return v == Version{} }

// Scheme returns the version's scheme.
func (v Version) Scheme() Scheme { return v.scheme }

// String returns the version as it was given to [Parse].
func (v Version) String() string { return v.text }

// Compare returns -1 if v is lower than w, 0 if they are of equal rank, and +1
// if v is higher. Versions of different schemes have no order of their own and
// are ordered by their schemes' numbers; the zero value comes first.
func (v Version) Compare(w Version) int {
	if v.scheme != w.scheme {
		if v.scheme < w.scheme {
			return -1
		}
		return 1
	}
	c, err := Compare(v.scheme, v.text, w.text)
	if err != nil {
		return 0 // two zero values: all others have been checked
	}
	return c
}
