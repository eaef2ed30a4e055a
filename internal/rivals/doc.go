// Package rivals compares the order of versions with that of other Go
// libraries: how fast both are, and where they disagree. It is a module of its
// own, so that nobody who uses the project needs those libraries.
//
// In this folder, with the test material beside the checkout,
//
//	go test -v -run TestAgree
//	go test -bench . -benchtime 20x
//
// list the disagreements and the time for one list of real versions. The
// other side is not always wrong, but who is right is settled elsewhere: by
// the tools of the ecosystems, see the tests of package version with the build
// tag oracle.
package rivals
