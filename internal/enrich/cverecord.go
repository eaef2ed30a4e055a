package enrich

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// The form of records of the CVE list, without what is not used:
// https://github.com/CVEProject/cve-schema/blob/main/schema/CVE_Record_Format.json.
type (
	jsonCVE struct {
		Metadata struct {
			ID      string `json:"cveId"`
			State   string `json:"state"`
			Updated string `json:"dateUpdated"`
		} `json:"cveMetadata"`
		Containers struct {
			CNA jsonContainer   `json:"cna"`
			ADP []jsonContainer `json:"adp"`
		} `json:"containers"`
	}
	jsonContainer struct {
		Provider struct {
			ShortName string `json:"shortName"`
		} `json:"providerMetadata"`
		Title        string     `json:"title"`
		Descriptions []langText `json:"descriptions"`
		ProblemTypes []struct {
			Descriptions []struct {
				CWE string `json:"cweId"`
			} `json:"descriptions"`
		} `json:"problemTypes"`
		Metrics []struct {
			V2  jsonVector `json:"cvssV2_0"`
			V30 jsonVector `json:"cvssV3_0"`
			V31 jsonVector `json:"cvssV3_1"`
			V4  jsonVector `json:"cvssV4_0"`
		} `json:"metrics"`
	}
	// The score beside a vector follows from it and is not read: what says
	// something else is wrong.
	jsonVector struct {
		Vector string `json:"vectorString"`
	}
)

// DecodeCVE reads one record of the CVE list. The reasons are what had to be
// left out of it; an error means that nothing could be used.
func DecodeCVE(data []byte) (Entry, []string, error) {
	if len(data) > MaxElement {
		return Entry{}, nil, ErrTooLarge
	}
	var raw jsonCVE
	var d defects
	if err := json.Unmarshal(data, &raw); err != nil {
		if _, ok := errors.AsType[*json.UnmarshalTypeError](err); !ok {
			return Entry{}, nil, err
		}
		d.add("%v", err)
	}
	if !ValidCVE(raw.Metadata.ID) {
		return Entry{}, nil, fmt.Errorf("%q is no CVE", clip(raw.Metadata.ID))
	}
	e := Entry{CVE: raw.Metadata.ID, Modified: d.time("dateUpdated", raw.Metadata.Updated)}
	if raw.Metadata.State == "REJECTED" {
		// What is said of it concerns no flaw.
		e.Rejected = true
		return e, d.list, nil
	}
	cna := &raw.Containers.CNA
	e.Title = d.text("title", strings.Join(strings.Fields(cna.Title), " "))
	e.Description = d.text("description", firstEnglish(cna.Descriptions))
	d.container(&e, cna, "CNA")
	for i := range raw.Containers.ADP {
		d.container(&e, &raw.Containers.ADP[i], "ADP")
	}
	return e, d.list, nil
}

// container reads the ratings and weaknesses of one party. The name stands for
// one that has none.
func (d *defects) container(e *Entry, c *jsonContainer, name string) {
	if c.Provider.ShortName != "" {
		name = c.Provider.ShortName
	}
	for _, m := range c.Metrics {
		for _, v := range [...]jsonVector{m.V4, m.V31, m.V30, m.V2} {
			if v.Vector != "" {
				d.rating(e, name, v.Vector)
			}
		}
	}
	for _, p := range c.ProblemTypes {
		for _, t := range p.Descriptions {
			d.cwe(e, t.CWE)
		}
	}
}
