package spdx2_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/internal/codec/codectest"
	"github.com/imagevet/imagevet/internal/codec/spdx2"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// A view is what the tests look at of a document.
type view struct {
	Version  string   `json:"spdxVersion"`
	ID       string   `json:"SPDXID"`
	Name     string   `json:"name"`
	Creation creation `json:"creationInfo"`
	Packages []pkg    `json:"packages"`
	Licenses []struct {
		ID   string `json:"licenseId"`
		Text string `json:"extractedText"`
		Name string `json:"name"`
	} `json:"hasExtractedLicensingInfos"`
	Relationships []struct {
		From string `json:"spdxElementId"`
		Type string `json:"relationshipType"`
		To   string `json:"relatedSpdxElement"`
	} `json:"relationships"`
}

type creation struct {
	Creators []string `json:"creators"`
	Created  string   `json:"created"`
}

type pkg struct {
	ID         string `json:"SPDXID"`
	Name       string `json:"name"`
	Version    string `json:"versionInfo"`
	Supplier   string `json:"supplier"`
	Originator string `json:"originator"`
	Declared   string `json:"licenseDeclared"`
	Purpose    string `json:"primaryPackagePurpose"`
	SourceInfo string `json:"sourceInfo"`
	Checksums  []struct {
		Algorithm string `json:"algorithm"`
		Value     string `json:"checksumValue"`
	} `json:"checksums"`
	Refs []struct {
		Category string `json:"referenceCategory"`
		Type     string `json:"referenceType"`
		Locator  string `json:"referenceLocator"`
	} `json:"externalRefs"`
	Annotations []struct {
		Annotator string `json:"annotator"`
		Date      string `json:"annotationDate"`
		Comment   string `json:"comment"`
	} `json:"annotations"`
}

func viewOf(t *testing.T, b *inventory.BOM, opts *codec.Options) (*view, map[string]pkg) {
	t.Helper()
	var buf bytes.Buffer
	require.NoError(t, spdx2.EncodeJSON(&buf, b, opts))
	var v view
	require.NoError(t, json.Unmarshal(buf.Bytes(), &v))
	byName := map[string]pkg{}
	for _, p := range v.Packages {
		byName[p.Name] = p
	}
	return &v, byName
}

func TestEncodeContent(t *testing.T) {
	b := codectest.BOM()
	b.Vulnerabilities = append(b.Vulnerabilities, b.Vulnerabilities[0], inventory.Vulnerability{
		ID: "OSV 3", References: []string{"ftp://x"}, Affects: []inventory.Affected{{PURL: "pkg:rpm/redhat/x@1"}},
	})
	v, p := viewOf(t, b, options("2.3"))
	assert.Equal(t, "SPDX-2.3", v.Version)
	assert.Equal(t, "SPDXRef-DOCUMENT", v.ID)
	assert.Equal(t, "registry.example/app:1", v.Name)
	assert.Equal(t, "2025-01-02T03:04:05Z", v.Creation.Created)
	assert.Equal(t, []string{"Tool: bot-1.2", "Tool: other tool", "Person: Jane Doe (jane@example.com)", "Organization: Example, Inc."}, v.Creation.Creators[1:])
	assert.Regexp(t, "^Tool: imagevet", v.Creation.Creators[0])

	image := p["registry.example/app:1"]
	assert.Equal(t, "CONTAINER", image.Purpose)
	assert.Equal(t, "Organization: Example, Inc.", image.Supplier)
	assert.Equal(t, "SHA256", image.Checksums[0].Algorithm)
	assert.Equal(t, "pkg:oci/app@sha256:"+image.Checksums[0].Value+"?arch=arm64&repository_url=registry.example%2Fapp&tag=1", image.Refs[0].Locator)
	assert.Equal(t, "OPERATING_SYSTEM", p["rhel"].Purpose, "as the schema spells it")
	assert.Equal(t, "9.3", p["rhel"].Version)

	bash := p["Bash"]
	assert.Regexp(t, `^SPDXRef-Package-rpm-Bash-[0-9a-f]{16}$`, bash.ID)
	assert.Equal(t, "Organization: V", bash.Supplier)
	assert.Equal(t, "Person: M", bash.Originator)
	assert.Equal(t, "GPL-3.0-or-later", bash.Declared)
	assert.Equal(t, "built package from: bash-src 5.1-2", bash.SourceInfo)
	assert.Equal(t, "found by the extractor mine in opt/thing", p["thing"].SourceInfo)
	assert.Equal(t, "LIBRARY", bash.Purpose)
	require.Len(t, bash.Annotations, 1)
	assert.Equal(t, "Tool: imagevet", bash.Annotations[0].Annotator)
	assert.Equal(t, "2025-01-02T03:04:05Z", bash.Annotations[0].Date)
	assert.Contains(t, bash.Annotations[0].Comment, `imagevet:[["namespace","other"]`)
	assert.Contains(t, bash.Annotations[0].Comment, `["requires",["a|b","c"]]`)
	assert.Equal(t, "Person: Jane Doe (jane@example.com)", p["x"].Supplier, "who maintains supplies")
	assert.Equal(t, p["x"].Supplier, p["x"].Originator)
	assert.Equal(t, "NOASSERTION", p["open"].Supplier)
	assert.Equal(t, "APPLICATION", p["thing"].Purpose)
	require.Contains(t, p, "@babel/core")

	assert.Regexp(t, `^LicenseRef-SEE-LICENSE-IN-x-[0-9a-f]{8}$`, p["open"].Declared)
	require.Len(t, v.Licenses, 1)
	assert.Equal(t, p["open"].Declared, v.Licenses[0].ID)
	assert.Equal(t, "SEE LICENSE IN x", v.Licenses[0].Text)

	var advisories []string
	for _, p := range v.Packages {
		for _, r := range p.Refs {
			switch r.Type {
			case "purl":
				assert.Equal(t, "PACKAGE-MANAGER", r.Category)
			case "advisory":
				advisories = append(advisories, p.Name+" "+r.Locator)
			}
		}
	}
	assert.Equal(t, []string{"x https://example.com/1", "x https://osv.dev/vulnerability/OSV%203"}, advisories, "each once, and not of what is not affected")

	var kinds []string
	for _, r := range v.Relationships {
		kinds = append(kinds, r.Type)
		if r.Type == "DESCRIBES" {
			assert.Equal(t, "SPDXRef-DOCUMENT", r.From)
			assert.Equal(t, image.ID, r.To)
		}
	}
	assert.Equal(t, strings.Fields("DESCRIBES"+strings.Repeat(" CONTAINS", 9)+strings.Repeat(" DEPENDS_ON", 3)), kinds)
}

func TestEncodeContent22(t *testing.T) {
	v, p := viewOf(t, codectest.BOM(), options("2.2"))
	assert.Equal(t, "SPDX-2.2", v.Version)
	assert.Empty(t, p["x"].Purpose)
	require.Len(t, p["x"].Refs, 1, "no advisory")
	assert.Equal(t, "PACKAGE_MANAGER", p["x"].Refs[0].Category)
	v, p = viewOf(t, &inventory.BOM{Packages: []inventory.Package{{Name: "a", Hashes: []inventory.Hash{{Algorithm: "BLAKE3", Value: "01"}, {Algorithm: "SHA-256", Value: "02"}}}}}, options("2.2"))
	assert.Equal(t, "unnamed", v.Name)
	require.Len(t, p["a"].Checksums, 1)
	assert.Equal(t, "SHA256", p["a"].Checksums[0].Algorithm, "2.2 has no BLAKE3")
}

func TestEncodeTree(t *testing.T) {
	_, p := viewOf(t, &inventory.BOM{Target: inventory.Target{Name: "src", Kind: "tree"}}, options(""))
	assert.Equal(t, "SOURCE", p["src"].Purpose)
}

// TestEncodeTime: the time of a document is mandatory and does not come from a
// clock.
func TestEncodeTime(t *testing.T) {
	built := inventory.Target{Created: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)}
	v, _ := viewOf(t, &inventory.BOM{Target: built}, &codec.Options{})
	assert.Equal(t, "2020-01-01T00:00:00Z", v.Creation.Created)
	v, _ = viewOf(t, &inventory.BOM{}, &codec.Options{})
	assert.Equal(t, "1970-01-01T00:00:00Z", v.Creation.Created)
	for _, e := range encodings() {
		var buf bytes.Buffer
		require.NoError(t, e.encode(&buf, &inventory.BOM{}, &codec.Options{}))
		b, err := e.decode(&buf, codec.DefaultLimits())
		require.NoError(t, err)
		assert.Zero(t, b.Document.Created, "nobody knows")
	}
}

// TestEncodeIsDeterministic: the same bytes each time, and identifiers that are
// unique and of the allowed form.
func TestEncodeIsDeterministic(t *testing.T) {
	for _, e := range encodings() {
		for name := range documents() {
			var a, b bytes.Buffer
			require.NoError(t, e.encode(&a, documents()[name], options("")))
			require.NoError(t, e.encode(&b, documents()[name], options("")))
			assert.Truef(t, bytes.Equal(a.Bytes(), b.Bytes()), "%s, %s", e.name, name)
		}
	}
	ids := map[string]bool{}
	v, _ := viewOf(t, documents()["nested"], options(""))
	for _, p := range v.Packages {
		assert.Falsef(t, ids[p.ID], "%s is there twice", p.ID)
		ids[p.ID] = true
		assert.Regexp(t, regexp.MustCompile(`^SPDXRef-[A-Za-z0-9.-]+$`), p.ID)
	}
	for _, r := range v.Relationships {
		assert.Truef(t, ids[r.To], "%s", r.To)
	}
}

func TestEncodeErrors(t *testing.T) {
	for _, e := range encodings() {
		for _, version := range []string{"2.1", "2.4", "3.0", "x"} {
			err := e.encode(io.Discard, &inventory.BOM{}, &codec.Options{Version: version})
			assert.ErrorIsf(t, err, spdx2.ErrVersion, "%s", version)
			assert.ErrorContains(t, err, fmt.Sprintf("%q", version))
		}
		broken := errors.New("disk full")
		assert.ErrorIs(t, e.encode(failing{broken}, codectest.BOM(), &codec.Options{}), broken)
	}
}

// large returns an inventory of many packages.
func large(n int) *inventory.BOM {
	b := &inventory.BOM{Target: inventory.Target{Name: "large", Kind: "registry"}, OS: inventory.OS{ID: "debian", Version: "12"}}
	for i := range n {
		p := inventory.Package{
			Type: "deb", Namespace: "debian", Name: fmt.Sprintf("lib%05d", i), Version: "1.2-3", Arch: "amd64", Extractor: "dpkg",
			PURL: fmt.Sprintf("pkg:deb/debian/lib%05d@1.2-3?arch=amd64&distro=debian-12", i), Maintainer: "Jane Doe <jane@example.com>",
			Source: inventory.Source{Name: "lib", Version: "1.2-3"}, Paths: []string{"var/lib/dpkg/status"},
			Licenses: []string{"MIT"}, LicenseExpression: "MIT", Requires: []string{"libc6"},
		}
		if i > 0 {
			p.DependsOn = []string{b.Packages[i/2].PURL}
		}
		b.Packages = append(b.Packages, p)
	}
	return b
}

func BenchmarkEncode(b *testing.B) {
	bom := large(5000)
	for _, e := range encodings() {
		b.Run(e.name, func(b *testing.B) {
			var n counter
			require.NoError(b, e.encode(&n, bom, options("")))
			b.SetBytes(int64(n))
			b.ReportAllocs()
			for b.Loop() {
				if err := e.encode(io.Discard, bom, options("")); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, e := range encodings() {
		b.Run(e.name, func(b *testing.B) {
			var buf bytes.Buffer
			require.NoError(b, e.encode(&buf, large(5000), options("")))
			b.SetBytes(int64(buf.Len()))
			b.ReportAllocs()
			for b.Loop() {
				bom, err := e.decode(bytes.NewReader(buf.Bytes()), codec.DefaultLimits())
				if err != nil || len(bom.Packages) != 5000 {
					b.Fatal(err)
				}
			}
		})
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
