// Package secdb reads security databases in the form of Alpine Linux, which
// Wolfi, Chainguard and MinimOS use as well: for each source package, which
// version fixes which flaws. https://secdb.alpinelinux.org has those of Alpine;
// the form is described at https://github.com/chainguard-dev/wolfi-secdb.
//
// Documents are hostile: sizes are bounded, and what is wrong with one
// statement is told apart from what makes the document useless.
package secdb

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/imagevet/imagevet/internal/advisory"
	"github.com/imagevet/imagevet/internal/enrich"
)

// ErrUnknown says that a document does not tell whose it is.
var ErrUnknown = errors.New("a security database of no distribution that is known: neither urlprefix nor apkurl names Alpine, Wolfi, Chainguard or MinimOS")

// maxFixes bounds the statements of one document.
const maxFixes = 4 << 20

// A Database is a document.
type Database struct {
	// Ecosystem is OSV's name, such as "Alpine:v3.19" or "Wolfi".
	Ecosystem string
	// Fixes are in no order.
	Fixes []Fix
	// NeverAffected counts statements that a package never had a flaw, which
	// is what the version "0" means.
	NeverAffected int
	Bad           []enrich.Bad
}

// A Fix says that a version of a package fixes a flaw.
type Fix struct {
	// ID is the CVE of the flaw, or the first ID of it if it has none.
	ID string
	// Aliases are other IDs of the same flaw.
	Aliases []string
	// Package is the name of a source package.
	Package string
	// Version is the first that does not have the flaw.
	Version string
}

type jsonPackage struct {
	Pkg struct {
		Name     string              `json:"name"`
		Secfixes map[string][]string `json:"secfixes"`
	} `json:"pkg"`
}

// Read reads a document. The error wraps [ErrUnknown] if it does not tell whose
// it is.
func Read(r io.Reader) (*Database, error) {
	out := &Database{}
	var release, urls string
	lists := 0
	d := enrich.NewDocument(r)
	err := d.Fields(func(key string) (bool, error) {
		var s string
		switch key {
		case "urlprefix", "apkurl":
			wrong, err := d.Decode(&s)
			if wrong != "" {
				out.bad(key, wrong)
			}
			urls += s + "\n"
			return true, err
		case "distroversion":
			wrong, err := d.Decode(&s)
			if wrong != "" {
				err = errors.New(wrong)
			}
			release = s
			return true, err
		case "packages":
			lists++
			return true, d.Each(func(i int) error {
				var p jsonPackage
				wrong, err := d.Decode(&p)
				if err != nil {
					return err
				}
				where := fmt.Sprintf("entry %d", i)
				if wrong != "" {
					out.bad(where, wrong)
				}
				out.add(where, &p)
				if len(out.Fixes) > maxFixes || len(out.Bad) > maxFixes {
					return fmt.Errorf("more than %d statements", maxFixes)
				}
				return nil
			})
		}
		return false, nil
	})
	if err != nil {
		return nil, err
	}
	if lists == 0 {
		return nil, errors.New("no list of packages")
	}
	if out.Ecosystem, err = ecosystem(urls, release); err != nil {
		return nil, err
	}
	return out, nil
}

func (db *Database) bad(where string, reason string) {
	db.Bad = append(db.Bad, enrich.Bad{Entry: where, Reasons: []string{reason}})
}

// ecosystem tells from the URLs of packages whose they are.
func ecosystem(urls, release string) (string, error) {
	urls = strings.ToLower(urls)
	for _, known := range [...]struct{ part, ecosystem string }{
		{"wolfi.dev", "Wolfi"},
		{"cgr.dev", "Chainguard"},
		{"chainguard", "Chainguard"},
		{"mini.dev", "MinimOS"},
		{"minimos", "MinimOS"},
	} {
		if strings.Contains(urls, known.part) {
			return known.ecosystem, nil
		}
	}
	if !strings.Contains(urls, "alpinelinux") {
		return "", ErrUnknown
	}
	// Branches are "v3.19" and "edge".
	number, ok := strings.CutPrefix(release, "v")
	if release != "edge" && (!ok || number == "" || strings.Trim(number, "0123456789.") != "" || len(number) > 16) {
		return "", fmt.Errorf("distroversion: %.80q is no branch of Alpine", release)
	}
	return "Alpine:" + release, nil
}

// add takes in the statements on one package.
func (db *Database) add(where string, p *jsonPackage) {
	name := p.Pkg.Name
	if name == "" || len(name) > advisory.MaxName {
		db.bad(where, fmt.Sprintf("%.80q is no name of a package", name))
		return
	}
	for version, list := range p.Pkg.Secfixes {
		if version == "" || len(version) > advisory.MaxVersion {
			db.bad(where, fmt.Sprintf("%s: %.80q is no version", name, version))
			continue
		}
		for _, text := range list {
			cves, others, err := ids(text)
			if err != nil {
				db.bad(where, fmt.Sprintf("%s %s: %v", name, version, err))
				continue
			}
			if version == "0" {
				db.NeverAffected++
				continue
			}
			db.fixes(name, version, cves, others)
		}
	}
}

// fixes adds one statement. Other IDs that stand beside several CVEs are of
// none of them alone.
func (db *Database) fixes(name, version string, cves, others []string) {
	switch len(cves) {
	case 0:
		db.Fixes = append(db.Fixes, Fix{others[0], others[1:], name, version})
	case 1:
		db.Fixes = append(db.Fixes, Fix{cves[0], others, name, version})
	default:
		for _, id := range cves {
			db.Fixes = append(db.Fixes, Fix{ID: id, Package: name, Version: version})
		}
	}
}

// ids splits the names of a flaw, such as "CVE-2019-17343 XSA-288". What is in
// parentheses at the end is a remark. Some CVEs are misspelt as "CVE_2019-2426".
func ids(text string) (cves, others []string, err error) {
	names, _, _ := strings.Cut(text, "(")
	for id := range strings.FieldsSeq(names) {
		if rest, ok := strings.CutPrefix(id, "CVE_"); ok && enrich.ValidCVE("CVE-"+rest) {
			id = "CVE-" + rest
		}
		switch {
		case enrich.ValidCVE(id):
			cves = append(cves, id)
		case validID(id):
			others = append(others, id)
		default:
			return nil, nil, fmt.Errorf("%.80q holds no ID", text)
		}
	}
	if len(cves)+len(others) == 0 {
		return nil, nil, fmt.Errorf("%.80q holds no ID", text)
	}
	slices.Sort(cves)
	return slices.Compact(cves), others, nil
}

// validID reports whether a word can be an ID: letters, then digits and more
// after a hyphen, such as "XSA-288", "GHSA-xxxx-xxxx-xxxx" or "TS-2019-001". An
// ID that looks like a CVE and is none is a mistake.
func validID(s string) bool {
	prefix, rest, ok := strings.Cut(s, "-")
	if !ok || prefix == "" || rest == "" || len(s) > 128 || strings.EqualFold(prefix, "CVE") {
		return false
	}
	for _, c := range []byte(s) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' || c == ':') {
			return false
		}
	}
	return true
}
