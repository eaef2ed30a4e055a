package purlspec_test

import (
	"testing"

	"github.com/package-url/packageurl-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/codec/purlspec"
)

func TestFormat(t *testing.T) {
	tests := []struct {
		u    packageurl.PackageURL
		want string
		err  string
	}{
		{packageurl.PackageURL{Type: "NPM", Namespace: "@a", Name: "b", Version: "1", Qualifiers: packageurl.Qualifiers{{Key: "z", Value: "1"}, {Key: "a", Value: "x y"}}}, "pkg:npm/%40a/b@1?a=x%20y&z=1", ""},
		{packageurl.PackageURL{Type: "cpan", Namespace: "DROLSKY", Name: "DateTime", Version: "1.55"}, "pkg:cpan/DROLSKY/DateTime@1.55", ""},
		{packageurl.PackageURL{Type: "cpan", Name: "DateTime", Version: "1.55"}, "pkg:cpan/DateTime@1.55", "must have a namespace"},
		{packageurl.PackageURL{Type: "cpan", Namespace: "GDT", Name: "URI::PackageURL"}, "pkg:cpan/GDT/URI::PackageURL", "'::'"},
	}
	for _, tt := range tests {
		got, err := purlspec.Format(tt.u)
		assert.Equalf(t, tt.want, got, "Format(%v)", tt.u)
		if tt.err == "" {
			assert.NoErrorf(t, err, "Format(%v)", tt.u)
		} else {
			assert.ErrorContainsf(t, err, tt.err, "Format(%v)", tt.u)
		}
	}
	q := packageurl.Qualifiers{{Key: "b", Value: "1"}, {Key: "a", Value: "1"}}
	_, err := purlspec.Format(packageurl.PackageURL{Type: "npm", Name: "x", Qualifiers: q})
	require.NoError(t, err)
	assert.Equal(t, "b", q[0].Key, "the caller's value is as it was")
}

func TestParse(t *testing.T) {
	u, err := purlspec.Parse("pkg:cpan/DateTime@1.55")
	require.NoError(t, err, "what is missing is no reason to lose the package")
	assert.Equal(t, "DateTime", u.Name)
	for _, s := range []string{"", "npm/x", "pkg:npm", "pkg:npm/", "pkg:npm/@1", "pkg:npm/%zz", "pkg:cpan/LWP::UserAgent@6.7.6", "pkg:n&x/y"} {
		u, err := purlspec.Parse(s)
		assert.Errorf(t, err, "Parse(%q)", s)
		assert.Zero(t, u)
	}
}

// FuzzParse compares what is read with what is read of its canonical form.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"pkg:npm/%40babel/core@7.1.0", "pkg:deb/debian/a@1:2-3?arch=amd64&distro=x#a/b", "pkg:golang/a.b/c%2Fd@v1#x/../y", "PKG://maven/g/a@1?b=&c=%20",
		"pkg:cpan/DateTime", "pkg:generic/a%20b@c%40d?e=f%26g#h%23i",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := purlspec.Parse(s)
		if err != nil {
			assert.Zero(t, u)
			return
		}
		text, err := purlspec.Format(u)
		if err != nil {
			require.ErrorContains(t, err, "must have a namespace")
		}
		again, err := purlspec.Parse(text)
		require.NoErrorf(t, err, "Parse(%q), printed from %q", text, s)
		assert.Equalf(t, u, again, "Parse(%q), printed from %q", text, s)
	})
}
