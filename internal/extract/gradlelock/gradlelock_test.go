package gradlelock

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/extract/extracttest"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const lockPath = "app/gradle.lockfile"

func pkg(line int, name string, development bool) inventory.Package {
	parts := strings.Split(name, ":")
	return inventory.Package{Type: "maven", Namespace: parts[0], Name: parts[1], Version: parts[2], Line: line, Development: development}
}

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "gradlelock", 1)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		"gradle.lockfile":                 true,
		lockPath:                          true,
		"app/buildscript-gradle.lockfile": true,
		"app/settings-gradle.lockfile":    true,
		"app/gradle/dependency-locks/compileClasspath.lockfile":  true,
		"app/gradle/dependency-locks/compileClasspath.lockfile2": false,
		"app/gradle/other/compileClasspath.lockfile":             false,
		"app/my-gradle.lockfile":                                 false,
	})
}

func TestExtractFixtures(t *testing.T) {
	tests := []struct {
		folder, file string
		want         []inventory.Package
	}{
		{"log4j-systemd-journal-appender", "gradle.lockfile", []inventory.Package{
			pkg(4, "junit:junit:4.13", true),
			pkg(5, "net.bytebuddy:byte-buddy-agent:1.10.5", true),
			pkg(6, "net.bytebuddy:byte-buddy:1.10.5", true),
			pkg(7, "net.java.dev.jna:jna:5.5.0", false),
			pkg(8, "org.apache.logging.log4j:log4j-api:2.13.3", false),
			pkg(9, "org.apache.logging.log4j:log4j-core:2.13.3", false),
			pkg(10, "org.hamcrest:hamcrest-core:1.3", true),
			pkg(11, "org.mockito:mockito-core:3.3.3", true),
			pkg(12, "org.objenesis:objenesis:2.6", true),
		}},
		{"renovate-example", "buildscript-gradle.lockfile", []inventory.Package{
			pkg(4, "io.spring.dependency-management:io.spring.dependency-management.gradle.plugin:1.1.0", true),
			pkg(5, "io.spring.gradle:dependency-management-plugin:1.1.0", true),
		}},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(tt.file, extracttest.Fixture(t, tt.folder, tt.file)))
		require.NoError(t, err, tt.folder)
		assert.Equal(t, inventory.Facts{Declared: true, Packages: tt.want, Ignored: 1}, facts, tt.folder)
	}
}

func TestExtract(t *testing.T) {
	tests := []struct {
		name, path, content string
		want                inventory.Facts
	}{
		{"empty", lockPath, "", inventory.Facts{}},
		{"byte order mark, CRLF", lockPath, "\xef\xbb\xbfg:a:1=compileClasspath\r\n", inventory.Facts{Packages: []inventory.Package{pkg(1, "g:a:1", false)}}},
		{"spaces", lockPath, " g:a:1=testCompileClasspath, runtimeClasspath\n", inventory.Facts{Packages: []inventory.Package{pkg(1, "g:a:1", false)}}},
		{"no configuration", lockPath, "g:a:1=\ng:b:1", inventory.Facts{Packages: []inventory.Package{pkg(1, "g:a:1", false), pkg(2, "g:b:1", false)}}},
		{"a file of a configuration", "gradle/dependency-locks/compileClasspath.lockfile", "g:a:1\n", inventory.Facts{Packages: []inventory.Package{pkg(1, "g:a:1", false)}}},
		{"of tests", "gradle/dependency-locks/testCompileClasspath.lockfile", "g:a:1\n", inventory.Facts{Packages: []inventory.Package{pkg(1, "g:a:1", true)}}},
		{"of the build script", "gradle/dependency-locks/buildscript-classpath.lockfile", "g:a:1\n", inventory.Facts{Packages: []inventory.Package{pkg(1, "g:a:1", true)}}},
		{"of the settings", "settings-gradle.lockfile", "g:a:1=classpath\n", inventory.Facts{Packages: []inventory.Package{pkg(1, "g:a:1", true)}}},

		// One bad record must not hide the others, nor itself.
		{"bad records", lockPath, "g\ng:a\ng:a:=x\n:a:1\ng::1\ng:a:1:x\n<<<<<<< HEAD\n" + strings.Repeat("g", maxName) + ":a:1\ng:a:1=x", inventory.Facts{
			Packages: []inventory.Package{pkg(9, "g:a:1", false)},
			Problems: []string{
				`line 1: not a package: "g"`,
				`line 2: not a package: "g:a"`,
				`line 3: package "g:a:" has no version`,
				`line 4: not a package: ":a:1"`,
				`line 5: not a package: "g::1"`,
				`line 6: not a package: "g:a:1:x"`,
				`line 7: not a package: "<<<<<<< HEAD"`,
				fmt.Sprintf(`line 8: not a package: %q`, strings.Repeat("g", 80)+"…"),
			},
		}},
	}
	for _, tt := range tests {
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(tt.path, tt.content))
		require.NoErrorf(t, err, "Extract, %s", tt.name)
		tt.want.Declared = true
		assert.Equalf(t, tt.want, got, "Extract, %s", tt.name)
	}
}

func TestDevelopment(t *testing.T) {
	for list, want := range map[string]bool{
		"":                                      false,
		"testCompileClasspath":                  true,
		"test":                                  true,
		"tests":                                 true,
		"testFixturesRuntimeClasspath":          true,
		"debugUnitTestRuntimeClasspath":         true,
		"integrationTestCompileClasspath":       true,
		"integration_test":                      true,
		"systemTests":                           true,
		"testRuntimeClasspath,checkstyle":       true,
		"testRuntimeClasspath,runtimeClasspath": false,
		"latestRuntimeClasspath":                false,
		"testedRuntimeClasspath":                false,
		"contest":                               false,
		"EstRuntimeClasspath":                   false,
		"est":                                   false,
		"annotationProcessor":                   true,
		"debugAnnotationProcessorClasspath":     true,
		"kotlinCompilerPluginClasspathMain":     true,
		"kspDebugKotlinProcessorClasspath":      true,
		"jacocoAgent,jacocoAnt":                 true,
		"productionRuntimeClasspath":            false,
		"coreLibraryDesugaring":                 false,
		"shade":                                 false,
	} {
		assert.Equalf(t, want, development(list), "development(%q)", list)
	}
}

func TestExtractErrors(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	broken := errors.New("the layer ends here")
	tests := []struct {
		name    string
		ctx     context.Context
		content io.Reader
		is      error
		text    string
	}{
		{"canceled", canceled, strings.NewReader(""), context.Canceled, ""},
		{"read error", t.Context(), io.MultiReader(strings.NewReader("g:a:1\n"), iotest.ErrReader(broken)), broken, ""},
		{"a file without end", t.Context(), extracttest.Endless("#comment\n"), inventory.ErrTooLarge, "more than 67108864 bytes"},
		{"packages without end", t.Context(), extracttest.Endless("g:a:1=x\n"), inventory.ErrTooLarge, "more than 200000 packages"},
		{"a line without end", t.Context(), extracttest.Endless("g"), inventory.ErrTooLarge, "more than 1048576 bytes"},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(tt.ctx, inventory.NewFile(lockPath, 0o644, 1, tt.content, nil))
		require.ErrorIsf(t, err, tt.is, "Extract, %s", tt.name)
		assert.ErrorContainsf(t, err, tt.text, "Extract, %s", tt.name)
		assert.Zerof(t, facts, "Extract, %s", tt.name)
	}
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(lockPath, strings.Repeat("x\n", 1000)))
	require.NoError(t, err)
	assert.Len(t, facts.Problems, lines.MaxProblems+1)
}

func FuzzExtract(f *testing.F) {
	f.Add(lockPath, extracttest.Fixture(f, "log4j-systemd-journal-appender", "gradle.lockfile"))
	f.Add("buildscript-gradle.lockfile", extracttest.Fixture(f, "renovate-example", "buildscript-gradle.lockfile"))
	f.Add("dependency-locks/testRuntimeClasspath.lockfile", "g:a:1\n g:b:\nempty\n")
	f.Fuzz(func(t *testing.T, name, content string) {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(name, content))
		extracttest.Check(t, facts, err)
		again, errAgain := Extractor{}.Extract(t.Context(), inventory.NewFile(name, 0o644, 0, iotest.OneByteReader(strings.NewReader(content)), nil))
		require.Equal(t, fmt.Sprint(err), fmt.Sprint(errAgain))
		require.Equal(t, facts, again)
		all := strings.Split(content, "\n")
		for _, p := range facts.Packages {
			require.Contains(t, all[p.Line-1], p.Namespace+":"+p.Name+":"+p.Version)
			require.NotEmpty(t, p.Namespace)
			require.NotEmpty(t, p.Version)
		}
	})
}

func BenchmarkExtract(b *testing.B) {
	var lock bytes.Buffer
	for i := range 500 {
		fmt.Fprintf(&lock, "org.example.group%d:artifact-%d:1.%d=compileClasspath,runtimeClasspath,testCompileClasspath,testRuntimeClasspath\n", i/10, i, i)
	}
	content := lock.Bytes()
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), inventory.NewFile(lockPath, 0o644, int64(len(content)), bytes.NewReader(content), nil))
		if err != nil || len(facts.Packages) != 500 {
			b.Fatal(len(facts.Packages), err)
		}
	}
}
