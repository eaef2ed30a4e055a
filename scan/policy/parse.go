package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/imagevet/imagevet/cvss"
)

// MaxSize is the size in bytes up to which a policy is read.
const MaxSize = 1 << 20

// maxRules bounds the rules on findings.
const maxRules = 1000

// Parse reads a policy in the form that the comment of the package describes.
// name is that of the file, for messages. An error names the line.
func Parse(name string, data []byte) (*Policy, error) {
	p, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("policy: %s%w", name, err)
	}
	return p, nil
}

// at is an error at a line.
func at(n *yaml.Node, format string, args ...any) error {
	return fmt.Errorf(":%d: %w", n.Line, fmt.Errorf(format, args...))
}

func parse(data []byte) (*Policy, error) {
	if len(data) > MaxSize {
		return nil, fmt.Errorf(": larger than %d bytes", MaxSize)
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil, errors.New(": it is empty, and so judges nothing")
	case err != nil:
		return nil, fmt.Errorf(": %w", err)
	}
	switch err := dec.Decode(new(yaml.Node)); {
	case err == nil:
		return nil, errors.New(": it holds a second document")
	case !errors.Is(err, io.EOF):
		return nil, fmt.Errorf(": %w", err)
	}
	if len(doc.Content) == 0 {
		return nil, errors.New(": it is empty, and so judges nothing")
	}
	p := &Policy{}
	err := mapping(doc.Content[0], func(key string, value *yaml.Node) (bool, error) {
		switch key {
		case "findings":
			return true, rules(value, p)
		case "end_of_life":
			return true, fails(value, &p.EndOfLife)
		case "no_coverage":
			return true, fails(value, &p.NoCoverage)
		case "problems":
			return true, fails(value, &p.Problems)
		}
		return false, nil
	})
	if err != nil {
		return nil, err
	}
	if len(p.Findings) == 0 && !p.EndOfLife && !p.NoCoverage && !p.Problems {
		return nil, errors.New(": it judges nothing")
	}
	return p, nil
}

// mapping calls visit with each key and value. visit reports whether it knows
// the key.
func mapping(n *yaml.Node, visit func(key string, value *yaml.Node) (bool, error)) error {
	if n.Kind != yaml.MappingNode {
		return at(n, "no mapping")
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode {
			return at(key, "a key that is no word")
		}
		if seen[key.Value] {
			return at(key, "%q is there twice", key.Value)
		}
		seen[key.Value] = true
		known, err := visit(key.Value, n.Content[i+1])
		if err != nil {
			return err
		}
		if !known {
			return at(key, "unknown key %q", key.Value)
		}
	}
	return nil
}

func rules(n *yaml.Node, p *Policy) error {
	if n.Kind != yaml.SequenceNode {
		return at(n, "no list of rules")
	}
	if len(n.Content) > maxRules {
		return at(n, "more than %d rules", maxRules)
	}
	for _, item := range n.Content {
		var r Rule
		err := mapping(item, func(key string, value *yaml.Node) (bool, error) {
			switch key {
			case "name":
				return true, text(value, &r.Name)
			case "severity":
				var word string
				if err := text(value, &word); err != nil {
					return true, err
				}
				s, err := cvss.ParseSeverity(word)
				if err == nil && s == cvss.Unknown {
					err = errors.New("UNKNOWN is no severity to ask for: what nobody has rated is meant by any")
				}
				if err != nil {
					return true, at(value, "%w", err)
				}
				r.Severity = s
				return true, nil
			case "unrated":
				var unrated bool
				err := boolean(value, &unrated)
				r.SkipUnrated = !unrated
				return true, err
			case "fixable":
				return true, truth(value, &r.Fixable)
			case "kev":
				return true, truth(value, &r.KEV)
			case "epss":
				return true, number(value, &r.EPSS, 1)
			case "fix_age_days":
				var n float64
				err := number(value, &n, maxDays)
				if r.FixAge = days(n); err == nil && r.FixAge == 0 {
					err = at(value, "no age")
				}
				return true, err
			}
			return false, nil
		})
		if err == nil {
			if err = r.validate(); err != nil {
				err = at(item, "%w", err)
			}
		}
		if err != nil {
			return err
		}
		if (r == Rule{Name: r.Name}) {
			return at(item, "a rule without a condition; for any finding: \"severity: NONE\"")
		}
		p.Findings = append(p.Findings, r)
	}
	return nil
}

func text(n *yaml.Node, into *string) error {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" || strings.TrimSpace(n.Value) == "" {
		return at(n, "no text")
	}
	*into = strings.TrimSpace(n.Value)
	return nil
}

func boolean(n *yaml.Node, into *bool) error {
	switch {
	case n.Kind == yaml.ScalarNode && n.Value == "true":
		*into = true
	case n.Kind == yaml.ScalarNode && n.Value == "false":
		*into = false
	default:
		return at(n, "neither true nor false")
	}
	return nil
}

// truth takes true only: "kev: false" could mean "not exploited" as well as "no
// matter whether".
func truth(n *yaml.Node, into *bool) error {
	if err := boolean(n, into); err != nil {
		return err
	}
	if !*into {
		return at(n, "leave the key out instead of false")
	}
	return nil
}

// number takes what is above 0 and at most most.
func number(n *yaml.Node, into *float64, most float64) error {
	x, err := strconv.ParseFloat(n.Value, 64)
	if n.Kind != yaml.ScalarNode || err != nil || math.IsNaN(x) || x <= 0 || x > most {
		return at(n, "no number above 0 and up to %v", most)
	}
	*into = x
	return nil
}

// fails takes "fail" and "pass".
func fails(n *yaml.Node, into *bool) error {
	switch {
	case n.Kind == yaml.ScalarNode && n.Value == "fail":
		*into = true
	case n.Kind == yaml.ScalarNode && n.Value == "pass":
		*into = false
	default:
		return at(n, "neither \"fail\" nor \"pass\"")
	}
	return nil
}
