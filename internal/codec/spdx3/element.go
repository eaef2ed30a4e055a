package spdx3

import (
	"encoding/json"
	"unicode/utf8"
)

// What is read. Nothing of this fails on a value of an unexpected type: it is
// left out.

// A text is a string, or what else can be taken for one.
type text string

func (t *text) UnmarshalJSON(data []byte) error {
	switch data[0] {
	case '"':
		*t = text(unquote(data))
	case '[': // the first of several
		var all []json.RawMessage
		if json.Unmarshal(data, &all) == nil && len(all) > 0 && all[0][0] == '"' {
			*t = text(unquote(all[0]))
		}
	case '{': // JSON-LD, section 9.5: a value object
		var v struct {
			Value json.RawMessage `json:"@value"`
		}
		if json.Unmarshal(data, &v) == nil && len(v.Value) > 0 && v.Value[0] == '"' {
			*t = text(unquote(v.Value))
		}
	case 'n':
	default: // a number or truth value
		*t = text(data)
	}
	return nil
}

// unquote reads a JSON string.
func unquote(data []byte) string {
	plain := utf8.Valid(data)
	for _, c := range data {
		plain = plain && c != '\\'
	}
	if plain {
		return string(data[1 : len(data)-1])
	}
	var s string
	if json.Unmarshal(data, &s) != nil {
		return ""
	}
	return s
}

// A list is a list, or one value that stands for a list of one. What is no T is
// left out.
type list[T any] []T

func (l *list[T]) UnmarshalJSON(data []byte) error {
	var all []T
	if data[0] == 'n' {
		return nil
	}
	if data[0] != '[' {
		var v T
		if json.Unmarshal(data, &v) == nil {
			*l = list[T]{v}
		}
		return nil
	}
	if json.Unmarshal(data, &all) == nil {
		*l = all
		return nil
	}
	var raw []json.RawMessage
	if json.Unmarshal(data, &raw) != nil {
		return nil
	}
	*l = nil
	for _, r := range raw {
		var v T
		if json.Unmarshal(r, &v) == nil {
			*l = append(*l, v)
		}
	}
	return nil
}

// A ref is a reference to an element, or the element itself.
type ref struct {
	id     string
	inline json.RawMessage
}

func (r *ref) UnmarshalJSON(data []byte) error {
	switch data[0] {
	case '"':
		r.id = unquote(data)
	case '{':
		r.inline = append(json.RawMessage(nil), data...)
	}
	return nil
}

// An element is an element of any class.
type element struct {
	Type   text `json:"type"`
	AtType text `json:"@type"`
	SpdxID text `json:"spdxId"`
	AtID   text `json:"@id"`

	Name               text             `json:"name"`
	Summary            text             `json:"summary"`
	Description        text             `json:"description"`
	Comment            text             `json:"comment"`
	CreationInfo       list[ref]        `json:"creationInfo"`
	VerifiedUsing      list[hashIn]     `json:"verifiedUsing"`
	ExternalIdentifier list[identifier] `json:"externalIdentifier"`
	ExternalRef        list[reference]  `json:"externalRef"`
	Extension          list[extended]   `json:"extension"`

	// Of collections.
	RootElement list[ref]  `json:"rootElement"`
	Element     list[ref]  `json:"element"`
	SbomType    list[text] `json:"software_sbomType"`

	// Of CreationInfo.
	SpecVersion  text      `json:"specVersion"`
	Created      text      `json:"created"`
	CreatedBy    list[ref] `json:"createdBy"`
	CreatedUsing list[ref] `json:"createdUsing"`

	// Of packages.
	PackageVersion text      `json:"software_packageVersion"`
	PackageURL     text      `json:"software_packageUrl"`
	PrimaryPurpose text      `json:"software_primaryPurpose"`
	BuiltTime      text      `json:"builtTime"`
	SuppliedBy     list[ref] `json:"suppliedBy"` // also of assessments
	OriginatedBy   list[ref] `json:"originatedBy"`

	// Of licences.
	Expression        text        `json:"simplelicensing_licenseExpression"`
	CustomIDs         list[entry] `json:"simplelicensing_customIdToUri"`
	LicenseText       text        `json:"simplelicensing_licenseText"`
	AdditionText      text        `json:"expandedlicensing_additionText"`
	Member            list[ref]   `json:"expandedlicensing_member"`
	SubjectLicense    list[ref]   `json:"expandedlicensing_subjectLicense"`
	SubjectExtendable list[ref]   `json:"expandedlicensing_subjectExtendableLicense"`
	SubjectAddition   list[ref]   `json:"expandedlicensing_subjectAddition"`

	// Of relationships.
	From             list[ref] `json:"from"`
	To               list[ref] `json:"to"`
	RelationshipType text      `json:"relationshipType"`
	Scope            text      `json:"scope"`

	// Of vulnerabilities and what is said about them.
	Published     text `json:"security_publishedTime"`
	Modified      text `json:"security_modifiedTime"`
	Score         text `json:"security_score"`
	Severity      text `json:"security_severity"`
	Vector        text `json:"security_vectorString"`
	Action        text `json:"security_actionStatement"`
	Impact        text `json:"security_impactStatement"`
	Justification text `json:"security_justificationType"`
	Notes         text `json:"security_statusNotes"`
}

// references returns the lists whose members can be elements themselves. Those
// of CreationInfo are only looked at where they matter.
func (e *element) references() []list[ref] {
	return []list[ref]{
		e.RootElement, e.Element, e.CreatedBy, e.CreatedUsing, e.SuppliedBy, e.OriginatedBy,
		e.Member, e.SubjectLicense, e.SubjectExtendable, e.SubjectAddition, e.From, e.To,
	}
}

type hashIn struct {
	Type      text `json:"type"`
	Algorithm text `json:"algorithm"`
	HashValue text `json:"hashValue"`
}

type identifier struct {
	Kind       text `json:"externalIdentifierType"`
	Identifier text `json:"identifier"`
}

type reference struct {
	Kind    text       `json:"externalRefType"`
	Locator list[text] `json:"locator"`
}

type entry struct {
	Key   text `json:"key"`
	Value text `json:"value"`
}

type extended struct {
	Properties list[propertyIn] `json:"extension_cdxProperty"`
}

type propertyIn struct {
	Name  text `json:"extension_cdxPropName"`
	Value text `json:"extension_cdxPropValue"`
}
