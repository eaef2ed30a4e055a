package enrich

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// The form of the NVD's data, without what is not used:
// https://csrc.nist.gov/schema/nvd/api/2.0/cve_api_json_2.0.schema.
type (
	jsonNVD struct {
		CVE struct {
			ID           string     `json:"id"`
			Modified     string     `json:"lastModified"`
			Status       string     `json:"vulnStatus"`
			Descriptions []langText `json:"descriptions"`
			Metrics      struct {
				V4  []jsonMetric `json:"cvssMetricV40"`
				V31 []jsonMetric `json:"cvssMetricV31"`
				V30 []jsonMetric `json:"cvssMetricV30"`
				V2  []jsonMetric `json:"cvssMetricV2"`
			} `json:"metrics"`
			Weaknesses []struct {
				Description []langText `json:"description"`
			} `json:"weaknesses"`
		} `json:"cve"`
	}
	jsonMetric struct {
		Source string     `json:"source"`
		Type   string     `json:"type"`
		Data   jsonVector `json:"cvssData"`
	}
)

// nvdSource returns the name of a source that the data has an address or a
// number for, where that is better known.
func nvdSource(source string) string {
	switch source {
	case "nvd@nist.gov":
		return "NVD"
	case "134c704f-9b21-4f2e-91b3-4a467353bcc0": // https://github.com/cisagov/vulnrichment
		return "CISA-ADP"
	}
	return source
}

// ReadNVD reads a page of the NVD's API 2.0 or one of its feeds, which have the
// same form: https://nvd.nist.gov/developers/vulnerabilities. It calls yield
// for each entry that has an ID, and stops if that returns an error. With an
// error, entries up to there have been used.
func ReadNVD(r io.Reader, yield func(Entry) error) ([]Bad, error) {
	var bad badList
	lists := 0
	d := NewDocument(r)
	err := d.Fields(func(key string) (bool, error) {
		if key != "vulnerabilities" {
			return false, nil
		}
		lists++
		return true, d.Each(func(i int) error {
			var raw jsonNVD
			wrong, err := d.Decode(&raw)
			if err != nil {
				return err
			}
			e, reasons := raw.entry(wrong)
			if e.CVE != "" {
				if err := yield(e); err != nil {
					return err
				}
			}
			return bad.add(fmt.Sprintf("entry %d", i), e.CVE, reasons)
		})
	})
	if err == nil && lists == 0 {
		err = errors.New("no list of vulnerabilities")
	}
	return bad.list, err
}

// DecodeNVD reads one element of such a page. The reasons are what had to be
// left out of it; an error means that nothing could be used.
func DecodeNVD(data []byte) (Entry, []string, error) {
	if len(data) > MaxElement {
		return Entry{}, nil, ErrTooLarge
	}
	var raw jsonNVD
	wrong := ""
	if err := json.Unmarshal(data, &raw); err != nil {
		if _, ok := errors.AsType[*json.UnmarshalTypeError](err); !ok {
			return Entry{}, nil, err
		}
		wrong = err.Error()
	}
	e, reasons := raw.entry(wrong)
	if e.CVE == "" {
		return Entry{}, nil, errors.New(reasons[len(reasons)-1])
	}
	return e, reasons, nil
}

// entry converts an element of a page. wrong is what could not be decoded of
// it.
func (raw *jsonNVD) entry(wrong string) (Entry, []string) {
	var d defects
	if wrong != "" {
		d.add("%s", wrong)
	}
	cve := &raw.CVE
	if !ValidCVE(cve.ID) {
		d.add("%q is no CVE", clip(cve.ID))
		return Entry{}, d.list
	}
	e := Entry{CVE: cve.ID, Modified: d.time("lastModified", cve.Modified)}
	if cve.Status == "Rejected" {
		e.Rejected = true
		return e, d.list
	}
	e.Description = d.text("description", firstEnglish(cve.Descriptions))
	// The NVD's own ratings are primary; whoever else rates is secondary.
	for _, primary := range [...]bool{true, false} {
		for _, list := range [...][]jsonMetric{cve.Metrics.V4, cve.Metrics.V31, cve.Metrics.V30, cve.Metrics.V2} {
			for _, m := range list {
				if (m.Type == "Primary") != primary {
					continue
				}
				d.rating(&e, nvdSource(m.Source), m.Data.Vector)
			}
		}
	}
	for _, w := range cve.Weaknesses {
		for _, t := range w.Description {
			d.cwe(&e, t.Value)
		}
	}
	return e, d.list
}
