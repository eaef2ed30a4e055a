package layer

import (
	"bytes"
	"errors"
	"slices"

	"github.com/imagevet/imagevet/sbom/inventory"
)

var errCircle = errors.New("symbolic links in a circle")

// A hardLink is a hard link of a layer with a name that an extractor wants.
type hardLink struct {
	layer        int
	path, target string
}

// A replayer puts layers into a tree.
type replayer struct {
	tree     tree
	hard     []hardLink // links whose content is not known
	graves   []grave
	problems []*inventory.FileError

	// The folder of the last member, as the next one is mostly beside it.
	folder []byte // as the layer spells it
	real   []byte // where it is
	node   *node  // nil if it holds nothing that matters
	valid  bool   // false once the tree has changed
}

// A grave is a file that a layer took away.
type grave struct {
	path  string
	refs  []ref
	layer int
}

// replay puts the layers on top of each other.
func replay(layers []*Facts) *replayer {
	r := &replayer{tree: tree{root: node{kind: kindDir}}}
	for i, facts := range layers {
		r.layer(i, facts)
	}
	return r
}

func (r *replayer) layer(index int, facts *Facts) {
	t := &r.tree
	t.removed = map[string][]ref{}
	for _, path := range facts.Whiteouts {
		if _, n, ok := t.resolve([]byte(path), false); ok && n != nil {
			t.remove(n)
		}
	}
	for _, path := range facts.Opaque { // the marker lies in the folder: a link to it is followed
		if _, n, ok := t.resolve([]byte(path), true); ok && n != nil {
			t.empty(n)
		}
	}
	r.valid = false
	file := 0
	for m := range facts.list.all() {
		dir, base := split(m.path)
		if !r.valid || !bytes.Equal(r.folder, dir) {
			r.enter(index, dir)
		}
		var old *node
		if r.node != nil {
			old = r.node.children[string(base)]
		}
		at := -1 // the place in facts.Files
		if m.kind == kindFile {
			at = file
			file++
		}
		if placed, ok := facts.placed[string(m.path)]; ok && m.kind != kindSymlink && m.kind != kindDir {
			at = placed
		}
		switch {
		case at >= 0:
			r.file(old, base, ref{index, at})
		case m.kind == kindDir:
			if old != nil && old.kind != kindDir {
				r.remove(old)
			}
		default:
			if old != nil {
				r.remove(old)
			}
			if m.kind == kindSymlink {
				n := r.put(base)
				n.kind, n.target = kindSymlink, string(m.target)
			}
			if m.kind == kindLink {
				r.hard = append(r.hard, hardLink{index, string(m.path), string(m.target)})
			}
		}
	}
	for path, refs := range t.removed {
		// A layer can bring back what it removed, and remove what it brought.
		below := slices.DeleteFunc(slices.Clone(refs), func(v ref) bool { return v.layer == index })
		if n := t.find([]byte(path)); len(below) > 0 && (n == nil || n.kind != kindFile) {
			r.graves = append(r.graves, grave{path, below, index})
		}
	}
}

// enter finds the folder dir, which is there after this: a file in its place
// is gone, and a link to a folder is followed.
func (r *replayer) enter(index int, dir []byte) {
	t := &r.tree
	r.folder, r.valid = append(r.folder[:0], dir...), true
	if n, ok := t.plain(dir); ok {
		r.real, r.node = append(r.real[:0], dir...), n
		return
	}
	real, n, ok := t.resolve(dir, true)
	if !ok {
		r.problems = append(r.problems, &inventory.FileError{Path: string(dir), Extractor: "layer", Layer: index, Err: errCircle})
		real, n = bytes.Clone(dir), t.find(dir)
	}
	for i := 0; i <= len(real); i++ {
		if i < len(real) && real[i] != '/' || i == 0 {
			continue
		}
		above := t.find(real[:i])
		if above == nil {
			break
		}
		if above.kind != kindDir {
			t.remove(above)
			n = nil
			break
		}
	}
	r.real, r.node = real, n
}

// join returns the path of a member of the current folder.
func (r *replayer) join(base []byte) []byte {
	return appendElement(bytes.Clone(r.real), base)
}

// file puts a version of a file in the place of what was there.
func (r *replayer) file(old *node, base []byte, v ref) {
	t := &r.tree
	if old != nil && old.kind == kindFile {
		if last := len(old.refs) - 1; old.refs[last].layer == v.layer {
			old.refs[last] = v // the later of two members wins
		} else {
			old.refs = append(old.refs, v)
		}
		return
	}
	if old != nil {
		r.remove(old)
	}
	n := r.put(base)
	n.kind = kindFile
	if len(t.removed) > 0 {
		n.refs = append(n.refs, t.removed[string(r.join(base))]...)
	}
	if last := len(n.refs) - 1; last >= 0 && n.refs[last].layer == v.layer {
		n.refs = n.refs[:last]
	}
	n.refs = append(n.refs, v)
}

// put makes the node of a member of the current folder, which is in the tree
// after that.
func (r *replayer) put(base []byte) *node {
	if r.node == nil {
		r.node = r.tree.put(r.real)
	}
	r.valid = true
	return r.node.child(base)
}

// remove takes away a node of the current folder, which may go with it.
func (r *replayer) remove(n *node) {
	r.tree.remove(n)
	r.node, r.valid = nil, false
}
