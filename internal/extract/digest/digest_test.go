package digest

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/imagevet/imagevet/internal/extract/extracttest"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// The digests of "abc".
const (
	md5Hex    = "900150983cd24fb0d6963f7d28e17f72"
	sha1Hex   = "a9993e364706816aba3e25717850c26c9cd0d89d"
	sha256Hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	sha384Hex = "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"
	sha512Hex = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
	sha1SRI   = "sha1-qZk+NkcGgWq6PiVxeFDCbJzQ2J0="
	sha256SRI = "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="
	sha384SRI = "sha384-ywB1P0WjXou1oD1pmsZQBycsMqsO3tFjGotgWkP/W+2AhgcroefMI1i67KE0yCWn"
	sha512SRI = "sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw=="
)

func hashes(pairs ...string) []inventory.Hash {
	var list []inventory.Hash
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, inventory.Hash{Algorithm: pairs[i], Value: pairs[i+1]})
	}
	return list
}

// The constants above are what the standard library computes.
func TestConstants(t *testing.T) {
	abc := []byte("abc")
	h1, h256, h384, h512, m := sha1.Sum(abc), sha256.Sum256(abc), sha512.Sum384(abc), sha512.Sum512(abc), md5.Sum(abc)
	for want, sum := range map[string][]byte{md5Hex: m[:], sha1Hex: h1[:], sha256Hex: h256[:], sha384Hex: h384[:], sha512Hex: h512[:]} {
		assert.Equal(t, want, hex.EncodeToString(sum))
	}
	for want, sum := range map[string][]byte{sha1SRI: h1[:], sha256SRI: h256[:], sha384SRI: h384[:], sha512SRI: h512[:]} {
		_, value, _ := strings.Cut(want, "-")
		assert.Equal(t, value, base64.StdEncoding.EncodeToString(sum))
	}
}

func TestHex(t *testing.T) {
	tests := []struct {
		algorithm, value string
		want             []inventory.Hash
	}{
		{"md5", md5Hex, hashes("MD5", md5Hex)},
		{"sha1", sha1Hex, hashes("SHA-1", sha1Hex)},
		{"SHA-256", sha256Hex, hashes("SHA-256", sha256Hex)},
		{"sha256", strings.ToUpper(sha256Hex), hashes("SHA-256", sha256Hex)},
		{"SHA384", sha384Hex, hashes("SHA-384", sha384Hex)},
		{"sha512", sha512Hex, hashes("SHA-512", sha512Hex)},
		// No digests.
		{"", sha256Hex, nil},
		{"sha224", sha256Hex[:56], nil},
		{"sha3-256", sha256Hex, nil},
		{"sha256", "", nil},
		{"sha256", sha1Hex, nil},
		{"sha1", sha256Hex, nil},
		{"sha256", sha256Hex[:63], nil},
		{"sha256", sha256Hex[:63] + "g", nil},
		{"sha256", sha256Hex + " ", nil},
		{"sha256", "0x" + sha256Hex[2:], nil},
	}
	for _, tt := range tests {
		assert.Equalf(t, tt.want, Hex(tt.algorithm, tt.value), "Hex(%q, %q)", tt.algorithm, tt.value)
	}
}

func TestTagged(t *testing.T) {
	tests := []struct {
		text string
		want []inventory.Hash
	}{
		{"sha256:" + sha256Hex, hashes("SHA-256", sha256Hex)},
		{"sha256=" + sha256Hex, hashes("SHA-256", sha256Hex)},
		{"md5:" + md5Hex, hashes("MD5", md5Hex)},
		{"", nil},
		{sha256Hex, nil},
		{"sha256:", nil},
		{"sha256::" + sha256Hex, nil},
		{"blake2b:" + sha512Hex, nil},
		{":" + sha256Hex, nil},
	}
	for _, tt := range tests {
		assert.Equalf(t, tt.want, Tagged(tt.text), "Tagged(%q)", tt.text)
	}
}

func TestSRI(t *testing.T) {
	other := "sha512-" + strings.Repeat("A", 86) + "=="
	tests := []struct {
		text string
		want []inventory.Hash
	}{
		{sha1SRI, hashes("SHA-1", sha1Hex)},
		{sha256SRI, hashes("SHA-256", sha256Hex)},
		{sha384SRI, hashes("SHA-384", sha384Hex)},
		{sha512SRI, hashes("SHA-512", sha512Hex)},
		{"  " + sha512SRI + "\t" + sha1SRI + "\n", hashes("SHA-1", sha1Hex, "SHA-512", sha512Hex)},
		{sha512SRI + "?foo=bar", hashes("SHA-512", sha512Hex)},
		{sha512SRI + " " + sha512SRI, hashes("SHA-512", sha512Hex)},
		{"sha512-x " + sha1SRI + " x-y", hashes("SHA-1", sha1Hex)},
		// One of them is of the archive, it does not say which.
		{sha512SRI + " " + sha1SRI + " " + other, hashes("SHA-1", sha1Hex)},
		{sha512SRI + " " + other, nil},
		// No digests.
		{"", nil},
		{"sha512", nil},
		{"sha512-", nil},
		{sha512Hex, nil},
		{"sha512-" + sha512Hex, nil},
		{strings.Replace(sha512SRI, "sha512", "sha256", 1), nil},
		{strings.TrimRight(sha512SRI, "="), nil},
		{strings.Replace(sha512SRI, "+", "-", 1), nil},
		{strings.Replace(sha512SRI, "sha512", "sha3", 1), nil},
		{"sha1-AAAAAAAAAAAAAAAAAAAAAAAAAA==", nil}, // 19 bytes and a wrong end
	}
	for _, tt := range tests {
		assert.Equalf(t, tt.want, SRI(tt.text), "SRI(%q)", tt.text)
	}
}

// Lock files have many: nothing is allocated but what is returned, which are
// the list and the text of each digest.
func TestAllocations(t *testing.T) {
	text := sha512SRI + " " + sha1SRI
	assert.LessOrEqual(t, testing.AllocsPerRun(100, func() { SRI(text) }), 3.0)
}

func BenchmarkSRI(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		SRI(sha512SRI)
	}
}

func TestSort(t *testing.T) {
	assert.Empty(t, Sort(nil))
	assert.Equal(t, hashes("MD5", "2", "SHA-1", "1", "SHA-1", "2"), Sort(hashes("SHA-1", "2", "SHA-1", "1", "MD5", "2", "SHA-1", "2")))
}

func TestAgreed(t *testing.T) {
	assert.Nil(t, Agreed(nil))
	assert.Nil(t, Agreed(hashes("MD5", "1", "MD5", "2")))
	assert.Equal(t, hashes("MD5", "2", "SHA-512", "3"), Agreed(hashes("SHA-512", "3", "SHA-1", "1", "MD5", "2", "SHA-1", "2", "MD5", "2")))
}

func FuzzDigest(f *testing.F) {
	f.Add(sha512SRI + " " + sha1SRI) // several
	f.Add("sha256:" + sha256Hex)
	f.Add("sha1=" + strings.ToUpper(sha1Hex)) // upper case
	f.Add("sha512-\n" + sha512SRI + "?x")
	f.Fuzz(func(t *testing.T, text string) {
		for _, list := range [][]inventory.Hash{SRI(text), Tagged(text)} {
			extracttest.Hashes(t, list)
			seen := map[string]bool{}
			for _, h := range list {
				assert.Falsef(t, seen[h.Algorithm], "two digests of %s in %q", h.Algorithm, text)
				seen[h.Algorithm] = true
				assert.Equalf(t, []inventory.Hash{h}, Tagged(h.Algorithm+":"+h.Value), "Tagged of a result of %q", text)
			}
		}
	})
}
