package scan

import (
	"strings"

	"github.com/imagevet/imagevet/vulndb"
)

// WithInformational reports advisories that call themselves no flaw as
// findings: those of RustSec that a package is "unmaintained", or a "notice".
// Without it they are in [Report].Suppressed. Advisories that a package is
// "unsound" are findings in any case, and so are those that have a CVE, since
// somebody saw a flaw in it. The default is false.
func WithInformational(report bool) Option {
	return func(c *config) error {
		c.informational = report
		return nil
	}
}

// isRemark reports whether a finding is on no flaw.
func isRemark(f *Finding) bool {
	switch f.Informational {
	case vulndb.InformationalUnmaintained, vulndb.InformationalNotice:
		return !strings.HasPrefix(f.ID, "CVE-")
	}
	return false
}
