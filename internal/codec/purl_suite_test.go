package codec_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/package-url/packageurl-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/codec/purlspec"
)

// A purlCase is a case of the test suite of package URLs, as
// https://packageurl.org/schemas/purl-test.schema-1.0.json describes it.
type purlCase struct {
	Description     string
	Kind            string          `json:"test_type"`
	Input           json.RawMessage // text, or parts for "build"
	Output          json.RawMessage `json:"expected_output"` // parts for "parse", text for others
	ExpectedFailure bool            `json:"expected_failure"`
}

type purlParts struct {
	Type, Namespace, Name, Version, Subpath string
	Qualifiers                              map[string]string
}

// purlSuite returns the cases, with their file in front of the description.
func purlSuite(t *testing.T) []purlCase {
	t.Helper()
	const folder = "../../testdata/sbom/purl/"
	files, err := filepath.Glob(folder + "types/*.json")
	require.NoError(t, err)
	if len(files) == 0 {
		t.Skipf("there is no test suite in %s", folder)
	}
	var all []purlCase
	for _, file := range append(files, folder+"specification-test.json") {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		var doc struct{ Tests []purlCase }
		require.NoErrorf(t, json.Unmarshal(data, &doc), "file %s", file)
		require.NotEmptyf(t, doc.Tests, "file %s", file)
		for _, c := range doc.Tests {
			c.Description = filepath.Base(file) + ": " + c.Kind + ": " + c.Description
			all = append(all, c)
		}
	}
	return all
}

// A purlLibrary reads and writes package URLs.
type purlLibrary struct {
	parse  func(string) (packageurl.PackageURL, error)
	format func(packageurl.PackageURL) (string, error)
}

// passes runs a case. A failure to do what it asks for is described.
func (l purlLibrary) passes(t *testing.T, c *purlCase) (ok bool, got any) {
	t.Helper()
	var err error
	var want any
	switch c.Kind {
	case "parse", "roundtrip":
		var in string
		require.NoError(t, json.Unmarshal(c.Input, &in))
		var u packageurl.PackageURL
		u, err = l.parse(in)
		if c.Kind == "parse" {
			parts := purlParts{u.Type, u.Namespace, u.Name, u.Version, u.Subpath, u.Qualifiers.Map()}
			var wanted purlParts
			require.NoError(t, json.Unmarshal(c.Output, &wanted))
			if wanted.Qualifiers == nil {
				wanted.Qualifiers = map[string]string{}
			}
			got, want = parts, wanted
			break
		}
		if err == nil {
			got, err = l.format(u)
		}
		want = text(t, c.Output)
	case "build":
		var in purlParts
		require.NoError(t, json.Unmarshal(c.Input, &in))
		u := packageurl.NewPackageURL(in.Type, in.Namespace, in.Name, in.Version, packageurl.QualifiersFromMap(in.Qualifiers), in.Subpath)
		got, err = l.format(*u)
		want = text(t, c.Output)
	default:
		t.Fatalf("%s: there are tests of a kind that is not known", c.Description)
	}
	if err != nil {
		return c.ExpectedFailure, err
	}
	return !c.ExpectedFailure && assert.ObjectsAreEqual(want, got), got
}

func text(t *testing.T, raw json.RawMessage) string {
	t.Helper()
	var s string
	require.NoError(t, json.Unmarshal(raw, &s))
	return s
}

// TestPurlSuite runs the specification's test suite.
func TestPurlSuite(t *testing.T) {
	l := purlLibrary{purlspec.Parse, purlspec.Format}
	for _, c := range purlSuite(t) {
		ok, got := l.passes(t, &c)
		assert.Truef(t, ok, "%s: %s gives %v", c.Description, c.Input, got)
	}
}

// TestPurlSuiteWithout tells what package purlspec is for: the cases that
// packageurl-go alone fails. If it no longer does, a rule can go.
func TestPurlSuiteWithout(t *testing.T) {
	l := purlLibrary{packageurl.FromString, func(u packageurl.PackageURL) (string, error) {
		err := u.Normalize()
		return u.ToString(), err
	}}
	var failed []string
	for _, c := range purlSuite(t) {
		if ok, _ := l.passes(t, &c); !ok {
			failed = append(failed, c.Description)
		}
	}
	assert.Equal(t, []string{"cpan-test.json: build: CPAN distribution without author"}, failed)
}
