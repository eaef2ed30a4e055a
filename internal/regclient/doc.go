// Package regclient is what the packages that talk to registries share: how
// go-containerregistry is told to behave, and a transport that bounds what a
// registry sends and refuses plain HTTP that nobody asked for.
package regclient
