package inventory

import "fmt"

// A FileError reports one file that could not be read or understood. The rest
// of the image is read nevertheless; the error is part of the result, so that
// what it hides is not mistaken for what is not there.
type FileError struct {
	// Path is slash-separated and relative to the image's root; empty where a
	// bill of materials itself could not be understood.
	Path string
	// Extractor is the name of the extractor that was to read the file, or
	// "layer" where the layer itself could not be followed.
	Extractor string
	// Layer is the index of the layer that holds the file.
	Layer int
	// Err is the cause, never nil.
	Err error
}

func (e *FileError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("%s: %v", e.Extractor, e.Err)
	}
	return fmt.Sprintf("%s: %q in layer %d: %v", e.Extractor, e.Path, e.Layer, e.Err)
}

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.Err }

// A LayerError is why a layer, and with it the image, could not be read.
type LayerError struct {
	Index  int    // of the layer, from the base
	DiffID string // as the image states it, may be empty
	Err    error  // the cause, never nil
}

func (e *LayerError) Error() string {
	if e.DiffID == "" {
		return fmt.Sprintf("layer %d: %v", e.Index, e.Err)
	}
	return fmt.Sprintf("layer %d (%s): %v", e.Index, e.DiffID, e.Err)
}

// Unwrap returns the cause.
func (e *LayerError) Unwrap() error { return e.Err }

// A DigestError reports content that is not what its digest or its size says:
// it is damaged, or somebody has changed it.
type DigestError struct {
	// Name is the file, folder or reference that was read; empty where the
	// error around this one names it.
	Name string
	Want string // the digest that the content should have
	Got  string // the digest it has, empty if it was not computed
	// Unpacked is true if the digests are diff IDs, of an uncompressed layer.
	Unpacked bool
	// WantSize and GotSize are in bytes. GotSize is how many were seen before
	// reading ended. Both are 0 where the size is not stated.
	WantSize, GotSize int64
	Err               error // the cause, nil if there is none
}

func (e *DigestError) Error() string {
	what, name := "other bytes", ""
	switch {
	case e.WantSize != e.GotSize:
		what = fmt.Sprintf("%d bytes in place of %d", e.GotSize, e.WantSize)
	case e.Unpacked:
		what = fmt.Sprintf("diff ID %q", e.Got)
	case e.Got != "":
		what = fmt.Sprintf("digest %q", e.Got)
	}
	if e.Name != "" {
		name = fmt.Sprintf("%q: ", e.Name)
	}
	return fmt.Sprintf("%sblob %q has %s: fetch or save the image again", name, e.Want, what)
}

// Unwrap returns the cause.
func (e *DigestError) Unwrap() error { return e.Err }
