// Package yamlnode reads YAML files in which every key counts: a key that is not
// known, or is there twice, is an error, and errors name the line.
//
// Errors begin with ":" and the line, so that the name of the file can be put
// before them.
package yamlnode

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Decode returns what is in a file, nil if that is nothing.
func Decode(data []byte) (*yaml.Node, error) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf(": %w", err) // which names the line
	}
	switch err := dec.Decode(new(yaml.Node)); {
	case err == nil:
		return nil, errors.New(": it holds a second document")
	case !errors.Is(err, io.EOF):
		return nil, fmt.Errorf(": %w", err)
	}
	if len(doc.Content) == 0 || IsNull(doc.Content[0]) {
		return nil, nil
	}
	return doc.Content[0], nil
}

// IsNull reports whether a value is left out.
func IsNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// Errorf is an error at the line of a node.
func Errorf(n *yaml.Node, format string, args ...any) error {
	return fmt.Errorf(":%d: %w", n.Line, fmt.Errorf(format, args...))
}

// Mapping calls visit with each key and its value. visit reports whether it
// knows the key.
func Mapping(n *yaml.Node, visit func(key string, value *yaml.Node) (bool, error)) error {
	if n.Kind != yaml.MappingNode {
		return Errorf(n, "no mapping")
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode {
			return Errorf(key, "a key that is no word")
		}
		if seen[key.Value] {
			return Errorf(key, "%q is there twice", key.Value)
		}
		seen[key.Value] = true
		known, err := visit(key.Value, n.Content[i+1])
		if err != nil {
			return err
		}
		if !known {
			return Errorf(key, "unknown key %q", key.Value)
		}
	}
	return nil
}

// Text reads a word or a text, whatever type YAML takes it for.
func Text(n *yaml.Node, into *string) error {
	if n.Kind != yaml.ScalarNode || IsNull(n) {
		return Errorf(n, "no text")
	}
	*into = strings.TrimSpace(n.Value)
	return nil
}
