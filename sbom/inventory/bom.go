package inventory

import "time"

// A BOM is the inventory of an image, a source tree or, with Parts, of a
// product made of several.
type BOM struct {
	Target Target
	Layers []Layer // the base first
	OS     OS      // the zero value if no file tells
	// Packages are sorted by type, namespace, name, version, architecture,
	// layer, owner and path.
	Packages []Package
	// Problems are files that could not be read or understood, sorted by path.
	// What they record is missing above.
	Problems []*FileError
	// Vulnerabilities are flaws of the packages that the document tells of, in
	// its order. An inventory of an image has none: a scan finds them.
	Vulnerabilities []Vulnerability
	// Parts are the inventories of the images that a product is made of. The
	// product itself then has a Target alone.
	Parts []*BOM
	// Document says where the inventory was read from. It is the zero value
	// where it was made from an image.
	Document Document
}

// A Document is what a bill of materials in a file says about itself.
type Document struct {
	// Format is "CycloneDX", "SPDX", "Syft" or "purl" for a list of package
	// URLs; Version is that of its specification, such as "1.6"; Encoding is
	// "json", "xml", "tag-value" or "text".
	Format, Version, Encoding string
	// ID is the document's own: its serial number or namespace.
	ID string
	// Created is when it was made, the zero value if it does not say.
	Created time.Time
	// Authors are who made it, and Supplier who supplies what it is about, in
	// the document's words.
	Authors  []string
	Supplier string
	// Tools are the programs that made it.
	Tools []Tool
	// Lifecycles are the phases in which it was made, in CycloneDX's words:
	// "design", "pre-build", "build", "post-build", "operations", "discovery",
	// "decommission", or others.
	Lifecycles []string
}

// A Tool is a program that made a document. Either field can be empty.
type Tool struct{ Name, Version string }

// A Hash is a digest.
type Hash struct {
	// Algorithm is spelled as CycloneDX does: "MD5", "SHA-1", "SHA-256",
	// "SHA-384", "SHA-512", "SHA3-256", "BLAKE2b-256", "BLAKE3".
	Algorithm string
	Value     string // lower-case hexadecimal digits
}

// A Vulnerability is a flaw, and which packages have it.
type Vulnerability struct {
	ID         string // such as "CVE-2024-3094"
	Source     string // who gave the ID or wrote the advisory, may be empty
	Aliases    []string
	Ratings    []Rating
	CWEs       []int // numbers of the Common Weakness Enumeration
	Title      string
	Detail     string
	References []string // URLs
	Published  time.Time
	Updated    time.Time
	// Recommendation says what to do, such as which version to install.
	Recommendation string
	Affects        []Affected
	Analysis       Analysis
}

// A Rating is how bad a flaw is in somebody's opinion.
type Rating struct {
	Source string // whose
	// Method is "CVSSv2", "CVSSv3", "CVSSv31", "CVSSv4", "other", or empty.
	Method string
	Vector string
	// Score is from 0.0 to 10.0, and has a meaning only where there is a
	// Method or Vector.
	Score float64
	// Severity is "critical", "high", "medium", "low", "info", "none",
	// "unknown", or empty.
	Severity string
}

// An Affected is a package that has a flaw, or has not.
type Affected struct {
	// PURL is the package URL of the package.
	PURL string
	// Version or, as VERS, Range is what is affected. Both can be empty.
	Version, Range string
	// Status is "affected", "unaffected" or "unknown"; empty if it is not said.
	Status string
}

// An Analysis is what somebody found out about a flaw in this product: its
// exploitability, in the words of CycloneDX.
type Analysis struct {
	// State is "resolved", "resolved_with_pedigree", "exploitable", "in_triage",
	// "false_positive" or "not_affected"; empty if nobody has looked.
	State string
	// Justification is why the state is "not_affected", such as
	// "code_not_reachable".
	Justification string
	Responses     []string // such as "will_not_fix", "update"
	Detail        string
}
