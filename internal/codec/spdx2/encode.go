package spdx2

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spdx/tools-golang/spdx/v2/common"
	spdx "github.com/spdx/tools-golang/spdx/v2/v2_3"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// documentID is the identifier of all documents: section 6.3.
const documentID common.ElementID = "DOCUMENT"

// A sink writes the elements of a document: the head, all packages, all
// licences and all relationships, in this order.
type sink interface {
	head(d *spdx.Document)
	pkg(p *spdx.Package)
	license(l *spdx.OtherLicense)
	relationship(from common.ElementID, kind string, to common.ElementID)
	// close ends the document and returns the first error of all.
	close() error
}

// EncodeJSON writes a document in JSON.
func EncodeJSON(w io.Writer, b *inventory.BOM, opts *codec.Options) error {
	version, err := versionOf(opts.Version)
	if err != nil {
		return err
	}
	return encode(newJSONSink(w, version, opts.Compact), version, b, opts)
}

// EncodeTagValue writes a document as tag-value.
func EncodeTagValue(w io.Writer, b *inventory.BOM, opts *codec.Options) error {
	version, err := versionOf(opts.Version)
	if err != nil {
		return err
	}
	return encode(newTagSink(w, opts.Compact), version, b, opts)
}

// An encoder makes SPDX elements of an inventory.
type encoder struct {
	out      sink
	version  string
	opts     *codec.Options
	created  string
	refs     codec.Refs
	ids      map[common.ElementID]bool
	licenses licenses
}

// A part is an inventory with the identifiers of its elements.
type part struct {
	bom        *inventory.BOM
	target, os common.ElementID
	packages   []common.ElementID
	advisories map[string][]string // by package URL
	parts      []*part
}

func encode(out sink, version string, b *inventory.BOM, opts *codec.Options) error {
	e := &encoder{out: out, version: version, opts: opts, created: created(b, opts), ids: map[common.ElementID]bool{}}
	name := targetName(&b.Target)
	out.head(&spdx.Document{
		SPDXVersion: "SPDX-" + version, DataLicense: spdx.DataLicense, SPDXIdentifier: documentID, DocumentName: name,
		DocumentNamespace: "https://spdx.org/spdxdocs/" + url.PathEscape(name) + "-" + codec.UUID(b, opts, "spdx"+version),
		CreationInfo:      &spdx.CreationInfo{Creators: creators(opts), Created: e.created},
	})
	root := e.elements(b, opts.Supplier)
	for _, l := range e.licenses.list {
		out.license(l)
	}
	out.relationship(documentID, common.TypeRelationshipDescribe, root.target)
	e.relationships(root)
	return out.close()
}

// created is the time that the document states. It is mandatory, and nothing
// may depend on a clock: where the time is not given, it is when the image was
// built, and where nobody knows that the beginning of Unix time, which the
// decoders take for an unknown time.
func created(b *inventory.BOM, opts *codec.Options) string {
	for _, t := range []time.Time{opts.Created, b.Target.Created} {
		if !t.IsZero() {
			return codec.FormatTime(t)
		}
	}
	return codec.FormatTime(time.Unix(0, 0))
}

// creators are this library, the tools and the authors: section 6.8.
func creators(opts *codec.Options) []common.Creator {
	list := []common.Creator{{CreatorType: program, Creator: toolText(codec.Tool())}}
	for _, t := range opts.Tools {
		if name := toolText(t); name != "" {
			list = append(list, common.Creator{CreatorType: program, Creator: name})
		}
	}
	for _, a := range opts.Authors {
		if kind, name := stated(a, person); name != "" {
			list = append(list, common.Creator{CreatorType: kind, Creator: name})
		}
	}
	return list
}

// stated returns the party that text of the options means, of another kind if
// the text says so.
func stated(s, usual string) (kind, name string) {
	s = line(s)
	for _, kind := range []string{person, organization} {
		if rest, ok := strings.CutPrefix(s, kind+":"); ok {
			return kind, round(strings.TrimSpace(rest))
		}
	}
	return usual, round(s)
}

func targetName(t *inventory.Target) string { return cmp.Or(line(t.Name), unnamed) }

const unnamed = "unnamed"

// id makes a unique identifier of content: hash stands for what tells elements
// apart.
func (e *encoder) id(kind, name, content string) common.ElementID {
	sum := sha256.Sum256([]byte(content))
	id := common.ElementID(kind + "-" + token(name) + "-" + hex.EncodeToString(sum[:8]))
	for n := 2; e.ids[id]; n++ {
		id = common.ElementID(kind + "-" + token(name) + "-" + hex.EncodeToString(sum[:8]) + "-" + strconv.Itoa(n))
	}
	e.ids[id] = true
	return id
}

// elements writes the packages that stand for an inventory, and those in it.
func (e *encoder) elements(b *inventory.BOM, supplier string) *part {
	p := &part{bom: b}
	p.target = e.id("Target", b.Target.Name, e.refs.Unique("target:"+b.Target.Kind+"/"+b.Target.Name+"@"+cmp.Or(b.Target.Digest, b.Target.ImageID)))
	e.out.pkg(e.target(p, supplier))
	if hasOS(&b.OS) {
		p.os = e.id("OperatingSystem", b.OS.ID, e.refs.Unique("os:"+b.OS.ID+"@"+b.OS.Version))
		e.out.pkg(e.os(p))
	}
	if e.version != "2.2" {
		p.advisories = advisories(b.Vulnerabilities)
	}
	p.packages = make([]common.ElementID, len(b.Packages))
	for i, ref := range e.refs.Packages(b.Packages) {
		pkg := &b.Packages[i]
		p.packages[i] = e.id("Package", cmp.Or(pkg.Type, "unknown")+"-"+pkg.Name, ref)
		e.out.pkg(e.pkg(p, i))
	}
	for _, b := range b.Parts {
		p.parts = append(p.parts, e.elements(b, ""))
	}
	return p
}

// relationships writes what contains and depends on what.
func (e *encoder) relationships(p *part) {
	if p.os != "" {
		e.out.relationship(p.target, common.TypeRelationshipContains, p.os)
	}
	for _, id := range p.packages {
		e.out.relationship(p.target, common.TypeRelationshipContains, id)
	}
	for i, on := range codec.NewGraph(p.bom.Packages).On {
		for _, j := range on {
			e.out.relationship(p.packages[i], common.TypeRelationshipDependsOn, p.packages[j])
		}
	}
	for _, child := range p.parts {
		e.out.relationship(p.target, common.TypeRelationshipContains, child.target)
		e.relationships(child)
	}
}

// advisories are the addresses of advisories by the package URL of what has the
// flaw.
func advisories(list []inventory.Vulnerability) map[string][]string {
	all := map[string][]string{}
	seen := map[[2]string]bool{}
	for i := range list {
		v := &list[i]
		address := "https://osv.dev/vulnerability/" + url.PathEscape(v.ID)
		for _, ref := range v.References {
			if (strings.HasPrefix(ref, "https://") || strings.HasPrefix(ref, "http://")) && plain(ref) {
				address = ref
				break
			}
		}
		for _, a := range v.Affects {
			pair := [2]string{a.PURL, address}
			if a.PURL != "" && a.Status != "unaffected" && !seen[pair] {
				seen[pair] = true
				all[a.PURL] = append(all[a.PURL], address)
			}
		}
	}
	return all
}
