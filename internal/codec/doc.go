// Package codec is what the formats of bills of materials share: what encoders
// are told ([Options]), references and serial numbers that follow from the
// content, the properties that hold what a format has no field for, and for
// decoders the [Collector], which turns components and references into an
// inventory within [Limits].
//
// Each format has a folder of its own below this one. Documents are hostile:
// what is read is bounded, references can be missing, doubled or circular, and
// what cannot be understood is one of the inventory's problems.
package codec
