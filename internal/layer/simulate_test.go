package layer

import (
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A simulation unpacks layers into a whole file system in memory, the way a
// container runtime does: slow, simple and knowing nothing of what matters.
type simulation struct {
	root *inode
}

type inode struct {
	children map[string]*inode // of a folder
	link     string            // of a symbolic link
	content  string
}

func newDir() *inode { return &inode{children: map[string]*inode{}} }

// lookup follows a path to its real path; missing folders stay as they are
// spelled.
func (s *simulation) lookup(name string, last bool) (string, bool) {
	real := ""
	rest := strings.Split(name, "/")
	for hops := 0; len(rest) > 0; {
		element := rest[0]
		rest = rest[1:]
		switch element {
		case "", ".":
			continue
		case "..":
			real = strings.TrimPrefix(path.Dir("/"+real), "/")
			continue
		}
		next := path.Join(real, element)
		n := s.at(next)
		if n == nil || n.link == "" || len(rest) == 0 && !last {
			real = next
			continue
		}
		if hops++; hops > maxLinks {
			return "", false
		}
		if strings.HasPrefix(n.link, "/") {
			real = ""
		}
		rest = append(strings.Split(n.link, "/"), rest...)
	}
	return real, true
}

// at returns what is at a real path.
func (s *simulation) at(real string) *inode {
	n := s.root
	for element := range strings.SplitSeq(real, "/") {
		if element == "" {
			continue
		}
		if n == nil || n.children == nil {
			return nil
		}
		n = n.children[element]
	}
	return n
}

// dir makes the folder at a real path and those above it.
func (s *simulation) dir(real string) *inode {
	n := s.root
	for element := range strings.SplitSeq(real, "/") {
		if element == "" {
			continue
		}
		child := n.children[element]
		if child == nil || child.children == nil {
			child = newDir()
			n.children[element] = child
		}
		n = child
	}
	return n
}

// apply unpacks a layer. It reports false for links in circles, which a
// runtime refuses.
func (s *simulation) apply(changes []change) bool {
	for _, c := range changes { // what a layer removes is of the layers below
		dir, base := path.Split(strings.TrimSuffix(c, "="))
		real, ok := s.lookup(dir, true)
		if !ok {
			return false
		}
		parent := s.at(real)
		switch name, hidden := strings.CutPrefix(base, ".wh."); {
		case !hidden || parent == nil || parent.children == nil:
		case name == ".wh..opq":
			clear(parent.children)
		default:
			delete(parent.children, name)
		}
	}
	for _, c := range changes {
		if strings.Contains(c, ".wh.") {
			continue
		}
		name, rest, isFile := strings.Cut(c, "=")
		name, target, isLink := strings.Cut(name, "->")
		isDir := strings.HasSuffix(name, "/")
		name = strings.TrimSuffix(name, "/")
		dir, base := path.Split(name)
		real, ok := s.lookup(dir, true)
		if !ok {
			return false
		}
		parent := s.dir(real)
		switch old := parent.children[base]; {
		case isDir && (old == nil || old.children == nil):
			parent.children[base] = newDir()
		case isLink:
			parent.children[base] = &inode{link: target}
		case isFile:
			parent.children[base] = &inode{content: rest}
		}
	}
	return true
}

// files lists the regular files called name, by real path.
func (s *simulation) files(name string) []string {
	var out []string
	var walk func(n *inode, real string)
	walk = func(n *inode, real string) {
		if n.children == nil && n.link == "" && path.Base(real) == name {
			out = append(out, real+" "+n.content)
		}
		for child, c := range n.children {
			walk(c, path.Join(real, child))
		}
	}
	walk(s.root, "")
	slices.Sort(out)
	return out
}

// randomLayer makes members of few names, so that they often meet.
func randomLayer(rng *rand.Rand, layer int) []change {
	name := func() string {
		elements := make([]string, 1+rng.IntN(3))
		for i := range elements {
			elements[i] = string("abw"[rng.IntN(3)])
		}
		return strings.Join(elements, "/")
	}
	var changes []change
	for i := range 1 + rng.IntN(8) {
		n := name()
		switch rng.IntN(10) {
		case 0, 1:
			changes = append(changes, n+"/")
		case 2:
			target := name()
			if rng.IntN(2) == 0 {
				target = strings.Repeat("../", rng.IntN(3)) + target
			} else {
				target = "/" + target
			}
			changes = append(changes, n+"->"+target)
		case 3:
			dir, base := path.Split(n)
			changes = append(changes, dir+".wh."+base+"=")
		case 4:
			changes = append(changes, n+"/.wh..wh..opq=")
		default:
			changes = append(changes, fmt.Sprintf("%s=%d.%d", n, layer, i))
		}
	}
	return changes
}

// ambiguous reports whether a layer has several markers: where the paths of
// two meet, the specification does not say which is first.
func ambiguous(changes []change) bool {
	markers := 0
	for _, c := range changes {
		if strings.Contains(c, ".wh.") {
			markers++
		}
	}
	return markers > 1
}

func TestMergeEqualsUnpacking(t *testing.T) {
	router := newRouter(t, "**/w")
	compared, found := 0, 0
	for seed := range uint64(20_000) {
		rng := rand.New(rand.NewPCG(seed, 1))
		sim := &simulation{newDir()}
		var layers [][]byte
		var story [][]change
		ok := true
		for i := range 1 + rng.IntN(4) {
			changes := randomLayer(rng, i)
			ok = ok && !ambiguous(changes) && sim.apply(changes)
			story = append(story, changes)
			layers = append(layers, archive(t, changes...))
		}
		if !ok {
			continue
		}
		_, img := merge(t, router, layers...)
		var got []string
		for _, f := range img.Files {
			last := f.Versions[len(f.Versions)-1]
			got = append(got, f.Path+" "+last.Found[0].Facts.Packages[0].Name)
		}
		slices.Sort(got)
		want := sim.files("w")
		require.Equalf(t, want, got, "seed %d: %q", seed, story)
		compared++
		found += len(want)
	}
	t.Logf("%d images with %d files", compared, found)
	require.Greater(t, compared, 10_000)
	require.Greater(t, found, 5_000)
}
