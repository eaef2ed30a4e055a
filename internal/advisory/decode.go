package advisory

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Errors of [Decode].
var (
	// ErrTooLarge says that a record is larger than [MaxRecord].
	ErrTooLarge = errors.New("record exceeds the limit of 16 MiB")
	// ErrNoID says that a record has no usable ID.
	ErrNoID = errors.New("record has no id")
)

// The JSON form, without what is not used. The names are those of the schema.
type (
	jsonRecord struct {
		ID               string         `json:"id"`
		Modified         string         `json:"modified"`
		Published        string         `json:"published"`
		Withdrawn        string         `json:"withdrawn"`
		Aliases          []string       `json:"aliases"`
		Upstream         []string       `json:"upstream"`
		Related          []string       `json:"related"`
		Summary          string         `json:"summary"`
		Details          string         `json:"details"`
		Severity         []Severity     `json:"severity"`
		Affected         []jsonAffected `json:"affected"`
		DatabaseSpecific jsonSpecific   `json:"database_specific"`
		References       []struct {
			URL string `json:"url"`
		} `json:"references"`
	}
	jsonAffected struct {
		Package struct {
			Ecosystem string `json:"ecosystem"`
			Name      string `json:"name"`
		} `json:"package"`
		Severity          []Severity   `json:"severity"`
		Ranges            []jsonRange  `json:"ranges"`
		Versions          []string     `json:"versions"`
		EcosystemSpecific jsonSpecific `json:"ecosystem_specific"`
		DatabaseSpecific  jsonSpecific `json:"database_specific"`
	}
	jsonRange struct {
		Type   string      `json:"type"`
		Events []jsonEvent `json:"events"`
	}
	jsonEvent struct {
		Introduced   *string `json:"introduced"`
		Fixed        *string `json:"fixed"`
		LastAffected *string `json:"last_affected"`
		Limit        *string `json:"limit"`
	}
	// What these fields hold is up to each database, so any type must do.
	jsonSpecific struct {
		Severity      json.RawMessage `json:"severity"`
		Urgency       json.RawMessage `json:"urgency"`
		CWEs          json.RawMessage `json:"cwe_ids"`
		Imports       json.RawMessage `json:"imports"`
		Informational json.RawMessage `json:"informational"`
	}
)

// Decode reads one record. The defects are what had to be left out of an
// otherwise usable record, in the order of the record; each says where it is.
// An error means that nothing could be used. Nothing of the result refers to
// data.
func Decode(data []byte) (*Record, []error, error) {
	if len(data) > MaxRecord {
		return nil, nil, ErrTooLarge
	}
	var raw jsonRecord
	d := defects{}
	if err := json.Unmarshal(data, &raw); err != nil {
		// A value of the wrong type does not stop the decoder: it leaves that
		// value out and goes on.
		if _, ok := errors.AsType[*json.UnmarshalTypeError](err); !ok {
			return nil, nil, err
		}
		d.add("%w", err)
	}
	if raw.ID == "" || len(raw.ID) > MaxID {
		return nil, nil, ErrNoID
	}
	rec := &Record{
		ID:        raw.ID,
		Published: d.time("published", raw.Published),
		Modified:  d.time("modified", raw.Modified),
		Withdrawn: d.time("withdrawn", raw.Withdrawn),
		Aliases:   d.ids("aliases", raw.Aliases),
		Upstream:  d.ids("upstream", raw.Upstream),
		Related:   d.ids("related", raw.Related),
		Summary:   raw.Summary,
		Details:   raw.Details,
		Severity:  ratings(raw.Severity, raw.DatabaseSpecific),
		CWEs:      cwes(raw.DatabaseSpecific),
	}
	// A date that cannot be read still says that the record was withdrawn.
	if raw.Withdrawn != "" && rec.Withdrawn.IsZero() {
		rec.Withdrawn = time.Unix(0, 0).UTC()
	}
	for _, ref := range raw.References {
		rec.References = append(rec.References, ref.URL)
	}
	rec.References = unique(rec.References)
	for i := range raw.Affected {
		if a, ok := d.affected(i, &raw.Affected[i]); ok {
			a.Informational = informational(raw.Affected[i].DatabaseSpecific, raw.Affected[i].EcosystemSpecific, raw.DatabaseSpecific)
			rec.Affected = append(rec.Affected, a)
		}
	}
	return rec, d.list, nil
}

// cwes reads a list such as ["CWE-79"]. What is none of that form says nothing:
// the field is the database's own.
func cwes(s jsonSpecific) []int {
	var ids []string
	if json.Unmarshal(s.CWEs, &ids) != nil {
		return nil
	}
	var numbers []int
	for _, id := range ids {
		n, err := strconv.ParseUint(strings.TrimPrefix(id, "CWE-"), 10, 24)
		if err == nil && n > 0 && len(numbers) < 100 {
			numbers = append(numbers, int(n))
		}
	}
	slices.Sort(numbers)
	return slices.Compact(numbers)
}

// defects collects what was left out.
type defects struct {
	list []error
}

func (d *defects) add(format string, args ...any) {
	d.list = append(d.list, fmt.Errorf(format, args...))
}

// time reads a date, https://ossf.github.io/osv-schema/#id-modified-fields.
func (d *defects) time(field, s string) time.Time {
	if s == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, s)
	t = t.UTC()
	if err != nil || t.Year() < 1 || t.Year() > 9999 { // an offset can lead out of what can be printed
		d.add("%s: %q is no date", field, clip(s))
		return time.Time{}
	}
	return t
}

func (d *defects) ids(field string, in []string) []string {
	var out []string
	for _, id := range in {
		if len(id) > MaxID {
			d.add("%s: an ID of %d bytes", field, len(id))
		} else {
			out = append(out, id)
		}
	}
	return unique(out)
}

// affected converts one entry, and reports false if it names no package.
func (d *defects) affected(i int, raw *jsonAffected) (Affected, bool) {
	a := Affected{
		Ecosystem: raw.Package.Ecosystem,
		Name:      raw.Package.Name,
		Severity:  ratings(raw.Severity, raw.EcosystemSpecific, raw.DatabaseSpecific),
	}
	if base, _, _ := strings.Cut(a.Ecosystem, ":"); base == "Debian" && string(raw.EcosystemSpecific.Urgency) == `"end-of-life"` {
		a.Status = EndOfLife
	}
	if a.Ecosystem == "Go" {
		a.Platforms = platforms(raw.EcosystemSpecific)
	}
	for j, r := range raw.Ranges {
		switch r.Type {
		case "GIT":
			a.GitRanges++
		case "ECOSYSTEM", "SEMVER":
			rng, err := d.events(fmt.Sprintf("affected[%d].ranges[%d]", i, j), r.Events)
			if err != nil {
				d.add("affected[%d].ranges[%d]: %w", i, j, err)
				a.Unreadable++
				continue
			}
			a.Ranges = append(a.Ranges, rng)
		default:
			d.add("affected[%d].ranges[%d]: unknown type %q", i, j, clip(r.Type))
			a.Unreadable++
		}
	}
	if a.Ecosystem == "" || a.Name == "" {
		// Records on repositories alone have no package; that is as the
		// schema wants it, unless there are ranges that need one.
		if len(a.Ranges) > 0 || a.Unreadable > 0 || len(a.Ecosystem) != len(a.Name) {
			d.add("affected[%d]: no ecosystem or no name", i)
		}
		return Affected{}, false
	}
	if len(a.Ecosystem) > MaxName || len(a.Name) > MaxName {
		d.add("affected[%d]: ecosystem of %d and name of %d bytes", i, len(a.Ecosystem), len(a.Name))
		return Affected{}, false
	}
	for _, v := range raw.Versions {
		switch {
		case v == "":
			d.add("affected[%d].versions: an empty version", i)
		case len(v) > MaxVersion:
			d.add("affected[%d].versions: a version of %d bytes", i, len(v))
		default:
			a.Versions = append(a.Versions, v)
		}
	}
	if len(raw.Ranges) == 0 && len(a.Versions) == 0 {
		d.add("affected[%d]: neither ranges nor versions", i)
	}
	return a, true
}

// events converts the events of one range. An event that makes no sense spoils
// the range: without a bound, all that is left of it would mean another set of
// versions.
func (d *defects) events(where string, raw []jsonEvent) (Range, error) {
	var out Range
	introduced := false
	for k, e := range raw {
		n := len(out.Events)
		for _, x := range [...]struct {
			kind Kind
			v    *string
		}{{Introduced, e.Introduced}, {Fixed, e.Fixed}, {LastAffected, e.LastAffected}} {
			if x.v == nil {
				continue
			}
			if *x.v == "" || len(*x.v) > MaxVersion {
				return Range{}, fmt.Errorf("event %d: %q is no version", k, clip(*x.v))
			}
			out.Events = append(out.Events, Event{x.kind, *x.v})
			introduced = introduced || x.kind == Introduced
		}
		switch got := len(out.Events) - n; {
		case got == 0 && e.Limit == nil:
			return Range{}, fmt.Errorf("event %d says nothing", k)
		case got > 1:
			// Not allowed by the schema, but clear in what it means.
			d.add("%s: event %d says %d things", where, k, got)
		}
	}
	if !introduced {
		return Range{}, errors.New("no event says introduced")
	}
	return out, nil
}

// platforms reads what Go's database says of the packages of a module: some
// have a flaw on some systems or architectures only,
// https://go.dev/doc/security/vuln/database#schema. It returns nothing if one
// package has it everywhere, or if there is anything else than is expected.
func platforms(s jsonSpecific) []Platform {
	const most = 100
	var imports []struct {
		OS   []string `json:"goos"`
		Arch []string `json:"goarch"`
	}
	if len(s.Imports) == 0 || json.Unmarshal(s.Imports, &imports) != nil || len(imports) > most {
		return nil
	}
	var out []Platform
	for _, i := range imports {
		if len(i.OS) == 0 && len(i.Arch) == 0 || len(i.OS) > most || len(i.Arch) > most {
			return nil
		}
		p := Platform{i.OS, i.Arch}
		if !slices.ContainsFunc(out, func(q Platform) bool { return slices.Equal(p.OS, q.OS) && slices.Equal(p.Arch, q.Arch) }) {
			out = append(out, p)
		}
	}
	return out
}

// informational returns the first word for what is no flaw. What is no word of
// lower-case letters says nothing: the record is on a flaw then.
func informational(list ...jsonSpecific) string {
	const most = 32 // bytes
	for _, s := range list {
		var word string
		if json.Unmarshal(s.Informational, &word) == nil && word != "" && len(word) <= most &&
			strings.Trim(word, "abcdefghijklmnopqrstuvwxyz-") == "" {
			return word
		}
	}
	return ""
}

// ratings joins the schema's own field with the words elsewhere.
func ratings(list []Severity, more ...jsonSpecific) []Severity {
	var out []Severity
	add := func(s Severity) {
		if s.Type != "" && s.Score != "" && len(s.Type) <= MaxID && len(s.Score) <= MaxName {
			out = append(out, s)
		}
	}
	for _, s := range list {
		add(s)
	}
	for _, m := range more {
		for _, raw := range [...]json.RawMessage{m.Severity, m.Urgency} {
			var word string
			if len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, &word) == nil {
				add(Severity{Word, word})
			}
		}
	}
	return unique(out)
}

// unique removes zero values and repetitions, and keeps the order. It returns
// nil if nothing is left.
func unique[T comparable](in []T) []T {
	var zero T
	seen := make(map[T]bool, len(in))
	in = slices.DeleteFunc(in, func(v T) bool {
		drop := v == zero || seen[v]
		seen[v] = true
		return drop
	})
	if len(in) == 0 {
		return nil
	}
	return in
}

// clip shortens what is quoted in a message.
func clip(s string) string {
	const most = 80
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
