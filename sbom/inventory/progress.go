package inventory

// A Progress says how far the reading of an image is. It is a snapshot: what it
// counts is never less than in an earlier one of the same stage, and the last
// one of a stage is complete.
type Progress struct {
	// Target is the name of the image, so that scans at the same time can be
	// told apart. For the update of a database it is the ecosystem.
	Target string
	// Stage is one of those below; for the update of a database that of package
	// vulndb.
	Stage string
	// Layers is how many layers the image has, Read how many of them are
	// done, and Cached how many of these needed no reading. They are 0 in other
	// stages than that of layers.
	Layers, Read, Cached int
	// Done and Total are bytes of the layers as they are stored or sent,
	// usually compressed. What needs no reading counts as done. Total is -1 if
	// it is unknown, and both are 0 in stages that count nothing.
	Done, Total int64
}

// The stages of a scan, in their order.
const (
	StageOpen   = "open"   // the image's manifest is found and read
	StageLayers = "layers" // layers are read
	StageMerge  = "merge"  // layers are put on top of each other
	StageMatch  = "match"  // packages are compared with the database
)
