package spdx3

import (
	"strings"

	"github.com/github/go-spdx/v2/spdxexp"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/internal/license"
)

// A licenseReader tells what the licences of a package are from the texts of
// the elements that it refers to. The encoder asks it too, to see what would be
// read of what it writes.
type licenseReader struct {
	cache license.Cache
	valid map[string]bool
}

// read returns the licences of a package with the given type of package URL,
// and the expression that says the same. Several texts apply all together: that
// is not what a list means in the formats of some types, so that there is no
// expression.
func (r *licenseReader) read(kind string, texts []string) (licenses []string, expression string) {
	for _, text := range texts {
		if text != "" && text != "NOASSERTION" && text != "NONE" {
			licenses = append(licenses, text)
		}
	}
	if len(licenses) == 1 {
		expression = r.cache.Expression(kind, licenses)
	}
	return licenses, expression
}

// isExpression reports whether text is an SPDX licence expression. Those that
// nobody writes are none: they take long to read.
func isExpression(text string) bool {
	if text == "" || len(text) > 500 || strings.Count(text, "(") > 20 {
		return false
	}
	valid, _ := spdxexp.ValidateLicenses([]string{text})
	return valid
}

// isExpression is the function of that name, which remembers.
func (r *licenseReader) isExpression(text string) bool {
	valid, ok := r.valid[text]
	if !ok {
		valid = isExpression(text)
		if r.valid == nil {
			r.valid = map[string]bool{}
		}
		r.valid[text] = valid
	}
	return valid
}

// noLicense reports whether a reference is to SPDX's word for no licence or no
// statement on one.
// https://spdx.github.io/spdx-spec/v3.0.1/model/ExpandedLicensing/Classes/IndividualLicensingInfo/
func noLicense(id string) bool {
	for _, end := range []string{"NoAssertionLicense", "NoneLicense", "NoAssertionElement", "NoneElement", "NOASSERTION", "NONE"} {
		if strings.HasSuffix(id, end) {
			return true
		}
	}
	return false
}

// listed returns the identifier of a licence of SPDX's list that a reference
// outside of the document names, or "".
func listed(id string) string {
	for _, prefix := range []string{"https://spdx.org/licenses/", "http://spdx.org/licenses/"} {
		if name, ok := strings.CutPrefix(id, prefix); ok {
			return strings.TrimSuffix(name, ".html")
		}
	}
	return ""
}

const (
	maxLicenseDepth = 20       // of sets of licences in sets
	maxLicenseText  = 64 << 10 // of the text of a set, in bytes
	maxLicenses     = 50       // that are a list and not one text, which packages share
)

// license returns the licences that a reference stands for. What is depth levels
// within sets is worked out once, however often it is named.
func (j *JSON) license(id string, depth int) []string {
	if texts, ok := j.licenses[id]; ok {
		if j.open[id] {
			j.c.Problem("the licence %s contains itself", codec.Quote(id))
		}
		return texts
	}
	if j.licenses == nil {
		j.licenses, j.open = map[string][]string{}, map[string]bool{}
	}
	j.licenses[id], j.open[id] = nil, true
	texts := j.licenseTexts(id, depth)
	j.licenses[id] = texts
	delete(j.open, id)
	return texts
}

func (j *JSON) licenseTexts(id string, depth int) []string {
	if noLicense(id) {
		return nil
	}
	n := j.index[id]
	if n == nil || n.element == nil {
		if name := listed(id); name != "" {
			return []string{name}
		}
		j.missing(id)
		return nil
	}
	if depth > maxLicenseDepth {
		j.c.Problem("the licence %s is in too many others", codec.Quote(id))
		return nil
	}
	e := n.element
	switch n.class {
	case "simplelicensing_LicenseExpression":
		return j.expressionTexts(e, depth)
	case "expandedlicensing_ConjunctiveLicenseSet":
		return j.set(e, " AND ", depth)
	case "expandedlicensing_DisjunctiveLicenseSet":
		return j.set(e, " OR ", depth)
	case "expandedlicensing_OrLaterOperator":
		return one(j.first(e.SubjectLicense, depth) + "+")
	case "expandedlicensing_WithAdditionOperator":
		return one(j.first(e.SubjectExtendable, depth) + " WITH " + j.first(e.SubjectAddition, depth))
	}
	// A licence or exception with a name, or a text.
	if name := listed(id); name != "" {
		return one(name)
	}
	for _, text := range []text{e.Name, e.LicenseText, e.AdditionText} {
		if text != "" && text != "NOASSERTION" {
			return one(string(text))
		}
	}
	_, name, _ := strings.Cut(id, "#")
	return one(name)
}

func one(text string) []string {
	if text == "" {
		return nil
	}
	return []string{text}
}

// expressionTexts returns the text of an expression: the words, if it is
// nothing but the identifier of a licence of the document.
func (j *JSON) expressionTexts(e *element, depth int) []string {
	for _, entry := range e.CustomIDs {
		if entry.Key != e.Expression || entry.Key == "" {
			continue
		}
		if n := j.index[string(entry.Value)]; n != nil && n.element != nil && n.class != "simplelicensing_LicenseExpression" {
			if n.class == "simplelicensing_SimpleLicensingText" && n.element.LicenseText != "" {
				return one(string(n.element.LicenseText))
			}
			return j.license(n.id, depth+1)
		}
	}
	return one(string(e.Expression))
}

// set returns the members of a set as one expression. Those of a set that apply
// all together stand alone where one is no expression and they are not many.
func (j *JSON) set(e *element, operator string, depth int) []string {
	var members []string // a list of its own, as it is changed
	expression, size := true, 0
	for _, m := range e.Member {
		texts := j.license(m.id, depth+1)
		for _, text := range texts {
			expression = expression && j.reader.isExpression(text)
			members = append(members, text)
			size += len(text)
		}
		if size > maxLicenseText {
			j.c.Problem("a set of licences is too large: %s", codec.Quote(strings.Join(members, operator)))
			return nil
		}
	}
	if !expression && operator == " AND " && len(members) <= maxLicenses {
		return members
	}
	for i, text := range members {
		if len(members) > 1 && (strings.Contains(text, " AND ") || strings.Contains(text, " OR ")) {
			members[i] = "(" + text + ")"
		}
	}
	return one(strings.Join(members, operator))
}

// first returns the text of the first of references.
func (j *JSON) first(refs list[ref], depth int) string {
	for _, r := range refs {
		if texts := j.license(r.id, depth+1); len(texts) > 0 {
			return texts[0]
		}
	}
	return ""
}
