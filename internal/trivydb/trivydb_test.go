package trivydb

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/bolt"
)

func open(tb testing.TB, data []byte) *File {
	tb.Helper()
	f, err := Open(bytes.NewReader(data), int64(len(data)))
	require.NoError(tb, err)
	return f
}

func fixture(tb testing.TB) []byte {
	tb.Helper()
	data, err := os.ReadFile("testdata/trivy.db")
	require.NoError(tb, err)
	return data
}

func TestStatements(t *testing.T) {
	var got []string
	report, err := open(t, fixture(t)).Statements(func(s Statement) error {
		got = append(got, strings.Join([]string{s.Ecosystem, s.Package, s.ID, s.Fixed, s.Severity, s.Source, strings.Join(s.Arches, " ")}, " | "))
		return nil
	})
	require.NoError(t, err)
	assert.Equal(t, []string{
		"Oracle Linux:8 | curl | CVE-2026-0001 | 7.61.1-30.el8 |  | oracle-oval | aarch64 x86_64",
		"Oracle Linux:8 | curl | CVE-2026-0001 | 10:7.61.1-31.el8_fips |  | oracle-oval | x86_64",
		"Oracle Linux:8 | glibc | CVE-2026-0010 | 2.28-225.0.4.el8_8.6 |  | oracle-oval | x86_64",
		"Oracle Linux:8 | glibc | CVE-2026-0010 | 2.28-225.0.4.el8_8.9 |  | oracle-oval | aarch64",
		"Oracle Linux:8 | glibc | CVE-2026-0010 | 2:2.28-225.0.4.ksplice1.el8 |  | oracle-oval | x86_64",
		"Photon OS:5.0 | curl | CVE-2026-0001 | 8.1.2-4.ph5 |  | photon | ",
		// There is a fix for CVE-2026-0001, so that it is not unfixed as well.
		"Red Hat:enterprise_linux:8::baseos | curl | CVE-2026-0004 |  | LOW | redhat | ",
		"Red Hat:enterprise_linux:8::baseos | curl | CVE-2026-0001 | 0:7.61.1-30.el8_6.2 | HIGH | redhat | x86_64",
		"Red Hat:enterprise_linux:8::appstream | curl | CVE-2026-0001 | 0:7.61.1-30.el8_6.2 | HIGH | redhat | x86_64",
		"Red Hat:enterprise_linux:8::baseos | curl | CVE-2026-0003 | 0:7.61.1-30.el8_6.2 | MEDIUM | redhat | x86_64",
		"Red Hat:enterprise_linux:8::appstream | curl | CVE-2026-0003 | 0:7.61.1-30.el8_6.2 | MEDIUM | redhat | x86_64",
		"Red Hat:rhel_eus:8.6::baseos | curl | CVE-2026-0001 | 0:7.61.1-22.el8_6.9 | HIGH | redhat | aarch64 x86_64",
		"Red Hat:enterprise_linux:8::baseos | php:7.2::php | CVE-2026-0001 | 0:7.2.11-1.module+el8 | CRITICAL | redhat | ",
		"Red Hat:enterprise_linux:8::appstream | php:7.4::php | CVE-2026-0001 | 0:7.4.30-1.module+el8.6.0+1+abc | CRITICAL | redhat | ",
		"Amazon Linux:2 | curl | CVE-2026-0001 | 7.61.1-12.amzn2.0.1 |  | amazon | ",
		"Amazon Linux:2 | curl | CVE-2026-0002 | 0:1.2-3.amzn2 |  | amazon | ",
		"Amazon Linux:2023 | curl | CVE-2026-0001 | 8.3.0-1.amzn2023 |  | amazon | ",
		// The last package of Red Hat comes when nothing can follow.
		"Red Hat:enterprise_linux:8::baseos | tool | CVE-2026-0006 | 0:1.0-2.el8 | MEDIUM | redhat | aarch64",
	}, got)
	assert.Equal(t, &Report{NotAffected: 1, Buckets: []string{"alpine 3.19", "npm::GitHub Security Advisory Npm"}}, report)

	stop := errors.New("stop")
	report, err = open(t, fixture(t)).Statements(func(Statement) error { return stop })
	assert.ErrorIs(t, err, stop)
	assert.Nil(t, report)
}

func TestTexts(t *testing.T) {
	n := 0
	err := open(t, fixture(t)).Texts(func(id string) bool { return id == "CVE-2026-0001" }, func(id string, text *Text, defect string) error {
		n++
		assert.Empty(t, defect)
		assert.Equal(t, &Text{
			Title: "curl: a flaw", Description: "A flaw of curl.", References: []string{"https://example.org/1"}, CWEs: []int{787},
			Published: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Modified: time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC),
			Severities: map[string]string{"amazon": "MEDIUM", "oracle-oval": "HIGH", "nvd": "CRITICAL"},
		}, text)
		return nil
	})
	require.NoError(t, err)
	assert.Equal(t, 1, n)
}

func TestRedHat(t *testing.T) {
	for cpe, want := range map[string]string{
		"cpe:/o:redhat:enterprise_linux:8::baseos":    "Red Hat:enterprise_linux:8::baseos",
		"cpe:/a:redhat:enterprise_linux:9::appstream": "Red Hat:enterprise_linux:9::appstream",
		"cpe:/a:redhat:enterprise_linux:8":            "Red Hat:enterprise_linux:8::baseos",
		"cpe:/o:redhat:enterprise_linux:7":            "Red Hat:enterprise_linux:7::server",
		"cpe:/o:redhat:enterprise_linux:10.1":         "Red Hat:enterprise_linux:10.1",
		"cpe:/o:redhat:rhel_e4s:8.0::baseos":          "Red Hat:rhel_e4s:8.0::baseos",
		"cpe:/a:redhat:openshift:4.12::el8":           "Red Hat:openshift:4.12::el8",
		"cpe:/a:redhat:3scale_amp:2.10::el8":          "",
		"enterprise_linux:8":                          "",
		"":                                            "",
	} {
		assert.Equalf(t, want, redHat(cpe), "redHat(%q)", cpe)
	}
}

// What is wrong with one advisory is named.
func TestEntryBad(t *testing.T) {
	tests := []struct {
		bucket, pkg, id, value string
		want                   string
	}{
		{"amazon linux 2", "", "CVE-2026-0001", `{}`, "no name of a package"},
		{"amazon linux 2", "curl", "a b", `{}`, "no ID"},
		{"amazon linux 2", "curl", "CVE-2026-0001", `{`, "unexpected end"},
		{"amazon linux 2", "curl", "CVE-2026-0001", `{"FixedVersion": 5}`, "cannot unmarshal number"},
		{"amazon linux 2", "curl", "CVE-2026-0001", `{"Status": 1e999}`, "cannot unmarshal number"},
		{"amazon linux 2", "curl", "CVE-2026-0001", `{"FixedVersion": "` + strings.Repeat("1", 2000) + `"}`, "a version of 2000 bytes"},
		{"amazon linux 2", "curl", "CVE-2026-0001", strings.Repeat(" ", maxValue+1), "bytes"},
		{"amazon linux 2", "curl", "CVE-2026-0001", strings.Repeat("[", 20000), "exceeded max depth"},
		{"Oracle Linux 8", "curl", "CVE-2026-0001", `{"Entries": [{"Arches": ["x86_64", "a b"]}]}`, `"a b" is no architecture`},
		{"Oracle Linux 8", "curl", "CVE-2026-0001", `{"Arches": ["` + strings.Repeat(`", "`, 40) + `"]}`, "41 architectures"},
		{"Red Hat", "curl", "RHSA-1", `{"Entries": [{"Affected": [0], "Arches": [""], "Cves": [{"ID": "CVE-2026-0001"}]}]}`, "is no architecture"},
		{"Red Hat", "curl", "RHSA-1", `{"Entries": [{"Affected": [0], "Cves": [{"ID": "a b"}]}]}`, "is no ID"},
	}
	for _, tt := range tests {
		r := reader{cpes: map[int]string{0: "Red Hat:x"}, yield: func(s Statement) error {
			assert.Failf(t, "a statement", "%v", s)
			return nil
		}}
		require.NoErrorf(t, r.entry(tt.bucket, tt.pkg, tt.id, []byte(tt.value)), "entry(%.60s)", tt.value)
		require.NoError(t, r.flush())
		if assert.Lenf(t, r.report.Bad, 1, "entry(%.60s)", tt.value) {
			assert.Containsf(t, r.report.Bad[0].Reasons[0], tt.want, "entry(%.60s)", tt.value)
		}
	}
}

func TestOpenErrors(t *testing.T) {
	_, err := Open(strings.NewReader("x"), 1)
	assert.ErrorIs(t, err, bolt.ErrForeign)
	data := fixture(t)
	cut := data[:len(data)/4]
	f, err := Open(bytes.NewReader(cut), int64(len(cut)))
	if err == nil {
		_, err = f.Statements(func(Statement) error { return nil })
	}
	assert.ErrorIs(t, err, bolt.ErrDamaged)
}

func FuzzEntry(f *testing.F) {
	f.Add("amazon linux 2", "curl", "CVE-2026-0001", []byte(`{"FixedVersion":"1","Status":2}`))
	f.Add("Red Hat", "curl", "RHSA-1", []byte(`{"Entries":[{"FixedVersion":"","Affected":[0,9],"Status":5,"Cves":[{"Severity":9},{"ID":"CVE-2026-0001"}]}]}`))
	f.Add("Oracle Linux 8", "curl", "ELSA-1", []byte(`{"Entries":[{"FixedVersion":"1_fips"}]}`))
	f.Fuzz(func(t *testing.T, bucket, pkg, id string, value []byte) {
		r := reader{cpes: map[int]string{0: "Red Hat:x"}, yield: func(s Statement) error {
			require.NotEmpty(t, s.Ecosystem)
			require.NotEmpty(t, s.Package)
			require.True(t, validID(s.ID))
			return nil
		}}
		if _, _, ok := platform(bucket); !ok {
			return
		}
		if r.entry(bucket, pkg, id, value) == nil {
			require.NoError(t, r.flush())
		}
	})
}
