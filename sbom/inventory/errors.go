package inventory

import "fmt"

// A FileError reports one file that could not be read or understood. The rest
// of the image is read nevertheless; the error is part of the result, so that
// what it hides is not mistaken for what is not there.
type FileError struct {
	// Path is slash-separated and relative to the image's root.
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

// A DigestError reports content that is not what its digest promises.
type DigestError struct {
	What string // "digest" of a blob as it is stored, or "diff ID" of an uncompressed layer
	Want string // as the image states it
	Got  string // as computed
}

func (e *DigestError) Error() string {
	return fmt.Sprintf("content does not match its %s: the image states %s, the content has %s; get the image again", e.What, e.Want, e.Got)
}
