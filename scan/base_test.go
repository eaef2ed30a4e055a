package scan_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom"
	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/scan/image"
)

// A stacked image has its layers in memory.
type stacked struct {
	target sbom.Target
	layers []sbom.Layer
	data   [][]byte
}

func (l *stacked) Target() sbom.Target  { return l.target }
func (l *stacked) Layers() []sbom.Layer { return l.layers }

func (l *stacked) OpenLayer(_ context.Context, i int) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(l.data[i])), nil
}

func newStacked(t *testing.T, layers ...fstest.MapFS) *stacked {
	t.Helper()
	l := &stacked{target: sbom.Target{Name: "app", Kind: "test"}}
	for i, fsys := range layers {
		var buf bytes.Buffer
		writeTar(t, &buf, fsys)
		sum := sha256.Sum256(buf.Bytes())
		l.layers = append(l.layers, sbom.Layer{Index: i, DiffID: "sha256:" + hex.EncodeToString(sum[:])})
		l.data = append(l.data, buf.Bytes())
	}
	return l
}

// onDebian is an image of three layers: Debian with two packages, one that adds
// a third and upgrades one, and one without packages.
func onDebian(t *testing.T) *stacked {
	return newStacked(t,
		debian("curl 7.88.1-10", "openssl 3.0.15-1~deb12u1"),
		fstest.MapFS{"var/lib/dpkg/status": debian("curl 7.88.1-11", "openssl 3.0.15-1~deb12u1", "zlib 1.0")["var/lib/dpkg/status"]},
		fstest.MapFS{"app": {Data: []byte("x")}},
	)
}

var baseRecords = []string{
	advisory("CVE-2026-0001", "openssl", "3.0.16-1~deb12u1", "high"),
	advisory("CVE-2026-0003", "curl", "", "low"),
	advisory("CVE-2026-0004", "zlib", "", "low"),
}

// origins tells of each finding whether it is the base's.
func origins(r *scan.Report) []string {
	out := []string{}
	for _, f := range r.Findings {
		from := "yours"
		if f.Package.FromBase {
			from = "base"
		}
		out = append(out, f.Package.Name+" "+from)
	}
	return out
}

func TestBaseImage(t *testing.T) {
	db := openDB(t, baseRecords...)
	img := onDebian(t)
	other := newStacked(t, debian("curl 1"))
	part := newStacked(t, debian("curl 7.88.1-10", "openssl 3.0.15-1~deb12u1"), debian("x 1"))
	guess := *img
	guess.target.Base = sbom.Base{Name: "debian:12", Digest: "sha256:12", From: "labels", Layers: 1, Reason: "because"}
	named := *img
	named.target.Base = sbom.Base{Name: "debian:12", From: "annotations"}
	wild := *img
	wild.target.Base = sbom.Base{Layers: 100, Reason: "because"}
	first := &stacked{target: sbom.Target{Name: "debian:12", Digest: "sha256:34"}, layers: img.layers[:1]}

	all := []string{"openssl base", "curl yours", "zlib yours"}
	none := []string{"openssl yours", "curl yours", "zlib yours"}
	tests := []struct {
		name string
		img  *stacked
		opts []scan.Option
		want scan.BaseImage
		from []string
	}{
		{"nothing is known", img, nil, scan.BaseImage{Reason: "the image does not tell: give the base to compare with"}, none},
		{
			"given", img,
			[]scan.Option{scan.WithBaseImage(first)},
			scan.BaseImage{Name: "debian:12", Digest: "sha256:34", NamedBy: "option", Layers: 1, FoundBy: "comparison", Reason: "the image begins with the one layer of the base"},
			all,
		},
		{
			"of another version", img,
			[]scan.Option{scan.WithBaseImage(part)},
			scan.BaseImage{Name: "app", NamedBy: "option", Layers: 1, FoundBy: "comparison", Reason: "the image has the first 1 of the base's 2 layers: it was built on another version of it"},
			all,
		},
		{
			"not the base", &guess,
			[]scan.Option{scan.WithBaseImage(other)},
			scan.BaseImage{Name: "app", NamedBy: "option", FoundBy: "comparison", Reason: "the first layer of the image is not that of the base: it was not built on it, or on another version of it"},
			none,
		},
		{
			"a guess", &guess, nil,
			scan.BaseImage{Name: "debian:12", Digest: "sha256:12", NamedBy: "labels", Layers: 1, FoundBy: "history", Guess: true, Reason: "because"},
			all,
		},
		{
			"a name alone", &named, nil,
			scan.BaseImage{Name: "debian:12", NamedBy: "annotations", Reason: "the image names its base, but not which layers are the base's: give the base to compare with"},
			none,
		},
		{"a guess of too many layers", &wild, nil, scan.BaseImage{Reason: "the image does not tell: give the base to compare with"}, none},
	}
	for _, tt := range tests {
		s, err := scan.New(append(tt.opts, scan.WithDB(db))...)
		require.NoError(t, err)
		r, err := s.Scan(t.Context(), tt.img)
		require.NoError(t, err)
		require.NotNil(t, r.BaseImage, tt.name)
		assert.Equal(t, tt.want, *r.BaseImage, tt.name)
		assert.Equal(t, tt.from, origins(r), tt.name)

		// What is inherited can be left out, and is not lost.
		s, err = scan.New(append(tt.opts, scan.WithDB(db), scan.WithIgnoreBase(true))...)
		require.NoError(t, err)
		r, err = s.Scan(t.Context(), tt.img)
		require.NoError(t, err)
		if tt.want.Layers == 0 {
			assert.Equal(t, tt.from, origins(r), tt.name)
			assert.Empty(t, r.Suppressed, tt.name)
			continue
		}
		assert.Equal(t, tt.from[1:], origins(r), tt.name)
		require.Len(t, r.Suppressed, 1, tt.name)
		assert.Equal(t, "base", r.Suppressed[0].By)
		assert.Contains(t, r.Suppressed[0].Reason, tt.want.Name, tt.name)
		assert.Equal(t, tt.want.Guess, strings.Contains(r.Suppressed[0].Reason, "guess"), tt.name)

		// A report keeps what it knows when it is compared again, and as JSON.
		again, err := s.Rematch(t.Context(), r, nil)
		require.NoError(t, err)
		assert.Equal(t, r, again, tt.name)
		data, err := json.Marshal(r)
		require.NoError(t, err)
		read, err := scan.ReadReport(bytes.NewReader(data))
		require.NoError(t, err)
		assert.Equal(t, r.BaseImage, read.BaseImage)
		assert.Equal(t, origins(r), origins(read))
	}
	// A stored bill of materials keeps what the image says.
	s, err := scan.New(scan.WithDB(db))
	require.NoError(t, err)
	r, err := s.Scan(t.Context(), &guess)
	require.NoError(t, err)
	for _, format := range []sbom.Format{sbom.CycloneDXJSON, sbom.SPDXJSON} {
		var buf bytes.Buffer
		require.NoError(t, sbom.Encode(&buf, r.BOM, format))
		bom, err := sbom.Decode(&buf)
		require.NoError(t, err)
		stored, err := s.Match(t.Context(), bom)
		require.NoError(t, err)
		assert.Equal(t, r.BaseImage, stored.BaseImage, format)
		assert.Equal(t, origins(r), origins(stored), format)
	}

	s, err = scan.New(scan.WithBaseImage(first))
	require.NoError(t, err)
	r, err = s.Scan(t.Context(), image.FS("folder", bookworm()))
	require.NoError(t, err)
	assert.Nil(t, r.BaseImage, "a folder has no base")
}

// pushImage stores an image in a registry.
func pushImage(t *testing.T, ref string, l *stacked, edit func(*v1.Manifest)) v1.Image {
	t.Helper()
	img := emptyImage(t)
	for _, data := range l.data {
		var err error
		img, err = mutate.AppendLayers(img, static.NewLayer(data, types.OCIUncompressedLayer))
		require.NoError(t, err)
	}
	if edit != nil {
		m, err := img.Manifest()
		require.NoError(t, err)
		edit(m)
		img = mutate.Annotations(img, m.Annotations).(v1.Image)
	}
	parsed, err := name.ParseReference(ref)
	require.NoError(t, err)
	require.NoError(t, remote.Write(parsed, img))
	return img
}

func TestBaseFromRegistry(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	app := onDebian(t)
	base := pushImage(t, host+"/base:1", &stacked{data: app.data[:1]}, nil)
	digest, err := base.Digest()
	require.NoError(t, err)
	pushImage(t, host+"/base:1", &stacked{data: app.data[2:]}, nil) // the tag has moved since
	pushImage(t, host+"/app:1", app, func(m *v1.Manifest) {
		m.Annotations = map[string]string{
			"org.opencontainers.image.base.name":   host + "/base:1",
			"org.opencontainers.image.base.digest": digest.String(),
		}
	})
	db := openDB(t, baseRecords...)

	r, err := scan.Image(t.Context(), host+"/app:1", scan.WithDB(db))
	require.NoError(t, err)
	assert.Equal(t, host+"/base:1", r.BaseImage.Name)
	assert.Equal(t, "annotations", r.BaseImage.NamedBy)
	assert.Zero(t, r.BaseImage.Layers, "nobody has looked")

	r, err = scan.Image(t.Context(), host+"/app:1", scan.WithDB(db), scan.WithBaseLookup(true))
	require.NoError(t, err)
	assert.Equal(t, scan.BaseImage{
		Name: host + "/base:1", Digest: digest.String(), NamedBy: "annotations", Layers: 1, FoundBy: "comparison",
		Reason: "the image begins with the one layer of the base",
	}, *r.BaseImage)

	r, err = scan.From(t.Context(), "registry://"+host+"/app:1", scan.WithDB(db), scan.WithBase(host+"/base@"+digest.String()))
	require.NoError(t, err)
	assert.Equal(t, 1, r.BaseImage.Layers)
	assert.Equal(t, "option", r.BaseImage.NamedBy)

	// A base that was asked for must be there; one that is looked up need not.
	_, err = scan.Image(t.Context(), host+"/app:1", scan.WithDB(db), scan.WithBase(host+"/none:1"))
	assert.ErrorContains(t, err, "the base image")
	pushImage(t, host+"/lost:1", app, func(m *v1.Manifest) {
		m.Annotations = map[string]string{"org.opencontainers.image.base.name": host + "/none:1"}
	})
	r, err = scan.Image(t.Context(), host+"/lost:1", scan.WithDB(db), scan.WithBaseLookup(true))
	require.NoError(t, err)
	assert.Zero(t, r.BaseImage.Layers)
	if assert.Len(t, r.Problems, 1) {
		assert.Equal(t, "base", r.Problems[0].Extractor)
		assert.Contains(t, r.Problems[0].Error, "none:1")
	}
}

func TestCompareBase(t *testing.T) {
	db := openDB(t, append(baseRecords, advisory("CVE-2026-0005", "openssl", "", "low"), advisory("CVE-2026-0006", "bash", "", "low"),
		advisory("CVE-2026-0007", "zlib", "1.0", "low"))...)
	img := onDebian(t)
	r := func(img sbom.Image, opts ...scan.Option) *scan.Report {
		s, err := scan.New(append(opts, scan.WithDB(db))...)
		require.NoError(t, err)
		report, err := s.Scan(t.Context(), img)
		require.NoError(t, err)
		return report
	}
	app := r(img, scan.WithBaseImage(&stacked{layers: img.layers[:1]}))
	newBase := r(newStacked(t, debian("curl 7.88.1-12", "openssl 3.0.16-1~deb12u1", "bash 5", "zlib 0.9")))
	c, err := scan.CompareBase(app, newBase)
	require.NoError(t, err)
	assert.Equal(t, "base", c.Kind)
	assert.Equal(t, []string{`package_upgraded CVE-2026-0001 openssl: "3.0.15-1~deb12u1" to "3.0.16-1~deb12u1"`}, changes(c.Fixed))
	assert.Equal(t, []string{
		`package_added CVE-2026-0006 bash: "" to "5"`,
		`package_downgraded CVE-2026-0007 zlib: "1.0" to "0.9"`, // which the image upgrades by itself
	}, changes(c.New))
	assert.Equal(t, []string{
		`package_upgraded CVE-2026-0005 openssl: "3.0.15-1~deb12u1" to "3.0.16-1~deb12u1"`,
		`unchanged CVE-2026-0003 curl: "7.88.1-11" to "7.88.1-12"`,
		`unchanged CVE-2026-0004 zlib: "1.0" to "0.9"`,
	}, changes(c.Kept))
	assert.Equal(t, 2, c.Own)

	_, err = scan.CompareBase(r(img), newBase)
	assert.ErrorIs(t, err, scan.ErrNoBase)
}

// TestRequiredBy: who brings a package in.
func TestRequiredBy(t *testing.T) {
	pkg := func(name string, relation sbom.Relation, needs ...string) sbom.Package {
		for i, n := range needs {
			needs[i] = "pkg:npm/" + n + "@1"
		}
		return sbom.Package{Type: "npm", Name: name, Version: "1", PURL: "pkg:npm/" + name + "@1", Relation: relation, DependsOn: needs}
	}
	bom := &sbom.BOM{Packages: []sbom.Package{
		pkg("a", sbom.Direct, "b", "c"), pkg("b", sbom.Transitive, "d"), pkg("c", sbom.Transitive, "c2"), pkg("c2", sbom.Transitive, "d", "b"),
		pkg("d", sbom.Transitive, "e"), pkg("e", sbom.Direct), pkg("loop1", sbom.Transitive, "loop2"), pkg("loop2", sbom.Transitive, "loop1"),
	}}
	for i := range 40 {
		bom.Packages = append(bom.Packages, pkg(fmt.Sprintf("l%02d", i), sbom.RelationUnknown, fmt.Sprintf("l%02d", i+1)))
	}
	bom.Packages = append(bom.Packages, sbom.Package{Type: "deb", Name: "x", PURL: "pkg:deb/x", DependsOn: []string{"pkg:deb/y"}}, sbom.Package{Type: "deb", Name: "y", PURL: "pkg:deb/y"})
	var advisories []string
	for _, p := range bom.Packages {
		if p.Name != "c" {
			advisories = append(advisories, fmt.Sprintf(`{"id":"GHSA-%s","modified":"2026-01-02T00:00:00Z","affected":[{"package":{"ecosystem":"npm","name":%q},"versions":["1"]}]}`, p.Name, p.Name))
		}
	}
	s, err := scan.New(scan.WithDB(openDB(t, advisories...)))
	require.NoError(t, err)
	r, err := s.Match(t.Context(), bom)
	require.NoError(t, err)
	got := map[string]string{}
	for _, p := range r.Packages {
		got[p.Name] = strings.NewReplacer("pkg:npm/", "", "@1", "").Replace(strings.Join(p.RequiredBy, " "))
	}
	for name, want := range map[string]string{
		"a": "", "b": "a", "c": "", "c2": "a c", "d": "a b", "e": "", "loop1": "", "loop2": "", "l00": "", "l02": "l00 l01", "l33": "", "y": "",
	} {
		assert.Equal(t, want, got[name], name)
	}
	assert.Equal(t, 32, len(strings.Fields(got["l32"])))
	for _, f := range r.Findings {
		assert.Equal(t, got[f.Package.Name], strings.NewReplacer("pkg:npm/", "", "@1", "").Replace(strings.Join(f.Package.RequiredBy, " ")))
	}
	assert.Len(t, r.Findings, 8+40-1)
}
