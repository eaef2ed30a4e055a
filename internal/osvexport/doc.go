// Package osvexport keeps copies of OSV's [export] of advisories up to date.
//
// An export has a folder for each ecosystem, with all.zip, which holds all
// records, and modified_id.csv, which tells when each was modified. A copy
// consists of an all.zip and of the records that have been fetched one by one
// since. Mirrors are not trusted: a damaged archive, one that is far larger than
// its size, a list that is none, another record than the one asked for and
// anything older than the copy is refused. What is written on the disk is
// described in vulndb/FORMAT.md, "downloads".
//
// [export]: https://google.github.io/osv.dev/data/#data-dumps
package osvexport
