package osrelease

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/extract/extracttest"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const etcPath = "etc/os-release"

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "osrelease", 2)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		"etc/os-release":                       true,
		"usr/lib/os-release":                   true,
		"etc/redhat-release":                   true,
		"etc/centos-release":                   true,
		"etc/oracle-release":                   true,
		"etc/rocky-release":                    true,
		"etc/almalinux-release":                true,
		"etc/fedora-release":                   true,
		"etc/system-release":                   true,
		"etc/alpine-release":                   true,
		"etc/debian_version":                   true,
		"etc/lsb-release":                      true,
		"etc/SuSE-release":                     true,
		"etc/mariner-release":                  true,
		"etc/arch-release":                     true,
		"etc/apk/repositories":                 true,
		"var/lib/ubuntu-advantage/status.json": true,
		"etc/upstream-release/lsb-release":     false, // of the distribution that Mint is built on
		"usr/share/os-release":                 false,
	})
}

func TestExtract(t *testing.T) {
	tests := []struct {
		name, path, content string
		want                inventory.OS
	}{
		{"Debian", etcPath, extracttest.Fixture(t, "debian-12", "os-release"), inventory.OS{
			ID: "debian", Version: "12", Name: "Debian GNU/Linux 12 (bookworm)", Codename: "bookworm",
		}},
		{"Alpine", "usr/lib/os-release", extracttest.Fixture(t, "alpine-3.20", "os-release"), inventory.OS{
			ID: "alpine", Version: "3.20.2", Name: "Alpine Linux v3.20",
		}},
		{"Debian testing and unstable", etcPath, "PRETTY_NAME=\"Debian GNU/Linux forky/sid\"\nNAME=\"Debian GNU/Linux\"\nVERSION_CODENAME=forky\nID=debian\n", inventory.OS{
			ID: "debian", Name: "Debian GNU/Linux forky/sid", Codename: "forky",
		}},
		{"all keys", etcPath, "ID=\"rhel\"\nID_LIKE=\"fedora  Centos\"\nVERSION_ID=\"9.4\"\nVARIANT_ID=server\nCPE_NAME=\"cpe:/o:redhat:enterprise_linux:9::baseos\"\n", inventory.OS{
			ID: "rhel", IDLike: []string{"fedora", "centos"}, Version: "9.4", Variant: "server", CPE: "cpe:/o:redhat:enterprise_linux:9::baseos",
		}},
		{"an ID that is not lower-case", etcPath, "ID=openEuler\n", inventory.OS{ID: "openeuler"}},
		{"the last one counts", etcPath, "ID=a\nVERSION_ID=1\nID=b\n", inventory.OS{ID: "b", Version: "1"}},
		{"comments and blanks", etcPath, "\n# ID=x\n  ID=a\n\t#ID=y\n\n", inventory.OS{ID: "a"}},
		{"byte order mark and line ends of DOS", etcPath, "\ufeffID=a\r\nVERSION_ID='1'\r\n", inventory.OS{ID: "a", Version: "1"}},
		{"no line end", etcPath, "ID=a", inventory.OS{ID: "a"}},
		{"no ID", etcPath, "PRETTY_NAME=Thing\n", inventory.OS{ID: "linux", Name: "Thing"}},
		{"neither ID nor name", etcPath, "BUG_REPORT_URL=x\nFOO=1\n", inventory.OS{ID: "linux", Name: "BUG_REPORT_URL=x"}},

		{"CentOS 6", "etc/centos-release", "CentOS release 6.10 (Final)\n", inventory.OS{ID: "centos", Version: "6.10", Name: "CentOS release 6.10 (Final)"}},
		{"CentOS 7", "etc/redhat-release", "CentOS Linux release 7.9.2009 (Core)\n", inventory.OS{ID: "centos", Version: "7.9.2009", Name: "CentOS Linux release 7.9.2009 (Core)"}},
		{"CentOS Stream", "etc/centos-release", "CentOS Stream release 9\n", inventory.OS{ID: "centos", Version: "9", Name: "CentOS Stream release 9"}},
		{"Red Hat", "etc/redhat-release", "Red Hat Enterprise Linux Server release 6.10 (Santiago)\n", inventory.OS{ID: "rhel", Version: "6.10", Name: "Red Hat Enterprise Linux Server release 6.10 (Santiago)"}},
		{"Oracle", "etc/oracle-release", "Oracle Linux Server release 6.10\n", inventory.OS{ID: "ol", Version: "6.10", Name: "Oracle Linux Server release 6.10"}},
		{"Rocky", "etc/rocky-release", "Rocky Linux release 9.3 (Blue Onyx)\n", inventory.OS{ID: "rocky", Version: "9.3", Name: "Rocky Linux release 9.3 (Blue Onyx)"}},
		{"AlmaLinux", "etc/almalinux-release", "AlmaLinux release 8.9 (Midnight Oncilla)\n", inventory.OS{ID: "almalinux", Version: "8.9", Name: "AlmaLinux release 8.9 (Midnight Oncilla)"}},
		{"Fedora", "etc/fedora-release", "Fedora release 40 (Forty)\n", inventory.OS{ID: "fedora", Version: "40", Name: "Fedora release 40 (Forty)"}},
		{"Amazon 1", "etc/system-release", "Amazon Linux AMI release 2018.03\n", inventory.OS{ID: "amzn", Version: "2018.03", Name: "Amazon Linux AMI release 2018.03"}},
		{"Amazon 2", "etc/system-release", "Amazon Linux release 2 (Karoo)\n", inventory.OS{ID: "amzn", Version: "2", Name: "Amazon Linux release 2 (Karoo)"}},
		{"an unknown relative", "etc/redhat-release", "Foo Linux release 3\n", inventory.OS{ID: "linux", Name: "Foo Linux release 3"}},
		{"Alpine's own", "etc/alpine-release", "3.21_alpha20240807\n", inventory.OS{ID: "alpine", Version: "3.21_alpha20240807", Name: "Alpine Linux 3.21_alpha20240807"}},
		{"Debian's own", "etc/debian_version", "12.5\n", inventory.OS{ID: "debian", Version: "12.5", Name: "Debian GNU/Linux 12.5"}},
		{"Debian's own, not released", "etc/debian_version", "bookworm/sid\n", inventory.OS{ID: "debian", Codename: "bookworm", Name: "Debian GNU/Linux bookworm/sid"}},
		{"Kali has one too", "etc/debian_version", "kali-rolling\n", inventory.OS{ID: "linux", Name: "kali-rolling"}},
		{"Ubuntu's own", "etc/lsb-release", "DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=14.04\nDISTRIB_CODENAME=trusty\nDISTRIB_DESCRIPTION=\"Ubuntu 14.04.6 LTS\"\n", inventory.OS{ID: "ubuntu", Version: "14.04", Codename: "trusty", Name: "Ubuntu 14.04.6 LTS"}},
		{"Arch has one too", "etc/lsb-release", "DISTRIB_ID=\"Arch\"\nDISTRIB_RELEASE=\"rolling\"\n", inventory.OS{ID: "arch"}},
		{"SLES 11", "etc/SuSE-release", "SUSE Linux Enterprise Server 11 (x86_64)\nVERSION = 11\nPATCHLEVEL = 4\n", inventory.OS{ID: "sles", Version: "11.4", Name: "SUSE Linux Enterprise Server 11 (x86_64)"}},
		{"openSUSE 13.1", "etc/SuSE-release", "openSUSE 13.1 (x86_64)\nVERSION = 13.1\nCODENAME = Bottle\n", inventory.OS{ID: "opensuse", Version: "13.1", Name: "openSUSE 13.1 (x86_64)"}},
		{"Mariner", "etc/mariner-release", "CBL-Mariner 2.0.20220226\nMARINER_BUILD_NUMBER=x\n", inventory.OS{ID: "mariner", Version: "2.0.20220226", Name: "CBL-Mariner 2.0.20220226"}},
		{"Arch", "etc/arch-release", "", inventory.OS{ID: "arch", Name: "Arch Linux"}},

		{"repositories", "etc/apk/repositories", extracttest.Fixture(t, "alpine-3.20", "repositories"), inventory.OS{Repositories: []string{"v3.20"}}},
		{"edge among them", "etc/apk/repositories", "http://x/alpine/v3.19/main\nhttp://x/alpine/edge/testing\n", inventory.OS{Repositories: []string{"edge", "v3.19"}}},
		{"tagged, out of use and foreign ones", "etc/apk/repositories", "#http://x/alpine/v3.18/main\n@edge http://x/alpine/edge/main\n /media/cdrom/v3.19/apks\nhttps://packages.example.com/os\n\n", inventory.OS{Repositories: []string{"v3.19"}}},
		{"a moving name", "etc/apk/repositories", "http://x/alpine/latest-stable/main\n", inventory.OS{Repositories: []string{"latest-stable"}}},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(tt.path, tt.content))
		require.NoErrorf(t, err, "Extract, %s", tt.name)
		assert.Equalf(t, inventory.Facts{OS: &tt.want}, facts, "Extract, %s", tt.name)
	}
}

func TestExtractNothing(t *testing.T) {
	tests := []struct {
		path, content string
		ignored       int
	}{
		{etcPath, "", 1},
		{etcPath, "\n \n", 1},
		{"etc/redhat-release", "", 1},
		{"etc/alpine-release", "\n", 1},
		{"etc/apk/repositories", "https://packages.wolfi.dev/os\n", 0}, // has no releases
		{"etc/apk/repositories", "", 0},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(tt.path, tt.content))
		require.NoErrorf(t, err, "Extract(%q) of %q", tt.content, tt.path)
		assert.Equalf(t, inventory.Facts{Ignored: tt.ignored}, facts, "Extract(%q) of %q", tt.content, tt.path)
	}
}

func TestExtractProblems(t *testing.T) {
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(etcPath, "ID=a\nwhat is this\n1X=2\nVERSION_ID=\"3\n"))
	require.NoError(t, err)
	assert.Equal(t, inventory.Facts{
		OS:       &inventory.OS{ID: "a", Version: "3"},
		Problems: []string{`3 lines are not KEY=VALUE with matching quotes; the first is "what is this"`},
	}, facts)
}

func TestUnquote(t *testing.T) {
	tests := []struct {
		in, want string
		ok       bool
	}{
		{``, ``, true},
		{`plain`, `plain`, true},
		{`two words`, `two words`, true},
		{`"double"`, `double`, true},
		{`'single'`, `single`, true},
		{`"it's"`, `it's`, true},
		{`'say "hi"'`, `say "hi"`, true},
		{`"a\"b\\c\$d` + "\\`" + `e"`, `a"b\c$d` + "`" + `e`, true},
		{`"a\nb"`, `a\nb`, true}, // no escape: the backslash stays
		{`'a\"b'`, `a\"b`, true},
		{`a\ b\"c`, `a b"c`, true},
		{`"deb"'ian'`, `debian`, true},
		{`"open`, `open`, false},
		{`'open`, `open`, false},
		{`a\`, `a\`, true},
		{`"a\`, `a\`, false},
		{`$(reboot)`, `$(reboot)`, true},
	}
	for _, tt := range tests {
		got, ok := unquote(tt.in)
		assert.Equalf(t, tt.want, got, "unquote(%s)", tt.in)
		assert.Equalf(t, tt.ok, ok, "unquote(%s)", tt.in)
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
	}{
		{"canceled", canceled, strings.NewReader("ID=a\n"), context.Canceled},
		{"read error", t.Context(), io.MultiReader(strings.NewReader("ID=a\n"), iotest.ErrReader(broken)), broken},
		{"one byte too many", t.Context(), strings.NewReader(strings.Repeat("#", maxFile+1)), inventory.ErrTooLarge},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(tt.ctx, inventory.NewFile(etcPath, 0o644, 1, tt.content, nil))
		require.ErrorIsf(t, err, tt.is, "Extract, %s", tt.name)
		assert.Zerof(t, facts, "Extract, %s", tt.name)
	}
	_, err := Extractor{}.Extract(t.Context(), extracttest.File(etcPath, strings.Repeat("#", maxFile)))
	assert.NoError(t, err, "Extract, just small enough")
}

func TestPriority(t *testing.T) {
	order := []string{"etc/os-release", "usr/lib/os-release", "etc/oracle-release", "etc/redhat-release", "etc/lsb-release", "etc/debian_version"}
	for i := range len(order) - 1 {
		assert.Lessf(t, Priority(order[i]), Priority(order[i+1]), "Priority(%q) and %q", order[i], order[i+1])
	}
	assert.Zero(t, Priority("etc/os-release"))
	assert.Equal(t, -1, Priority("etc/apk/repositories"))
	assert.Equal(t, -1, Priority("os-release"))
}

func TestMerge(t *testing.T) {
	repositories := inventory.OS{Path: "etc/apk/repositories", Repositories: []string{"v3.18"}}
	tests := []struct {
		name  string
		facts []inventory.OS
		want  inventory.OS
	}{
		{"nothing", nil, inventory.OS{}},
		{"os-release before the older files", []inventory.OS{
			{ID: "debian", Version: "12.5", Path: "etc/debian_version"},
			{ID: "debian", Version: "12", Path: "usr/lib/os-release"},
		}, inventory.OS{ID: "debian", Version: "12", Path: "usr/lib/os-release"}},
		{"etc before usr", []inventory.OS{
			{ID: "a", Path: "usr/lib/os-release"},
			{ID: "b", Path: "etc/os-release"},
		}, inventory.OS{ID: "b", Path: "etc/os-release"}},
		{"nothing is filled in from another file", []inventory.OS{
			{ID: "debian", Codename: "forky", Path: "etc/os-release"},
			{ID: "debian", Version: "13.1", Path: "etc/debian_version"},
		}, inventory.OS{ID: "debian", Codename: "forky", Path: "etc/os-release"}},
		{"Oracle Linux claims to be Red Hat's", []inventory.OS{
			{ID: "rhel", Version: "6.10", Path: "etc/redhat-release"},
			{ID: "ol", Version: "6.10", Path: "etc/oracle-release"},
		}, inventory.OS{ID: "ol", Version: "6.10", Path: "etc/oracle-release"}},
		{"old Ubuntu claims to be Debian", []inventory.OS{
			{ID: "debian", Codename: "jessie", Path: "etc/debian_version"},
			{ID: "ubuntu", Version: "14.04", Path: "etc/lsb-release"},
		}, inventory.OS{ID: "ubuntu", Version: "14.04", Path: "etc/lsb-release"}},
		{"a file that names none decides last", []inventory.OS{
			{ID: "linux", Name: "x", Path: "etc/os-release"},
			{ID: "centos", Version: "6.10", Path: "etc/centos-release"},
		}, inventory.OS{ID: "centos", Version: "6.10", Path: "etc/centos-release"}},
		{"but it decides", []inventory.OS{{ID: "linux", Name: "x", Path: "etc/os-release"}}, inventory.OS{ID: "linux", Name: "x", Path: "etc/os-release"}},
		{"repositories are added", []inventory.OS{
			repositories,
			{ID: "alpine", Version: "3.19.1", Path: "etc/os-release"},
		}, inventory.OS{ID: "alpine", Version: "3.19.1", Path: "etc/os-release", Repositories: []string{"v3.18"}}},
		{"content sets from anywhere", []inventory.OS{
			{ContentSets: []string{"b"}, Path: "root/buildinfo/content_manifests/b.json"},
			{ID: "rhel", Version: "9.2", Path: "etc/os-release"},
			{ContentSets: []string{"a", "b"}, Path: "x"},
		}, inventory.OS{ID: "rhel", Version: "9.2", Path: "etc/os-release", ContentSets: []string{"a", "b"}}},
		{"repositories alone", []inventory.OS{repositories, repositories}, inventory.OS{Repositories: []string{"v3.18"}}},
		{"a file that is not one of these", []inventory.OS{{ID: "x", Path: "srv/os-release"}}, inventory.OS{}},
	}
	for _, tt := range tests {
		assert.Equalf(t, tt.want, Merge(tt.facts), "Merge, %s", tt.name)
	}

	like := []string{"debian"}
	merged := Merge([]inventory.OS{{ID: "x", IDLike: like, Path: "etc/os-release"}})
	merged.IDLike[0] = "changed"
	assert.Equal(t, []string{"debian"}, like, "Merge returned the caller's slice")
}

func FuzzExtract(f *testing.F) {
	f.Add(extracttest.Fixture(f, "debian-12", "os-release"))
	f.Add(extracttest.Fixture(f, "alpine-3.20", "repositories"))
	f.Add("DISTRIB_ID=\"a\\\"b\nID='x")
	f.Add("SUSE Linux Enterprise Server 11\nVERSION=11\nPATCHLEVEL=4")
	f.Add("CentOS release 6.10 (Final)")
	f.Fuzz(func(t *testing.T, content string) {
		for _, p := range append(paths(), apkRepositories) {
			facts, err := Extractor{}.Extract(t.Context(), extracttest.File(p, content))
			if err != nil {
				require.Zero(t, facts)
				require.Greater(t, len(content), maxFile)
				continue
			}
			require.LessOrEqual(t, len(facts.Problems), 1)
			if facts.OS == nil {
				continue
			}
			got := *facts.OS
			require.Empty(t, got.Path)
			require.LessOrEqual(t, len(got.Version), len(content)+1)
			require.LessOrEqual(t, len(got.Repositories), len(content))
			got.Path = p
			merged := Merge([]inventory.OS{got})
			if p == apkRepositories {
				require.NotEmpty(t, merged.Repositories)
				require.Empty(t, merged.ID)
			} else {
				require.NotEmpty(t, merged.ID)
				require.Equal(t, got, merged)
			}
			again, err := Extractor{}.Extract(t.Context(), extracttest.File(p, content))
			require.NoError(t, err)
			require.Equal(t, facts, again)
		}
	})
}

func BenchmarkExtract(b *testing.B) {
	content := extracttest.Fixture(b, "debian-12", "os-release")
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), extracttest.File(etcPath, content))
		if err != nil || facts.OS.ID != "debian" {
			b.Fatal(err)
		}
	}
}
