// Package enrich reads what databases of flaws say about a CVE beside which
// packages it affects: how severe it is, how likely it is to be exploited, and
// whether it has been.
//
// One file reads one format: the catalogue of known exploited vulnerabilities
// of CISA (KEV), the scores of FIRST (EPSS), records of the CVE list (JSON 5)
// and those of the NVD (API 2.0); and, about no CVE, until when releases of
// operating systems are supported, by endoflife.date. [Detect] tells from the
// content which one a document is.
//
// Documents are hostile: sizes are bounded, large documents are read as a
// stream, and what is wrong with one entry is told apart from what makes the
// document useless, so that nothing is lost without a word.
//
// All functions are safe for concurrent use.
package enrich

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/imagevet/imagevet/cvss"
)

// Limits of one entry. They are far above everything in public databases.
const (
	MaxElement = 16 << 20 // bytes of one entry of a JSON document
	maxText    = 8 << 10  // bytes of a title or description; the rest is cut off
	maxRatings = 64       // ratings of one entry
	maxCWEs    = 64       // weaknesses of one entry
	maxWord    = 256      // bytes of the name of a source, a version or a vector
)

// ErrTooLarge says that an entry is larger than [MaxElement].
var ErrTooLarge = errors.New("an entry exceeds the limit of 16 MiB")

// An Entry is what one source says about a CVE.
type Entry struct {
	// CVE is the ID, in the form that [ValidCVE] accepts.
	CVE string
	// Modified is when the entry was last changed; zero if that is not told.
	Modified time.Time
	// Ratings are in the order of trust that the format suggests: whoever
	// assigned the CVE comes first, or the NVD in its own data.
	Ratings []Rating
	// CWEs are numbers of the Common Weakness Enumeration, sorted.
	CWEs []int
	// Title is one line of plain text, Description text. Either can be empty.
	Title, Description string
	// KEV and EPSS are nil if the source is another one.
	KEV  *KEV
	EPSS *EPSS
	// Rejected is true if the ID must not be used: it names no flaw, or one
	// that has another ID.
	Rejected bool
}

// A Rating is one CVSS vector.
type Rating struct {
	// Source is who rates, such as "NVD" or "CISA-ADP".
	Source string
	// Type is "CVSS_V2", "CVSS_V3" or "CVSS_V4", as in the OSV schema.
	Type string
	// Vector is one that package cvss can parse.
	Vector string
}

// A KEV says that a flaw has been exploited.
type KEV struct {
	// Added is the day on which the catalogue took it in.
	Added time.Time
	// Due is the day by which US agencies must have acted; zero if there is
	// none.
	Due time.Time
	// Ransomware is true if it is known to be used for ransomware. False
	// means that this is not known.
	Ransomware bool
}

// An EPSS is how likely a flaw is to be exploited within 30 days.
type EPSS struct {
	// Score is the probability and Percentile the share of all CVEs with the
	// same score or a lower one; both are from 0 to 1.
	Score, Percentile float64
	// Date is the day of the scores; zero if that is not told.
	Date time.Time
}

// A Catalogue says what a whole document is.
type Catalogue struct {
	// Version is that of the KEV catalogue or of the EPSS model; empty
	// otherwise.
	Version string
	// Date is when the document was made; zero if that is not told.
	Date time.Time
}

// A Bad names an entry with a defect.
type Bad struct {
	// Entry is where it is in the document: "entry 3" or "line 3".
	Entry string
	// CVE is its ID; empty if that is what could not be read. With an ID the
	// rest of the entry was used, else nothing.
	CVE     string
	Reasons []string
}

// ValidCVE reports whether s is an ID such as "CVE-2024-1234", with four to 19
// digits at the end:
// https://github.com/CVEProject/cve-schema/blob/main/schema/CVE_Record_Format.json.
func ValidCVE(s string) bool {
	rest, ok := strings.CutPrefix(s, "CVE-")
	year, number, ok2 := strings.Cut(rest, "-")
	return ok && ok2 && len(year) == 4 && len(number) >= 4 && len(number) <= 19 && strings.Trim(year+number, "0123456789") == ""
}

// defects collects what had to be left out of an entry.
type defects struct {
	list []string
}

func (d *defects) add(format string, args ...any) {
	if len(d.list) < 100 {
		d.list = append(d.list, fmt.Sprintf(format, args...))
	}
}

// text cuts off what is too long.
func (d *defects) text(field, s string) string {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	if len(s) <= maxText {
		return s
	}
	d.add("%s of %d bytes is cut off", field, len(s))
	cut := maxText
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

// rating adds a vector to an entry.
func (d *defects) rating(e *Entry, source, vector string) {
	if source == "" || len(source) > maxWord || len(vector) > maxWord {
		d.add("a rating by %q with a vector of %d bytes", clip(source), len(vector))
		return
	}
	v, err := cvss.Parse(vector)
	if err != nil {
		d.add("rating by %s: %v", source, err)
		return
	}
	r := Rating{Source: source, Type: "CVSS_V" + v.Version()[:1], Vector: vector}
	switch {
	case slices.Contains(e.Ratings, r):
	case len(e.Ratings) >= maxRatings:
		d.add("more than %d ratings", maxRatings)
	default:
		e.Ratings = append(e.Ratings, r)
	}
}

// cwe adds a weakness to an entry. What is no CWE, such as NVD-CWE-noinfo, says
// nothing.
func (d *defects) cwe(e *Entry, id string) {
	number, ok := strings.CutPrefix(id, "CWE-")
	n, err := strconv.ParseUint(number, 10, 24)
	if !ok || err != nil || n == 0 || slices.Contains(e.CWEs, int(n)) {
		return
	}
	if len(e.CWEs) >= maxCWEs {
		d.add("more than %d weaknesses", maxCWEs)
		return
	}
	e.CWEs = append(e.CWEs, int(n))
	slices.Sort(e.CWEs)
}

// The forms in which the sources write times. Without an offset they are UTC.
var timeForms = [...]string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04:05-0700", time.DateOnly}

// parseTime reads a time in any of the forms.
func parseTime(s string) (time.Time, bool) {
	for _, form := range timeForms {
		if t, err := time.Parse(form, s); err == nil {
			t = t.UTC()
			return t, t.Year() >= 1 && t.Year() <= 9999 // an offset can lead out of what can be printed
		}
	}
	return time.Time{}, false
}

// time reads a time that may be missing.
func (d *defects) time(field, s string) time.Time {
	if s == "" {
		return time.Time{}
	}
	t, ok := parseTime(s)
	if !ok {
		d.add("%s: %q is no date", field, clip(s))
		return time.Time{}
	}
	return t
}

// english reports whether a language tag is one of English.
func english(lang string) bool { return len(lang) >= 2 && strings.EqualFold(lang[:2], "en") }

// A langText is a text in a language.
type langText struct {
	Lang  string `json:"lang"`
	Value string `json:"value"`
}

// firstEnglish is the first English text, empty if there is none.
func firstEnglish(list []langText) string {
	for _, t := range list {
		if english(t.Lang) && t.Value != "" {
			return t.Value
		}
	}
	return ""
}

// clip shortens what is quoted in a message.
func clip(s string) string {
	const most = 80
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
