package jvm

import (
	"context"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/extract/extracttest"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const releasePath = "opt/java/openjdk/release"

func jdk(version, vendor string, cpes ...string) inventory.Package {
	return inventory.Package{Type: "generic", Name: "openjdk", Version: version, Vendor: vendor, CPEs: cpes}
}

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "jvm", 1)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		releasePath:               true,
		"release":                 true,
		"usr/lib/jvm/x/release":   true,
		"etc/os-release":          false,
		"usr/lib/jvm/x/release.d": false,
	})
}

func TestExtractFixture(t *testing.T) {
	temurin := jdk("21.0.4+7", "Eclipse Adoptium", "cpe:2.3:a:oracle:openjdk:21.0.4:*:*:*:*:*:*:*", "cpe:2.3:a:eclipse:temurin:21.0.4:*:*:*:*:*:*:*")
	temurin.Arch = "aarch64"
	debian := jdk("17.0.15+6", "Debian", "cpe:2.3:a:oracle:openjdk:17.0.15:*:*:*:*:*:*:*")
	debian.Arch = "x86_64"
	oracle := jdk("1.8.0_411-b25", "Oracle Corporation", "cpe:2.3:a:oracle:jdk:1.8.0:update411:*:*:*:*:*:*", "cpe:2.3:a:oracle:jre:1.8.0:update411:*:*:*:*:*:*")
	oracle.Name, oracle.Arch = "jdk", "amd64"
	for folder, want := range map[string]inventory.Package{"temurin-21": temurin, "debian-17": debian, "oracle-8": oracle} {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(releasePath, extracttest.Fixture(t, folder, "release")))
		require.NoError(t, err, folder)
		assert.Equal(t, inventory.Facts{Packages: []inventory.Package{want}}, facts, folder)
	}
}

func TestExtract(t *testing.T) {
	jre := jdk("17.0.1", "Oracle Corporation", "cpe:2.3:a:oracle:jre:17.0.1:*:*:*:*:*:*:*")
	jre.Name = "jre"
	tests := []struct {
		name, content string
		want          inventory.Facts
	}{
		{"empty", "", inventory.Facts{}},
		{"another file", "NAME=\"x\"\nJAVA_VERSIONS=1\nx\n", inventory.Facts{}},
		{"a large file that is another one", strings.Repeat("NAME=\"x\"\n", 100_000), inventory.Facts{}},
		{"a program", "\x7fELF\x00\x01", inventory.Facts{}},
		{"without quotes, line ends of DOS", "JAVA_VERSION=11.0.2\r\n", inventory.Facts{Packages: []inventory.Package{jdk("11.0.2", "", "cpe:2.3:a:oracle:openjdk:11.0.2:*:*:*:*:*:*:*")}}},
		{
			"Java 8", "JAVA_VERSION=\"1.8.0_292\"\nIMPLEMENTOR=\"AdoptOpenJDK\"\nJAVA_RUNTIME_VERSION=\"1.8.0_292-b10\"\n",
			inventory.Facts{Packages: []inventory.Package{jdk("1.8.0_292-b10", "AdoptOpenJDK", "cpe:2.3:a:oracle:openjdk:8:update292:*:*:*:*:*:*")}},
		},
		{
			"Temurin's Java 8", "JAVA_VERSION=\"1.8.0_382\"\nIMPLEMENTOR=\"Temurin\"\nIMPLEMENTOR_VERSION=\"Temurin-8\"\n",
			inventory.Facts{Packages: []inventory.Package{jdk("1.8.0_382", "Temurin", "cpe:2.3:a:oracle:openjdk:8:update382:*:*:*:*:*:*", "cpe:2.3:a:eclipse:temurin:1.8.0:u382:*:*:*:*:*:*")}},
		},
		{
			"Zulu has versions of its own", "JAVA_VERSION=\"17.0.8\"\nIMPLEMENTOR=\"Azul Systems, Inc.\"\nIMPLEMENTOR_VERSION=\"Zulu17.44+15-CA\"\n",
			inventory.Facts{Packages: []inventory.Package{jdk("17.0.8", "Azul Systems, Inc.", "cpe:2.3:a:oracle:openjdk:17.0.8:*:*:*:*:*:*:*", "cpe:2.3:a:azul:zulu:17.44:*:*:*:*:*:*:*")}},
		},
		{
			"Zulu without a version", "JAVA_VERSION=\"17.0.8\"\nIMPLEMENTOR_VERSION=\"Zulu:*\"\n",
			inventory.Facts{Packages: []inventory.Package{jdk("17.0.8", "", "cpe:2.3:a:oracle:openjdk:17.0.8:*:*:*:*:*:*:*")}},
		},
		{
			"OpenJDK built by Oracle", "JAVA_VERSION=\"22\"\nIMPLEMENTOR=\"Oracle Corporation\"\nJAVA_RUNTIME_VERSION=\"22-ea+8-1\"\n",
			inventory.Facts{Packages: []inventory.Package{jdk("22", "Oracle Corporation", "cpe:2.3:a:oracle:openjdk:22:*:*:*:*:*:*:*")}},
		},
		{"Oracle's runtime", "JAVA_VERSION=\"17.0.1\"\nIMPLEMENTOR=\"Oracle Corporation\"\nBUILD_TYPE=\"commercial\"\nIMAGE_TYPE=\"JRE\"\n", inventory.Facts{Packages: []inventory.Package{jre}}},
		{"the first of two fields counts", "JAVA_VERSION=\"17\"\nJAVA_VERSION=\"99\"\n", inventory.Facts{Packages: []inventory.Package{jdk("17", "", "cpe:2.3:a:oracle:openjdk:17:*:*:*:*:*:*:*")}}},
		{"a build that is none", "JAVA_VERSION=\"17\"\nJAVA_RUNTIME_VERSION=\"17+x\"\n", inventory.Facts{Packages: []inventory.Package{jdk("17", "", "cpe:2.3:a:oracle:openjdk:17:*:*:*:*:*:*:*")}}},
		{"an update that is empty", "JAVA_VERSION=\"1.8.0_\"\n", inventory.Facts{Packages: []inventory.Package{jdk("1.8.0_", "", "cpe:2.3:a:oracle:openjdk:8:*:*:*:*:*:*:*")}}},
		{"no version", "JAVA_VERSION=\"\"\n", inventory.Facts{Problems: []string{`the Java runtime has no version: ""`}}},
		{"not a version", "JAVA_VERSION=\"1:*\"\n", inventory.Facts{Problems: []string{`the Java runtime has no version: "1:*"`}}},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(releasePath, tt.content))
		require.NoErrorf(t, err, tt.name)
		assert.Equalf(t, tt.want, facts, tt.name)
	}
}

func TestExtractErrors(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	broken := errors.New("the layer ends here")
	for name, tt := range map[string]struct {
		ctx     context.Context
		content io.Reader
		is      error
	}{
		"canceled":   {canceled, strings.NewReader("JAVA_VERSION=1\n"), context.Canceled},
		"read error": {t.Context(), iotest.ErrReader(broken), broken},
		"too large":  {t.Context(), extracttest.Endless("JAVA_VERSION=1\n"), inventory.ErrTooLarge},
	} {
		facts, err := Extractor{}.Extract(tt.ctx, inventory.NewFile(releasePath, 0o644, 1, tt.content, nil))
		require.ErrorIs(t, err, tt.is, name)
		assert.Zero(t, facts, name)
	}
}

func FuzzExtract(f *testing.F) {
	for _, s := range []string{
		extracttest.Fixture(f, "temurin-21", "release"),
		extracttest.Fixture(f, "oracle-8", "release"),
		"JAVA_VERSION=1.8_1-b\nJAVA_RUNTIME_VERSION=1.8_1-b-b1\nIMPLEMENTOR_VERSION=Zulu1",
		"JAVA_VERSION=1.\nIMPLEMENTOR_VERSION=Temurin\nBUILD_TYPE=commercial\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, content string) {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(releasePath, content))
		extracttest.Check(t, facts, err)
		require.LessOrEqual(t, len(facts.Packages)+len(facts.Problems), 1)
		for _, p := range facts.Packages {
			require.NotEmpty(t, p.Version)
			require.NotEmpty(t, p.CPEs)
			for _, name := range p.CPEs {
				require.Equal(t, 12, strings.Count(name, ":"), "%q", name)
			}
		}
		again, errAgain := Extractor{}.Extract(t.Context(), inventory.NewFile(releasePath, 0o644, 0, iotest.OneByteReader(strings.NewReader(content)), nil))
		require.Equal(t, err == nil, errAgain == nil)
		require.True(t, reflect.DeepEqual(facts, again))
	})
}

func BenchmarkExtract(b *testing.B) {
	content := extracttest.Fixture(b, "temurin-21", "release")
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), extracttest.File(releasePath, content))
		if err != nil || len(facts.Packages) != 1 {
			b.Fatal(facts, err)
		}
	}
}
