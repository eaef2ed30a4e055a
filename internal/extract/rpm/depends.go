package rpm

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/internal/rpmdb"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// Bits of a requirement: rpmds.h.
const (
	senseMissingOK = 1 << 19 // a hint, of before there were weak dependencies
	senseRPMLib    = 1 << 24 // of rpm itself
)

// required returns what the package requires. Names of files and of
// capabilities are among them: rpm resolves them by what packages provide and
// by the files that they own.
func (p *parser) required(r *record, name string) ([]string, error) {
	names, flags := r.texts(rpmdb.TagRequireName), r.numbers(rpmdb.TagRequireFlags)
	list := newList(p)
	for i, text := range names {
		if i < len(flags) && flags[i]&(senseMissingOK|senseRPMLib) != 0 {
			continue
		}
		if bytes.HasPrefix(text, []byte("rpmlib(")) || string(text) == "config("+name+")" {
			continue
		}
		if len(text) > maxField {
			r.note(fmt.Errorf("a requirement of %d bytes, %q: %w", len(text), lines.Clip(text), inventory.ErrTooLarge))
			continue
		}
		if bytes.HasPrefix(text, []byte("(")) {
			for _, one := range rich(string(text), 0) {
				if err := list.add([]byte(one)); err != nil {
					return nil, err
				}
			}
			continue
		}
		if err := list.add(text); err != nil {
			return nil, err
		}
	}
	return list.names, nil
}

// provided returns what the package provides besides its own name.
func (p *parser) provided(r *record, name string) ([]string, error) {
	list := newList(p)
	for _, text := range r.texts(rpmdb.TagProvideName) {
		if string(text) == name {
			continue
		}
		if len(text) > maxField {
			r.note(fmt.Errorf("it provides %d bytes, %q: %w", len(text), lines.Clip(text), inventory.ErrTooLarge))
			continue
		}
		if err := list.add(text); err != nil {
			return nil, err
		}
	}
	return list.names, nil
}

// A list collects names, each once.
type list struct {
	p     *parser
	names []string
	seen  map[string]bool
}

func newList(p *parser) *list { return &list{p: p, seen: map[string]bool{}} }

func (l *list) add(text []byte) error {
	if len(text) == 0 || l.seen[string(text)] {
		return nil
	}
	name := l.p.internBytes(text)
	l.seen[name] = true
	l.names = append(l.names, name)
	if l.p.depends++; l.p.depends > maxDepends {
		return fmt.Errorf("more than %d dependencies: %w", maxDepends, inventory.ErrTooLarge)
	}
	if l.p.depBytes += len(text); l.p.depBytes > maxDepBytes {
		return fmt.Errorf("more than %d bytes of dependencies: %w", maxDepBytes, inventory.ErrTooLarge)
	}
	return nil
}

// maxRich is how deep boolean dependencies are followed. Packages nest them
// two deep.
const maxRich = 8

// rich returns the names that a [boolean dependency] needs in every case.
// "(a and b)" needs both; "(a with b)" needs one package that is both, for
// which the first name is enough; "(a or b)" is "a|b". What is needed only if
// something else is there is left out, and so is an "or" of which one side is
// several names.
//
// [boolean dependency]: https://rpm-software-management.github.io/rpm/manual/boolean_dependencies.html
func rich(text string, depth int) []string {
	inner, opened := strings.CutPrefix(text, "(")
	inner, closed := strings.CutSuffix(inner, ")")
	if !opened || !closed || depth == maxRich {
		return nil
	}
	operands, operator := operation(inner)
	switch operator {
	case "if", "unless":
		return nil
	case "with", "without":
		operands = operands[:min(1, len(operands))]
	}
	var needs []string
	for _, operand := range operands {
		names := []string{operand}
		if strings.HasPrefix(operand, "(") {
			names = rich(operand, depth+1)
		}
		if operator == "or" && len(names) != 1 {
			return nil
		}
		needs = append(needs, names...)
	}
	if operator == "or" {
		return []string{strings.Join(needs, "|")}
	}
	return needs
}

// operation splits "a >= 1 and b and (c or d)" into its operands, without
// versions, and the operator, which is the same between all of them.
func operation(text string) (operands []string, operator string) {
	expected := true // an operand comes next
	for text != "" {
		var word string
		word, text = cutWord(text)
		switch word {
		case "":
		case "<", ">", "=", "<=", ">=":
			_, text = cutWord(text)
		case "and", "or", "with", "without", "if", "unless", "else":
			if operator == "" {
				operator = word
			}
			expected = true
		default:
			if expected {
				operands = append(operands, word)
			}
			expected = false
		}
	}
	return operands, operator
}

// cutWord returns the text up to the first space outside of parentheses, and
// what follows the space.
func cutWord(text string) (word, rest string) {
	open := 0
	for i := range len(text) {
		switch text[i] {
		case '(':
			open++
		case ')':
			open--
		case ' ':
			if open <= 0 {
				return text[:i], text[i+1:]
			}
		}
	}
	return text, ""
}
