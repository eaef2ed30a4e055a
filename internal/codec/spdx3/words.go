package spdx3

import (
	"strings"
	"time"

	"github.com/imagevet/imagevet/internal/codec"
)

// The names of digests: CycloneDX's, as the model has them, and SPDX's.
// https://spdx.github.io/spdx-spec/v3.0.1/model/Core/Vocabularies/HashAlgorithm/
func algorithms() [][2]string {
	return [][2]string{
		{"MD2", "md2"},
		{"MD4", "md4"},
		{"MD5", "md5"},
		{"MD6", "md6"},
		{"ADLER32", "adler32"},
		{"SHA-1", "sha1"},
		{"SHA-224", "sha224"},
		{"SHA-256", "sha256"},
		{"SHA-384", "sha384"},
		{"SHA-512", "sha512"},
		{"SHA3-224", "sha3_224"},
		{"SHA3-256", "sha3_256"},
		{"SHA3-384", "sha3_384"},
		{"SHA3-512", "sha3_512"},
		{"BLAKE2b-256", "blake2b256"},
		{"BLAKE2b-384", "blake2b384"},
		{"BLAKE2b-512", "blake2b512"},
		{"BLAKE3", "blake3"},
	}
}

// toSPDX returns SPDX's name of a digest, or "".
func toSPDX(algorithm string) string {
	for _, names := range algorithms() {
		if names[0] == algorithm {
			return names[1]
		}
	}
	return ""
}

// fromSPDX returns the model's name of a digest; one that is not known stays as
// it is.
func fromSPDX(algorithm string) string {
	for _, names := range algorithms() {
		if strings.EqualFold(names[1], algorithm) {
			return names[0]
		}
	}
	return algorithm
}

// sbomType says at which point in the life of a target an inventory is made.
// https://spdx.github.io/spdx-spec/v3.0.1/model/Software/Vocabularies/SbomType/
func sbomType(kind string) string {
	if codec.Phase(kind) == "pre-build" {
		return "source"
	}
	return "analyzed"
}

// lifecycle returns a type of bill of materials in CycloneDX's words.
func lifecycle(sbomType string) string {
	switch sbomType {
	case "source":
		return "pre-build"
	case "analyzed":
		return "post-build"
	case "deployed", "runtime":
		return "operations"
	}
	return sbomType // "build" and "design" are the same
}

// justifications are the reasons why something is not affected: CycloneDX's,
// and what of SPDX comes closest. Of those with the same word in SPDX the first
// is read.
// https://spdx.github.io/spdx-spec/v3.0.1/model/Security/Vocabularies/VexJustificationType/
func justifications() [][2]string {
	return [][2]string{
		{"code_not_present", "vulnerableCodeNotPresent"},
		{"code_not_reachable", "vulnerableCodeNotInExecutePath"},
		{"requires_configuration", "vulnerableCodeCannotBeControlledByAdversary"},
		{"requires_environment", "vulnerableCodeCannotBeControlledByAdversary"},
		{"requires_dependency", "componentNotPresent"},
		{"protected_by_mitigating_control", "inlineMitigationsAlreadyExist"},
		{"protected_by_compiler", "inlineMitigationsAlreadyExist"},
		{"protected_at_runtime", "inlineMitigationsAlreadyExist"},
		{"protected_at_perimeter", "inlineMitigationsAlreadyExist"},
	}
}

func justificationToSPDX(word string) string {
	for _, pair := range justifications() {
		if pair[0] == word {
			return pair[1]
		}
	}
	return ""
}

func justificationFromSPDX(word string) string {
	for _, pair := range justifications() {
		if pair[1] == word {
			return pair[0]
		}
	}
	return ""
}

// moment returns a time that can be written and read again, or the zero value.
func moment(t time.Time) time.Time {
	t = t.UTC().Truncate(time.Second)
	if t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}
	}
	return t
}

// formatTime writes a time as [codec.FormatTime] does, and nothing for none.
func formatTime(t time.Time) string {
	if t = moment(t); t.IsZero() {
		return ""
	}
	return codec.FormatTime(t)
}
