package python

import (
	"regexp"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/lines"
)

// requires returns the names in a list of requirements whose condition
// certainly holds, each once.
func requires(list []string, env environment, problems *lines.Problems) []string {
	var names []string
	seen := make(map[string]bool)
	for _, r := range list {
		name, marker, ok := splitRequirement(r)
		if !ok {
			problems.Add("a requirement has no name: %q", lines.Clip(r))
			continue
		}
		if marker != "" && env.eval(marker) != yes {
			continue
		}
		if key := normalize(name); !seen[key] {
			seen[key] = true
			names = append(names, name)
		}
	}
	return names
}

// requirementName is a name as it is at the beginning of a requirement.
var requirementName = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?`)

// splitRequirement splits a requirement into the name and the condition, which
// follows a semicolon:
// https://packaging.python.org/en/latest/specifications/dependency-specifiers/
func splitRequirement(r string) (name, marker string, ok bool) {
	r = strings.TrimSpace(r)
	name = requirementName.FindString(r)
	rest := strings.TrimLeft(r[len(name):], " \t")
	if name == "" || rest != "" && !strings.ContainsRune("[(<>=!~;@,", rune(rest[0])) {
		return "", "", false
	}
	if strings.HasPrefix(rest, "[") {
		_, after, closed := strings.Cut(rest, "]")
		if !closed {
			return "", "", false
		}
		rest = strings.TrimLeft(after, " \t")
	}
	separator := ";"
	if strings.HasPrefix(rest, "@") {
		separator = " ;" // a URL may have a semicolon in it
	}
	_, marker, _ = strings.Cut(rest, separator)
	return name, strings.TrimSpace(marker), true
}

// normalize returns the form of a name by which two names are the same:
// https://packaging.python.org/en/latest/specifications/name-normalization/
func normalize(name string) string {
	return strings.ToLower(separators.ReplaceAllString(name, "-"))
}

var separators = regexp.MustCompile(`[-_.]+`)
