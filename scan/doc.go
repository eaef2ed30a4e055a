// Package scan is the front door: one call from an image to its known
// vulnerabilities.
//
//	db, err := vulndb.Open(dir)
//	s, err := scan.New(scan.WithDB(db))
//	report, err := s.Image(ctx, "nginx:1.27")
//
// A [Scanner] reads the image ([sbom.Generate]), compares what is in it with
// the database ([vulndb.DB.Match]) and applies the options that say what to
// report. One Scanner and one database serve any number of goroutines.
//
// For a single scan there are functions such as [Image] and [Archive], which take
// the options as well.
//
// [Compare] tells what is new and what is fixed between two reports, and
// [CompareBase] what another base image would mend.
//
// When there is a new database, [Scanner.Rematch] compares the inventory of a
// report again, without the image.
//
// # What counts
//
// What somebody has looked at does not count any more: [WithVEX] takes VEX
// documents, which package vex reads, [WithIgnore] rules, which package ignore
// reads, and other options severities and statuses. They speak in this order,
// and the first that takes a finding out is told in Suppressed. Package policy
// then says whether the rest may pass.
//
// With [WithCache] a layer that was read before is neither read nor downloaded
// again; the report is the same.
//
// # What a report promises
//
// Every finding carries its evidence: which advisory, which range, which
// version of which name, compared by which rule. Nothing is left out in
// silence: packages that could not be matched are in Coverage, files that
// could not be read in Problems, findings that an option removed in
// Suppressed, and a distribution without support is marked in OS. An image of
// which a layer cannot be read gives an error and no report.
//
// The package writes nothing and keeps no state outside its values. It uses no
// network but for [Scanner.Image], [Scanner.Daemon], [Scanner.From] and the base
// images that [WithBase] and [WithBaseLookup] ask for. The same image, database
// and options give the same report.
package scan
