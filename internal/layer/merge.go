package layer

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// An Image is what the layers of an image amount to.
type Image struct {
	// Files are the files of interest that the image has, sorted by path.
	Files []ImageFile
	// Deleted are files of interest that a layer took away again, sorted by
	// path and layer.
	Deleted []DeletedFile
	// Problems are members of the layers that could not be followed.
	Problems []*inventory.FileError

	tree *tree
}

// A DeletedFile is a file of interest that layers below By had.
type DeletedFile struct {
	ImageFile
	By int // the layer that took it away
}

// An ImageFile is a file of interest in the whole image.
type ImageFile struct {
	Path string // without links in it
	// Versions are what the layers, from the base up, have said of the file
	// without a layer in between that lacked it. The last one counts.
	Versions []Version
}

// A Version is what one layer says of a file.
type Version struct {
	Layer int
	Found []Found
}

// A Resolver finds where paths lead to. It remembers folders, as many paths
// have the same. It is not safe for concurrent use.
type Resolver struct {
	tree    *tree
	folders map[string]string
	buf     []byte
}

// Resolver returns a resolver for the image's paths.
func (img *Image) Resolver() *Resolver {
	return &Resolver{tree: img.tree, folders: map[string]string{}}
}

// Holds reports whether a file of interest or a link lies below a clean path, or
// below what links in it lead to. If not, no other path leads into it either.
func (r *Resolver) Holds(path string) bool {
	_, n, ok := r.tree.resolve([]byte(path), true)
	return n != nil || !ok
}

// Real returns the path that a clean path leads to through the image's links
// to folders, and the path itself where they go in circles. The result is
// valid until the next call.
func (r *Resolver) Real(path []byte) []byte {
	dir, base := split(path)
	folder, ok := r.folders[string(dir)]
	if !ok {
		folder = string(dir)
		if real, _, ok := r.tree.resolve(dir, true); ok {
			folder = string(real)
		}
		r.folders[string(dir)] = folder
	}
	r.buf = appendElement(append(r.buf[:0], folder...), base)
	return r.buf
}

// A Reread reads the files of a wish from the i'th layer, once more.
type Reread func(ctx context.Context, i int, wish Wish) (*Facts, error)

// A Wish tells which extractors are to see which members of a layer.
type Wish map[string][]Pick

// Picker returns the picker of the wish.
func (w Wish) Picker() Picker {
	return func(dst []Pick, path []byte, _ bool) []Pick { return append(dst, w[string(path)]...) }
}

// AppendTo appends bytes that are the same for equal wishes only.
func (w Wish) AppendTo(dst []byte) []byte {
	for _, path := range slices.Sorted(maps.Keys(w)) {
		dst = appendBytes(dst, []byte(path))
		picks := slices.Clone(w[path])
		slices.SortFunc(picks, func(a, b Pick) int { return cmp.Or(a.Extractor-b.Extractor, cmp.Compare(a.As, b.As)) })
		dst = binary.AppendUvarint(dst, uint64(len(picks)))
		for _, p := range picks {
			dst = appendBytes(binary.AppendUvarint(dst, uint64(p.Extractor)), []byte(p.As))
		}
	}
	return dst
}

// FilesOnly returns the files of facts without the rest, which is all that counts
// of a layer that was read again.
func (f *Facts) FilesOnly() *Facts {
	out := &Facts{DiffID: f.DiffID, Verified: f.Verified, Files: f.Files, Problems: f.Problems}
	for _, file := range f.Files {
		if out.list.add(kindFile, []byte(file.Path), nil) != nil {
			return f // it is as large as one can be
		}
	}
	return out
}

// Merge puts the layers on top of each other, the base first. Where links in
// the image lead to files that no extractor knew to ask for, the layers that
// hold those are read again.
func Merge(ctx context.Context, router *Router, layers []*Facts, again Reread) (*Image, error) {
	state := replay(layers)
	plan := planReread(router, state, layers)
	problems := plan.problems
	if len(plan.reads) > 0 || len(plan.known) > 0 {
		found, err := plan.run(ctx, again)
		if err != nil {
			return nil, err
		}
		layers, problems = plan.place(layers, found, problems)
		state = replay(layers)
	}
	img := &Image{tree: &state.tree, Problems: append(problems, state.problems...)}
	for _, facts := range layers {
		img.Problems = append(img.Problems, facts.Problems...)
	}
	file := func(path string, refs []ref) ImageFile {
		f := ImageFile{Path: path}
		for _, r := range refs {
			f.Versions = append(f.Versions, Version{r.layer, layers[r.layer].Files[r.file].Found})
		}
		return f
	}
	for n := range state.tree.root.all() {
		if n.kind == kindFile {
			last := n.refs[len(n.refs)-1]
			path := layers[last.layer].Files[last.file].Path
			if !n.is(path) { // a link leads there
				path = n.path()
			}
			img.Files = append(img.Files, file(path, n.refs))
		}
	}
	slices.SortFunc(img.Files, func(a, b ImageFile) int { return cmp.Compare(a.Path, b.Path) })
	for _, g := range state.graves {
		img.Deleted = append(img.Deleted, DeletedFile{file(g.path, g.refs), g.layer})
	}
	slices.SortFunc(img.Deleted, func(a, b DeletedFile) int { return cmp.Or(cmp.Compare(a.Path, b.Path), a.By-b.By) })
	return img, nil
}

// A read is a file to be read for what a link makes of it: the member path of
// a layer, given to an extractor under the name as. What is found counts as
// the member place of placeLayer: the file itself, or a hard link to it.
type read struct {
	layer      int
	path       string
	extractor  int
	as         string
	placeLayer int
	place      string
}

type plan struct {
	reads    []read
	planned  map[read]bool
	known    []known
	problems []*inventory.FileError
}

// A known is what was found in a file that a hard link has another name for.
type known struct {
	layer int
	path  string
	found Found
}

// add plans a read, once: a layer can list a member twice.
func (p *plan) add(r read) {
	if !p.planned[r] {
		p.planned[r] = true
		p.reads = append(p.reads, r)
	}
}

// planReread finds the files that links lead to.
func planReread(router *Router, state *replayer, layers []*Facts) *plan {
	p := &plan{planned: map[read]bool{}}
	circles := map[string]bool{}
	aliases := router.aliases(func(path string) (string, bool) {
		real, _, ok := state.tree.resolve([]byte(path), true)
		if !ok && !circles[path] {
			circles[path] = true
			p.problems = append(p.problems, &inventory.FileError{Path: path, Extractor: "layer", Layer: len(layers) - 1, Err: errCircle})
		}
		return string(real), ok
	})
	for i, facts := range layers {
		if len(aliases) == 0 {
			break
		}
		for m := range facts.list.all() {
			if m.kind == kindDir || m.kind == kindSymlink {
				continue
			}
			for _, a := range aliases {
				rest, ok := bytes.CutPrefix(m.path, []byte(a.real))
				if !ok || len(rest) > 0 && rest[0] != '/' {
					continue
				}
				as := a.pattern + string(rest)
				if slices.Contains(router.Append(nil, []byte(as), true), a.extractor) {
					p.add(read{i, string(m.path), a.extractor, as, i, string(m.path)})
				}
			}
		}
	}
	p.hardLinks(router, state.hard, layers)
	return p
}

// hardLinks plans to read the files that hard links stand for: the one of that
// name in the link's own layer or else in the next below that has it.
func (p *plan) hardLinks(router *Router, links []hardLink, layers []*Facts) {
	pending := map[string][]hardLink{} // by target
	for _, h := range links {
		pending[h.target] = append(pending[h.target], h)
	}
	for i := len(layers) - 1; i >= 0 && len(pending) > 0; i-- {
		file := -1 // of the layer, the one of this member
		for m := range layers[i].list.all() {
			if m.kind != kindFile && m.kind != kindOther {
				continue
			}
			if m.kind == kindFile {
				file++
			}
			waiting := pending[string(m.path)]
			if len(waiting) == 0 {
				continue
			}
			target := string(m.path)
			for _, h := range waiting {
				if h.layer < i {
					continue
				}
				for _, extractor := range router.Append(nil, []byte(h.path), true) {
					if m.kind == kindFile && router.sameUnder(extractor, h.path, target) {
						if found, ok := layers[i].Files[file].by(extractor); ok {
							p.known = append(p.known, known{h.layer, h.path, found})
							continue
						}
					}
					p.add(read{i, target, extractor, h.path, h.layer, h.path})
				}
			}
			pending[target] = slices.DeleteFunc(waiting, func(h hardLink) bool { return h.layer >= i })
		}
	}
	for _, h := range links {
		if slices.Contains(pending[h.target], h) {
			p.problems = append(p.problems, &inventory.FileError{
				Path: h.path, Extractor: "layer", Layer: h.layer, Err: fmt.Errorf("hard link to %q, which is not there", h.target),
			})
		}
	}
}

// run reads the layers that the plan needs, one after the other. It returns
// what was found for each read, nil where the file could not be read.
func (p *plan) run(ctx context.Context, again Reread) ([]*Found, error) {
	out := make([]*Found, len(p.reads))
	byLayer := map[int]map[string][]int{} // places in p.reads
	for i, r := range p.reads {
		if byLayer[r.layer] == nil {
			byLayer[r.layer] = map[string][]int{}
		}
		byLayer[r.layer][r.path] = append(byLayer[r.layer][r.path], i)
	}
	for layer, wanted := range byLayer {
		wish := Wish{}
		for path, reads := range wanted {
			for _, i := range reads {
				wish[path] = append(wish[path], Pick{p.reads[i].extractor, p.reads[i].as})
			}
		}
		facts, err := again(ctx, layer, wish)
		if err != nil {
			return nil, err
		}
		for _, f := range facts.Files { // of several members of one name the last wins
			for _, i := range wanted[f.Path] {
				r := p.reads[i]
				at := slices.IndexFunc(f.Found, func(x Found) bool { return x.Extractor == r.extractor && x.As == r.as })
				if at >= 0 {
					out[i] = &f.Found[at]
				}
			}
		}
	}
	return out, nil
}

var errNotRegular = errors.New("a link leads to a member that is no regular file")

// place returns the layers with what was found in its places.
func (p *plan) place(layers []*Facts, found []*Found, problems []*inventory.FileError) ([]*Facts, []*inventory.FileError) {
	layers = slices.Clone(layers)
	files := map[int]map[string]int{} // of the layers that are copied: the last file of each name
	put := func(layer int, path string, found Found) {
		if files[layer] == nil {
			facts := *layers[layer]
			facts.Files = slices.Clone(facts.Files)
			facts.placed = map[string]int{}
			files[layer] = map[string]int{}
			for at, f := range facts.Files {
				files[layer][f.Path] = at
			}
			layers[layer] = &facts
		}
		layers[layer].put(files[layer], path, found)
	}
	for _, k := range p.known {
		put(k.layer, k.path, k.found)
	}
	for i, r := range p.reads {
		if found[i] == nil {
			problems = append(problems, &inventory.FileError{Path: r.path, Extractor: "layer", Layer: r.layer, Err: errNotRegular})
			continue
		}
		put(r.placeLayer, r.place, *found[i])
	}
	return layers, problems
}

// put adds what was found in a member of the list, which was no file of
// interest or is one to other extractors. known are the places of the files.
func (f *Facts) put(known map[string]int, path string, found Found) {
	at, ok := f.placed[path]
	if !ok {
		file := File{Path: path}
		if old, ok := known[path]; ok {
			file.Found = slices.Clone(f.Files[old].Found)
		}
		at = len(f.Files)
		f.Files = append(f.Files, file)
		f.placed[path] = at
	}
	f.Files[at].Found = append(f.Files[at].Found, found)
}
