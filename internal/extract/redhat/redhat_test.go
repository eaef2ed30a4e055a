package redhat

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
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const manifestPath = "root/buildinfo/content_manifests/ubi8-container-8.3-227.json"

func sets(names ...string) inventory.Facts {
	return inventory.Facts{OS: &inventory.OS{ContentSets: names}}
}

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "redhat", 1)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		manifestPath:                                      true,
		"usr/share/buildinfo/labels.json":                 true,
		"usr/share/buildinfo/content-sets.json":           true,
		"usr/share/buildinfo/content_manifests/ubi9.json": true,
		"root/buildinfo/Dockerfile-ubi8-8.3-227":          false,
		"root/buildinfo/ubi8.json":                        false,
		"srv/root/buildinfo/content_manifests/ubi8.json":  false,
		"root/buildinfo/content_manifests/ubi8.json.old":  false,
	})
}

func TestExtractFixtures(t *testing.T) {
	for fixture, want := range map[string]inventory.Facts{
		"ubi8/ubi8-minimal-container-8.5-218.json":      sets("rhel-8-for-x86_64-baseos-rpms", "rhel-8-for-x86_64-appstream-rpms"),
		"openshift/openshift-base-rhel9-container.json": sets("rhel-9-for-x86_64-appstream-eus-rpms__9_DOT_4", "rhel-9-for-x86_64-baseos-eus-rpms__9_DOT_4", "rhocp-4.16-for-rhel-9-x86_64-rpms"),
	} {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(manifestPath, extracttest.Fixture(t, fixture)))
		require.NoError(t, err, fixture)
		assert.Equal(t, want, facts, fixture)
	}
}

func TestExtract(t *testing.T) {
	damaged := sets("a")
	damaged.Problems = []string{`a content set is not understood: "3"`, `a content set is not understood: "\"\""`, `a content set is not understood: "{}"`}
	tests := []struct {
		name, content string
		want          inventory.Facts
	}{
		{"each once", `{"content_sets":["b","a","b"]}`, sets("b", "a")},
		{"a manifest of sources", `{"image_contents":{"dependencies":[{"purl":"pkg:rpm/redhat/zstd@1?arch=src"}]}}`, inventory.Facts{Ignored: 1}},
		{"none", `{"content_sets":[]}`, inventory.Facts{Ignored: 1}},
		{"null", `{"content_sets":null}`, inventory.Facts{Ignored: 1}},
		{"labels of an image", `{"name":"ubi9","version":"9.4"}`, inventory.Facts{Ignored: 1}},
		{"names that are none", `{"content_sets":[3,"a","",{}]}`, damaged},
		{"only names that are none", `{"content_sets":[3]}`, inventory.Facts{Problems: []string{`a content set is not understood: "3"`}}},
	}
	for _, tt := range tests {
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(manifestPath, tt.content))
		require.NoErrorf(t, err, "Extract, %s", tt.name)
		assert.Equalf(t, tt.want, got, "Extract, %s", tt.name)
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
		{"canceled", canceled, strings.NewReader("{}"), context.Canceled, ""},
		{"read error", t.Context(), iotest.ErrReader(broken), broken, ""},
		{"no JSON", t.Context(), strings.NewReader("broken"), nil, "byte 1: invalid character"},
		{"cut off", t.Context(), strings.NewReader(`{"content_sets":["a"`), nil, "unexpected end of JSON input"},
		{"no list", t.Context(), strings.NewReader(`{"content_sets":"a"}`), nil, `content_sets is no list: "\"a\""`},
		{"a file without end", t.Context(), extracttest.Endless(" "), inventory.ErrTooLarge, "more than 67108864 bytes"},
		{"many sets", t.Context(), strings.NewReader(`{"content_sets":["a"` + strings.Repeat(`,"a"`, maxSets) + "]}"), inventory.ErrTooLarge, "more than 1000 content sets"},
		{"a long set", t.Context(), strings.NewReader(`{"content_sets":["` + strings.Repeat("a", maxName+1) + `"]}`), inventory.ErrTooLarge, "a content set of more than 1024 bytes"},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(tt.ctx, inventory.NewFile(manifestPath, 0o644, 1, tt.content, nil))
		require.Errorf(t, err, "Extract, %s", tt.name)
		if tt.is != nil {
			assert.ErrorIsf(t, err, tt.is, "Extract, %s", tt.name)
		}
		assert.ErrorContainsf(t, err, tt.text, "Extract, %s", tt.name)
		assert.Zerof(t, facts, "Extract, %s", tt.name)
	}
}

func TestProblemsAreFew(t *testing.T) {
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(manifestPath, `{"content_sets":[`+strings.Repeat("1", 1000)+strings.Repeat(",3", 900)+"]}"))
	require.NoError(t, err)
	require.Len(t, facts.Problems, lines.MaxProblems+1)
	assert.Less(t, len(facts.Problems[0]), 200)
}

func FuzzExtract(f *testing.F) {
	f.Add(extracttest.Fixture(f, "ubi8", "ubi8-minimal-container-8.5-218.json"))
	f.Add(`{"content_sets":["a",3,"a"]}`)
	f.Fuzz(func(t *testing.T, content string) {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(manifestPath, content))
		extracttest.Check(t, facts, err)
		if err != nil {
			return
		}
		require.Empty(t, facts.Packages)
		require.True(t, facts.OS != nil || facts.Ignored == 1 || len(facts.Problems) > 0)
		if facts.OS != nil {
			require.NotEmpty(t, facts.OS.ContentSets)
			require.NotContains(t, facts.OS.ContentSets, "")
			require.Equal(t, inventory.OS{ContentSets: facts.OS.ContentSets}, *facts.OS)
		}

		// The same again when the file comes in small pieces.
		again, err := Extractor{}.Extract(t.Context(), inventory.NewFile(manifestPath, 0o644, 0, iotest.OneByteReader(strings.NewReader(content)), nil))
		require.NoError(t, err)
		require.True(t, reflect.DeepEqual(facts, again))
	})
}

func BenchmarkExtract(b *testing.B) {
	content := extracttest.Fixture(b, "openshift", "openshift-base-rhel9-container.json")
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), extracttest.File(manifestPath, content))
		if err != nil || len(facts.OS.ContentSets) != 3 {
			b.Fatal(facts, err)
		}
	}
}
