package version

import (
	"bytes"
	"strings"
)

// parseComposerConstraint parses a constraint as
// https://getcomposer.org/doc/articles/versions.md#writing-version-constraints
// describes it and Composer\Semver\VersionParser::parseConstraints reads it.
// Bounds that name no stability also exclude, or admit, the unstable versions
// of the same numbers: "<2.0" means less than "2.0.0.0-dev". Unlike there, "-"
// beside a separator is refused, where Composer may take all for one branch.
func parseComposerConstraint(constraint string) ([]allOf, *ParseError) {
	var any []allOf
	for start := 0; ; {
		end := len(constraint)
		if i := strings.IndexByte(constraint[start:], '|'); i >= 0 {
			end = start + i
		}
		set, err := parseComposerConjunction(constraint, start, end)
		if err != nil {
			return nil, err
		}
		if any = append(any, set); end == len(constraint) {
			return any, nil
		}
		if start = end + 1; start < len(constraint) && constraint[start] == '|' {
			start++
		}
	}
}

// parseComposerConjunction parses constraint[start:end], where blanks and
// commas mean and, unless they are part of "1 - 2", "> 1" or "a as b".
func parseComposerConjunction(constraint string, start, end int) (allOf, *ParseError) {
	start, end = trimBlanks(constraint, start, end)
	set := allOf{}
	for from, i := start, start; ; {
		for i < end && constraint[i] != ' ' && constraint[i] != ',' {
			i++
		}
		next, commas := i, 0
		for next < end && (constraint[next] == ' ' || constraint[next] == ',') {
			if constraint[next] == ',' {
				commas++
			}
			next++
		}
		if next < end && commas == 0 {
			word := constraint[from:i]
			after := constraint[next:end]
			hyphen := strings.HasPrefix(after, "- ") || strings.HasSuffix(word, " -")
			if strings.TrimLeft(word, "<>=!") == "" || hyphen && next == i+1 ||
				strings.HasPrefix(after, "as ") || strings.HasSuffix(word, " as") {
				i = next
				continue
			}
		}
		if commas > 1 || i == from && i < end || next == end && i < end || next < end && (constraint[next] == '-' || constraint[i-1] == '-') {
			// Composer does not separate at "-" either.
			return nil, &ParseError{Scheme: Composer, Text: constraint, Pos: i, Reason: "not a separator"}
		}
		comparators, reason := parseComposerPart(constraint[from:i])
		if reason != "" {
			return nil, &ParseError{Scheme: Composer, Text: constraint, Pos: from, Reason: reason}
		}
		if set = append(set, comparators...); next == end {
			return set, nil
		}
		from, i = next, next
	}
}

// parseComposerPart parses one condition. It returns the reason if it cannot.
func parseComposerPart(part string) (set allOf, reason string) {
	if part == "" {
		return nil, "no version"
	}
	if len(part) > maxVersion {
		return nil, reasonTooLong
	}
	if before, after, ok := strings.Cut(part, " as "); ok {
		if part = strings.Trim(before, " "); strings.Contains(strings.Trim(after, " "), " ") {
			return nil, "not an alias"
		}
	}
	flag := ""
	if at := strings.LastIndexByte(part, '@'); at >= 0 && strings.IndexByte(part[:at], ' ') < 0 {
		if flag = composerFlag(part[at+1:]); flag != "" {
			if part = part[:at]; part == "" {
				part = "*"
			}
		}
	}
	part = cutComposerReference(part)
	low := strings.ToLower(part)
	if v, ok := strings.CutPrefix(low, "v"); isComposerAny(v) {
		if ok || len(v) > 1 {
			return composerBounds(equal|greater, "0.0.0.0-dev", 0, "")
		}
		return nil, ""
	}
	switch {
	case strings.HasPrefix(low, "~>"):
		return nil, "unknown operator"
	case low[0] == '~' || low[0] == '^':
		if p, ok := parseComposerPartial(low[1:]); ok {
			return p.next(low[0] == '~')
		}
	}
	if p, rest := cutComposer(low); p.count > 0 && p.count < 4 && strings.HasPrefix(rest, ".") && isComposerAny(rest[1:]) {
		bottom, top := string(p.append(nil))+"-dev", p.above(p.count)
		if bottom == "0.0.0.0-dev" {
			return composerBounds(less, top, 0, "")
		}
		return composerBounds(equal|greater, bottom, less, top)
	}
	if from, to, ok := strings.Cut(low, " - "); ok {
		return parseComposerHyphen(strings.TrimRight(from, " "), strings.TrimLeft(to, " "))
	}
	return parseComposerComparison(part, flag)
}

// isComposerAny reports whether s is "x" or "x.x" and so on.
func isComposerAny(s string) bool {
	for i := range len(s) {
		if i%2 == 0 && s[i] != 'x' && s[i] != '*' || i%2 == 1 && s[i] != '.' {
			return false
		}
	}
	return len(s)%2 == 1
}

// cutComposerReference cuts "#" and a commit from a branch.
func cutComposerReference(part string) string {
	i := strings.IndexByte(part, '#')
	if i <= 0 || i+1 == len(part) || strings.ContainsAny(part[:i], ", @") {
		return part
	}
	if name := strings.ToLower(part[:i]); strings.HasPrefix(name, "dev-") && i > 4 || strings.HasSuffix(name, ".x-dev") && i > 6 {
		return part[:i]
	}
	return part
}

// composerPartial is a version in a constraint.
type composerPartial struct {
	composerNumbers
	composerModifier
	text string
	xDev bool // ends in ".x-dev"
}

// parseComposerPartial parses what may follow "~" and "^".
func parseComposerPartial(s string) (composerPartial, bool) {
	p, rest := cutComposer(s)
	version := composerPartial{composerNumbers: p, text: s}
	version.composerModifier, rest = composerModifierOrX(rest, &version.xDev)
	return version, p.count > 0 && (rest == "" || len(rest) > 1 && rest[0] == '+' && strings.IndexByte(rest, ' ') < 0)
}

// composerModifierOrX cuts a modifier, or "x" and "dev" with a dot before.
func composerModifierOrX(s string, xDev *bool) (composerModifier, string) {
	if strings.HasPrefix(s, ".x") || strings.HasPrefix(s, ".*") {
		dev := s[2:]
		if dev != "" && (dev[0] == '.' || dev[0] == '-') {
			dev = dev[1:]
		}
		if after, ok := strings.CutPrefix(dev, "dev"); ok {
			*xDev = true
			return composerModifier{}, after
		}
	}
	return cutComposerModifier(s)
}

// unstable reports whether the text leaves no doubt about the stability.
func (p composerPartial) unstable() bool {
	return p.stability != "" || p.dev || p.xDev
}

// next returns the range of "~" and "^".
func (p composerPartial) next(tilde bool) (allOf, string) {
	low := p.text
	if !p.unstable() {
		low += "-dev"
	}
	position := 1
	switch {
	case tilde:
		position = p.count - 1
		if p.xDev {
			position++
		}
		position = max(1, position)
	case p.numbers[0] != "0" || p.count < 2:
	case p.numbers[1] != "0" || p.count < 3:
		position = 2
	default:
		position = 3
	}
	normal, err := appendComposerNormal(nil, low)
	if err != nil {
		return nil, err.Reason
	}
	return composerBounds(equal|greater, string(normal), less, p.above(position))
}

// above returns the lowest version above all that have the same numbers up to
// the position, from 1 on.
func (p composerNumbers) above(position int) string {
	for i := range p.numbers {
		switch {
		case i+1 == position:
			if i >= p.count {
				p.numbers[i] = ""
			}
			p.numbers[i] = incrementComposer(p.numbers[i])
		case i+1 > position || i >= p.count:
			p.numbers[i] = "0"
		}
	}
	p.count = len(p.numbers)
	return string(p.append(nil)) + "-dev"
}

// incrementComposer returns the next number.
func incrementComposer(digits string) string {
	next := []byte("0" + digits)
	i := len(next) - 1
	for ; next[i] == '9'; i-- {
		next[i] = '0'
	}
	next[i]++
	return string(next)
}

// parseComposerHyphen parses the range "from - to".
func parseComposerHyphen(from, to string) (allOf, string) {
	a, ok := parseComposerPartial(from)
	b, ok2 := parseComposerPartial(to)
	if !ok || !ok2 {
		return nil, "not a version"
	}
	low, err := appendComposerNormal(nil, from)
	if err != nil {
		return nil, err.Reason
	}
	if !a.unstable() {
		low = append(low, "-dev"...)
	}
	high, err := appendComposerNormal(nil, to)
	if err != nil {
		return nil, err.Reason
	}
	if b.count > 2 || b.unstable() {
		return composerBounds(equal|greater, string(low), less|equal, string(high))
	}
	return composerBounds(equal|greater, string(low), less, b.above(b.count))
}

// parseComposerComparison parses an operator and a version. The flag is the
// stability that stood at the end.
func parseComposerComparison(part, flag string) (allOf, string) {
	n := 0
	for n < len(part) && strings.IndexByte("<>=!", part[n]) >= 0 {
		n++
	}
	var admitted relation
	switch part[:n] {
	case "", "=", "==":
		admitted = equal
	case "<>", "!=":
		admitted = less | greater
	case "<":
		admitted = less
	case "<=":
		admitted = less | equal
	case ">":
		admitted = greater
	case ">=":
		admitted = equal | greater
	default:
		return nil, "unknown operator"
	}
	text := strings.TrimLeft(part[n:], " ")
	normal, err := appendComposerNormal(nil, text)
	if err != nil {
		if err.Reason != composerBranchReason && !isComposerBranch(text) {
			return nil, err.Reason
		}
		// No version here is a branch.
		holds := admitted == less|greater
		return allOf{{test: func(string) bool { return holds }}}, ""
	}
	stable := !bytes.Contains(normal, []byte("-")) || bytes.Contains(normal, []byte("-patch")) && !bytes.HasSuffix(normal, []byte("-dev"))
	switch {
	case admitted != equal && flag != "" && flag != "stable" && stable:
		normal = append(normal, '-')
		normal = append(normal, flag...)
	case (admitted == less || admitted == equal|greater) && !namesComposerStability(text):
		normal = append(normal, "-dev"...)
	}
	return composerBounds(admitted, string(normal), 0, "")
}

// isComposerBranch reports whether s is a branch in the form "name-dev".
func isComposerBranch(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isDigit(c) && !isLower(c) && !isUpper(c) && strings.IndexByte("-./", c) < 0 {
			return false
		}
	}
	return strings.HasSuffix(s, "-dev")
}

// namesComposerStability reports whether a version ends in "-" and a stability.
func namesComposerStability(v string) bool {
	for i := range len(v) {
		if v[i] == '-' {
			if _, rest := cutComposerModifier(v[i+1:]); rest == "" {
				return true
			}
		}
	}
	return false
}

// composerBounds returns the set of one or, if the second relation is not 0,
// two comparisons with versions in normal form.
func composerBounds(first relation, low string, second relation, high string) (allOf, string) {
	set := allOf{composerBound(first, low)}
	if second != 0 {
		set = append(set, composerBound(second, high))
	}
	return set, ""
}

// composerBound compares keys, as a normal form such as "1.0.0.0-beta-dev" is
// not always a version itself.
func composerBound(admitted relation, normal string) comparator {
	bound := appendComposerNormalKey(nil, []byte(normal))
	return comparator{test: func(v string) bool {
		var buf [96]byte
		key, err := appendComposerKey(buf[:0], v)
		return err == nil && admitted.holds(bytes.Compare(key, bound))
	}}
}
