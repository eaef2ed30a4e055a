// Package conda reads what conda, mamba and pixi record of the packages that
// they install: a file conda-meta/NAME-VERSION-BUILD.json for each package in
// each environment, the [prefix record].
//
// Of interest are name, version, build, the channel and the platform ("subdir")
// that it came from, the digests of the archive, the licence, and depends, of which the names are kept.
// Names with two underscores in front are of the system, such as "__glibc",
// and no packages. A Python package has files of its own that tell the same
// (*.dist-info); it is found twice, as conda and as pypi, because advisories
// are published for the latter.
//
// The content is hostile: the size of the file and the number of dependencies
// are limited, and what exceeds a limit is an error. A value of another type
// than expected is a problem; the rest of the record counts.
//
// [prefix record]: https://conda.github.io/rattler/py-rattler/prefix_record
package conda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/bounded"
	"github.com/imagevet/imagevet/internal/extract/digest"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const (
	// A record lists the files of the package with their digests twice over:
	// the largest, of 40,000 files, are about 20 MiB.
	maxFile = 64 << 20
	// Metapackages depend on several hundred packages.
	maxDepends = 10_000
	// A name, version, build, channel or platform that is longer is none.
	maxField = 1024
)

// Extractor reads conda's records. The zero value is ready, and safe for use
// by many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "conda".
func (Extractor) Name() string { return "conda" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 2 }

// Patterns returns the files that are records.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{{Glob: "**/conda-meta/*.json"}}
}

// A record is what is of interest in the file.
type record struct {
	Name    string   `json:"name"`
	Version string   `json:"version"`
	Build   string   `json:"build"`
	Channel string   `json:"channel"`
	Subdir  string   `json:"subdir"`
	File    string   `json:"fn"`
	License string   `json:"license"`
	MD5     string   `json:"md5"`
	SHA256  string   `json:"sha256"`
	Depends []string `json:"depends"`
}

// Extract returns the package that the file is the record of. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	if err := ctx.Err(); err != nil {
		return inventory.Facts{}, err
	}
	var r record
	var problems lines.Problems
	if err := bounded.JSON(ctx, f, maxFile, &r); err != nil {
		// The decoder takes what it can where only types do not match.
		mismatch, ok := errors.AsType[*json.UnmarshalTypeError](err)
		if !ok {
			return inventory.Facts{}, err
		}
		problems.Add("%q is a JSON %s", lines.Clip(mismatch.Field), mismatch.Value)
	}
	if len(r.Depends) > maxDepends {
		return inventory.Facts{}, fmt.Errorf("more than %d dependencies: %w", maxDepends, inventory.ErrTooLarge)
	}
	var facts inventory.Facts
	switch {
	case r.Name == "":
		problems.Add("%q has no package name", lines.Clip(path.Base(f.Path())))
	case r.Version == "":
		problems.Add("package %q has no version", lines.Clip(r.Name))
	case len(r.Name) > maxField || len(r.Version) > maxField:
		problems.Add("name or version of package %q is longer than %d bytes", lines.Clip(r.Name), maxField)
	default:
		facts.Packages = []inventory.Package{r.pkg(&problems)}
	}
	facts.Problems = problems.List()
	return facts, nil
}

// pkg returns the package.
func (r *record) pkg(problems *lines.Problems) inventory.Package {
	p := inventory.Package{
		Type:     "conda",
		Name:     r.Name,
		Version:  r.Version,
		Requires: r.requires(),
		Hashes:   digest.Sort(append(digest.Hex("MD5", r.MD5), digest.Hex("SHA-256", r.SHA256)...)),
	}
	if r.License != "" {
		p.Licenses = []string{r.License}
	}
	// https://github.com/package-url/purl-spec/blob/main/types/conda-definition.json
	for _, q := range []struct{ key, value string }{
		{"build", r.Build},
		{"channel", channelName(r.Channel, r.Subdir)},
		{"subdir", r.Subdir},
		{"type", archiveType(r.File)},
	} {
		switch {
		case q.value == "":
		case len(q.value) > maxField:
			problems.Add("%s of package %q is longer than %d bytes", q.key, lines.Clip(r.Name), maxField)
		default:
			if p.Qualifiers == nil {
				p.Qualifiers = make(map[string]string)
			}
			p.Qualifiers[q.key] = q.value
		}
	}
	return p
}

// requires returns the names in the list of dependencies, each once.
func (r *record) requires() []string {
	var names []string
	seen := make(map[string]bool)
	for _, spec := range r.Depends {
		name := dependencyName(spec)
		if name != "" && !strings.HasPrefix(name, "__") && !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names
}

// dependencyName returns the name in a match specification, which is the first
// word, up to an operator or a bracket, and behind a channel:
// "conda-forge::numpy>=1.16", "python 3.11.*".
func dependencyName(spec string) string {
	spec = strings.TrimSpace(spec)
	if i := strings.IndexAny(spec, " \t=<>!~[,"); i >= 0 {
		spec = spec[:i]
	}
	if i := strings.LastIndexByte(spec, ':'); i >= 0 {
		spec = spec[i+1:]
	}
	return spec
}

// channelName returns the name of a channel, given by name or as the URL of a
// folder for one platform. A URL may have a token in it that is a secret, and
// a user and a password.
func channelName(channel, subdir string) string {
	if strings.Contains(channel, "://") {
		u, err := url.Parse(channel)
		if err != nil {
			return ""
		}
		channel = u.Path
	}
	channel = strings.Trim(channel, "/")
	if token, ok := strings.CutPrefix(channel, "t/"); ok {
		_, channel, _ = strings.Cut(token, "/")
	}
	if subdir != "" {
		channel = strings.TrimSuffix("/"+channel, "/"+subdir)
	}
	channel = strings.Trim(channel, "/")
	// The channels of Anaconda: "pkgs/main" and "pkgs/r".
	return strings.TrimPrefix(channel, "pkgs/")
}

// archiveType returns the type of the archive that a package came in.
func archiveType(file string) string {
	for _, t := range []string{"conda", "tar.bz2"} {
		if strings.HasSuffix(file, "."+t) {
			return t
		}
	}
	return ""
}
