// Package executable reads what compiled programs and libraries record of
// themselves: [ELF], PE and Mach-O files. It is the one extractor that looks
// into them, so that a layer that comes as a stream is read once and no file
// has to be held in memory for a second one. Of interest are
//
//   - the build information of Go: the main module, its dependencies with their
//     replacements, the standard library with the version of the toolchain, and
//     the toolchain itself if the program is part of it, see package
//     [runtime/debug]; and of an installation of Go the file VERSION;
//   - the list of crates that [cargo-auditable] leaves in Rust programs;
//   - the note of the [package] that an ELF file belongs to;
//   - the CycloneDX document in native images of [GraalVM];
//   - the version that well-known software has compiled into it, see package
//     fingerprint.
//
// A file whose content can be read in any order is read where its headers
// point to. Of one that comes as a stream, a Go program is read forward and
// never held; an ELF or Mach-O file whose tables at the end are of interest is
// held up to a limit of 32 MiB, and what is larger is read forward and told of
// in a problem where it holds something that only its end leads to.
//
// The content is hostile: every place that a header names is checked, what is
// collected is limited, and text within the file is inflated and parsed within
// limits. Damage is a problem, beside whatever else the file tells.
//
// [ELF]: https://gabi.xinuos.com/elf/a-intro.html
// [cargo-auditable]: https://github.com/rust-secure-code/cargo-auditable/blob/master/PARSING.md
// [package]: https://systemd.io/ELF_PACKAGE_METADATA/
// [GraalVM]: https://www.graalvm.org/latest/security-guide/native-image/sbom/
package executable

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"

	"github.com/imagevet/imagevet/internal/extract/fingerprint"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/internal/objfile"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// maxHeld is how large a file may be that is held in memory because it comes
// as a stream and its tables are at its end: 32 MiB. The largest libraries of a
// distribution have some 20 MiB; LLVM and browsers have more.
const maxHeld = 32 << 20

// chunk is how much is read at a time. Larger pieces are no faster.
const chunk = 128 << 10

// Extractor reads compiled programs and libraries. The zero value is ready,
// and safe for use by many goroutines.
type Extractor struct{}

var _ inventory.Joiner = Extractor{}

// Name returns "executable".
func (Extractor) Name() string { return "executable" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 3 }

// Patterns returns executables, and the names of libraries, which need no
// execute bit to be loaded.
func (Extractor) Patterns() []inventory.Pattern {
	return append([]inventory.Pattern{
		{Glob: "**/*", Executable: true},
		{Glob: "**/*.so"},
		{Glob: "**/*.so.*"}, // libx.so.1.2.3
		{Glob: "**/*.dylib"},
		{Glob: "**/*.jnilib"},
		{Glob: "**/*.node"}, // add-ons of Node.js
		{Glob: "**/*.pyd"},  // and of Python on Windows
		{Glob: "**/*.exe"},
		{Glob: "**/*.dll"},
	}, fingerprint.Patterns()...)
}

// Extract returns the packages that f records. Of a file that is no program
// and no library it reads a few bytes and returns nothing.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	return extract(ctx, f, scanFor(f.Path()))
}

// extract is Extract, with a scan that sees the content too, or nil.
func extract(ctx context.Context, f *inventory.File, tap scan) (inventory.Facts, error) {
	if err := ctx.Err(); err != nil {
		return inventory.Facts{}, err
	}
	// Most executables that are none are scripts: a look at the least number
	// of bytes tells.
	head, err := f.Peek(4)
	if err != nil {
		return inventory.Facts{}, err
	}
	kind := objfile.Sniff(head)
	if kind == objfile.None && tap == nil {
		return inventory.Facts{}, nil
	}
	x := &reading{ctx: ctx, file: f, tap: tap}
	if err := x.read(kind); err != nil {
		return inventory.Facts{}, err
	}
	if tap != nil {
		found := tap.Packages()
		x.tapped(found)
		if path.Base(f.Path()) == "VERSION" && len(found) == 1 && found[0].Name == "go" {
			x.facts.Data = goFile{Root: true, Release: found[0].Version}.encode()
		}
		for _, problem := range tap.Problems() {
			x.problems.Add("%s", problem)
		}
	}
	x.facts.Problems = x.problems.List()
	return x.facts, nil
}

// tapped adds what a scan has found. A Go program that says what it is, is that
// and not a second package; the scan knows its CPEs.
func (x *reading) tapped(packages []inventory.Package) {
	for _, p := range packages {
		at := slices.IndexFunc(x.facts.Packages, func(g inventory.Package) bool {
			return g.Type == "golang" && g.Version == "v"+p.Version && (g.Name == p.Name || path.Base(g.Namespace) == p.Name)
		})
		if at < 0 {
			x.facts.Packages = append(x.facts.Packages, p)
			continue
		}
		x.facts.Packages[at].CPEs = p.CPEs
	}
}

// A reading is the state of reading one file.
type reading struct {
	ctx      context.Context
	file     *inventory.File
	tap      scan // nil if nothing else wants the content
	facts    inventory.Facts
	problems lines.Problems
}

func (x *reading) read(kind objfile.Kind) error {
	if kind == objfile.None {
		return x.forward(nil)
	}
	head, err := x.file.Peek(objfile.HeadSize)
	if err != nil {
		return err
	}
	switch objfile.Sniff(head) {
	case objfile.None: // a Java class
		return x.forward(nil)
	case objfile.Fat:
		return x.fat(head)
	}
	m, err := objfile.Parse(head, x.file.Size())
	switch {
	case err != nil && kind == objfile.PE:
		// "MZ" begins programs for DOS too, and texts.
		return x.forward(nil)
	case err != nil:
		x.problems.Add("%v", err)
		return x.forward(nil)
	case !m.Runnable:
		return x.forward(nil)
	}
	p := newProgram(m, head)
	if x.file.Seekable() || (p.hold && x.file.Size() <= maxHeld) {
		r, err := x.file.ReaderAt()
		if err != nil {
			return err
		}
		if err := x.random(p, r); err != nil {
			return err
		}
		return x.feed(r)
	}
	return x.forward(p)
}

// fat reads a file that holds programs for several processors.
func (x *reading) fat(head []byte) error {
	slices, err := objfile.Slices(head, x.file.Size())
	if err != nil {
		// A class of Java looks the same where it is damaged.
		x.problems.Add("%v", err)
		return x.forward(nil)
	}
	if !x.file.Seekable() && x.file.Size() > maxHeld {
		x.problems.Add("a program for %d processors has %d bytes: it is not looked into", len(slices), x.file.Size())
		return x.forward(nil)
	}
	r, err := x.file.ReaderAt()
	if err != nil {
		return err
	}
	for i, s := range slices {
		part := io.NewSectionReader(r, s.Offset, s.Size)
		head := make([]byte, min(objfile.HeadSize, s.Size))
		if _, err := part.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		m, err := objfile.Parse(head, s.Size)
		if err != nil {
			x.problems.Add("part %d: %v", i, err)
			continue
		}
		before := x.facts.Packages
		x.facts.Packages = nil
		if err := x.random(newProgram(m, head), part); err != nil {
			return err
		}
		x.facts.Packages = appendNew(before, x.facts.Packages)
	}
	return x.feed(r)
}

// appendNew appends those packages that are not in the list yet: programs for
// several processors are made of the same.
func appendNew(list, more []inventory.Package) []inventory.Package {
	known := map[[4]string]bool{}
	key := func(p *inventory.Package) [4]string { return [4]string{p.Type, p.Namespace, p.Name, p.Version} }
	for i := range list {
		known[key(&list[i])] = true
	}
	for i := range more {
		if !known[key(&more[i])] {
			list = append(list, more[i])
		}
	}
	return list
}

// A program is a file whose headers have been read.
type program struct {
	image *objfile.Image
	isGo  bool // the headers tell
	// hold is true if what is of interest is found by tables at the end.
	hold   bool
	packed bool
	notes  [][]byte        // those that were in the head
	later  []objfile.Range // and those that were not
}

func newProgram(m *objfile.Image, head []byte) *program {
	p := &program{image: m, packed: isPacked(head)}
	for _, n := range m.Notes {
		if n.End() <= int64(len(head)) {
			// The head is valid for a short time.
			p.notes = append(p.notes, append([]byte(nil), head[n.Offset:n.End()]...))
		} else {
			p.later = append(p.later, n)
		}
	}
	for _, n := range p.notes {
		p.isGo = p.isGo || hasGoNote(n, m.Order)
	}
	for _, name := range []string{"__go_buildinfo", "__gopclntab", "__gosymtab"} {
		_, ok := m.Section(name)
		p.isGo = p.isGo || ok && m.Kind == objfile.MachO
	}
	p.hold = !p.isGo && m.Kind != objfile.PE
	return p
}

// isPacked reports whether UPX has made the program unreadable: it leaves its
// mark behind the headers. https://github.com/upx/upx/blob/devel/src/conf.h
func isPacked(head []byte) bool {
	const within = 2048 // Windows programs have a longer header
	return containsText(head[:min(len(head), within)], "UPX!")
}

// random reads a program whose content can be read in any order.
func (x *reading) random(p *program, r io.ReaderAt) error {
	for _, part := range p.later {
		n, err := x.part(r, part, "a note", maxNote)
		if err != nil {
			return err
		}
		p.notes = append(p.notes, n)
	}
	found := x.notes(p)

	info, err := findGo(x.ctx, r, p.image)
	if err != nil {
		return err
	}
	if x.goInfo(p, info) {
		x.end(p, true)
		return nil
	}

	// Go's linker writes neither of what follows, and a stream would not show
	// it: a Go program is not held.
	if !p.isGo {
		if err := p.image.ReadSections(r); err != nil {
			return err
		}
	}
	if s, ok := rustSection(p.image); ok {
		data, err := x.part(r, s.Range, "section .dep-v0", maxRustPacked)
		if err != nil {
			return err
		}
		found = x.rust(data) || found
	}
	if !p.isGo {
		graal, err := x.graal(p.image, r)
		if err != nil {
			return err
		}
		found = found || graal
	}
	x.end(p, found)
	return nil
}

// part reads a part of a file that is not to be larger than most bytes.
func (x *reading) part(r io.ReaderAt, part objfile.Range, what string, most int64) ([]byte, error) {
	data, err := objfile.Read(r, part, most)
	if errors.Is(err, objfile.ErrFormat) {
		x.problems.Add("%s: %v", what, err)
		return nil, nil
	}
	return data, err
}

// end tells of what may hide packages, once all is read.
func (x *reading) end(p *program, found bool) {
	for _, problem := range p.image.Problems {
		x.problems.Add("%s", problem)
	}
	switch {
	case found:
	case p.packed:
		x.problems.Add("the program is packed with UPX: what it is made of cannot be read")
	case p.isGo:
		x.problems.Add("the Go program has no build information that can be read: what it is made of is not known")
	}
}

// feed hands the content to the scan that wants it.
func (x *reading) feed(r io.ReaderAt) error {
	if x.tap == nil {
		return nil
	}
	buf := make([]byte, chunk)
	for at := int64(0); !x.tap.Done(); at += int64(len(buf)) {
		if err := x.ctx.Err(); err != nil {
			return err
		}
		n, err := r.ReadAt(buf, at)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if err := x.tee(buf[:n]); err != nil {
			return err
		}
		if n < len(buf) {
			return nil
		}
	}
	return nil
}

// tee hands a piece of the content to the scan that wants it.
func (x *reading) tee(b []byte) error {
	if x.tap == nil || len(b) == 0 || x.tap.Done() {
		return nil
	}
	if _, err := x.tap.Write(b); err != nil {
		return fmt.Errorf("scan: %w", err)
	}
	return nil
}
