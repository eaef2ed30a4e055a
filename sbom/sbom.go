package sbom

import (
	"context"
	"io"
	"io/fs"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// The model, under the names that programs use; package inventory documents it.
type (
	BOM           = inventory.BOM
	Target        = inventory.Target
	Base          = inventory.Base
	Layer         = inventory.Layer
	OS            = inventory.OS
	Package       = inventory.Package
	Source        = inventory.Source
	FileError     = inventory.FileError
	LayerError    = inventory.LayerError
	DigestError   = inventory.DigestError
	Extractor     = inventory.Extractor
	File          = inventory.File
	Facts         = inventory.Facts
	Pattern       = inventory.Pattern
	Ownership     = inventory.Ownership
	Relation      = inventory.Relation
	Joiner        = inventory.Joiner
	Hash          = inventory.Hash
	Document      = inventory.Document
	Tool          = inventory.Tool
	Vulnerability = inventory.Vulnerability
	Rating        = inventory.Rating
	Affected      = inventory.Affected
	Analysis      = inventory.Analysis
)

// How a package came into a project.
const (
	RelationUnknown = inventory.RelationUnknown
	Direct          = inventory.Direct
	Transitive      = inventory.Transitive
)

// An Image is what [Generate] needs of an image: package scan/image has it for
// archives, layouts, folders and registries. It must allow several calls at
// once.
type Image interface {
	// Target says what the image is.
	Target() Target
	// Layers lists the layers, the base first, without reading them.
	Layers() []Layer
	// OpenLayer returns the stored content of the i'th layer: a tar archive,
	// plain or compressed with gzip or zstd. If what it returns has the
	// methods of [io.ReaderAt] and a method Size() int64 too, a plain archive
	// is read at the places that are needed only; otherwise it is read to the
	// end, and its digest is compared with the one that Layers states.
	OpenLayer(ctx context.Context, i int) (io.ReadCloser, error)
}

// A SequentialImage is an [Image] that has its layers in one stream, so that
// it is better to go through all of them once than to open each.
type SequentialImage interface {
	Image
	// Sequential reports whether that is so.
	Sequential() bool
	// WalkLayers calls fn for each layer, in any order, and stops at its
	// first error. A layer that the image has several times, with the same
	// digests, may be passed once, as the first of them.
	WalkLayers(ctx context.Context, fn func(i int, r io.Reader) error) error
}

// A FileSystemImage is an [Image] some of whose layers are folders and not
// archives.
type FileSystemImage interface {
	Image
	// LayerFS returns the i'th layer as a file system, and false if it is an
	// archive. What begins with ".wh." is a file like others in it.
	LayerFS(i int) (fs.FS, bool)
}

// A SourceTreeImage is a [FileSystemImage] that can be the folder of a project,
// where lock files always count, ".git" is passed over and no folder is one of
// a running system.
type SourceTreeImage interface {
	FileSystemImage
	// SourceTree reports whether that is so.
	SourceTree() bool
}
