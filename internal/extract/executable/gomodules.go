package executable

import (
	"strconv"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// maxModules is how many modules a program may have. The largest have a
// thousand.
const maxModules = 20_000

// A goModule is a line "mod", "dep" or "=>" of build information.
type goModule struct {
	path, version string
	replaced      *goModule // by this one
}

// Modules of build information, see the method String of
// [runtime/debug.BuildInfo] for how they are written. This is no use of
// [runtime/debug.ParseBuildInfo], which returns nothing of a list with a single
// bad line.
type goModules struct {
	path     string // of the main package
	main     goModule
	deps     []goModule
	settings map[string]string // only those that are of interest
	bad      []string          // lines that could not be understood
	tooMany  bool
}

// parseModules reads the text of build information.
func parseModules(text string) goModules {
	m := goModules{settings: map[string]string{}}
	var last *goModule
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if strings.TrimSpace(line) == "" {
			continue
		}
		word, rest, ok := strings.Cut(line, "\t")
		if !ok {
			m.bad = append(m.bad, line)
			continue
		}
		switch word {
		case "path":
			m.path = rest
		case "mod", "dep", "=>":
			module := parseModule(rest)
			switch {
			case module.path == "" || (word == "=>" && last == nil):
				m.bad = append(m.bad, line)
			case word == "mod":
				m.main = module
				last = &m.main
			case word == "=>":
				last.replaced = &module
				last = nil
			case len(m.deps) == maxModules:
				m.tooMany = true
				return m
			default:
				m.deps = append(m.deps, module)
				last = &m.deps[len(m.deps)-1]
			}
		case "build":
			m.setting(rest)
		default:
			m.bad = append(m.bad, line)
		}
	}
	return m
}

func parseModule(text string) goModule {
	path, rest, _ := strings.Cut(text, "\t")
	version, _, _ := strings.Cut(rest, "\t") // then the checksum
	return goModule{path: path, version: version}
}

// setting takes a line KEY=VALUE, either of which may be a Go string.
func (m *goModules) setting(text string) {
	key, value, _ := strings.Cut(text, "=")
	switch key {
	case "-ldflags", "vcs.revision", "vcs.time", "GOOS", "GOARCH":
	default:
		return
	}
	if strings.HasPrefix(value, `"`) || strings.HasPrefix(value, "`") {
		if plain, err := strconv.Unquote(value); err == nil {
			value = plain
		}
	}
	if _, again := m.settings[key]; !again {
		m.settings[key] = value
	}
}

// goInfo takes the packages of build information, if there is any. It reports
// whether there is.
func (x *reading) goInfo(p *program, blob *goBlob) bool {
	if blob == nil {
		return false
	}
	p.isGo = true
	if blob.problem != "" {
		x.problems.Add("Go's build information: %s", blob.problem)
	}
	m := parseModules(blob.modules)
	for _, line := range m.bad {
		x.problems.Add("a line of Go's build information cannot be understood: %q", lines.Clip(line))
	}
	if m.tooMany {
		x.problems.Add("Go's build information lists more than %d modules", maxModules)
	}
	if blob.modules == "" && blob.problem == "" {
		x.problems.Add("the Go program was built without modules: its dependencies are not known")
	}
	x.goPackages(blob.version, &m)
	return true
}

// goPackages adds the main module, the dependencies and the standard library.
func (x *reading) goPackages(version string, m *goModules) {
	var found []inventory.Package
	var requires []string
	known := map[string]bool{}
	platforms := m.platforms()
	add := func(name, version string) {
		key := name + "@" + version
		if !known[key] {
			known[key] = true
			requires = append(requires, key)
			pkg := goPackage(name, version)
			pkg.Platforms = platforms
			found = append(found, pkg)
		}
	}
	for _, dep := range m.deps {
		switch r := dep.replaced; {
		case r != nil && (r.version == "" || r.version == develVersion):
			// What is built in is not what has the name and the version.
			x.facts.Ignored++
			x.problems.Add("module %q is replaced by the folder %q", lines.Clip(dep.path), lines.Clip(r.path))
		case r != nil:
			add(r.path, r.version)
		case dep.version == "" || dep.version == develVersion:
			x.problems.Add("module %q has no version", lines.Clip(dep.path))
		default:
			add(dep.path, dep.version)
		}
	}
	if version != "" {
		if release, ok := goRelease(version); ok {
			add("stdlib", release)
			if m.ofToolchain() {
				add(toolchain, release)
				x.facts.Data = goFile{Release: release, Platforms: platforms}.encode()
			}
		} else {
			x.problems.Add("Go's version %q is no release", lines.Clip(version))
		}
	}
	if m.main.path != "" {
		main := m.main
		if main.replaced != nil {
			main = *main.replaced
		}
		if v := m.mainVersion(); v != "" {
			pkg := goPackage(main.path, v)
			pkg.Requires, pkg.Platforms = requires, platforms
			x.facts.Packages = append(x.facts.Packages, pkg)
		} else {
			x.facts.Ignored++
			x.problems.Add("main module %q has no version", lines.Clip(main.path))
		}
	}
	x.facts.Packages = append(x.facts.Packages, found...)
}

// platforms returns what the program was compiled for, which Go records since
// 1.18, as a list of one or none. An advisory can be about some platforms only.
func (m *goModules) platforms() []string {
	goos, goarch := m.settings["GOOS"], m.settings["GOARCH"]
	if !isWord(goos) || !isWord(goarch) {
		return nil
	}
	return []string{goos + "/" + goarch}
}

// isWord reports whether s is one to 20 lower-case letters and digits, as names
// of systems and architectures are.
func isWord(s string) bool {
	return s != "" && len(s) <= 20 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789") == ""
}

// goPackage returns a package as the type "golang" of package URLs has it:
// https://github.com/package-url/purl-spec/blob/main/types/golang-definition.json.
func goPackage(path, version string) inventory.Package {
	pkg := inventory.Package{Type: "golang", Name: path, Version: version}
	if i := strings.LastIndexByte(path, '/'); i > 0 && i < len(path)-1 {
		pkg.Namespace, pkg.Name = path[:i], path[i+1:]
	}
	return pkg
}

// goRelease returns the release that a toolchain's version tells, without "go":
// "1.21.3" for "go1.21.3", "1.21rc2" for "go1.21rc2". What others append for
// their own builds, "go1.20.5 X:boringcrypto" or "go1.22.1-fips", is cut off:
// the standard library is that of the release, but for their changes. There is
// no release in "devel go1.23-4c50f9162c".
func goRelease(version string) (string, bool) {
	v, ok := strings.CutPrefix(version, "go")
	if !ok {
		return "", false
	}
	end := 0
	digits := func() bool {
		from := end
		for end < len(v) && v[end] >= '0' && v[end] <= '9' {
			end++
		}
		return end > from
	}
	if !digits() {
		return "", false
	}
	for end+1 < len(v) && v[end] == '.' && v[end+1] >= '0' && v[end+1] <= '9' {
		end++
		digits()
	}
	release := end
	for _, word := range []string{"alpha", "beta", "rc"} {
		if strings.HasPrefix(v[end:], word) {
			end += len(word)
			if digits() {
				release = end
			}
			break
		}
	}
	return v[:release], true
}
