package policy

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"go.yaml.in/yaml/v3"

	"github.com/imagevet/imagevet/cvss"
	"github.com/imagevet/imagevet/internal/yamlnode"
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

func parse(data []byte) (*Policy, error) {
	if len(data) > MaxSize {
		return nil, fmt.Errorf(": larger than %d bytes", MaxSize)
	}
	root, err := yamlnode.Decode(data)
	if err != nil {
		return nil, err
	}
	if root == nil {
		return nil, errors.New(": it is empty, and so judges nothing")
	}
	p := &Policy{}
	err = yamlnode.Mapping(root, func(key string, value *yaml.Node) (bool, error) {
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

func rules(n *yaml.Node, p *Policy) error {
	if n.Kind != yaml.SequenceNode {
		return yamlnode.Errorf(n, "no list of rules")
	}
	if len(n.Content) > maxRules {
		return yamlnode.Errorf(n, "more than %d rules", maxRules)
	}
	for _, item := range n.Content {
		var r Rule
		err := yamlnode.Mapping(item, func(key string, value *yaml.Node) (bool, error) {
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
					return true, yamlnode.Errorf(value, "%w", err)
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
					err = yamlnode.Errorf(value, "no age")
				}
				return true, err
			}
			return false, nil
		})
		if err == nil {
			if err = r.validate(); err != nil {
				err = yamlnode.Errorf(item, "%w", err)
			}
		}
		if err != nil {
			return err
		}
		if (r == Rule{Name: r.Name}) {
			return yamlnode.Errorf(item, "a rule without a condition; for any finding: \"severity: NONE\"")
		}
		p.Findings = append(p.Findings, r)
	}
	return nil
}

func text(n *yaml.Node, into *string) error {
	err := yamlnode.Text(n, into)
	if err == nil && *into == "" {
		err = yamlnode.Errorf(n, "no text")
	}
	return err
}

func boolean(n *yaml.Node, into *bool) error {
	switch {
	case n.Kind == yaml.ScalarNode && n.Value == "true":
		*into = true
	case n.Kind == yaml.ScalarNode && n.Value == "false":
		*into = false
	default:
		return yamlnode.Errorf(n, "neither true nor false")
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
		return yamlnode.Errorf(n, "leave the key out instead of false")
	}
	return nil
}

// number takes what is above 0 and at most most.
func number(n *yaml.Node, into *float64, most float64) error {
	x, err := strconv.ParseFloat(n.Value, 64)
	if n.Kind != yaml.ScalarNode || err != nil || math.IsNaN(x) || x <= 0 || x > most {
		return yamlnode.Errorf(n, "no number above 0 and up to %v", most)
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
		return yamlnode.Errorf(n, "neither \"fail\" nor \"pass\"")
	}
	return nil
}
