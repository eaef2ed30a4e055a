// Package gradlelock reads the lock files of Gradle: gradle.lockfile,
// buildscript-gradle.lockfile and settings-gradle.lockfile, and, of Gradle
// before 7, a file for each configuration in gradle/dependency-locks.
//
// A [lock file] has a line for each package,
//
//	group:artifact:version=configuration,configuration
//
// without the configurations in the older files, which are named after theirs.
// The line "empty=configuration" names those without a package. A project may
// give its lock file another name, which no pattern finds.
//
// A package is for development if all of its configurations are those of
// tests, of the build script, or of tools of the build that plugins of Gradle,
// Kotlin and Android bring. What else a configuration is called is up to the
// project, and does not make a package one for development. Which packages the
// project asks for itself is not recorded.
//
// The content is hostile: the file's size, the length of lines and names, and
// the number of packages are limited.
//
// [lock file]: https://docs.gradle.org/current/userguide/dependency_locking.html#sec:lock-state-location-and-format
package gradlelock

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// A large build locks some 2,000 packages in 500 KiB.
const (
	maxFile     = 64 << 20
	maxPackages = 200_000
	maxName     = 512
)

// Extractor reads lock files. The zero value is ready, and safe for use by
// many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "gradlelock".
func (Extractor) Name() string { return "gradlelock" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// Patterns returns the names of the files.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{
		{Glob: "**/gradle.lockfile"},
		{Glob: "**/buildscript-gradle.lockfile"},
		{Glob: "**/settings-gradle.lockfile"},
		{Glob: "**/dependency-locks/*.lockfile"},
	}
}

// Extract returns the packages of the file. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	facts := inventory.Facts{Declared: true}
	var problems lines.Problems
	name := path.Base(f.Path())
	// The build script's configuration is called "classpath" in every file.
	building := strings.HasPrefix(name, "buildscript-") || name == "settings-gradle.lockfile"
	one := ""
	if path.Base(path.Dir(f.Path())) == "dependency-locks" {
		one = strings.TrimSuffix(name, ".lockfile")
	}
	n := 0
	err := lines.Each(ctx, f, maxFile, func(line []byte) error {
		n++
		if n == 1 {
			line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
		}
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			return nil
		}
		text, configurations, _ := strings.Cut(string(line), "=")
		if one != "" && configurations == "" {
			configurations = one
		}
		if text == "empty" {
			facts.Ignored++
			return nil
		}
		parts := strings.Split(text, ":")
		if len(parts) != 3 || parts[0] == "" || parts[1] == "" || len(text) > maxName {
			problems.Add("line %d: not a package: %q", n, lines.Clip(line))
			return nil
		}
		if parts[2] == "" {
			problems.Add("line %d: package %q has no version", n, lines.Clip(text))
			return nil
		}
		if len(facts.Packages) == maxPackages {
			return fmt.Errorf("more than %d packages: %w", maxPackages, inventory.ErrTooLarge)
		}
		facts.Packages = append(facts.Packages, inventory.Package{
			Type:        "maven",
			Namespace:   parts[0],
			Name:        parts[1],
			Version:     parts[2],
			Development: building || development(configurations),
			Line:        n,
		})
		return nil
	})
	if err != nil {
		return inventory.Facts{}, err
	}
	facts.Problems = problems.List()
	return facts, nil
}

// development reports whether all configurations of a list, of which there is
// one at least, are for development.
func development(list string) bool {
	found := false
	for name := range strings.SplitSeq(list, ",") {
		name = strings.TrimSpace(name)
		if name == "" {
			continue
		}
		found = true
		if !isTest(name) && !isTool(name) {
			return false
		}
	}
	return found
}

// isTest reports whether one of the words of a name such as
// "debugUnitTestRuntimeClasspath" is "test" or "tests".
func isTest(name string) bool {
	for from := 0; ; {
		at := strings.Index(name[from:], "est")
		if at < 0 {
			return false
		}
		at += from
		from = at + len("est")
		begins := at > 0 && (name[at-1] == 'T' || name[at-1] == 't' && (at == 1 || !isLetter(name[at-2])))
		rest := strings.TrimPrefix(name[from:], "s")
		if begins && (rest == "" || rest[0] < 'a' || rest[0] > 'z') {
			return true
		}
	}
}

func isLetter(b byte) bool { return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' }

// isTool reports whether a configuration is one of those that hold tools of the
// build: compilers and what runs in them, and checks.
func isTool(name string) bool {
	switch name {
	case "buildscript-classpath", "settings-classpath",
		"checkstyle", "codenarc", "pmd", "pmdAux", "spotbugs", "spotbugsPlugins", "spotbugsSlf4j", "findbugs",
		"detekt", "detektPlugins", "ktlint", "ktlintRuleset", "ktlintReporter", "errorprone", "errorproneJavac", "nullaway",
		"jacocoAgent", "jacocoAnt", "pitest", "lintChecks", "androidJdkImage",
		"kotlinBuildToolsApiClasspath", "kotlinCompilerClasspath", "kotlinKlibCommonizerClasspath", "kotlinScriptDef",
		"zinc", "scalaCompilerPlugins":
		return true
	}
	for _, prefix := range []string{
		"kapt", "ksp", "kotlinCompilerPluginClasspath", "kotlinNativeCompilerPluginClasspath", "kotlinNativeBundle",
		"dokka", "jmh", "unifiedTestPlatform", "androidTestUtil", "_internal-unified-test-platform", "_internal_aapt2",
	} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return name == "annotationProcessor" || strings.HasSuffix(name, "AnnotationProcessor") || strings.HasSuffix(name, "AnnotationProcessorClasspath")
}
