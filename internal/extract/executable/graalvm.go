package executable

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/package-url/packageurl-go"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/internal/objfile"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// Limits of the document in a native image. It has some 500 bytes for each
// library, and lists the classes too where that was asked for.
const (
	maxSBOMPacked = 16 << 20
	maxSBOM       = 64 << 20
	maxComponents = 50_000
	maxGraalEdges = 500_000
)

// A graalBOM is what is of interest in the document:
// https://cyclonedx.org/docs/1.5/json/.
type graalBOM struct {
	Format     string           `json:"bomFormat"`
	Components []graalComponent `json:"components"`
	Edges      []struct {
		Ref       string   `json:"ref"`
		DependsOn []string `json:"dependsOn"`
	} `json:"dependencies"`
}

type graalComponent struct {
	Ref      string `json:"bom-ref"`
	Type     string `json:"type"`
	Group    string `json:"group"`
	Name     string `json:"name"`
	Version  string `json:"version"`
	PURL     string `json:"purl"`
	CPE      string `json:"cpe"`
	Licenses []struct {
		Expression string `json:"expression"`
		License    struct {
			ID   string `json:"id"`
			Name string `json:"name"`
		} `json:"license"`
	} `json:"licenses"`
}

// graal takes the packages of the document that the symbols sbom and
// sbom_length lead to. It reports whether there is one.
func (x *reading) graal(m *objfile.Image, r io.ReaderAt) (bool, error) {
	symbols, err := m.Symbols(r, "sbom", "sbom_length")
	if err != nil || symbols == nil {
		return false, err
	}
	const what = "the bill of materials of a native image"
	at, _, ok := m.Offset(symbols["sbom_length"])
	if !ok {
		x.problems.Add("%s: no length at address %#x", what, symbols["sbom_length"])
		return false, nil
	}
	field, err := x.part(r, objfile.Range{Offset: at, Size: 8}, what, 8)
	if err != nil || field == nil {
		return false, err
	}
	size := m.Order.Uint64(field)
	at, room, ok := m.Offset(symbols["sbom"])
	if !ok || size > uint64(room) {
		x.problems.Add("%s: no %d bytes at address %#x", what, size, symbols["sbom"])
		return false, nil
	}
	packed, err := x.part(r, objfile.Range{Offset: at, Size: int64(size)}, what, maxSBOMPacked)
	if err != nil || packed == nil {
		return false, err
	}
	bom, err := inflateBOM(packed)
	if err != nil {
		x.problems.Add("%s: %v", what, err)
	}
	if bom == nil {
		return false, nil
	}
	x.components(bom)
	return true, nil
}

// inflateBOM reads the document. What could be read of it may come with an
// error.
func inflateBOM(packed []byte) (*graalBOM, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(z, maxSBOM+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxSBOM {
		return nil, fmt.Errorf("more than %d bytes", maxSBOM)
	}
	bom := new(graalBOM)
	err = json.Unmarshal(text, bom)
	if _, ok := errors.AsType[*json.UnmarshalTypeError](err); err != nil && !ok {
		return nil, err
	}
	if bom.Format != "CycloneDX" {
		return nil, fmt.Errorf("format %q", lines.Clip(bom.Format))
	}
	return bom, err // a field of another type leaves the others
}

// components adds the packages of a document, with what they require.
func (x *reading) components(bom *graalBOM) {
	type place struct {
		index int // in the packages
		name  string
	}
	places := map[string]place{} // by reference
	for i := range bom.Components {
		if i == maxComponents {
			x.problems.Add("a native image has more than %d components", maxComponents)
			break
		}
		c := &bom.Components[i]
		pkg, ok := x.component(c)
		if !ok {
			continue
		}
		name := pkg.Name + "@" + pkg.Version
		if pkg.Namespace != "" {
			name = pkg.Namespace + "/" + name
		}
		if _, again := places[c.Ref]; c.Ref != "" && !again {
			places[c.Ref] = place{len(x.facts.Packages), name}
		}
		x.facts.Packages = append(x.facts.Packages, pkg)
	}
	total := 0
	for _, edge := range bom.Edges {
		from, ok := places[edge.Ref]
		if !ok {
			continue
		}
		if total += len(edge.DependsOn); total > maxGraalEdges {
			x.problems.Add("a native image has more than %d dependencies", maxGraalEdges)
			break
		}
		pkg := &x.facts.Packages[from.index]
		known := map[string]bool{}
		for _, name := range pkg.Requires {
			known[name] = true
		}
		for _, ref := range edge.DependsOn {
			if to, ok := places[ref]; ok && !known[to.name] {
				known[to.name] = true
				pkg.Requires = append(pkg.Requires, to.name)
			}
		}
	}
}

// component makes a package of a component.
func (x *reading) component(c *graalComponent) (inventory.Package, bool) {
	pkg := inventory.Package{Type: "maven", Namespace: c.Group, Name: c.Name, Version: c.Version}
	if c.PURL != "" {
		url, err := packageurl.FromString(c.PURL)
		if err != nil {
			x.problems.Add("component %q: package URL %q: %v", lines.Clip(c.Name), lines.Clip(c.PURL), err)
			return pkg, false
		}
		pkg.Type, pkg.Namespace, pkg.Name, pkg.Version = url.Type, url.Namespace, url.Name, url.Version
	}
	switch {
	case pkg.Name == "" || pkg.Type == "":
		x.problems.Add("component %q has no name", lines.Clip(c.Ref))
		return pkg, false
	case c.PURL == "" && c.Group == "":
		// A part of the image that was not published by this name, such as a
		// module of the application.
		x.facts.Ignored++
		return pkg, false
	case pkg.Version == "":
		x.problems.Add("package %q has no version", lines.Clip(pkg.Name))
		return pkg, false
	}
	if c.CPE != "" {
		pkg.CPEs = []string{c.CPE}
	}
	for _, l := range c.Licenses {
		for _, name := range []string{l.Expression, l.License.ID, l.License.Name} {
			if name != "" {
				pkg.Licenses = append(pkg.Licenses, name)
				break
			}
		}
	}
	return pkg, true
}
