package jar

import (
	"strings"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// A candidate is an artifact that a pom in the archive names.
type candidate struct {
	pom
	name string // of the member
	own  bool   // it is at the root, where that of the archive itself is
}

// identify adds the archive's own package and those that are shaded into it.
func (a *archive) identify() error {
	stem := a.base
	if isArchive([]byte(stem)) {
		stem = stem[:len(stem)-4]
	}
	if isSourceName(stem) && !a.classes && len(a.nested) == 0 {
		a.facts.Ignored++
		return nil
	}
	var m manifest
	if a.manifest != nil {
		text, err := a.text(a.manifest, maxManifest)
		if err != nil {
			return err
		}
		m = parseManifest(text)
	}
	candidates, err := a.candidates()
	if err != nil {
		return err
	}
	self := choose(candidates, stem, m)
	if err := a.addSelf(self, stem, m); err != nil {
		return err
	}
	for i := range candidates {
		c := &candidates[i]
		if c == self {
			continue
		}
		place := a.place(c.name)
		if c.version == "" || c.artifact == "" {
			a.problems.Add("%q: package %q has no version", lines.Clip(place), lines.Clip(c.artifact))
			continue
		}
		if err := a.add(inventory.Package{
			Type: "maven", Namespace: c.group, Name: c.artifact, Version: c.version,
			Bundled: true, Within: place,
		}); err != nil {
			return err
		}
	}
	return nil
}

// candidates reads the poms of the archive: pom.properties, and pom.xml where
// that is missing beside it or says too little.
func (a *archive) candidates() ([]candidate, error) {
	var list []candidate
	byFolder := make(map[string]int)
	for _, wantXML := range []bool{false, true} {
		for i := range a.poms {
			m := &a.poms[i]
			folder := m.name[:strings.LastIndexByte(m.name, '/')+1]
			if strings.HasSuffix(m.name, ".xml") != wantXML {
				continue
			}
			at, known := byFolder[folder]
			if known && (!wantXML || list[at].version != "") {
				continue
			}
			c := candidate{name: m.name, own: strings.HasPrefix(m.name, mavenFolder)}
			if wantXML {
				text, err := a.text(m, maxPOM)
				if err != nil {
					return nil, err
				}
				if c.pom, err = parsePOM(text); err != nil && len(text) > 0 {
					a.problems.Add("%q: %v", lines.Clip(a.place(m.name)), err)
				}
			} else {
				text, err := a.text(m, maxProperties)
				if err != nil {
					return nil, err
				}
				c.pom = parseProperties(text)
			}
			// Maven names the folder after the artifact.
			group, artifact := coordinatesOf(m.name)
			if c.group == "" {
				c.group = group
			}
			if c.artifact == "" {
				c.artifact = artifact
			}
			if known {
				list[at].pom.version, list[at].licences = c.version, c.licences
				continue
			}
			byFolder[folder] = len(list)
			list = append(list, c)
		}
	}
	return list, nil
}

// choose returns the candidate that is the archive itself: the one that the
// name of the file names, or the manifest, or the only one.
func choose(candidates []candidate, stem string, m manifest) *candidate {
	var best *candidate
	most, own := 0, 0
	for i := range candidates {
		c := &candidates[i]
		if !c.own {
			continue
		}
		own++
		score := 0
		rest, ok := strings.CutPrefix(stem, c.artifact)
		version, hyphen := strings.CutPrefix(rest, "-")
		switch {
		case c.artifact == "" || !ok:
		case c.version != "" && hyphen && version == c.version:
			score = 6
		case c.version != "" && hyphen && strings.HasPrefix(version, c.version):
			score = 5 // a classifier follows
		case rest == "":
			score = 4
		}
		if score == 0 && c.version != "" {
			symbolic, _, _ := strings.Cut(m["bundle-symbolicname"], ";")
			switch {
			case m["implementation-title"] == c.artifact && m["implementation-version"] == c.version:
				score = 3
			case strings.TrimSpace(symbolic) == c.group+"."+c.artifact,
				m["implementation-vendor-id"] == c.group && m["implementation-version"] == c.version:
				score = 2
			case ok && hyphen && startsWithDigit(version):
				score = 1 // another version, by who has renamed the file
			}
		}
		if score > most {
			best, most = c, score
		}
	}
	if best != nil || own != 1 {
		return best
	}
	for i := range candidates {
		if c := &candidates[i]; c.own {
			// A file that is named after something else entirely is that, and
			// has the only candidate in it.
			if artifact, version := splitName(stem); version != "" && version != c.version && artifact != c.artifact {
				return nil
			}
			return c
		}
	}
	return nil
}

// addSelf adds the package that the archive is.
func (a *archive) addSelf(self *candidate, stem string, m manifest) error {
	p := inventory.Package{Type: "maven", Within: a.where, Vendor: m["implementation-vendor"]}
	if p.Vendor == "" {
		p.Vendor = m["bundle-vendor"]
	}
	if self != nil {
		p.Namespace, p.Name, p.Version = self.group, self.artifact, self.version
		p.Licenses = self.licences
		if p.Version == "" {
			_, p.Version = guess(stem, m)
		}
	} else {
		p.Name, p.Version = guess(stem, m)
		p.Namespace = group(p.Name, m, a.families)
	}
	if licence := m["bundle-license"]; licence != "" && licence != "DO NOT INCLUDE" && len(p.Licenses) == 0 {
		p.Licenses = []string{licence}
	}
	if p.Name == "" {
		a.problems.Add("%s has no name", subject(a.where))
		return nil
	}
	if self == nil || strings.HasSuffix(self.name, pomName) {
		digest, err := a.sha1()
		if err == errStop {
			// The package is known nevertheless.
			if err := a.add(p); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
		p.SHA1 = digest
	} else if len(p.Licenses) == 0 {
		licences, err := a.licences(self)
		if err != nil {
			return err
		}
		p.Licenses = licences
	}
	return a.add(p)
}

// licences returns those that the pom.xml beside a pom.properties declares.
func (a *archive) licences(self *candidate) ([]string, error) {
	name := strings.TrimSuffix(self.name, propertiesName) + pomName
	for i := range a.poms {
		if m := &a.poms[i]; m.name == name {
			text, err := a.text(m, maxPOM)
			if err != nil {
				return nil, err
			}
			// The licences are an extra here. A pom that ends early is no
			// reason to doubt what the pom.properties say.
			p, _ := parsePOM(text)
			return p.licences, nil
		}
	}
	return nil, nil
}

// guess returns the artifact and the version of an archive without a pom, from
// its manifest and the name of its file.
func guess(stem string, m manifest) (artifact, version string) {
	version = m["implementation-version"]
	if !startsWithDigit(version) {
		version = ""
	}
	artifact, named := splitName(stem)
	switch {
	case version == "":
		// The version of a bundle has three numbers at least, whatever the
		// artifact's has.
		if version = named; version == "" && startsWithDigit(m["bundle-version"]) {
			version = m["bundle-version"]
		}
	case named != "" && extends(version, named):
		// "1.68.0" in the manifest of bcprov-1.68.jar.
		version = named
	case strings.HasSuffix(stem, "-"+version):
		artifact = stem[:len(stem)-len(version)-1]
	}
	// A title that is meant for programs is better than the name of a file that
	// somebody chose, but not than one that the repository gave.
	if named == "" || version != named {
		for _, title := range []string{m["implementation-title"], m["bundle-name"]} {
			if isID(title) {
				return title, version
			}
		}
	} else if title := m["bundle-name"]; isID(title) && strings.HasSuffix(m["bundle-symbolicname"], "."+title) {
		return title, version
	}
	return artifact, version
}

// extends reports whether a version is another one and more, such as a
// qualifier.
func extends(long, short string) bool {
	rest, ok := strings.CutPrefix(long, short)
	return ok && (rest == "" || strings.ContainsAny(rest[:1], ".-+_ "))
}
