package spdx3

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// A JSON reads a document of SPDX 3.0.x in JSON-LD. It is a [codec.JSONReader].
type JSON struct {
	c      *codec.Collector // of the whole inventory
	limits codec.Limits

	version string // of the specification, as @context names it
	graph   bool

	index           map[string]*node
	document        *element
	collections     []*element // software_Sbom and Bom
	packages        []*node
	vulnerabilities []*node
	relations       []relation
	edges           int // how many elements relationships are to
	inlined         int // how many elements had no identifier

	licenses map[string][]string
	open     map[string]bool // the licences that are being worked out
	reader   licenseReader

	unknown        int // references to nothing
	unknownExample string
}

var _ codec.JSONReader = (*JSON)(nil)

// NewJSON returns a reader.
func NewJSON(limits codec.Limits) *JSON {
	return &JSON{
		c: codec.NewCollector(format, limits), limits: limits,
		index: map[string]*node{},
	}
}

const format = "spdx"

// A node is an element that others can refer to.
type node struct {
	id    string
	class string
	name  string
	// element is nil for those of which the name is all that matters.
	element *element
	owner   int  // of a package: the index of its inventory, and one more
	target  bool // it is the root of an inventory
}

// isPackage reports whether the node is a package of any class.
func (n *node) isPackage() bool {
	switch n.class {
	case "software_Package", "ai_AIPackage", "dataset_DatasetPackage":
		return true
	}
	return false
}

// A relation is a relationship that matters.
type relation struct {
	id, kind, from string
	to             []string
	development    bool
	said           *element // of what is said about a vulnerability
}

// Member takes "@context" and "@graph".
func (j *JSON) Member(name string, dec *json.Decoder) (bool, error) {
	switch name {
	case "@context":
		return true, j.context(dec)
	case "@graph":
		j.graph = true
		return true, codec.Elements(j.c, dec, "element", func(e *element) error { return j.take(e, 0) })
	}
	return false, nil
}

// The context's address has the version of the specification.
var contextVersion = regexp.MustCompile(`^https?://spdx\.org/rdf/v?(3(?:\.[0-9]+)*)(?:-[a-z0-9]+)?/`)

func (j *JSON) context(dec *json.Decoder) error {
	var contexts list[text]
	if err := codec.Value(j.c, dec, "@context", &contexts); err != nil {
		return err
	}
	for _, c := range contexts {
		m := contextVersion.FindStringSubmatch(string(c))
		if m == nil {
			continue
		}
		j.version = m[1]
		if m[1] != "3.0" && !strings.HasPrefix(m[1], "3.0.") {
			j.c.Problem("the document is of SPDX %s, and read as SPDX 3.0", m[1])
		}
		return nil
	}
	return fmt.Errorf("%w: its @context is another one", ErrFormat)
}

// maxInline is how deep elements can be in elements.
const maxInline = 8

// take notes an element.
func (j *JSON) take(e *element, depth int) error {
	class := string(e.Type)
	if class == "" {
		class = string(e.AtType)
	}
	id := string(e.SpdxID)
	if id == "" {
		id = string(e.AtID)
	}
	if e.From != nil || e.RelationshipType != "" {
		return j.relation(e, id, class, depth)
	}
	if class == "" {
		j.c.Problem("an element has no type: %s", codec.Quote(id))
		return nil
	}
	if class == "SpdxDocument" || class == "software_Sbom" || class == "Bom" {
		for i := range e.CreationInfo { // of which otherwise each element can have one
			if err := j.inline(&e.CreationInfo[i], depth); err != nil {
				return err
			}
		}
	}
	for _, refs := range e.references() {
		for i := range refs {
			if err := j.inline(&refs[i], depth); err != nil {
				return err
			}
		}
	}
	n := &node{id: id, class: class, name: string(e.Name)}
	switch {
	case class == "SpdxDocument":
		if j.document != nil {
			j.c.Problem("there is a second document: %s", codec.Quote(id))
			return nil
		}
		j.document, n.element = e, e
	case class == "software_Sbom" || class == "Bom":
		j.collections = append(j.collections, e)
	case n.isPackage():
		n.element = e
		j.packages = append(j.packages, n)
	case class == vulnerabilityClass:
		n.element = e
		j.vulnerabilities = append(j.vulnerabilities, n)
	case class == "CreationInfo", strings.HasPrefix(class, "simplelicensing_"), strings.HasPrefix(class, "expandedlicensing_"):
		n.element = e
	case class == "Person", class == "Organization", class == "Agent", class == "SoftwareAgent":
		n.name = agentText(e)
	}
	if max(len(j.packages), len(j.vulnerabilities), len(j.collections)) > j.limits.Packages {
		return fmt.Errorf("more than %d elements: %w", j.limits.Packages, inventory.ErrTooLarge)
	}
	return j.register(n)
}

// register makes a node one that references find.
func (j *JSON) register(n *node) error {
	if n.id == "" {
		return nil
	}
	if _, ok := j.index[n.id]; ok {
		j.c.Remark("the reference %s is given twice", codec.Quote(n.id))
		return nil
	}
	if most := j.limits.Elements(); len(j.index) >= most {
		return fmt.Errorf("more than %d elements: %w", most, inventory.ErrTooLarge)
	}
	j.index[n.id] = n
	return nil
}

// inline takes an element that stands where a reference to it could be, and
// makes it that reference.
func (j *JSON) inline(r *ref, depth int) error {
	if r.inline == nil {
		return nil
	}
	var e element
	err := json.Unmarshal(r.inline, &e)
	r.inline = nil
	if err != nil || depth >= maxInline {
		j.c.Problem("an element in an element cannot be understood, or is in too many others")
		return nil
	}
	if r.id = string(e.SpdxID); r.id == "" {
		r.id = string(e.AtID)
	}
	if e.Type == "" && e.AtType == "" { // a reference as JSON-LD has it too
		return nil
	}
	if r.id == "" {
		j.inlined++
		r.id = fmt.Sprintf("\x00inline-%d", j.inlined)
		e.AtID = text(r.id)
	}
	return j.take(&e, depth+1)
}

// relation notes a relationship.
func (j *JSON) relation(e *element, id, class string, depth int) error {
	for _, refs := range []list[ref]{e.From, e.To, e.SuppliedBy} {
		for i := range refs {
			if err := j.inline(&refs[i], depth); err != nil {
				return err
			}
		}
	}
	if len(e.From) == 0 || e.From[0].id == "" {
		j.c.Problem("the relationship %s does not say from what", codec.Quote(id))
		return nil
	}
	r := relation{id: id, kind: string(e.RelationshipType), from: e.From[0].id}
	switch r.kind {
	case "contains", "describes", "hasDeclaredLicense", "hasConcludedLicense", "amendedBy", "hasEvidence":
	case "dependsOn", "hasOptionalDependency", "hasPrerequisite", "hasDynamicLink", "hasStaticLink":
		r.development = e.Scope == "development" || e.Scope == "test" || e.Scope == "build"
		r.kind = "dependsOn"
	case "other":
		if !strings.HasPrefix(string(e.Comment), "evident-by") { // as Syft writes it
			return nil
		}
		r.kind = "hasEvidence"
	case "hasAssociatedVulnerability", "affects", "doesNotAffect", "fixedIn", "underInvestigationFor", "hasAssessmentFor":
		// Examples of SPDX have the kind wrong, not the class.
		r.kind = "security"
		r.said = e
		if e.Type == "" {
			e.Type = text(class)
		}
	default:
		return nil
	}
	if j.edges += len(e.To); j.edges > j.limits.Edges || len(j.relations) >= j.limits.Edges {
		return fmt.Errorf("more than %d relationships: %w", j.limits.Edges, inventory.ErrTooLarge)
	}
	for _, to := range e.To {
		r.to = append(r.to, to.id)
	}
	if r.said != nil {
		e.To, e.From = nil, nil
	}
	j.relations = append(j.relations, r)
	return nil
}

// missing notes a reference to nothing.
func (j *JSON) missing(id string) {
	if j.unknown++; j.unknown == 1 {
		j.unknownExample = id
	}
}

// Finish returns the inventory.
func (j *JSON) Finish() (*inventory.BOM, error) {
	if j.version == "" {
		return nil, fmt.Errorf("%w: it has no @context", ErrFormat)
	}
	if !j.graph {
		return nil, fmt.Errorf("%w: it has no @graph", ErrFormat)
	}
	return j.inventory()
}
