package requirements

import (
	"fmt"
	"path"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/digest"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/internal/extract/pydep"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// take takes one logical line without its comment: a requirement with options
// of its own, or options.
func (p *parser) take(text string) error {
	words := strings.Fields(text)
	n := 0
	for n < len(words) && !strings.HasPrefix(words[n], "-") {
		n++
	}
	if n > 0 {
		return p.entry(strings.Join(words[:n], " "), false, hashes(words[n:]))
	}
	for i := 0; i < len(words); i++ {
		option, value, ok := splitOption(words[i])
		takesValue, known := options[option]
		if !known {
			if strings.HasPrefix(option, "-") {
				p.problems.Add("line %d: %q is no option of a requirements file", p.first, lines.Clip(option))
			}
			continue // else it belongs to an option before it
		}
		if takesValue && !ok && i+1 < len(words) {
			i++
			value = words[i]
		}
		switch option {
		case "-e", "--editable":
			rest := append([]string{value}, words[i+1:]...)
			return p.entry(strings.Join(rest, " "), true, nil)
		case "-r", "--requirement", "-c", "--constraint":
			p.include(value)
		}
	}
	return nil
}

// options of a requirements file, and whether they have a value.
// https://pip.pypa.io/en/stable/reference/requirements-file-format/#supported-options
var options = map[string]bool{
	"-r": true, "--requirement": true, "-c": true, "--constraint": true, "-e": true, "--editable": true,
	"-i": true, "--index-url": true, "--pypi-url": true, "--extra-index-url": true, "--no-index": false, "-f": true, "--find-links": true,
	"--no-binary": true, "--only-binary": true, "--prefer-binary": false, "--require-hashes": false, "--pre": false,
	"--trusted-host": true, "--use-feature": true, "--hash": true, "--global-option": true, "--install-option": true,
	"--config-settings": true, "--config-setting": true, "-C": true, "--process-dependency-links": false,
	"--use-wheel": false, "--no-use-wheel": false, "-Z": false, "--always-unzip": false,
	"--uploaded-prior-to": true, "--all-releases": true, "--only-final": true,
}

// splitOption splits "--option=value" and "-rvalue".
func splitOption(word string) (option, value string, ok bool) {
	if strings.HasPrefix(word, "--") {
		return strings.Cut(word, "=")
	}
	if len(word) > 2 && word[0] == '-' {
		return word[:2], strings.TrimPrefix(word[2:], "="), true
	}
	return word, "", false
}

// hashes returns the digest in the options of a requirement, if there is one
// alone: of several archives it is not known which one is installed.
func hashes(words []string) []inventory.Hash {
	var list []inventory.Hash
	n := 0
	for i := 0; i < len(words); i++ {
		option, value, ok := splitOption(words[i])
		if option != "--hash" {
			continue
		}
		if !ok && i+1 < len(words) {
			i++
			value = words[i]
		}
		n++
		list = digest.Tagged(value)
	}
	if n != 1 {
		return nil
	}
	return list
}

// include takes the name of another file.
func (p *parser) include(file string) {
	switch {
	case strings.Contains(file, "://"):
		p.problems.Add("line %d: includes %q, which is not in the image", p.first, lines.Clip(pydep.CleanURL(file)))
	case file == "" || !isRead(path.Join(p.dir, strings.ReplaceAll(strings.Trim(file, `"'`), `\`, "/"))):
		p.problems.Add("line %d: includes %q, which is not read", p.first, lines.Clip(file))
	}
}

// entry takes one requirement, and the digest of its archive, if that is known.
func (p *parser) entry(text string, editable bool, hashes []inventory.Hash) error {
	if p.constraints {
		p.facts.Ignored++
		return nil
	}
	pkg, kind := Entry(text, editable)
	switch kind {
	case Local:
		p.facts.Ignored++
		return nil
	case Bad:
		p.problems.Add("line %d: %q is no requirement", p.first, lines.Clip(text))
		return nil
	}
	if len(p.facts.Packages) >= maxEntries {
		return fmt.Errorf("more than %d requirements: %w", maxEntries, inventory.ErrTooLarge)
	}
	if pkg.Hashes = hashes; hashes == nil && !editable {
		pkg.Hashes = fragment(text)
	}
	pkg.Line = p.first
	pkg.Development = p.development
	if pkg.Version == "" {
		pkg.Relation = inventory.Direct
	}
	p.last = len(p.facts.Packages)
	p.facts.Packages = append(p.facts.Packages, pkg)
	return nil
}

// fragment returns the digest behind an address: "https://…/a.whl#sha256=0123…".
func fragment(text string) []inventory.Hash {
	_, options, _ := strings.Cut(text, "#")
	options, _, _ = strings.Cut(options, " ")
	var list []inventory.Hash
	for option := range strings.SplitSeq(options, "&") {
		list = append(list, digest.Tagged(option)...)
	}
	return digest.Agreed(list)
}

// A Kind is what a requirement is.
type Kind uint8

// The kinds.
const (
	Bad   Kind = iota // it cannot be understood
	Asked             // a package
	Local             // a part of the project
)

// Entry reads one requirement without options of its own. It may be editable,
// the value of option -e.
func Entry(text string, editable bool) (inventory.Package, Kind) {
	r, ok := parse(text, editable)
	if !ok {
		if isPath(text, editable) {
			return inventory.Package{}, Local
		}
		return inventory.Package{}, Bad
	}
	pkg, ok := r.Package()
	if !ok || editable && r.URL != "" && pydep.IsLocal(r.URL) {
		return inventory.Package{}, Local
	}
	return pkg, Asked
}

// parse reads a dependency specifier, or the URL or path of an archive or
// repository that tells what is in it: by its name, or by "#egg=NAME".
func parse(text string, editable bool) (pydep.Requirement, bool) {
	if r, ok := pydep.Parse(text); ok && (r.URL != "" || !editable && !isArchive(text)) {
		return r, true
	}
	isURL := strings.Contains(text, "://")
	target, _, _ := strings.Cut(text, " ;")
	if isURL {
		target, _, _ = strings.Cut(target, "; ") // a URL may have semicolons
	} else {
		target, _, _ = strings.Cut(target, ";")
	}
	target = strings.Trim(strings.TrimSpace(target), `"'`)
	if len(target) > pydep.MaxField {
		return pydep.Requirement{}, false
	}
	address, fragment, _ := strings.Cut(target, "#")
	for option := range strings.SplitSeq(fragment, "&") {
		if egg, ok := strings.CutPrefix(option, "egg="); ok && isURL {
			if r, ok := pydep.Parse(egg); ok {
				r.URL, r.Constraint, r.Marker = target, "", ""
				return r, true
			}
		}
	}
	file := path.Base(strings.ReplaceAll(address, `\`, "/"))
	file, _, _ = strings.Cut(file, "[") // extras
	if name, version := pydep.SplitWheel(file); name != "" {
		return pydep.Requirement{Name: name, Constraint: "==" + version}, true
	}
	if i := strings.LastIndexByte(file, '-'); i > 0 {
		name := file[:i]
		if r, ok := pydep.Parse(name); ok && r.Name == name {
			if version := pydep.ArchiveVersion(name, file); version != "" {
				return pydep.Requirement{Name: name, Constraint: "==" + version}, true
			}
		}
	}
	return pydep.Requirement{}, false
}

// isArchive reports whether a requirement is the name of a file: pip takes it
// for one if it ends so.
func isArchive(target string) bool {
	file, _, _ := strings.Cut(target, ";")
	file, _, _ = strings.Cut(strings.TrimSpace(file), "[")
	for _, ext := range []string{".whl", ".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz", ".tar"} {
		if strings.HasSuffix(strings.ToLower(file), ext) {
			return true
		}
	}
	return false
}

// isPath reports whether a requirement without a name is of the file system.
func isPath(text string, editable bool) bool {
	if strings.Contains(text, "://") {
		return strings.HasPrefix(strings.ToLower(text), "file:")
	}
	return editable || isArchive(text) || strings.HasPrefix(text, ".") || strings.ContainsAny(text, `/\`) && !strings.ContainsAny(text, " <>=~!@{}$%")
}

// comment takes a comment: that of pip-compile behind or below a requirement,
// "via flask, black", or one item on a line each after "via".
func (p *parser) comment(text string) {
	if p.last < 0 {
		return
	}
	text = strings.TrimSpace(text)
	if rest, ok := strings.CutPrefix(text, "via"); ok && (rest == "" || rest[0] == ' ') {
		p.inVia, text = true, strings.TrimSpace(rest)
	}
	if !p.inVia {
		return
	}
	for item := range strings.SplitSeq(text, ",") {
		item = strings.TrimSpace(item)
		switch {
		case item == "" || strings.HasPrefix(item, "-c "):
		case strings.HasPrefix(item, "-r ") || strings.HasSuffix(item, ")"):
			// "-r requirements.in", "name (pyproject.toml)"
			p.facts.Packages[p.last].Relation = inventory.Direct
		case len(p.via) < maxVia:
			p.via = append(p.via, via{parent: strings.ToValidUTF8(item, "\uFFFD"), child: p.last})
		}
	}
}

// resolve turns what comments say into what the requirements need.
func (p *parser) resolve() {
	if len(p.via) == 0 {
		return
	}
	packages := p.facts.Packages
	byName := make(map[string][]int, len(packages))
	for i := range packages {
		key := pydep.Normalize(packages[i].Name)
		byName[key] = append(byName[key], i)
	}
	seen := make(map[[2]string]bool, len(p.via))
	for _, v := range p.via {
		child := &packages[v.child]
		key := pydep.Normalize(v.parent)
		parents := byName[key]
		if len(parents) == 0 {
			// uv writes the name of the project. pip-compile leaves the
			// installers out of the file.
			if key != "pip" && key != "setuptools" {
				child.Relation = inventory.Direct
			}
			continue
		}
		if child.Relation == inventory.RelationUnknown {
			child.Relation = inventory.Transitive
		}
		childKey := pydep.Normalize(child.Name)
		if seen[[2]string{key, childKey}] {
			continue
		}
		seen[[2]string{key, childKey}] = true
		needs := child.Name
		if len(byName[childKey]) == 1 && child.Version != "" {
			needs += "@" + child.Version
		}
		// Several entries of a parent are for several environments.
		for _, i := range parents[:min(len(parents), maxSame)] {
			packages[i].Requires = append(packages[i].Requires, needs)
		}
	}
}

// maxSame is how many entries of the same name are told what they need.
const maxSame = 16
