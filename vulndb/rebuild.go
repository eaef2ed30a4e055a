package vulndb

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
)

// A carry says which ecosystems are built; the others stay as they are. A nil
// one builds all, and keeps nothing.
type carry struct {
	bases []string
	built []manifestFile // what over found new
}

// builds reports whether an ecosystem is built.
func (c *carry) builds(base string) bool {
	return c == nil || slices.Contains(c.bases, base)
}

// over adds the files of the other ecosystems in the current database to a new
// manifest, and an empty name to temps for each. It runs under the folder's
// lock.
func (c *carry) over(dir string, m *manifest, temps []string) ([]string, error) {
	if c == nil {
		return temps, nil
	}
	c.built = slices.Clone(m.Files)
	old, err := readManifest(dir)
	switch {
	case err == nil:
	case errors.Is(err, ErrNotFound), errors.Is(err, ErrEmpty):
		old = &manifest{}
	default:
		older, ok := olderManifest(dir)
		if !ok {
			return temps, err // for publish to remove
		}
		// Its files are of no use, and nothing of it may be lost.
		for _, f := range older.Files {
			if !c.builds(f.Ecosystem) {
				return temps, fmt.Errorf("%w: it has %q as well, which is to be made again too", err, f.Ecosystem)
			}
		}
		old = &manifest{}
	}
	type row struct {
		file manifestFile
		temp string
	}
	var rows []row
	for i, f := range m.Files {
		rows = append(rows, row{f, temps[i]})
	}
	for _, f := range old.Files {
		if !c.builds(f.Ecosystem) {
			rows = append(rows, row{file: f})
		}
	}
	slices.SortFunc(rows, func(a, b row) int { return cmp.Compare(a.file.Ecosystem, b.file.Ecosystem) })
	m.Files, temps = nil, nil
	for _, r := range rows {
		m.Files = append(m.Files, r.file)
		temps = append(temps, r.temp)
	}
	m.ID = contentID(m.Files)
	return temps, nil
}

// rebuild builds the named ecosystems of a database folder from sources, and
// leaves the others as they are. What the sources say about others is not
// used. It returns the entries of what it built.
//
// It is safe to rebuild different ecosystems of one folder at the same time.
func rebuild(ctx context.Context, dir string, sources []Source, bases []string, cfg buildConfig) (BuildReport, []manifestFile, error) {
	cfg.carry = &carry{bases: bases}
	report, err := build(ctx, dir, sources, cfg, func(report *BuildReport, files []*fileBuilder) error {
		for _, base := range bases {
			if !slices.ContainsFunc(files, func(f *fileBuilder) bool { return f.base == base && len(f.records) > 0 }) {
				return fmt.Errorf("%w for %q%s", ErrNoRecords, base, report.excuse())
			}
		}
		return nil
	})
	return report, cfg.carry.built, err
}
