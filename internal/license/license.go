// Package license turns licences, as packages declare them, into SPDX licence
// expressions where it is certain what is meant, and leaves it where it is not:
// a wrong licence is worse than one that a person has to look at.
//
// The expressions are those of the SPDX specification, annex D
// (https://spdx.github.io/spdx-spec/v2.3/SPDX-license-expressions/), with the
// identifiers that the library github.com/github/go-spdx knows.
package license

import (
	"strings"

	"github.com/github/go-spdx/v2/spdxexp"
)

// maxDeclared is the length in bytes of a declared licence up to which it is
// looked at: a longer one is the licence's text, or nobody's honest work.
const maxDeclared = 500

// A Cache remembers answers, as an image's packages have few licences among
// them. The zero value is ready. It is not safe for concurrent use.
type Cache struct {
	known map[key]string
}

type key struct{ kind, declared string }

// Expression returns the licence expression of a package with the given type
// of package URL, empty if it is not certain. The list is what the package
// declares: each an expression or a name.
func (c *Cache) Expression(kind string, declared []string) string {
	var all []string
	for _, text := range declared {
		k := key{kind, text}
		expression, ok := c.known[k]
		if !ok {
			expression = single(kind, text)
			if c.known == nil {
				c.known = map[key]string{}
			}
			c.known[k] = expression
		}
		if expression == "" {
			return ""
		}
		all = append(all, expression)
	}
	switch {
	case len(all) == 0:
		return ""
	case len(all) == 1:
		return all[0]
	case !alternatives(kind):
		return ""
	}
	for i, expression := range all {
		if strings.Contains(expression, " AND ") { // binds tighter than OR; the brackets are for people
			all[i] = "(" + expression + ")"
		}
	}
	return strings.Join(all, " OR ")
}

// alternatives reports whether a list of licences means that one may choose.
// The formats of other types do not say.
//
//   - npm: https://docs.npmjs.com/cli/v11/configuring-npm/package-json#license
//   - composer: https://getcomposer.org/doc/04-schema.md#license
//   - maven: https://maven.apache.org/pom.html#Licenses
func alternatives(kind string) bool {
	switch kind {
	case "npm", "composer", "maven":
		return true
	}
	return false
}

// single returns the expression for one declared licence, or "".
func single(kind, declared string) string {
	text := strings.Join(strings.Fields(declared), " ")
	if text == "" || len(text) > maxDeclared || strings.Count(text, "(") > 20 {
		return ""
	}
	switch kind {
	case "rpm":
		return compound(text, func(name string) string {
			if e := named(rpmNames, name); e != "" {
				return e
			}
			return plain(name)
		})
	case "cran":
		return cran(text)
	case "cpan":
		if e := named(cpanNames, text); e != "" {
			return e
		}
	}
	return plain(text)
}

// plain returns the expression for text that is one, or one well-known name.
func plain(text string) string {
	if e := spdx(text); e != "" {
		return e
	}
	return named(names, text)
}

// spdx returns text as an expression in the usual spelling if it is one.
// Identifiers that SPDX has replaced since become those that mean the same.
func spdx(text string) string {
	valid, invalid := spdxexp.ValidateAndNormalizeLicensesWithOptions([]string{text}, spdxexp.ValidateLicensesOptions{})
	if len(valid) != 1 || len(invalid) > 0 {
		return ""
	}
	words := strings.Split(valid[0], " ")
	for i, word := range words {
		id := strings.Trim(word, "()")
		if to, ok := replaced[id]; ok {
			words[i] = strings.Replace(word, id, to, 1)
		}
	}
	return strings.Join(words, " ")
}

func named(table map[string]string, name string) string {
	name = strings.ToLower(strings.TrimSpace(name))
	if e, ok := table[name]; ok {
		return e
	}
	return table[strings.TrimSuffix(strings.TrimPrefix(name, "the "), ".")]
}

// compound reads names joined with "and" and "or" and brackets, as rpm's
// License has them: https://docs.fedoraproject.org/en-US/legal/license-field/.
// It returns "" unless each name is certain.
func compound(text string, of func(name string) string) string {
	if e := spdx(text); e != "" {
		return e
	}
	var out strings.Builder
	flush := func(words []string) bool {
		if len(words) == 0 {
			return true
		}
		e := of(strings.Join(words, " "))
		if strings.Contains(e, " ") && !strings.Contains(e, " WITH ") {
			e = "(" + e + ")"
		}
		out.WriteString(e)
		return e != ""
	}
	var words []string
	for word := range strings.FieldsSeq(strings.NewReplacer("(", " ( ", ")", " ) ").Replace(text)) {
		switch word {
		case "and", "or", "AND", "OR":
			if !flush(words) {
				return ""
			}
			words = nil
			out.WriteString(" " + strings.ToUpper(word) + " ")
		case "(", ")":
			if !flush(words) {
				return ""
			}
			words = nil
			out.WriteString(word)
		default:
			words = append(words, word)
		}
	}
	if !flush(words) {
		return ""
	}
	return spdx(out.String()) // not one if brackets or operators do not fit
}

// cran reads the License field of an R package:
// https://cran.r-project.org/doc/manuals/r-release/R-exts.html#Licensing.
func cran(text string) string {
	var all []string
	for alternative := range strings.SplitSeq(text, "|") {
		alternative = strings.TrimSpace(alternative)
		alternative = strings.TrimSpace(strings.TrimSuffix(strings.ReplaceAll(alternative, " ", ""), "+fileLICENSE"))
		e := named(cranNames, alternative)
		if e == "" {
			e = spdx(alternative)
		}
		if e == "" {
			return ""
		}
		all = append(all, e)
	}
	return strings.Join(all, " OR ")
}
