// Package vex reads documents of the Vulnerability Exploitability eXchange, in
// which somebody says whether a flaw concerns a product, and finds the
// statements that are about a package of an image. Hand the documents to
// scan.WithVEX; [NewSet] is for programs that judge by themselves.
//
// [Parse] takes JSON and tells by its content what it is:
//
//   - OpenVEX 0.0.1 to 0.2.0, https://github.com/openvex/spec
//   - CycloneDX 1.4 to 1.7 with vulnerabilities that have an analysis,
//     https://cyclonedx.org/capabilities/vex/
//   - CSAF 2.0, https://docs.oasis-open.org/csaf/csaf/v2.0/csaf-v2.0.html
//   - an OpenVEX or CycloneDX document in an in-toto statement, alone or in a
//     DSSE envelope. Signatures are not verified: that is up to whoever fetches
//     the document. A statement without a product is about the subjects.
//
// # Which products match
//
// A statement is about products. A product is a package, an image, or a package
// within something ("component", "subcomponent"). It counts where the product is
// the package of the finding, or the image that has it; of a package within
// something, both must be so.
//
//	product                                   is
//	------------------------------------------------------------------------------
//	pkg:npm/lodash                            the package in any version
//	pkg:npm/lodash@4.17.20                    in this one; "v" of Go does not matter
//	pkg:deb/debian/libssl3?distro=debian-12   in this release; a qualifier that is
//	                                          not known of the package is passed over
//	pkg:rpm/redhat/openssl?arch=src           all packages built from that source
//	pkg:golang/golang.org/x/net#html          nothing: a part of the package only
//	pkg:oci/app@sha256:…                      the image with this digest (of the
//	                                          manifest, index or configuration)
//	pkg:oci/app?repository_url=ghcr.io/a/app  any image of the repository
//	pkg:oci/app?tag=1.2                       its images with this tag, see below
//	pkg:oci/app?arch=arm64                    its images for this architecture
//	pkg:oci/app                               any image of a repository whose last
//	                                          element is "app"
//	pkg:docker/library/nginx@1.27             the tag of the image; or a digest
//	sha256:…, and a "sha-256" hash            the image with this digest
//	ghcr.io/a/app:1.2, ghcr.io/a/app          the image of this name
//	cpe:2.3:a:…, cpe:/a:…                     a package with this CPE; without a
//	                                          version, or with "*", in any version
//	cpe:/o:redhat:enterprise_linux:9          the distribution's own packages in the
//	                                          release and its minor ones
//	urn:cdx:SERIAL/VERSION#REF                REF in the bill of materials with this
//	                                          serial number, if that was scanned and
//	                                          REF is a package URL
//
// What a bill of materials was made from is also known by the name and version
// that it has there, if the product is a package URL of these. What a CycloneDX
// document is about holds its components, if it has a package URL or CPE or, as
// a container, a digest; by its name alone it is not compared.
//
// The name and tag of an image are known if it came from a registry, or if a
// bill of materials states them; of an archive only digests are.
//
// A package is within an image, a distribution (by CPE; Red Hat's and SUSE's are
// derived from the name of the release too) and a module of rpm (pkg:rpmmod). It
// is within another package if that is
//
//   - the package of the distribution that installed it,
//   - the archive that holds it, or the main module of a Go program, for every
//     file that records it: a copy elsewhere is not what the statement is about,
//   - a package without which, as far as is recorded, nothing would need it. What
//     a project asks for itself, and any package of a distribution, is needed
//     anyway.
//
// Versions that a CSAF or CycloneDX document states beside the names count too, as
// they are or as a range in VERS notation; of an image they are its tag. The
// version of a bill of materials in a link is not compared.
//
// # Which statement wins
//
// IDs and aliases of the flaw count alike. Of several statements on a finding
// the latest wins, by the time of the statement or else of its document; of
// those with one time the one in the document that was given last; and within a
// document the most cautious: affected, then under_investigation, fixed and
// not_affected. [Match] lists them all in this order.
//
// Documents are hostile. Size, depth and counts are bounded, and what cannot be
// understood is in [Document].Problems, with the statement.
package vex
