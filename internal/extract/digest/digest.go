// Package digest reads the digests of archives as lock files and the records of
// package managers write them. What is malformed, or of an algorithm that
// [inventory.Hash] has no name for here, is no digest and left out: it tells
// nothing of the package, and no package is lost for it.
package digest

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// known returns how an algorithm is spelled in results and the size in bytes of
// its digests, 0 if it is not known. Case and hyphens of the name are free.
func known(name string) (spelled string, size int) {
	switch strings.ToLower(strings.ReplaceAll(name, "-", "")) {
	case "md5":
		return "MD5", 16
	case "sha1":
		return "SHA-1", 20
	case "sha256":
		return "SHA-256", 32
	case "sha384":
		return "SHA-384", 48
	case "sha512":
		return "SHA-512", 64
	}
	return "", 0
}

// Hex returns a digest in hexadecimal digits, as a list of one or none.
func Hex(algorithm, value string) []inventory.Hash {
	spelled, size := known(algorithm)
	if size == 0 || len(value) != hex.EncodedLen(size) {
		return nil
	}
	sum, err := hex.DecodeString(value)
	if err != nil {
		return nil
	}
	// Encoded anew: in lower case, and without a hold on the text of the file.
	return []inventory.Hash{{Algorithm: spelled, Value: encode(sum)}}
}

// encode returns a digest of up to 64 bytes in hexadecimal digits.
func encode(sum []byte) string {
	var digits [128]byte
	return string(digits[:hex.Encode(digits[:], sum)])
}

// Tagged returns a digest in hexadecimal digits with its algorithm in front,
// "sha256:0123…" or "sha256=0123…", as a list of one or none.
func Tagged(text string) []inventory.Hash {
	i := strings.IndexAny(text, ":=")
	if i < 0 {
		return nil
	}
	return Hex(text[:i], text[i+1:])
}

// SRI returns the digests of a text such as "sha512-BASE64 sha1-BASE64", in the
// form of [Subresource Integrity]. Any one of several digests of an algorithm
// will do there, so that it is not known which the archive has: of these none
// is returned.
//
// [Subresource Integrity]: https://www.w3.org/TR/SRI/#the-integrity-attribute
func SRI(integrity string) []inventory.Hash {
	// Lock files have up to 100,000 of these: what is not returned is on the
	// stack, as far as usual texts go.
	var few [2]inventory.Hash
	var sum [96]byte
	list := few[:0]
	for token := range strings.FieldsSeq(integrity) {
		token, _, _ = strings.Cut(token, "?") // options
		name, value, _ := strings.Cut(token, "-")
		spelled, size := known(name)
		if size == 0 || len(value) != base64.StdEncoding.EncodedLen(size) {
			continue
		}
		if n, err := base64.StdEncoding.Decode(sum[:], []byte(value)); err == nil && n == size {
			list = append(list, inventory.Hash{Algorithm: spelled, Value: encode(sum[:n])})
		}
	}
	return slices.Clone(Agreed(list))
}

// Sort sorts digests by algorithm and value, in place, and returns each once.
func Sort(list []inventory.Hash) []inventory.Hash {
	slices.SortFunc(list, func(a, b inventory.Hash) int {
		return cmp.Or(cmp.Compare(a.Algorithm, b.Algorithm), cmp.Compare(a.Value, b.Value))
	})
	return slices.Compact(list)
}

// Agreed does what [Sort] does, in place too, for digests of one file, and
// leaves those of an algorithm out if there are several. It returns nil if none
// is left.
func Agreed(list []inventory.Hash) []inventory.Hash {
	list = Sort(list)
	agreed := list[:0]
	for len(list) > 0 {
		n := 1
		for n < len(list) && list[n].Algorithm == list[0].Algorithm {
			n++
		}
		if n == 1 {
			agreed = append(agreed, list[0])
		}
		list = list[n:]
	}
	if len(agreed) == 0 {
		return nil
	}
	return agreed
}
