package pydep

import (
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom/inventory"
)

func TestOnlyFile(t *testing.T) {
	one, two := strings.Repeat("1", 64), strings.Repeat("2", 64)
	sha256 := []inventory.Hash{{Algorithm: "SHA-256", Value: one}}
	tests := []struct {
		content string
		want    []inventory.Hash
	}{
		{"wheels = [{hash = \"sha256:" + one + "\"}]", sha256},
		{"sdist = {hash = \"sha256:" + one + "\"}", sha256},
		{"sdist = {hash = \"sha256:" + one + "\"}\nwheels = []", sha256},
		{"[[wheels]]\nhash = \"sha256:" + one + "\"", sha256},
		{"sdist = {hashes = {sha512 = \"" + two + two + "\", sha256 = \"" + one + "\", blake2b = \"" + two + "\", md5 = 7}}", []inventory.Hash{sha256[0], {Algorithm: "SHA-512", Value: two + two}}},
		// It is not known which one is installed.
		{"wheels = [{hash = \"sha256:" + one + "\"}, {hash = \"sha256:" + two + "\"}]", nil},
		{"wheels = [{hash = \"sha256:" + one + "\"}, {url = \"x\"}]", nil},
		{"wheels = [{hash = \"sha256:" + one + "\"}]\nsdist = {hash = \"sha256:" + one + "\"}", nil},
		{"wheels = [{hash = \"sha256:" + one + "\"}, 7]", nil},
		{"wheels = [{hash = \"sha256:" + one + "\"}]\nsdist = 7", nil},
		// No digests.
		{"", nil},
		{"wheels = [7]", nil},
		{"wheels = [{url = \"x\"}]", nil},
		{"wheels = [{hash = 7}]", nil},
		{"wheels = [{hash = \"" + one + "\"}]", nil},
		{"sdist = {hashes = 7}", nil},
		{"sdist = {hashes = {sha256 = \"" + one + "\", SHA256 = \"" + two + "\"}}", nil},
	}
	for _, tt := range tests {
		var doc struct {
			Sdist  any `toml:"sdist"`
			Wheels any `toml:"wheels"`
		}
		_, err := toml.Decode(tt.content, &doc)
		require.NoErrorf(t, err, "%q", tt.content)
		assert.Equalf(t, tt.want, OnlyFile(doc.Sdist, doc.Wheels), "OnlyFile of %q", tt.content)
	}
}
