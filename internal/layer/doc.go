// Package layer reads the layers of an image and puts them on top of each
// other.
//
// [Read] and [ReadFS] turn one layer into [Facts]: what the extractors found in
// it, and a compact list of everything it holds. Facts depend on the layer's
// bytes and the [Router] alone. [Merge] replays the lists of all layers from
// the base up, as a container runtime does when it unpacks them, and tells
// which files of interest the image has in the end, and through which layers
// each of them went.
//
// The rules are those of the OCI image specification ("Applying Changesets",
// https://github.com/opencontainers/image-spec/blob/main/layer.md), and where
// it is silent those of containerd: a later member of an archive replaces an
// earlier one; a folder that is listed replaces a link of a lower layer; a
// file below a link to a folder, where that folder itself is not listed, goes
// where the link points to.
//
// Layers are hostile. All that grows with a layer has a limit, and reaching it
// is an error.
package layer
