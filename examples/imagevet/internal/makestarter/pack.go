package main

import (
	"archive/zip"
	"bytes"
	"cmp"
	"compress/flate"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// maxRecord bounds one record in bytes. The largest is below 100 KiB.
const maxRecord = 1 << 20

// sources are the folders to take: what the library can match packages with.
func sources() []string { return []string{"Alpine", "Debian", "Debian-changelog"} }

// A record is an OSV record with the fields that matching and evidence need.
// Fields that stay as they are need not be understood. Those of the type
// dropped are left out; any other field is an error, so that nothing is lost
// that nobody thought of.
//
// https://ossf.github.io/osv-schema/
type record struct {
	SchemaVersion dropped         `json:"schema_version,omitzero"`
	References    dropped         `json:"references,omitzero"`
	ID            string          `json:"id"`
	Modified      time.Time       `json:"modified"`
	Published     json.RawMessage `json:"published,omitempty"`
	Withdrawn     json.RawMessage `json:"withdrawn,omitempty"`
	Aliases       []string        `json:"aliases,omitempty"`
	Upstream      []string        `json:"upstream,omitempty"`
	Related       []string        `json:"related,omitempty"`
	Summary       string          `json:"summary,omitempty"`
	Severity      json.RawMessage `json:"severity,omitempty"`
	Affected      []affected      `json:"affected"`
}

type affected struct {
	Package struct {
		Ecosystem string  `json:"ecosystem"`
		Name      string  `json:"name"`
		PURL      dropped `json:"purl,omitzero"`
	} `json:"package"`
	Ranges   json.RawMessage `json:"ranges,omitempty"`
	Versions json.RawMessage `json:"versions,omitempty"`
	Severity json.RawMessage `json:"severity,omitempty"`
}

// dropped is read from any value and, being zero, never written.
type dropped struct{}

func (*dropped) UnmarshalJSON([]byte) error { return nil }

// pack writes one member for each source. A member with all records of a
// source, one a line, takes a fifteenth of the room of a member for each.
func pack(ctx context.Context, w io.Writer, dir string, sources []string) error {
	z := zip.NewWriter(w)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(w, flate.BestCompression)
	})
	for _, name := range sources {
		records, err := read(ctx, filepath.Join(dir, name, "all.zip"))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := write(z, name+".jsonl", records); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return z.Close()
}

// read reads the records of an archive, sorted so that similar ones are close
// to each other: by the first package, then by ID.
func read(ctx context.Context, file string) ([]record, error) {
	z, err := zip.OpenReader(file)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	var records []record
	for _, m := range z.File {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if path.Ext(m.Name) != ".json" {
			continue
		}
		r, err := readRecord(m)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.Name, err)
		}
		records = append(records, r)
	}
	if len(records) == 0 {
		return nil, errors.New("no records")
	}
	slices.SortFunc(records, func(a, b record) int {
		return cmp.Or(strings.Compare(a.key(), b.key()), strings.Compare(a.ID, b.ID))
	})
	return records, nil
}

func (r *record) key() string {
	if len(r.Affected) == 0 {
		return ""
	}
	return r.Affected[0].Package.Name
}

func readRecord(m *zip.File) (record, error) {
	in, err := m.Open()
	if err != nil {
		return record{}, err
	}
	defer in.Close()
	data, err := io.ReadAll(io.LimitReader(in, maxRecord+1))
	if err != nil {
		return record{}, err
	}
	if len(data) > maxRecord {
		return record{}, fmt.Errorf("more than %d bytes", maxRecord)
	}
	var r record
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&r); err != nil {
		return record{}, err
	}
	if r.ID == "" || r.Modified.IsZero() {
		return record{}, errors.New("no id or no modified")
	}
	return r, nil
}

// write writes the records of a source. The member has the date of the newest
// record, which tells how old the data is.
func write(z *zip.Writer, name string, records []record) error {
	newest := records[0].Modified
	for i := range records {
		if records[i].Modified.After(newest) {
			newest = records[i].Modified
		}
	}
	w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: newest.UTC()})
	if err != nil {
		return err
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for i := range records {
		if err := enc.Encode(&records[i]); err != nil {
			return err
		}
	}
	return nil
}
