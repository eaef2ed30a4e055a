package codectest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

// Testdata returns the path of a file or folder of the module's testdata/sbom.
func Testdata(elem ...string) string {
	_, here, _, _ := runtime.Caller(0)
	root := filepath.Join(filepath.Dir(here), "..", "..", "..", "testdata", "sbom")
	return filepath.Join(append([]string{root}, elem...)...)
}

// Schema compiles a JSON schema of testdata/sbom/schema, and returns a function
// that compares a document with it.
func Schema(t testing.TB, elem ...string) func(data []byte) error {
	t.Helper()
	return SchemaFile(t, Testdata(append([]string{"schema"}, elem...)...))
}

// SchemaFile does the same with the JSON schema in a file.
func SchemaFile(t testing.TB, file string) func(data []byte) error {
	t.Helper()
	file, err := filepath.Abs(file)
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	// What Go's regular expressions lack: SPDX 3 has "anything but a blank node".
	c.UseRegexpEngine(func(pattern string) (jsonschema.Regexp, error) {
		if pattern == `^(?!_:).+:.+` {
			pattern = `^([^_\n].*|_[^:\n].*):.+`
		}
		re, err := regexp.Compile(pattern)
		return (*goRegexp)(re), err
	})
	c.UseLoader(local{filepath.Dir(file)})
	schema, err := c.Compile("file:///" + filepath.Base(file))
	require.NoError(t, err)
	return func(data []byte) error {
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			return err
		}
		return schema.Validate(v)
	}
}

type goRegexp regexp.Regexp

func (re *goRegexp) MatchString(s string) bool { return (*regexp.Regexp)(re).MatchString(s) }
func (re *goRegexp) String() string            { return (*regexp.Regexp)(re).String() }

// A local loader finds every schema in one folder, by the last element of its
// URL.
type local struct{ dir string }

func (l local) Load(url string) (any, error) {
	return jsonschema.FileLoader{}.Load("file://" + filepath.ToSlash(filepath.Join(l.dir, filepath.Base(url))))
}

// XMLSchema returns a function that compares the document in a file with an XML
// schema of testdata/sbom/schema, by the program xmllint of libxml2. It skips
// the test where there is none.
func XMLSchema(t testing.TB, elem ...string) func(file string) error {
	t.Helper()
	return XMLSchemaFile(t, Testdata(append([]string{"schema"}, elem...)...))
}

// XMLSchemaFile does the same with the XML schema in a file.
func XMLSchemaFile(t testing.TB, schema string) func(file string) error {
	t.Helper()
	xmllint, err := exec.LookPath("xmllint")
	if err != nil {
		t.Skip("xmllint, of libxml2, is not installed (Debian: libxml2-utils)")
	}
	// The schema of 1.7 names another one by its address.
	catalog := filepath.Join(t.TempDir(), "catalog.xml")
	require.NoError(t, os.WriteFile(catalog, fmt.Appendf(nil,
		`<catalog xmlns="urn:oasis:names:tc:entity:xmlns:xml:catalog"><uri name="http://cyclonedx.org/schema/spdx" uri="file://%s"/></catalog>`,
		filepath.Join(filepath.Dir(schema), "spdx.xsd")), 0o600))
	return func(file string) error {
		cmd := exec.Command(xmllint, "--nonet", "--noout", "--schema", schema, file)
		cmd.Env = append(cmd.Environ(), "XML_CATALOG_FILES="+catalog)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	}
}
