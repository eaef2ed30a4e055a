// Package image opens container images and hands out their layers: from a
// registry ([Remote]), from a Docker or Podman daemon ([Daemon]), from the archives
// of "docker save" and from OCI archives ([Archive]), from OCI image layouts
// and skopeo's "dir:" ([Layout]), and root file systems that are unpacked already
// ([Dir], [FS]). [Open] tells files and layouts apart by what is in them, and
// [From] takes all of these in one word. An image that a program holds as a
// v1.Image is wrapped by [FromV1].
//
// An [Image] knows what it is and what its layers are as soon as it is open:
// manifests and the configuration have been read, layers have not. Nothing is
// unpacked to disk, no digest of a layer is computed and nothing is compressed.
//
// # Which of several images
//
// An archive or layout can hold several images. [WithReference] chooses one, by
// tag or digest; without it, more than one image is a [SelectError] that lists
// them. An index can hold one image for each of several platforms. [WithPlatform]
// chooses; without it, see there.
//
// # Registries
//
// How registries are talked to is a matter of package registry, whose
// [registry.Config] is handed over with [WithRegistry]: credentials, mirrors,
// certificates, what is tried again and what is refused. A layer whose connection
// breaks is read on from where it stopped, and its digest is that of the whole.
// Layers that the registry does not have, as those of Windows, are an error
// unless [registry.Config.ForeignLayers] allows them.
//
// # Who verifies what
//
// Everything read is hostile. This package verifies the digest and size of
// every manifest, index and configuration that is addressed by a digest, the
// size of every layer that a manifest states, and that two layers which are
// stored once are stated to be the same. For a registry it also verifies the
// digest of each layer while it is read: the reader fails in place of [io.EOF].
// It does not for archives and layouts, whose layers may be read by seeking: there
// the reader of a layer compares what it has read with [inventory.Layer]'s Digest,
// and in any case the uncompressed bytes with its DiffID, which is no more than
// what the image claims. What a daemon sends is verified like an archive.
//
// # Specifications
//
// The OCI image specification, version 1.1
// (https://github.com/opencontainers/image-spec/blob/v1.1.1/spec.md), Docker's
// image manifest version 2, schema 2
// (https://distribution.github.io/distribution/spec/manifest-v2-2/), and the tar
// format of "docker save"
// (https://github.com/moby/docker-image-spec/blob/main/spec.md).
package image
