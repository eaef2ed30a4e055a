package dbfile

import (
	"runtime"
	"runtime/debug"
)

// Guard makes an access to a mapped file that fails an error, for the goroutine
// that calls it and until the function that it returns is deferred:
//
//	defer dbfile.Guard(&err)()
//
// The operating system refuses access to a part of the map that the file does
// not have any more because somebody made it shorter, or that the disk cannot
// read. Such an error wraps [ErrDamaged].
func Guard(err *error) func() {
	old := debug.SetPanicOnFault(true)
	return func() {
		debug.SetPanicOnFault(old)
		switch r := recover().(type) {
		case nil:
		case interface {
			runtime.Error
			Addr() uintptr
		}:
			*err = damaged("a part of the file cannot be read any more: %v", r)
		default:
			panic(r)
		}
	}
}
