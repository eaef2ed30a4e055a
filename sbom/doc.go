// Package sbom makes the inventory of a container image: every package that is
// installed in it, with the file that records it and the layer that brought it
// in. It writes and reads bills of materials in the formats of CycloneDX and
// SPDX.
//
//	img, err := image.Open(ctx, "app.tar")
//	bom, err := sbom.Generate(ctx, img)
//	err = sbom.Encode(os.Stdout, bom, sbom.CycloneDXJSON)
//
//	other, err := sbom.Decode(file) // whatever format it has
//	changes := sbom.Diff(other, bom)
//
// # What is read
//
// [Generate] reads each layer once, as a stream, several at a time; a layer
// that is a plain tar file on disk is walked from header to header, and the
// content of files nobody wants is never read. Nothing is written to disk and
// nothing is executed. Then the layers are put on top of each other, with
// whiteouts, links and replaced folders as a container runtime treats them.
//
// A layer that is damaged, or has not the digest that the image states, is an
// error. Compared is the digest of the stored layer where the image states
// one, else the diff ID; of a plain archive that is not read to its end,
// neither. A file of a layer that cannot be understood is an entry in
// [BOM.Problems]; the rest of the image is read.
//
// # What is read only once
//
// What was found in a layer depends on the layer and the extractors alone.
// [WithCache] keeps it; a layer that the cache knows is not opened, so that of an
// image in a registry only new layers are downloaded. Kept is a layer only when
// all of it was read and it had the digest that the image states, so that no image
// can put anything in the place of another one's layer. It is found again by that
// digest together with the diff ID, or by the diff ID where an archive has no
// digests: the inventory is that of the layers that the image names. That an
// archive at hand holds other bytes, which a container runtime would refuse, is
// not noticed of layers that are known. Where links in an image lead to files
// that its layers had not been searched for, what was found there is kept too.
//
// Images that one [Generator] reads at the same time share the reading of layers,
// also without a cache.
//
// # Formats of packages
//
// [Extractors] lists what is built in: package managers of distributions and
// languages, compiled programs, SBOMs that lie in the image. A program adds its
// own with [WithExtractors]; the interface and its types are those of package
// inventory, under their names here.
//
// # Lock files
//
// Lock files and manifests say what a project asks for. In a source tree they
// count; in an image where nothing installed speaks for them: see
// [WithLockfiles]. A version that no file pins stays empty, with what is asked
// for in [Package].Constraint.
//
// # One package, once
//
// A package that several files record alike, by its package URL, is one
// [Package] with all their paths, in the layer that had it first. What a later
// layer took away is gone, unless [WithDeleted] keeps it.
//
// A package whose file a package of the distribution installed, as the
// distribution's own lists tell in any layer, is linked to that by
// [Package].OwnedBy. Software told by its fingerprint, or by a note in a
// program, is not listed besides the distribution's package that it is.
//
// [Package].DependsOn resolves what packages require, as far as their records
// tell: Node.js packages as Node.js looks for them, others in the file, then
// the folder, that records them, then the image if it has one of the name.
//
// Licences are kept word for word; [Package].LicenseExpression says the same in
// SPDX's terms where no other licence can be meant.
//
// The same image and options give the same [BOM], whatever the number of
// workers.
//
// # Bills of materials
//
// [Encode] writes CycloneDX 1.4 to 1.7 and SPDX 2.2, 2.3 and 3.0. Equal BOMs
// give equal bytes. What a format has no field for is in properties whose names
// begin with "imagevet:" (in SPDX 2 in one annotation for each package, in SPDX
// 3 in an extension), so that [Decode] gives back what was written:
//
//	format          what is lost
//	CycloneDX       nothing of the inventory; of a flaw's effect on a package the
//	                status, if neither a version nor a range is stated; in 1.4 the
//	                name of the method CVSS 4.0
//	CycloneDX XML   the same, and control characters, which XML cannot hold
//	SPDX 2.2        flaws
//	SPDX 2.3        flaws, but for links to advisories
//	SPDX 3.0        a licence expression without licences becomes a licence too
//	package URLs    all but the package URLs
//
// In all of them dependencies on package URLs that no package has are left out,
// bytes that are no UTF-8 are replaced, and [BOM].Document is not written as it
// is: it goes into what the new document says of itself.
//
// [Decode] reads these and older versions, Syft's own format, lists of package
// URLs, and attestations of all of them. It understands what Trivy, Syft,
// cdxgen and BuildKit's scanner write of their own.
//
// [Merge] makes one bill of materials of a product that consists of several
// images, [Diff] tells what has changed between two, [Check] what one lacks of
// the minimum elements of NTIA and CISA.
package sbom
