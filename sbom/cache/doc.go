// Package cache keeps what was found in the layers of images, for
// [github.com/imagevet/imagevet/sbom.WithCache]: in memory, or in a folder that
// any number of processes share.
//
//	folder, err := cache.NewFolder(dir)
//	generator, err := sbom.New(sbom.WithCache(folder))
//
// Both are bounded in size and drop first what was asked for longest ago. What
// an entry is for, and what it rests on, is in its key; so entries of other
// versions of the program are never taken for one's own, and are dropped like
// others that nobody asks for.
//
// Another store needs the same two methods, Get and Put.
package cache
