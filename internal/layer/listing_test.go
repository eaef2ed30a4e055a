package layer

import (
	"bytes"
	"context"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom/inventory"
)

func FuzzListing(f *testing.F) {
	f.Add("usr/bin/a\nusr/bin/ab\nusr\n\nx", byte(2))
	f.Fuzz(func(t *testing.T, text string, step byte) {
		var l listing
		var want []member
		for i, line := range strings.Split(text, "\n") {
			m := member{kind: kind((i * int(step)) % 5), path: []byte(line)}
			if m.kind == kindSymlink || m.kind == kindLink {
				m.target = []byte(line[len(line)/2:])
			}
			require.NoError(t, l.add(m.kind, m.path, m.target))
			want = append(want, m)
		}
		i := 0
		for m := range l.all() {
			require.Equal(t, want[i].kind, m.kind)
			require.Equal(t, string(want[i].path), string(m.path))
			require.Equal(t, string(want[i].target), string(m.target))
			i++
		}
		require.Len(t, want, i)
	})
}

func TestListingHasALimit(t *testing.T) {
	l := listing{data: make([]byte, MaxListing+1)}
	assert.ErrorIs(t, l.add(kindOther, []byte("x"), nil), errListing)
}

func FuzzClean(f *testing.F) {
	for _, seed := range []string{"a/b", "./a", "/a", "a//b/", "../../x", "a/./b", "a/..", ".", "", "...", "a/.b", ".wh.x", "./../a/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		var c cleaner
		want := strings.TrimPrefix(path.Clean("/"+name), "/")
		require.Equal(t, want, string(c.clean([]byte(name))), "%q", name)
	})
}

// Whatever a layer holds, reading and merging it ends with a result or an
// error.
func FuzzRead(f *testing.F) {
	f.Add(archive(f, "a/w=1", "lib->usr/lib", "b/w=>a/w", "db->a", "a/list=3"), []byte{})
	f.Add(archive(f, "a/w=1"), archive(f, "a/.wh.w=", "b/.wh..wh..opq="))
	for _, data := range compress(f, archive(f, "a/w=1")) {
		f.Add(data, data)
	}
	router := newRouter(f, "**/w", "db/list")
	f.Fuzz(func(t *testing.T, a, b []byte) {
		opts := Options{Router: router, Budget: NewBudget(1 << 20)}
		layers := [][]byte{bytes.Clone(a), bytes.Clone(b)} // the engine keeps its own
		var facts []*Facts
		for i, data := range layers {
			for off := 0; off+512 <= len(data); off += 512 { // let changes past the checksum
				if bytes.HasPrefix(data[off+257:], []byte("ustar")) {
					fixChecksum(data[off : off+512])
				}
			}
			got, err := Read(t.Context(), stream(data), inventory.Layer{Index: i}, router.Picker(), opts)
			if err != nil {
				require.Nil(t, got)
				return
			}
			facts = append(facts, got)
		}
		img, err := Merge(t.Context(), router, facts, func(ctx context.Context, i int, wish Wish) (*Facts, error) {
			return Read(ctx, stream(layers[i]), inventory.Layer{Index: i}, wish.Picker(), opts)
		})
		require.NoError(t, err)
		for _, file := range img.Files {
			require.NotEmpty(t, file.Versions)
			require.Equal(t, strings.TrimPrefix(path.Clean("/"+file.Path), "/"), file.Path)
		}
	})
}

func fixChecksum(block []byte) {
	copy(block[148:156], "        ")
	sum := 0
	for _, c := range block {
		sum += int(c)
	}
	for i := 153; i >= 148; i-- {
		block[i] = byte('0' + sum&7)
		sum >>= 3
	}
	block[154], block[155] = 0, ' '
}
