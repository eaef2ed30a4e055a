package durable

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What fails leaves neither the file nor a temporary one, and what was there.
func TestWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	path := filepath.Join(dir, "x")
	require.NoError(t, WriteFile(path, []byte("one")))
	require.NoError(t, WriteFile(path, []byte("two")))

	failure := errors.New("failure")
	_, err := Write(dir, func(w io.Writer) error {
		if _, err := w.Write([]byte("half")); err != nil {
			return err
		}
		return failure
	})
	assert.ErrorIs(t, err, failure)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "two", string(data))

	temp, err := Write(dir, func(w io.Writer) error { _, err := w.Write(data); return err })
	require.NoError(t, err)
	assert.EqualValues(t, 3, temp.Size)
	sum, err := Hash(path)
	require.NoError(t, err)
	assert.Equal(t, sum, temp.Sum)

	// A folder in the place of the file is an error, and stays.
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "d", "full"), 0o777))
	assert.Error(t, WriteFile(filepath.Join(dir, "d"), data))
	assert.DirExists(t, filepath.Join(dir, "d", "full"))
}

func TestContentName(t *testing.T) {
	sum := "0123456789abcdef0123456789abcdef"
	assert.Equal(t, "rocky-linux-0123456789abcdef", ContentName("Rocky Linux", sum))
	assert.Equal(t, "a---b-0123456789abcdef", ContentName("a/:.b", sum))
	assert.Len(t, ContentName(string(make([]byte, 100)), sum), 57)
}
