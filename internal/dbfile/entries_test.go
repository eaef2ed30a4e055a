package dbfile

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Entries come in the order in which they were written, and damage is noticed.
func TestEntry(t *testing.T) {
	want := sample()
	data := write(t, want)
	r, err := openBytes(t, data)
	require.NoError(t, err)
	require.Equal(t, len(want.Entries), r.Len())
	var buf []byte
	for i, e := range want.Entries {
		got, err := r.Entry(buf, i)
		require.NoError(t, err)
		assert.Equal(t, e.Release, got.Release)
		assert.Equal(t, e.Name, got.Name)
		assert.Equal(t, string(e.Data), string(got.Data))
		buf = got.Data
	}
	last := r.Len() - 1
	data[r.entries.offset+r.entries.size-1] ^= 1
	_, err = r.Entry(nil, last)
	assert.ErrorIs(t, err, ErrDamaged)
}
