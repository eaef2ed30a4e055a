// Package inventory is the model that the parts of imagevet share: what a
// container image is made of ([Target], [Layer]), what is installed in it
// ([Package], [OS]), and how a file of the image is turned into packages
// ([Extractor], [File], [Facts]).
//
// A program that only scans meets these types under their names in package
// sbom. A program that teaches imagevet a new package format implements
// [Extractor] and needs nothing but this package.
//
// All types are plain values without hidden state, except [File]. Slices in
// them belong to whoever receives them.
package inventory
