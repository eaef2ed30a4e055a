package enrich

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// ReadKEV reads the catalogue of known exploited vulnerabilities of CISA in
// JSON, https://www.cisa.gov/known-exploited-vulnerabilities-catalog. It is
// read in full or not at all: that a flaw is not in the catalogue must not be
// said because the end of it is missing. So the caller must not use the entries
// that yield has got if there is an error.
func ReadKEV(r io.Reader, yield func(Entry) error) (Catalogue, []Bad, error) {
	var c Catalogue
	var bad badList
	d := NewDocument(r)
	lists, count, n, good := 0, -1, 0, 0
	err := d.Fields(func(key string) (bool, error) {
		switch key {
		case "catalogVersion":
			return d.field(&c.Version)
		case "dateReleased":
			return d.dateField(key, &c.Date)
		case "count":
			return d.field(&count)
		case "vulnerabilities":
			lists++
			return true, d.Each(func(i int) error {
				n++
				var raw jsonKEV
				wrong, err := d.Decode(&raw)
				if err != nil {
					return err
				}
				e, reasons := raw.entry(wrong)
				if e.CVE != "" {
					good++
					if err := yield(e); err != nil {
						return err
					}
				}
				return bad.add(fmt.Sprintf("entry %d", i), e.CVE, reasons)
			})
		}
		return false, nil
	})
	switch {
	case err != nil:
	case lists != 1:
		err = fmt.Errorf("%d lists of vulnerabilities", lists)
	case count >= 0 && count != n:
		err = fmt.Errorf("%d entries, though the catalogue says %d", n, count)
	case good == 0:
		err = errors.New("no entry that can be read")
	case len(c.Version) > maxWord:
		err = fmt.Errorf("a version of %d bytes", len(c.Version))
	}
	if err != nil {
		return Catalogue{}, nil, err
	}
	return c, bad.list, nil
}

type jsonKEV struct {
	ID          string   `json:"cveID"`
	Name        string   `json:"vulnerabilityName"`
	Added       string   `json:"dateAdded"`
	Due         string   `json:"dueDate"`
	Description string   `json:"shortDescription"`
	Ransomware  string   `json:"knownRansomwareCampaignUse"`
	CWEs        []string `json:"cwes"`
}

// entry converts an element of the catalogue. wrong is what could not be
// decoded of it.
func (raw *jsonKEV) entry(wrong string) (Entry, []string) {
	var d defects
	if wrong != "" {
		d.add("%s", wrong)
	}
	id := strings.TrimSpace(raw.ID)
	if !ValidCVE(id) {
		d.add("%q is no CVE", clip(raw.ID))
		return Entry{}, d.list
	}
	e := Entry{CVE: id, Title: d.text("vulnerabilityName", raw.Name), Description: d.text("shortDescription", raw.Description)}
	e.KEV = &KEV{
		Added: d.time("dateAdded", raw.Added), Due: d.time("dueDate", raw.Due),
		Ransomware: strings.EqualFold(raw.Ransomware, "Known"),
	}
	for _, cwe := range raw.CWEs {
		d.cwe(&e, cwe)
	}
	return e, d.list
}
