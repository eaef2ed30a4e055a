// Package dbfile writes and reads the files of an advisory database: one
// immutable file for each ecosystem. What the bytes mean is written down in
// vulndb/FORMAT.md; this package knows the container, package vulndb what is
// in its entries and records.
//
// A file maps (release, package name) to an entry, and record numbers to
// records. A [Writer] makes one from its beginning to its end, a [Reader] reads
// one, mapped into memory where the system has that: three small sections at once,
// entries and records when they are asked for. Everything that is read is
// checked against a CRC-32C before it is used, and no offset, length or count
// is trusted, checksum or not.
//
// A [Reader] is safe for concurrent use. [Lock] keeps two writers of one
// folder apart.
package dbfile
