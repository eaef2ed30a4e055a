package cyclonedx

import (
	"fmt"
	"io"
	"regexp"
	"slices"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/github/go-spdx/v2/spdxexp"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/sbom/inventory"
)

var uuidURN = regexp.MustCompile(`^urn:uuid:[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`)

func tooMany(what string, most int) error {
	return fmt.Errorf("more than %d %s: %w", most, what, inventory.ErrTooLarge)
}

// A bytesReader hands out a slice, which the decoder does not keep.
type bytesReader struct{ data []byte }

func (r *bytesReader) Read(p []byte) (int, error) {
	if len(r.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.data)
	r.data = r.data[n:]
	return n, nil
}

// componentTypes are those of version 1.7:
// https://cyclonedx.org/docs/1.7/json/#components_items_type
var componentTypes = []cdx.ComponentType{
	"application", "framework", "library", "container", "platform", "operating-system", "device", "device-driver", "firmware",
	"file", "machine-learning-model", "data", "cryptographic-asset",
}

// check compares a component with the rules of the specification.
func (d *decoder) check(c *cdx.Component) {
	name := codec.Quote(c.Name)
	if !slices.Contains(componentTypes, c.Type) {
		d.Remark("component %s is of a type that is not known: %s", name, codec.Quote(string(c.Type)))
	}
	switch c.Scope {
	case "", cdx.ScopeRequired, cdx.ScopeOptional, cdx.ScopeExcluded:
	default:
		d.Remark("component %s has a scope that is not known: %s", name, codec.Quote(string(c.Scope)))
	}
	for _, h := range deref(c.Hashes) {
		if !hexadecimal.MatchString(h.Value) || hashSizes[string(h.Algorithm)] == 0 && !streebog(h.Algorithm) || !slices.Contains([]int{32, 40, 64, 96, 128}, len(h.Value)) {
			d.Remark("component %s has a digest that is none: %s %s", name, codec.Quote(string(h.Algorithm)), codec.Quote(h.Value))
		}
	}
	if c.Licenses != nil {
		d.checkLicenses(*c.Licenses, "component "+name)
	}
	if c.SWID != nil && (c.SWID.TagID == "" || c.SWID.Name == "") {
		d.Remark("component %s has a SWID tag without an ID or a name", name)
	}
	if c.Version != "" && c.VersionRange != "" {
		d.Remark("component %s has a version and a range of versions", name)
	}
	// The library does not read the attribute of XML.
	if c.VersionRange != "" && (c.IsExternal == nil || !*c.IsExternal) && d.BOM.Document.Encoding == "json" {
		d.Remark("component %s has a range of versions, but is not external", name)
	}
	if c.Pedigree != nil {
		for _, p := range deref(c.Pedigree.Patches) {
			switch p.Type {
			case cdx.PatchTypeBackport, cdx.PatchTypeCherryPick, cdx.PatchTypeMonkey, cdx.PatchTypeUnofficial:
			default:
				d.Remark("component %s has a patch of a type that is not known: %s", name, codec.Quote(string(p.Type)))
			}
			for _, issue := range deref(p.Resolves) {
				d.checkIssue(issue, name)
			}
		}
	}
	if c.ReleaseNotes != nil {
		for _, issue := range deref(c.ReleaseNotes.Resolves) {
			d.checkIssue(issue, name)
		}
	}
}

func streebog(a cdx.HashAlgorithm) bool { return a == "Streebog-256" || a == "Streebog-512" }

func (d *decoder) checkIssue(issue cdx.Issue, name string) {
	switch issue.Type {
	case cdx.IssueTypeDefect, cdx.IssueTypeEnhancement, cdx.IssueTypeSecurity:
	default:
		d.Remark("component %s resolves an issue of a type that is not known: %s", name, codec.Quote(string(issue.Type)))
	}
}

// checkLicenses looks at a list of licences: each is one by its identifier or
// its name, or an expression.
func (d *decoder) checkLicenses(licenses cdx.Licenses, of string) {
	expressions := 0
	for _, l := range licenses {
		switch {
		case l.License != nil && l.Expression != "":
			d.Remark("%s has a licence that is an expression too", of)
		case l.Expression != "":
			expressions++
		case l.License == nil || l.License.ID == "" && l.License.Name == "":
			d.Remark("%s has a licence without an identifier or a name", of)
		case l.License.ID != "" && l.License.Name != "":
			d.Remark("%s has a licence with an identifier and a name", of)
		case l.License.ID != "":
			if ok, _ := spdxexp.ValidateLicenses([]string{l.License.ID}); !ok {
				d.Remark("%s has a licence that SPDX does not know: %s", of, codec.Quote(l.License.ID))
			}
		}
		if l.License != nil && l.License.Text != nil {
			if e := l.License.Text.Encoding; e != "" && e != "base64" {
				d.Remark("%s has a licence's text in an encoding that is not known: %s", of, codec.Quote(e))
			}
		}
	}
	if expressions > 1 && d.version != "" && d.version < "1.7" || expressions == 1 && len(licenses) > 1 && d.version != "" && d.version < "1.7" {
		d.Remark("%s has an expression beside other licences", of)
	}
}

// checkVulnerability looks at the words that are chosen from a list.
func (d *decoder) checkVulnerability(v *cdx.Vulnerability) {
	if v.ID == "" {
		d.Remark("a vulnerability has no ID")
	}
	for _, r := range deref(v.Ratings) {
		switch r.Severity {
		case "", cdx.SeverityUnknown, cdx.SeverityNone, cdx.SeverityInfo, cdx.SeverityLow, cdx.SeverityMedium, cdx.SeverityHigh, cdx.SeverityCritical:
		default:
			d.Remark("%s has a severity that is not known: %s", codec.Quote(v.ID), codec.Quote(string(r.Severity)))
		}
	}
	for _, a := range deref(v.Affects) {
		for _, r := range deref(a.Range) {
			if (r.Version == "") == (r.Range == "") {
				d.Remark("what %s affects has not either a version or a range", codec.Quote(v.ID))
			}
		}
	}
	if v.Analysis != nil {
		switch v.Analysis.State {
		case "", cdx.IASResolved, cdx.IASResolvedWithPedigree, cdx.IASExploitable, cdx.IASInTriage, cdx.IASFalsePositive, cdx.IASNotAffected:
		default:
			d.Remark("the analysis of %s has a state that is not known: %s", codec.Quote(v.ID), codec.Quote(string(v.Analysis.State)))
		}
	}
}

// service looks at a service, which is no part of the inventory; it can have
// dependencies.
func (d *decoder) service(s *cdx.Service) error {
	if s.Name == "" {
		d.Remark("a service has no name")
	}
	for _, data := range deref(s.Data) {
		if data.Classification == "" && len(deref(data.Source)) == 0 {
			d.Remark("service %s has data without a classification", codec.Quote(s.Name))
		}
		switch data.Flow {
		case cdx.DataFlowInbound, cdx.DataFlowOutbound, cdx.DataFlowBidirectional, cdx.DataFlowUnknown:
		default:
			d.Remark("service %s has data that flow in a direction that is not known: %s", codec.Quote(s.Name), codec.Quote(string(data.Flow)))
		}
	}
	return d.Element(s.BOMRef)
}

func (d *decoder) composition(c *cdx.Composition) error {
	switch c.Aggregate {
	case cdx.CompositionAggregateComplete, cdx.CompositionAggregateIncomplete, cdx.CompositionAggregateIncompleteFirstPartyOnly,
		cdx.CompositionAggregateIncompleteThirdPartyOnly, cdx.CompositionAggregateUnknown, cdx.CompositionAggregateNotSpecified,
		"incomplete_first_party_proprietary_only", "incomplete_first_party_opensource_only",
		"incomplete_third_party_proprietary_only", "incomplete_third_party_opensource_only":
	default:
		d.Remark("a composition is of a kind that is not known: %s", codec.Quote(string(c.Aggregate)))
	}
	return nil
}

// citation looks at who said something: somebody must have, and of something.
func (d *decoder) citation(c *cdx.Citation) {
	if c.AttributedTo == nil && c.Process == "" {
		d.Remark("a citation names nobody")
	}
	if (len(deref(c.Pointers)) == 0) == (len(deref(c.Expressions)) == 0) {
		d.Remark("a citation has not either pointers or expressions")
	}
}
