package pydep

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom/inventory"
)

func TestLock(t *testing.T) {
	var l Lock
	add := func(name, version string, project bool, needs ...Need) {
		_, err := l.Add(inventory.Package{Type: "pypi", Name: name, Version: version}, project, needs)
		require.NoError(t, err)
	}
	add("app", "", true, Need{Name: "A_b"}, Need{Name: "lib"})
	add("lib", "", true, Need{Name: "c", Version: "2"})
	add("a-b", "1", false, Need{Name: "C"}, Need{Name: "c"}, Need{Name: "gone"}, Need{Name: "app"}, Need{Name: "a-b"}, Need{})
	add("c", "1", false)
	add("c", "2", false, Need{Name: "a.b", Version: "1"}, Need{Name: "a.b", Version: "9"})
	add("d", "1", false, Need{Name: "d"}, Need{Name: "w", Weak: true})
	add("w", "1", false)
	require.NoError(t, l.Resolve())
	assert.Equal(t, []bool{true, true, true, true, true, false, false}, l.Reach([]int32{0}))
	assert.Equal(t, []bool{false, false, false, false, false, true, false}, l.Reach([]int32{5}))
	assert.True(t, l.Needed(3))
	assert.False(t, l.Needed(5), "by itself only")
	assert.Equal(t, []int32{3, 4}, l.Find(Need{Name: "C"}))
	facts := l.Facts()
	assert.Equal(t, 2, facts.Ignored)
	assert.True(t, l.Needed(6), "perhaps")
	require.Len(t, facts.Packages, 5)
	assert.Equal(t, []string{"c", "gone"}, facts.Packages[0].Requires)
	assert.Equal(t, []string{"a-b@1", "a.b"}, facts.Packages[2].Requires)
	assert.Empty(t, facts.Packages[3].Requires)
}

func TestLockLimits(t *testing.T) {
	var l Lock
	_, err := l.Add(inventory.Package{}, false, make([]Need, MaxEdges+1))
	require.ErrorIs(t, err, inventory.ErrTooLarge)
	l = Lock{}
	for range MaxPackages {
		_, err := l.Add(inventory.Package{Name: "a"}, false, []Need{{Name: "a"}})
		require.NoError(t, err)
	}
	_, err = l.Add(inventory.Package{Name: "a"}, false, nil)
	require.ErrorIs(t, err, inventory.ErrTooLarge)
	require.ErrorIs(t, l.Resolve(), inventory.ErrTooLarge)
}
