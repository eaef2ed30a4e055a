// Package msbuild reads the packages of NuGet that projects for .NET ask for:
// PackageReference in *.csproj, *.fsproj and *.vbproj, and in the files that
// MSBuild reads with each project below their folder, Directory.Build.props,
// Directory.Build.targets and Directory.Packages.props ([references],
// [central versions], [files by folder]).
//
// A version that is plain, such as "1.2.3", is the least that will do and the
// one that NuGet chooses, and counts as the package's. What is a range, floats
// ("1.*") or has a property whose value is not certain is kept as what is asked
// for.
//
// Where a project does not say which version, Directory.Packages.props says
// so, and properties may be set in another file. Join puts these together: of
// the files of a name the closest in the folders above the project counts, and
// the next one where it imports one of the same name. Other imports are not
// followed, and nothing that is a program ("$([System…])") is run. Of a
// property that is set several times, or under a condition, the value is
// certain only if it is the same everywhere.
//
// PrivateAssets="all" says that a package is for the build.
//
// The content is hostile: the size of a file, the number of references and
// properties in it, the length of values and the steps to evaluate one are
// limited.
//
// [references]: https://learn.microsoft.com/nuget/consume-packages/package-references-in-project-files
// [central versions]: https://learn.microsoft.com/nuget/consume-packages/central-package-management
// [files by folder]: https://learn.microsoft.com/visualstudio/msbuild/customize-by-directory
package msbuild

import (
	"cmp"
	"context"
	"encoding/json"
	"path"
	"regexp"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/internal/extract/xmldoc"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// The largest projects have some hundred references, and the largest file of
// central versions 1,000.
const (
	maxFile       = 8 << 20
	maxItems      = 5_000 // references and versions, and properties
	maxValue      = 1024
	maxDepth      = 200 // elements, and folders, in each other
	maxExpansions = 50  // properties to evaluate for one value
	maxChoices    = 16  // values of one property, or versions of one package
)

// Extractor reads project files of MSBuild. The zero value is ready, and safe
// for use by many goroutines.
type Extractor struct{}

var _ inventory.Joiner = Extractor{}

// Name returns "msbuild".
func (Extractor) Name() string { return "msbuild" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// The files that MSBuild reads for all projects below their folder.
const (
	buildProps    = "Directory.Build.props"
	buildTargets  = "Directory.Build.targets"
	packagesProps = "Directory.Packages.props"
)

// Patterns returns the names of the files.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{
		{Glob: "**/*.csproj"},
		{Glob: "**/*.fsproj"},
		{Glob: "**/*.vbproj"},
		{Glob: "**/" + buildProps},
		{Glob: "**/" + buildTargets},
		{Glob: "**/" + packagesProps},
	}
}

// A project is what is kept of a file for Join.
type project struct {
	// References whose version is not in the file.
	References []item `json:"r,omitempty"`
	// Versions are given for references in other files.
	Versions []item `json:"v,omitempty"`
	// Properties by their names in lower case, which are the same in any case.
	Properties map[string][]property `json:"p,omitempty"`
	// Above is true if the file imports the next one of its name.
	Above bool `json:"a,omitempty"`

	index map[string][]*item // Versions by name in lower case, set by Join
}

// An item is a reference, or the version for one.
type item struct {
	Name        string `json:"n"`
	Version     string `json:"v,omitempty"`
	Line        int    `json:"l,omitempty"`
	Development bool   `json:"d,omitempty"`
}

// A property is one value that is set.
type property struct {
	Value string `json:"v"`
	// Conditional is true if it is not always set, Default if only where
	// nothing else is.
	Conditional bool `json:"c,omitempty"`
	Default     bool `json:"d,omitempty"`
}

// Extract returns the packages whose versions the file itself tells, and in
// Data what the others have to be resolved from. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	doc, err := xmldoc.Open(ctx, f, maxFile)
	if err != nil {
		return inventory.Facts{}, err
	}
	r := reader{ctx: ctx, doc: doc, base: path.Base(f.Path())}
	if err := r.file(); err != nil {
		return inventory.Facts{}, err
	}
	facts := inventory.Facts{Declared: true, Ignored: r.ignored}
	open := r.project.References[:0]
	for _, ref := range r.project.References {
		if strings.Contains(ref.Version, "$(") || ref.Version == "" {
			open = append(open, ref)
			continue
		}
		facts.Packages = append(facts.Packages, ref.pkg(ref.Version))
	}
	r.project.References = open
	facts.Problems = r.problems.List()
	if facts.Data, err = json.Marshal(r.project); err != nil {
		return inventory.Facts{}, err
	}
	return facts, nil
}

// exact is a version of NuGet, also with brackets that say it is the only one:
// https://learn.microsoft.com/nuget/concepts/package-versioning
var exact = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+){0,3}(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?)$`)

// pkg returns the package for a reference, with the version that it asks for.
func (i *item) pkg(version string) inventory.Package {
	p := inventory.Package{Type: "nuget", Name: i.Name, Relation: inventory.Direct, Development: i.Development, Line: i.Line}
	plain := version
	if only, ok := strings.CutPrefix(plain, "["); ok && strings.HasSuffix(only, "]") && !strings.Contains(only, ",") {
		plain = strings.TrimSpace(only[:len(only)-1])
	}
	if exact.MatchString(plain) {
		p.Version = plain
	} else {
		p.Constraint = cmp.Or(version, "*") // any version will do
	}
	return p
}

// clipped reports whether a text is too long to be a name or a version, and
// notes that.
func clipped(what, s string, line int, problems *lines.Problems) bool {
	if len(s) <= maxValue {
		return false
	}
	problems.Add("line %d: %s is longer than %d bytes: %q", line, what, maxValue, lines.Clip(s))
	return true
}
