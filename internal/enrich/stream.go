package enrich

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// maxBad is how many bad entries are put up with in one document.
const maxBad = 10_000

// A boundedReader ends with an error when an entry of a document gets too
// large, before it is in memory.
type boundedReader struct {
	r           io.Reader
	read, until int64
}

func (b *boundedReader) Read(p []byte) (int, error) {
	left := b.until - b.read
	if left <= 0 {
		return 0, ErrTooLarge
	}
	if int64(len(p)) > left {
		p = p[:left]
	}
	n, err := b.r.Read(p)
	b.read += int64(n)
	return n, err
}

// A Document reads a JSON object whose entries stand in a list under one of
// its keys, one entry at a time.
type Document struct {
	in  *boundedReader
	dec *json.Decoder
}

// NewDocument returns the reader of a document.
func NewDocument(r io.Reader) *Document {
	in := &boundedReader{r: r}
	return &Document{in, json.NewDecoder(in)}
}

// allow lets the next entry be read.
func (d *Document) allow() { d.in.until = d.dec.InputOffset() + MaxElement }

// delim reads a delimiter.
func (d *Document) delim(want json.Delim) error {
	d.allow()
	t, err := d.dec.Token()
	if err != nil {
		return noEOF(err)
	}
	if t != want {
		return fmt.Errorf("%.80q instead of %q", fmt.Sprint(t), want.String())
	}
	return nil
}

// Decode decodes the value that comes next into v. The text is what part of it
// has the wrong type, if any: that part is left out.
func (d *Document) Decode(v any) (string, error) {
	d.allow()
	err := d.dec.Decode(v)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return wrong.Error(), nil
	}
	return "", noEOF(err)
}

// field decodes the value of a field that the rest depends on into v: a wrong type
// is an error. It says to Fields that the value is read.
func (d *Document) field(v any) (bool, error) {
	wrong, err := d.Decode(v)
	if wrong != "" {
		err = errors.New(wrong)
	}
	return true, err
}

// dateField is field for the date with which a document is told apart from
// earlier ones.
func (d *Document) dateField(name string, t *time.Time) (bool, error) {
	var s string
	done, err := d.field(&s)
	date, ok := parseTime(s)
	switch {
	case ok:
		*t = date
	case err == nil:
		err = fmt.Errorf("%s: %q is no date", name, clip(s))
	}
	return done, err
}

// Each decodes the list that comes next, by calls of entry that decode one
// element each.
func (d *Document) Each(entry func(i int) error) error {
	if err := d.delim('['); err != nil {
		return err
	}
	for i := 0; ; i++ {
		d.allow()
		if !d.dec.More() {
			break
		}
		if err := entry(i); err != nil {
			return fmt.Errorf("entry %d: %w", i, err)
		}
	}
	return d.delim(']')
}

// Fields reads the document, by calls of field that decode the value of a key
// and report whether they did; other values are skipped.
func (d *Document) Fields(field func(key string) (bool, error)) error {
	if err := d.delim('{'); err != nil {
		return err
	}
	for {
		d.allow()
		if !d.dec.More() {
			break
		}
		t, err := d.dec.Token()
		if err != nil {
			return noEOF(err)
		}
		key, _ := t.(string)
		done, err := field(key)
		if err == nil && !done {
			var skipped json.RawMessage
			_, err = d.Decode(&skipped)
		}
		if err != nil {
			return err
		}
	}
	if err := d.delim('}'); err != nil {
		return err
	}
	d.allow()
	if t, err := d.dec.Token(); err != io.EOF {
		if err == nil {
			err = fmt.Errorf("%.80q after the end", fmt.Sprint(t))
		}
		return err
	}
	return nil
}

// noEOF makes an end within a document an error that says so.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// badList collects bad entries.
type badList struct {
	list []Bad
}

// add notes an entry with defects, if there are any.
func (b *badList) add(entry, cve string, reasons []string) error {
	if len(reasons) == 0 {
		return nil
	}
	if len(b.list) >= maxBad {
		return fmt.Errorf("more than %d bad entries", maxBad)
	}
	b.list = append(b.list, Bad{entry, cve, reasons})
	return nil
}
