// Package dominator tells which nodes of a graph all ways to another one lead
// through.
//
// It is the algorithm of T. Lengauer and R. E. Tarjan, "A Fast Algorithm for
// Finding Dominators in a Flowgraph" (TOPLAS 1, 1979), with path compression:
// O(m log n) for any graph. Nothing recurses.
package dominator

// A Tree is the answer for one graph.
type Tree struct {
	idom []int // of each node; -1 for none
}

// New computes the tree of a graph with the nodes from 0 to n-1, of which next
// returns the successors. Ways begin at the entries. What cannot be reached from
// these counts as an entry.
func New(n int, entries []int, next func(node int) []int) *Tree {
	root := n
	g := &graph{n: n + 1, order: make([]int, n+1), parent: make([]int, n+1), preds: make([][]int32, n+1)}
	for i := range g.order {
		g.order[i] = -1
	}
	g.vertex = make([]int, 0, n+1)
	g.order[root] = 0
	g.vertex = append(g.vertex, root)
	for _, e := range entries {
		g.enter(root, e, next)
	}
	for v := range n {
		if g.order[v] < 0 {
			g.enter(root, v, next)
		}
	}
	return &Tree{idom: g.dominators(root)}
}

// Through calls visit with each node, other than node itself, that every way to
// it leads through, the closest first, until visit returns false.
func (t *Tree) Through(node int, visit func(node int) bool) {
	for v := t.idom[node]; v >= 0; v = t.idom[v] {
		if !visit(v) {
			return
		}
	}
}

// A graph is numbered in the order of a depth-first search.
type graph struct {
	n      int
	order  []int // of a node; -1 for one that has not been reached
	vertex []int // the node of each number
	parent []int // in the tree of the search
	preds  [][]int32
}

// enter searches from an entry.
func (g *graph) enter(root, entry int, next func(int) []int) {
	g.preds[entry] = append(g.preds[entry], int32(root))
	if g.order[entry] >= 0 {
		return
	}
	type frame struct {
		node int
		rest []int
	}
	visit := func(node, from int) frame {
		g.order[node] = len(g.vertex)
		g.vertex = append(g.vertex, node)
		g.parent[node] = from
		return frame{node, next(node)}
	}
	stack := []frame{visit(entry, root)}
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		if len(top.rest) == 0 {
			stack = stack[:len(stack)-1]
			continue
		}
		to := top.rest[0]
		top.rest = top.rest[1:]
		g.preds[to] = append(g.preds[to], int32(top.node))
		if g.order[to] < 0 {
			stack = append(stack, visit(to, top.node))
		}
	}
}

// dominators returns the immediate dominator of each node, -1 where that is the
// root.
func (g *graph) dominators(root int) []int {
	semi := make([]int, g.n) // as numbers
	ancestor := make([]int, g.n)
	label := make([]int, g.n)
	idom := make([]int, g.n)
	bucket := make([][]int32, g.n)
	for v := range g.n {
		semi[v], ancestor[v], label[v] = g.order[v], -1, v
	}
	var path []int
	eval := func(v int) int {
		if ancestor[v] < 0 {
			return v
		}
		path = path[:0]
		for u := v; ancestor[ancestor[u]] >= 0; u = ancestor[u] {
			path = append(path, u)
		}
		for i := len(path) - 1; i >= 0; i-- {
			u := path[i]
			a := ancestor[u]
			if semi[label[a]] < semi[label[u]] {
				label[u] = label[a]
			}
			ancestor[u] = ancestor[a]
		}
		return label[v]
	}
	for i := len(g.vertex) - 1; i > 0; i-- {
		w := g.vertex[i]
		for _, v := range g.preds[w] {
			semi[w] = min(semi[w], semi[eval(int(v))])
		}
		s := g.vertex[semi[w]]
		bucket[s] = append(bucket[s], int32(w))
		p := g.parent[w]
		ancestor[w] = p
		for _, v := range bucket[p] {
			if u := eval(int(v)); semi[u] < semi[v] {
				idom[v] = u
			} else {
				idom[v] = p
			}
		}
		bucket[p] = nil
	}
	for _, w := range g.vertex[1:] {
		if idom[w] != g.vertex[semi[w]] {
			idom[w] = idom[idom[w]]
		}
	}
	for v := range idom {
		if idom[v] == root {
			idom[v] = -1
		}
	}
	return idom[:root]
}
