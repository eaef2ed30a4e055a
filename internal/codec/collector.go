package codec

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// Limits bound what is read of a document.
type Limits struct {
	Bytes    int64 // of the document, and of what is packed in it
	Packages int
	Edges    int // relationships
}

// Elements is how many things a document can have that relationships can name:
// files are more than packages.
func (l Limits) Elements() int { return 5 * l.Packages }

// DefaultLimits are more than any image needs: the largest bills of materials
// known have some 50,000 components.
func DefaultLimits() Limits { return Limits{Bytes: 512 << 20, Packages: 200_000, Edges: 4_000_000} }

// MaxProblems is how many problems of a document are told one by one.
const MaxProblems = 100

// A Collector makes an inventory of what a decoder finds in a document.
type Collector struct {
	BOM    *inventory.BOM
	limits Limits
	format string
	// refs are what references mean: the index of a package, or element.
	refs     map[string]int
	edges    [][2]string
	problems int
	told     []*inventory.FileError
	// systems counts the distributions that package URLs name.
	systems map[system]int
}

const element = -1 // no package

// A system is a release of a distribution, as far as a package URL tells.
type system struct{ id, version, codename string }

// NewCollector returns an empty Collector for a format, which is named in
// problems.
func NewCollector(format string, limits Limits) *Collector {
	return &Collector{
		BOM: &inventory.BOM{}, limits: limits, format: format,
		refs: map[string]int{}, systems: map[system]int{},
	}
}

// Problem notes something that could not be understood, in one sentence. What
// comes from the document is to be clipped and quoted by [Quote].
func (c *Collector) Problem(format string, args ...any) {
	if c.problems++; c.problems <= MaxProblems {
		c.tell(fmt.Errorf(format, args...))
	}
}

// Remark notes something that breaks a rule of the format but hides nothing, as
// [Collector.Problem] does; the error is a [*Remark].
func (c *Collector) Remark(format string, args ...any) {
	if c.problems++; c.problems <= MaxProblems {
		c.tell(&Remark{fmt.Errorf(format, args...)})
	}
}

func (c *Collector) tell(err error) {
	c.told = append(c.told, &inventory.FileError{Extractor: c.format, Err: err})
}

// A Remark is a problem that hides nothing of what the document tells.
type Remark struct{ Err error }

func (r *Remark) Error() string { return r.Err.Error() }

// Unwrap returns the cause.
func (r *Remark) Unwrap() error { return r.Err }

// Quote quotes text from a document for a message, shortened.
func Quote(text string) string { return fmt.Sprintf("%q", clip(text)) }

// name notes what a reference stands for.
func (c *Collector) name(ref string, index int) error {
	if ref == "" {
		return nil
	}
	if _, ok := c.refs[ref]; ok {
		c.Remark("the reference %s is given twice", Quote(ref))
		return nil
	}
	if most := c.limits.Elements(); len(c.refs) >= most {
		return fmt.Errorf("more than %d elements: %w", most, inventory.ErrTooLarge)
	}
	c.refs[ref] = index
	return nil
}

// Element notes the reference of something that is no package: the target, the
// distribution, a file.
func (c *Collector) Element(ref string) error { return c.name(ref, element) }

// Add adds a package under a reference, which can be empty. A package without
// a name is a problem.
func (c *Collector) Add(ref string, p inventory.Package) error {
	if p.Name == "" {
		c.Problem("a component has no name: %s", Quote(cmp.Or(ref, p.PURL)))
		return c.Element(ref)
	}
	if p.Type == "golang" && p.Version == "UNKNOWN" { // Syft's word for a program that does not know its version
		p.Version = ""
	}
	if len(c.BOM.Packages) >= c.limits.Packages {
		return fmt.Errorf("more than %d packages: %w", c.limits.Packages, inventory.ErrTooLarge)
	}
	if err := c.name(ref, len(c.BOM.Packages)); err != nil {
		return err
	}
	c.BOM.Packages = append(c.BOM.Packages, p)
	return nil
}

// Package returns the package with a reference, nil if there is none so far. It
// is valid until the next Add.
func (c *Collector) Package(ref string) *inventory.Package {
	if i, ok := c.refs[ref]; ok && i != element {
		return &c.BOM.Packages[i]
	}
	return nil
}

// Known reports whether something has the reference.
func (c *Collector) Known(ref string) bool {
	_, ok := c.refs[ref]
	return ok
}

// DependsOn notes that one thing depends on another. Both can come later.
func (c *Collector) DependsOn(from, to string) error {
	if len(c.edges) >= c.limits.Edges {
		return fmt.Errorf("more than %d relationships: %w", c.limits.Edges, inventory.ErrTooLarge)
	}
	c.edges = append(c.edges, [2]string{from, to})
	return nil
}

// Distro notes the distribution that a package URL names, for documents that
// do not tell otherwise.
func (c *Collector) Distro(purl string) {
	os := DistroOf(purl)
	if os.ID == "" {
		return
	}
	c.systems[system{os.ID, os.Version, os.Codename}]++
}

// Finish resolves the references and returns the inventory. The document's
// problems follow after those that it states.
func (c *Collector) Finish() *inventory.BOM {
	b := c.BOM
	c.resolve()
	if b.OS.ID == "" && b.OS.Version == "" && b.OS.Codename == "" {
		c.guessOS()
	}
	for i := range b.Packages {
		p := &b.Packages[i]
		p.Layer = c.layer(p.Layer)
		if p.DeletedBy != nil {
			layer := c.layer(*p.DeletedBy)
			p.DeletedBy = &layer
		}
	}
	slices.SortStableFunc(b.Packages, ComparePackages)
	if more := c.problems - len(c.told); more > 0 {
		c.told = append(c.told, &inventory.FileError{Extractor: c.format, Err: fmt.Errorf("there are %d more problems", more)})
	}
	b.Problems = append(b.Problems, c.told...)
	return b
}

// layer completes what a package says of its layer from the list of layers.
func (c *Collector) layer(l inventory.Layer) inventory.Layer {
	layers := c.BOM.Layers
	if l.Index < len(layers) && (l.DiffID == "" || layers[l.Index].DiffID == l.DiffID) {
		return layers[l.Index]
	}
	if l.DiffID != "" {
		for i := range layers {
			if layers[i].DiffID == l.DiffID {
				return layers[i]
			}
		}
	}
	return l
}

// resolve turns the edges into package URLs.
func (c *Collector) resolve() {
	missing := 0
	var example string
	for _, e := range c.edges {
		from, ok1 := c.refs[e[0]]
		to, ok2 := c.refs[e[1]]
		if !ok1 || !ok2 {
			if missing++; missing == 1 {
				example = e[0]
				if ok1 {
					example = e[1]
				}
			}
			continue
		}
		if from == element || to == element || from == to {
			continue
		}
		if purl := c.BOM.Packages[to].PURL; purl != "" {
			c.BOM.Packages[from].DependsOn = append(c.BOM.Packages[from].DependsOn, purl)
		}
	}
	c.edges = nil
	if missing > 0 {
		c.Remark("%d relationships name something that is not in the document, such as %s", missing, Quote(example))
	}
	for i := range c.BOM.Packages {
		p := &c.BOM.Packages[i]
		slices.Sort(p.DependsOn)
		p.DependsOn = slices.Compact(p.DependsOn)
	}
}

// guessOS takes the distribution that most package URLs name.
func (c *Collector) guessOS() {
	best, most := system{}, 0
	for s, n := range c.systems {
		if n > most || n == most && cmp.Or(cmp.Compare(s.id, best.id), cmp.Compare(s.version, best.version), cmp.Compare(s.codename, best.codename)) < 0 {
			best, most = s, n
		}
	}
	c.BOM.OS.ID, c.BOM.OS.Version, c.BOM.OS.Codename = best.id, best.version, best.codename
	if len(c.systems) > 1 {
		c.Problem("the package URLs name %d distributions; all packages are taken for those of %s", len(c.systems),
			Quote(best.id+" "+cmp.Or(best.version, best.codename)))
	}
}

// ComparePackages orders the packages of an inventory.
func ComparePackages(a, b inventory.Package) int { return OrderPackages(&a, &b) }

// OrderPackages is ComparePackages without copies of the packages.
func OrderPackages(a, b *inventory.Package) int {
	for _, order := range [...]int{
		cmp.Compare(a.Type, b.Type), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name),
	} {
		if order != 0 {
			return order
		}
	}
	return cmp.Or(
		cmp.Compare(a.Version, b.Version), cmp.Compare(a.Arch, b.Arch), cmp.Compare(a.Layer.Index, b.Layer.Index),
		cmp.Compare(a.OwnedBy, b.OwnedBy), slices.Compare(a.Paths, b.Paths),
	)
}
