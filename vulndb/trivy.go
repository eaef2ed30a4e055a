package vulndb

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/imagevet/imagevet/internal/advisory"
	"github.com/imagevet/imagevet/internal/bolt"
	"github.com/imagevet/imagevet/internal/trivydb"
)

// isTrivy reports whether a file can be a database of Trivy.
func isTrivy(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	head := make([]byte, bolt.HeadSize)
	n, err := io.ReadFull(f, head)
	if err != nil && err != io.ErrUnexpectedEOF && err != io.EOF {
		return false, err
	}
	return bolt.IsFile(head[:n]), nil
}

// A trivyKey is a flaw in one distribution.
type trivyKey struct {
	base, id string
}

// trivyCase is what is said of one package.
type trivyCase struct {
	ecosystem, name string
	source          string
	arches          string // with " " between them
	fixed, severity string
	status          advisory.Status
}

// readTrivy reads a database of Trivy. One that is damaged is an error: it is
// one file for all distributions, so that nobody could say what is missing.
func (b *builder) readTrivy(ctx context.Context, path string, seq int64) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if err := b.cfg.limits.spend(info.Size()); err != nil {
		return err
	}
	db, err := trivydb.Open(file, info.Size())
	if err != nil {
		return err
	}
	cases := map[trivyKey][]trivyCase{}
	wanted := map[string]bool{}
	report, err := db.Statements(func(s trivydb.Statement) error {
		base, _ := splitEcosystem(s.Ecosystem)
		key := trivyKey{base, s.ID}
		c := trivyCase{s.Ecosystem, s.Package, s.Source, strings.Join(s.Arches, " "), s.Fixed, s.Severity, s.Status}
		cases[key] = append(cases[key], c)
		wanted[s.ID] = true
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	texts := map[string]*trivydb.Text{}
	err = db.Texts(func(id string) bool { return wanted[id] }, func(id string, t *trivydb.Text, defect string) error {
		texts[id] = t
		if defect != "" {
			b.addBad(path+": "+bucketOf(id), "", []string{defect}, seq)
		}
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	for _, x := range report.Bad {
		b.addBad(path+": "+x.Entry, "", x.Reasons, seq)
	}
	for key, list := range cases {
		if err := b.add(compile(trivyRecord(key, list, texts[key.id]), nil, path, seq)); err != nil {
			return err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.secdb.never += report.NotAffected
	for _, name := range report.Buckets {
		b.skips = append(b.skips, skip{path + ": " + name, seq})
	}
	return nil
}

func bucketOf(id string) string { return fmt.Sprintf("vulnerability %.80s", id) }

// trivyRecord makes a record of what is said of a flaw in a distribution.
func trivyRecord(key trivyKey, list []trivyCase, t *trivydb.Text) *advisory.Record {
	prefix, _, _ := strings.Cut(key.base, " ")
	if key.base == "Red Hat" {
		prefix = "REDHAT"
	}
	rec := &advisory.Record{ID: strings.ToUpper(prefix) + "-TRIVY-" + key.id}
	if _, ok := cveOf(key.id); ok {
		rec.Upstream = []string{key.id}
	} else {
		rec.Aliases = []string{key.id}
	}
	if t != nil {
		rec.Summary, rec.Details, rec.References, rec.CWEs = t.Title, t.Description, t.References, t.CWEs
		rec.Published, rec.Modified = t.Published, t.Modified
	}
	slices.SortFunc(list, func(x, y trivyCase) int {
		return cmp.Or(cmp.Compare(x.ecosystem, y.ecosystem), cmp.Compare(x.name, y.name), cmp.Compare(x.arches, y.arches), cmp.Compare(x.fixed, y.fixed), cmp.Compare(x.severity, y.severity), cmp.Compare(x.status, y.status))
	})
	for _, c := range slices.Compact(list) {
		// Of several versions for one architecture and minor release the
		// highest counts, as each has a range of its own.
		events := []advisory.Event{{Kind: advisory.Introduced, Version: "0"}}
		if c.fixed != "" {
			events = append(events, advisory.Event{Kind: advisory.Fixed, Version: c.fixed})
		}
		a := advisory.Affected{
			Ecosystem: c.ecosystem, Name: c.name, Arches: strings.Fields(c.arches), Ranges: []advisory.Range{{Events: events}}, Status: c.status,
		}
		word := c.severity
		if word == "" && t != nil {
			word = t.Severities[c.source]
		}
		if word != "" {
			a.Severity = []Severity{{Type: SeverityWord, Score: word}}
		}
		rec.Affected = append(rec.Affected, a)
	}
	return rec
}
