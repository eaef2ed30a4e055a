package gomod

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path"
	"strconv"
	"strings"

	"golang.org/x/mod/semver"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// Join returns, by the path of go.sum, the modules that only go.sum tells of
// where the go.mod beside it is from before Go 1.17.
func (Extractor) Join(ctx context.Context, files map[string][]byte) (map[string]inventory.Facts, error) {
	joined := make(map[string]inventory.Facts)
	for name, data := range files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if path.Base(name) != "go.mod" {
			continue
		}
		folder := path.Dir(name)
		if _, ok := files[path.Join(folder, "vendor/modules.txt")]; ok {
			continue
		}
		sumPath := path.Join(folder, "go.sum")
		sum, ok := files[sumPath]
		if !ok {
			continue
		}
		var d modData
		if err := json.Unmarshal(data, &d); err != nil {
			return nil, fmt.Errorf("data of %q: %w", name, err)
		}
		facts, err := fromSum(ctx, d, sum)
		if err != nil {
			return nil, err
		}
		if len(facts.Packages) > 0 {
			joined[sumPath] = facts
		}
	}
	return joined, nil
}

// fromSum returns the modules of go.sum that go.mod does not tell of.
func fromSum(ctx context.Context, d modData, sum []byte) (inventory.Facts, error) {
	known, excluded := make(map[string]bool), make(map[string]bool)
	for _, name := range d.Known {
		known[name] = true
	}
	for _, version := range d.Excluded {
		excluded[version] = true
	}
	type entry struct {
		name, version string
		line          int
	}
	var entries []entry
	at := make(map[string]int)
	n := 0
	for line := range bytes.Lines(sum) {
		if n++; n%1024 == 0 && ctx.Err() != nil {
			return inventory.Facts{}, ctx.Err()
		}
		fields := strings.Fields(string(line))
		if len(fields) != 3 || known[fields[1]] || excluded[fields[1]+"@"+fields[2]] {
			continue
		}
		number, _ := strconv.Atoi(fields[0])
		e := entry{fields[1], fields[2], number}
		i, again := at[e.name]
		switch {
		case !again:
			at[e.name] = len(entries)
			entries = append(entries, e)
		case semver.Compare(entries[i].version, e.version) < 0:
			entries[i] = e
		}
	}
	facts := inventory.Facts{Declared: true}
	for _, e := range entries {
		facts.Packages = append(facts.Packages, module(e.name, e.version, inventory.Transitive, e.line))
	}
	return facts, nil
}
