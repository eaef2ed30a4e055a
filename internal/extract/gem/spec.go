package gem

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// A spec is what is of interest in a specification.
type spec struct {
	stub                    stub
	name, version, platform string
	licenses                []string
	emails, authors         []string
	requires                []string
}

// A stub is the comment for RubyGems.
type stub struct{ name, version, platform string }

// parseStub parses "# stub: NAME VERSION PLATFORM REQUIRE_PATHS".
func parseStub(line string) (stub, bool) {
	rest, ok := strings.CutPrefix(line, "# stub: ")
	if !ok {
		return stub{}, false
	}
	parts := strings.SplitN(strings.TrimSuffix(rest, "\r"), " ", 4)
	if len(parts) < 4 || parts[0] == "" || parts[1] == "" {
		return stub{}, false // the next such line, of extensions, has one part
	}
	return stub{parts[0], parts[1], parts[2]}, true
}

const (
	// What literals are read of a file is bounded as a whole, because one
	// that does not end is read up to the end of the file.
	maxLiterals = 4 * maxFile
	// Dependencies, licences, authors: gems have at most a few hundred.
	maxStrings = 2000
)

// A parser reads a specification line by line, and literals where they begin,
// which may be of many lines.
type parser struct {
	text  string
	spent int // bytes that literals were read from
	spec  spec

	variable string // of the block, as in "do |s|"
	blocks   []bool // those that are open; true is one that is not run
	dead     int    // how many of them are true
}

var (
	blockStart = regexp.MustCompile(`\bdo\s*(?:\|\s*([a-zA-Z_]\w*)[^|]*\|)?$`)
	condition  = regexp.MustCompile(`^(?:if|unless|case|while|until|begin|def|for)\b`)
	closed     = regexp.MustCompile(`\bend$`)
	// statement is "s.name = …", "s.add_dependency(…" or "s.add_dependency …".
	statement = regexp.MustCompile(`^([a-zA-Z_]\w*)\.([a-z_]+)(?:\s*(=|\+=|<<|\()|\s)\s*`)
)

// parse reads a specification.
func parse(ctx context.Context, text string) (*spec, error) {
	p := parser{text: text}
	for at, n := 0, 0; at < len(text); n++ {
		if n%256 == 0 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
		}
		end := lineEnd(text, at)
		line := text[at:end]
		trimmed := strings.TrimSpace(line)
		switch {
		case trimmed == "":
		case trimmed[0] == '#':
			if p.variable == "" && p.spec.stub.name == "" {
				p.spec.stub, _ = parseStub(line)
			}
		case line == "__END__":
			return &p.spec, nil
		default:
			start := at + strings.Index(line, trimmed)
			after, err := p.line(trimmed, start)
			if err != nil {
				return nil, err
			}
			// After a literal of many lines, the rest of its last line.
			end = lineEnd(text, max(after, at))
		}
		at = end + 1
	}
	return &p.spec, nil
}

// lineEnd returns where the line that at is in ends, without its line feed.
func lineEnd(text string, at int) int {
	if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
		return at + i
	}
	return len(text)
}

// line takes a line without space around it, which begins at start. It returns
// where reading goes on: in this line, unless a literal ends in another one.
func (p *parser) line(line string, start int) (int, error) {
	if p.block(line) {
		return start, nil
	}
	m := statement.FindStringSubmatch(line)
	if m == nil || p.variable != "" && m[1] != p.variable {
		return start, nil
	}
	if p.spent > maxLiterals {
		return 0, fmt.Errorf("literals of more than %d bytes: %w", maxLiterals, inventory.ErrTooLarge)
	}
	lex := lexer{text: p.text, at: start + len(m[0])}
	values, ok := lex.values()
	p.spent += lex.at - start
	if !ok {
		return start, nil
	}
	if p.dead == 0 {
		if err := p.assign(m[2], m[3], values); err != nil {
			return 0, err
		}
	}
	return lex.at, nil
}

// block follows conditions and blocks, and reports whether the line is of one.
//
// RubyGems writes dependencies twice: once for itself, and behind "else" for
// old versions of it that know no runtime dependencies. In there, those for
// development are named like the others.
func (p *parser) block(line string) bool {
	if m := blockStart.FindStringSubmatch(line); m != nil {
		if p.variable == "" && strings.HasPrefix(line, "Gem::Specification.new") {
			p.variable = m[1]
		}
		p.blocks = append(p.blocks, false)
		return true
	}
	switch {
	case condition.MatchString(line):
		if !closed.MatchString(line) {
			p.blocks = append(p.blocks, false)
		}
	case line == "else" || strings.HasPrefix(line, "elsif "):
		if last := len(p.blocks) - 1; last >= 0 && !p.blocks[last] {
			p.blocks[last] = true
			p.dead++
		}
	case line == "end":
		if last := len(p.blocks) - 1; last >= 0 {
			if p.blocks[last] {
				p.dead--
			}
			p.blocks = p.blocks[:last]
		}
	default:
		return false
	}
	return true
}

// assign takes the values of an attribute or the first argument of a method.
// Of what there is once, the first one counts.
func (p *parser) assign(name, operator string, values []string) error {
	s := &p.spec
	var once *string
	var list *[]string
	switch name {
	case "name":
		once = &s.name
	case "version":
		once = &s.version
	case "platform":
		once = &s.platform
	case "license", "licenses":
		list = &s.licenses
	case "email":
		list = &s.emails
	case "author", "authors":
		list = &s.authors
	case "add_dependency", "add_runtime_dependency":
		list = &s.requires
	}
	isCall := strings.HasPrefix(name, "add_")
	switch {
	case isCall == (operator == "=" || operator == "+=" || operator == "<<"):
		return nil
	case once != nil:
		if *once == "" && len(values) > 0 {
			*once = clean(values[0])
		}
	case list != nil:
		for _, v := range values {
			if v = clean(v); v == "" || slices.Contains(*list, v) {
				continue
			}
			if len(*list) == maxStrings {
				return fmt.Errorf("more than %d strings: %w", maxStrings, inventory.ErrTooLarge)
			}
			*list = append(*list, v)
		}
	}
	return nil
}

// clean returns a value without space around it, and valid UTF-8: an escape
// can be of any byte.
func clean(value string) string {
	return strings.ToValidUTF8(strings.TrimSpace(value), "\uFFFD")
}
