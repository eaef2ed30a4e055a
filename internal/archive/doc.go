// Package archive gives access to the files of an image archive where they
// lie: in a tar archive, in a tar archive that is compressed as a whole, or in
// a folder. Nothing is unpacked.
//
// A plain archive ([Tar]) is indexed by seeking from header to header, and its
// members are opened for reading in any order. A compressed one has to be
// inflated for its index; opening a member inflates it again from the start,
// so whoever needs several members reads them in one pass with [Tar.Walk]. A
// stream ([NewStream]) is asked for again in the same way.
//
// Names are slash-separated and relative to the archive's root; a leading "./"
// or "/" is dropped. Where a name occurs twice the later member counts, as it
// would if the archive were unpacked. Symbolic and hard links between members
// are followed; archives of "docker save" had links from one layer to another
// until version 25.
//
// Archives are hostile. Everything that is kept in memory is limited, and
// reaching a limit is an error that wraps [inventory.ErrTooLarge].
package archive
