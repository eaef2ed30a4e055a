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
	var best, only *candidate
	most, own := 0, 0
	for i := range candidates {
		c := &candidates[i]
		if !c.own {
			continue
		}
		own++
		only = c
		score := 2 * c.score(stem, m)
		if score > 0 && c.group == m["implementation-vendor-id"] {
			score++ // the same artifact has moved from group to group
		}
		if score > most {
			best, most = c, score
		}
	}
	if best == nil && own == 1 && only.mayBe(stem, m) {
		return only
	}
	return best
}

// score tells how sure it is that the archive is the candidate, 0 if nothing
// says so.
func (c *candidate) score(stem string, m manifest) int {
	rest, ok := strings.CutPrefix(stem, c.artifact)
	ok = ok && c.artifact != ""
	version, hyphen := strings.CutPrefix(rest, "-")
	switch {
	case c.version != "" && ok && hyphen && version == c.version:
		return 6
	case c.version != "" && ok && hyphen && strings.HasPrefix(version, c.version):
		return 5 // a classifier follows
	case ok && rest == "":
		return 4
	case c.version == "" || !c.mayBe(stem, m):
		return 0
	}
	symbolic, _, _ := strings.Cut(m["bundle-symbolicname"], ";")
	switch {
	case m["implementation-title"] == c.artifact && m["implementation-version"] == c.version:
		return 3
	case strings.TrimSpace(symbolic) == c.group+"."+c.artifact,
		m["implementation-vendor-id"] == c.group && m["implementation-version"] == c.version:
		return 2
	case ok && hyphen && startsWithDigit(version):
		return 1 // another version, by who has renamed the file
	}
	return 0
}

// mayBe reports whether the archive can be the candidate: not if both name and
// version of the file, or of the file and the manifest, are different. An
// archive that another one is shaded into often has the other's manifest, and
// always its pom.
func (c *candidate) mayBe(stem string, m manifest) bool {
	artifact, version := splitName(stem)
	if artifact == c.artifact {
		return true
	}
	if version != "" && !strings.HasSuffix(version, ".x") {
		return version == c.version
	}
	if strings.Contains(stem, c.artifact) || strings.Contains(c.artifact, stem) {
		return true
	}
	for _, version := range []string{m["implementation-version"], m["bundle-version"]} {
		if startsWithDigit(version) && c.version != "" {
			return extends(version, c.version) || extends(c.version, version)
		}
	}
	return true
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
// the name of its file and its manifest. The name is right more often where it
// has a version, as a repository gave it then: manifests are copied from what
// is shaded in, and are not updated.
func guess(stem string, m manifest) (artifact, version string) {
	version = m["implementation-version"]
	if !startsWithDigit(version) {
		version = ""
	}
	artifact, named := splitName(stem)
	_, word, _ := strings.Cut(named, "-")
	switch {
	case version != "" && strings.HasSuffix(stem, "-"+version):
		artifact, named = stem[:len(stem)-len(version)-1], version
	case version != "" && word != "" && !startsWithDigit(word) && !extends(version, named) && !extends(named, version):
		// "1.2-api" is part of the artifact log4j-1.2-api.
		artifact, named = stem, ""
	case named != "" && !strings.HasSuffix(named, ".x"):
		version = named
	}
	if version == "" && startsWithDigit(m["bundle-version"]) {
		// It has three numbers at least, whatever the artifact's has, and is
		// the last choice for that.
		version = m["bundle-version"]
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
