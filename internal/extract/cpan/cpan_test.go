package cpan

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/extract/extracttest"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const (
	installPath = "usr/local/lib/perl5/site_perl/5.38.0/x86_64-linux-gnu/.meta/a-1.0/install.json"
	metaPath    = "usr/local/lib/perl5/site_perl/5.38.0/x86_64-linux-gnu/.meta/a-1.0/MYMETA.json"
	localPath   = "usr/local/lib/perl5/5.38.0/x86_64-linux-gnu/perllocal.pod"
)

func pkg(author, name, version string, provides ...string) inventory.Package {
	return inventory.Package{Type: "cpan", Namespace: author, Name: name, Version: version, Provides: provides}
}

func found(p ...inventory.Package) inventory.Facts { return inventory.Facts{Packages: p} }

func problem(format string, args ...any) inventory.Facts {
	return inventory.Facts{Problems: []string{fmt.Sprintf(format, args...)}}
}

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "cpan", 1)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		installPath: true,
		metaPath:    true,
		localPath:   true,
		"root/.cpanm/work/1/Acme-Thing-1.02/MYMETA.json": false, // where it was built
		"app/install.json": false,
		"usr/local/lib/perl5/auto/Acme/Thing/.packlist": false,
	})
}

func TestExtractFixture(t *testing.T) {
	described := pkg("", "Acme-Thing", "1.02")
	described.Licenses, described.Requires = []string{"perl_5"}, []string{"Carp", "File::Spec", "Other"}
	tests := []struct {
		path, folder, file string
		want               inventory.Facts
	}{
		{installPath, "cpanm-1.7", "acme-thing-install.json", found(pkg("MEE", "Acme-Thing", "1.02", "Acme::Thing", "Acme::Thing::Sub"))},
		{installPath, "cpanm-1.7", "other-install.json", found(pkg("MEE", "Other", "v1.2.3", "Other"))},
		{metaPath, "cpanm-1.7", "acme-thing-MYMETA.json", found(described)},
		{localPath, "makemaker-7.64", "perllocal.pod", found(pkg("", "Other", "v1.2.3", "Other"), pkg("", "Acme-Thing", "1.02", "Acme::Thing"))},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(tt.path, extracttest.Fixture(t, tt.folder, tt.file)))
		require.NoError(t, err, tt.file)
		assert.Equal(t, tt.want, facts, tt.file)
	}
}

func TestExtractInstalled(t *testing.T) {
	long := strings.Repeat("1", maxName+1)
	tests := []struct {
		name, content string
		want          inventory.Facts
	}{
		{"no author", `{"dist":"A-B-1.0","provides":{}}`, found(pkg("", "A-B", "1.0"))},
		{"a path of another kind", `{"dist":"A-B-1.0","pathname":"http://x.example/A-B-1.0.tar.gz"}`, found(pkg("", "A-B", "1.0"))},
		{"a name with a number, a trial", `{"dist":"A-2-B-1.0-TRIAL","pathname":"M/ME/ME/x/A.tar.gz"}`, found(pkg("ME", "A-2-B", "1.0-TRIAL"))},
		{"a version with v", `{"dist":"A-v1.2.3"}`, found(pkg("", "A", "v1.2.3"))},
		{"no version in the distribution's name", `{"dist":"A-B","name":"A::B","version":1.5}`, found(pkg("", "A-B", "1.5"))},
		{"no distribution", `{"name":"A::B","version":"1.50"}`, found(pkg("", "A-B", "1.50"))},
		{"modules, sorted", `{"dist":"A-1","provides":{"B":{},"A":7,"a b":{}}}`, inventory.Facts{
			Packages: []inventory.Package{pkg("", "A", "1", "A", "B")},
			Problems: []string{`"a b" is no name of a provided module`},
		}},
		{"modules of another type", `{"dist":"A-1","provides":["A"]}`, found(pkg("", "A", "1"))},
		{"no name", `{"version":"1"}`, problem(`"" is no name of a distribution; its version is "1"`)},
		{"a bad name", `{"dist":"../A-1"}`, problem(`"../A" is no name of a distribution; its version is "1"`)},
		{"no version", `{"name":"A","version":null}`, problem(`distribution "A" has no version`)},
		{"a long version", `{"dist":"A-` + long + `"}`, problem(`%q of distribution "A" is no version`, long[:80]+"…")},
	}
	for _, tt := range tests {
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(installPath, tt.content))
		require.NoErrorf(t, err, "Extract, %s", tt.name)
		assert.Equalf(t, tt.want, got, "Extract, %s", tt.name)
	}
}

func TestExtractMeta(t *testing.T) {
	licensed, requires := pkg("", "A-B", "1.0"), pkg("", "A-B", "1.0")
	licensed.Licenses, requires.Requires = []string{"perl_5", "mit"}, []string{"C", "D::E"}
	tests := []struct {
		name, content string
		want          inventory.Facts
	}{
		{"least", `{"name":"A-B","version":1.0}`, found(pkg("", "A-B", "1.0"))},
		{"licences", `{"name":"A-B","version":"1.0","license":["perl_5","unknown","mit","mit",{}]}`, found(licensed)},
		{"a licence, unknown", `{"name":"A-B","version":"1.0","license":"unknown"}`, found(pkg("", "A-B", "1.0"))},
		{"required to run", `{"name":"A-B","version":"1.0","prereqs":{"runtime":{"requires":{"perl":"5.8","D::E":"0","C":0},"recommends":{"F":0}},"test":{"requires":{"G":0}}}}`, found(requires)},
		{"of other types", `{"name":"A-B","version":"1.0","prereqs":{"runtime":[]},"provides":7,"license":{}}`, found(pkg("", "A-B", "1.0"))},
		{"provides", `{"name":"A-B","version":"1.0","provides":{"A::B":{"version":1},"A":{}}}`, found(pkg("", "A-B", "1.0", "A", "A::B"))},
		{"a module's name", `{"name":"A::B","version":"1.0"}`, problem(`"A::B" is no name of a distribution; its version is "1.0"`)},
		{"a long licence", `{"name":"A-B","version":"1.0","license":"` + strings.Repeat("x", maxName+1) + `"}`, inventory.Facts{
			Packages: []inventory.Package{pkg("", "A-B", "1.0")},
			Problems: []string{fmt.Sprintf("a licence is too long: %q", strings.Repeat("x", 80)+"…")},
		}},
	}
	for _, tt := range tests {
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(metaPath, tt.content))
		require.NoErrorf(t, err, "Extract, %s", tt.name)
		assert.Equalf(t, tt.want, got, "Extract, %s", tt.name)
	}
}

func TestExtractLocal(t *testing.T) {
	entry := func(module, version string) string {
		return "=head2 Mon Jan  1 00:00:00 2024: C<Module> L<" + module + "|" + module + ">\n\n=over 4\n\n=item *\n\nC<installed into: /x>\n\n=item *\n\nC<VERSION: " + version + ">\n\n=back\n\n"
	}
	tests := []struct {
		name, content string
		want          inventory.Facts
	}{
		{"empty", "", inventory.Facts{}},
		{"one", entry("A::B", "1.0"), found(pkg("", "A-B", "1.0", "A::B"))},
		{"line ends of DOS", strings.ReplaceAll(entry("A::B", "1.0"), "\n", "\r\n"), found(pkg("", "A-B", "1.0", "A::B"))},
		{"a link without a text", "=head2 x: C<Module> L<A::B>\nC<VERSION: 1.0>", found(pkg("", "A-B", "1.0", "A::B"))},
		{"installed again", entry("A", "1") + entry("B", "2") + entry("A", "3"), inventory.Facts{
			Packages: []inventory.Package{pkg("", "A", "3", "A"), pkg("", "B", "2", "B")}, Ignored: 1,
		}},
		{"a version before any heading", "C<VERSION: 9>\n" + entry("A", "1"), found(pkg("", "A", "1", "A"))},
		{"bad entries", entry("", "9") + entry("a b", "9") + "=head2 x\nC<VERSION: 9>\n" + entry("A", "") + entry("B", "1 2") + "=head2 L<C|C>\n" + entry("D", "1"), inventory.Facts{
			Packages: []inventory.Package{pkg("", "D", "1", "D")},
			Problems: []string{
				`a heading names no module: "Mon Jan  1 00:00:00 2024: C<Module> L<|>"`,
				`a heading names no module: "Mon Jan  1 00:00:00 2024: C<Module> L<a b|a b>"`,
				`a heading names no module: "x"`,
				`module "A" has no version`,
				`"1 2" of module "B" is no version`,
				`module "C" has no version`,
			},
		}},
	}
	for _, tt := range tests {
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(localPath, tt.content))
		require.NoErrorf(t, err, "Extract, %s", tt.name)
		assert.Equalf(t, tt.want, got, "Extract, %s", tt.name)
	}
}

func TestExtractManyParts(t *testing.T) {
	var modules, licenses []string
	for i := range maxModules + 5 {
		modules = append(modules, fmt.Sprintf(`"M%d":0`, i))
	}
	for i := range maxLicenses + 5 {
		licenses = append(licenses, fmt.Sprintf(`"l%d"`, i))
	}
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(metaPath, `{"name":"A","version":"1","provides":{`+strings.Join(modules, ",")+`},"license":[`+strings.Join(licenses, ",")+`]}`))
	require.NoError(t, err)
	require.Len(t, facts.Packages, 1)
	assert.Len(t, facts.Packages[0].Provides, maxModules)
	assert.Len(t, facts.Packages[0].Licenses, maxLicenses)
	assert.Equal(t, []string{"more than 100 licences", "more than 50000 provided modules"}, facts.Problems)
}

func TestExtractErrors(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	broken := errors.New("the layer ends here")
	var many strings.Builder
	for i := range maxPackages + 1 {
		fmt.Fprintf(&many, "=head2 L<M%d>\nC<VERSION: 1>\n", i)
	}
	tests := []struct {
		name, path string
		ctx        context.Context
		content    io.Reader
		is         error
		text       string
	}{
		{"canceled", installPath, canceled, strings.NewReader(`{"dist":"A-1"}`), context.Canceled, ""},
		{"canceled", metaPath, canceled, strings.NewReader(`{"name":"A","version":"1"}`), context.Canceled, ""},
		{"canceled", localPath, canceled, strings.NewReader(""), context.Canceled, ""},
		{"read error", installPath, t.Context(), iotest.ErrReader(broken), broken, ""},
		{"read error", localPath, t.Context(), io.MultiReader(strings.NewReader("=head2 L<A>\nC<VERSION: 1>\n"), iotest.ErrReader(broken)), broken, ""},
		{"a file without end", installPath, t.Context(), extracttest.Endless(" "), inventory.ErrTooLarge, "more than 4194304 bytes"},
		{"a file without end", metaPath, t.Context(), extracttest.Endless(" "), inventory.ErrTooLarge, "more than 4194304 bytes"},
		{"a file without end", localPath, t.Context(), extracttest.Endless("=over 4\n"), inventory.ErrTooLarge, "more than 16777216 bytes"},
		{"modules without end", localPath, t.Context(), strings.NewReader(many.String()), inventory.ErrTooLarge, "more than 20000 modules"},
		{"modules without end, the last cut off", localPath, t.Context(), strings.NewReader(strings.TrimSuffix(many.String(), "\n")), inventory.ErrTooLarge, "more than 20000 modules"},
		{"cut off", installPath, t.Context(), strings.NewReader(`{"dist":"A-1"`), nil, "unexpected end"},
		{"cut off", metaPath, t.Context(), strings.NewReader(`{"name":"A","version":"1"`), nil, "unexpected end"},
		{"a list", metaPath, t.Context(), strings.NewReader(`[]`), nil, "cannot unmarshal"},
		{"deeper than any parser goes", installPath, t.Context(), strings.NewReader(strings.Repeat("[", 1<<20)), nil, "exceeded max depth"},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(tt.ctx, inventory.NewFile(tt.path, 0o644, 1, tt.content, nil))
		require.Errorf(t, err, "Extract, %s", tt.name)
		if tt.is != nil {
			require.ErrorIsf(t, err, tt.is, "Extract, %s", tt.name)
		}
		assert.ErrorContainsf(t, err, tt.text, "Extract, %s", tt.name)
		assert.Zerof(t, facts, "Extract, %s", tt.name)
	}
}

func FuzzExtract(f *testing.F) {
	f.Add(installPath, extracttest.Fixture(f, "cpanm-1.7", "other-install.json"))
	f.Add(metaPath, extracttest.Fixture(f, "cpanm-1.7", "acme-thing-MYMETA.json"))
	f.Add(localPath, extracttest.Fixture(f, "makemaker-7.64", "perllocal.pod"))
	f.Add(installPath, `{"dist":"A-v1","pathname":"A/AB/ABC/x","provides":{"A":1,"":2}}`)
	f.Add(metaPath, `{"name":"A","version":1e9,"license":["x",[]],"prereqs":{"runtime":{"requires":{"B":1}}}}`)
	f.Fuzz(func(t *testing.T, name, content string) {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(name, content))
		extracttest.Check(t, facts, err)
		again, errAgain := Extractor{}.Extract(t.Context(), inventory.NewFile(name, 0o644, 0, iotest.OneByteReader(strings.NewReader(content)), nil))
		require.Equal(t, fmt.Sprint(err), fmt.Sprint(errAgain))
		require.Equal(t, facts, again)
		if err == nil && strings.HasSuffix(name, ".json") && (strings.HasSuffix(name, "/install.json") || strings.HasSuffix(name, "/MYMETA.json")) {
			// Nothing is dropped in silence.
			require.NotZero(t, len(facts.Packages)+len(facts.Problems))
		}
		for _, p := range facts.Packages {
			require.NotContains(t, p.Name, "::")
			for _, s := range append(append(p.Requires, p.Provides...), p.Name, p.Version) {
				require.True(t, plausible(s), "%q", s)
			}
		}
	})
}

func BenchmarkExtract(b *testing.B) {
	// An application may have installed 200 modules.
	content := []byte(strings.Repeat(extracttest.Fixture(b, "makemaker-7.64", "perllocal.pod"), 100))
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), inventory.NewFile(localPath, 0o644, int64(len(content)), bytes.NewReader(content), nil))
		if err != nil || len(facts.Packages) != 2 || facts.Ignored != 198 {
			b.Fatal(facts, err)
		}
	}
}
