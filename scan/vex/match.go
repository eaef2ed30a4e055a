package vex

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/internal/distro"
	"github.com/imagevet/imagevet/internal/purlmatch"
	"github.com/imagevet/imagevet/sbom/inventory"
	"github.com/imagevet/imagevet/version"
)

// A Set is a number of documents, ready to be compared with. It is safe for
// concurrent use.
type Set struct {
	docs []*Document
	// byID finds products by the ID of the flaw, in upper case, and a key of the
	// product.
	byID map[string]map[string][]entry
}

// An entry is a product of a statement.
type entry struct {
	doc, statement int
	product        *product
}

// A product is a [Product] with its names read.
type product struct {
	of       *Product
	packages []*purlmatch.Pattern
	images   []*purlmatch.Pattern // package URLs of types "oci" and "docker"
	cpes     []cpe
	refs     []imageRef
	exact    []string // versions
	ranges   []version.Range
	within   *product
}

// NewSet reads the names in documents, the later of which are stronger where
// nothing else decides. The error tells of a name that is none, which documents
// of [Parse] do not have. The documents must not be changed afterwards.
func NewSet(docs ...*Document) (*Set, error) {
	s := &Set{docs: slices.Clone(docs), byID: map[string]map[string][]entry{}}
	read := map[*Product]*product{} // many products are within one
	for d, doc := range docs {
		for i := range doc.Statements {
			st := &doc.Statements[i]
			for j := range st.Products {
				p, err := readProduct(&st.Products[j], read, 0)
				if err != nil {
					return nil, fmt.Errorf("vex: %s: %s: %w", doc.Name, st.Ref, err)
				}
				for _, id := range st.IDs {
					id = strings.ToUpper(id)
					if s.byID[id] == nil {
						s.byID[id] = map[string][]entry{}
					}
					for _, k := range p.keys() {
						s.byID[id][k] = append(s.byID[id][k], entry{d, i, p})
					}
				}
			}
		}
	}
	return s, nil
}

// Documents returns the documents, in the order in which NewSet got them.
func (s *Set) Documents() []*Document { return slices.Clone(s.docs) }

func readProduct(in *Product, read map[*Product]*product, depth int) (*product, error) {
	if p, ok := read[in]; ok {
		return p, nil
	}
	if depth > maxDepth {
		return nil, fmt.Errorf("products within products, more than %d times", maxDepth)
	}
	p := &product{of: in}
	for _, purl := range in.PURLs {
		pattern, err := purlmatch.Parse(purl)
		if err != nil {
			return nil, fmt.Errorf("package URL %q: %w", purl, err)
		}
		if isImage(pattern) {
			// The colon of a digest is often escaped twice.
			if twice := strings.Replace(pattern.Version(), "%3A", ":", 1); isDigest(twice) && twice != pattern.Version() {
				if pattern, err = purlmatch.Parse(strings.Replace(purl, "%253A", "%3A", 1)); err != nil {
					return nil, fmt.Errorf("package URL %q: %w", purl, err)
				}
			}
			p.images = append(p.images, pattern)
		} else {
			p.packages = append(p.packages, pattern)
		}
	}
	for _, name := range in.CPEs {
		c, ok := parseCPE(name)
		if !ok {
			return nil, fmt.Errorf("no CPE: %q", name)
		}
		p.cpes = append(p.cpes, c)
	}
	for _, name := range in.Images {
		ref, ok := parseImage(name)
		if !ok {
			return nil, fmt.Errorf("no image: %q", name)
		}
		p.refs = append(p.refs, ref)
	}
	for _, v := range in.Versions {
		if !strings.HasPrefix(v, "vers:") {
			p.exact = append(p.exact, v)
			continue
		}
		r, err := version.ParseVERS(v)
		if err != nil {
			return nil, err
		}
		p.ranges = append(p.ranges, r)
	}
	if in.Within != nil {
		var err error
		if p.within, err = readProduct(in.Within, read, depth+1); err != nil {
			return nil, err
		}
		read[in.Within] = p.within
	}
	return p, nil
}

func isImage(p *purlmatch.Pattern) bool { return p.Type() == "oci" || p.Type() == "docker" }

// keys are where a product is looked up. A finding asks for those of its
// package and of its image.
func (p *product) keys() []string {
	var keys []string
	for _, pattern := range p.packages {
		keys = append(keys, "p:"+pattern.Key(), "n:"+strings.ToLower(pattern.Name()), "n:"+strings.ToLower(pattern.FullName()))
	}
	for _, pattern := range p.images {
		if isDigest(pattern.Version()) {
			keys = append(keys, "d:"+pattern.Version())
		} else {
			keys = append(keys, "o:"+strings.ToLower(pattern.Name()))
		}
	}
	for _, c := range p.cpes {
		keys = append(keys, c.key())
	}
	for _, d := range p.of.Digests {
		keys = append(keys, "d:"+d)
	}
	for _, r := range p.refs {
		if r.digest != "" {
			keys = append(keys, "d:"+r.digest)
		} else {
			keys = append(keys, "r:"+r.repository)
		}
	}
	if p.of.BOM != "" {
		keys = append(keys, "b:"+serial(p.of.BOM))
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

func (c cpe) key() string { return "c:" + c.vendor + ":" + c.product }

// A Match is a statement that is about a finding.
type Match struct {
	Document  *Document
	Statement *Statement
	// Index is that of the document in [Set.Documents].
	Index int
	// Product is the product of the statement that was recognised.
	Product *Product
}

// A Matcher finds the statements that are about packages of one inventory. It
// is for one goroutine at a time.
type Matcher struct {
	set      *Set
	bom      *inventory.BOM
	ref      imageRef // the zero value if the name is not known
	digests  []string
	arch     string
	releases []cpe
	serial   string
	keys     []string // of the image
	index    *index   // nil until it is needed
}

// For returns a matcher for the packages of an inventory, which must not be
// changed while it is used.
func (s *Set) For(bom *inventory.BOM) *Matcher {
	m := &Matcher{set: s, bom: bom, serial: serial(bom.Document.ID), releases: releases(&bom.OS)}
	t := &bom.Target
	add := func(digest string) {
		if isDigest(digest) {
			m.digests = appendOnce(m.digests, digest)
		}
	}
	add(t.Digest)
	add(t.ImageID)
	switch t.Kind {
	case "docker-archive", "oci-layout", "oci-archive", "rootfs", "tree": // their name is that of a file
	default:
		m.ref, _ = parseImage(t.Name)
		add(m.ref.digest)
	}
	if _, rest, ok := strings.Cut(t.Platform, "/"); ok {
		m.arch, _, _ = strings.Cut(rest, "/")
	}
	for _, d := range m.digests {
		m.keys = append(m.keys, "d:"+d)
	}
	if r := m.ref.repository; r != "" {
		m.keys = append(m.keys, "r:"+r, "o:"+r[strings.LastIndexByte(r, '/')+1:])
	}
	for _, c := range m.releases {
		m.keys = append(m.keys, c.key())
	}
	if bom.Document.Format != "" && t.Name != "" {
		m.keys = append(m.keys, "n:"+strings.ToLower(t.Name))
	}
	if m.serial != "" {
		m.keys = append(m.keys, "b:"+m.serial)
	}
	return m
}

// releases returns the CPEs of a distribution: its own, and that by which
// vendors name it.
func releases(os *inventory.OS) []cpe {
	var out []cpe
	add := func(name string) {
		if c, ok := parseCPE(name); ok && !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	if os.CPE != "" {
		add(os.CPE)
	}
	if os.Version == "" {
		return out
	}
	v := strings.ReplaceAll(os.Version, ":", "")
	switch os.ID {
	case "rhel":
		add("cpe:/o:redhat:enterprise_linux:" + v)
	case "sles":
		major, pack, ok := strings.Cut(v, ".")
		if ok {
			pack = ":sp" + pack
		}
		add("cpe:/o:suse:sles:" + major + pack)
	case "opensuse-leap":
		add("cpe:/o:opensuse:leap:" + v)
	case "debian":
		add("cpe:/o:debian:debian_linux:" + v)
	case "ubuntu":
		add("cpe:/o:canonical:ubuntu_linux:" + v)
	case "alpine":
		add("cpe:/o:alpinelinux:alpine_linux:" + v)
	}
	return out
}

// A part is the package of a finding.
type part struct {
	p       *inventory.Package
	subject *purlmatch.Subject // nil without a package URL
	cpes    []cpe
	holders *holders // nil until they are needed
}

// Match returns the statements on a flaw, of which ids are the ID and the
// aliases, in a package of the inventory. The one that wins comes first.
func (m *Matcher) Match(ids []string, p *inventory.Package) []Match {
	of := part{p: p, subject: subjectOf(p, p.PURL, &m.bom.OS)}
	keys := m.keys[:len(m.keys):len(m.keys)]
	if of.subject != nil {
		for _, k := range of.subject.Keys() {
			keys = append(keys, "p:"+k)
		}
	}
	for _, name := range p.CPEs {
		if c, ok := parseCPE(name); ok {
			of.cpes = append(of.cpes, c)
			keys = append(keys, c.key())
		}
	}
	slices.Sort(keys)
	keys = slices.Compact(keys)
	var out []Match
	type place struct{ doc, statement int }
	seen := map[place]bool{}
	var asked []string
	for _, id := range ids {
		id = strings.ToUpper(id)
		byKey := m.set.byID[id]
		if byKey == nil || slices.Contains(asked, id) {
			continue
		}
		asked = append(asked, id)
		for _, k := range keys {
			for _, e := range byKey[k] {
				at := place{e.doc, e.statement}
				if seen[at] || !m.isAbout(e.product, &of) {
					continue
				}
				seen[at] = true
				doc := m.set.docs[e.doc]
				out = append(out, Match{Document: doc, Statement: &doc.Statements[e.statement], Index: e.doc, Product: e.product.of})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Match) int {
		return cmp.Or(
			b.Statement.Time.Compare(a.Statement.Time), cmp.Compare(b.Index, a.Index),
			cmp.Compare(a.Statement.Status.caution(), b.Statement.Status.caution()), cmp.Compare(a.Statement.Ref, b.Statement.Ref),
		)
	})
	return out
}

// subjectOf reads a package URL; of what has none, nothing is said.
func subjectOf(p *inventory.Package, purl string, os *inventory.OS) *purlmatch.Subject {
	if purl == "" {
		return nil
	}
	in := purlmatch.Subject{PURL: purl, Codename: os.Codename}
	if p != nil {
		in.SourceName, in.SourceVersion = p.Source.Name, p.Source.Version
	}
	s, err := purlmatch.NewSubject(in)
	if err != nil {
		return nil
	}
	return s
}

// isAbout reports whether a product is what has the flaw.
func (m *Matcher) isAbout(p *product, of *part) bool {
	if m.isNamedImage(p) || m.isRelease(p) && ofVendor(of.p) {
		// A digest says it all; a name leaves open what the image is a part of.
		return m.byDigest(p) || p.within == nil || m.holds(p.within, of)
	}
	if !p.isPackage(of) || !p.hasVersion(of.p.Version) {
		return false
	}
	return p.within == nil || m.holds(p.within, of)
}

// isPackage reports whether a product is the package.
func (p *product) isPackage(of *part) bool {
	if of.subject != nil && slices.ContainsFunc(p.packages, func(x *purlmatch.Pattern) bool { return x.Matches(of.subject) }) {
		return true
	}
	return slices.ContainsFunc(p.cpes, func(c cpe) bool { return slices.ContainsFunc(of.cpes, c.covers) })
}

// hasVersion reports whether a version is one that is meant.
func (p *product) hasVersion(text string) bool {
	if len(p.exact)+len(p.ranges) == 0 {
		return true
	}
	if slices.ContainsFunc(p.exact, func(v string) bool { return strings.TrimPrefix(v, "v") == strings.TrimPrefix(text, "v") }) {
		return true
	}
	return slices.ContainsFunc(p.ranges, func(r version.Range) bool {
		v, err := version.Parse(r.Scheme(), text)
		return err == nil && r.Contains(v)
	})
}

// ofVendor reports whether a package is the distribution's own. Of others its
// vendor says nothing.
func ofVendor(p *inventory.Package) bool {
	_, third := distro.ThirdParty(*p)
	return codec.OfDistribution(p.Type) && !third
}

// isRelease reports whether a product is the distribution.
func (m *Matcher) isRelease(p *product) bool {
	return p.hasVersion(m.bom.OS.Version) && slices.ContainsFunc(p.cpes, func(c cpe) bool { return slices.ContainsFunc(m.releases, c.coversRelease) })
}

// isNamedImage reports whether a product is what was scanned: the image or the
// bill of materials.
func (m *Matcher) isNamedImage(p *product) bool {
	if m.byDigest(p) {
		return true
	}
	t := &m.bom.Target
	if !p.hasVersion(m.ref.tag) && !p.hasVersion(t.Version) {
		return false
	}
	if slices.ContainsFunc(p.images, m.isNamed) {
		return true
	}
	for _, r := range p.refs {
		if r.digest == "" && r.repository == m.ref.repository && (r.tag == "" || r.tag == m.ref.tag) {
			return true
		}
	}
	if p.of.BOM != "" && m.serial != "" && serial(p.of.BOM) == m.serial {
		return true
	}
	// What a bill of materials is about has a name and version there.
	return m.bom.Document.Format != "" && t.Name != "" && slices.ContainsFunc(p.packages, func(x *purlmatch.Pattern) bool {
		return (t.Name == x.Name() || t.Name == x.FullName()) && (x.Version() == "" || x.Version() == t.Version)
	})
}

// byDigest reports whether a product is the image by its digest.
func (m *Matcher) byDigest(p *product) bool {
	for _, d := range p.of.Digests {
		if slices.Contains(m.digests, d) {
			return true
		}
	}
	for _, r := range p.refs {
		if r.digest != "" && slices.Contains(m.digests, r.digest) {
			return true
		}
	}
	return slices.ContainsFunc(p.images, func(x *purlmatch.Pattern) bool {
		return isDigest(x.Version()) && slices.Contains(m.digests, x.Version()) && m.hasArch(x)
	})
}

func (m *Matcher) hasArch(p *purlmatch.Pattern) bool {
	arch := p.Qualifier("arch")
	return arch == "" || m.arch == "" || arch == m.arch
}

// isNamed reports whether a package URL without a digest is that of the image:
// https://github.com/package-url/purl-spec/blob/main/types-doc/oci-definition.md
func (m *Matcher) isNamed(p *purlmatch.Pattern) bool {
	if m.ref.repository == "" || isDigest(p.Version()) || !m.hasArch(p) {
		return false
	}
	for _, tag := range []string{p.Version(), p.Qualifier("tag")} {
		if tag != "" && tag != m.ref.tag {
			return false
		}
	}
	name, url := strings.ToLower(p.Name()), strings.TrimSuffix(p.Qualifier("repository_url"), "/")
	url = strings.TrimPrefix(strings.TrimPrefix(url, "https://"), "http://")
	if p.Type() == "docker" {
		full := name
		if p.Namespace() != "" {
			full = strings.ToLower(p.Namespace()) + "/" + name
		}
		if url == "" {
			url = "docker.io"
		}
		return fullRepository(url+"/"+full) == m.ref.repository
	}
	if url == "" {
		return strings.HasSuffix(m.ref.repository, "/"+name)
	}
	// It is the whole repository, or the registry and perhaps a part of it.
	return fullRepository(url) == m.ref.repository || fullRepository(url+"/"+name) == m.ref.repository
}

// holds reports whether a package is within a product.
func (m *Matcher) holds(p *product, of *part) bool {
	if !m.isNamedImage(p) && !m.isRelease(p) && !m.isHolder(p, of) {
		return false
	}
	return p.within == nil || m.byDigest(p) || m.holds(p.within, of)
}
