package spdx2

import (
	"cmp"
	"slices"
	"strings"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// What Trivy says in annotations (earlier in attribution texts), as
// "NAME: VALUE": https://trivy.dev/docs/latest/supply-chain/sbom/.
const (
	trivyClass    = "Class"
	trivyDiffID   = "DiffID"
	trivyFilePath = "FilePath"
	trivyImageID  = "ImageID"
	trivyLayer    = "LayerDigest"
	trivyLayerID  = "LayerDiffID"
	trivyModule   = "Modularitylabel"
	trivyDigest   = "RepoDigest"
	trivyType     = "Type"
)

// isTrivy reports whether a note is one that is used.
func isTrivy(name string) bool {
	switch name {
	case trivyClass, trivyDiffID, trivyFilePath, trivyImageID, trivyLayer, trivyLayerID, trivyModule, trivyDigest, trivyType:
		return true
	}
	return false
}

// The beginnings of identifiers and of source information by which Trivy and
// Syft tell what a package is.
const (
	trivyOS          = "SPDXRef-OperatingSystem-"
	trivyApplication = "SPDXRef-Application-"
	syftRoot         = "SPDXRef-DocumentRoot-"

	trivyBuiltFrom = "built package from: "
	trivyFoundIn   = "package found in: "
	syftAcquired   = "acquired package info from "
	syftEvidentBy  = "evident-by"
	syftLayer      = "layerID: "
)

// isRoot reports whether an element looks like what a whole document is about.
func (e *element) isRoot() bool {
	if e.purpose == purposeContainer || strings.HasPrefix(e.id, syftRoot) {
		return true
	}
	_, p := e.purl(nil)
	return isImage(p.Type)
}

// foreignRole returns what an element of another tool is that is not described.
func (e *element) foreignRole(byTrivy bool) role {
	if len(e.purls) > 0 {
		return rolePackage
	}
	switch {
	case isOS(e.purpose), strings.HasPrefix(e.id, trivyOS):
		return roleOS
	case e.said(trivyClass) == "lang-pkgs", strings.HasPrefix(e.id, trivyApplication), byTrivy && e.purpose == purposeApplication:
		return roleFile
	}
	return rolePackage
}

// file is the path of the file that Trivy takes for an application, or "". Old
// versions wrote the type of packages as the name, and the path behind it; for
// packages that have files of their own, the name is the type still.
func (e *element) file() string {
	if e.sourceInfo != "" {
		return rooted(e.sourceInfo)
	}
	if e.name == e.said(trivyType) || !strings.ContainsAny(e.name, "./") {
		return ""
	}
	return rooted(e.name)
}

// rooted makes a path relative to the root.
func rooted(path string) string {
	return strings.TrimPrefix(strings.TrimPrefix(strings.TrimSpace(path), "./"), "/")
}

// foreignFacts completes a package by what only certain tools tell.
func (e *element) foreignFacts(p *inventory.Package, byTrivy bool) {
	paths := e.paths
	source := strings.TrimSpace(e.sourceInfo)
	if rest, ok := strings.CutPrefix(source, trivyBuiltFrom); ok {
		name, version, _ := strings.Cut(strings.TrimSpace(rest), " ")
		p.Source = inventory.Source{Name: name, Version: version}
	} else if rest, ok := strings.CutPrefix(source, trivyFoundIn); ok {
		paths = append(paths, rooted(rest))
	} else if rest, ok := strings.CutPrefix(source, syftAcquired); ok {
		if _, list, ok := strings.Cut(rest, ": "); ok {
			for path := range strings.SplitSeq(list, ", ") {
				paths = append(paths, rooted(path))
			}
		}
	}
	p.Layer = e.layer
	for _, n := range e.notes {
		switch n.Name {
		case trivyFilePath:
			paths = append(paths, rooted(n.Value))
		case trivyLayer:
			p.Layer.Digest = n.Value
		case trivyLayerID:
			p.Layer.DiffID = n.Value
		case trivyModule:
			p.Module = n.Value
		}
	}
	slices.Sort(paths)
	p.Paths = slices.DeleteFunc(slices.Compact(paths), func(path string) bool { return path == "" })
	if len(p.Paths) == 0 {
		p.Paths = nil
	}
	// Trivy writes the maintainer as the supplier, but for rpm, of which it
	// knows the vendor.
	if byTrivy && p.Type != "rpm" && p.Maintainer == "" {
		p.Vendor, p.Maintainer = "", p.Vendor
	}
}

// foreignTarget takes the described element for the target.
func (e *element) foreignTarget(b *inventory.BOM, documentName string) {
	purl, p := e.purl(nil)
	t := &b.Target
	t.Name = cmp.Or(e.name, documentName)
	if t.Name == "." { // Trivy, of a folder
		t.Name = cmp.Or(documentName, t.Name)
	}
	t.Version, t.Digest = says(e.version), ""
	if digest := digestOf(t.Version); digest != "" {
		t.Version, t.Digest = "", digest
	}
	if isImage(p.Type) {
		t.Digest = cmp.Or(t.Digest, digestOf(p.Version))
	}
	_, repoDigest, _ := strings.Cut(e.said(trivyDigest), "@")
	t.Digest = cmp.Or(t.Digest, digestOf(repoDigest))
	if e.purpose == purposeContainer || isImage(p.Type) {
		for _, h := range e.hashes {
			t.Digest = cmp.Or(t.Digest, checksumDigest(h))
		}
	}
	if purl != "" && t.Version == "" && !isImage(p.Type) {
		t.Version = p.Version
	}
	t.ImageID = digestOf(e.said(trivyImageID))
	// Trivy sorts the layers by their digest, so that their order is known only
	// where there is one.
	var layers []inventory.Layer
	for _, n := range e.notes {
		if n.Name == trivyDiffID {
			layers = append(layers, inventory.Layer{DiffID: n.Value})
		}
	}
	if len(layers) == 1 {
		b.Layers = layers
	}
}

// madeByTrivy reports whether Trivy made the document.
func madeByTrivy(tools []inventory.Tool) bool {
	return slices.ContainsFunc(tools, func(t inventory.Tool) bool { return t.Name == "trivy" })
}

// setOS takes an element for the distribution.
func (e *element) setOS(c *codec.Collector) {
	os := &c.BOM.OS
	if os.ID != "" {
		c.Problem("there is more than one operating system: %s is left out", codec.Quote(e.name+" "+e.version))
		return
	}
	os.ID, os.Version = strings.ToLower(e.name), says(e.version)
}
