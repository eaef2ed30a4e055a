package scan

import (
	"errors"

	"github.com/imagevet/imagevet/sbom"
	"github.com/imagevet/imagevet/sbom/inventory"
	"github.com/imagevet/imagevet/vulndb"
)

// A Progress says how far a scan, or the update of a database, is.
type Progress = inventory.Progress

// The stages of a scan, in their order.
const (
	StageOpen   = inventory.StageOpen   // the image's manifest is found and read
	StageLayers = inventory.StageLayers // layers are read
	StageMerge  = inventory.StageMerge  // layers are put on top of each other
	StageMatch  = inventory.StageMatch  // packages are compared with the database
)

// WithProgress sets what is told how far a scan is: when each stage begins, and
// while layers are read, which is most of the time, at most every 50
// milliseconds and when all of them are. The calls for one scan come one after
// the other, from any goroutine; those for scans at the same time can come
// together, and [Progress].Target tells them apart. The goroutine that calls
// waits, others do not, so f should be quick. [UpdateProgress] tells the same
// function of the update of a database. The default is nothing.
func WithProgress(f func(Progress)) Option {
	return func(c *config) error {
		if f == nil {
			return errors.New("scan: WithProgress(nil): leave the option out to be told nothing")
		}
		c.progress = f
		c.sbom = append(c.sbom, sbom.WithProgress(f))
		return nil
	}
}

// UpdateProgress returns a function for [vulndb.WithProgress] that tells f, so that
// one function can show scans and updates. Target is then the ecosystem, and
// Stage, Done and Total are as [vulndb.Progress] describes them.
func UpdateProgress(f func(Progress)) func(vulndb.Progress) {
	return func(p vulndb.Progress) {
		f(Progress{Target: p.Ecosystem, Stage: p.Stage, Done: p.Done, Total: p.Total})
	}
}

// tell tells of a stage that counts nothing.
func (s *Scanner) tell(target, stage string) {
	if s.cfg.progress != nil {
		s.cfg.progress(Progress{Target: target, Stage: stage})
	}
}
