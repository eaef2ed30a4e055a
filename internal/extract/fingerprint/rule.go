package fingerprint

import (
	"path"
	"regexp"
	"regexp/syntax"
	"strings"
	"sync"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// A rule tells one piece of software.
type rule struct {
	// files are the base names of the files that can be it: patterns of
	// [path.Match], separated by blanks. Each begins with a letter, and its
	// letters up to the first digit, dot, dash or underscore are plain: by
	// these a rule is found.
	files string
	// purl is the package URL without the version.
	purl string
	// cpe is "vendor:product" as in the National Vulnerability Database's
	// dictionary; several are separated by blanks, and there may be none.
	cpe string
	// texts are regular expressions with one group, the version. The longest
	// plain text that each must have, its anchor, is searched for first.
	texts texts
	opts  opts
}

type texts []string

// opts say what is different for a rule.
type opts uint8

const (
	// named: the version begins with the number in the file's name.
	named opts = 1 << iota
	// plain: the file is not compiled, and the text is near its begin.
	plain
)

const purlPrefix = "pkg:generic/"

// name is the name in the package URL.
func (r *rule) name() string { return strings.TrimPrefix(r.purl, purlPrefix) }

// globs are the patterns of the base names.
func (r *rule) globs() []string { return strings.Fields(r.files) }

// pkg returns the package with the version that was found.
func (r *rule) pkg(version string) inventory.Package {
	p := inventory.Package{Type: "generic", Name: r.name(), Version: version}
	for name := range strings.FieldsSeq(r.cpe) {
		vendor, product, _ := strings.Cut(name, ":")
		p.CPEs = append(p.CPEs, cpe(vendor, product, version))
	}
	return p
}

// stages is how versions that precede or follow a release end. The dictionary
// has them in a field of their own: "9.2" and "p1", "3.12.0" and "rc1".
var stages = regexp.MustCompile(`(?i)^(\d+(?:\.\d+)*)[-_.]?(alpha|beta|rc|pre|dev|test|p|a|b)[-.]?(\d+)$`)

// cpe returns a formatted string: NIST IR 7695, section 6.2.
func cpe(vendor, product, version string) string {
	update := ""
	if m := stages.FindStringSubmatch(version); m != nil {
		version, update = m[1], strings.ToLower(m[2])
		switch update {
		case "a":
			update = "alpha"
		case "b":
			update = "beta"
		}
		update += m[3]
	}
	var b strings.Builder
	b.WriteString("cpe:2.3:a")
	for _, field := range []string{vendor, product, version} {
		b.WriteByte(':')
		quote(&b, field)
	}
	b.WriteByte(':')
	if update == "" {
		update = "*"
	}
	b.WriteString(update + ":*:*:*:*:*:*")
	return b.String()
}

// quote writes a value with a backslash before what has a meaning of its own.
func quote(b *strings.Builder, value string) {
	for i := range len(value) {
		c := value[i]
		if !isDigit(c) && (c|0x20 < 'a' || c|0x20 > 'z') && c != '.' && c != '-' && c != '_' {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
}

// A text finds versions.
type text struct {
	anchor []byte
	before *regexp.Regexp // of what leads up to the anchor, nil if nothing does
	after  *regexp.Regexp // of the anchor and what follows
	whole  *regexp.Regexp // of a plain file; the others are nil then
}

// version returns the version around an anchor, empty if there is none.
func (t *text) version(before, after []byte) string {
	m := t.after.FindSubmatch(after)
	if m == nil {
		return ""
	}
	if t.before == nil {
		return string(m[1])
	}
	lead := t.before.FindSubmatch(before)
	if lead == nil {
		return ""
	}
	if len(lead) == 2 {
		return string(lead[1])
	}
	return string(m[1])
}

// compile takes a text apart.
func compile(pattern string, opts opts) (text, error) {
	if opts&plain != 0 {
		re, err := regexp.Compile(pattern)
		return text{whole: re}, err
	}
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return text{}, err
	}
	parts := []*syntax.Regexp{re}
	if re.Op == syntax.OpConcat {
		parts = re.Sub
	}
	parts = splitZeros(parts)
	best, anchor := -1, ""
	for i := range parts {
		tail, err := regexp.Compile(join(parts[i:]))
		if err != nil {
			return text{}, err
		}
		if lead, _ := tail.LiteralPrefix(); len(lead) > len(anchor) || len(lead) >= enough && anchor == "\x00"+lead {
			best, anchor = i, lead
		}
	}
	if len(anchor) < 2 || re.MaxCap() != 1 {
		return text{}, &syntax.Error{Code: "no plain text or not one group", Expr: pattern}
	}
	t := text{anchor: []byte(anchor)}
	if t.after, err = regexp.Compile(`\A` + join(parts[best:])); err != nil {
		return text{}, err
	}
	if best > 0 {
		t.before, err = regexp.Compile(join(parts[:best]) + `\z`)
	}
	return t, err
}

// enough is the length from which an anchor goes without the zero before it.
// bytes.Index looks for the first byte first, and zeros are everywhere.
const enough = 4

// splitZeros parts the zero that a plain text begins with from the rest.
func splitZeros(parts []*syntax.Regexp) []*syntax.Regexp {
	var split []*syntax.Regexp
	for _, part := range parts {
		if part.Op == syntax.OpLiteral && len(part.Rune) > 1 && part.Rune[0] == 0 {
			zero, rest := *part, *part
			zero.Rune, rest.Rune = part.Rune[:1], part.Rune[1:]
			split = append(split, &zero, &rest)
		} else {
			split = append(split, part)
		}
	}
	return split
}

// join puts parts together again. An alternative on its own has no parentheses.
func join(parts []*syntax.Regexp) string {
	var b strings.Builder
	for _, part := range parts {
		b.WriteString("(?:" + part.String() + ")")
	}
	return b.String()
}

// A table finds rules by the stem of a base name.
type table struct {
	byStem map[string][]int32
	rules  []entry
}

// An entry is a rule, whose texts are compiled when they are first needed.
type entry struct {
	*rule
	globs []string
	texts func() []text
}

func (e *entry) wants(base string) bool {
	for _, glob := range e.globs {
		// The table's test has seen that no pattern is malformed.
		if ok, _ := path.Match(glob, base); ok {
			return true
		}
	}
	return false
}

// lookup returns the table.
var lookup = sync.OnceValue(func() *table { return newTable(rules) })

func newTable(rules []rule) *table {
	t := &table{byStem: map[string][]int32{}, rules: make([]entry, len(rules))}
	for i := range rules {
		r := &rules[i]
		t.rules[i] = entry{rule: r, globs: r.globs(), texts: sync.OnceValue(func() []text {
			compiled := make([]text, len(r.texts))
			for i, pattern := range r.texts {
				var err error
				if compiled[i], err = compile(pattern, r.opts); err != nil {
					panic(err) // a constant, as in regexp.MustCompile
				}
			}
			return compiled
		})}
		for _, glob := range t.rules[i].globs {
			key := stem(glob)
			if of := t.byStem[key]; len(of) == 0 || of[len(of)-1] != int32(i) {
				t.byStem[key] = append(of, int32(i))
			}
		}
	}
	return t
}

// stem returns the letters at the begin of a base name or a pattern.
func stem(name string) string {
	for i := range len(name) {
		switch c := name[i]; {
		case isDigit(c), c == '.', c == '-', c == '_', c == '*', c == '[', c == '?':
			return name[:i]
		}
	}
	return name
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
