package pydep

import (
	"github.com/imagevet/imagevet/internal/extract/digest"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// OnlyFile returns the digests of the archive that a lock file names for a
// package, if it names one alone: of several, it is not known which one is
// installed. Each value is what TOML has of a file or a list of files, of any
// type, so that one that is not understood does not take the package with it.
// A file has its digests as "hash", "sha256:0123…", or as a table "hashes".
func OnlyFile(values ...any) []inventory.Hash {
	var only map[string]any
	n := 0
	for _, value := range values {
		switch v := value.(type) {
		case nil:
		case map[string]any:
			only = v
			n++
		case []map[string]any:
			if n += len(v); len(v) == 1 {
				only = v[0]
			}
		case []any:
			n += len(v)
			if len(v) == 1 {
				only, _ = v[0].(map[string]any)
			}
		default:
			return nil
		}
	}
	if n != 1 {
		return nil
	}
	if hash, ok := only["hash"].(string); ok {
		return digest.Tagged(hash)
	}
	hashes, _ := only["hashes"].(map[string]any)
	var list []inventory.Hash
	for algorithm, value := range hashes {
		if text, ok := value.(string); ok {
			list = append(list, digest.Hex(algorithm, text)...)
		}
	}
	return digest.Agreed(list)
}
