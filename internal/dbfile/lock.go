package dbfile

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// errBusy says that somebody else has the lock.
var errBusy = errors.New("lock is held")

// lockWait is the time between two attempts to get a lock.
const lockWait = 20 * time.Millisecond

// Lock waits until no other process, and no other caller in this one, holds
// the lock of the file, which is created if need be, and returns a function
// that releases it. The lock also ends with the process. The error wraps
// [errors.ErrUnsupported] where the system or the file system has no locks.
func Lock(ctx context.Context, path string) (unlock func(), err error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		f, err := tryLock(path)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, errBusy) {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		timer := time.NewTimer(lockWait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		case <-timer.C:
		}
	}
}
