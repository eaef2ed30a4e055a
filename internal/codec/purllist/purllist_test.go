package purllist_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/internal/codec/codectest"
	"github.com/imagevet/imagevet/internal/codec/purllist"
	"github.com/imagevet/imagevet/sbom/inventory"
)

func TestDecode(t *testing.T) {
	const text = "\ufeffpkg:npm/%40babel/core@7.1.0\r\n" +
		"\n" +
		"# a comment\n" +
		"  pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-12&upstream=glibc\t\n" +
		"pkg:npm/%40babel/core@7.1.0\n" + // again
		"libc6 2.36\n" +
		"\t# another\n" +
		"pkg:pypi/no-version" // and no end of the line
	b, err := purllist.Decode(strings.NewReader(text), codec.DefaultLimits())
	require.NoError(t, err)
	assert.Equal(t, []inventory.Package{
		{
			Type: "deb", Namespace: "debian", Name: "libc6", Version: "2.36-9", Arch: "amd64", Source: inventory.Source{Name: "glibc", Version: "2.36-9"},
			PURL: "pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-12&upstream=glibc", Line: 4,
		},
		{Type: "npm", Namespace: "@babel", Name: "core", Version: "7.1.0", PURL: "pkg:npm/%40babel/core@7.1.0", Line: 1},
		{Type: "pypi", Name: "no-version", PURL: "pkg:pypi/no-version", Line: 8},
	}, b.Packages)
	assert.Equal(t, inventory.OS{ID: "debian", Version: "12"}, b.OS)
	assert.Equal(t, inventory.Document{Format: "purl", Encoding: "text"}, b.Document)
	assert.Equal(t, "sbom", b.Target.Kind)
	require.Len(t, b.Problems, 1)
	assert.ErrorContains(t, b.Problems[0], `line 6 is no package URL: "libc6 2.36"`)
}

func TestDecodeEmpty(t *testing.T) {
	for _, text := range []string{"", "\n", "\ufeff", "# nothing\r\n"} {
		b, err := purllist.Decode(strings.NewReader(text), codec.DefaultLimits())
		require.NoErrorf(t, err, "list %q", text)
		assert.Empty(t, b.Packages)
		assert.Empty(t, b.Problems)
	}
}

func TestDecodeErrors(t *testing.T) {
	broken := errors.New("broken")
	limits := codec.Limits{Bytes: 100, Packages: 2}
	tests := []struct {
		r    io.Reader
		want error
	}{
		{strings.NewReader("a\nb\n"), purllist.ErrFormat},
		{strings.NewReader("pkg:npm/a\npkg:npm/b\npkg:npm/c"), inventory.ErrTooLarge},
		{strings.NewReader("pkg:npm/a\n#" + strings.Repeat("x", 90)), inventory.ErrTooLarge},
		{io.MultiReader(strings.NewReader("pkg:npm/a\n"), iotest.ErrReader(broken)), broken},
		{io.MultiReader(strings.NewReader(strings.Repeat("#", 100)), iotest.ErrReader(broken)), broken},
	}
	for i, tt := range tests {
		b, err := purllist.Decode(tt.r, limits)
		assert.ErrorIsf(t, err, tt.want, "row %d", i)
		assert.Nil(t, b)
	}
	_, err := purllist.Decode(strings.NewReader(strings.Repeat("x", 1<<17)), codec.DefaultLimits())
	assert.ErrorIs(t, err, inventory.ErrTooLarge, "a line without end")
	_, err = purllist.Decode(strings.NewReader("pkg:npm/a\n"+strings.Repeat("#", 90)), limits)
	assert.NoError(t, err, "as many bytes as are allowed")
}

func TestEncode(t *testing.T) {
	b := &inventory.BOM{
		Packages: []inventory.Package{
			{PURL: "pkg:npm/b@1"},
			{PURL: "pkg:npm/b@1"},
			{Name: "nameless"},
			{PURL: "no package URL"},
			{PURL: "pkg:npm/gone@1", DeletedBy: &inventory.Layer{}},
			{PURL: "pkg:npm/x@1 "},
		},
		Parts: []*inventory.BOM{{Packages: []inventory.Package{{PURL: "pkg:npm/a@1"}, {PURL: "pkg:npm/b@1"}}}},
	}
	var out bytes.Buffer
	require.NoError(t, purllist.Encode(&out, b))
	assert.Equal(t, "pkg:npm/a@1\npkg:npm/b@1\npkg:npm/x@1%20\n", out.String())
	broken := errors.New("broken")
	assert.ErrorIs(t, purllist.Encode(writerFunc(func([]byte) (int, error) { return 0, broken }), b), broken)
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestRoundTrip(t *testing.T) {
	b := codectest.BOM()
	var want []string
	for _, p := range b.Packages {
		if p.PURL != "" && p.DeletedBy == nil {
			want = append(want, p.PURL)
		}
	}
	slices.Sort(want)
	var out bytes.Buffer
	require.NoError(t, purllist.Encode(&out, b))
	again, err := purllist.Decode(&out, codec.DefaultLimits())
	require.NoError(t, err)
	assert.Empty(t, again.Problems)
	var got []string
	for _, p := range again.Packages {
		got = append(got, p.PURL)
	}
	slices.Sort(got)
	assert.Equal(t, slices.Compact(want), got)
}

// FuzzDecode reads anything. What is read can be written and read again with
// the same packages, and the limits hold.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("\ufeffpkg:npm/%40babel/core@7.1.0\r\n# x\n\nnothing\npkg:deb/debian/a@1?distro=debian-12"))
	f.Add([]byte("pkg:rpm/x/y@1-2?epoch=1&upstream=z-1-1.src.rpm\npkg:golang/a/b#c/d"))
	f.Add([]byte("pkg:npm/a b@1\n pkg:npm/a%20@1"))
	f.Fuzz(func(t *testing.T, data []byte) {
		limits := codec.Limits{Bytes: 1 << 12, Packages: 10}
		b, err := purllist.Decode(bytes.NewReader(data), limits)
		if err != nil {
			assert.Nil(t, b)
			return
		}
		require.LessOrEqual(t, len(b.Packages), limits.Packages)
		lines := bytes.Count(data, []byte("\n")) + 1
		for _, p := range b.Packages {
			assert.NotEmpty(t, p.Name)
			assert.True(t, 1 <= p.Line && p.Line <= lines, "there is a line %d", p.Line)
		}
		var out bytes.Buffer
		require.NoError(t, purllist.Encode(&out, b))
		again, err := purllist.Decode(bytes.NewReader(out.Bytes()), codec.Limits{Bytes: 1 << 16, Packages: 10})
		require.NoError(t, err)
		assert.Empty(t, again.Problems)
		require.LessOrEqual(t, len(again.Packages), len(b.Packages))
		var second bytes.Buffer
		require.NoError(t, purllist.Encode(&second, again))
		assert.Equal(t, out.String(), second.String())
	})
}
