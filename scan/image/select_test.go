package image

import (
	"bytes"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSelectDocker(t *testing.T) {
	files, links, ids := legacy(t)
	data := tarOf(t, files, links)
	tests := []struct{ ref, want string }{
		{"alpine:3.10", ids[0]},
		{"library/alpine:3.10", ids[0]},
		{"docker.io/library/alpine:3.10", ids[0]},
		{"index.docker.io/library/alpine:3.10", ids[0]},
		{"registry.example/team/base:1", ids[0]},
		{"app", ids[1]},
		{"app:latest", ids[1]},
		{ids[0], ids[0]},
		{ids[1], ids[1]},
		{"anything@" + ids[1], ids[1]},
		{strings.TrimPrefix(ids[0], "sha256:"), ids[0]},
		{strings.TrimPrefix(ids[1], "sha256:")[:12], ids[1]},
	}
	for _, tt := range tests {
		img, err := fromBytes(t, data, WithReference(tt.ref))
		require.NoErrorf(t, err, "WithReference(%q)", tt.ref)
		assert.Equalf(t, tt.want, img.Target().ImageID, "WithReference(%q)", tt.ref)
	}
	available := []string{"alpine:3.10", "registry.example/team/base:1", "app:latest"}
	for _, ref := range []string{
		"alpine", "alpine:3.11", "team/base:1", "none", "not a reference", "3.10",
		strings.TrimPrefix(ids[0], "sha256:")[:11], "sha256:" + strings.Repeat("0", 64),
	} {
		_, err := fromBytes(t, data, WithReference(ref))
		var e *SelectError
		require.ErrorAsf(t, err, &e, "WithReference(%q)", ref)
		assert.Equal(t, &SelectError{Name: "image.tar", Want: ref, Available: available}, e)
		assert.Contains(t, err.Error(), `"app:latest"`)
	}
	_, err := fromBytes(t, data)
	var e *SelectError
	require.ErrorAs(t, err, &e, "no reference")
	assert.Equal(t, &SelectError{Name: "image.tar", Available: available}, e)
}

func TestSelectDockerByManifest(t *testing.T) {
	b, manifest, config, _ := modern(t)
	img, err := fromBytes(t, tarOf(t, b, nil), WithReference("app@"+manifest.Digest.String()))
	require.NoError(t, err)
	assert.Equal(t, config.Digest.String(), img.Target().ImageID)
}

// TestDockerPlatforms has one tag for two platforms.
func TestDockerPlatforms(t *testing.T) {
	base := layer(t, "base")
	files := blobs{"base.tar": base, "amd64.json": configOf(t, "linux/amd64", base), "arm64.json": configOf(t, "linux/arm64", base)}
	files["manifest.json"] = []byte(`[
		{"Config": "amd64.json", "RepoTags": ["app:1"], "Layers": ["base.tar"]},
		{"Config": "arm64.json", "RepoTags": ["app:1"], "Layers": ["base.tar"]},
		{"Config": "arm64.json", "RepoTags": null, "Layers": ["base.tar"]}]`)
	data := tarOf(t, files, nil)
	for _, arch := range []string{"amd64", "arm64"} {
		img, err := fromBytes(t, data, WithReference("app:1"), WithPlatform(Platform{OS: "linux", Architecture: arch}))
		require.NoError(t, err)
		assert.Equal(t, "linux/"+arch, img.Target().Platform)
	}
	_, err := fromBytes(t, data, WithReference("app:1"), WithPlatform(Platform{OS: "linux", Architecture: "s390x"}))
	var e *PlatformError
	require.ErrorAs(t, err, &e)
	assert.Equal(t, []Platform{{OS: "linux", Architecture: "amd64"}, {OS: "linux", Architecture: "arm64"}}, e.Available)
}

// TestDockerEntries has the ways in which manifest.json lists one image, or
// two that have no tag.
func TestDockerEntries(t *testing.T) {
	base := layer(t, "base")
	files := blobs{"base.tar": base, "amd64.json": configOf(t, "linux/amd64", base), "arm64.json": configOf(t, "linux/arm64", base)}
	files["manifest.json"] = []byte(`[
		{"Config": "amd64.json", "RepoTags": ["app:1"], "Layers": ["base.tar"]},
		{"Config": "amd64.json", "RepoTags": ["app:2"], "Layers": ["base.tar"]}]`)
	img, err := fromBytes(t, tarOf(t, files, nil))
	require.NoError(t, err, "one image with two tags")
	assert.Equal(t, "linux/amd64", img.Target().Platform)

	files["manifest.json"] = []byte(`[{"Config": "amd64.json", "Layers": ["base.tar"]}, {"Config": "arm64.json", "Layers": ["base.tar"]}]`)
	_, err = fromBytes(t, tarOf(t, files, nil))
	var e *SelectError
	require.ErrorAs(t, err, &e, "two images without a tag")
	assert.Equal(t, []string{"amd64.json", "arm64.json"}, e.Available)
}

// TestSelectOCI covers the ways in which a layout names its images.
func TestSelectOCI(t *testing.T) {
	b := blobs{}
	a := b.image(t, "linux/amd64", layer(t, "a"))
	c := b.image(t, "linux/amd64", layer(t, "c"))
	d := b.image(t, "linux/amd64", layer(t, "d"))
	e := b.image(t, "linux/amd64", layer(t, "e"))
	f := b.image(t, "linux/amd64", layer(t, "f"))
	list := []v1.Descriptor{
		named(named(a, annotationImageName, "docker.io/library/alpine:3.10"), annotationRefName, "3.10"),
		named(c, annotationRefName, "1.25"),                      // a tag of a repository that is not recorded
		named(d, annotationRefName, "registry.example/team/d:1"), // a whole name
		e,
		named(f, annotationRefName, "latest"),
	}
	data := tarOf(t, b.layout(t, list...), nil)
	idOf := func(name string) string { return hashOf(configOf(t, "linux/amd64", layer(t, name))).String() }
	tests := []struct {
		ref  string
		want v1.Descriptor
	}{
		{"alpine:3.10", a},
		{"docker.io/library/alpine:3.10", a},
		{"3.10", a},
		{"1.25", c},
		{"nginx:1.25", c},
		{"team/app:latest", f},
		{"registry.example/team/d:1", d},
		{e.Digest.String(), e},
		{"app@" + a.Digest.String(), a},
		{idOf("e"), e},
		{strings.TrimPrefix(idOf("d"), "sha256:")[:12], d},
	}
	for _, tt := range tests {
		img, err := fromBytes(t, data, WithReference(tt.ref))
		require.NoErrorf(t, err, "WithReference(%q)", tt.ref)
		assert.Equalf(t, tt.want.Digest.String(), img.Target().Digest, "WithReference(%q)", tt.ref)
	}
	available := []string{"docker.io/library/alpine:3.10", "1.25", "registry.example/team/d:1", e.Digest.String(), "latest"}
	for _, ref := range []string{"", "alpine:3.11", "team/app", "nginx:3.10", "team/d:1", "sha256:" + strings.Repeat("0", 64)} {
		var opts []Option
		if ref != "" {
			opts = append(opts, WithReference(ref))
		}
		_, err := fromBytes(t, data, opts...)
		var sel *SelectError
		require.ErrorAsf(t, err, &sel, "WithReference(%q)", ref)
		assert.Equal(t, &SelectError{Name: "image.tar", Want: ref, Available: available}, sel)
	}

	// Two images without names are two images, not one for two platforms.
	amd64 := WithPlatform(Platform{OS: "linux", Architecture: "amd64"}) // whatever the tests run on
	_, err := fromBytes(t, tarOf(t, b.layout(t, a, e), nil), amd64)
	var sel *SelectError
	require.ErrorAs(t, err, &sel)
	assert.Equal(t, []string{a.Digest.String(), e.Digest.String()}, sel.Available)
	// Two images of one name for one platform.
	_, err = fromBytes(t, tarOf(t, b.layout(t, named(a, annotationRefName, "x"), named(e, annotationRefName, "x")), nil), WithReference("x"), amd64)
	require.ErrorAs(t, err, &sel)
	assert.Equal(t, "x", sel.Want)
	// One name for two platforms, one of them below the one that is asked for.
	v6, v7 := b.image(t, "linux/arm/v6"), b.image(t, "linux/arm/v7")
	img, err := fromBytes(t, tarOf(t, b.layout(t, named(v7, annotationRefName, "x"), named(v6, annotationRefName, "x")), nil), WithPlatform(Platform{"linux", "arm", "v7"}))
	require.NoError(t, err)
	assert.Equal(t, v7.Digest.String(), img.Target().Digest)
}

// multi is an index as builders write it: for several platforms, with an
// attestation and a signature.
func multi(t *testing.T, b blobs, platforms ...string) v1.Descriptor {
	t.Helper()
	attestation := b.manifest(t, types.OCIManifestSchema1, b.add([]byte(`{"rootfs":{}}`), types.OCIConfigJSON), b.add([]byte("{}"), "application/vnd.in-toto+json"))
	attestation.Platform = &v1.Platform{OS: "unknown", Architecture: "unknown"}
	attestation = named(attestation, "vnd.docker.reference.type", "attestation-manifest")
	signature := b.manifest(t, types.OCIManifestSchema1, b.add([]byte("{}"), "application/vnd.oci.empty.v1+json"))
	signature.ArtifactType = "application/vnd.dev.sigstore.bundle.v0.3+json"
	plainAttestation := b.manifest(t, types.OCIManifestSchema1, b.add([]byte(`{"rootfs": {}}`), types.OCIConfigJSON))
	plainAttestation.Platform = attestation.Platform
	list := []v1.Descriptor{attestation, plainAttestation, signature}
	for _, p := range platforms {
		list = append(list, b.image(t, p, layer(t, p)))
	}
	return b.index(t, types.OCIImageIndex, list...)
}

func TestSelectPlatform(t *testing.T) {
	all := []string{"linux/arm/v6", "linux/amd64", "linux/arm64/v8", "linux/arm/v7", "linux/arm/v5", "windows/amd64", "linux/386"}
	if own := "linux/" + runtime.GOARCH; !slices.ContainsFunc(all, func(p string) bool { return strings.HasPrefix(p, own) }) {
		all = append(all, own)
	}
	b := blobs{}
	index := multi(t, b, all...)
	docker := b.index(t, types.DockerManifestList, index)
	bare := index
	bare.MediaType = "" // some programs leave it out
	for name, data := range map[string][]byte{
		"index":         tarOf(t, b.layout(t, index), nil),
		"nested":        tarOf(t, b.layout(t, docker), nil),
		"no media type": tarOf(t, b.layout(t, bare), nil),
		"gzip":          gzipOf(t, tarOf(t, b.layout(t, named(index, annotationRefName, "1"), named(index, annotationRefName, "latest")), nil)),
	} {
		for want, got := range map[string]string{
			"linux/amd64": "linux/amd64", "linux/amd64/v2": "linux/amd64", "linux/x86_64": "linux/amd64",
			"linux/arm64": "linux/arm64", "linux/arm64/v8": "linux/arm64", "linux/arm64/v9": "linux/arm64", "linux/aarch64": "linux/arm64",
			"linux/arm": "linux/arm/v7", "linux/arm/v7": "linux/arm/v7", "linux/arm/v6": "linux/arm/v6", "linux/arm/v8": "linux/arm/v7", "linux/arm/v5": "linux/arm/v5",
			"windows/amd64": "windows/amd64", "linux/386": "linux/386",
		} {
			p, err := ParsePlatform(want)
			require.NoError(t, err)
			img, err := fromBytes(t, data, WithPlatform(p))
			require.NoErrorf(t, err, "%s, WithPlatform(%q)", name, want)
			assert.Equalf(t, got, img.Target().Platform, "%s, WithPlatform(%q)", name, want)
		}
		_, err := fromBytes(t, data, WithPlatform(Platform{OS: "linux", Architecture: "mips"}))
		var e *PlatformError
		require.ErrorAs(t, err, &e, name)
		assert.Len(t, e.Available, len(all), name)
		assert.Equal(t, "linux/mips", e.Want.String(), name)
		assert.Contains(t, err.Error(), `"linux/arm/v6"`, name)
	}

	img, err := fromBytes(t, tarOf(t, b.layout(t, index), nil))
	require.NoError(t, err)
	def := defaultPlatforms()
	assert.Equal(t, def[len(def)-1].Architecture, strings.Split(img.Target().Platform, "/")[1], "without an option, the machine's own")
}

// TestUnlabelledPlatforms has an index that does not say what is for what.
func TestUnlabelledPlatforms(t *testing.T) {
	b := blobs{}
	x, y := b.image(t, "linux/amd64", layer(t, "x")), b.image(t, "linux/riscv64", layer(t, "y"))
	x.Platform, y.Platform = nil, &v1.Platform{}
	artifact := b.manifest(t, types.OCIManifestSchema1, b.add([]byte("{}"), "application/vnd.cncf.helm.config.v1+json"))
	data := tarOf(t, b.layout(t, b.index(t, types.OCIImageIndex, artifact, x, y)), nil)
	img, err := fromBytes(t, data, WithPlatform(Platform{OS: "linux", Architecture: "riscv64"}))
	require.NoError(t, err)
	assert.Equal(t, y.Digest.String(), img.Target().Digest)

	data = tarOf(t, b.layout(t, b.index(t, types.OCIImageIndex, artifact, y)), nil)
	img, err = fromBytes(t, data)
	require.NoError(t, err, "there is one image, and an artifact that does not count")
	assert.Equal(t, y.Digest.String(), img.Target().Digest)
}

func TestOnlyPlatform(t *testing.T) {
	b := blobs{}
	index := multi(t, b, "plan9/mips")
	data := tarOf(t, b.layout(t, index), nil)
	img, err := fromBytes(t, data)
	require.NoError(t, err, "the only platform is taken if none is asked for")
	assert.Equal(t, "plan9/mips", img.Target().Platform)
	_, err = fromBytes(t, data, WithPlatform(Platform{OS: "linux", Architecture: "amd64"}))
	var e *PlatformError
	require.ErrorAs(t, err, &e, "and not if another is asked for")
	assert.Equal(t, []Platform{{OS: "plan9", Architecture: "mips"}}, e.Available)

	// Neither is an image taken that is not in an index.
	files, links, _ := legacy(t)
	_, err = fromBytes(t, tarOf(t, files, links), WithReference("app"), WithPlatform(Platform{OS: "linux", Architecture: "arm64"}))
	require.ErrorAs(t, err, &e)

	// What an index says counts, as the configuration may be a copy of another.
	mislabelled := b.image(t, "linux/amd64")
	mislabelled.Platform = rawPlatform("linux/arm64")
	_, err = fromBytes(t, tarOf(t, b.layout(t, mislabelled), nil), WithPlatform(Platform{OS: "linux", Architecture: "arm64"}))
	require.NoError(t, err)

	// The variant may be in the index only.
	config := b.add(bytes.Replace(configOf(t, "linux/arm/v6"), []byte(`"v6"`), []byte(`""`), 1), types.OCIConfigJSON)
	d := b.manifest(t, types.OCIManifestSchema1, config)
	d.Platform = &v1.Platform{OS: "linux", Architecture: "arm", Variant: "v6"}
	img, err = fromBytes(t, tarOf(t, b.layout(t, d), nil), WithPlatform(Platform{OS: "linux", Architecture: "arm", Variant: "v6"}))
	require.NoError(t, err)
	assert.Equal(t, "linux/arm/v6", img.Target().Platform)
}

func TestRank(t *testing.T) {
	tests := []struct {
		want string
		runs []string // the best first
		not  []string
	}{
		{"linux/amd64", []string{"linux/amd64"}, []string{"linux/amd64/v2", "linux/386", "windows/amd64", "linux/arm64"}},
		{"linux/amd64/v3", []string{"linux/amd64/v3", "linux/amd64/v2", "linux/amd64/v1"}, []string{"linux/amd64/v4"}},
		{"linux/arm64", []string{"linux/arm64/v8"}, []string{"linux/arm64/v8.1", "linux/arm64/v9", "linux/arm/v7"}},
		{"linux/arm64/v9", []string{"linux/arm64/v9", "linux/arm64/v8.2", "linux/arm64/v8.1", "linux/arm64"}, []string{"linux/arm64/v9.1"}},
		{"linux/arm", []string{"linux/arm/v7", "linux/arm/v6", "linux/arm/v5"}, []string{"linux/arm/v8"}},
		{"linux/arm/v6", []string{"linux/arm/v6", "linux/arm/v5"}, []string{"linux/arm/v7", "linux/arm"}},
		{"linux/riscv64", []string{"linux/riscv64"}, []string{"linux/riscv64/rva23u64"}},
		{"linux/riscv64/rva23u64", []string{"linux/riscv64/rva23u64"}, []string{"linux/riscv64"}},
		{"linux/arm/vx", []string{"linux/arm/vx"}, []string{"linux/arm/v7", "linux/arm/v999999999999"}},
	}
	parse := func(s string) Platform {
		p, err := ParsePlatform(s)
		require.NoErrorf(t, err, "ParsePlatform(%q)", s)
		return p
	}
	for _, tt := range tests {
		last := 1 << 30
		for _, s := range tt.runs {
			got := parse(s).rank(parse(tt.want))
			assert.NotEqualf(t, noMatch, got, "%q for %q", s, tt.want)
			assert.Lessf(t, got, last, "%q for %q", s, tt.want)
			last = got
		}
		for _, s := range tt.not {
			assert.Equalf(t, noMatch, parse(s).rank(parse(tt.want)), "%q for %q", s, tt.want)
		}
	}
}

func TestParsePlatform(t *testing.T) {
	tests := []struct{ in, want string }{
		{"linux/amd64", "linux/amd64"},
		{"Linux/AMD64", "linux/amd64"},
		{"linux/x86_64", "linux/amd64"},
		{"linux/amd64/v1", "linux/amd64"},
		{"linux/aarch64", "linux/arm64"},
		{"linux/arm64/v8", "linux/arm64"},
		{"linux/arm64/8", "linux/arm64"},
		{"linux/armhf", "linux/arm/v7"},
		{"linux/armel", "linux/arm/v6"},
		{"linux/arm/7", "linux/arm/v7"},
		{"linux/i386", "linux/386"},
		{"macos/arm64", "darwin/arm64"},
	}
	for _, tt := range tests {
		p, err := ParsePlatform(tt.in)
		require.NoErrorf(t, err, "ParsePlatform(%q)", tt.in)
		assert.Equalf(t, tt.want, p.String(), "ParsePlatform(%q)", tt.in)
		again, err := ParsePlatform(p.String())
		require.NoError(t, err)
		assert.Equal(t, p, again)
	}
	for _, in := range []string{"", "linux", "amd64", "linux/", "/amd64", "linux/arm/v7/x", "linux/arm/", "linux/am d64", "linux/\n"} {
		p, err := ParsePlatform(in)
		assert.Errorf(t, err, "ParsePlatform(%q)", in)
		assert.Zerof(t, p, "ParsePlatform(%q)", in)
		assert.Contains(t, err.Error(), fmt.Sprintf("%q", in))
	}
	assert.Empty(t, Platform{}.String())
}
