package portage

import (
	"context"
	"errors"
	"io"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/extract/extracttest"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const folder = dir + "/app-misc/a-1"

func packages(category, name, version string) []inventory.Package {
	return []inventory.Package{{Type: "ebuild", Namespace: category, Name: name, Version: version}}
}

func owned(paths ...string) []inventory.Ownership {
	return []inventory.Ownership{{Package: "a", Paths: paths}}
}

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "portage", 1)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		"var/db/pkg/sys-libs/glibc-2.39-r9/PF":          true,
		"var/db/pkg/sys-libs/glibc-2.39-r9/CONTENTS":    true,
		"var/db/pkg/sys-libs/glibc-2.39-r9/LICENSE":     false,
		"var/db/pkg/glibc-2.39-r9/PF":                   false,
		"var/db/repos/gentoo/sys-libs/glibc/Manifest":   false, // what could be installed
		"srv/root/var/db/pkg/sys-libs/glibc-2.39-r9/PF": false,
	})
}

func TestExtractFixtures(t *testing.T) {
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(dir+"/perl-core/Getopt-Long-2.580.0/PF", extracttest.Fixture(t, "gentoo", "Getopt-Long.PF")))
	require.NoError(t, err)
	assert.Equal(t, inventory.Facts{Packages: packages("perl-core", "Getopt-Long", "2.580.0")}, facts)

	facts, err = Extractor{}.Extract(t.Context(), extracttest.File(dir+"/app-containers/skopeo-1.5.1/CONTENTS", extracttest.Fixture(t, "gentoo", "skopeo.CONTENTS")))
	require.NoError(t, err)
	assert.Equal(t, inventory.Facts{Owned: []inventory.Ownership{{Package: "skopeo", Paths: []string{
		"usr/bin/skopeo", "etc/containers/policy.json", "etc/containers/registries.d/default.yaml", "var/lib/atomic/sigstore/.keep_app-containers_skopeo-0",
	}}}}, facts)
}

func TestExtract(t *testing.T) {
	tests := []struct {
		name, path, content string
		want                inventory.Facts
	}{
		{"a package", folder + "/PF", "a-1\n", inventory.Facts{Packages: packages("app-misc", "a", "1")}},
		{"a revision", dir + "/x/a-b-1.2_p3-r4/PF", "a-b-1.2_p3-r4", inventory.Facts{Packages: packages("x", "a-b", "1.2_p3-r4")}},
		{"being installed", dir + "/x/-MERGING-a-1/PF", "a-1\n", inventory.Facts{Ignored: 1}},
		{"contents of what is being installed", dir + "/x/-MERGING-a-1/CONTENTS", "obj /a 0 0\n", inventory.Facts{Ignored: 1}},
		{
			"contents", folder + "/CONTENTS",
			"dir /usr\nobj /usr/bin/a 00112233445566778899aabbccddeeff 1649284374\nobj /usr/share/with blank/b c 00 16\r\nsym /usr/lib/l -> ../lib64/l -> x 16\nfif /run/f\ndev /dev/d e\n\nobj /../up 00 16\n",
			inventory.Facts{Owned: owned("usr/bin/a", "usr/share/with blank/b c", "usr/lib/l", "run/f", "dev/d e", "up")},
		},
		{"no contents", folder + "/CONTENTS", "", inventory.Facts{}},
		{"folders only", folder + "/CONTENTS", "dir /usr\n", inventory.Facts{}},

		// Damage must not hide a package.
		{"empty", folder + "/PF", "", inventory.Facts{Packages: packages("app-misc", "a", "1"), Problems: []string{`the folder is "a-1", but PF says ""`}}},
		{"another name", folder + "/PF", "b-2\n", inventory.Facts{Packages: packages("app-misc", "a", "1"), Problems: []string{`the folder is "a-1", but PF says "b-2"`}}},
		{"moved", dir + "/x/a.bak/PF", "a-1\n", inventory.Facts{Packages: packages("x", "a", "1"), Problems: []string{`the folder is "a.bak", but PF says "a-1"`}}},
		{
			"bad lines", folder + "/CONTENTS", "obj /a\nobj /a 0\nsym /l\nxyz /a 0 0\nobj\nobj / 0 0\nobj /good 0 0\n",
			inventory.Facts{Owned: owned("good"), Problems: []string{
				`a line of the contents of package "a" is not understood: "obj /a"`,
				`a line of the contents of package "a" is not understood: "obj /a 0"`,
				`a line of the contents of package "a" is not understood: "sym /l"`,
				`a line of the contents of package "a" is not understood: "xyz /a 0 0"`,
				`a line of the contents of package "a" is not understood: "obj"`,
				`a line of the contents of package "a" is not understood: "obj / 0 0"`,
			}},
		},
	}
	for _, tt := range tests {
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(tt.path, tt.content))
		require.NoErrorf(t, err, "Extract, %s", tt.name)
		assert.Equalf(t, tt.want, got, "Extract, %s", tt.name)
	}
}

// The versions are those of packages of Gentoo's repository.
func TestSplitPF(t *testing.T) {
	tests := []struct{ pf, name, version string }{
		{"glibc-2.39-r9", "glibc", "2.39-r9"},
		{"openssl-1.1.1w", "openssl", "1.1.1w"},
		{"font-adobe-100dpi-1.0.4", "font-adobe-100dpi", "1.0.4"},
		{"gtk+-3.24.42-r1", "gtk+", "3.24.42-r1"},
		{"webkit-gtk-2.44.2-r410", "webkit-gtk", "2.44.2-r410"},
		{"iputils-20240117", "iputils", "20240117"},
		{"dhcp-4.4.3_p1", "dhcp", "4.4.3_p1"},
		{"gcc-14.2.1_p20241221", "gcc", "14.2.1_p20241221"},
		{"x-1_rc2_p3-r1", "x", "1_rc2_p3-r1"},
		{"x-1_alpha_beta_pre", "x", "1_alpha_beta_pre"},
		{"portage-9999", "portage", "9999"},
		{"ext-2fs-1.0", "ext-2fs", "1.0"}, // "2fs" is no version
		{"a-1-2", "a-1", "2"},
		{"", "", ""},
		{"a", "", ""},
		{"-1", "", ""},
		{"a-", "", ""},
		{"a-1.", "", ""},
		{"a-r1", "", ""},
		{"a-1_x2", "", ""},
		{"a-1-r", "", ""},
		{strings.Repeat("a", 255) + "-1", "", ""},
	}
	for _, tt := range tests {
		name, version, ok := splitPF(tt.pf)
		assert.Equalf(t, tt.name, name, "splitPF(%q)", tt.pf)
		assert.Equalf(t, tt.version, version, "splitPF(%q)", tt.pf)
		assert.Equalf(t, tt.name != "", ok, "splitPF(%q)", tt.pf)
	}
}

func TestExtractErrors(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	broken := errors.New("the layer ends here")
	tests := []struct {
		name, path string
		ctx        context.Context
		content    io.Reader
		is         error
		text       string
	}{
		{"canceled", folder + "/PF", canceled, strings.NewReader("a-1"), context.Canceled, ""},
		{"canceled contents", folder + "/CONTENTS", canceled, strings.NewReader(""), context.Canceled, ""},
		{"canceled, being installed", dir + "/x/-MERGING-a-1/PF", canceled, strings.NewReader(""), context.Canceled, ""},
		{"read error", folder + "/PF", t.Context(), iotest.ErrReader(broken), broken, ""},
		{"a name without end", folder + "/PF", t.Context(), extracttest.Endless("x"), inventory.ErrTooLarge, "more than 4096 bytes"},
		{"a line without end", folder + "/CONTENTS", t.Context(), extracttest.Endless("x"), inventory.ErrTooLarge, "line 1: more than 1048576 bytes"},
		{"contents without end", folder + "/CONTENTS", t.Context(), extracttest.Endless("dir " + strings.Repeat("x", 1000) + "\n"), inventory.ErrTooLarge, "more than 134217728 bytes"},
		{"paths without end", folder + "/CONTENTS", t.Context(), extracttest.Endless("fif /x\n"), inventory.ErrTooLarge, "more than 1000000 paths"},
		{"no version", dir + "/x/a/PF", t.Context(), strings.NewReader("b\n"), nil, `neither the folder "a" nor what PF says, "b", is a name and a version`},
		{"contents of no package", dir + "/x/a/CONTENTS", t.Context(), strings.NewReader(""), nil, `the folder "a" is not a name and a version`},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(tt.ctx, inventory.NewFile(tt.path, 0o644, 1, tt.content, nil))
		require.Errorf(t, err, "Extract, %s", tt.name)
		if tt.is != nil {
			assert.ErrorIsf(t, err, tt.is, "Extract, %s", tt.name)
		}
		assert.ErrorContainsf(t, err, tt.text, "Extract, %s", tt.name)
		assert.Zerof(t, facts, "Extract, %s", tt.name)
	}
}

func TestProblemsAreFew(t *testing.T) {
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(folder+"/CONTENTS", strings.Repeat(strings.Repeat("n", 1000)+"\n", 1000)))
	require.NoError(t, err)
	require.Len(t, facts.Problems, lines.MaxProblems+1)
	assert.Less(t, len(facts.Problems[0]), 300)
}

func FuzzExtract(f *testing.F) {
	f.Add("skopeo-1.5.1", extracttest.Fixture(f, "gentoo", "skopeo.CONTENTS"))
	f.Add("Getopt-Long-2.580.0", extracttest.Fixture(f, "gentoo", "Getopt-Long.PF"))
	f.Add("-1-r1", "obj /..//a -> 0 0\nsym  -> \nfif /\n")
	f.Fuzz(func(t *testing.T, pf, content string) {
		if strings.Contains(pf, "/") || pf == "." || pf == ".." || pf == "" {
			return
		}
		for _, base := range []string{"PF", "CONTENTS"} {
			name := dir + "/cat/" + pf + "/" + base
			facts, err := Extractor{}.Extract(t.Context(), extracttest.File(name, content))
			extracttest.Check(t, facts, err)
			if err != nil {
				continue
			}
			for _, p := range facts.Packages {
				joined := p.Name + "-" + p.Version
				require.True(t, joined == pf || joined == strings.TrimSpace(content), joined)
				require.Equal(t, "cat", p.Namespace)
			}
			if base == "PF" {
				require.Equal(t, 1, len(facts.Packages)+facts.Ignored, "a package is never passed over")
			}

			// The same again when the file comes in small pieces.
			again, err := Extractor{}.Extract(t.Context(), inventory.NewFile(name, 0o644, 0, iotest.OneByteReader(strings.NewReader(content)), nil))
			require.NoError(t, err)
			require.True(t, reflect.DeepEqual(facts, again))
		}
	})
}

func BenchmarkExtractPF(b *testing.B) {
	content := extracttest.Fixture(b, "gentoo", "Getopt-Long.PF")
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), extracttest.File(dir+"/perl-core/Getopt-Long-2.580.0/PF", content))
		if err != nil || len(facts.Packages) != 1 || facts.Problems != nil {
			b.Fatal(facts, err)
		}
	}
}

func BenchmarkExtractContents(b *testing.B) {
	var list strings.Builder
	for i := range 2000 { // as many as glibc has
		list.WriteString("obj /usr/share/locale/file_" + strconv.Itoa(i) + " 00112233445566778899aabbccddeeff 1649284374\n")
	}
	b.SetBytes(int64(list.Len()))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), extracttest.File(folder+"/CONTENTS", list.String()))
		if err != nil || len(facts.Owned[0].Paths) != 2000 {
			b.Fatal(err)
		}
	}
}
