package vulndb

import (
	"slices"

	"github.com/imagevet/imagevet/internal/advisory"
	"github.com/imagevet/imagevet/internal/dbfile"
)

// Advisories of RustSec that are about no flaw say so by one of these words:
// https://github.com/rustsec/advisory-db#advisory-format ("informational").
const (
	InformationalUnmaintained = "unmaintained" // nobody looks after the package
	InformationalNotice       = "notice"       // something that users should know
	// InformationalUnsound says that the package breaks what its language
	// promises, which is a flaw in programs that use it in a certain way.
	InformationalUnsound = "unsound"
)

// A remark is a package name of which a record tells something else than a flaw.
type remark struct{ name, word string }

// remarkOf returns the word of the entries on one package, empty if one of them
// is on a flaw. Of several words the gravest counts: unsound, then those that
// are not known, then notice.
func remarkOf(entries []advisory.Affected) string {
	rank := func(word string) int {
		switch word {
		case InformationalUnmaintained:
			return 0
		case InformationalNotice:
			return 1
		case InformationalUnsound:
			return 3
		}
		return 2
	}
	out := ""
	for i, a := range entries {
		switch {
		case a.Informational == "":
			return ""
		case i == 0 || rank(a.Informational) > rank(out):
			out = a.Informational
		}
	}
	return out
}

// informational returns the word of a record for a package name.
func (r *record) informational(name string) string {
	i := slices.IndexFunc(r.remarks, func(n remark) bool { return n.name == name })
	if i < 0 {
		return ""
	}
	return r.remarks[i].word
}

// informationalOf returns the word of a match: that of all advisories in their
// gravest form, empty if one of them is on a flaw.
func informationalOf(list []finding) string {
	words := make([]advisory.Affected, len(list))
	for i, f := range list {
		words[i].Informational = f.rec.informational(f.hit.name)
	}
	return remarkOf(words)
}

func appendRemarks(b []byte, list []remark) []byte {
	b = dbfile.AppendUint(b, uint64(len(list)))
	for _, r := range list {
		b = dbfile.AppendString(dbfile.AppendString(b, r.name), r.word)
	}
	return b
}

func decodeRemarks(d *dbfile.Decoder) []remark {
	var out []remark
	for range d.Count() {
		out = append(out, remark{d.String(), d.String()})
	}
	return out
}
