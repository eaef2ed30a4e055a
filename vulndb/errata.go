package vulndb

import (
	"slices"
	"strings"

	"github.com/imagevet/imagevet/internal/advisory"
	"github.com/imagevet/imagevet/version"
)

// upstreamOf returns the flaws that a record passes on. Distributions of rpm
// packages had the CVEs of an advisory in "related" before OSV 1.7 brought the
// field "upstream", as AlmaLinux has to this day. In records of others
// "related" says what it says: something else.
//
// https://ossf.github.io/osv-schema/#upstream-field
func upstreamOf(rec *advisory.Record) []string {
	if len(rec.Related) == 0 || !ofRPM(rec) || len(cvesOf(&record{id: rec.ID, aliases: rec.Aliases, upstream: rec.Upstream})) > 0 {
		return rec.Upstream
	}
	out := slices.Clone(rec.Upstream)
	for _, id := range rec.Related {
		if strings.HasPrefix(id, "CVE-") && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

// ofRPM reports whether all that a record names are rpm packages.
func ofRPM(rec *advisory.Record) bool {
	for _, a := range rec.Affected {
		if scheme, err := version.ParseScheme(a.Ecosystem); err != nil || scheme != version.RPM {
			return false
		}
	}
	return len(rec.Affected) > 0
}

// isFlawless reports whether a record is an erratum of a distribution that
// fixes bugs or brings something new, and no flaw: those of Red Hat and of what
// is built from its sources are told by the letters of their ID
// (https://access.redhat.com/articles/explaining_redhat_errata), those of SUSE
// by "RU" and "FU", recommended and feature updates. A few of them are on CVEs
// all the same.
func isFlawless(rec *advisory.Record) bool {
	kind, _, _ := strings.Cut(rec.ID, "-")
	switch kind {
	case "ALBA", "ALEA", "RLBA", "RLEA", "RHBA", "RHEA", "ELBA", "ELEA":
	case "SUSE", "openSUSE":
		_, rest, _ := strings.Cut(rec.ID, "-")
		if !strings.HasPrefix(rest, "RU-") && !strings.HasPrefix(rest, "FU-") {
			return false
		}
	default:
		return false
	}
	isCVE := func(id string) bool { return strings.HasPrefix(id, "CVE-") }
	return !slices.ContainsFunc(slices.Concat(rec.Aliases, rec.Upstream, rec.Related), isCVE)
}
