package inventory

import "time"

// A Target says what was read: an image, an archive or a folder.
type Target struct {
	// Name is what the caller asked for: a reference, a file or a folder.
	Name string `json:"name"`
	// Kind is "registry", "docker-archive", "oci-layout", "oci-archive",
	// "rootfs", "tree" for a project's folder, "sbom" for a bill of materials
	// that does not say what it was made from, "product" or, for a source of
	// the embedder's own, a word of its choice.
	Kind string `json:"kind"`
	// PulledFrom is the reference that was read if it is not the one that the
	// caller asked for: of a mirror, or of where rules say that it is.
	PulledFrom string `json:"pulled_from,omitempty"`
	// Digest is the digest of the image's manifest, such as "sha256:…". It is
	// empty where there is no manifest in the sense of the OCI image
	// specification: in old docker archives and folders.
	Digest string `json:"digest"`
	// ImageID is the digest of the image's configuration, empty for folders.
	ImageID string `json:"image_id"`
	// Platform is "os/arch" or "os/arch/variant", empty for folders.
	Platform string `json:"platform"`
	// Version is that of a product, which an image has not.
	Version string `json:"version,omitempty"`
	// Created is when the image was built, as its configuration states; the
	// zero value if it does not.
	Created time.Time `json:"created,omitzero"`
	// Labels are those of the image's labels that tell what it is: the keys
	// that begin with "org.opencontainers.image.".
	Labels map[string]string `json:"labels,omitempty"`
	// Base is what the image says of the one that it was built on.
	Base Base `json:"-"`
}

// A Base is what an image says of the image that it was built on. All of it is
// what its maker says, or a guess; the zero value says nothing.
type Base struct {
	// Name and Digest are the annotations org.opencontainers.image.base.name
	// and org.opencontainers.image.base.digest of the manifest, or else the
	// name that a builder has left in the history. The digest may be that of an
	// index (https://github.com/opencontainers/image-spec/blob/v1.1.1/annotations.md#pre-defined-annotation-keys).
	Name, Digest string
	// From says where Name and Digest are from: "annotations"; "labels", which
	// an image takes over from its base and which may so be about the base of
	// that; or "history".
	From string
	// Layers guesses from the history how many layers the base has. It is 0
	// where the history does not tell. Reason says what the guess rests on.
	Layers int
	Reason string
}

// A Layer is what is known of one layer without reading it.
type Layer struct {
	// Index counts from 0, the base.
	Index int `json:"index"`
	// Digest is the digest of the layer as it is stored or sent, usually
	// compressed; empty where it is not recorded.
	Digest string `json:"digest"`
	// DiffID is the digest of the uncompressed layer, as the image's
	// configuration states it; empty for folders.
	DiffID string `json:"diff_id"`
	// CreatedBy is the command of the image's history that made the layer.
	CreatedBy string `json:"created_by"`
}

// An OS is the distribution that an image is built on, as its os-release file
// or one of the older release files tells.
type OS struct {
	// ID is os-release's ID in lower case, such as "debian".
	ID string
	// Version is VERSION_ID, such as "12" or "3.19.1"; empty for rolling
	// releases.
	Version string
	// Name is PRETTY_NAME, such as "Debian GNU/Linux 12 (bookworm)".
	Name string
	// Codename is VERSION_CODENAME, such as "bookworm".
	Codename string
	// IDLike is ID_LIKE: the distributions that this one derives from, the
	// closest first.
	IDLike []string
	// Variant is VARIANT_ID, such as "server".
	Variant string
	// CPE is CPE_NAME.
	CPE string
	// Repositories are the releases that the package manager is set up to
	// install from, where that is recorded, such as "v3.19" or "edge".
	Repositories []string
	// ContentSets are the Red Hat repositories that the image was built from,
	// such as "rhel-9-for-x86_64-baseos-rpms".
	ContentSets []string
	// ProServices are the services of Ubuntu Pro that are enabled, such as
	// "esm-infra", sorted.
	ProServices []string
	// Path is the file that the above was read from. An extractor leaves it
	// empty.
	Path string
}

// A Package is one installed package.
type Package struct {
	// Type is the package's type as in a package URL: "deb", "apk", "pypi".
	Type string
	// Namespace is the namespace of the package URL where the name alone does
	// not hold it, such as "@babel" of npm or "org.apache.commons" of maven;
	// an extractor of operating system packages leaves it empty and the
	// distribution's ID is put there.
	Namespace string
	// Name and Version are as the package database spells them. A version
	// includes the epoch and the revision.
	Name, Version string
	// Arch is the architecture as the database spells it, such as "amd64".
	Arch string
	// Platforms are what the package was compiled for, as Go names it, such as
	// "linux/amd64", sorted. It is empty where one of Paths does not tell.
	Platforms []string
	// Source is the package that this one was built from. Many distributions
	// publish their advisories under this name. For deb, apk and rpm packages
	// it is the package itself where the database names none, and empty only
	// where the database does not know sources.
	Source Source
	// Module is the modularity label of an rpm package:
	// "NAME:STREAM:VERSION:CONTEXT", empty for most.
	Module string
	// Vendor is who distributes the package, as the database has it, and
	// Maintainer who it says to ask, both in its own words.
	Vendor, Maintainer string
	// SigningKey is the ID of the key that an rpm package was signed with, in
	// lower-case hexadecimal digits.
	SigningKey string
	// Licenses are the licences that the package declares, word for word.
	Licenses []string
	// LicenseExpression says the same as an SPDX licence expression, where
	// that is certain. An extractor leaves it empty.
	LicenseExpression string
	// CPEs are names of the software in the Common Platform Enumeration, of
	// the form "cpe:2.3:a:…".
	CPEs []string
	// Qualifiers are further qualifiers of the package URL.
	Qualifiers map[string]string
	// SHA1 is the digest of the archive that is the package, in lower-case
	// hexadecimal digits, where others can tell by it what the package is.
	SHA1 string
	// Hashes are other digests of what the package was installed from, as the
	// record states them, sorted by algorithm and value.
	Hashes []Hash
	// Bundled is true for what came with an interpreter or within another
	// package, such as a default gem of Ruby.
	Bundled bool
	// Requires names what the package needs to run, as far as its database
	// tells, without versions: names of packages or of what they provide. In
	// "a|b" any one will do. "name@version" means exactly that version.
	Requires []string
	// Provides names what the package can be required by besides its own name.
	Provides []string
	// DependsOn are the package URLs of the packages of the inventory that
	// Requires leads to, sorted. An extractor leaves them empty.
	DependsOn []string
	// Relation says how the package came into the project that a lock file or
	// manifest is of.
	Relation Relation
	// Development is true for what is needed to build or test a project only.
	Development bool
	// Constraint is what a manifest asks for, in the ecosystem's own syntax,
	// where no file says which version that came to; Version is empty then.
	Constraint string
	// Line is the line of the first of Paths that names the package, counted
	// from 1, and 0 where the format has no lines.
	Line int
	// Within is the place in the file that records the package, if that is an
	// archive: the path of its member, and "!/" between an archive and its
	// member where archives are nested. It is part of Paths in an inventory.
	Within string
	// PURL is the package URL. An extractor leaves it empty.
	PURL string
	// Extractor is the name of the extractor that found the package. An
	// extractor leaves it empty.
	Extractor string
	// Paths are the files that record the package, sorted. The place in an
	// archive follows after "!/". An extractor leaves them empty.
	Paths []string
	// Layer is the layer that brought the package in, in the state it is in
	// now. An extractor leaves it empty.
	Layer Layer
	// OwnedBy is the package URL of the operating system package that
	// installed the file in Paths, empty if none did. An extractor leaves it
	// empty.
	OwnedBy string
	// DeletedBy is the layer that took the package away again, nil for a
	// package that the image has. An extractor leaves it nil.
	DeletedBy *Layer
}

// A Relation says how a package came into a project.
type Relation uint8

// The relations.
const (
	RelationUnknown Relation = iota // the record does not tell
	Direct                          // the project asks for it
	Transitive                      // another package needs it
)

// String returns "direct", "transitive", or "" for [RelationUnknown].
func (r Relation) String() string {
	switch r {
	case Direct:
		return "direct"
	case Transitive:
		return "transitive"
	}
	return ""
}

// A Source is a source package.
type Source struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}
