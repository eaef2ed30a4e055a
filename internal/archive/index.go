package archive

import (
	"context"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/imagevet/imagevet/internal/tarwalk"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const (
	// maxMembers is how many members an archive may have. "docker save" of
	// version 24 and before wrote four for each layer.
	maxMembers = 1 << 16

	// maxNames bounds the bytes of all names and links together, as a single
	// one can have a megabyte.
	maxNames = 8 << 20

	// maxLinks is how many links may lead from one to the next.
	maxLinks = 8

	// Of an archive that is compressed or a stream the small JSON files are kept, so that reading
	// a manifest does not inflate everything again: files up to maxKept bytes
	// until they have maxKeptTotal bytes together. Files beyond are read from
	// the archive, so these are no limits of what is understood.
	maxKept      = 256 << 10
	maxKeptTotal = 4 << 20
)

// A member is a regular file or a link of an archive.
type member struct {
	number       int   // counts from 0, in stored order
	offset, size int64 // offset is of use in a plain archive only
	link         string
	isLink       bool
	data         []byte // the content, if it was kept
}

// index fills t.members.
func (t *Tar) index(ctx context.Context) error {
	c, err := t.cursor(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	t.members = make(map[string]member)
	names, kept := 0, 0
	for {
		number := c.n
		e, err := c.next(ctx)
		if err == io.EOF && number == 0 {
			return fmt.Errorf("%w: it has no members", ErrNotTar)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if number == maxMembers {
			return fmt.Errorf("archive of more than %d members: %w", maxMembers, inventory.ErrTooLarge)
		}
		if names += len(e.Path) + len(e.Link); names > maxNames {
			return fmt.Errorf("names of more than %d bytes together: %w", maxNames, inventory.ErrTooLarge)
		}
		name, ok := clean(string(e.Path))
		if !ok {
			continue
		}
		m := member{number: number, size: e.Size}
		switch e.Kind {
		case tarwalk.Regular:
			if err := t.content(c, e, &m, maxKeptTotal-kept); err != nil {
				return err
			}
			kept += len(m.data)
		case tarwalk.Symlink:
			link := string(e.Link)
			m.link, m.isLink = path.Join(path.Dir(name), link), true
			if path.IsAbs(link) {
				m.link = link
			}
		case tarwalk.HardLink:
			m.link, m.isLink = string(e.Link), true
		default:
			continue
		}
		t.members[name] = m
	}
}

// content notes where the content of the member is that c has just come to,
// and reads it if it is to be kept and has at most budget bytes.
func (t *Tar) content(c *cursor, e *tarwalk.Entry, m *member, budget int) error {
	if e.Sparse {
		// No tool that saves images writes them.
		return fmt.Errorf("member %q: %w", c.last, tarwalk.ErrSparse)
	}
	if !t.Sequential() {
		section, ok := c.tr.Section()
		if !ok {
			return fmt.Errorf("in member %q: %w", c.last, io.ErrUnexpectedEOF)
		}
		_, m.offset, _ = section.Outer()
		return nil
	}
	if m.size < 2 || m.size > maxKept || m.size > int64(budget) {
		return nil
	}
	buf := make([]byte, 1, m.size)
	if _, err := io.ReadFull(c.tr, buf); err != nil {
		return fmt.Errorf("in member %q: %w", c.last, err)
	}
	if !strings.ContainsAny(string(buf), "{[ \t\r\n") {
		return nil
	}
	buf = buf[:m.size]
	if _, err := io.ReadFull(c.tr, buf[1:]); err != nil {
		return fmt.Errorf("in member %q: %w", c.last, err)
	}
	m.data = buf
	return nil
}

// find follows links from name to a regular file.
func (t *Tar) find(name string) (string, member, error) {
	key := name
	for range maxLinks + 1 {
		cleaned, ok := clean(key)
		if !ok {
			return "", member{}, notExist(name)
		}
		m, ok := t.members[cleaned]
		if !ok {
			return "", member{}, notExist(name)
		}
		if !m.isLink {
			return cleaned, m, nil
		}
		key = m.link
	}
	return "", member{}, fmt.Errorf("more than %d links from %q: %w", maxLinks, name, inventory.ErrTooLarge)
}

// clean brings a member's name to the one form under which it is found. It
// reports false for names outside of the root.
func clean(name string) (string, bool) {
	name = path.Clean(strings.TrimLeft(name, "/"))
	if name == "." || name == ".." || strings.HasPrefix(name, "../") {
		return "", false
	}
	return name, true
}
