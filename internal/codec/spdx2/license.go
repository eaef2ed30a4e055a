package spdx2

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	spdx "github.com/spdx/tools-golang/spdx/v2/v2_3"

	"github.com/imagevet/imagevet/internal/license"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const (
	licenseRef = "LicenseRef-"
	// maxWord is the length in bytes up to which the name or text of a licence
	// that SPDX has no identifier for stands for it.
	maxWord = 300
)

// licenses are what a document has of licences that SPDX has no identifiers
// for: section 10 of the specification.
type licenses struct {
	cache license.Cache
	words map[string]string // by "LicenseRef-…": the name or text, if it is short
	// list is what an encoder is to write.
	list []*spdx.OtherLicense
}

// add notes a licence, the first one of an identifier.
func (l *licenses) add(o *spdx.OtherLicense) bool {
	if l.words == nil {
		l.words = map[string]string{}
	}
	id := strings.TrimSpace(o.LicenseIdentifier)
	if _, ok := l.words[id]; ok {
		return false
	}
	word := strings.TrimPrefix(id, licenseRef)
	for _, s := range []string{o.LicenseName, o.ExtractedText} {
		if s = says(s); s != "" && len(s) <= maxWord && !strings.Contains(s, "\n") {
			word = s
			break
		}
	}
	l.words[id] = word
	return true
}

// read returns what a declared licence means. The expression is empty if the
// text is none, or names a licence that SPDX does not know.
func (l *licenses) read(declared string) (list []string, expression string) {
	declared = says(declared)
	switch {
	case declared == "":
		return nil, ""
	case !strings.Contains(declared, licenseRef):
		return []string{declared}, l.cache.Expression("", []string{declared})
	}
	words := l.resolve(declared)
	if words == "" || digestOf(words) != "" { // Syft names texts by their digest
		return nil, ""
	}
	return []string{words}, ""
}

// resolve puts words in place of references.
func (l *licenses) resolve(s string) string {
	var out strings.Builder
	for {
		before, after, ok := strings.Cut(s, licenseRef)
		out.WriteString(before)
		if !ok {
			return strings.TrimSpace(out.String())
		}
		end := strings.IndexFunc(after, func(r rune) bool { return !strings.ContainsRune(idChars, r) })
		if end < 0 {
			end = len(after)
		}
		id := licenseRef + after[:end]
		s = after[end:]
		word, known := l.words[id]
		switch {
		case strings.HasSuffix(before, ":"): // of another document
			word = id
		case !known:
			word = after[:end]
		}
		out.WriteString(word)
	}
}

// idChars are the characters of identifiers.
const idChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-"

// declare returns what to write as a package's declared licence, and whether a
// reader finds the expression and the list in that.
func (l *licenses) declare(p *inventory.Package) (declared string, expression, list bool) {
	declared = noAssertion
	switch {
	case p.LicenseExpression != "":
		if e := l.cache.Expression("", []string{p.LicenseExpression}); e != "" && !strings.Contains(e, "DocumentRef-") {
			declared = e
			l.mention(e)
		}
	case len(p.Licenses) == 1 && strings.TrimSpace(p.Licenses[0]) != "":
		declared = l.word(p.Licenses[0])
	}
	gotList, gotExpression := l.read(declared)
	return declared, gotExpression == p.LicenseExpression, slices.Equal(gotList, p.Licenses)
}

// word returns the reference to a licence in the package's own words.
func (l *licenses) word(s string) string {
	sum := sha256.Sum256([]byte(s))
	o := &spdx.OtherLicense{LicenseIdentifier: licenseRef + token(s) + "-" + hex.EncodeToString(sum[:4]), ExtractedText: text(s)}
	if name := line(s); len(name) <= maxWord {
		o.LicenseName = name
	}
	if l.add(o) {
		l.list = append(l.list, o)
	}
	return o.LicenseIdentifier
}

// mention notes the references of an expression, whose texts are not known: a
// document has to have an entry for each.
func (l *licenses) mention(expression string) {
	for field := range strings.FieldsSeq(expression) {
		id := strings.Trim(field, "()")
		if !strings.HasPrefix(id, licenseRef) {
			continue
		}
		o := &spdx.OtherLicense{LicenseIdentifier: id, ExtractedText: noAssertion, LicenseName: strings.TrimPrefix(id, licenseRef)}
		if l.add(o) {
			l.list = append(l.list, o)
		}
	}
}
