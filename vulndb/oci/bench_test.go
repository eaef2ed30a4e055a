package oci_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/vulndb/oci"
)

// The registry is in the same process and takes part of the time and of the
// memory.
func BenchmarkPull(b *testing.B) {
	reg, dir := newTestRegistry(b), database(b, map[string]int{"Debian:12": 20000, "PyPI": 20000})
	ref := reg.Host + "/db:1"
	push(b, dir, ref)
	for name, fresh := range map[string]bool{"all": true, "nothing_new": false} {
		b.Run(name, func(b *testing.B) {
			local := b.TempDir()
			b.SetBytes(pull(b, ref, local).Bytes)
			for b.Loop() {
				if fresh {
					local = b.TempDir()
				}
				_, err := oci.Pull(b.Context(), ref, local, anonymous())
				require.NoError(b, err)
			}
		})
	}
}
