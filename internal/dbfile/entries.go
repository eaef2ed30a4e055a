package dbfile

import "fmt"

// Entry returns entry i, which must be in [0, Len()), with its data read into
// buf if that is large enough. Entries are sorted by release and name.
func (d *Reader) Entry(buf []byte, i int) (Entry, error) {
	release, name, err := d.Name(i)
	if err != nil {
		return Entry{}, err
	}
	row := d.index[i*indexRow+8:]
	data, err := d.read(buf, d.entries, order.Uint64(row), uint64(order.Uint32(row[8:])), order.Uint32(row[12:]))
	if err != nil {
		return Entry{}, fmt.Errorf("entry of %q: %w", name, err)
	}
	return Entry{release, name, data}, nil
}
