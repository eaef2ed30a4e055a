// Package policy is a gate: it says of the report of a scan whether the image
// may pass, and if not, why.
//
// A [Policy] is a plain value. [Parse] reads one from YAML:
//
//	findings:                  # a finding that one of these rules means fails
//	  - name: exploited        # for the reasons; may be left out
//	    kev: true              # in the catalogue of exploited flaws
//	  - severity: HIGH         # this or above, and what nobody has rated
//	    fixable: true          # there is a fixed version
//	    fix_age_days: 30       # and has been for 30 days
//	  - epss: 0.5              # as likely as this, or more, to be exploited
//	end_of_life: fail          # the distribution has no security support
//	no_coverage: fail          # packages that were compared with nothing
//	problems: fail             # something that could not be read
//
// All conditions of a rule must hold. Keys that are not known, and a policy that
// judges nothing, are errors.
//
// What is not known does not pass: a finding that nobody has rated is of any
// severity (unless "unrated: false" says otherwise), one without a date has been
// fixed for long, and if the database of a scan has no catalogue of exploited
// flaws or no EPSS scores, a rule that asks for them fails where the rest of it
// holds. An image on an unknown distribution is not taken for one at its end;
// its packages are without coverage.
//
// Only what is in [scan.Report].Findings counts. What ignore rules, VEX documents
// and filters have taken out does not.
package policy
