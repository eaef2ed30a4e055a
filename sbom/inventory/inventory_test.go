package inventory_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom/inventory"
)

func TestFileReaderAt(t *testing.T) {
	content := "content"
	stream := func() io.Reader { return iotest.OneByteReader(strings.NewReader(content)) }
	given := func() (io.ReaderAt, error) { return strings.NewReader("given"), nil }
	tests := []struct {
		name string
		f    *inventory.File
		want string
	}{
		{"a stream is kept in memory", inventory.NewFile("f", 0o644, int64(len(content)), stream(), nil), "content"},
		{"what can be read anywhere is used", inventory.NewFile("f", 0o644, int64(len(content)), strings.NewReader(content), nil), "content"},
		{"unless something else is arranged", inventory.NewFile("f", 0o644, 5, stream(), given), "given"},
	}
	for _, tt := range tests {
		at, err := tt.f.ReaderAt()
		require.NoError(t, err, tt.name)
		got, err := io.ReadAll(io.NewSectionReader(at, 0, tt.f.Size()))
		require.NoError(t, err, tt.name)
		assert.Equal(t, tt.want, string(got), tt.name)
	}
}

func TestFileReaderAtErrors(t *testing.T) {
	broken := errors.New("broken")
	tests := []struct {
		name string
		size int64
		r    io.Reader
		want error
	}{
		{"too large", inventory.MaxRandom + 1, iotest.OneByteReader(strings.NewReader("x")), inventory.ErrTooLarge},
		{"shorter than stated", 10, iotest.OneByteReader(strings.NewReader("x")), io.EOF},
		{"broken", 10, iotest.ErrReader(broken), broken},
	}
	for _, tt := range tests {
		at, err := inventory.NewFile("f", 0o644, tt.size, tt.r, nil).ReaderAt()
		assert.Nil(t, at, tt.name)
		assert.ErrorIs(t, err, tt.want, tt.name)
	}
}

func TestErrors(t *testing.T) {
	cause := errors.New("cause")
	for want, err := range map[string]error{
		`dpkg: "var/lib\x1b" in layer 2: cause`:     &inventory.FileError{Path: "var/lib\x1b", Extractor: "dpkg", Layer: 2, Err: cause},
		`layer 3: cause`:                            &inventory.LayerError{Index: 3, Err: cause},
		`layer 3 (sha256:a): cause`:                 &inventory.LayerError{Index: 3, DiffID: "sha256:a", Err: cause},
		`"f": blob "a" has other bytes: fetch or s`: &inventory.DigestError{Name: "f", Want: "a", Err: cause},
	} {
		assert.ErrorContains(t, err, want)
		assert.ErrorIs(t, err, cause)
	}
	unpacked := &inventory.DigestError{Want: "a", Got: "b", Unpacked: true}
	assert.EqualError(t, unpacked, `blob "a" has diff ID "b": fetch or save the image again`)
}

func TestFilePeek(t *testing.T) {
	stream := inventory.NewFile("f", 0o644, 5, iotest.OneByteReader(strings.NewReader("12345")), nil)
	assert.False(t, stream.Seekable())
	head, err := stream.Peek(2)
	require.NoError(t, err)
	assert.Equal(t, "12", string(head))
	head, err = stream.Peek(9)
	require.NoError(t, err, "a short file is shown whole")
	assert.Equal(t, "12345", string(head))
	at, err := stream.ReaderAt()
	require.NoError(t, err)
	got, err := io.ReadAll(io.NewSectionReader(at, 0, 5))
	require.NoError(t, err)
	assert.Equal(t, "12345", string(got), "from its beginning")

	seekable := inventory.NewFile("f", 0o644, 5, strings.NewReader("12345"), nil)
	assert.True(t, seekable.Seekable())
	head, err = seekable.Peek(9)
	require.NoError(t, err)
	assert.Equal(t, "12345", string(head))
	got, err = io.ReadAll(seekable)
	require.NoError(t, err)
	assert.Equal(t, "12345", string(got))

	_, err = seekable.Peek(inventory.MaxPeek + 1)
	assert.ErrorIs(t, err, inventory.ErrTooLarge)
	broken := errors.New("broken")
	_, err = inventory.NewFile("f", 0o644, 5, iotest.ErrReader(broken), nil).Peek(1)
	assert.ErrorIs(t, err, broken)
}
