package spdx2

import (
	"bufio"
	"io"
	"strings"

	"github.com/spdx/tools-golang/spdx/v2/common"
	spdx "github.com/spdx/tools-golang/spdx/v2/v2_3"
)

// A tagSink writes tag-value. The library's writer wants the whole document,
// and puts into <text> only what has a line feed.
type tagSink struct {
	w       *bufio.Writer
	compact bool
	part    string // of the document, for a heading
}

func newTagSink(w io.Writer, compact bool) *tagSink {
	return &tagSink{w: bufio.NewWriterSize(w, 64<<10), compact: compact}
}

// tag writes a line, unless the value is empty.
func (s *tagSink) tag(name, value string) {
	if value == "" {
		return
	}
	s.w.WriteString(name)
	s.w.WriteString(": ")
	if strings.Contains(value, "\n") || strings.TrimSpace(value) != value {
		s.w.WriteString("<text>")
		s.w.WriteString(value)
		s.w.WriteString("</text>\n")
		return
	}
	s.w.WriteString(value)
	s.w.WriteByte('\n')
}

// heading writes a comment where another part of the document begins.
func (s *tagSink) heading(part string) {
	if s.part == part {
		return
	}
	s.part = part
	if !s.compact {
		s.w.WriteString("\n##### " + part + "\n\n")
	}
}

func (s *tagSink) head(d *spdx.Document) {
	s.tag("SPDXVersion", d.SPDXVersion)
	s.tag("DataLicense", d.DataLicense)
	s.tag("SPDXID", common.RenderElementID(d.SPDXIdentifier))
	s.tag("DocumentName", d.DocumentName)
	s.tag("DocumentNamespace", d.DocumentNamespace)
	for _, c := range d.CreationInfo.Creators {
		s.tag("Creator", c.CreatorType+": "+c.Creator)
	}
	s.tag("Created", d.CreationInfo.Created)
}

func (s *tagSink) pkg(p *spdx.Package) {
	s.heading("Package: " + p.PackageName)
	s.part = ""
	s.tag("PackageName", p.PackageName)
	s.tag("SPDXID", common.RenderElementID(p.PackageSPDXIdentifier))
	s.tag("PackageVersion", p.PackageVersion)
	s.tag("PackageSupplier", supplierText(p.PackageSupplier))
	if p.PackageOriginator != nil {
		s.tag("PackageOriginator", originatorText(p.PackageOriginator))
	}
	s.tag("PackageDownloadLocation", p.PackageDownloadLocation)
	s.tag("PrimaryPackagePurpose", p.PrimaryPackagePurpose)
	s.tag("FilesAnalyzed", "false")
	for _, c := range p.PackageChecksums {
		s.tag("PackageChecksum", string(c.Algorithm)+": "+c.Value)
	}
	s.tag("PackageSourceInfo", p.PackageSourceInfo)
	s.tag("PackageLicenseConcluded", p.PackageLicenseConcluded)
	s.tag("PackageLicenseDeclared", p.PackageLicenseDeclared)
	s.tag("PackageCopyrightText", p.PackageCopyrightText)
	s.tag("PackageSummary", p.PackageSummary)
	for _, r := range p.PackageExternalReferences {
		s.tag("ExternalRef", r.Category+" "+r.RefType+" "+r.Locator)
	}
	for _, a := range p.Annotations {
		s.tag("Annotator", a.Annotator.AnnotatorType+": "+a.Annotator.Annotator)
		s.tag("AnnotationDate", a.AnnotationDate)
		s.tag("AnnotationType", a.AnnotationType)
		s.tag("SPDXREF", common.RenderDocElementID(a.AnnotationSPDXIdentifier))
		s.tag("AnnotationComment", a.AnnotationComment)
	}
}

func (s *tagSink) license(l *spdx.OtherLicense) {
	s.heading("Other licenses")
	s.tag("LicenseID", l.LicenseIdentifier)
	s.tag("ExtractedText", l.ExtractedText)
	s.tag("LicenseName", l.LicenseName)
}

func (s *tagSink) relationship(from common.ElementID, kind string, to common.ElementID) {
	s.heading("Relationships")
	s.tag("Relationship", common.RenderElementID(from)+" "+kind+" "+common.RenderElementID(to))
}

func (s *tagSink) close() error { return s.w.Flush() }
