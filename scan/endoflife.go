package scan

import (
	"cmp"
	"strings"
	"time"

	"github.com/imagevet/imagevet/internal/distro"
	"github.com/imagevet/imagevet/sbom"
	"github.com/imagevet/imagevet/vulndb"
)

// os describes the distribution. The date on which its support ends is the
// database's, which is nil if there is none, where that has one.
func (s *Scanner) os(db *vulndb.DB, os sbom.OS) (OS, error) {
	d := distro.Lookup(os)
	// A bill of materials can leave the name out.
	name := cmp.Or(os.Name, strings.TrimSpace(os.ID+" "+os.Version))
	out := OS{ID: os.ID, Version: os.Version, Name: name, Ecosystem: d.Ecosystem}
	end, source := d.EndOfLife, EndOfLifeBuiltIn
	if db != nil {
		day, err := db.EndOfLife(os)
		if err != nil {
			return OS{}, err
		}
		if !day.IsZero() {
			end, source = day, vulndb.SourceEndOfLife
		}
	}
	if !end.IsZero() {
		out.EndOfLifeDate, out.EndOfLifeSource = end.Format(time.DateOnly), source
		// Support lasts until the end of that day, wherever one is.
		out.EndOfLife = s.cfg.clock().After(end.Add(36 * time.Hour))
	}
	return out, nil
}
