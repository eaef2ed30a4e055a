package registry_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/scan/image/registry"
)

const digest = "sha256:0000000000000000000000000000000000000000000000000000000000000000"

const rulesText = `
unqualified-search-registries = ["registry.example"]
short-name-mode = "enforcing"
credential-helpers = ["containers-auth.json"]

[aliases]
"nginx" = "docker.io/library/nginx"

[[registry]]
location = "docker.io"
[[registry.mirror]]
location = "mirror.example:5000/hub"
[[registry.mirror]]
location = "cache.local"
insecure = true

[[registry]]
prefix = "docker.io/secret"
location = "vault.example/moved"

[[registry]]
prefix = "*.corp.example"
location = "proxy.example/corp"

[[registry]]
prefix = "*.deep.corp.example"
insecure = true

[[registry]]
prefix = "bad.example"
blocked = true

[[registry]]
prefix = "pinned.example"
mirror-by-digest-only = true
[[registry.mirror]]
location = "mirror.example:5000"

[[registry]]
prefix = "mixed.example"
[[registry.mirror]]
location = "tags.example"
pull-from-mirror = "tag-only"
[[registry.mirror]]
location = "digests.example"
pull-from-mirror = "digest-only"
[[registry.mirror]]
location = "both.example"
pull-from-mirror = "all"
`

// show prints endpoints: "~" is for mirrors, "!" for insecure ones, ">" for
// what is not the reference that was asked for.
func show(list []registry.Endpoint) string {
	var parts []string
	for _, e := range list {
		text := e.Reference.Name()
		if e.Mirror {
			text += " ~"
		}
		if e.Insecure {
			text += " !"
		}
		if e.Moved && !e.Mirror {
			text += " >"
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

func TestEndpoints(t *testing.T) {
	rules, err := registry.ParseRules([]byte(rulesText))
	require.NoError(t, err)
	for ref, want := range map[string]string{
		"docker.io/library/nginx:1":    "mirror.example:5000/hub/library/nginx:1 ~, cache.local/library/nginx:1 ~ !, index.docker.io/library/nginx:1",
		"docker.io/nginx":              "mirror.example:5000/hub/library/nginx:latest ~, cache.local/library/nginx:latest ~ !, index.docker.io/library/nginx:latest",
		"index.docker.io/app/x:1":      "mirror.example:5000/hub/app/x:1 ~, cache.local/app/x:1 ~ !, index.docker.io/app/x:1",
		"nginx":                        "registry.example/nginx:latest >",
		"team/app:2":                   "registry.example/team/app:2 >",
		"docker.io/secret/app:1":       "vault.example/moved/app:1 >",
		"docker.io/secrets/app:1":      "mirror.example:5000/hub/secrets/app:1 ~, cache.local/secrets/app:1 ~ !, index.docker.io/secrets/app:1",
		"a.corp.example/app:1":         "proxy.example/corp/app:1 >",
		"corp.example/app:1":           "corp.example/app:1",
		"x.deep.corp.example:5000/a:1": "x.deep.corp.example:5000/a:1 !",
		"x.deep.corp.example/app:1":    "x.deep.corp.example/app:1 !",
		"other.example/app":            "other.example/app:latest",
		"pinned.example/app:1":         "pinned.example/app:1",
		"pinned.example/a@" + digest:   "mirror.example:5000/a@" + digest + " ~, pinned.example/a@" + digest,
		"mixed.example/app:1":          "tags.example/app:1 ~, both.example/app:1 ~, mixed.example/app:1",
		// A digest beside a tag is what counts.
		"mixed.example/app:1@" + digest: "digests.example/app@" + digest + " ~, both.example/app@" + digest + " ~, mixed.example/app@" + digest,
		"localhost:5000/app":            "localhost:5000/app:latest",
	} {
		list, err := rules.Endpoints(ref, false)
		require.NoError(t, err, ref)
		assert.Equal(t, want, show(list), ref)
	}
	_, err = rules.Endpoints("bad.example/app", false)
	require.ErrorIs(t, err, registry.ErrBlocked)
	_, err = rules.Endpoints("a.corp.example:5000/app:1", false)
	require.ErrorContains(t, err, "location", "a host without its port cannot be replaced by a path")
	_, err = rules.Endpoints("UPPER", false)
	require.Error(t, err)
	list, err := rules.Endpoints("mixed.example/app:1", true)
	require.NoError(t, err)
	for _, e := range list {
		assert.True(t, e.Insecure)
		assert.Equal(t, "http", e.Reference.Context().Scheme())
	}

	ambiguous := &registry.Rules{Search: []string{"a.example", "b.example"}}
	_, err = ambiguous.Endpoints("nginx", false)
	require.ErrorIs(t, err, registry.ErrAmbiguous)
	assert.Contains(t, err.Error(), "b.example")
	list, err = ambiguous.Endpoints("c.example/nginx", false)
	require.NoError(t, err)
	assert.Equal(t, "c.example/nginx:latest", show(list))
	other, err := registry.ParseRules([]byte("[[registry]]\nprefix = 'registry-1.docker.io/team'\nblocked = true"))
	require.NoError(t, err)
	_, err = other.Endpoints("team/app", false)
	require.ErrorIs(t, err, registry.ErrBlocked, "Docker Hub has several names")
	var none *registry.Rules
	list, err = none.Endpoints("nginx", false)
	require.NoError(t, err)
	assert.Equal(t, "index.docker.io/library/nginx:latest", show(list))
}

func TestRulesErrors(t *testing.T) {
	for text, want := range map[string]string{
		"x = [":                                "rules",
		"[registries.search]\nregistries = []": "version 1",
		"[[registry]]\nlocation = 'a.example'\nsigned = true":                                                               "signed",
		"[[registry]]\nlocation = 'a.example'\n[[registry.mirror]]\nlocation = 'b.example'\nweight = 3":                     "weight",
		"[[registry]]\ninsecure = true":                                                                                     "without prefix",
		"[[registry]]\nlocation = 'a.example'\n[[registry]]\nprefix = 'a.example'":                                          "two rules",
		"[[registry]]\nprefix = 'a.*.example'":                                                                              "location",
		"[[registry]]\nprefix = '*.'":                                                                                       "whole host",
		"[[registry]]\nprefix = '*.example/app'":                                                                            "whole host",
		"[[registry]]\nlocation = 'https://a.example'":                                                                      "location",
		"[[registry]]\nlocation = 'user@a.example'":                                                                         "location",
		"[[registry]]\nlocation = 'a.example/'":                                                                             "location",
		"[[registry]]\nprefix = 'a.example'\nlocation = 'mirror'":                                                           "dot or a port",
		"[[registry]]\nlocation = 'a.example'\n[[registry.mirror]]\ninsecure = true":                                        "location",
		"[[registry]]\nlocation = 'a.example'\n[[registry.mirror]]\nlocation = 'b.example'\npull-from-mirror = 'sometimes'": "sometimes",
		"[[registry]]\nlocation = 'a.example'\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = 'b.example'\npull-from-mirror = 'all'": "both",
		"unqualified-search-registries = ['nowhere']": "nowhere",
		"#" + strings.Repeat(" ", 1<<20):              "more than",
		"[[registry]]\nlocation = 'a.example'\n" + strings.Repeat("[[registry.mirror]]\nlocation = 'b.example'\n", 65): "mirrors",
	} {
		_, err := registry.ParseRules([]byte(text))
		assert.ErrorContains(t, err, want, text[:min(len(text), 100)])
	}
}

func TestReadRules(t *testing.T) {
	path := filepath.Join(t.TempDir(), "registries.conf")
	_, err := registry.ReadRules(path)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, os.WriteFile(path, []byte(rulesText), 0o600))
	rules, err := registry.ReadRules(path)
	require.NoError(t, err)
	assert.Len(t, rules.Registries, 6+1)
	require.NoError(t, os.WriteFile(path, []byte("x = ["), 0o600))
	_, err = registry.ReadRules(path)
	require.ErrorContains(t, err, "registries.conf")
}

func FuzzRules(f *testing.F) {
	f.Add(rulesText, "docker.io/library/nginx:1")
	f.Add("[[registry]]\nprefix = '*.a.b'\nlocation = 'c.d/e'", "x.a.b/y@"+digest)
	f.Add("[[registry]]\nlocation = 'localhost:5000/a'", "localhost:5000/a/b")
	f.Fuzz(func(t *testing.T, text, ref string) {
		rules, err := registry.ParseRules([]byte(text))
		if err != nil {
			return
		}
		list, err := rules.Endpoints(ref, false)
		if err != nil {
			assert.Empty(t, list)
			return
		}
		require.NotEmpty(t, list)
		last := list[len(list)-1]
		assert.False(t, last.Mirror, "the registry itself comes last")
		for _, e := range list {
			assert.Equal(t, last.Reference.Identifier(), e.Reference.Identifier(), "the tag or digest stays")
		}
	})
}

func TestValidate(t *testing.T) {
	require.NoError(t, (&registry.Config{}).Validate())
	for want, c := range map[string]registry.Config{
		"RootCAs has":       {RootCAs: []byte("x")},
		"Attempts":          {Attempts: -1},
		"MaxWait":           {MaxWait: -1},
		"MaxLayerBytes":     {MaxLayerBytes: -1},
		"UserAgent":         {UserAgent: "a\r\nb"},
		"TokenHosts":        {TokenHosts: []string{"https://x"}},
		"default transport": {Transport: failing{}, CertsDir: "x"},
		"two rules":         {Rules: &registry.Rules{Registries: []registry.Rule{{Prefix: "a.b"}, {Prefix: "a.b"}}}},
	} {
		assert.ErrorContains(t, c.Validate(), want)
	}
}

func Example() {
	rules, err := registry.ParseRules([]byte(`
[[registry]]
location = "docker.io"
[[registry.mirror]]
location = "mirror.example:5000/hub"
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	config := registry.Config{
		Keychain: registry.Basic("mirror.example:5000", "robot", os.Getenv("MIRROR_PASSWORD")),
		Rules:    rules,
	}
	// It is handed to image.WithRegistry, scan.WithRegistry or
	// oci.WithRegistry. These are the places that would be asked:
	endpoints, err := config.Rules.Endpoints("nginx:1.27", false)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, e := range endpoints {
		fmt.Println(e.Reference.Name(), e.Mirror)
	}
	// Output:
	// mirror.example:5000/hub/library/nginx:1.27 true
	// index.docker.io/library/nginx:1.27 false
}

// A failing transport sends nothing.
type failing struct{}

func (failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, errors.New("not sent") }
