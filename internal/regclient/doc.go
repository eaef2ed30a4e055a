// Package regclient is how the packages that talk to registries do so. A
// [Client] reads manifests and blobs of one repository: it authenticates by means
// of go-containerregistry, tries again what may pass, goes on with a blob where
// its connection broke, and verifies what arrives. A [Guard] is below it, and
// below go-containerregistry's own client where something is pushed: it refuses
// what package registry says is refused.
package regclient
