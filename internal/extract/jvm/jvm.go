// Package jvm reads the file "release" that is in the folder of a Java runtime.
//
// It has lines NAME="VALUE" ([release]). Of interest are JAVA_VERSION, without
// which the file is something else of the same name; JAVA_RUNTIME_VERSION,
// which has the number of the build; IMPLEMENTOR and IMPLEMENTOR_VERSION, who
// built it; IMAGE_TYPE, "JDK" or "JRE"; OS_ARCH; and BUILD_TYPE, which is
// "commercial" for Oracle's own builds.
//
// All builds of OpenJDK are the package "openjdk", with the name that the
// National Vulnerability Database gives OpenJDK among its CPEs, and that of the
// vendor's product where the database knows one: Azul Zulu, whose versions are
// its own, and Eclipse Temurin ([temurin]). Oracle's builds are "jdk" or "jre".
//
// [release]: https://openjdk.org/jeps/220
// [temurin]: https://github.com/adoptium/adoptium/wiki/Common-Platform-Enumeration-(CPE)-Design
package jvm

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// The list of modules is what makes the file as long as 3 KB. The limit is what
// can be seen of a file without reading it: many files are called "release".
const maxFile = inventory.MaxPeek - 1

// maxField is far more than any version has.
const maxField = 256

// Extractor reads a Java runtime's release file. The zero value is ready, and
// safe for use by many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "jvm".
func (Extractor) Name() string { return "jvm" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// Patterns returns the name of the file.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{{Glob: "**/release"}}
}

// Extract returns the runtime, or nothing if the file is not that of a runtime.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	text, err := f.Peek(inventory.MaxPeek)
	if err != nil {
		return inventory.Facts{}, err
	}
	if err := ctx.Err(); err != nil {
		return inventory.Facts{}, err
	}
	fields := parse(text)
	if _, ok := fields["JAVA_VERSION"]; !ok {
		return inventory.Facts{}, nil
	}
	if len(text) > maxFile {
		return inventory.Facts{}, fmt.Errorf("more than %d bytes: %w", maxFile, inventory.ErrTooLarge)
	}
	if fields["JAVA_VERSION"] == "" || !isVersion(fields["JAVA_VERSION"]) {
		return inventory.Facts{Problems: []string{fmt.Sprintf("the Java runtime has no version: %q", lines.Clip(fields["JAVA_VERSION"]))}}, nil
	}
	return inventory.Facts{Packages: []inventory.Package{runtime(fields)}}, nil
}

// parse returns the fields of the file, those that come first.
func parse(text []byte) map[string]string {
	fields := make(map[string]string)
	for line := range bytes.Lines(text) {
		name, value, ok := strings.Cut(strings.TrimSpace(string(line)), "=")
		if !ok || len(value) > maxField {
			continue
		}
		switch name {
		case "JAVA_VERSION", "JAVA_RUNTIME_VERSION", "IMPLEMENTOR", "IMPLEMENTOR_VERSION", "IMAGE_TYPE", "OS_ARCH", "BUILD_TYPE":
			if _, ok := fields[name]; !ok {
				fields[name] = strings.Trim(value, `"`)
			}
		}
	}
	return fields
}

// isVersion reports whether s is made as Java's versions are, such as
// "17.0.15", "1.8.0_411" or "22-ea".
func isVersion(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case '0' <= c && c <= '9', i > 0 && ('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || strings.IndexByte("._-+", c) >= 0):
		default:
			return false
		}
	}
	return s != ""
}

// runtime returns the package of a runtime.
func runtime(fields map[string]string) inventory.Package {
	version := fields["JAVA_VERSION"]
	p := inventory.Package{
		Type:    "generic",
		Name:    "openjdk",
		Version: version + build(fields["JAVA_RUNTIME_VERSION"], version),
		Arch:    fields["OS_ARCH"],
		Vendor:  fields["IMPLEMENTOR"],
	}
	if fields["BUILD_TYPE"] == "commercial" && (p.Vendor == "" || strings.HasPrefix(p.Vendor, "Oracle")) {
		p.Vendor = "Oracle Corporation"
		release, update := legacy(version)
		for _, product := range []string{"jdk", "jre"} {
			if image := strings.ToLower(fields["IMAGE_TYPE"]); image != "jdk" && image != "jre" || image == product {
				p.CPEs = append(p.CPEs, cpe("oracle", product, release, update))
			}
		}
		p.Name = "jdk"
		if fields["IMAGE_TYPE"] == "JRE" {
			p.Name = "jre"
		}
		return p
	}
	release, update := legacy(version)
	// Java 8 is "8" as OpenJDK's version, with its updates apart.
	if rest, ok := strings.CutPrefix(release, "1."); ok {
		major, _, _ := strings.Cut(rest, ".")
		p.CPEs = append(p.CPEs, cpe("oracle", "openjdk", major, update))
	} else {
		p.CPEs = append(p.CPEs, cpe("oracle", "openjdk", release, update))
	}
	product := fields["IMPLEMENTOR_VERSION"]
	if own, ok := strings.CutPrefix(product, "Zulu"); ok {
		own, _, _ = strings.Cut(own, "+")
		own, _, _ = strings.Cut(own, "-")
		if isVersion(own) {
			p.CPEs = append(p.CPEs, cpe("azul", "zulu", own, "*"))
		}
	}
	if strings.HasPrefix(product, "Temurin") {
		p.CPEs = append(p.CPEs, cpe("eclipse", "temurin", release, strings.Replace(update, "update", "u", 1)))
	}
	return p
}

// build returns the number of the build with its sign: "+6" of
// "17.0.15+6-Debian-1", "-b25" of "1.8.0_411-b25".
func build(full, version string) string {
	rest, ok := strings.CutPrefix(full, version)
	if !ok || rest == "" {
		return ""
	}
	prefix := rest[:1]
	if strings.HasPrefix(rest, "-b") {
		prefix = "-b"
	} else if prefix != "+" {
		return ""
	}
	digits := len(rest) - len(strings.TrimLeft(rest[len(prefix):], "0123456789"))
	if digits == len(prefix) {
		return ""
	}
	return rest[:digits]
}

// legacy splits "1.8.0_411" into version and update, as CPEs have them up to
// Java 8. Later versions have no update.
func legacy(version string) (release, update string) {
	release, number, ok := strings.Cut(version, "_")
	if !ok || number == "" {
		return release, "*"
	}
	number, _, _ = strings.Cut(number, "-")
	return release, "update" + number
}

// cpe returns a CPE of an application. The values have none of the characters
// that must be quoted except ".", "_" and "-", which are written as they are:
// NIST IR 7695, section 6.2; and "+".
func cpe(vendor, product, version, update string) string {
	version = strings.ReplaceAll(version, "+", `\+`)
	return "cpe:2.3:a:" + vendor + ":" + product + ":" + version + ":" + strings.ReplaceAll(update, "+", `\+`) + ":*:*:*:*:*:*"
}
