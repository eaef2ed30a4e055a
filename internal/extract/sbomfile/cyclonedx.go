package sbomfile

import (
	"encoding/json"

	"github.com/imagevet/imagevet/internal/extract/lines"
)

// A component of CycloneDX. What is within it is read after it.
type component struct {
	Type      string `json:"type"`
	Scope     string `json:"scope"`
	Ref       string `json:"bom-ref"`
	Group     string `json:"group"`
	Name      string `json:"name"`
	Version   string `json:"version"`
	PURL      string `json:"purl"`
	CPE       string `json:"cpe"`
	Publisher string `json:"publisher"`
	Supplier  struct {
		Name string `json:"name"`
	} `json:"supplier"`
	Licenses   json.RawMessage `json:"licenses"`
	Components json.RawMessage `json:"components"`
}

type licenceChoice struct {
	Expression string `json:"expression"`
	License    struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"license"`
}

type dependency struct {
	Ref       string          `json:"ref"`
	DependsOn json.RawMessage `json:"dependsOn"`
}

// cycloneDX reads a document of CycloneDX.
func (c *collector) cycloneDX(doc *document) error {
	if len(doc.Metadata) > 0 {
		var metadata struct {
			Component *component `json:"component"`
		}
		if err := json.Unmarshal(doc.Metadata, &metadata); err != nil {
			c.problems.Add("the metadata cannot be understood: %v", err)
		}
		if self := metadata.Component; self != nil {
			if err := c.component(self, true, 0); err != nil {
				return err
			}
		}
	}
	if err := c.components(doc.Components, 0); err != nil {
		return err
	}
	return each(c, doc.Dependencies, "dependency", func(d *dependency) error {
		return each(c, d.DependsOn, "dependency", func(on *string) error {
			c.relate(d.Ref, *on)
			return nil
		})
	})
}

// components takes a list of components.
func (c *collector) components(list json.RawMessage, depth int) error {
	return each(c, list, "component", func(v *component) error { return c.component(v, false, depth) })
}

// component takes a component and those within it.
func (c *collector) component(v *component, isSelf bool, depth int) error {
	it := item{
		id: v.Ref, name: v.Name, version: v.Version, purl: v.PURL, cpes: cpe(v.CPE),
		vendor: v.Supplier.Name, isSelf: isSelf,
	}
	it.isFile = v.Type == "file" || v.Type == "operating-system"
	if v.Scope == "excluded" { // from what is delivered
		it.purl, it.isFile = "", true
	}
	if it.vendor == "" {
		it.vendor = v.Publisher
	}
	var names []string
	for _, l := range small[licenceChoice](c, v.Licenses, "licences", v.Name) {
		names = append(names, l.Expression, l.License.ID)
		if l.License.ID == "" {
			names = append(names, l.License.Name)
		}
	}
	it.licences = clean(names...)
	if err := c.add(it); err != nil {
		return err
	}
	if len(v.Components) == 0 {
		return nil
	}
	if depth == maxDepth {
		c.problems.Add("the components of %q are not read: more than %d components around them", lines.Clip(v.Name), maxDepth)
		return nil
	}
	return c.components(v.Components, depth+1)
}
