// Package advisory reads records in the Open Source Vulnerability format
// (OSV), schema 1.7, https://ossf.github.io/osv-schema/.
//
// [Decode] keeps what matching and reporting need and drops the rest. Records
// are hostile: sizes are bounded, and what is wrong in a record is told apart
// into what makes all of it useless (an error) and what makes part of it
// useless (a defect), so that no part is lost without a word.
//
// All functions are safe for concurrent use.
package advisory

import (
	"time"
)

// Limits of one record, in bytes. What exceeds them is a defect or, for
// [MaxRecord], an error. They are far above everything in public databases.
const (
	MaxRecord  = 16 << 20 // a whole record
	MaxID      = 512      // an ID, also in lists of IDs
	MaxName    = 4 << 10  // the name of an ecosystem or a package
	MaxVersion = 1 << 10  // a version
)

// A Record is one advisory.
type Record struct {
	// ID is never empty.
	ID string
	// Published, Modified and Withdrawn are zero if the record has no such
	// date. A record with a Withdrawn date must not match anything.
	Published, Modified, Withdrawn time.Time
	// Aliases are other names of the same flaw, Upstream the flaws that the
	// record passes on, which may be several. Empty and repeated IDs are left
	// out.
	Aliases, Upstream []string
	// Related are IDs that have something to do with the record. In most
	// databases that does not make them names of the flaw.
	Related []string
	// Summary is one line of plain text, Details CommonMark.
	Summary, Details string
	// Severity holds ratings for all packages.
	Severity []Severity
	// CWEs are numbers of the Common Weakness Enumeration, sorted, where the
	// database states them as GitHub does: "cwe_ids" in database_specific.
	CWEs []int
	// References are URLs, in the order of the record.
	References []string
	// Affected tells which versions of which packages are affected.
	Affected []Affected
}

// A Severity is one rating.
type Severity struct {
	// Type is "CVSS_V2", "CVSS_V3", "CVSS_V4", "Ubuntu" or another type of the
	// OSV schema, or [Word].
	Type string `json:"type"`
	// Score is the CVSS vector or the word.
	Score string `json:"score"`
}

// Word is the [Severity] type of a word that a database puts outside of the
// schema's own field: "severity" in database_specific or ecosystem_specific
// (GitHub, Bitnami, Azure Linux) and "urgency" in ecosystem_specific (Debian).
const Word = "WORD"

// An Affected tells which versions of one package are affected: those in a
// range and those listed.
type Affected struct {
	// Ecosystem is OSV's name of the ecosystem with its suffix, such as
	// "Debian:12" or "PyPI"; Name is the package's name in it. Neither is
	// empty.
	Ecosystem, Name string
	// Ranges are those of the types ECOSYSTEM and SEMVER.
	Ranges []Range
	// Versions are listed one by one.
	Versions []string
	// Severity holds ratings for this package.
	Severity []Severity
	// Status is what the publisher does about a flaw that has no fix.
	Status Status
	// Platforms are what a program has to be compiled for to be affected, where
	// the record says so: Go's database in ecosystem_specific.imports. One of
	// them is enough; where there are none, all are affected.
	Platforms []Platform
	// Arches are the architectures of the packages that it is about, as the
	// distribution names them, sorted. OSV has no field for them; where there
	// are none, it is about all.
	Arches []string
	// Informational is the word of a database for what is no flaw, such as
	// RustSec's "unmaintained", "notice" and "unsound"; empty for flaws. It is
	// "informational" in database_specific or ecosystem_specific.
	Informational string
	// GitRanges counts ranges of type GIT: package versions cannot be compared
	// with commits.
	GitRanges int
	// Unreadable counts ranges that were left out because something in them
	// could not be understood. The package may be affected by them.
	Unreadable int
}

// A Status is what the publisher of an advisory does about a flaw. Its numbers
// are written to files.
type Status uint8

// The statuses. OSV has no field for them: Debian's records tell the end of
// life in their urgency, and other sources have words of their own.
const (
	NoStatus           Status = iota
	UnderInvestigation        // it is not known yet whether the package is affected
	WillNotFix                // there will be no fix
	FixDeferred               // there will be one, but not soon
	EndOfLife                 // the package has no support any more
)

// A Platform says what programs are compiled for, as Go names it. An empty list
// stands for all systems or architectures.
type Platform struct {
	OS, Arch []string
}

// A Range is a set of events in the order of the record.
type Range struct {
	Events []Event
}

// An Event says what changes at a version.
type Event struct {
	Kind    Kind
	Version string
}

// A Kind is what an [Event] says.
type Kind int

// The kinds of events. The event "limit" concerns commits and is not kept.
const (
	Unknown      Kind = iota
	Introduced        // affected from this version on; "0" is before every version
	Fixed             // not affected from this version on
	LastAffected      // not affected after this version
)

func (k Kind) String() string {
	switch k {
	case Introduced:
		return "introduced"
	case Fixed:
		return "fixed"
	case LastAffected:
		return "last_affected"
	default:
		return "unknown"
	}
}
