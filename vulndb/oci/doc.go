// Package oci keeps advisory databases in registries of containers: one
// program builds a database and pushes it, all others pull it.
//
//	digest, err := oci.Push(ctx, dir, "registry.example/team/vulndb:latest")
//	result, err := oci.Pull(ctx, "registry.example/team/vulndb:latest", dir)
//
// [Pull] fetches only files that the folder lacks, and replaces the database
// there as [vulndb.Build] does: at once, and only when the new one is complete
// and sound. A [vulndb.Watcher] then has a running service use it.
//
// # The artefact
//
// A database is an image manifest as OCI's image specification 1.1 has it for
// artefacts (https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md#guidelines-for-artifact-usage):
//
//   - artifactType [ArtifactType], and the empty configuration;
//   - a layer [ManifestType], which is the manifest.json of the folder;
//   - a layer [FileType] for each other file, with the annotations
//     org.opencontainers.image.title (its name), [AnnotationEcosystem],
//     [AnnotationModified] and [AnnotationRecords];
//   - the annotations org.opencontainers.image.created (when the database was
//     built), [AnnotationID] and [AnnotationEcosystems].
//
// Layers are the files as they are, which are compressed inside. The same
// database gives the same bytes, and so the same digest, wherever it is pushed.
//
// Annotations are for people and for the registry's own tools. Pull does not
// look at them: what counts is manifest.json, and digests.
//
// # Databases of Trivy
//
// [PullTrivy] fetches one of another program, which is one artefact too, as a
// source for [vulndb.Build].
//
// # Trust
//
// Pull checks every size and every SHA-256 on the way from the digest of the
// artefact to the last file, so that a database that was pulled by digest is
// that database. A tag is whatever the registry, and everybody who may push to
// it, says. [WithPublicKey] makes it an error if the artefact is not signed
// with a key: by [Sign], or by "cosign sign --key" where that stores signatures
// as tags (https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md).
// A signature says who made a database and not that it is the newest.
//
// # Concurrency
//
// All functions may be called at once, by several processes and for one folder
// too: of two pulls into one folder the one that ends last stays.
package oci
