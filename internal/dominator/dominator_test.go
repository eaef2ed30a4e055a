package dominator

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func through(t *Tree, node int) []int {
	out := []int{}
	t.Through(node, func(v int) bool {
		out = append(out, v)
		return true
	})
	return out
}

// reaches tells by trying which nodes can be reached without one.
func reaches(n int, entries []int, edges [][]int, without int) []bool {
	seen := make([]bool, n)
	var todo []int
	add := func(v int) {
		if v != without && !seen[v] {
			seen[v] = true
			todo = append(todo, v)
		}
	}
	for _, e := range entries {
		add(e)
	}
	for len(todo) > 0 {
		v := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, to := range edges[v] {
			add(to)
		}
	}
	return seen
}

// TestAgainstTrying compares with what leaving out each node shows.
func TestAgainstTrying(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	some := 0
	for range 2000 {
		n := 1 + random.IntN(9)
		edges := make([][]int, n)
		for range random.IntN(3 * n) {
			from := random.IntN(n)
			edges[from] = append(edges[from], random.IntN(n))
		}
		entries := []int{0}
		for v := range n { // what is not reached is an entry too, in this order
			if !reaches(n, entries, edges, -1)[v] {
				entries = append(entries, v)
			}
		}
		tree := New(n, entries[:1], func(v int) []int { return edges[v] })
		for v := range n {
			want := []int{}
			for d := range n {
				if d != v && !reaches(n, entries, edges, d)[v] {
					want = append(want, d)
				}
			}
			got := through(tree, v)
			slices.Sort(got)
			require.Equalf(t, want, got, "node %d, edges %v, entries %v", v, edges, entries)
			some += len(want)
		}
	}
	assert.Greater(t, some, 1000)
}

func TestThroughStops(t *testing.T) {
	next := [][]int{{1}, {2}, {3}, nil}
	tree := New(4, []int{0}, func(v int) []int { return next[v] })
	assert.Equal(t, []int{2, 1, 0}, through(tree, 3))
	var got []int
	tree.Through(3, func(v int) bool {
		got = append(got, v)
		return v != 2
	})
	assert.Equal(t, []int{2}, got)
	assert.Empty(t, through(New(1, nil, func(int) []int { return []int{0} }), 0))
	assert.NotNil(t, New(0, nil, nil))
}

// TestLarge walks a chain and a ladder, which are as deep as they are long.
func TestLarge(t *testing.T) {
	const n = 200_000
	start := time.Now()
	tree := New(n, []int{0}, func(v int) []int {
		out := make([]int, 0, 3)
		for _, to := range []int{v + 1, v + 2, v / 2} {
			if to < n {
				out = append(out, to)
			}
		}
		return out
	})
	assert.Equal(t, []int{0}, through(tree, n-1))
	assert.Less(t, time.Since(start), 10*time.Second)
}
