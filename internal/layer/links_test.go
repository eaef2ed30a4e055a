package layer

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// programs makes a layer of executables; "=> target" is a hard link.
func programs(t *testing.T, pairs ...string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for i := 0; i < len(pairs); i += 2 {
		h := &tar.Header{Name: pairs[i], Typeflag: tar.TypeReg, Size: int64(len(pairs[i+1])), Mode: 0o755}
		if target, ok := cutLink(pairs[i+1]); ok {
			h.Typeflag, h.Linkname, h.Size = tar.TypeLink, target, 0
		}
		require.NoError(t, w.WriteHeader(h))
		if h.Typeflag == tar.TypeReg {
			_, err := io.WriteString(w, pairs[i+1])
			require.NoError(t, err)
		}
	}
	require.NoError(t, w.Close())
	return buf.Bytes()
}

func cutLink(s string) (string, bool) {
	if len(s) > 3 && s[:3] == "=> " {
		return s[3:], true
	}
	return "", false
}

// A program with a hundred names is read once, unless a name says more than
// the content.
func TestHardLinksToPrograms(t *testing.T) {
	router, err := NewRouter([]inventory.Extractor{notes{patterns: []inventory.Pattern{{Glob: "**/*", Executable: true}, {Glob: "**/perl*"}}}})
	require.NoError(t, err)
	tests := []struct {
		name   string
		layers [][]byte
		reads  int // of layers, once more
		want   []string
	}{
		{"names of no interest", [][]byte{programs(t, "bin/git", "1", "bin/git-log", "=> bin/git")}, 0, []string{"bin/git 0:1", "bin/git-log 0:1 as bin/git"}},
		{"the file goes away", [][]byte{programs(t, "bin/git", "1", "bin/git-log", "=> bin/git"), programs(t, "bin/.wh.git", "")}, 0, []string{"bin/git-log 0:1 as bin/git"}},
		{"two names of interest", [][]byte{programs(t, "bin/perl", "1", "bin/perl5", "=> bin/perl")}, 0, []string{"bin/perl 0:1", "bin/perl5 0:1 as bin/perl"}},
		{"the link's name is of interest", [][]byte{programs(t, "store/1", "1", "bin/perl", "=> store/1")}, 1, []string{"bin/perl 0:1", "store/1 0:1"}},
		{"into a lower layer", [][]byte{programs(t, "a", "0", "bin/git", "1"), programs(t, "bin/x", "=> bin/git")}, 0, []string{"a 0:0", "bin/git 0:1", "bin/x 1:1 as bin/git"}},
	}
	for _, tt := range tests {
		opts := Options{Router: router, Budget: NewBudget(1 << 20)}
		facts := make([]*Facts, len(tt.layers))
		for i, data := range tt.layers {
			facts[i], err = Read(t.Context(), section(data), inventory.Layer{Index: i}, router.Picker(), opts)
			require.NoError(t, err)
		}
		reads := 0
		img, err := Merge(t.Context(), router, facts, func(ctx context.Context, i int, wish Wish) (*Facts, error) {
			reads++
			return Read(ctx, section(tt.layers[i]), inventory.Layer{Index: i}, wish.Picker(), opts)
		})
		require.NoError(t, err)
		var got []string
		for _, f := range img.Files {
			v := f.Versions[0]
			line := fmt.Sprintf("%s %d:%s", f.Path, v.Layer, v.Found[0].Facts.Packages[0].Name)
			if as := v.Found[0].As; as != f.Path {
				line += " as " + as
			}
			got = append(got, line)
		}
		assert.Equal(t, tt.want, got, tt.name)
		assert.Equal(t, tt.reads, reads, tt.name)
		assert.Empty(t, img.Problems, tt.name)
	}
}

func TestDeletedFiles(t *testing.T) {
	tests := []struct {
		name   string
		layers [][]change
		want   []string // path, the layers that had it, the layer that took it away
	}{
		{"whiteout", [][]change{{"a/w=1"}, {"a/w=2"}, {"a/.wh.w="}}, []string{"a/w [0 1] 2"}},
		{"brought back by the same layer", [][]change{{"a/w=1"}, {"a/.wh.w=", "a/w=2"}}, nil},
		{"brought back later", [][]change{{"a/w=1"}, {"a/.wh.w="}, {"a/w=2"}}, []string{"a/w [0] 1"}},
		{"twice", [][]change{{"a/w=1"}, {"a/.wh.w="}, {"a/w=2"}, {".wh.a="}}, []string{"a/w [0] 1", "a/w [2] 3"}},
		{"opaque folder", [][]change{{"a/w=1", "a/b/w=1"}, {"a/.wh..wh..opq=", "a/b/w=2"}}, []string{"a/w [0] 1"}},
		{"a link in its place", [][]change{{"a/w=1"}, {"a->b"}}, []string{"a/w [0] 1"}},
		{"within one layer", [][]change{{"a/w=1", "a=file"}}, nil},
		{"below a link", [][]change{{"lib->usr/lib", "usr/lib/w=1"}, {"lib/.wh.w="}}, []string{"usr/lib/w [0] 1"}},
	}
	for _, tt := range tests {
		var layers [][]byte
		for _, changes := range tt.layers {
			layers = append(layers, archive(t, changes...))
		}
		_, img := merge(t, newRouter(t, "**/w"), layers...)
		var got []string
		for _, d := range img.Deleted {
			var in []int
			for _, v := range d.Versions {
				in = append(in, v.Layer)
			}
			got = append(got, fmt.Sprintf("%s %v %d", d.Path, in, d.By))
		}
		assert.Equal(t, tt.want, got, tt.name)
	}
}

// A looker shows the beginning of a file before it reads it.
type looker struct {
	notes
	peek int
}

func (l looker) Extract(_ context.Context, f *inventory.File) (inventory.Facts, error) {
	head, err := f.Peek(l.peek)
	if err != nil {
		return inventory.Facts{}, err
	}
	name := string(head) + "|"
	if l.random {
		at, err := f.ReaderAt()
		if err != nil {
			return inventory.Facts{}, err
		}
		all, err := io.ReadAll(io.NewSectionReader(at, 0, f.Size()))
		return inventory.Facts{Packages: []inventory.Package{{Name: name + string(all)}}}, err
	}
	more, err := f.Peek(l.peek + 1)
	if err != nil {
		return inventory.Facts{}, err
	}
	all, err := io.ReadAll(f)
	return inventory.Facts{Packages: []inventory.Package{{Name: name + string(more) + "|" + string(all)}}}, err
}

func TestPeek(t *testing.T) {
	data := archive(t, "a/w=12345", "b/w=6", "c/w=")
	for _, random := range []bool{false, true} {
		router, err := NewRouter([]inventory.Extractor{looker{notes{globs("**/w"), random}, 3}})
		require.NoError(t, err)
		want := []string{"123|1234|12345", "6|6|6", "||"}
		if random {
			want = []string{"123|12345", "6|6", "|"}
		}
		for name, src := range map[string]io.Reader{"stream": stream(data), "archive on disk": section(data)} {
			facts, err := Read(t.Context(), src, inventory.Layer{}, router.Picker(), Options{Router: router, Budget: NewBudget(100)})
			require.NoError(t, err)
			require.Len(t, facts.Files, 3)
			for i, want := range want {
				require.NoError(t, facts.Files[i].Found[0].Err)
				assert.Equalf(t, want, facts.Files[i].Found[0].Facts.Packages[0].Name, "%s, random %v", name, random)
			}
		}
	}
	router, err := NewRouter([]inventory.Extractor{looker{notes{patterns: globs("**/w")}, inventory.MaxPeek + 1}})
	require.NoError(t, err)
	facts, err := Read(t.Context(), stream(data), inventory.Layer{}, router.Picker(), Options{Router: router, Budget: NewBudget(100)})
	require.NoError(t, err)
	assert.ErrorIs(t, facts.Files[0].Found[0].Err, inventory.ErrTooLarge)
}

// A layer that ends within a file that an extractor has looked at is broken.
func TestPeekIntoTheEnd(t *testing.T) {
	router, err := NewRouter([]inventory.Extractor{looker{notes{patterns: globs("**/w")}, 3}})
	require.NoError(t, err)
	data := archive(t, "a/w=12345")
	_, err = Read(t.Context(), stream(data[:514]), inventory.Layer{}, router.Picker(), Options{Router: router, Budget: NewBudget(100)})
	var layerErr *inventory.LayerError
	require.ErrorAs(t, err, &layerErr)
	assert.True(t, errors.Is(err, io.ErrUnexpectedEOF), err)
}
