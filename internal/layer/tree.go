package layer

import (
	"bytes"
	"slices"
	"strings"
)

// maxLinks is how many symbolic links may follow on each other, as in Linux.
const maxLinks = 40

// A tree is the part of an image's file system that matters: files that an
// extractor wanted, links, and the folders that hold them.
type tree struct {
	root node
	// removed keeps for the length of one layer what the files that it
	// removes went through, by path, as it may bring them back.
	removed map[string][]ref
}

// A ref is one version of a file: the file'th of layer's Facts.Files.
type ref struct{ layer, file int }

// A node is a folder, a symbolic link, or a file. A folder that holds nothing
// that matters need not have a node.
type node struct {
	parent   *node
	name     string
	children map[string]*node
	kind     kind
	target   string // of a link
	refs     []ref  // of a file, one for each layer that wrote it, the present one last
}

// resolve follows path from the root, through links to folders in it, and
// through a link at its end if last is set. It returns the real path, and its
// node or nil if nothing that matters is there. ok is false for a circle of
// links.
func (t *tree) resolve(path []byte, last bool) (real []byte, n *node, ok bool) {
	n = &t.root
	links := 0
	rest := path
	real = make([]byte, 0, len(path))
	for len(rest) > 0 {
		var element []byte
		element, rest, _ = bytes.Cut(rest, []byte{'/'})
		switch string(element) {
		case "", ".":
			continue
		case "..":
			real = appendElement(real, element)
			n = t.find(real)
			continue
		}
		var child *node
		if n != nil {
			child = n.children[string(element)]
		}
		if child == nil || child.kind != kindSymlink || len(rest) == 0 && !last {
			real = appendElement(real, element)
			n = child
			continue
		}
		if links++; links > maxLinks {
			return nil, nil, false
		}
		target := []byte(child.target)
		if len(rest) > 0 {
			target = append(append(target, '/'), rest...)
		}
		if len(target) > 2*MaxPath {
			return nil, nil, false
		}
		if strings.HasPrefix(child.target, "/") {
			real, n = real[:0], &t.root
		}
		rest = target
	}
	return real, n, true
}

// plain returns the node of a folder, nil if it holds nothing that matters. It is
// false if something that is no folder is on the way to it, or in its place.
func (t *tree) plain(path []byte) (n *node, ok bool) {
	n = &t.root
	for len(path) > 0 {
		i := bytes.IndexByte(path, '/')
		if i < 0 {
			i = len(path)
		}
		n = n.children[string(path[:i])]
		if n == nil {
			return nil, true
		}
		if n.kind != kindDir {
			return nil, false
		}
		path = path[min(i+1, len(path)):]
	}
	return n, true
}

// find returns the node at a path without links in it, or nil.
func (t *tree) find(path []byte) *node {
	n := &t.root
	for rest := path; n != nil && len(rest) > 0; {
		var element []byte
		element, rest, _ = bytes.Cut(rest, []byte{'/'})
		n = n.children[string(element)]
	}
	return n
}

// put makes the node at a real path, and the folders above it.
func (t *tree) put(path []byte) *node {
	n := &t.root
	for rest := path; len(rest) > 0; {
		var element []byte
		element, rest, _ = bytes.Cut(rest, []byte{'/'})
		n = n.child(element)
	}
	return n
}

// child returns the node of a name in a folder, and makes it a folder if it is
// not there.
func (n *node) child(name []byte) *node {
	child := n.children[string(name)]
	if child == nil {
		child = &node{parent: n, name: string(name), kind: kindDir}
		if n.children == nil {
			n.children = map[string]*node{}
		}
		n.children[child.name] = child
	}
	return child
}

// path is the node's path from the root.
func (n *node) path() string {
	var elements []string
	for ; n.parent != nil; n = n.parent {
		elements = append(elements, n.name)
	}
	slices.Reverse(elements)
	return strings.Join(elements, "/")
}

// is reports whether the node's path is that one.
func (n *node) is(path string) bool {
	for ; n.parent != nil; n = n.parent {
		rest, ok := strings.CutSuffix(path, n.name)
		if !ok {
			return false
		}
		if path, ok = strings.CutSuffix(rest, "/"); !ok {
			return rest == "" && n.parent.parent == nil
		}
	}
	return false
}

// remove takes away a node and all below it.
func (t *tree) remove(n *node) {
	t.bury(n)
	parent := n.parent
	if parent == nil { // the root itself stays
		n.children = nil
		return
	}
	delete(parent.children, n.name)
	for parent.parent != nil && parent.kind == kindDir && len(parent.children) == 0 {
		delete(parent.parent.children, parent.name)
		parent = parent.parent
	}
}

// empty takes away what is below a folder.
func (t *tree) empty(n *node) {
	for _, child := range n.children {
		t.bury(child)
	}
	n.children = nil
}

// bury notes the history of the files at and below n.
func (t *tree) bury(n *node) {
	for top := range n.all() {
		if top.kind == kindFile {
			t.removed[top.path()] = top.refs
		}
	}
}

// all yields a node and those below it, in the order of their paths' elements.
func (n *node) all() func(yield func(*node) bool) {
	return func(yield func(*node) bool) {
		// A stack of its own: paths are deeper than a program's stack may be.
		stack := []*node{n}
		for len(stack) > 0 {
			top := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			if !yield(top) {
				return
			}
			first := len(stack)
			for _, child := range top.children {
				stack = append(stack, child)
			}
			slices.SortFunc(stack[first:], func(a, b *node) int { return strings.Compare(b.name, a.name) })
		}
	}
}
