// Package report writes the result of a scan in the formats that people and
// programs read.
//
//	err := report.Write(os.Stdout, r, report.Table)
//
// # The formats
//
// For people:
//
//   - [Table] fits the width of a terminal and says, beside the findings, what
//     was not compared and why. [WithGroupBy] divides it by package or layer.
//   - [HTML] is one file to be passed on, which loads nothing and sends nothing:
//     the summary, what was not compared, charts by layer and package, and all
//     findings, each with its evidence. A script sorts and filters them, without
//     which everything can be read all the same.
//   - [Markdown] is the summary of a step in GitHub Actions: counts, a table of
//     the findings, and what is not in it. It stays below the 1 MiB that GitHub
//     takes, and says how many findings are left out for that. Descriptions,
//     evidence and files are not in it.
//   - [GitHub] is a workflow command for each finding and each thing that was not
//     compared, which GitHub shows as annotations, ten of a kind. Files and lines
//     are named for source trees only: those of an image are not in the
//     repository.
//   - [CSV] is a table for spreadsheets, as RFC 4180 has it: a header, and a
//     record for each finding. A cell that a spreadsheet would take for a formula
//     has an apostrophe before it; so has the name of a package such as
//     @babel/core, whose exact form is in the column purl. What was not compared
//     is not in it: a file without records proves nothing.
//   - [Template] is whatever [WithTemplate] says.
//
// For programs:
//
//   - [JSON] is the layout of [scan.Report], which keeps its meaning within a
//     schema version. Only this format has everything.
//   - [SARIF] 2.1.0 is for GitHub code scanning and other viewers: a rule for each
//     ID, a result for each finding, with a fingerprint that is the same in the
//     next scan. What was not compared is in the notifications of the invocation.
//     GitHub refuses files with more than 25,000 results and shows 5,000; a
//     notification says so where there are more, and so does
//     [TooManyForGitHub], but nothing is cut off. Packages without findings are
//     not in it.
//   - [JUnit] is for CI servers: a suite for each type of packages, in which a
//     finding is a failure and a suppressed one is skipped; a suite of what was
//     compared, where the rest is skipped; and one of problems, which are errors.
//   - [GitLab] is the report of container scanning, by the schema 15.0.7, which
//     is valid by later ones of 15. What was not compared is in the messages of
//     the scan. Suppressed findings are counted there.
//   - [OpenVEX] 0.2.0 is a skeleton to fill in: a statement for each ID, under
//     investigation, on the image with the packages as its parts if a registry has
//     it, else on the packages. Without findings it has no statements, which its
//     schema does not allow.
//   - [Trivy] is for tools that read Trivy's JSON, of schema version 2: packages
//     and findings by place. What it has no place for is in a member "Imagevet",
//     which they pass over. Severities are Trivy's five: what is negligible is
//     LOW. Addresses and some names of sources are not Trivy's.
//   - [CycloneDX], [CycloneDXXML], [SPDX] and [SPDXTagValue] are bills of materials:
//     the inventory that was compared, by [sbom.Encode], with the findings as its
//     vulnerabilities as far as the format has them. What was not compared, and
//     what was suppressed, is not in them.
//
// Suppressed findings are listed by [JSON], [HTML] and [JUnit]; by [SARIF], [Markdown],
// [CSV] and [Trivy] with [WithSuppressed]. The others that say what is missing
// say how many there are.
//
// [WriteComparison] writes what differs between two reports.
//
// # What is trusted
//
// Names, versions and paths in a report come from the image, texts from the
// advisories. Nothing of it can control a terminal: all formats write control
// characters, and the invisible ones that change the order of text, as escapes,
// but for the bills of materials in XML and in tags and values, which have no
// escapes for all of them, and templates, whose authors choose. Nor is any of it
// markup in Markdown, a formula in CSV, a command for GitHub or an address that
// leads out of the repository: each format escapes what it must. In HTML all of
// it is text, links lead to http and https alone, and a policy of the page
// forbids any script but its own and all loading; a name or message is cut after
// 600 characters there and a description after 12,288, and lists of a finding end
// after 20 entries, and say so.
//
// # Promises
//
// The same report and options give the same bytes: a time is stated only if
// [WithTime] sets it, or is that of the database where a format must have one.
// No format keeps a second copy of the report, but for [JSON]. Errors of the writer are
// returned. All functions are safe for concurrent use and leave the report as
// it is.
package report
