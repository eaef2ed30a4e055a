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

// lowestFix returns the entries of a record of AlmaLinux on one package that
// count. It names a package again for each build that came with the erratum or
// was made again for a later minor release, and each of them has the fix, so
// that the lowest is enough, if only the release differs: by the schema, where each entry counts, a package
// would be affected that has the fix. Where the title names no stream of a module,
// or several, it is open which build is of which; they all count then.
func lowestFix(scheme version.Scheme, title string, entries []advisory.Affected) []advisory.Affected {
	if len(entries) < 2 || strings.Contains(entries[0].Name, anyModule) && len(streamsOf(title)) != 1 {
		return entries
	}
	lowest := 0
	for i := range entries {
		fix, ok := onlyFix(&entries[i])
		if !ok {
			return entries
		}
		best, _ := onlyFix(&entries[lowest])
		if upstreamPart(fix) != upstreamPart(best) {
			return entries // another version is not the same again
		}
		c, err := version.Compare(scheme, fix, best)
		if err != nil {
			return entries
		}
		if c < 0 {
			lowest = i
		}
	}
	return entries[lowest : lowest+1]
}

// upstreamPart returns a version of an rpm package without its release.
func upstreamPart(version string) string {
	v, _, _ := strings.Cut(version, "-")
	return v
}

// onlyFix returns the version that ends an entry, if all before it are affected
// and it says nothing else.
func onlyFix(a *advisory.Affected) (string, bool) {
	if len(a.Ranges) != 1 || len(a.Versions)+a.Unreadable > 0 {
		return "", false
	}
	fix := ""
	for _, e := range a.Ranges[0].Events {
		switch {
		case e.Kind == advisory.Introduced && e.Version == "0":
		case e.Kind == advisory.Fixed && fix == "":
			fix = e.Version
		default:
			return "", false
		}
	}
	return fix, fix != ""
}
