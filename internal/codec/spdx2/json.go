package spdx2

import (
	"encoding/json"
	"errors"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// JSON reads a document in JSON, member by member.
type JSON struct{ d *document }

var _ codec.JSONReader = (*JSON)(nil)

// NewJSON returns a reader for one document.
func NewJSON(limits codec.Limits) *JSON { return &JSON{newDocument(limits, "json")} }

// What is read of the elements in JSON: the names are those of
// https://github.com/spdx/spdx-spec/blob/support/2.3/schemas/spdx-schema.json.
type (
	jsonPackage struct {
		ID          string           `json:"SPDXID"`
		Name        string           `json:"name"`
		Version     string           `json:"versionInfo"`
		Supplier    string           `json:"supplier"`
		Originator  string           `json:"originator"`
		Declared    string           `json:"licenseDeclared"`
		Concluded   string           `json:"licenseConcluded"`
		SourceInfo  string           `json:"sourceInfo"`
		Purpose     string           `json:"primaryPackagePurpose"`
		Checksums   []jsonChecksum   `json:"checksums"`
		Refs        []jsonRef        `json:"externalRefs"`
		Texts       []string         `json:"attributionTexts"`
		Annotations []jsonAnnotation `json:"annotations"`
	}
	jsonChecksum struct {
		Algorithm string `json:"algorithm"`
		Value     string `json:"checksumValue"`
	}
	jsonRef struct {
		Type    string `json:"referenceType"`
		Locator string `json:"referenceLocator"`
	}
	jsonAnnotation struct {
		Comment string `json:"comment"`
	}
	jsonFile struct {
		ID      string `json:"SPDXID"`
		Name    string `json:"fileName"`
		Comment string `json:"comment"`
	}
	jsonSnippet struct {
		ID string `json:"SPDXID"`
	}
	jsonLicense struct {
		ID   string `json:"licenseId"`
		Text string `json:"extractedText"`
		Name string `json:"name"`
	}
	jsonRelationship struct {
		From    string `json:"spdxElementId"`
		Type    string `json:"relationshipType"`
		To      string `json:"relatedSpdxElement"`
		Comment string `json:"comment"`
	}
	jsonCreation struct {
		Created  string   `json:"created"`
		Creators []string `json:"creators"`
	}
)

// Member implements [codec.JSONReader].
func (j *JSON) Member(name string, dec *json.Decoder) (bool, error) {
	d := j.d
	switch name {
	case "spdxVersion":
		return true, codec.Value(d.c, dec, name, &d.version)
	case "name":
		return true, codec.Value(d.c, dec, name, &d.name)
	case "documentNamespace":
		return true, codec.Value(d.c, dec, name, &d.info.ID)
	case "SPDXID":
		var id string
		err := codec.Value(d.c, dec, name, &id)
		d.other(id)
		return true, err
	case "creationInfo":
		var info jsonCreation
		if err := codec.Value(d.c, dec, name, &info); err != nil {
			return true, err
		}
		for _, c := range info.Creators {
			d.creator(c)
		}
		if info.Created != "" {
			d.created(info.Created)
		}
		return true, nil
	case "packages":
		return true, elements(d, dec, "package", j.pkg)
	case "files":
		return true, elements(d, dec, "file", func(f *jsonFile) error {
			d.file(f.ID, f.Name, f.Comment)
			return nil
		})
	case "snippets":
		return true, elements(d, dec, "snippet", func(s *jsonSnippet) error {
			d.other(s.ID)
			return nil
		})
	case "hasExtractedLicensingInfos":
		return true, elements(d, dec, "licence", func(l *jsonLicense) error {
			d.license(l.ID, l.Name, l.Text)
			return nil
		})
	case "relationships":
		return true, elements(d, dec, "relationship", func(r *jsonRelationship) error {
			return d.relation(r.From, r.Type, r.To, r.Comment)
		})
	case "documentDescribes":
		return true, elements(d, dec, "described element", func(id *string) error {
			return d.relation("SPDXRef-"+string(documentID), "DESCRIBES", *id, "")
		})
	case "dataLicense", "comment", "externalDocumentRefs", "annotations", "revieweds":
		return true, codec.Skip(dec)
	}
	return false, nil
}

// Finish implements [codec.JSONReader].
func (j *JSON) Finish() (*inventory.BOM, error) { return j.d.finish() }

// elements takes the elements of a list. One with a field of another type is a
// problem, and is taken without that field.
func elements[T any](d *document, dec *json.Decoder, what string, take func(v *T) error) error {
	n := 0
	return codec.Elements(d.c, dec, what, func(raw *json.RawMessage) error {
		n++
		var v T
		if err := json.Unmarshal(*raw, &v); err != nil {
			d.c.Problem("%s %d cannot be understood: %w", what, n, err)
			var typed *json.UnmarshalTypeError
			if !errors.As(err, &typed) || typed.Field == "" {
				return nil
			}
		}
		return take(&v)
	})
}

func (j *JSON) pkg(p *jsonPackage) error {
	e := &element{
		id: p.ID, name: p.Name, version: p.Version, supplier: p.Supplier, originator: p.Originator,
		declared: p.Declared, concluded: p.Concluded, sourceInfo: p.SourceInfo, purpose: p.Purpose,
	}
	for _, r := range p.Refs {
		e.ref(r.Type, r.Locator)
	}
	for _, c := range p.Checksums {
		e.checksum(j.d.c, c.Algorithm, c.Value)
	}
	for _, s := range p.Texts {
		e.note(j.d.c, s)
	}
	for _, a := range p.Annotations {
		e.note(j.d.c, a.Comment)
	}
	return j.d.add(e)
}
