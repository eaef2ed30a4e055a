package report

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/package-url/packageurl-go"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/scan"
)

// https://github.com/openvex/spec/blob/main/OPENVEX-SPEC.md, version 0.2.0.
const (
	vexContext = "https://openvex.dev/ns/v0.2.0"
	vexID      = "https://openvex.dev/docs/public/vex-" // as the specification's tools name documents
	vexAuthor  = "Unknown Author"                       // likewise
)

type vexStatement struct {
	Vulnerability vexVulnerability `json:"vulnerability"`
	Products      []vexProduct     `json:"products"`
	Status        string           `json:"status"`
	StatusNotes   string           `json:"status_notes,omitempty"`
}

type vexVulnerability struct {
	ID          string   `json:"@id,omitempty"`
	Name        string   `json:"name"`
	Description string   `json:"description,omitempty"`
	Aliases     []string `json:"aliases,omitempty"`
}

type vexProduct struct {
	ID            string         `json:"@id"`
	Identifiers   vexIdentifiers `json:"identifiers"`
	Subcomponents []vexProduct   `json:"subcomponents,omitempty"`
}

type vexIdentifiers struct {
	PURL string `json:"purl"`
}

// writeOpenVEX writes what a person fills in.
func writeOpenVEX(w io.Writer, r *scan.Report, cfg *config) error {
	when := codec.FormatTime(cfg.when(r))
	h := sha256.New()
	enc := json.NewEncoder(h)
	err := enc.Encode([]string{when, toolVersion()})
	for s := range vexStatements(r) {
		err = errors.Join(err, enc.Encode(s))
	}
	if err != nil {
		return err
	}
	j := codec.NewJSONWriter(w, false)
	j.Member("@context", vexContext)
	j.Member("@id", fmt.Sprintf("%s%x", vexID, h.Sum(nil)))
	j.Member("author", vexAuthor)
	j.Member("timestamp", when)
	j.Member("version", 1)
	j.Member("tooling", strings.TrimSpace(codec.Name+" "+codec.Tool().Version))
	j.List("statements")
	for s := range vexStatements(r) {
		j.Element(s)
	}
	j.EndList()
	return j.Close()
}

// vexStatements makes a statement for each ID, sorted.
func vexStatements(r *scan.Report) iter.Seq[vexStatement] {
	byID := map[string][]*scan.Finding{}
	for i := range r.Findings {
		name := cmp.Or(oneLine(r.Findings[i].ID), "unknown")
		byID[name] = append(byID[name], &r.Findings[i])
	}
	image := ""
	if len(r.Target.Name) < maxURL {
		image = codec.ImagePURL(&r.Target.Target)
	}
	return func(yield func(vexStatement) bool) {
		for _, id := range slices.Sorted(maps.Keys(byID)) {
			if !yield(vexStatementOf(id, byID[id], image)) {
				return
			}
		}
	}
}

// vexStatementOf makes the statement on one ID. The product is the image if it
// has a package URL, and the packages are part of it; else it is the packages.
func vexStatementOf(id string, findings []*scan.Finding, image string) vexStatement {
	f := findings[0]
	s := vexStatement{Status: "under_investigation", Vulnerability: vexVulnerability{ID: flawPage(f.ID), Name: id, Description: oneLine(headline(f))}}
	for _, alias := range f.Aliases {
		if alias = oneLine(alias); alias != "" && alias != id && !slices.Contains(s.Vulnerability.Aliases, alias) {
			s.Vulnerability.Aliases = append(s.Vulnerability.Aliases, alias)
		}
	}
	packages, notes := map[string]bool{}, map[string]bool{}
	for _, f := range findings {
		packages[vexPURL(&f.Package)] = true
		if e := evidence(f); e != "" {
			notes[oneLine(e+". "+solution(f))] = true
		}
	}
	for _, purl := range slices.Sorted(maps.Keys(packages)) {
		s.Products = append(s.Products, vexProduct{ID: purl, Identifiers: vexIdentifiers{purl}})
	}
	if image != "" {
		s.Products = []vexProduct{{ID: image, Identifiers: vexIdentifiers{image}, Subcomponents: s.Products}}
	}
	s.StatusNotes = strings.Join(slices.Sorted(maps.Keys(notes)), "\n")
	return s
}

// vexPURL is the package URL of a package, or one that is made of its name if
// it has none that is a URI.
func vexPURL(p *scan.Package) string {
	if purl, ok := validPURL(p); ok {
		return purl
	}
	u := packageurl.PackageURL{Type: "generic", Name: cmp.Or(oneLine(p.Name), "unknown"), Version: oneLine(p.Version)}
	return u.ToString()
}
