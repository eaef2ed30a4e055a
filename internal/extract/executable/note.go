package executable

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// Limits of notes: a part of a file with notes has below 200 bytes, and up to
// a few KiB where a compiler describes a processor's features.
const (
	maxNote      = 64 << 10
	maxNotes     = 1024
	maxNoteField = 1024
)

// Types of notes.
const (
	noteGoBuildID = 4          // owner "Go": cmd/internal/buildid
	notePackage   = 0xcafe1a7e // owner "FDO"
)

// eachNote calls visit for every note of a part of an ELF file. Padding is to
// multiples of four bytes, whatever the alignment of the segment says, except
// in notes of GNU properties, which are aligned to eight and lie in a segment
// of their own.
func eachNote(data []byte, order binary.ByteOrder, visit func(owner string, kind uint32, content []byte)) {
	pad := func(n uint32) uint64 { return (uint64(n) + 3) &^ 3 }
	for range maxNotes {
		if len(data) < 12 {
			return
		}
		owner, size, kind := order.Uint32(data), order.Uint32(data[4:]), order.Uint32(data[8:])
		data = data[12:]
		if pad(owner) > uint64(len(data)) || uint64(size) > uint64(len(data))-pad(owner) {
			return
		}
		content := data[pad(owner):][:size]
		visit(string(bytes.TrimRight(data[:owner], "\x00")), kind, content)
		data = data[min(pad(owner)+pad(size), uint64(len(data))):]
	}
}

// hasGoNote reports whether there is the note that Go's linker writes into
// every program.
func hasGoNote(data []byte, order binary.ByteOrder) bool {
	found := false
	eachNote(data, order, func(owner string, kind uint32, _ []byte) {
		found = found || owner == "Go" && kind == noteGoBuildID
	})
	return found
}

// notes takes the packages that the notes of a program name. It reports
// whether there is one.
func (x *reading) notes(p *program) bool {
	found := false
	for _, data := range p.notes {
		eachNote(data, p.image.Order, func(owner string, kind uint32, content []byte) {
			if owner != "FDO" || kind != notePackage {
				return
			}
			found = true
			x.packageNote(content)
		})
	}
	return found
}

// packageNote takes the package that a note names. Its name and version are
// those of the source package: https://systemd.io/ELF_PACKAGE_METADATA/, "Well-known keys".
func (x *reading) packageNote(content []byte) {
	content, _, _ = bytes.Cut(content, []byte{0})
	var note struct {
		Type         string `json:"type"`
		OS           string `json:"os"`
		OSVersion    string `json:"osVersion"`
		Name         string `json:"name"`
		Version      string `json:"version"`
		Architecture string `json:"architecture"`
	}
	if err := json.Unmarshal(content, &note); err != nil {
		x.problems.Add("the note of the package %q: %v", lines.Clip(content), err)
		return
	}
	for _, field := range []string{note.Type, note.OS, note.OSVersion, note.Name, note.Version, note.Architecture} {
		if len(field) > maxNoteField {
			x.problems.Add("the note of package %q has a field of %d bytes", lines.Clip(note.Name), len(field))
			return
		}
	}
	switch {
	case note.Name == "":
		x.problems.Add("the note of a package has no name: %q", lines.Clip(content))
		return
	case note.Version == "":
		x.problems.Add("package %q has no version", lines.Clip(note.Name))
		return
	}
	kind, ok := noteType(note.Type)
	if !ok {
		x.facts.Ignored++ // a kind of package that has no package URL
		return
	}
	pkg := inventory.Package{
		Type:      kind,
		Namespace: strings.ToLower(note.OS),
		Name:      note.Name,
		Version:   note.Version,
		Arch:      note.Architecture,
		Source:    inventory.Source{Name: note.Name, Version: note.Version},
	}
	if note.OS != "" && note.OSVersion != "" {
		pkg.Qualifiers = map[string]string{"distro": pkg.Namespace + "-" + note.OSVersion}
	}
	x.facts.Packages = append(x.facts.Packages, pkg)
}

// noteType returns the type of the package URL.
func noteType(kind string) (string, bool) {
	switch kind {
	case "rpm", "deb", "apk", "alpm":
		return kind, true
	case "pacman":
		return "alpm", true
	}
	return "", false
}
