package rpmdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// SQLite, as https://www.sqlite.org/fileformat2.html describes it; the
// sections that comments name are of that page. All numbers are big endian,
// and pages are counted from 1. Only the tree of one table is walked, so that
// what was deleted, in pages of the freelist or in the gaps of others, is not
// seen.
const (
	sqliteMagic     = "SQLite format 3\x00"
	sqliteHeaderLen = 100

	sqliteInterior = 0x05 // page type: the inner node of a table
	sqliteLeaf     = 0x0d // page type: the leaf of a table

	// sqliteMaxDepth is how deep SQLite itself follows a tree.
	sqliteMaxDepth = 20
	// sqliteTable is what rpm keeps headers in:
	// Packages(hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL).
	sqliteTable = "Packages"
)

func isSQLite(head []byte) bool {
	return len(head) >= 64 && string(head[:len(sqliteMagic)]) == sqliteMagic
}

// A tree reads the trees of a SQLite database.
type tree struct {
	*reader
	usable   int64           // bytes of a page, without those reserved for extensions
	frames   map[int64]int64 // where pages are in a log, nil for a database
	overflow []byte
	levels   [][]byte // a page for each depth
}

// A row is one row of a table. Payload is cut where its chain of overflow pages
// could not be followed: by lost, if it is not nil.
type row struct {
	id      int64
	payload []byte
	lost    error
}

func (rd *reader) sqlite() error {
	if rd.size < sqliteHeaderLen {
		return fmt.Errorf("a SQLite database of %d bytes: %w", rd.size, ErrFormat)
	}
	var head [sqliteHeaderLen]byte
	if err := readAt(rd.r, head[:], 0); err != nil {
		return err
	}
	pageSize := sqlitePageSize(int64(binary.BigEndian.Uint16(head[16:])))
	t, err := rd.newTree(pageSize, head[20])
	if err != nil {
		return err
	}
	// Section 1.3.7: the number of pages is valid if the two counters agree.
	// The write-ahead log may hold more pages than the file.
	pages := int64(binary.BigEndian.Uint32(head[28:]))
	if string(head[24:28]) == string(head[92:96]) && pages > rd.pages || rd.size%pageSize != 0 {
		rd.damage("the file has %d bytes in place of %d", rd.size, max(pages, rd.pages)*pageSize)
	}
	encoding := binary.BigEndian.Uint32(head[56:])
	root := int64(0)
	err = t.walk(1, 0, func(r row) error {
		cols, ok := record(r.payload)
		// Section 2.6: type, name, tbl_name, rootpage, sql.
		if !ok || len(cols) < 4 {
			rd.damage("row %d of the schema cannot be read", r.id)
			return nil
		}
		if root == 0 && sqliteText(cols[0], encoding) == "table" && strings.EqualFold(sqliteText(cols[1], encoding), sqliteTable) {
			root = cols[3].integer()
		}
		return nil
	})
	if err != nil {
		return err
	}
	if root == 0 {
		return fmt.Errorf("a SQLite database without the table %s: %w", sqliteTable, ErrFormat)
	}
	return t.walk(root, 0, func(r row) error { return rd.sqliteHeader(r) })
}

// sqliteHeader hands out the header in a row of the table.
func (rd *reader) sqliteHeader(r row) error {
	if r.lost != nil {
		rd.damage("header %d: %w", r.id, r.lost)
	}
	cols, ok := record(r.payload)
	if ok {
		for _, c := range cols {
			if c.isBlob() && len(c.data) > 0 {
				return rd.give(uint32(r.id), c.data)
			}
		}
	}
	if r.lost == nil {
		rd.damage("row %d of %s holds no header", r.id, sqliteTable)
	}
	return nil
}

// sqlitePageSize returns the size of pages that a field of 16 bits states:
// section 1.3.2.
func sqlitePageSize(field int64) int64 {
	if field == 1 {
		return 64 << 10
	}
	return field
}

// newTree prepares to read pages of the given size, the last reserved bytes of
// which are not SQLite's.
func (rd *reader) newTree(pageSize int64, reserved byte) (*tree, error) {
	usable := pageSize - int64(reserved)
	// Section 1.3.4: not less than 480.
	if pageSize < 512 || pageSize > 64<<10 || pageSize&(pageSize-1) != 0 || usable < 480 {
		return nil, fmt.Errorf("SQLite with pages of %d bytes, %d of them reserved: %w", pageSize, reserved, ErrFormat)
	}
	rd.setPages(pageSize)
	rd.first = 1
	return &tree{reader: rd, usable: usable, overflow: make([]byte, pageSize)}, nil
}

// load reads page n into buf, once.
func (t *tree) load(n int64, buf []byte) error {
	if t.frames != nil {
		frame, ok := t.frames[n]
		if !ok {
			return &damageError{errNotInLog}
		}
		if err := t.use(frame); err != nil {
			return &damageError{err}
		}
		return t.walPage(frame, buf)
	}
	if err := t.use(n - 1); err != nil {
		return &damageError{err}
	}
	return t.page(n-1, buf)
}

// A damageError is damage, where other errors are of reading.
type damageError struct{ err error }

func (e *damageError) Error() string { return e.err.Error() }
func (e *damageError) Unwrap() error { return e.err }

// walk calls visit for the rows below page n, which is at the given depth.
func (t *tree) walk(n int64, depth int, visit func(row) error) error {
	if depth == sqliteMaxDepth {
		t.damage("page %d: the tree is more than %d pages deep", n, sqliteMaxDepth)
		return nil
	}
	if len(t.levels) == depth {
		t.levels = append(t.levels, make([]byte, t.pageSize))
	}
	page := t.levels[depth]
	if err := t.load(n, page); err != nil {
		if damage, ok := errors.AsType[*damageError](err); ok {
			t.damage("%w", damage.err)
			return nil
		}
		return err
	}
	header := 0
	if n == 1 {
		header = sqliteHeaderLen
	}
	switch page[header] {
	case sqliteLeaf:
		return t.leaf(n, page, header, visit)
	case sqliteInterior:
		// Section 1.6: a header of 12 bytes, the last 4 of which are the child
		// to the right of all others.
		for _, at := range t.cells(n, page, header, 12) {
			if at > t.usable-4 {
				t.damage("page %d: a cell lies at %d", n, at)
				continue
			}
			if err := t.walk(int64(binary.BigEndian.Uint32(page[at:])), depth+1, visit); err != nil {
				return err
			}
		}
		return t.walk(int64(binary.BigEndian.Uint32(page[header+8:])), depth+1, visit)
	default:
		t.damage("page %d is of type %d and not of a table", n, page[header])
		return nil
	}
}

// cells returns where the cells of a page lie. The page's own header has the
// given length.
func (t *tree) cells(n int64, page []byte, header, length int) []int64 {
	count := int64(binary.BigEndian.Uint16(page[header+3:]))
	array := int64(header + length)
	if most := (t.usable - array) / 2; count > most {
		t.damage("page %d has %d cells", n, count)
		count = most
	}
	at := make([]int64, count)
	for i := range at {
		at[i] = int64(binary.BigEndian.Uint16(page[array+2*int64(i):]))
	}
	return at
}

// leaf calls visit for the rows of a leaf.
func (t *tree) leaf(n int64, page []byte, header int, visit func(row) error) error {
	total := int64(0)
	for _, at := range t.cells(n, page, header, 8) {
		if at >= t.usable {
			t.damage("page %d: a cell lies at %d", n, at)
			continue
		}
		r, local, err := t.cell(page[at:t.usable])
		if damage, ok := errors.AsType[*damageError](err); ok {
			t.damage("page %d: %w", n, damage.err)
			continue
		}
		if err != nil {
			return err
		}
		// Cells that overlap would have the same bytes handed out many times.
		if total += local; total > t.usable {
			t.damage("page %d: cells overlap", n)
			return nil
		}
		if err := visit(r); err != nil {
			return err
		}
	}
	return nil
}

// cell reads the cell of a leaf at the beginning of data, and returns how many
// bytes of its payload lie in the page: section 1.6.
func (t *tree) cell(data []byte) (row, int64, error) {
	size, n := varint(data)
	id, m := varint(data[n:])
	if n == 0 || m == 0 {
		return row{}, 0, &damageError{errors.New("a cell is cut off")}
	}
	data = data[n+m:]
	if size > maxHeader {
		return row{}, 0, &damageError{fmt.Errorf("row %d: %d bytes: %w", id, size, inventory.ErrTooLarge)}
	}
	length := int64(size)
	local := t.local(length)
	need := local
	if local < length {
		need += 4 // the number of the first overflow page
	}
	if need > int64(len(data)) {
		return row{}, 0, &damageError{fmt.Errorf("row %d is cut off", id)}
	}
	r := row{id: int64(id), payload: data[:local]}
	if local == length {
		return r, local, nil
	}
	t.blob = append(t.blob[:0], data[:local]...)
	next := int64(binary.BigEndian.Uint32(data[local:]))
	for int64(len(t.blob)) < length {
		err := t.load(next, t.overflow)
		if damage, ok := errors.AsType[*damageError](err); ok {
			r.lost = fmt.Errorf("%d bytes of %d: %w", len(t.blob), length, damage.err)
			break
		}
		if err != nil {
			return row{}, 0, err
		}
		rest := min(length-int64(len(t.blob)), t.usable-4)
		t.blob = append(t.blob, t.overflow[4:4+rest]...)
		next = int64(binary.BigEndian.Uint32(t.overflow))
	}
	r.payload = t.blob
	return r, local, nil
}

// local returns how much of a payload lies in the leaf: section 1.6, where U
// is the usable size, P the payload, X, M and K as here.
func (t *tree) local(p int64) int64 {
	u := t.usable
	x := u - 35
	if p <= x {
		return p
	}
	m := (u-12)*32/255 - 23
	if k := m + (p-m)%(u-4); k <= x {
		return k
	}
	return m
}

// varint reads a number of one to nine bytes: section 1.6. It returns how many
// bytes it has, 0 if data ends before.
func varint(data []byte) (value uint64, n int) {
	for i, b := range data {
		if i == 8 {
			return value<<8 | uint64(b), 9
		}
		value = value<<7 | uint64(b&0x7f)
		if b < 0x80 {
			return value, i + 1
		}
	}
	return 0, 0
}

// A column is a value of a row.
type column struct {
	serial uint64 // what it is: section 2.1
	data   []byte
}

// maxColumns is more than any table of rpm has.
const maxColumns = 16

// record takes a payload apart: section 2.1. What lies beyond the payload is
// cut off; ok is false if the payload does not hold its own header.
func record(payload []byte) (cols []column, ok bool) {
	size, n := varint(payload)
	if n == 0 || size > uint64(len(payload)) || size < uint64(n) {
		return nil, false
	}
	header, rest := payload[n:size], payload[size:]
	for len(header) > 0 && len(cols) < maxColumns {
		serial, n := varint(header)
		if n == 0 {
			return nil, false
		}
		header = header[n:]
		have := min(serialLen(serial), uint64(len(rest)))
		cols = append(cols, column{serial: serial, data: rest[:have]})
		rest = rest[have:]
	}
	return cols, true
}

// serialLen returns the length of a value.
func serialLen(serial uint64) uint64 {
	switch {
	case serial >= 12:
		return (serial - 12) / 2
	case serial <= 4:
		return serial
	case serial == 5:
		return 6
	case serial <= 7:
		return 8
	}
	return 0
}

func (c column) isBlob() bool { return c.serial >= 12 && c.serial%2 == 0 }
func (c column) isText() bool { return c.serial >= 13 && c.serial%2 == 1 }

// integer returns the value of a column that holds a positive integer, 0 if it
// holds something else.
func (c column) integer() int64 {
	switch {
	case c.serial == 9:
		return 1
	case c.serial == 0 || c.serial > 6:
		return 0
	}
	var v int64
	for i, b := range c.data {
		if i == 0 {
			v = int64(int8(b))
			continue
		}
		v = v<<8 | int64(b)
	}
	return max(v, 0)
}

// sqliteText returns the text of a column in the encoding of the database:
// section 1.3.13.
func sqliteText(c column, encoding uint32) string {
	if !c.isText() {
		return ""
	}
	var order binary.ByteOrder = binary.LittleEndian
	switch encoding {
	case 2:
	case 3:
		order = binary.BigEndian
	default:
		return string(c.data)
	}
	// What is looked for is short.
	units := make([]uint16, 0, 16)
	for i := 0; i+1 < len(c.data) && len(units) < cap(units); i += 2 {
		units = append(units, order.Uint16(c.data[i:]))
	}
	return string(utf16.Decode(units))
}
