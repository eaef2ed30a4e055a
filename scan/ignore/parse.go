package ignore

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/imagevet/imagevet/internal/yamlnode"
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
	root, err := yamlnode.Decode(data)
	if err != nil || root == nil {
		return nil, err
	}
	if root.Kind != yaml.MappingNode {
		return nil, yamlnode.Errorf(root, "the document is no mapping with the key \"ignore\" or, as Trivy's, \"vulnerabilities\"")
	}
	var rules []Rule
	err = yamlnode.Mapping(root, func(key string, value *yaml.Node) (bool, error) {
		switch key {
		case "ignore":
			return true, list(value, key, &rules, ownKey)
		case "vulnerabilities":
			return true, list(value, key, &rules, trivyKey)
		case "misconfigurations", "secrets", "licenses": // of Trivy, and of nothing that is looked for here
			return true, nil
		}
		return false, nil
	})
	return rules, err
}

// list reads a list of rules.
func list(n *yaml.Node, name string, rules *[]Rule, take func(r *Rule, key string, value *yaml.Node) (bool, error)) error {
	if yamlnode.IsNull(n) {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		return yamlnode.Errorf(n, "%q is no list of rules", name)
	}
	for _, item := range n.Content {
		if len(*rules) == maxRules {
			return yamlnode.Errorf(item, "more than %d rules", maxRules)
		}
		r := Rule{Line: item.Line}
		if err := yamlnode.Mapping(item, func(key string, value *yaml.Node) (bool, error) { return take(&r, key, value) }); err != nil {
			return err
		}
		*rules = append(*rules, r)
	}
	return nil
}

// ownKey reads a key of a rule of .imagevetignore.
func ownKey(r *Rule, key string, value *yaml.Node) (bool, error) {
	switch key {
	case "id", "alias":
		return true, values(value, &r.IDs)
	case "package":
		return true, values(value, &r.Packages)
	case "purl":
		return true, values(value, &r.PURLs)
	case "path":
		return true, values(value, &r.Paths)
	case "layer":
		return true, values(value, &r.Layers)
	case "status":
		return true, values(value, &r.Statuses)
	case "until":
		return true, date(value, &r.Until)
	case "reason":
		return true, yamlnode.Text(value, &r.Reason)
	}
	return false, nil
}

// trivyKey reads a key of a rule of .trivyignore.yaml:
// https://trivy.dev/latest/docs/configuration/filtering/#trivyignoreyaml
func trivyKey(r *Rule, key string, value *yaml.Node) (bool, error) {
	switch key {
	case "id":
		return true, values(value, &r.IDs)
	case "paths":
		return true, values(value, &r.Paths)
	case "purls":
		return true, values(value, &r.PURLs)
	case "expired_at":
		return true, date(value, &r.Until)
	case "statement":
		return true, yamlnode.Text(value, &r.Reason)
	}
	return false, nil
}

// values adds one text or a list of them.
func values(n *yaml.Node, into *[]string) error {
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	if len(items) == 0 {
		return yamlnode.Errorf(n, "an empty list")
	}
	if len(items) > maxValues {
		return yamlnode.Errorf(n, "more than %d entries", maxValues)
	}
	for _, item := range items {
		var text string
		if err := yamlnode.Text(item, &text); err != nil {
			return err
		}
		*into = append(*into, text)
	}
	return nil
}

func date(n *yaml.Node, into *time.Time) error {
	var text string
	if err := yamlnode.Text(n, &text); err != nil {
		return err
	}
	t, err := parseDate(text)
	if err != nil {
		return yamlnode.Errorf(n, "%w", err)
	}
	*into = t
	return nil
}
