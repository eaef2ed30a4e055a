package image

import (
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// steps reads a history: a line for each step, "-" before those without a
// layer, and a comment behind "##".
func steps(text string) (history []historyEntry, layers int) {
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		line, comment, _ := strings.Cut(strings.TrimSpace(line), " ## ")
		by, empty := strings.CutPrefix(line, "- ")
		history = append(history, historyEntry{CreatedBy: by, Comment: comment, EmptyLayer: empty})
		if !empty {
			layers++
		}
	}
	return history, layers
}

func TestGuessBase(t *testing.T) {
	tests := []struct {
		name, history string
		layers        int
		base          string
		reason        string
	}{
		{
			"an application on python on debian", `
			# debian.sh --arch 'amd64' out/ 'bookworm' ## debuerreotype 0.15
			- ENV PATH=/usr/local/bin ## buildkit.dockerfile.v0
			RUN /bin/sh -c apt-get update # buildkit ## buildkit.dockerfile.v0
			- CMD ["python3"] ## buildkit.dockerfile.v0
			- WORKDIR /app ## buildkit.dockerfile.v0
			COPY . . # buildkit ## buildkit.dockerfile.v0
			- CMD ["python3" "app.py"] ## buildkit.dockerfile.v0`,
			2, "", `"CMD [\"python3\"]", is replaced later by "CMD [\"python3\" \"app.py\"]"`,
		},
		{
			"the same without a command of its own", `
			# debian.sh --arch 'amd64' out/ 'bookworm' ## debuerreotype 0.15
			RUN /bin/sh -c apt-get update # buildkit ## buildkit.dockerfile.v0
			- CMD ["python3"] ## buildkit.dockerfile.v0
			COPY . . # buildkit ## buildkit.dockerfile.v0`,
			1, "", "first debuerreotype, then BuildKit",
		},
		{
			"the first builder of Docker", `
			/bin/sh -c #(nop) ADD file:9a4f in / 
			- /bin/sh -c #(nop)  CMD ["/bin/bash"]
			/bin/sh -c apt-get install -y nginx
			- /bin/sh -c #(nop)  ENTRYPOINT ["/docker-entrypoint.sh"]
			- /bin/sh -c #(nop)  CMD ["nginx" "-g" "daemon off;"]
			/bin/sh -c #(nop) COPY dir:1 in /usr/share/nginx/html 
			- /bin/sh -c #(nop)  CMD ["nginx"]`,
			2, "", `step 5 of the history`,
		},
		{
			"an entry point takes the place of the base's command", `
			ADD rootfs.tar / # buildkit ## buildkit.dockerfile.v0
			- CMD ["node"] ## buildkit.dockerfile.v0
			COPY app /app # buildkit ## buildkit.dockerfile.v0
			- ENTRYPOINT ["/app/run"] ## buildkit.dockerfile.v0`,
			1, "", `replaced later by "ENTRYPOINT [\"/app/run\"]"`,
		},
		{
			"one Dockerfile with a command before its last layer", `
			COPY a / # buildkit ## buildkit.dockerfile.v0
			- ENTRYPOINT ["/a"] ## buildkit.dockerfile.v0
			COPY b / # buildkit ## buildkit.dockerfile.v0
			- CMD ["--help"] ## buildkit.dockerfile.v0`,
			0, "", "",
		},
		{
			"a shell that nothing replaces", `
			ADD alpine-minirootfs.tar.gz / # buildkit ## buildkit.dockerfile.v0
			- CMD ["/bin/sh"] ## buildkit.dockerfile.v0
			RUN /bin/sh -c apk add curl # buildkit ## buildkit.dockerfile.v0`,
			1, "", "how images of distributions end",
		},
		{
			"an image of a distribution alone", `
			ADD alpine-minirootfs.tar.gz / # buildkit ## buildkit.dockerfile.v0
			- CMD ["/bin/sh"] ## buildkit.dockerfile.v0`,
			0, "", "",
		},
		{
			"Buildah", `
			/bin/sh -c #(nop) ADD file:1 in / 
			- /bin/sh -c #(nop)  CMD ["sh"]
			- /bin/sh -c #(nop) LABEL a=b ## FROM docker.io/library/busybox:latest
			/bin/sh -c touch /x
			/bin/sh -c touch /y ## FROM 8f2bdd9b520b`,
			1, "docker.io/library/busybox:latest", `step 3 of the history is said to build on "docker.io/library/busybox:latest"`,
		},
		{
			"steps that do not show their builder are not the base's", `
			/bin/sh -c #(nop) ADD file:1 in / 
			/bin/sh -c apt-get update
			RUN /bin/sh -c true # buildkit ## buildkit.dockerfile.v0`,
			1, "", "after step 1",
		},
		{"Bazel, then Docker", "bazel build ...\nCOPY a / # buildkit", 1, "", "first Bazel, then BuildKit"},
		{"one layer", "ADD rootfs.tar /", 0, "", ""},
	}
	for _, tt := range tests {
		history, layers := steps(tt.history)
		got := guessBase(history, layers)
		assert.Equal(t, tt.layers, got.Layers, tt.name)
		assert.Equal(t, tt.base, got.Name, tt.name)
		assert.Contains(t, got.Reason, tt.reason, tt.name)
		assert.Equal(t, tt.layers == 0, got.Reason == "", tt.name)
		assert.Zero(t, guessBase(history, layers+1), "%s, where the history is not that of the layers", tt.name)
	}
	assert.Zero(t, guessBase(nil, 3), "no history")
}

// FuzzGuessBase: whatever the history, there are not more layers in the base
// than in the image, and a guess has a reason.
func FuzzGuessBase(f *testing.F) {
	f.Add("a\n- CMD [\"sh\"]\nb\n- CMD [\"x\"]")
	f.Add("/bin/sh -c #(nop) ADD x\nRUN y # buildkit ## buildkit.dockerfile.v0")
	f.Add("x ## FROM debian:12")
	f.Add("- CMD")
	f.Fuzz(func(t *testing.T, text string) {
		history, layers := steps(text)
		g := guessBase(history, layers)
		assert.LessOrEqual(t, g.Layers, layers)
		assert.Equal(t, g.Layers > 0, g.Reason != "")
		assert.LessOrEqual(t, len(g.Reason), 1<<11)
	})
}

// TestBaseAnnotations looks for what is said of a base where it can be said.
func TestBaseAnnotations(t *testing.T) {
	const digest = "sha256:9f2c8b0a6d8a3d6c7a4f7f5f0a8f0f5c0b5a4c3d2e1f00112233445566778899"
	named := map[string]string{annotationBaseName: "docker.io/library/debian:12", annotationBaseDigest: digest}
	want := inventory.Base{Name: "docker.io/library/debian:12", Digest: digest, From: "annotations"}

	b := blobs{}
	l := layer(t, "a")
	config := b.add(configOf(t, "linux/amd64", l), types.OCIConfigJSON)
	manifest := map[string]any{
		"schemaVersion": 2, "mediaType": types.OCIManifestSchema1, "config": config, "annotations": named,
		"layers": []any{b.add(gzipOf(t, l), types.OCILayer)},
	}
	d := b.add(toJSON(t, manifest), types.OCIManifestSchema1)
	doc, err := parseDocument(b[blobName(d.Digest)], "")
	require.NoError(t, err)
	assert.Equal(t, want, doc.base())

	manifest["annotations"] = []int{1} // odd, but not a reason to refuse an image
	doc, err = parseDocument(toJSON(t, manifest), "")
	require.NoError(t, err)
	assert.Zero(t, doc.base())

	c, err := parseConfig("x", toJSON(t, map[string]any{"config": map[string]any{"Labels": named}}))
	require.NoError(t, err)
	want.From = "labels"
	assert.Equal(t, want, c.base(inventory.Base{}, c.labels()))
	want.From = "annotations"
	assert.Equal(t, want, c.base(want, c.labels()), "annotations before labels")
	assert.Zero(t, namedBase(map[string]string{annotationBaseName: strings.Repeat("x", maxLabel+1)}, "labels"))
}
