//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package dbfile

import (
	"errors"
	"os"
)

func tryLock(string) (*os.File, error) { return nil, errors.ErrUnsupported }
