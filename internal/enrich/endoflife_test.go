package enrich

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// eolDoc has the form of https://endoflife.date/api/v1/products/full, cut down.
const eolDoc = `{
  "schema_version": "1.2.0",
  "generated_at": "2026-08-01T02:03:04+00:00",
  "total": 3,
  "result": [
    {"name": "akeneo-pim", "aliases": [], "label": "Akeneo PIM", "category": "server-app", "tags": ["php-runtime"], "versionCommand": null,
     "identifiers": [], "labels": {"eoas": null, "discontinued": null, "eol": "Security Support", "eoes": null},
     "links": {"icon": null, "html": "https://endoflife.date/akeneo-pim", "releasePolicy": null},
     "releases": [{"name": "7.0", "codename": null, "label": "7.0", "releaseDate": "2023-03-31", "isLts": false, "ltsFrom": null, "isEol": true, "eolFrom": "2026-03-31", "isMaintained": false, "latest": null}]},
    {"name": "debian", "aliases": [], "label": "Debian", "category": "os", "tags": ["linux-distribution", "os"], "versionCommand": "cat /etc/os-release",
     "identifiers": [{"id": "cpe:/o:debian:debian_linux", "type": "cpe"}], "labels": {"eol": "Debian Security Support", "eoes": "Debian LTS"},
     "releases": [
       {"name": "13", "codename": "Trixie", "label": "13 (Trixie)", "releaseDate": "2025-08-09", "isEol": false, "eolFrom": "2028-08-09", "isEoes": false, "eoesFrom": "2030-06-30", "isMaintained": true,
        "latest": {"name": "13.1", "date": "2025-09-06", "link": null}},
       {"name": "12", "isEol": true, "eolFrom": "2026-06-10", "isEoes": false, "eoesFrom": "2028-06-30"},
       {"name": "1.1", "isEol": true, "eolFrom": null, "isEoes": true, "eoesFrom": null}]},
    {"name": "alpine-linux", "aliases": ["alpine"], "label": "Alpine Linux", "category": "os", "releases": [{"name": "3.22", "isEol": false, "eolFrom": "2027-05-01"}]}
  ]
}`

func day(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return t
}

func readEndOfLife(doc string) (Catalogue, []Lifecycle, []Bad, error) {
	var out []Lifecycle
	c, bad, err := ReadEndOfLife(strings.NewReader(doc), func(l Lifecycle) error {
		out = append(out, l)
		return nil
	})
	return c, out, bad, err
}

func TestReadEndOfLife(t *testing.T) {
	c, got, bad, err := readEndOfLife(eolDoc)
	require.NoError(t, err)
	assert.Empty(t, bad)
	assert.Equal(t, Catalogue{Date: time.Date(2026, 8, 1, 2, 3, 4, 0, time.UTC)}, c)
	assert.Equal(t, []Lifecycle{
		{"debian", "13", day("2028-08-09"), day("2030-06-30")},
		{"debian", "12", day("2026-06-10"), day("2028-06-30")},
		{"alpine-linux", "3.22", day("2027-05-01"), time.Time{}},
	}, got)
	assert.Equal(t, KindEndOfLife, Detect([]byte(eolDoc)))
	assert.Equal(t, Unknown, Detect([]byte(`{"schema_version": "1.7.0", "id": "X-1", "generated_at": "x"}`)))
	assert.Equal(t, Unknown, Detect([]byte(`{"generated_at": "2026-01-01", "files": []}`)), "some other document")
}

// product is an operating system with releases.
func product(name, releases string) string {
	return fmt.Sprintf(`{"name": %q, "category": "os", "releases": [%s]}`, name, releases)
}

func eolOf(products ...string) string {
	return `{"schema_version": "1.0.0", "generated_at": "2026-08-01T00:00:00Z", "result": [` + strings.Join(products, ", ") + `]}`
}

func TestReadEndOfLifeBad(t *testing.T) {
	const good = `{"name": "1", "eolFrom": "2026-01-02"}`
	for name, tt := range map[string]struct{ product, reason string }{
		"no name":                  {product("", good), `"" is no name of a product`},
		"a name with a blank":      {product("a b", good), `"a b" is no name of a product`},
		"a long name":              {product(strings.Repeat("a", 65), good), "is no name of a product"},
		"a release without a name": {product("b", `{"eolFrom": "2026-01-02"}`), `b: "" is no name of a release`},
		"no day":                   {product("b", `{"name": "1", "eolFrom": "soon"}`), `b 1: eolFrom: "soon" is no day`},
		"a time":                   {product("b", `{"name": "1", "eoesFrom": "2026-01-02T00:00:00Z"}`), `b 1: eoesFrom: "2026-01-02T00:00:00Z" is no day`},
		"a number":                 {product("b", `{"name": "1", "eolFrom": 2026}`), "cannot unmarshal number"},
		"no list":                  {`{"name": "b", "category": "os", "releases": {}}`, "cannot unmarshal object"},
		"too many releases":        {product("b", strings.Repeat(good+", ", maxProductReleases)+good), "b has 1001 releases"},
	} {
		_, got, bad, err := readEndOfLife(eolOf(tt.product, product("a", good)))
		require.NoError(t, err, name)
		assert.Equal(t, []Lifecycle{{"a", "1", day("2026-01-02"), time.Time{}}}, got, name)
		if assert.Len(t, bad, 1, name) {
			assert.Equal(t, "entry 0", bad[0].Entry, name)
			assert.Contains(t, bad[0].Reasons[0], tt.reason, name)
		}
	}
}

func TestReadEndOfLifeErrors(t *testing.T) {
	const good = `{"name": "1", "eolFrom": "2026-01-02"}`
	many := strings.Repeat(good+", ", maxProductReleases-1) + good
	var full []string
	for i := range maxReleases/maxProductReleases + 1 {
		full = append(full, product(fmt.Sprintf("a%d", i), many))
	}
	for name, tt := range map[string]struct{ doc, err string }{
		"empty":             {"", "unexpected EOF"},
		"cut off":           {eolDoc[:len(eolDoc)-20], "unexpected EOF"},
		"text after it":     {eolDoc + "x", "invalid character"},
		"another version":   {strings.Replace(eolDoc, "1.2.0", "2.0.0", 1), `schema_version: "2.0.0" is none that is known`},
		"no date":           {strings.Replace(eolDoc, "2026-08-01T02", "x", 1), "generated_at"},
		"another total":     {strings.Replace(eolDoc, `"total": 3`, `"total": 4`, 1), "3 products, though the document says 4"},
		"one product":       {`{"schema_version": "1.2.0", "generated_at": "2026-08-01T00:00:00Z", "result": ` + product("a", good) + `}`, "instead of"},
		"no list":           {`{"schema_version": "1.2.0", "generated_at": "2026-08-01T00:00:00Z"}`, "0 lists of products"},
		"two lists":         {`{"result": [` + product("a", good) + `], "result": []}`, "2 lists of products"},
		"nothing of use":    {eolOf(`{"name": "a", "category": "lang", "releases": [` + good + `]}`), "no release of an operating system"},
		"too many releases": {eolOf(full...), "more than 10000 releases"},
		"an enormous entry": {eolOf(`{"name": "` + strings.Repeat("a", MaxElement+1) + `"}`), "exceeds the limit"},
	} {
		c, _, bad, err := readEndOfLife(tt.doc)
		assert.ErrorContains(t, err, tt.err, name)
		assert.Zero(t, c, name)
		assert.Empty(t, bad, name)
	}
}

func FuzzReadEndOfLife(f *testing.F) {
	f.Add(eolDoc)
	f.Add(eolOf(product("a", `{"name": "1", "eolFrom": "0000-01-02"}`)))
	f.Add(eolOf(product("a", `{"name": "1", "eolFrom": null, "eoesFrom": "9999-12-31"}`)))
	f.Fuzz(func(t *testing.T, doc string) {
		_, list, _, err := readEndOfLife(doc)
		if err != nil {
			return
		}
		require.NotEmpty(t, list)
		for _, l := range list {
			require.True(t, isReleaseName(l.Product) && isReleaseName(l.Release))
			require.False(t, l.End.IsZero() && l.ExtendedEnd.IsZero())
			require.True(t, l.End.Year() <= 9999 && l.ExtendedEnd.Year() <= 9999)
		}
	})
}
