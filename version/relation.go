package version

// A relation is what a constraint asks of a comparison: a set of the results
// that it admits.
type relation uint8

const (
	less relation = 1 << iota
	equal
	greater
)

// holds reports whether the result of a comparison is admitted.
func (r relation) holds(cmp int) bool {
	switch {
	case cmp < 0:
		return r&less != 0
	case cmp > 0:
		return r&greater != 0
	}
	return r&equal != 0
}
