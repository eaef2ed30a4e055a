// Package dotnet reads NAME.deps.json, in which .NET lists what an application
// or a shared runtime is made of ([format]).
//
// "libraries" has the packages as "NAME/VERSION" with a type: "package" comes
// from NuGet, "runtimepack" is a runtime that the application brings with it,
// others are the application itself and what is there to build it.
// "targets" tells for each what it needs and which of its files are used, for
// the target that "runtimeTarget" names. A package without files and without
// requirements has been replaced by the runtime, and is not installed.
//
// A runtime that is shared lies in shared/FRAMEWORK/VERSION ([layout]), where
// its own deps.json names the package that it comes from, such as
// "Microsoft.NETCore.App.Runtime.linux-x64". If it does not, the package is
// derived from the folder: advisories are published under these names, and
// before .NET Core 3.0 under that of the framework itself.
//
// [format]: https://github.com/dotnet/sdk/blob/main/documentation/specs/runtime-configuration-file.md
// [layout]: https://github.com/dotnet/designs/blob/main/accepted/2020/install-locations.md
package dotnet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/bounded"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// The largest applications have 1,000 packages in 2 MB.
const (
	maxFile      = 16 << 20
	maxLibraries = 100_000
	maxRequires  = 10_000 // of one package
)

// Extractor reads deps.json files. The zero value is ready, and safe for use by
// many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "dotnet".
func (Extractor) Name() string { return "dotnet" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// Patterns returns the names of the files.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{{Glob: "**/*.deps.json"}}
}

// A document is a deps.json.
type document struct {
	RuntimeTarget runtimeTarget              `json:"runtimeTarget"`
	Targets       object[object[inTarget]]   `json:"targets"`
	Libraries     object[libraryDeclaration] `json:"libraries"`
}

// runtimeTarget is an object with a name; the first versions of .NET Core wrote
// the name alone.
type runtimeTarget struct{ Name string }

func (t *runtimeTarget) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, &t.Name)
	}
	var v struct {
		Name string `json:"name"`
	}
	err := json.Unmarshal(data, &v)
	t.Name = v.Name
	return err
}

type libraryDeclaration struct {
	Type string `json:"type"`
}

// inTarget is a library in a target. Of its files only their number matters.
type inTarget struct {
	Dependencies   object[string] `json:"dependencies"`
	Runtime        members        `json:"runtime"`
	RuntimeTargets members        `json:"runtimeTargets"`
	Native         members        `json:"native"`
	Resources      members        `json:"resources"`
	CompileOnly    bool           `json:"compileOnly"`
}

// installed reports whether the library brings anything.
func (l *inTarget) installed() bool {
	return !l.CompileOnly && (bool(l.Runtime || l.RuntimeTargets || l.Native || l.Resources) || len(l.Dependencies) > 0)
}

// members is true for an object that is not empty.
type members bool

func (m *members) UnmarshalJSON(data []byte) error {
	*m = len(data) > 0 && data[0] == '{' && len(bytes.TrimSpace(data[1:len(data)-1])) > 0
	return nil
}

// An object is a JSON object whose members are kept in their order. A member
// whose value is of another type is kept as its zero value, with its error.
type object[T any] []entry[T]

type entry[T any] struct {
	key   string
	value T
	err   error
}

func (o *object[T]) UnmarshalJSON(data []byte) error {
	*o = nil
	d := json.NewDecoder(bytes.NewReader(data))
	token, err := d.Token()
	if err != nil {
		return err
	}
	if token == nil {
		return nil
	}
	if token != json.Delim('{') {
		return fmt.Errorf("not an object: %q", lines.Clip(data))
	}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return err
		}
		e := entry[T]{}
		e.key, _ = token.(string)
		if err := d.Decode(&e.value); err != nil {
			var syntax *json.SyntaxError
			if errors.As(err, &syntax) {
				return err
			}
			e.err = err
		}
		if len(*o) == maxLibraries {
			return fmt.Errorf("an object has more than %d members: %w", maxLibraries, inventory.ErrTooLarge)
		}
		*o = append(*o, e)
	}
	return nil
}

// Extract returns the packages of the file. A JSON file without "libraries" is
// another kind of file, and has none.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	var doc document
	if err := bounded.JSON(ctx, f, maxFile, &doc); err != nil {
		return inventory.Facts{}, err
	}
	var facts inventory.Facts
	var problems lines.Problems
	used := doc.used(&problems)
	seen := make(map[[2]string]struct{})
	for i, lib := range doc.Libraries {
		if i%256 == 0 {
			if err := ctx.Err(); err != nil {
				return inventory.Facts{}, err
			}
		}
		if lib.err != nil {
			problems.Add("library %q cannot be understood: %v", lines.Clip(lib.key), lib.err)
			continue
		}
		name, isPack := lib.key, false
		switch strings.ToLower(lib.value.Type) {
		case "package":
		case "runtimepack":
			isPack = true
		default:
			// "project", "reference" and so on are the application's own.
			facts.Ignored++
			continue
		}
		name, version, ok := split(name)
		if isPack {
			name = strings.TrimPrefix(name, "runtimepack.")
		}
		if !ok || name == "" {
			problems.Add("library %q has no name or no version", lines.Clip(lib.key))
			continue
		}
		if _, ok := seen[[2]string{name, version}]; ok {
			continue
		}
		seen[[2]string{name, version}] = struct{}{}
		p := inventory.Package{Type: "nuget", Name: name, Version: version}
		if in, ok := used[lib.key]; ok {
			if !in.installed() {
				facts.Ignored++
				continue
			}
			p.Requires = requires(in.Dependencies)
		}
		facts.Packages = append(facts.Packages, p)
	}
	if p, ok := doc.shared(f.Path(), facts.Packages); ok {
		facts.Packages = append(facts.Packages, p)
	}
	facts.Problems = problems.List()
	return facts, nil
}

// used returns what the target says of each library, or all targets where the
// one that runs is not told.
func (doc *document) used(problems *lines.Problems) map[string]*inTarget {
	used := make(map[string]*inTarget)
	found := false
	for _, all := range []bool{false, true} {
		if found {
			break
		}
		for i := range doc.Targets {
			target := &doc.Targets[i]
			if !all && target.key != doc.RuntimeTarget.Name {
				continue
			}
			found = true
			if target.err != nil {
				problems.Add("target %q cannot be understood: %v", lines.Clip(target.key), target.err)
				continue
			}
			for j := range target.value {
				lib := &target.value[j]
				if lib.err != nil {
					problems.Add("library %q of a target cannot be understood: %v", lines.Clip(lib.key), lib.err)
					continue
				}
				if before, ok := used[lib.key]; !ok || !before.installed() {
					used[lib.key] = &lib.value
				}
			}
		}
	}
	return used
}

// split splits "NAME/VERSION".
func split(key string) (name, version string, ok bool) {
	i := strings.LastIndexByte(key, '/')
	if i <= 0 || i == len(key)-1 {
		return "", "", false
	}
	return key[:i], key[i+1:], true
}

// requires returns "name@version" for each dependency.
func requires(dependencies object[string]) []string {
	var list []string
	seen := make(map[string]struct{}, len(dependencies))
	for _, d := range dependencies {
		name := strings.TrimPrefix(d.key, "runtimepack.")
		if d.err != nil || name == "" {
			continue
		}
		if d.value != "" {
			name += "@" + d.value
		}
		if _, ok := seen[name]; ok || len(list) == maxRequires {
			continue
		}
		seen[name] = struct{}{}
		list = append(list, name)
	}
	return list
}

// shared returns the package of a shared runtime whose own file does not name
// it: FRAMEWORK.deps.json in shared/FRAMEWORK/VERSION.
func (doc *document) shared(file string, packages []inventory.Package) (inventory.Package, bool) {
	elements := strings.Split(file, "/")
	n := len(elements)
	if n < 4 || elements[n-4] != "shared" || elements[n-1] != elements[n-3]+".deps.json" {
		return inventory.Package{}, false
	}
	framework, version := elements[n-3], elements[n-2]
	if version == "" || version[0] < '0' || version[0] > '9' {
		return inventory.Package{}, false
	}
	name := framework
	_, rid, _ := strings.Cut(doc.RuntimeTarget.Name, "/")
	if rid != "" && !strings.HasPrefix(version, "1.") && !strings.HasPrefix(version, "2.") {
		name += ".Runtime." + rid
	}
	for _, p := range packages {
		if p.Version == version && (strings.EqualFold(p.Name, name) || strings.HasPrefix(strings.ToLower(p.Name), strings.ToLower(framework)+".runtime.")) {
			return inventory.Package{}, false
		}
	}
	return inventory.Package{Type: "nuget", Name: name, Version: version}, true
}
