package python

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// The directory of an egg with ten thousand files is below 2 MiB. An archive
// of eggs has a few.
const (
	maxDirectory = 4 << 20
	maxEggs      = 1000
	// maxMembers bounds what is read of all members of an egg together.
	maxMembers = 64 << 20
)

// extractEgg returns the distributions in a zip archive. It is one, unless the
// archive has folders that are eggs.
func extractEgg(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	holder := path.Base(f.Path())
	if isLeftover(holder) {
		return inventory.Facts{Ignored: 1}, nil
	}
	head, err := f.Peek(1)
	if err != nil {
		return inventory.Facts{}, err
	}
	// Sources of CHICKEN Scheme have files *.egg too, of S-expressions.
	if len(head) > 0 && (head[0] == '(' || head[0] == ';') {
		return inventory.Facts{Ignored: 1}, nil
	}
	content, err := f.ReaderAt()
	if err != nil {
		return inventory.Facts{}, err
	}
	limited := &limitedReaderAt{r: content, left: maxDirectory}
	archive, err := zip.NewReader(limited, f.Size())
	// It says so of names that are not local, which are only compared here.
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		if limited.left < 0 {
			err = fmt.Errorf("directory of more than %d bytes: %w", maxDirectory, inventory.ErrTooLarge)
		}
		return inventory.Facts{}, err
	}
	limited.left = maxMembers
	e := egg{file: f.Path(), members: make(map[string]*zip.File)}
	for _, member := range archive.File {
		if _, ok := e.members[member.Name]; !ok {
			e.members[member.Name] = member
		}
	}
	for _, member := range archive.File {
		folder, ok := eggFolder(member.Name)
		if !ok || e.members[member.Name] != member {
			continue
		}
		if len(e.facts.Packages) == maxEggs {
			return inventory.Facts{}, fmt.Errorf("more than %d eggs: %w", maxEggs, inventory.ErrTooLarge)
		}
		e.found = true
		if err := e.read(ctx, member, folder); err != nil {
			return inventory.Facts{}, err
		}
	}
	if !e.found {
		e.problems.Add("%q has no EGG-INFO/PKG-INFO", lines.Clip(holder))
		add(&e.facts, &e.problems, metadata{}, holder, f.Path())
	}
	e.facts.Problems = e.problems.List()
	return e.facts, nil
}

// eggFolder returns the folder with a member's metadata, with its slash, if it
// is the one with PKG-INFO.
func eggFolder(member string) (string, bool) {
	folder, ok := strings.CutSuffix(member, "PKG-INFO")
	if !ok || folder != "EGG-INFO/" && !strings.HasSuffix(folder, ".egg/EGG-INFO/") {
		return "", false
	}
	return folder, true
}

// An egg is an archive that is being read.
type egg struct {
	file     string // its path
	members  map[string]*zip.File
	found    bool // it has metadata
	facts    inventory.Facts
	problems lines.Problems
}

// read takes the distribution whose metadata are in a member. What is damaged
// there does not hide others; the name of the archive may say enough.
func (e *egg) read(ctx context.Context, member *zip.File, folder string) error {
	within := path.Join(e.file, member.Name)
	m, err := e.metadata(ctx, member)
	if err != nil {
		if fatal(ctx, err) {
			return err
		}
		e.problems.Add("%q cannot be read: %v", lines.Clip(member.Name), err)
	}
	if r := e.members[folder+"requires.txt"]; r != nil && len(m.requires) == 0 {
		m.requires, err = e.requires(ctx, r)
		if err != nil {
			if fatal(ctx, err) {
				return err
			}
			e.problems.Add("%q cannot be read: %v", lines.Clip(r.Name), err)
		}
	}
	before := len(e.facts.Packages)
	add(&e.facts, &e.problems, m, holderOf(within), within)
	for i := range e.facts.Packages[before:] {
		e.facts.Packages[before+i].Within = member.Name
	}
	return nil
}

// fatal reports whether an error is more than damage of one member.
func fatal(ctx context.Context, err error) bool {
	return errors.Is(err, inventory.ErrTooLarge) || ctx.Err() != nil
}

func (e *egg) metadata(ctx context.Context, member *zip.File) (metadata, error) {
	r, err := member.Open()
	if err != nil {
		return metadata{}, err
	}
	defer r.Close()
	return readMetadata(ctx, r)
}

// requires reads a requires.txt: a requirement a line, and sections for those
// that hold under a condition, "[extra]", "[:marker]" or "[extra:marker]".
// https://setuptools.pypa.io/en/latest/deprecated/python_eggs.html#requires-txt
func (e *egg) requires(ctx context.Context, member *zip.File) ([]string, error) {
	r, err := member.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var list []string
	var extra bool
	var marker string
	err = lines.Each(ctx, r, maxMetadata, func(raw []byte) error {
		line := clean(raw)
		if line == "" || line[0] == '#' {
			return nil
		}
		if section, ok := strings.CutPrefix(line, "["); ok {
			name, condition, _ := strings.Cut(strings.TrimSuffix(section, "]"), ":")
			extra, marker = name != "", condition
			return nil
		}
		if extra {
			return nil
		}
		if len(list) == maxRequires {
			return fmt.Errorf("more than %d requirements: %w", maxRequires, inventory.ErrTooLarge)
		}
		if marker != "" {
			line += " ; " + marker
		}
		list = append(list, line)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// A limitedReaderAt fails once more than left bytes were read. What a zip
// archive makes its reader keep is proportional to what is read of it.
type limitedReaderAt struct {
	r    io.ReaderAt
	left int64
}

func (l *limitedReaderAt) ReadAt(p []byte, off int64) (int, error) {
	// The place of a member may be stated before the beginning.
	if off < 0 {
		return 0, zip.ErrFormat
	}
	if l.left -= int64(len(p)); l.left < 0 {
		return 0, fmt.Errorf("archive: %w", inventory.ErrTooLarge)
	}
	return l.r.ReadAt(p, off)
}
