package gomod

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"golang.org/x/mod/semver"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// readSum reads go.sum. What it lists are packages only where Join finds them
// to be.
func readSum(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	facts := inventory.Facts{Declared: true}
	var problems lines.Problems
	var data bytes.Buffer
	n, kept := 0, 0
	err := lines.Each(ctx, f, maxSum, func(line []byte) error {
		n++
		fields := bytes.Fields(line)
		switch {
		case len(fields) == 0:
			return nil
		case len(fields) != 3 || len(fields[0])+len(fields[1]) > maxName || !semver.IsValid(string(bytes.TrimSuffix(fields[1], []byte("/go.mod")))):
			problems.Add("line %d is no checksum of a module: %q", n, lines.Clip(line))
			return nil
		}
		facts.Ignored++
		if bytes.HasSuffix(fields[1], []byte("/go.mod")) {
			return nil // of go.mod alone, which all versions that were looked at have
		}
		if kept++; kept > maxModules {
			return fmt.Errorf("more than %d modules: %w", maxModules, inventory.ErrTooLarge)
		}
		fmt.Fprintf(&data, "%d %s %s\n", n, fields[0], fields[1])
		return nil
	})
	if err != nil {
		return inventory.Facts{}, err
	}
	facts.Data = data.Bytes()
	facts.Problems = problems.List()
	return facts, nil
}

// vendored is the Data of vendor/modules.txt: that it exists is enough.
const vendored = "vendored"

// readVendor reads vendor/modules.txt, whose lines are
//
//	# golang.org/x/text v0.3.0
//	## explicit; go 1.17
//	golang.org/x/text/language
//	# example.com/a v1.0.0 => example.com/b v1.1.0
//	# example.com/c => ./c
//
// The last one, without a version, tells of a replacement in go.mod and not of
// a module.
func readVendor(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	facts := inventory.Facts{Declared: true, Data: []byte(vendored)}
	var problems lines.Problems
	n, last := 0, -1
	err := lines.Each(ctx, f, maxVendor, func(raw []byte) error {
		n++
		line := string(bytes.TrimRight(raw, " \t\r"))
		if mark, ok := strings.CutPrefix(line, "## "); ok {
			for word := range strings.SplitSeq(mark, ";") {
				if strings.TrimSpace(word) == "explicit" && last >= 0 {
					facts.Packages[last].Relation = inventory.RelationUnknown
				}
			}
			return nil
		}
		text, ok := strings.CutPrefix(line, "# ")
		if !ok {
			return nil // a package
		}
		last = -1
		old, by, replaced := strings.Cut(text, " => ")
		fields := strings.Fields(old)
		switch {
		case len(fields) == 1 && replaced:
			facts.Ignored++
			return nil
		case len(fields) != 2 || !semver.IsValid(fields[1]):
			problems.Add("line %d is no module: %q", n, lines.Clip(line))
			return nil
		}
		if replaced {
			if fields = strings.Fields(by); len(fields) != 2 || !semver.IsValid(fields[1]) {
				facts.Ignored++ // a folder
				return nil
			}
		}
		if !usable(fields[0], fields[1], n, &problems) {
			return nil
		}
		if len(facts.Packages) == maxModules {
			return fmt.Errorf("more than %d modules: %w", maxModules, inventory.ErrTooLarge)
		}
		last = len(facts.Packages)
		facts.Packages = append(facts.Packages, module(fields[0], fields[1], inventory.Transitive, n))
		return nil
	})
	if err != nil {
		return inventory.Facts{}, err
	}
	facts.Problems = problems.List()
	return facts, nil
}
