//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package dbfile

import (
	"errors"
	"os"
)

// mapFile fails: the file is read piece by piece.
func mapFile(*os.File, int64) ([]byte, error) { return nil, errors.ErrUnsupported }

func unmapFile([]byte) error { return nil }
