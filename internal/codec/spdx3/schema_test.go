package spdx3_test

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/internal/codec/codectest"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// An iri is the one pattern of the schema that Go's regular expressions have
// not: "^(?!_:).+:.+".
type iri struct{}

func (iri) String() string { return "^(?!_:).+:.+" }

func (iri) MatchString(s string) bool {
	i := strings.LastIndexByte(s, ':')
	return !strings.HasPrefix(s, "_:") && i > 0 && i < len(s)-1
}

func pattern(text string) (jsonschema.Regexp, error) {
	if text == (iri{}).String() {
		return iri{}, nil
	}
	return regexp.Compile(text)
}

// TestSchema validates documents with SPDX's own schema.
func TestSchema(t *testing.T) {
	const file = "../../../testdata/sbom/schema/spdx/spdx-schema-3.0.1.json"
	data, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		t.Skipf("the schema is not there: %s", file)
	}
	require.NoError(t, err)
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	c.UseRegexpEngine(pattern)
	require.NoError(t, c.AddResource("spdx.json", doc))
	schema, err := c.Compile("spdx.json")
	require.NoError(t, err)
	validate := func(data []byte) error {
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		require.NoError(t, err)
		return schema.Validate(v)
	}

	assert.Error(t, validate([]byte(`{"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": [{"type": "Person", "spdxId": "a:b"}]}`)),
		"the schema has to tell what is wrong")
	tests := map[string]*inventory.BOM{
		"everything": codectest.BOM(),
		"product":    product(),
		"nothing":    {},
		"many":       many(1200),
		"analysed":   analysed(),
		"odd name":   {Target: inventory.Target{Name: "a b/\u00e4#?\"<>%:\x01", Kind: "rootfs", Digest: "x"}},
	}
	for name, b := range tests {
		opts := codec.Options{Authors: []string{"Person: Jane <j@example.com>"}, Supplier: "Shop", Tools: []inventory.Tool{{Name: "t"}}}
		assert.NoErrorf(t, validate(encode(t, b, opts)), "inventory %q", name)
		assert.NoErrorf(t, validate(encode(t, b, codec.Options{})), "inventory %q without options", name)
	}
}
