package ignore

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	glob "github.com/imagevet/imagevet/internal/ignore"
	"github.com/imagevet/imagevet/internal/purlmatch"
)

// A Rule says which findings do not matter. All conditions that are set must
// hold; of a list, any one entry is enough. A rule without a condition is an
// error, as it would hide everything.
type Rule struct {
	// IDs are IDs of flaws, such as "CVE-2024-3094". An alias of a finding is as
	// good as its ID. Case does not matter.
	IDs []string
	// Packages are names of packages, without the namespace or with it, as in
	// "lodash", "@babel/core" and "org.apache.logging.log4j/log4j-core".
	Packages []string
	// PURLs are package URLs. What they leave out, such as the version, can be
	// anything.
	PURLs []string
	// Paths are patterns of the files that record a package: path elements as in
	// [path.Match], and "**" for any number of them. They count from the root of
	// the image, and every file of the package must fit one.
	Paths []string
	// Layers are numbers of layers, of which the base is "0", or diff IDs.
	Layers []string
	// Statuses are those of a finding, such as "will_not_fix".
	Statuses []string
	// Until is when the rule ceases to apply; the zero value is never. A date in
	// a file means the beginning of that day in UTC.
	Until time.Time
	// Reason says why, for whoever reads the report.
	Reason string
	// Source and Line say where the rule stands: the name of the file and the
	// line, from 1. They are empty and 0 for a rule that a program made.
	Source string
	Line   int
}

// String is a rule in few words, such as "CVE-2024-3094 of xz-utils".
func (r *Rule) String() string {
	var b strings.Builder
	add := func(first, then string, values []string) {
		if len(values) == 0 {
			return
		}
		if b.Len() > 0 {
			b.WriteString(" " + then)
		} else {
			b.WriteString(first)
		}
		const most = 4
		b.WriteString(strings.Join(values[:min(len(values), most)], ", "))
		if more := len(values) - most; more > 0 {
			fmt.Fprintf(&b, " and %d more", more)
		}
	}
	add("", "", r.IDs)
	add("", "of ", r.Packages)
	add("", "of ", r.PURLs)
	add("", "in ", r.Paths)
	add("layer ", "in layer ", r.Layers)
	add("status ", "with status ", r.Statuses)
	return b.String()
}

// Expired reports whether the rule has ceased to apply.
func (r *Rule) Expired(now time.Time) bool { return !r.Until.IsZero() && !now.Before(r.Until) }

// A Finding is what rules are compared with.
type Finding struct {
	// IDs are the ID and the aliases.
	IDs []string
	// Package is the name, and PURL the package URL, which can be empty.
	Package, PURL string
	// SourceName and SourceVersion are the source package, so that a package
	// URL with "arch=src" can mean it.
	SourceName, SourceVersion string
	// Paths are the files that record the package.
	Paths []string
	// Layer and DiffID are the layer that brought it.
	Layer  int
	DiffID string
	Status string
}

// A Set is a number of rules, ready to be compared with. It is safe for
// concurrent use. The zero value has none.
type Set struct {
	rules []compiled
	byID  map[string][]int // upper case
	any   []int            // rules without an ID
}

type compiled struct {
	rule    Rule
	purls   []*purlmatch.Pattern
	paths   []glob.Glob
	layers  []int
	diffIDs []string
}

// New checks rules and makes a set of them. The error names the rule.
func New(rules ...Rule) (*Set, error) {
	s := &Set{byID: map[string][]int{}}
	for i, r := range rules {
		c, err := compile(r)
		if err != nil {
			return nil, fmt.Errorf("ignore: %s: %w", place(&r, i), err)
		}
		s.rules = append(s.rules, c)
		for _, id := range r.IDs {
			id = strings.ToUpper(id)
			if list := s.byID[id]; len(list) == 0 || list[len(list)-1] != i {
				s.byID[id] = append(list, i)
			}
		}
		if len(r.IDs) == 0 {
			s.any = append(s.any, i)
		}
	}
	return s, nil
}

func place(r *Rule, i int) string {
	switch {
	case r.Line > 0:
		return fmt.Sprintf("%s:%d", r.Source, r.Line)
	case r.Source != "":
		return fmt.Sprintf("%s: rule %d", r.Source, i+1)
	}
	return fmt.Sprintf("rule %d", i+1)
}

// Rules returns the rules, in the order in which New got them.
func (s *Set) Rules() []Rule {
	out := make([]Rule, len(s.rules))
	for i := range s.rules {
		out[i] = s.rules[i].rule
	}
	return out
}

func compile(r Rule) (compiled, error) {
	c := compiled{rule: r}
	lists := []struct {
		name   string
		values []string
	}{
		{"an ID", r.IDs},
		{"a package", r.Packages},
		{"a package URL", r.PURLs},
		{"a path", r.Paths},
		{"a layer", r.Layers},
		{"a status", r.Statuses},
	}
	some := false
	for _, l := range lists {
		some = some || len(l.values) > 0
		if slices.ContainsFunc(l.values, func(v string) bool { return strings.TrimSpace(v) == "" }) {
			return c, fmt.Errorf("%s is empty", l.name)
		}
	}
	if !some {
		return c, errors.New("the rule has no condition, and so would hide every finding")
	}
	for _, purl := range r.PURLs {
		p, err := purlmatch.Parse(purl)
		if err != nil {
			return c, fmt.Errorf("package URL %q: %w", purl, err)
		}
		c.purls = append(c.purls, p)
	}
	for _, pattern := range r.Paths {
		g, err := glob.NewGlob(pattern)
		if err != nil {
			return c, fmt.Errorf("path %q: %w", pattern, err)
		}
		c.paths = append(c.paths, g)
	}
	for _, l := range r.Layers {
		if n, err := strconv.Atoi(l); err == nil && n >= 0 {
			c.layers = append(c.layers, n)
			continue
		}
		if algorithm, hex, ok := strings.Cut(l, ":"); !ok || algorithm == "" || hex == "" {
			return c, fmt.Errorf("layer %q is neither a number from 0 on nor a digest", l)
		}
		c.diffIDs = append(c.diffIDs, l)
	}
	for _, s := range r.Statuses {
		if !slices.Contains(statuses(), s) {
			return c, fmt.Errorf("%q is no status; there are %q", s, statuses())
		}
	}
	return c, nil
}

// statuses are those of package scan, which has a test that they are.
func statuses() []string {
	return []string{"fixed", "affected", "will_not_fix", "fix_deferred", "end_of_life", "under_investigation"}
}

// Match returns the rules that mean a finding, as indexes of [Set.Rules], in
// their order. Whether they have expired is up to the caller.
func (s *Set) Match(f *Finding) []int {
	if s == nil || len(s.rules) == 0 {
		return nil
	}
	var subject *purlmatch.Subject
	parsed := false
	bySubject := func() *purlmatch.Subject {
		if !parsed {
			parsed = true
			// One that cannot be read is nil, and then no rule means it.
			subject, _ = purlmatch.NewSubject(purlmatch.Subject{PURL: f.PURL, SourceName: f.SourceName, SourceVersion: f.SourceVersion})
		}
		return subject
	}
	var out []int
	try := func(i int) {
		if s.rules[i].matches(f, bySubject) {
			out = append(out, i)
		}
	}
	for _, id := range f.IDs {
		for _, i := range s.byID[strings.ToUpper(id)] {
			try(i)
		}
	}
	for _, i := range s.any {
		try(i)
	}
	slices.Sort(out)
	return slices.Compact(out) // a rule can name two IDs of one finding
}

// matches compares all but the IDs.
func (c *compiled) matches(f *Finding, subject func() *purlmatch.Subject) bool {
	r := &c.rule
	if len(r.Packages) > 0 && !slices.Contains(r.Packages, f.Package) && !c.named(subject()) {
		return false
	}
	if len(c.purls) > 0 {
		s := subject()
		if s == nil || !slices.ContainsFunc(c.purls, func(p *purlmatch.Pattern) bool { return p.Matches(s) }) {
			return false
		}
	}
	if len(c.paths) > 0 && !c.covers(f.Paths) {
		return false
	}
	if len(r.Layers) > 0 && !slices.Contains(c.layers, f.Layer) && !slices.Contains(c.diffIDs, f.DiffID) {
		return false
	}
	return len(r.Statuses) == 0 || slices.Contains(r.Statuses, f.Status)
}

// named reports whether a name is that of a package with its namespace.
func (c *compiled) named(s *purlmatch.Subject) bool {
	return s != nil && slices.Contains(c.rule.Packages, s.FullName())
}

// covers reports whether all files that record a package fit a pattern: one
// that does not is a place where the package still matters.
func (c *compiled) covers(paths []string) bool {
	if len(paths) == 0 {
		return false
	}
	for _, p := range paths {
		if !slices.ContainsFunc(c.paths, func(g glob.Glob) bool { return g.Match(p) }) {
			return false
		}
	}
	return true
}
