package codec

import (
	"encoding/json"
	"fmt"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// Members calls visit with the name of each member of the JSON object that is
// next in dec. visit reads the value.
func Members(dec *json.Decoder, visit func(name string) error) error {
	t, err := dec.Token()
	if err != nil {
		return err
	}
	if t != json.Delim('{') {
		return fmt.Errorf("byte %d: no object", dec.InputOffset())
	}
	return members(dec, visit)
}

func members(dec *json.Decoder, visit func(name string) error) error {
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return err
		}
		if err := visit(t.(string)); err != nil { // a decoder has nothing else for names
			return err
		}
	}
	_, err := dec.Token() // the closing bracket
	return err
}

// Elements calls take with each element of the JSON array that is next in dec,
// which holds one element in memory at a time. An element of another type is
// one of c's problems, and so is a value that is no array; null is an empty
// one. what names an element for a message. A
// [json.RawMessage] is valid until take returns.
func Elements[T any](c *Collector, dec *json.Decoder, what string, take func(v *T) error) error {
	t, err := dec.Token()
	if err != nil {
		return err
	}
	switch t {
	case json.Delim('['):
	case json.Delim('{'):
		c.Problem("the list of %ss is an object", what)
		return members(dec, func(string) error { return Skip(dec) })
	case nil:
		return nil
	default:
		c.Problem("the list of %ss is no list", what)
		return nil
	}
	var raw json.RawMessage
	takeRaw, unread := any(take).(func(*json.RawMessage) error)
	for n := 1; dec.More(); n++ {
		if err := dec.Decode(&raw); err != nil {
			return err
		}
		if unread {
			if err := takeRaw(&raw); err != nil {
				return err
			}
			continue
		}
		var v T
		if err := json.Unmarshal(raw, &v); err != nil {
			c.Problem("%s %d cannot be understood: %v", what, n, err)
			continue
		}
		if err := take(&v); err != nil {
			return err
		}
	}
	_, err = dec.Token()
	return err
}

// Value reads the next value into v. One that does not fit is one of c's
// problems, and leaves v as far as it could be filled. what names it for a
// message.
func Value(c *Collector, dec *json.Decoder, what string, v any) error {
	var raw json.RawMessage
	if err := dec.Decode(&raw); err != nil {
		return err
	}
	if err := json.Unmarshal(raw, v); err != nil {
		c.Problem("%s cannot be understood: %v", what, err)
	}
	return nil
}

// Skip reads over the next value, one member or element after the other.
func Skip(dec *json.Decoder) error {
	t, err := dec.Token()
	if err != nil {
		return err
	}
	var raw json.RawMessage
	switch t {
	case json.Delim('{'):
		return members(dec, func(string) error { return dec.Decode(&raw) })
	case json.Delim('['):
		for dec.More() {
			if err := dec.Decode(&raw); err != nil {
				return err
			}
		}
		_, err = dec.Token()
	}
	return err
}

// A JSONReader takes the members of a document of one format in JSON, in
// whatever order they come.
type JSONReader interface {
	// Member reads the value of a member that the format knows, or reports
	// false and reads nothing. An error ends the document.
	Member(name string, dec *json.Decoder) (bool, error)
	// Finish returns the inventory after the last member.
	Finish() (*inventory.BOM, error)
}
