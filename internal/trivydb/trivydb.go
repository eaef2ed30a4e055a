// Package trivydb reads databases of Trivy (trivy.db, schema 2,
// https://github.com/aquasecurity/trivy-db) for what OSV does not have: the
// advisories of Amazon Linux, Oracle Linux and Photon OS, and those of Red Hat
// with flaws that are not fixed. Other buckets are left alone.
//
// Files are hostile: package bolt bounds what is read, and what is wrong with
// one advisory is told apart from what makes the file useless.
package trivydb

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/imagevet/imagevet/internal/advisory"
	"github.com/imagevet/imagevet/internal/bolt"
	"github.com/imagevet/imagevet/internal/distro"
	"github.com/imagevet/imagevet/internal/enrich"
)

// Limits.
const (
	maxValue = 4 << 20 // bytes of one advisory or description
	maxCPEs  = 1 << 20
	maxBad   = 10_000

	maxStatements = 16 << 20 // of one file
)

// A Statement says that a package has a flaw up to a version.
type Statement struct {
	// Ecosystem is OSV's name, or ours in the same form, such as
	// "Amazon Linux:2" or "Red Hat:enterprise_linux:8::baseos".
	Ecosystem string
	// Source is the name under which [Text].Severities has the distribution.
	Source string
	// Package is the name that advisories of the distribution use. That of a
	// package in a module of Red Hat is "MODULE:STREAM::NAME".
	Package string
	// Arches are the architectures of the packages that it is about, sorted;
	// empty if it is about all.
	Arches []string
	// ID is the CVE, or else the ID of the advisory.
	ID string
	// Fixed is the first version without the flaw; empty if there is none.
	Fixed string
	// Severity is a word for this package; empty if only Text has one.
	Severity string
	// Status is what the distribution does about a flaw without a fix.
	Status advisory.Status
}

// A Text is what the file says about a flaw whatever the package.
type Text struct {
	Title, Description  string
	References          []string
	CWEs                []int
	Published, Modified time.Time
	// Severities are words, by source.
	Severities map[string]string
}

// A Report counts what was not used.
type Report struct {
	Bad []enrich.Bad
	// NotAffected counts statements that a package does not have a flaw.
	NotAffected int
	// Buckets are the names of those that were left alone, sorted.
	Buckets []string
}

// A File is an open file.
type File struct {
	db *bolt.DB
}

// Open opens a file of size bytes. The error wraps one of package bolt.
func Open(r io.ReaderAt, size int64) (*File, error) {
	db, err := bolt.Open(r, size)
	if err != nil {
		return nil, err
	}
	return &File{db}, nil
}

// The buckets that are not advisories.
const (
	bucketCPE           = "Red Hat CPE"
	bucketRedHat        = "Red Hat"
	bucketVulnerability = "vulnerability"
	bucketDataSource    = "data-source"
)

// platform returns the ecosystem of a bucket, and the name of its source.
func platform(bucket string) (ecosystem, source string, ok bool) {
	for _, p := range [...]struct{ prefix, ecosystem, source string }{
		{"amazon linux ", "Amazon Linux", "amazon"},
		{"Oracle Linux ", "Oracle Linux", "oracle-oval"},
		{"Photon OS ", "Photon OS", "photon"},
	} {
		release, found := strings.CutPrefix(bucket, p.prefix)
		if found && release != "" && len(release) <= 16 && strings.Trim(release, "0123456789.") == "" {
			return p.ecosystem + ":" + release, p.source, true
		}
	}
	return "", "redhat", bucket == bucketRedHat
}

type (
	jsonAdvisory struct {
		FixedVersion    string
		AffectedVersion string
		Status          int
		Arches          []string
		Entries         []jsonEntry
	}
	jsonEntry struct {
		FixedVersion string
		Status       int
		Arches       []string
		Affected     []int // numbers of CPEs
		Cves         []struct {
			ID       string
			Severity int
		}
	}
	jsonText struct {
		Title            string
		Description      string
		CweIDs           []string
		References       []string
		PublishedDate    time.Time
		LastModifiedDate time.Time
		VendorSeverity   map[string]int
	}
)

// statusNotAffected is that of a package that does not have a flaw:
// https://github.com/aquasecurity/trivy-db/blob/main/pkg/types/status.go.
const statusNotAffected = 1

// status is what a number of the same list says of a flaw that is not fixed.
func status(n int) advisory.Status {
	switch n {
	case 4:
		return advisory.UnderInvestigation
	case 5:
		return advisory.WillNotFix
	case 6:
		return advisory.FixDeferred
	case 7:
		return advisory.EndOfLife
	}
	return advisory.NoStatus
}

// severity is the word for a number.
func severity(n int) string {
	words := [...]string{"", "LOW", "MEDIUM", "HIGH", "CRITICAL"}
	if n < 0 || n >= len(words) {
		return ""
	}
	return words[n]
}

// Statements calls yield for each statement. It stops if that returns an error.
// The order is that of the file, but for Red Hat's, which come by package.
func (f *File) Statements(yield func(Statement) error) (*Report, error) {
	cpes, err := f.cpes()
	if err != nil {
		return nil, err
	}
	r := reader{cpes: cpes, yield: yield}
	err = f.db.Walk(bolt.Visitor{
		Enter: func(path []string) bool {
			if len(path) > 1 {
				return len(path) == 2
			}
			_, _, ok := platform(path[0])
			if !ok && !slices.Contains([]string{bucketCPE, bucketVulnerability, bucketDataSource}, path[0]) {
				r.report.Buckets = append(r.report.Buckets, strings.ToValidUTF8(path[0], "\uFFFD"))
			}
			return ok
		},
		Entry: func(path []string, key, value []byte) error {
			if len(path) != 2 {
				return nil
			}
			return r.entry(path[0], path[1], string(key), value)
		},
	})
	if err == nil {
		err = r.flush()
	}
	if err != nil {
		return nil, err
	}
	slices.Sort(r.report.Buckets)
	return &r.report, nil
}

// cpes reads the releases of Red Hat that statements refer to by number.
func (f *File) cpes() (map[int]string, error) {
	out := map[int]string{}
	err := f.db.Walk(bolt.Visitor{
		Enter: func(path []string) bool {
			return path[0] == bucketCPE && (len(path) == 1 || len(path) == 2 && path[1] == "cpe")
		},
		Entry: func(path []string, key, value []byte) error {
			n, err := strconv.Atoi(string(key))
			var cpe string
			if len(path) != 2 || err != nil || json.Unmarshal(value, &cpe) != nil {
				return nil // another table, or for a product that no image is
			}
			if ecosystem := redHat(cpe); ecosystem != "" {
				if len(out) >= maxCPEs {
					return fmt.Errorf("more than %d CPEs", maxCPEs)
				}
				out[n] = ecosystem
			}
			return nil
		},
	})
	return out, err
}

// redHat returns the ecosystem of a CPE of Red Hat's, such as
// "cpe:/o:redhat:enterprise_linux:8::baseos", and nothing for products that no
// package of an image is of. One of Red Hat Enterprise Linux without a stream is
// of the release as a whole, and goes with the stream that every system has.
func redHat(cpe string) string {
	_, product, ok := strings.Cut(cpe, ":redhat:")
	if !ok || len(product) > 128 || !distro.IsRedHatProduct(product) {
		return ""
	}
	release, isRHEL := strings.CutPrefix(product, "enterprise_linux:")
	if !isRHEL {
		return "Red Hat:" + product
	}
	major, stream, hasStream := strings.Cut(release, "::")
	n, err := strconv.Atoi(major)
	switch {
	case hasStream && stream != "", err == nil && n >= 10, err != nil:
	case n <= 7:
		product = "enterprise_linux:" + major + "::server"
	default:
		product = "enterprise_linux:" + major + "::baseos"
	}
	return "Red Hat:" + product
}

// A reader converts advisories. Those of Red Hat are held back until all of a
// package are there.
type reader struct {
	cpes   map[int]string
	yield  func(Statement) error
	report Report

	pkg     string
	redHats []Statement
	count   int
}

// errTooMany says that a file multiplies what it holds.
var errTooMany = fmt.Errorf("more than %d statements", maxStatements)

// emit hands out a statement.
func (r *reader) emit(s Statement) error {
	if r.count++; r.count > maxStatements {
		return errTooMany
	}
	return r.yield(s)
}

func (r *reader) bad(where string, format string, args ...any) error {
	if len(r.report.Bad) >= maxBad {
		return errors.New("too many bad advisories")
	}
	r.report.Bad = append(r.report.Bad, enrich.Bad{Entry: where, Reasons: []string{fmt.Sprintf(format, args...)}})
	return nil
}

// entry reads the value of a key, which is the ID of a flaw or an advisory.
func (r *reader) entry(bucket, pkg, id string, value []byte) error {
	where := fmt.Sprintf("%.60s %.80s %.80s", bucket, pkg, id)
	ecosystem, source, _ := platform(bucket)
	if pkg == "" || len(pkg) > advisory.MaxName || !validID(id) {
		return r.bad(where, "no name of a package or no ID")
	}
	if len(value) > maxValue {
		return r.bad(where, "%d bytes", len(value))
	}
	var a jsonAdvisory
	if err := json.Unmarshal(value, &a); err != nil {
		return r.bad(where, "%v", err)
	}
	if ecosystem == "" {
		return r.redHat(where, pkg, id, &a)
	}
	list := a.Entries
	if len(list) == 0 {
		list = []jsonEntry{{FixedVersion: a.FixedVersion, Status: a.Status, Arches: a.Arches}}
	}
	for _, e := range list {
		if e.Status == statusNotAffected {
			r.report.NotAffected++
			continue
		}
		if reason := e.check(); reason != "" {
			if err := r.bad(where, "%s", reason); err != nil {
				return err
			}
			continue
		}
		s := Statement{Ecosystem: ecosystem, Source: source, Package: pkg, Arches: e.Arches, ID: id, Fixed: e.FixedVersion, Status: status(e.Status)}
		if err := r.emit(s); err != nil {
			return err
		}
	}
	return nil
}

// check says what is wrong with an entry, and sorts its architectures.
func (e *jsonEntry) check() string {
	const most = 32 // architectures, and bytes of each
	if len(e.FixedVersion) > advisory.MaxVersion {
		return fmt.Sprintf("a version of %d bytes", len(e.FixedVersion))
	}
	if len(e.Arches) > most {
		return fmt.Sprintf("%d architectures", len(e.Arches))
	}
	for _, a := range e.Arches {
		if a == "" || len(a) > most || strings.ContainsAny(a, " \t\n") {
			return fmt.Sprintf("%.40q is no architecture", a)
		}
	}
	slices.Sort(e.Arches)
	e.Arches = slices.Compact(e.Arches)
	return ""
}

// redHat reads an advisory of Red Hat, on several flaws in several releases.
func (r *reader) redHat(where, pkg, id string, a *jsonAdvisory) error {
	if pkg != r.pkg {
		if err := r.flush(); err != nil {
			return err
		}
		r.pkg = pkg
	}
	for _, e := range a.Entries {
		if e.Status == statusNotAffected {
			r.report.NotAffected++
			continue
		}
		if reason := e.check(); reason != "" {
			if err := r.bad(where, "%s", reason); err != nil {
				return err
			}
			continue
		}
		for _, cve := range e.Cves {
			s := Statement{Source: "redhat", Package: pkg, Arches: e.Arches, ID: cve.ID, Fixed: e.FixedVersion, Severity: severity(cve.Severity), Status: status(e.Status)}
			if s.ID == "" {
				s.ID = id
			}
			if !validID(s.ID) {
				if err := r.bad(where, "%.80q is no ID", s.ID); err != nil {
					return err
				}
				continue
			}
			for _, n := range e.Affected {
				ecosystem, ok := r.cpes[n]
				if !ok {
					continue // of another product
				}
				s.Ecosystem = ecosystem
				if r.redHats = append(r.redHats, s); len(r.redHats) > maxStatements {
					return errTooMany
				}
			}
		}
	}
	return nil
}

// flush hands out what is known of one package of Red Hat. That a flaw is not
// fixed was said before there was a fix, if there is one.
func (r *reader) flush() error {
	type key struct{ ecosystem, id string }
	fixed := map[key]bool{}
	for _, s := range r.redHats {
		if s.Fixed != "" {
			fixed[key{s.Ecosystem, s.ID}] = true
		}
	}
	for _, s := range r.redHats {
		if s.Fixed == "" && fixed[key{s.Ecosystem, s.ID}] {
			continue
		}
		if err := r.emit(s); err != nil {
			return err
		}
	}
	r.redHats = r.redHats[:0]
	return nil
}

// Texts calls yield for each flaw of which want says that it is wanted.
func (f *File) Texts(want func(id string) bool, yield func(id string, t *Text, defect string) error) error {
	return f.db.Walk(bolt.Visitor{
		Enter: func(path []string) bool { return len(path) == 1 && path[0] == bucketVulnerability },
		Entry: func(_ []string, key, value []byte) error {
			id := string(key)
			if !want(id) {
				return nil
			}
			if len(value) > maxValue {
				return yield(id, &Text{}, fmt.Sprintf("%d bytes", len(value)))
			}
			var raw jsonText
			defect := ""
			if err := json.Unmarshal(value, &raw); err != nil {
				defect = err.Error()
			}
			t := &Text{
				Title: raw.Title, Description: raw.Description, References: raw.References,
				Published: printable(raw.PublishedDate), Modified: printable(raw.LastModifiedDate), Severities: map[string]string{},
			}
			for _, cwe := range raw.CweIDs {
				if n, err := strconv.ParseUint(strings.TrimPrefix(cwe, "CWE-"), 10, 24); err == nil && n > 0 && len(t.CWEs) < 100 {
					t.CWEs = append(t.CWEs, int(n))
				}
			}
			slices.Sort(t.CWEs)
			t.CWEs = slices.Compact(t.CWEs)
			for source, n := range raw.VendorSeverity {
				t.Severities[source] = severity(n)
			}
			return yield(id, t, defect)
		},
	})
}

// printable is a time that JSON can hold, or none.
func printable(t time.Time) time.Time {
	t = t.UTC()
	if t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}
	}
	return t
}

// validID reports whether a text can be an ID.
func validID(s string) bool {
	if s == "" || len(s) > 128 {
		return false
	}
	for _, c := range []byte(s) {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}
