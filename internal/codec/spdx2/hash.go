package spdx2

import (
	"strings"

	"github.com/spdx/tools-golang/spdx/v2/common"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// algorithms are the names of digests in the model and in SPDX (sections 7.10
// of both specifications), those of version 2.2 first.
func algorithms(version string) [][2]string {
	list := [][2]string{
		{"MD5", "MD5"},
		{"SHA-1", "SHA1"},
		{"SHA-256", "SHA256"},
		{"SHA-384", "SHA384"},
		{"SHA-512", "SHA512"},
		{"SHA-224", "SHA224"},
		{"MD2", "MD2"},
		{"MD4", "MD4"},
		{"MD6", "MD6"},
		{"SHA3-256", "SHA3-256"},
		{"SHA3-384", "SHA3-384"},
		{"SHA3-512", "SHA3-512"},
		{"BLAKE2b-256", "BLAKE2b-256"},
		{"BLAKE2b-384", "BLAKE2b-384"},
		{"BLAKE2b-512", "BLAKE2b-512"},
		{"BLAKE3", "BLAKE3"},
		{"ADLER32", "ADLER32"},
	}
	if version == "2.2" {
		return list[:9]
	}
	return list
}

// checksum returns a digest as a checksum, if the version has its algorithm.
func checksum(version string, h inventory.Hash) (common.Checksum, bool) {
	for _, a := range algorithms(version) {
		if a[0] == h.Algorithm && isHex(h.Value) {
			return common.Checksum{Algorithm: common.ChecksumAlgorithm(a[1]), Value: h.Value}, true
		}
	}
	return common.Checksum{}, false
}

// hashOf returns a checksum as a digest.
func hashOf(algorithm, value string) (inventory.Hash, bool) {
	value = strings.ToLower(strings.TrimSpace(value))
	algorithm = strings.TrimSpace(algorithm)
	if algorithm == "" || !isHex(value) {
		return inventory.Hash{}, false
	}
	for _, a := range algorithms("") {
		if strings.EqualFold(a[1], strings.ReplaceAll(algorithm, "_", "-")) {
			return inventory.Hash{Algorithm: a[0], Value: value}, true
		}
	}
	return inventory.Hash{Algorithm: algorithm, Value: value}, true
}

// checksums returns those digests of a package that the version has algorithms
// for, and whether that is all of them.
func checksums(version string, p *inventory.Package) ([]common.Checksum, bool) {
	var list []common.Checksum
	all := true
	for _, h := range codec.Hashes(p) {
		if c, ok := checksum(version, h); ok {
			list = append(list, c)
		} else {
			all = false
		}
	}
	return list, all
}

func isHex(s string) bool {
	return s != "" && strings.Trim(s, "0123456789abcdef") == ""
}

// digestOf returns s if it is a digest, such as "sha256:" and its digits.
func digestOf(s string) string {
	algorithm, value, ok := strings.Cut(s, ":")
	if ok && (algorithm == "sha256" && len(value) == 64 || algorithm == "sha512" && len(value) == 128) && isHex(value) {
		return s
	}
	return ""
}

// digestChecksum is the inverse of checksumDigest.
func digestChecksum(digest string) []common.Checksum {
	if digest = digestOf(digest); digest == "" {
		return nil
	}
	algorithm, value, _ := strings.Cut(digest, ":")
	return []common.Checksum{{Algorithm: common.ChecksumAlgorithm(strings.ToUpper(algorithm)), Value: value}}
}

// checksumDigest returns a checksum of an image as a digest.
func checksumDigest(h inventory.Hash) string {
	return digestOf(strings.ToLower(strings.ReplaceAll(h.Algorithm, "-", "")) + ":" + h.Value)
}
