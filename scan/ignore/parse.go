package ignore

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// MaxSize is the size in bytes up to which a file of rules is read.
const MaxSize = 4 << 20

// maxRules bounds the rules of a file, and maxValues the entries of a list.
const (
	maxRules  = 100_000
	maxValues = 10_000
)

// Parse reads a file of rules. Its content tells which of the forms in the
// comment of the package it has. name is that of the file, for messages and
// [Rule].Source. A file without a rule is none; what cannot be understood is an
// error that names the line.
func Parse(name string, data []byte) ([]Rule, error) {
	rules, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("ignore: %s%w", name, err)
	}
	for i := range rules {
		rules[i].Source = name
	}
	if _, err := New(rules...); err != nil {
		return nil, err
	}
	return rules, nil
}

// at is an error at a line.
func at(line int, format string, args ...any) error {
	return fmt.Errorf(":%d: %w", line, fmt.Errorf(format, args...))
}

func parse(data []byte) ([]Rule, error) {
	if len(data) > MaxSize {
		return nil, fmt.Errorf(": larger than %d bytes", MaxSize)
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if isYAML(data) {
		return parseYAML(data)
	}
	return parsePlain(data)
}

// yamlStart is how the first line of a YAML document that is no scalar begins.
var yamlStart = regexp.MustCompile(`^(---|%YAML|[{\[]|-\s|[\w.-]+:(\s|$))`)

func isYAML(data []byte) bool {
	for line := range bytes.Lines(data) {
		line = bytes.TrimRight(line, " \t\r\n")
		if trimmed := bytes.TrimSpace(line); len(trimmed) > 0 && trimmed[0] != '#' {
			return yamlStart.Match(line)
		}
	}
	return false
}

// parsePlain reads the form that Trivy's plain file has:
// https://trivy.dev/latest/docs/configuration/filtering/#trivyignore
func parsePlain(data []byte) ([]Rule, error) {
	var rules []Rule
	n := 0
	for line := range bytes.Lines(data) {
		n++
		text := strings.TrimSpace(string(line))
		comment := ""
		if before, after, ok := strings.Cut(" "+text, " #"); ok {
			text, comment = strings.TrimSpace(before), strings.TrimSpace(after)
		}
		fields := strings.Fields(text)
		if len(fields) == 0 {
			continue
		}
		if len(rules) == maxRules {
			return nil, at(n, "more than %d rules", maxRules)
		}
		r := Rule{IDs: fields[:1:1], Reason: comment, Line: n}
		for _, f := range fields[1:] {
			date, ok := strings.CutPrefix(f, "exp:")
			if !ok {
				return nil, at(n, "%q after the ID is neither \"exp:DATE\" nor a comment", f)
			}
			if !r.Until.IsZero() {
				return nil, at(n, "a second date %q", f)
			}
			var err error
			if r.Until, err = parseDate(date); err != nil {
				return nil, at(n, "%w", err)
			}
		}
		rules = append(rules, r)
	}
	return rules, nil
}

func parseDate(text string) (time.Time, error) {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil && !t.IsZero() {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no date such as 2026-01-31", text)
}

func parseYAML(data []byte) ([]Rule, error) {
	var doc yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&doc); err != nil {
		return nil, fmt.Errorf(": %w", err)
	}
	switch err := dec.Decode(new(yaml.Node)); {
	case err == nil:
		return nil, errors.New(": it holds a second document")
	case !errors.Is(err, io.EOF):
		return nil, fmt.Errorf(": %w", err)
	}
	if len(doc.Content) == 0 || doc.Content[0].Tag == "!!null" {
		return nil, nil
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode {
		return nil, at(root.Line, "the document is no mapping with the key \"ignore\" or, as Trivy's, \"vulnerabilities\"")
	}
	var rules []Rule
	err := mapping(root, func(key string, value *yaml.Node) error {
		switch key {
		case "ignore":
			return list(value, key, &rules, ownKey)
		case "vulnerabilities":
			return list(value, key, &rules, trivyKey)
		case "misconfigurations", "secrets", "licenses": // of Trivy, and of nothing that is looked for here
			return nil
		}
		return errUnknownKey
	})
	return rules, err
}

var errUnknownKey = errors.New("unknown key")

// mapping calls visit with each key and value. Errors get the line of the key.
func mapping(n *yaml.Node, visit func(key string, value *yaml.Node) error) error {
	if n.Kind != yaml.MappingNode {
		return at(n.Line, "no mapping")
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode {
			return at(key.Line, "a key that is no word")
		}
		if seen[key.Value] {
			return at(key.Line, "%q is there twice", key.Value)
		}
		seen[key.Value] = true
		err := visit(key.Value, n.Content[i+1])
		if errors.Is(err, errUnknownKey) {
			err = at(key.Line, "unknown key %q", key.Value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// list reads a list of rules.
func list(n *yaml.Node, name string, rules *[]Rule, take func(r *Rule, key string, value *yaml.Node) error) error {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		return at(n.Line, "%q is no list of rules", name)
	}
	for _, item := range n.Content {
		if len(*rules) == maxRules {
			return at(item.Line, "more than %d rules", maxRules)
		}
		r := Rule{Line: item.Line}
		if err := mapping(item, func(key string, value *yaml.Node) error { return take(&r, key, value) }); err != nil {
			return err
		}
		*rules = append(*rules, r)
	}
	return nil
}

// ownKey reads a key of a rule of .imagevetignore.
func ownKey(r *Rule, key string, value *yaml.Node) error {
	switch key {
	case "id", "alias":
		return values(value, &r.IDs)
	case "package":
		return values(value, &r.Packages)
	case "purl":
		return values(value, &r.PURLs)
	case "path":
		return values(value, &r.Paths)
	case "layer":
		return values(value, &r.Layers)
	case "status":
		return values(value, &r.Statuses)
	case "until":
		return date(value, &r.Until)
	case "reason":
		return scalar(value, &r.Reason)
	}
	return errUnknownKey
}

// trivyKey reads a key of a rule of .trivyignore.yaml:
// https://trivy.dev/latest/docs/configuration/filtering/#trivyignoreyaml
func trivyKey(r *Rule, key string, value *yaml.Node) error {
	switch key {
	case "id":
		return values(value, &r.IDs)
	case "paths":
		return values(value, &r.Paths)
	case "purls":
		return values(value, &r.PURLs)
	case "expired_at":
		return date(value, &r.Until)
	case "statement":
		return scalar(value, &r.Reason)
	}
	return errUnknownKey
}

func scalar(n *yaml.Node, into *string) error {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		return at(n.Line, "no text")
	}
	*into = strings.TrimSpace(n.Value)
	return nil
}

// values adds one text or a list of them.
func values(n *yaml.Node, into *[]string) error {
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	if len(items) == 0 {
		return at(n.Line, "an empty list")
	}
	if len(items) > maxValues {
		return at(n.Line, "more than %d entries", maxValues)
	}
	for _, item := range items {
		var text string
		if err := scalar(item, &text); err != nil {
			return err
		}
		*into = append(*into, text)
	}
	return nil
}

func date(n *yaml.Node, into *time.Time) error {
	var text string
	if err := scalar(n, &text); err != nil {
		return err
	}
	t, err := parseDate(text)
	if err != nil {
		return at(n.Line, "%w", err)
	}
	*into = t
	return nil
}
