// Package report writes the result of a scan in the formats that people and
// programs read.
//
//	err := report.Write(os.Stdout, r, report.Table)
//
// [Table] is for people: it fits the width of a terminal and says, beside the
// findings, what was not compared and why. [JSON] is for programs: the layout
// of [scan.Report], which keeps its meaning within a schema version.
//
// [HTML] is for people too, and to be passed on: one file that loads nothing and
// sends nothing. It has the summary, what was not compared, charts by layer and
// package, and all findings, each with its evidence; a script sorts and filters
// them, without which everything can be read all the same.
//
// [CycloneDX], [CycloneDXXML], [SPDX] and [SPDXTagValue] are bills of materials:
// the inventory that was compared, by [sbom.Encode], with the findings as its
// vulnerabilities as far as the format has them. What was not compared, and
// what was suppressed, is not in them.
//
// # What is trusted
//
// Names, versions and paths in a report come from the image, texts from the
// advisories. Nothing of it can control a terminal: tables and JSON write
// control characters, and the invisible ones that change the order of text,
// as escapes. XML and tags and values have no escapes for all of them. In HTML
// all of it is text, links lead to http and https alone, and a policy of the
// page forbids any script but its own and all loading. A name or message there
// is cut after 600 characters and a description after 12,288; lists of a finding
// end after 20 entries, and say so. [JSON] has all.
//
// # Promises
//
// The same report and options give the same bytes. Errors of the writer are
// returned. All functions are safe for concurrent use and leave the report as
// it is.
package report
