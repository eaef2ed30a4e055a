package executable

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// develVersion is what Go writes for a module that was built from a folder.
const develVersion = "(devel)"

// pseudoVersion matches versions that stand for a commit:
// https://go.dev/ref/mod#pseudo-versions.
var pseudoVersion = regexp.MustCompile(`^v[0-9]+\.(0\.0-|\d+\.\d+-([^+]*\.)?0\.)\d{14}-[A-Za-z0-9]+(\+incompatible)?$`)

// mainVersion returns the version of the main module, empty if nothing tells.
// A tag is better than what the builder wrote into a variable, and both are
// better than the version that is made of a commit: that says nothing about
// which releases came before, and compares as lower than all of them.
func (m *goModules) mainVersion() string {
	main := m.main
	if main.replaced != nil {
		main = *main.replaced
	}
	v := withoutDirty(main.version)
	if v == develVersion {
		v = ""
	}
	pseudo := pseudoVersion.MatchString(v)
	if v != "" && !pseudo {
		return v
	}
	if stated := m.statedVersion(); stated != "" {
		return stated
	}
	if pseudo {
		return v
	}
	return m.commitVersion()
}

// withoutDirty cuts off what Go appends where files were changed since the
// commit: "+dirty", or ".dirty" behind "+incompatible".
func withoutDirty(v string) string {
	if base, ok := strings.CutSuffix(v, "+dirty"); ok {
		return base
	}
	if base, ok := strings.CutSuffix(v, ".dirty"); ok && strings.Contains(base, "+") {
		return base
	}
	return v
}

// commitVersion makes a pseudo-version of the commit that was built.
func (m *goModules) commitVersion() string {
	const short = 12
	revision := m.settings["vcs.revision"]
	when, err := time.Parse(time.RFC3339, m.settings["vcs.time"])
	if err != nil || len(revision) < short || strings.Trim(revision[:short], "0123456789abcdef") != "" {
		return ""
	}
	major := "v0"
	if last := m.main.path[strings.LastIndexByte(m.main.path, '/')+1:]; majorSuffix.MatchString(last) {
		major = last
	}
	return major + ".0.0-" + when.UTC().Format("20060102150405") + "-" + revision[:short]
}

var majorSuffix = regexp.MustCompile(`^v[2-9]$|^v[1-9][0-9]{1,8}$`)

// The order in which a variable is believed to hold the version of the main
// module. What is set in packages of others is usually their own version, but
// for projects with a shared package for it, such as
// github.com/prometheus/common/version.
const (
	ownCommand  = iota // a command of the main module
	ownVersion         // package main, version, common or cmd of the main module
	own                // another package of the main module
	otherCommon        // package version, common or cmd of another module
	other
	ranks
)

// statedVersion returns the version that the builder had the linker write into
// a variable: -ldflags "-X importpath.name=value". Where the best variables
// contradict each other there is none.
func (m *goModules) statedVersion() string {
	var found [ranks][]string
	for _, definition := range linkerDefinitions(m.settings["-ldflags"]) {
		name, value, _ := strings.Cut(definition, "=")
		dot := strings.LastIndexByte(name, '.')
		if dot < 0 {
			continue
		}
		pkg, variable := name[:dot], strings.ToLower(name[dot+1:])
		rank := m.rank(pkg)
		switch variable {
		case "version", "ver":
		case "gitversion", "appversion", "buildversion", "releaseversion":
			if rank > own {
				continue
			}
		default:
			continue
		}
		if v := plainVersion(value); v != "" && !slices.Contains(found[rank], v) {
			found[rank] = append(found[rank], v)
		}
	}
	for _, versions := range found {
		switch len(versions) {
		case 0:
		case 1:
			return versions[0]
		default:
			return ""
		}
	}
	return ""
}

func (m *goModules) rank(pkg string) int {
	last := pkg[strings.LastIndexByte(pkg, '/')+1:]
	common := last == "version" || last == "common" || last == "cmd"
	switch inside := pkg == m.main.path || strings.HasPrefix(pkg, m.main.path+"/"); {
	case inside && strings.Contains(pkg[len(m.main.path):]+"/", "/cmd/"):
		return ownCommand
	case pkg == "main" || pkg == m.path || inside && (common || last == "main"):
		return ownVersion
	case inside:
		return own
	case common:
		return otherCommon
	}
	return other
}

// linkerDefinitions returns the values of the linker's flag -X. The flags are
// separated by blanks, and a whole one may be in quotes.
func linkerDefinitions(flags string) []string {
	var definitions []string
	isValue := false
	for flags != "" {
		var field string
		if q := flags[0]; q == '"' || q == '\'' {
			field, flags, _ = strings.Cut(flags[1:], flags[:1])
		} else if i := strings.IndexAny(flags, " \t\r\n"); i >= 0 {
			field, flags = flags[:i], flags[i+1:]
			if field == "" {
				continue
			}
		} else {
			field, flags = flags, ""
		}
		if isValue {
			definitions = append(definitions, unquoteValue(field))
			isValue = false
			continue
		}
		flag := strings.TrimPrefix(strings.TrimPrefix(field, "-"), "-")
		if len(flag) == len(field) {
			continue
		}
		if definition, ok := strings.CutPrefix(flag, "X="); ok {
			definitions = append(definitions, unquoteValue(definition))
		}
		isValue = flag == "X"
	}
	return definitions
}

// unquoteValue takes quotes off that a shell did not.
func unquoteValue(s string) string {
	if name, value, ok := strings.Cut(s, "="); ok {
		return name + "=" + strings.Trim(value, `"'`)
	}
	return s
}

var (
	semanticVersion = regexp.MustCompile(`^v?(\d{1,9}(\.\d{1,9}){1,2})([-+][0-9A-Za-z.+-]+)?$`)
	// describedCommit is what "git describe" puts behind the last tag.
	describedCommit = regexp.MustCompile(`-\d+-g[0-9a-f]{4,40}$`)
)

// plainVersion returns what a builder states in the form of a module's
// version, empty if it is no version: "dev", "unknown" and the like. What "git
// describe" appends to the tag that came before is cut off, for it would sort
// before the tag.
func plainVersion(s string) string {
	s = strings.TrimSpace(s)
	for _, suffix := range []string{"-dirty", "+dirty", "-modified"} {
		s = strings.TrimSuffix(s, suffix)
	}
	s = describedCommit.ReplaceAllString(s, "")
	if len(s) > maxGoVersion || !semanticVersion.MatchString(s) {
		return ""
	}
	if s[0] != 'v' {
		s = "v" + s
	}
	return s
}
