package gomod

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/mod/modfile"
	mod "golang.org/x/mod/module"
	"golang.org/x/mod/semver"

	"github.com/imagevet/imagevet/internal/extract/bounded"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// maxRounds is how often a file is parsed without the lines that could not be
// understood the time before. The parser tells of all wrong directives at
// once, but of one error of syntax only.
const maxRounds = 10

// readMod reads go.mod.
func readMod(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	data, err := bounded.ReadAll(ctx, f, maxMod)
	if err != nil {
		return inventory.Facts{}, err
	}
	r := modReader{known: make(map[string]int)}
	file, err := r.parse(ctx, bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")))
	if err != nil {
		return inventory.Facts{}, err
	}
	return r.facts(ctx, file)
}

// A modReader collects the modules of go.mod.
type modReader struct {
	problems lines.Problems
	open     []open
	known    map[string]int // index of the package by the path in require
	packages []inventory.Package
	ignored  int
}

// An open is a requirement of what is no version yet, such as a branch.
type open struct {
	path, want string
	line       int
}

// parse parses the file, without the lines that cannot be understood.
func (r *modReader) parse(ctx context.Context, data []byte) (*modfile.File, error) {
	closed := false
	for round := 0; ; round++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		file, err := modfile.Parse("go.mod", data, nil)
		if err == nil {
			if told := r.problems.List(); len(told) > 0 && len(r.open) == 0 && len(file.Syntax.Stmt) == 0 {
				return nil, fmt.Errorf("no line of go.mod can be understood: %s", told[0])
			}
			return file, nil
		}
		list, ok := errors.AsType[modfile.ErrorList](err)
		if !ok || round == maxRounds {
			return nil, fmt.Errorf("go.mod cannot be understood: %q", lines.Clip(err.Error()))
		}
		bad := make(map[int]bool)
		for _, e := range list {
			if !bad[e.Pos.Line] { // one problem a line
				bad[e.Pos.Line] = true
				r.wrong(&e)
			}
		}
		next := without(data, bad)
		if next == nil && !closed {
			// A file that is cut off in a block lacks its end.
			closed = true
			next = append(bytes.Clone(data), "\n)\n"...)
		}
		if next == nil {
			return nil, fmt.Errorf("go.mod cannot be understood: %q", lines.Clip(err.Error()))
		}
		data = next
	}
}

// wrong takes what the parser says of a line.
func (r *modReader) wrong(e *modfile.Error) {
	inner, isInner := errors.AsType[*modfile.Error](e.Err)
	version, isVersion := errors.AsType[*mod.InvalidVersionError](e.Err)
	if isInner && isVersion && inner.Verb == "require" && len(r.open) < maxModules {
		// A branch or commit, which go turns into a version when it runs next.
		r.open = append(r.open, open{inner.ModPath, version.Version, e.Pos.Line})
		return
	}
	r.problems.Add("line %d: %q", e.Pos.Line, lines.Clip(e.Err.Error()))
}

// without returns data with the numbered lines empty, or nil if they are so
// already.
func without(data []byte, bad map[int]bool) []byte {
	var out []byte
	n := 0
	changed := false
	for line := range bytes.Lines(data) {
		if n++; !bad[n] {
			out = append(out, line...)
			continue
		}
		text := bytes.TrimRight(line, "\r\n")
		changed = changed || len(text) > 0
		out = append(out, line[len(text):]...)
	}
	if !changed {
		return nil
	}
	return out
}

// facts returns what the file says.
func (r *modReader) facts(ctx context.Context, file *modfile.File) (inventory.Facts, error) {
	if len(file.Require)+len(file.Replace)+len(file.Exclude) > maxModules {
		return inventory.Facts{}, fmt.Errorf("more than %d modules: %w", maxModules, inventory.ErrTooLarge)
	}
	if file.Module != nil {
		r.ignored++ // the module itself
	}
	excluded := make(map[string]bool)
	for _, e := range file.Exclude {
		excluded[e.Mod.String()] = true
	}
	replaced := make(map[mod.Version]mod.Version)
	for _, e := range file.Replace {
		replaced[e.Old] = e.New // the last one wins
	}
	chosen := make(map[string]string)
	for i, q := range file.Require {
		if i%256 == 0 && ctx.Err() != nil {
			return inventory.Facts{}, ctx.Err()
		}
		line := q.Syntax.Start.Line
		switch {
		case !usable(q.Mod.Path, q.Mod.Version, line, &r.problems):
			continue
		case excluded[q.Mod.String()]:
			// Since Go 1.16 the requirement counts as if it were not there.
			r.ignored++
			continue
		}
		// Of two requirements the higher one counts.
		if before, again := chosen[q.Mod.Path]; again && semver.Compare(before, q.Mod.Version) >= 0 {
			continue
		}
		chosen[q.Mod.Path] = q.Mod.Version
		relation := inventory.Direct
		if q.Indirect {
			relation = inventory.Transitive
		}
		r.add(q.Mod, replaced, relation, line)
	}
	for _, o := range r.open {
		if _, again := chosen[o.path]; again || !usable(o.path, o.want, o.line, &r.problems) {
			continue
		}
		chosen[o.path] = ""
		pkg := module(o.path, "", inventory.RelationUnknown, o.line)
		pkg.Constraint = o.want
		r.packages = append(r.packages, pkg)
	}
	r.standard(file)
	facts := inventory.Facts{Packages: r.kept(), Declared: true, Ignored: r.ignored, Problems: r.problems.List()}
	var err error
	facts.Data, err = r.data(file, excluded, chosen)
	return facts, err
}

// add takes a required module, or what it is replaced by.
func (r *modReader) add(m mod.Version, replaced map[mod.Version]mod.Version, relation inventory.Relation, line int) {
	by, ok := replaced[m]
	if !ok {
		by, ok = replaced[mod.Version{Path: m.Path}]
	}
	target := m
	if ok {
		target = by
	}
	var pkg inventory.Package
	switch {
	case target.Version == "": // a folder
		r.ignored++
	case usable(target.Path, target.Version, line, &r.problems):
		pkg = module(target.Path, target.Version, relation, line)
	}
	if i, again := r.known[m.Path]; again {
		r.packages[i] = pkg
		return
	}
	r.known[m.Path] = len(r.packages)
	r.packages = append(r.packages, pkg)
}

// kept returns the packages without the places that stayed empty.
func (r *modReader) kept() []inventory.Package {
	var kept []inventory.Package
	for _, p := range r.packages {
		if p.Name != "" {
			kept = append(kept, p)
		}
	}
	return kept
}

// release matches the name of a toolchain. Others append something for their
// own builds, whose standard library is that of the release.
var release = regexp.MustCompile(`^go(1(?:\.[0-9]+){1,2}(?:(?:rc|beta)[0-9]+)?)(?:[-+ ].*)?$`)

// standard adds the standard library.
func (r *modReader) standard(file *modfile.File) {
	if t := file.Toolchain; t != nil && t.Name != "default" {
		if m := release.FindStringSubmatch(t.Name); m != nil && len(m[1]) <= maxName {
			r.packages = append(r.packages, module("stdlib", m[1], inventory.Direct, t.Syntax.Start.Line))
			return
		}
		r.problems.Add("toolchain %q is no release of Go", lines.Clip(t.Name))
	}
	if g := file.Go; g != nil && len(g.Version) <= maxName {
		pkg := module("stdlib", "", inventory.Direct, g.Syntax.Start.Line)
		pkg.Constraint = ">=" + g.Version
		r.packages = append(r.packages, pkg)
	}
}

// modData is what Join needs of a go.mod that does not list all modules.
type modData struct {
	// Known are the paths of modules about which go.mod tells all.
	Known []string `json:"known,omitempty"`
	// Excluded are the versions that may not be chosen, as PATH@VERSION.
	Excluded []string `json:"excluded,omitempty"`
}

// data returns the modData, or nothing if the file lists all modules.
func (r *modReader) data(file *modfile.File, excluded map[string]bool, chosen map[string]string) ([]byte, error) {
	// https://go.dev/ref/mod#go-mod-file-go. Without the directive it is 1.16.
	if file.Go != nil && semver.Compare("v"+numeric(file.Go.Version), "v1.17") >= 0 {
		return nil, nil
	}
	var d modData
	seen := make(map[string]bool)
	know := func(name string) {
		if !seen[name] {
			seen[name] = true
			d.Known = append(d.Known, name)
		}
	}
	if file.Module != nil {
		know(file.Module.Mod.Path)
	}
	for _, q := range file.Require {
		if chosen[q.Mod.Path] != "" {
			know(q.Mod.Path)
		}
	}
	for _, p := range r.kept() {
		if p.Version == "" {
			continue // a branch, whose version go.sum may tell
		}
		know(strings.TrimPrefix(p.Namespace+"/"+p.Name, "/"))
	}
	for _, e := range file.Replace {
		if e.Old.Version == "" {
			know(e.Old.Path) // its own content is not in use
		}
	}
	for _, e := range file.Exclude {
		if excluded[e.Mod.String()] {
			d.Excluded = append(d.Excluded, e.Mod.String())
		}
	}
	return json.Marshal(d)
}

// numeric returns a version of Go without "rc1" and the like.
func numeric(version string) string {
	if i := strings.IndexFunc(version, func(r rune) bool { return r != '.' && (r < '0' || r > '9') }); i >= 0 {
		return version[:i]
	}
	return version
}
