package spdx2

import (
	"io"
	"strings"

	"github.com/spdx/tools-golang/spdx/v2/common"
	"github.com/spdx/tools-golang/spdx/v2/v2_2"
	spdx "github.com/spdx/tools-golang/spdx/v2/v2_3"

	"github.com/imagevet/imagevet/internal/codec"
)

// A jsonSink writes JSON.
type jsonSink struct {
	w       *codec.JSONWriter
	version string
	list    string // the list that is open
}

func newJSONSink(w io.Writer, version string, compact bool) *jsonSink {
	return &jsonSink{w: codec.NewJSONWriter(w, compact), version: version}
}

func (s *jsonSink) head(d *spdx.Document) {
	s.w.Member("spdxVersion", d.SPDXVersion)
	s.w.Member("dataLicense", d.DataLicense)
	s.w.Member("SPDXID", d.SPDXIdentifier)
	s.w.Member("name", d.DocumentName)
	s.w.Member("documentNamespace", d.DocumentNamespace)
	s.w.Member("creationInfo", d.CreationInfo)
}

// element writes an element of a list, which is opened as needed.
func (s *jsonSink) element(list string, v any) {
	if s.list != list {
		s.end()
		s.w.List(list)
		s.list = list
	}
	s.w.Element(v)
}

func (s *jsonSink) end() {
	if s.list != "" {
		s.w.EndList()
		s.list = ""
	}
}

// A package22 is a package of version 2.2, whose type in the library writes
// fields in an order of its own.
type package22 struct {
	*spdx.Package
	// References spell categories with an underscore in JSON of version 2.2.
	References []*v2_2.PackageExternalReference `json:"externalRefs,omitempty"`
}

func (s *jsonSink) pkg(p *spdx.Package) {
	// In JSON, the schema spells the purpose in another way than section 7.24.
	p.PrimaryPackagePurpose = strings.ReplaceAll(p.PrimaryPackagePurpose, "-", "_")
	if s.version != "2.2" {
		s.element("packages", p)
		return
	}
	old := package22{Package: p}
	for _, r := range p.PackageExternalReferences {
		old.References = append(old.References, &v2_2.PackageExternalReference{Category: r.Category, RefType: r.RefType, Locator: r.Locator})
	}
	s.element("packages", old)
}

func (s *jsonSink) license(l *spdx.OtherLicense) { s.element("hasExtractedLicensingInfos", l) }

func (s *jsonSink) relationship(from common.ElementID, kind string, to common.ElementID) {
	s.element("relationships", &spdx.Relationship{
		RefA: common.DocElementID{ElementRefID: from}, RefB: common.DocElementID{ElementRefID: to}, Relationship: kind,
	})
}

func (s *jsonSink) close() error {
	s.end()
	return s.w.Close()
}
