package scan

import (
	"time"

	"github.com/imagevet/imagevet/cvss"
	"github.com/imagevet/imagevet/sbom"
	"github.com/imagevet/imagevet/vulndb"
)

// SchemaVersion is the version of the JSON form of [Report]. Within a version
// fields are added but never renamed, removed or given another meaning.
const SchemaVersion = 1

// A Report is the result of a scan. Marshalled with encoding/json it has the
// layout that the README documents.
type Report struct {
	SchemaVersion int      `json:"schema_version"`
	Target        Target   `json:"target"`
	OS            OS       `json:"os"`
	Database      Database `json:"database"`
	// BaseImage is what is known of the image that this one was built on; nil
	// for what is not made of layers.
	BaseImage *BaseImage `json:"base_image,omitempty"`
	// Coverage has a row for each group of packages: what they were compared
	// with, or why they were not. A package without findings is clean only
	// if its group was matched.
	Coverage []vulndb.Coverage `json:"coverage"`
	Summary  Summary           `json:"summary"`
	// Packages are all packages of the image.
	Packages []Package `json:"packages,omitzero"`
	// Findings are sorted by severity, the highest first, then by package
	// name, ID, version, architecture and layer.
	Findings []Finding `json:"findings"`
	// Suppressed are findings that an option took out of Findings, in the
	// same order.
	Suppressed []Suppressed `json:"suppressed"`
	// Problems are what could not be read or understood, and so may hide
	// packages or findings. They are sorted by path.
	Problems []Problem `json:"problems"`
	// Rules are the ignore rules that took nothing out: those that have expired,
	// and those that mean no finding.
	Rules []RuleNote `json:"rules,omitempty"`
	// VEX are the VEX documents that were heeded.
	VEX []VEXDocument `json:"vex_documents,omitempty"`
	// BOM is the inventory that was compared, for the formats of bills of
	// materials.
	BOM *sbom.BOM `json:"-"`
}

// A Target is what was scanned.
type Target struct {
	sbom.Target
	Layers []sbom.Layer `json:"layers"` // the base first
}

// An OS is the distribution that the image is built on.
type OS struct {
	ID      string `json:"id"`
	Version string `json:"version"`
	Name    string `json:"name"`
	// Ecosystem is OSV's name of the release, such as "Debian:12"; empty if
	// there is none or the distribution is not known.
	Ecosystem string `json:"ecosystem"`
	// EndOfLife is true if the release no longer gets security fixes: flaws
	// that have been found since may be missing from the findings.
	EndOfLife bool `json:"end_of_life"`
	// EndOfLifeDate is the day, as in "2024-06-30", on which the last free
	// security support ends or ended; empty if it is not known.
	EndOfLifeDate string `json:"end_of_life_date,omitempty"`
	// EndOfLifeSource is who says so: [vulndb.SourceEndOfLife] if the database
	// has it, or [EndOfLifeBuiltIn]; empty if there is no date.
	EndOfLifeSource string `json:"end_of_life_source,omitempty"`
}

// EndOfLifeBuiltIn is the [OS].EndOfLifeSource of dates that are part of this
// library, as they were known when it was released.
const EndOfLifeBuiltIn = "built-in"

// A Database is what the packages were compared with; the zero value if there
// was none.
type Database struct {
	Built   time.Time           `json:"built,omitzero"`
	ID      string              `json:"id,omitempty"`
	Sources []vulndb.SourceInfo `json:"sources"`
	// Enrichment are the sources that say more about CVEs. Without "KEV" among
	// them nothing is known of which flaws have been exploited.
	Enrichment []vulndb.EnrichmentInfo `json:"enrichment,omitempty"`
}

// A Summary counts Findings by severity, and those with a fixed version.
type Summary struct {
	Critical   int `json:"critical"`
	High       int `json:"high"`
	Medium     int `json:"medium"`
	Low        int `json:"low"`
	Negligible int `json:"negligible"`
	None       int `json:"none"`
	Unknown    int `json:"unknown"`
	Fixable    int `json:"fixable"`
}

// A Finding is a flaw that a package has.
type Finding struct {
	// ID is the CVE if there is one, else the GHSA, else the advisory's.
	ID string `json:"id"`
	// Aliases are the other names, and the IDs of all advisories on it.
	Aliases  []string      `json:"aliases"`
	Severity cvss.Severity `json:"severity"`
	// SeveritySource is the advisory that rates the flaw, or the source of
	// enrichment such as "NVD"; empty if Severity is Unknown.
	SeveritySource string `json:"severity_source"`
	// CVSS are the vectors that the advisory states, then those of the sources
	// of enrichment.
	CVSS []CVSS `json:"cvss"`
	// EPSS is how likely the flaw is to be exploited, nil if the database has
	// no score. KEV says that it has been; nil if it is not in the catalogue or
	// the database has none, see [Database].Enrichment.
	EPSS *vulndb.EPSS `json:"epss,omitempty"`
	KEV  *vulndb.KEV  `json:"kev,omitempty"`
	// Rejected is true if ID is said to name no flaw, or one that has another
	// ID.
	Rejected bool `json:"rejected,omitempty"`
	// Informational is the word of the advisories for what is no flaw, such as
	// "unmaintained", "notice" or "unsound"; empty for flaws.
	Informational string  `json:"informational,omitempty"`
	Package       Package `json:"package"`
	FixedVersion  string  `json:"fixed_version"`
	// FixIn is a fix that the system does not get as it is, such as one for
	// subscribers; nil if there is none.
	FixIn       *vulndb.FixIn `json:"fix_in,omitempty"`
	Status      Status        `json:"status"`
	Title       string        `json:"title"`
	Description string        `json:"description"`
	References  []string      `json:"references"`
	// CWEs are numbers of the Common Weakness Enumeration.
	CWEs      []int     `json:"cwes,omitempty"`
	Published time.Time `json:"published,omitzero"`
	Modified  time.Time `json:"modified,omitzero"`
	// VEX is what VEX documents say of it, the statement that wins first. There
	// are at most 16.
	VEX []VEX `json:"vex,omitempty"`
	// Evidence is what the finding rests on. Other advisories that say the
	// same are in OtherEvidence.
	Evidence      vulndb.Evidence   `json:"evidence"`
	OtherEvidence []vulndb.Evidence `json:"other_evidence,omitempty"`
}

// A CVSS is one vector of a flaw.
type CVSS struct {
	Source  string  `json:"source"`  // the advisory, or a source of enrichment
	Version string  `json:"version"` // "2.0", "3.0", "3.1" or "4.0"
	Vector  string  `json:"vector"`
	Score   float64 `json:"score"` // 0.0 to 10.0
}

// A Package is a package of the image, as a finding tells of it.
type Package struct {
	PURL    string      `json:"purl"`
	Type    string      `json:"type"`
	Name    string      `json:"name"`
	Version string      `json:"version"`
	Arch    string      `json:"arch"`
	Source  sbom.Source `json:"source"`
	// Platforms are what the package was compiled for, such as "linux/amd64",
	// where that is known: an advisory can be about some of them only.
	Platforms []string `json:"platforms,omitempty"`
	// Paths are the files that record the package. A bill of materials can
	// leave that open.
	Paths []string `json:"paths"`
	// Layer is the layer that brought the package in.
	Layer PackageLayer `json:"layer"`
	// FromBase is true if that layer is one of [Report].BaseImage. It is false
	// for all packages where those are not known.
	FromBase bool `json:"from_base,omitempty"`
	// RequiredBy says who brings a package of a language in: the package URLs of
	// the shortest chain of packages of which each requires the next and the
	// last this one. The first is one that the project asks for or, where that
	// is not known, that no other package requires. It is empty for those
	// themselves, where it is not known or of more than 32 packages, and for
	// packages that no advisory is about.
	RequiredBy []string `json:"required_by,omitempty"`
	// OwnedBy is the package URL of the operating system package that
	// installed this one's files. It is not matched on its own then.
	OwnedBy string `json:"owned_by,omitempty"`
	// Relation is "direct" or "transitive" for a package of a lock file that
	// tells, and Development true for what is needed to build or test only.
	Relation    string `json:"relation,omitempty"`
	Development bool   `json:"development,omitempty"`
	// Constraint is what a manifest asks for where no file says which version
	// that came to. The package has no version then, and is not matched.
	Constraint string `json:"constraint,omitempty"`
	// Line is the line of the first of Paths that names the package, from 1.
	Line int `json:"line,omitempty"`
	// DeletedBy is the layer that took the package away again. It is not
	// matched then, and is there only if [sbom.WithDeleted] keeps it.
	DeletedBy *PackageLayer `json:"deleted_by,omitempty"`
	// Target is the name of the image that has the package, where a bill of
	// materials of several was compared.
	Target string `json:"target,omitempty"`
}

// A PackageLayer is the layer that brought a package in.
type PackageLayer struct {
	Index     int    `json:"index"` // the base is 0
	DiffID    string `json:"diff_id"`
	CreatedBy string `json:"created_by"`
}

// A Status says what the publisher of the advisory does about a flaw.
type Status string

// The statuses.
const (
	StatusFixed              Status = "fixed"
	StatusAffected           Status = "affected"
	StatusWillNotFix         Status = "will_not_fix"
	StatusFixDeferred        Status = "fix_deferred"
	StatusEndOfLife          Status = "end_of_life"
	StatusUnderInvestigation Status = "under_investigation"
)

// Statuses returns all statuses.
func Statuses() []Status {
	return []Status{
		StatusFixed, StatusAffected, StatusWillNotFix, StatusFixDeferred, StatusEndOfLife, StatusUnderInvestigation,
	}
}

// A Suppressed is a finding that was taken out.
type Suppressed struct {
	Finding
	By     string `json:"by"`     // the option, such as "severity", or "vex" or "ignore"
	Reason string `json:"reason"` // in words
	// Rule is the ignore rule, or the statement of the VEX document, and Source
	// where that stands: a file, of rules with the line. They are empty for other
	// options.
	Rule   string `json:"rule,omitempty"`
	Source string `json:"source,omitempty"`
}

// A Problem is something that could not be read or understood.
type Problem struct {
	// Path is relative to the image's root; empty if no one file is at fault. Of
	// a VEX document it is the name.
	Path string `json:"path"`
	// Extractor is who was to read it: the name of an extractor, "layer",
	// "match", "database", "vex", or "base" for a base image.
	Extractor string `json:"extractor"`
	Error     string `json:"error"`
	// Target is the name of the image, where there are several.
	Target string `json:"target,omitempty"`
}
