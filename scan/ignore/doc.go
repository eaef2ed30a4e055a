// Package ignore reads and applies rules that say which findings of a scan do
// not matter. Hand them to scan.WithIgnore, which moves what they mean from the
// findings of a report to what it calls suppressed, with the rule and its
// reason.
//
// [Parse] reads a file in one of three forms, which it tells apart by content.
// The first, for .imagevetignore, is YAML:
//
//	ignore:
//	  - id: [CVE-2024-3094, GHSA-rxwq-x6h5-x525]  # or one alone; aliases count
//	    package: xz-utils
//	    reason: not reachable over the network
//	    until: 2026-12-31
//	  - purl: pkg:deb/debian/linux-libc-dev       # any version
//	    status: will_not_fix
//	  - path: opt/vendor/**
//	    layer: 2                                  # or a diff ID
//
// All conditions of a rule must hold, and of a list any one. The other two are
// Trivy's: lines of an ID, perhaps "exp:2026-12-31", and comments, of which one
// at the end of the line is the reason; and its YAML with "vulnerabilities".
// The parts of that on misconfigurations, secrets and licences are passed over.
// Other keys, and dates that are none, are errors that name the line.
//
// "until", "exp:" and "expired_at" are the first day, in UTC, on which a rule no
// longer applies. Then it takes nothing out, and the report says so.
//
// Rules come from the user of a scan and are believed, but size and counts are
// bounded, and no pattern takes long.
package ignore
