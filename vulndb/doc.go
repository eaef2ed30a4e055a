// Package vulndb is the advisory database: it compiles advisories into a
// folder, opens such a folder, and tells which advisories cover a package.
//
// Start with [Build], which reads records of the OSV format
// (https://ossf.github.io/osv-schema/) from the sources that [FileSource] and
// [ZipSource] name. [Open] opens the folder and [DB.Match] answers:
//
//	report, err := vulndb.Build(ctx, dir, []vulndb.Source{vulndb.FileSource("osv-export")})
//	db, err := vulndb.Open(dir)
//	result, err := db.Match(ctx, bom.OS, bom.Packages)
//
// [DB.Matcher] does the same for one package after the other.
//
// [Update] keeps a folder up to date from OSV's own export or a mirror of it. It
// is, with an [AutoUpdater], the only thing in this package that uses the network:
//
//	report, err := vulndb.Update(ctx, dir, vulndb.WithEcosystems("Debian", "PyPI"))
//
// Sources can also be security databases in the form of Alpine Linux or a
// database of Trivy, and say more about CVEs: whether they have been exploited
// (KEV), how likely that is (EPSS), and how severe they are (CVE list, NVD); or
// until when a distribution's release is supported (endoflife.date).
// [Info].Enrichment tells which of these a database has.
//
// A program that runs for long opens it with [Watch], and has the newest
// database at each moment. An [AutoUpdater] downloads what it is asked for, and
// nothing else, when that is older than it may be. [Install] puts a database from elsewhere into a
// folder, and package vulndb/oci fetches one from a registry.
//
// # What an answer is worth
//
// Each [Match] carries its [Evidence]: the advisory, the name and version that
// were compared, the range, and the database. What could not be compared is in
// the answer as well: [Coverage] lists packages that no advisory was looked up
// for, with the reason, and [Problem] packages whose version or whose
// advisories could not be understood. Silence means "no advisory in this
// database", nothing more.
//
// [DB.Explain] tells of one package what [DB.Match] leaves out: which names were
// looked up where, and for each advisory why it does not affect the package.
//
// # Databases that follow each other
//
// [Diff] compares two databases and tells on which packages they differ;
// [Changes.Affects] whether an inventory has one of them, and so must be
// matched again. For all others the answer is the same.
//
// # Trust
//
// Advisories are input like any other: sizes are bounded, and a record that
// breaks the rules is reported in the [BuildReport]. A database folder is
// checked against accidents, by checksums, and never trusted with an offset or
// a length; it is not signed, so where it comes from is up to the caller.
// [Install] trusts nothing that it is given but what the manifest says about
// advisories; who made that is for its caller to know, as by the signature that
// package vulndb/oci looks at.
//
// # Concurrency
//
// A [DB] is safe for any number of goroutines. Any number of processes may
// have a folder open while it is built again: they keep what they opened, and
// the map of it in memory is shared by all of them. Any number may build or
// update it. A program that changes or shortens a file in place breaks the
// rules; readers then get [ErrCorrupt]. A [Watcher] has one goroutine of its
// own; else none outlives a call.
//
// The format of a folder is described in FORMAT.md. Its version, 4, changes
// when a reader could misunderstand an older or newer one: also when advisories
// are stored under other names than before.
package vulndb
