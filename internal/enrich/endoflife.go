package enrich

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// A Lifecycle tells until when a release of a product is supported.
type Lifecycle struct {
	// Product and Release are names as endoflife.date has them, such as
	// "alpine-linux" and "3.19": letters, digits, dots, dashes and underscores.
	Product, Release string
	// End is the first day without the support that all get, and ExtendedEnd
	// the first without that which comes after it: for some, for all or for
	// money, which depends on the product. Either is zero if no day is told;
	// both are not.
	End, ExtendedEnd time.Time
}

// The limits of the names of a product and of a release, and of how many
// releases one product and the document may have. There are about 450 products
// with together 6,000 releases.
const (
	maxReleaseName     = 64 // bytes
	maxReleases        = 10_000
	maxProductReleases = 1_000
)

// ReadEndOfLife reads all products of endoflife.date as its API has them at
// /api/v1/products/full, https://endoflife.date/docs/api/v1/. Only operating
// systems are of interest, and of these the releases with a day. Like a
// catalogue they are read in full or not at all: with an error, the caller must
// not use what yield has got.
func ReadEndOfLife(r io.Reader, yield func(Lifecycle) error) (Catalogue, []Bad, error) {
	var c Catalogue
	var bad badList
	d := NewDocument(r)
	lists, total, n, releases, good := 0, -1, 0, 0, 0
	err := d.Fields(func(key string) (bool, error) {
		switch key {
		case "schema_version":
			done, err := d.field(&c.Version)
			if major, _, _ := strings.Cut(c.Version, "."); err == nil && major != "1" {
				err = fmt.Errorf("schema_version: %q is none that is known", clip(c.Version))
			}
			return done, err
		case "generated_at":
			return d.dateField(key, &c.Date)
		case "total":
			return d.field(&total)
		case "result":
			lists++
			return true, d.Each(func(i int) error {
				n++
				var raw jsonProduct
				wrong, err := d.Decode(&raw)
				if err != nil {
					return err
				}
				if raw.Category != "os" && wrong == "" {
					return nil
				}
				list, reasons := raw.lifecycles(wrong)
				if releases += len(list); releases > maxReleases {
					return fmt.Errorf("more than %d releases", maxReleases)
				}
				for _, l := range list {
					good++
					if err := yield(l); err != nil {
						return err
					}
				}
				return bad.add(fmt.Sprintf("entry %d", i), "", reasons)
			})
		}
		return false, nil
	})
	switch {
	case err != nil:
	case lists != 1:
		err = fmt.Errorf("%d lists of products", lists)
	case total >= 0 && total != n:
		err = fmt.Errorf("%d products, though the document says %d", n, total)
	case good == 0:
		err = errors.New("no release of an operating system that can be read")
	case len(c.Version) > maxWord:
		err = fmt.Errorf("a version of %d bytes", len(c.Version))
	}
	if err != nil {
		return Catalogue{}, nil, err
	}
	c.Version = "" // is that of the format
	return c, bad.list, nil
}

type jsonProduct struct {
	Name     string `json:"name"`
	Category string `json:"category"`
	Releases []struct {
		Name string `json:"name"`
		EOL  string `json:"eolFrom"`
		EOES string `json:"eoesFrom"`
	} `json:"releases"`
}

// lifecycles converts a product. wrong is what could not be decoded of it.
func (raw *jsonProduct) lifecycles(wrong string) ([]Lifecycle, []string) {
	var d defects
	if wrong != "" {
		d.add("%s: %s", clip(raw.Name), wrong)
	}
	if !isReleaseName(raw.Name) {
		d.add("%q is no name of a product", clip(raw.Name))
		return nil, d.list
	}
	if len(raw.Releases) > maxProductReleases {
		d.add("%s has %d releases", raw.Name, len(raw.Releases))
		return nil, d.list
	}
	var out []Lifecycle
	for _, r := range raw.Releases {
		if !isReleaseName(r.Name) {
			d.add("%s: %q is no name of a release", raw.Name, clip(r.Name))
			continue
		}
		l := Lifecycle{Product: raw.Name, Release: r.Name}
		l.End = d.day(raw.Name+" "+r.Name+": eolFrom", r.EOL)
		l.ExtendedEnd = d.day(raw.Name+" "+r.Name+": eoesFrom", r.EOES)
		if !l.End.IsZero() || !l.ExtendedEnd.IsZero() {
			out = append(out, l)
		}
	}
	return out, d.list
}

// day reads a day that may be missing.
func (d *defects) day(field, s string) time.Time {
	if s == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.DateOnly, s)
	if err != nil || t.Year() < 1 {
		d.add("%s: %q is no day", field, clip(s))
		return time.Time{}
	}
	return t
}

// isReleaseName reports whether s can name a product or a release.
func isReleaseName(s string) bool {
	return s != "" && len(s) <= maxReleaseName &&
		strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_") == ""
}
