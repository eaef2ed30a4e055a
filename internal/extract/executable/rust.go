package executable

import (
	"bytes"
	"compress/zlib"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/internal/objfile"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// Limits of the list of crates. A crate takes some 100 bytes, and a third of
// that packed; large programs have a thousand.
const (
	maxRustPacked = 4 << 20
	maxRust       = 8 << 20
	maxCrates     = 50_000
	maxRustEdges  = 500_000
)

// rustSection returns the section with the list of crates.
func rustSection(m *objfile.Image) (objfile.Section, bool) {
	s, ok := m.Section(".dep-v0")
	return s, ok && s.Size > 0
}

// A crate is an element of the list,
// https://github.com/rust-secure-code/cargo-auditable/blob/master/cargo-auditable.schema.json.
type crate struct {
	Name         string `json:"name"`
	Version      string `json:"version"`
	Kind         string `json:"kind"`
	Dependencies []int  `json:"dependencies"`
}

// installed reports whether a crate is in the program: what was needed to build
// it only is not. One from a folder or a commit, as the program itself mostly
// is, counts by the version that it states.
func (c *crate) installed() bool { return c.Kind != "build" }

// rust takes the packages of a list of crates. It reports whether there is
// one that can be read.
func (x *reading) rust(packed []byte) bool {
	if len(packed) == 0 {
		return false
	}
	list, err := inflateCrates(packed)
	if err != nil {
		x.problems.Add("the list of crates in section .dep-v0: %v", err)
	}
	edges := 0
	for i := range list {
		c := &list[i]
		switch {
		case c.Name == "":
			x.problems.Add("crate %d has no name", i)
			continue
		case c.Version == "":
			x.problems.Add("package %q has no version", lines.Clip(c.Name))
			continue
		case !c.installed():
			x.facts.Ignored++
			continue
		}
		if edges += len(c.Dependencies); edges > maxRustEdges {
			x.problems.Add("there are more than %d dependencies of crates", maxRustEdges)
			c.Dependencies = nil
		}
		x.facts.Packages = append(x.facts.Packages, inventory.Package{
			Type: "cargo", Name: c.Name, Version: c.Version, Requires: x.crateRequires(list, c),
		})
	}
	return err == nil
}

// crateRequires names the dependencies of a crate.
func (x *reading) crateRequires(list []crate, c *crate) []string {
	var requires []string
	known := map[int]bool{}
	for _, i := range c.Dependencies {
		if i < 0 || i >= len(list) {
			x.problems.Add("package %q requires crate %d of %d", lines.Clip(c.Name), i, len(list))
			continue
		}
		if d := &list[i]; !known[i] && d.Name != "" && d.Version != "" && d.installed() {
			known[i] = true
			requires = append(requires, d.Name+"@"+d.Version)
		}
	}
	return requires
}

// inflateCrates reads the list: JSON in the zlib format. Of a damaged list it
// returns the crates before the damage, with the error.
func inflateCrates(packed []byte) ([]crate, error) {
	z, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	// A decoder that reads from the stream itself would look at a long run of
	// blanks again for each piece that comes.
	text, damage := io.ReadAll(io.LimitReader(z, maxRust+1))
	if len(text) > maxRust {
		text, damage = text[:maxRust], fmt.Errorf("more than %d bytes", maxRust)
	}
	list, err := decodeCrates(json.NewDecoder(bytes.NewReader(text)))
	if damage != nil {
		return list, damage
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return list, err
}

func decodeCrates(d *json.Decoder) ([]crate, error) {
	if err := expect(d, json.Delim('{')); err != nil {
		return nil, err
	}
	var list []crate
	var wrong error
	seen := false
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return list, err
		}
		if key != "packages" {
			var skip json.RawMessage
			if err := d.Decode(&skip); err != nil {
				return list, err
			}
			continue
		}
		seen = true
		if err := expect(d, json.Delim('[')); err != nil {
			return list, err
		}
		for d.More() {
			if len(list) == maxCrates {
				return list, fmt.Errorf("more than %d crates", maxCrates)
			}
			var c crate
			err := d.Decode(&c)
			if _, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
				wrong = err // but the next can be read
			} else if err != nil {
				return list, err
			}
			list = append(list, c)
		}
		if err := expect(d, json.Delim(']')); err != nil {
			return list, err
		}
	}
	if err := expect(d, json.Delim('}')); err != nil {
		return list, err
	}
	if !seen {
		return nil, errors.New("no packages")
	}
	return list, wrong
}

// expect reads one token.
func expect(d *json.Decoder, want json.Delim) error {
	got, err := d.Token()
	if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("byte %d: want %v, not %v", d.InputOffset(), want, lines.Clip(fmt.Sprint(got)))
	}
	return nil
}
