package dbfile

import (
	"runtime"
	"runtime/debug"
)

// BeginGuard and [EndGuard] make an access to a mapped file that fails an error,
// for the goroutine that calls them:
//
//	old := dbfile.BeginGuard()
//	defer func() {
//		if damage := dbfile.EndGuard(old, recover()); damage != nil {
//			err = damage
//		}
//	}()
//
// The operating system refuses access to a part of the map that the file does
// not have any more because somebody made it shorter, or that the disk cannot
// read. Such an error wraps [ErrDamaged].
func BeginGuard() (old bool) { return debug.SetPanicOnFault(true) }

// EndGuard ends what BeginGuard began. It makes a panic of a failed access an
// error, and panics again with any other.
func EndGuard(old bool, recovered any) error {
	debug.SetPanicOnFault(old)
	switch r := recovered.(type) {
	case nil:
		return nil
	case interface {
		runtime.Error
		Addr() uintptr
	}:
		return damaged("a part of the file cannot be read any more: %v", r)
	default:
		panic(r)
	}
}
