package spdx2

import (
	"strings"
	"unicode"

	"github.com/spdx/tools-golang/spdx/v2/common"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// What fields say that say nothing.
const (
	noAssertion = "NOASSERTION"
	none        = "NONE"
)

// says returns s unless it says nothing.
func says(s string) string {
	s = strings.TrimSpace(s)
	if s == noAssertion || s == none {
		return ""
	}
	return s
}

// line makes text fit for a field of one line.
func line(s string) string {
	return strings.TrimSpace(clean(s, func(r rune) bool { return false }))
}

// text makes text fit for a field of several lines.
func text(s string) string {
	return clean(strings.ReplaceAll(s, "\r\n", "\n"), func(r rune) bool { return r == '\n' || r == '\t' })
}

func clean(s string, keep func(r rune) bool) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	s = strings.Map(func(r rune) rune {
		if (unicode.IsControl(r) || r == '\u2028' || r == '\u2029') && !keep(r) {
			return ' '
		}
		return r
	}, s)
	s = strings.ReplaceAll(s, "<text>", "&lt;text>")
	return strings.ReplaceAll(s, "</text>", "&lt;/text>")
}

// plain reports whether s is one word that all encodings hold as it is.
func plain(s string) bool {
	return s == line(s) && !strings.ContainsFunc(s, unicode.IsSpace)
}

// token makes s fit for a part of an identifier: letters, digits, ".", "-".
func token(s string) string {
	const most = 60
	s = strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '.', r == '-':
			return r
		}
		return '-'
	}, s)
	if len(s) > most {
		s = s[:most]
	}
	return s
}

// The kinds of parties.
const (
	person       = "Person"
	organization = "Organization"
	program      = "Tool"
)

// partyOf takes a party apart: section 7.5 of the specification. The kind is
// empty where the text has another form.
func partyOf(s string) (kind, name string) {
	s = says(s)
	before, after, ok := strings.Cut(s, ":")
	if !ok {
		return "", s
	}
	switch kind := strings.TrimSpace(before); kind {
	case person, organization:
		return kind, angled(strings.TrimSpace(after))
	case program:
		return kind, strings.TrimSpace(after)
	}
	return "", s
}

// round turns "NAME <EMAIL>" into "NAME (EMAIL)".
func round(s string) string {
	name, email, ok := strings.Cut(s, " <")
	email, closed := strings.CutSuffix(email, ">")
	if !ok || !closed || !isEmail(email) {
		return s
	}
	return name + " (" + email + ")"
}

// angled turns "NAME (EMAIL)" into "NAME <EMAIL>", and "NAME ()" into "NAME".
func angled(s string) string {
	i := strings.LastIndex(s, " (")
	if i < 0 || !strings.HasSuffix(s, ")") {
		return s
	}
	switch email := s[i+2 : len(s)-1]; {
	case strings.TrimSpace(email) == "":
		return strings.TrimSpace(s[:i])
	case isEmail(email):
		return s[:i] + " <" + email + ">"
	}
	return s
}

func isEmail(s string) bool {
	return strings.Contains(s, "@") && !strings.ContainsAny(s, " ()<>")
}

// suppliers returns the parties that stand for a vendor and a maintainer: a
// vendor is an organization, and a maintainer a person, who supplies what has
// no vendor.
func suppliers(vendor, maintainer string) (*common.Supplier, *common.Originator) {
	s, o := &common.Supplier{Supplier: noAssertion}, &common.Originator{Originator: noAssertion}
	if name := round(says(line(maintainer))); name != "" {
		s = &common.Supplier{Supplier: name, SupplierType: person}
		o = &common.Originator{Originator: name, OriginatorType: person}
	}
	if name := round(says(line(vendor))); name != "" {
		s = &common.Supplier{Supplier: name, SupplierType: organization}
	}
	return s, o
}

// parties returns the vendor and the maintainer. A person who both supplies and
// originates is a maintainer: so documents of Syft have it too.
func parties(supplier, originator string) (vendor, maintainer string) {
	sKind, s := partyOf(supplier)
	oKind, o := partyOf(originator)
	switch {
	case s != o || sKind != oKind:
		return s, o
	case sKind == person:
		return "", o
	}
	return s, ""
}

// toolOf takes the name and version of a tool apart, which a hyphen joins.
func toolOf(s string) inventory.Tool {
	for i := 1; i < len(s); i++ {
		rest := strings.TrimPrefix(s[i:], "-")
		if rest == s[i:] {
			continue
		}
		if number := strings.TrimPrefix(rest, "v"); number != "" && '0' <= number[0] && number[0] <= '9' {
			return inventory.Tool{Name: s[:i], Version: rest}
		}
	}
	return inventory.Tool{Name: s}
}

// toolText is the inverse of toolOf.
func toolText(t inventory.Tool) string {
	switch name, version := line(t.Name), line(t.Version); {
	case version == "":
		return name
	case name == "":
		return version
	default:
		return name + "-" + version
	}
}
