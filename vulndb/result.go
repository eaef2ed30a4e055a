package vulndb

import (
	"time"

	"github.com/imagevet/imagevet/internal/advisory"
)

// A Result is the answer of [DB.Match].
type Result struct {
	// Matches are sorted by Package, then ID.
	Matches []Match `json:"matches"`
	// Coverage has a row for each ecosystem and state; the numbers of
	// packages add up to those that were asked for. It is sorted by
	// Ecosystem, then Status, then Reason.
	Coverage []Coverage `json:"coverage"`
	// Problems are sorted by Package, then Message.
	Problems []Problem `json:"problems"`
}

// A Match says that a package has a known flaw. There is one for each package
// and flaw, however many advisories say so.
type Match struct {
	// Package is an index of the packages that were asked for.
	Package int `json:"package"`
	// ID is the CVE of the flaw. Without a CVE it is the GHSA, without a GHSA
	// the advisory's own ID.
	ID string `json:"id"`
	// Aliases are the other names of the flaw and the IDs of all advisories
	// in Evidence and Other, sorted, without ID. CVEs are not among them, as
	// each is a Match of its own.
	Aliases []string `json:"aliases"`

	// What follows is from the advisory in Evidence. Texts that it lacks are
	// from the first in Other that has them, and so are Severity and CWEs, but
	// only from an advisory on a single flaw. What no advisory has is from the
	// sources in [Info].Enrichment: the CVE list, then the NVD, then KEV.

	// Summary is one line of plain text, Details CommonMark. Either can be
	// empty.
	Summary string `json:"summary"`
	Details string `json:"details"`
	// Severity holds the ratings as the advisory RatedBy states them, those
	// for the package first. Without such an advisory RatedBy is the Source of
	// the first of Ratings, such as "NVD", and Severity holds those of it.
	// RatedBy is empty if there are none.
	Severity []Severity `json:"severity"`
	RatedBy  string     `json:"rated_by"`
	// Ratings are all of the sources of enrichment: of the CVE list whoever
	// assigned the CVE comes first, then the others of it, such as CISA-ADP;
	// then those of the NVD, its own first.
	Ratings []Rating `json:"ratings,omitempty"`
	// EPSS is nil if the database has no score for ID. KEV is nil if ID is not
	// in the catalogue of the database or there is none, which
	// [Info].Enrichment tells.
	EPSS *EPSS `json:"epss,omitempty"`
	KEV  *KEV  `json:"kev,omitempty"`
	// Rejected is true if the CVE list or the NVD say that ID must not be used:
	// that it names no flaw, or one that has another ID.
	Rejected bool `json:"rejected,omitempty"`
	// Informational is the word of the advisories in Evidence and Other for what
	// is no flaw, such as [InformationalUnmaintained]; empty if one of them is on
	// a flaw. A match can have one and a CVE, as somebody else saw a flaw in it.
	Informational string `json:"informational,omitempty"`
	// CWEs are numbers of the Common Weakness Enumeration
	// (https://cwe.mitre.org), sorted; few databases state them.
	CWEs []int `json:"cwes,omitempty"`
	// References are URLs from all advisories, in their order.
	References []string `json:"references"`
	// Published and Modified are zero if the advisory has no such date.
	Published time.Time `json:"published,omitzero"`
	Modified  time.Time `json:"modified,omitzero"`

	// FixedVersion is the lowest version above the installed one that the
	// advisory in Evidence calls fixed and that is in none of its ranges. It
	// is empty if there is none.
	FixedVersion string `json:"fixed_version"`
	// FixIn is a fix that the system does not get as it is, nil if there is
	// none: FixedVersion is empty then.
	FixIn *FixIn `json:"fix_in,omitempty"`
	// Status is what the advisory in Evidence says of a fix: [StatusFixed] if
	// FixedVersion is not empty, and otherwise [StatusAffected] or, where the
	// publisher tells more, another of the statuses.
	Status string `json:"status"`

	// Evidence is the advisory that is closest to the flaw: that with the
	// fewest upstream IDs, and of several the one with the smallest ID. For a
	// package that was built for a minor release of Red Hat Enterprise Linux or
	// of what is built from its sources, as ".el9_2" in its version says (of one
	// in a module: if the image has extended support for that release), one
	// with a fix for that release comes first, and then one with a higher fix.
	// If the package has such a fix, advisories with a fix for another release
	// are no match. Other holds the rest, in the same order.
	Evidence Evidence   `json:"evidence"`
	Other    []Evidence `json:"other,omitempty"`
}

// The values of [Match].Status.
const (
	StatusFixed              = "fixed"               // a fixed version is known
	StatusAffected           = "affected"            // none is
	StatusWillNotFix         = "will_not_fix"        // there will be none
	StatusFixDeferred        = "fix_deferred"        // there will be one, but not soon
	StatusEndOfLife          = "end_of_life"         // the package has no support any more
	StatusUnderInvestigation = "under_investigation" // it is not known yet whether it is affected
)

// statusName returns the name of a status, or "" for none and for unknown ones.
func statusName(s advisory.Status) string {
	switch s {
	case advisory.WillNotFix:
		return StatusWillNotFix
	case advisory.FixDeferred:
		return StatusFixDeferred
	case advisory.EndOfLife:
		return StatusEndOfLife
	case advisory.UnderInvestigation:
		return StatusUnderInvestigation
	}
	return ""
}

// A Severity is one rating: a type of the OSV schema such as "CVSS_V3",
// "CVSS_V4" or "Ubuntu" with the vector or word, or [SeverityWord].
type Severity = advisory.Severity

// SeverityWord is the [Severity] type of a word that a database uses beside
// the types of the schema, such as "MODERATE" or Debian's "unimportant".
const SeverityWord = advisory.Word

// Evidence is what a match rests on: the package that was looked up, with its
// version, is in the range by the order of the scheme.
type Evidence struct {
	// Advisory is the ID of the record.
	Advisory string `json:"advisory"`
	// Ecosystem is the record's, such as "Debian:12".
	Ecosystem string `json:"ecosystem"`
	// MatchedName and MatchedVersion are what was looked up: those of the
	// source package where a distribution's advisories use them. The name of
	// an rpm package of a module is "MODULE:STREAM::NAME", "*::NAME" if the
	// advisory is on a stream that it does not name, or "::NAME" if the
	// package's is not known.
	MatchedName    string `json:"matched_name"`
	MatchedVersion string `json:"matched_version"`
	// Scheme is how versions were compared, as package version names it.
	Scheme string `json:"scheme"`
	// Range is the range that holds the version, such as ">= 0, < 1.2.3-r0",
	// where "0" means no lower bound; or "= 1.2.3" if the advisory lists the
	// version. Ranges of one advisory that overlap or touch are joined.
	Range string `json:"range"`
	// Note says in words why this advisory and no other is the one that counts,
	// where a flaw is fixed for several minor releases of a distribution; empty
	// for most.
	Note string `json:"note,omitempty"`
	// Database is the [Info].ID of the database.
	Database string `json:"database"`
}

// Coverage says what became of a group of packages.
type Coverage struct {
	// Ecosystem is OSV's name, such as "Debian:12", or the type of the
	// packages where there is none.
	Ecosystem string `json:"ecosystem"`
	// Packages is how many there are.
	Packages int `json:"packages"`
	// Status is one of [CoverageMatched], [CoverageNoData] and
	// [CoverageUnsupported].
	Status string `json:"status"`
	// Reason explains it in one sentence without a full stop. It can be empty
	// if Status is [CoverageMatched].
	Reason string `json:"reason"`
}

// The values of [Coverage].Status.
const (
	CoverageMatched     = "matched"     // compared with the advisories there are
	CoverageNoData      = "no_data"     // the database has nothing on the ecosystem
	CoverageUnsupported = "unsupported" // cannot be matched by this library
)

// A Problem says that a package could not be compared with all advisories
// that name it.
type Problem struct {
	// Package is an index of the packages that were asked for.
	Package int `json:"package"`
	// Message is one sentence without a full stop.
	Message string `json:"message"`
}

// Info describes a database.
type Info struct {
	// Built is when the database was built.
	Built time.Time `json:"built"`
	// ID stands for the content: "sha256:" and 64 digits, equal for equal
	// content whenever it was built.
	ID string `json:"id"`
	// Sources are the ecosystems, sorted by name.
	Sources []SourceInfo `json:"sources"`
	// Enrichment are the sources that say more about CVEs, sorted by name.
	Enrichment []EnrichmentInfo `json:"enrichment,omitempty"`
}

// A SourceInfo describes the advisories on one ecosystem.
type SourceInfo struct {
	// Ecosystem is OSV's name without a release, such as "Debian".
	Ecosystem string `json:"ecosystem"`
	// Modified is when the newest record was modified.
	Modified time.Time `json:"modified"`
	// Records is the number of records, without withdrawn ones.
	Records int `json:"records"`
}
