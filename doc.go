// Package imagevet is the tour of a module that tells which known
// vulnerabilities a container image has, and proves each answer. It holds no
// code: import the packages below it.
//
// # From an image to findings
//
// Package scan is the front door: a database, a few options, one call.
//
//	db, err := vulndb.Open(dir)
//	s, err := scan.New(scan.WithDB(db))
//	report, err := s.Archive(ctx, "app.tar", "")
//
// Package scan/report writes what it returns: as a table, as JSON, and in the
// formats that CI servers, code hosts and spreadsheets read. Packages scan/ignore
// and scan/vex read what has been said of findings before, and scan/policy says
// whether an image may pass.
//
// # The parts
//
//   - scan/image opens images: archives of "docker save", OCI layouts and
//     archives, registries, unpacked root file systems, source trees.
//   - sbom reads the layers of an image, puts them on top of each other and
//     lists the packages that are installed, each with the layer that brought
//     it in; of a source tree, those that its lock files name. sbom/inventory is the model, and the interface for extractors of
//     an embedder's own.
//   - vulndb compiles advisories in the OSV format into a database and matches
//     packages with it.
//   - version orders the versions of packages by the rules of their
//     ecosystems.
//   - cvss parses and scores CVSS vectors.
//
// Each of them can be used alone.
//
// # Promises
//
// Without options nothing is logged, written or sent. Nothing is global: any
// number of scans run at the same time on one database. What comes from an
// image is treated as hostile. What is not known is in the report and never
// passes for safe.
package imagevet
