package secdb

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// doc is a document of a distribution with the given list of packages.
func doc(head, packages string) string {
	return `{` + head + `, "archs": ["x86_64"], "reponame": "main", "packages": [` + packages + `]}`
}

const (
	alpineHead = `"apkurl": "{{urlprefix}}/{{distroversion}}/{{reponame}}/{{arch}}/{{pkg.name}}-{{pkg.ver}}.apk", "urlprefix": "https://dl-cdn.alpinelinux.org/alpine", "distroversion": "v3.19"`
	rolling    = `"apkurl": "{{urlprefix}}/{{arch}}/{{pkg.name}}-{{pkg.ver}}.apk", "urlprefix": `
)

func read(tb testing.TB, text string) *Database {
	tb.Helper()
	db, err := Read(strings.NewReader(text))
	require.NoError(tb, err)
	slices.SortFunc(db.Fixes, func(a, b Fix) int {
		return cmp.Or(cmp.Compare(a.Package, b.Package), cmp.Compare(a.Version, b.Version), cmp.Compare(a.ID, b.ID))
	})
	return db
}

func TestRead(t *testing.T) {
	db := read(t, doc(alpineHead, `
		{"pkg": {"name": "a", "secfixes": {
			"1.2-r0": ["CVE-2024-0001", "CVE-2019-17343 XSA-288", "CVE-2017-2616 (+ regression fix)"],
			"1.3-r0": ["XSA-300 TS-2019-001", "CVE-2024-0003 CVE-2024-0002 XSA-1"],
			"0": ["CVE-2024-0009", "CVE-2024-0010"]}}},
		{"pkg": {"name": "b", "secfixes": {"2-r1": ["GHSA-aaaa-bbbb-cccc"], "3-r0": ["CVE_2019-2426"]}}}`))
	assert.Equal(t, &Database{
		Ecosystem: "Alpine:v3.19", NeverAffected: 2,
		Fixes: []Fix{
			{"CVE-2017-2616", nil, "a", "1.2-r0"},
			{"CVE-2019-17343", []string{"XSA-288"}, "a", "1.2-r0"},
			{"CVE-2024-0001", nil, "a", "1.2-r0"},
			{"CVE-2024-0002", nil, "a", "1.3-r0"},
			{"CVE-2024-0003", nil, "a", "1.3-r0"},
			{"XSA-300", []string{"TS-2019-001"}, "a", "1.3-r0"},
			{"GHSA-aaaa-bbbb-cccc", []string{}, "b", "2-r1"},
			{"CVE-2019-2426", nil, "b", "3-r0"},
		},
	}, db)
}

func TestReadEcosystem(t *testing.T) {
	for head, want := range map[string]string{
		strings.Replace(alpineHead, "v3.19", "edge", 1):      "Alpine:edge",
		rolling + `"https://packages.wolfi.dev/os"`:          "Wolfi",
		rolling + `"https://packages.cgr.dev/chainguard"`:    "Chainguard",
		rolling + `"https://packages.mini.dev/os"`:           "MinimOS",
		`"apkurl": "https://packages.wolfi.dev/os/{{arch}}"`: "Wolfi",
	} {
		assert.Equalf(t, want, read(t, doc(head, "")).Ecosystem, "head %s", head)
	}
}

// What is wrong with one statement is named, and the rest is used.
func TestReadBad(t *testing.T) {
	tests := []struct {
		pkg  string
		want string
	}{
		{`{"pkg": {"name": "", "secfixes": {"1": ["CVE-2024-0001"]}}}`, `"" is no name`},
		{`{"pkg": {"name": "` + strings.Repeat("n", 5000) + `"}}`, "is no name"},
		{`{"pkg": {"name": "a", "secfixes": {"": ["CVE-2024-0001"]}}}`, `a: "" is no version`},
		{`{"pkg": {"name": "a", "secfixes": {"1": ["CVE_2024_0001"]}}}`, `a 1: "CVE_2024_0001" holds no ID`},
		{`{"pkg": {"name": "a", "secfixes": {"1": ["CVE-2024-1"]}}}`, "holds no ID"},
		{`{"pkg": {"name": "a", "secfixes": {"1": ["CVE-2024-0001 and others"]}}}`, "holds no ID"},
		{`{"pkg": {"name": "a", "secfixes": {"1": [""]}}}`, `a 1: "" holds no ID`},
		{`{"pkg": {"name": "a", "secfixes": {"1": ["(none)"]}}}`, "holds no ID"},
		{`{"pkg": {"name": "a", "secfixes": {"1": ["A-<script>"]}}}`, "holds no ID"},
		{`{"pkg": {"name": "a", "secfixes": {"1": 5}}}`, "cannot unmarshal number"},
	}
	for _, tt := range tests {
		db := read(t, doc(alpineHead, tt.pkg+`, {"pkg": {"name": "z", "secfixes": {"1": ["CVE-2024-0002"]}}}`))
		assert.Equalf(t, []Fix{{"CVE-2024-0002", nil, "z", "1"}}, db.Fixes, "Read(%.100s)", tt.pkg)
		if assert.Lenf(t, db.Bad, 1, "Read(%.100s)", tt.pkg) {
			assert.Equal(t, "entry 0", db.Bad[0].Entry)
			assert.Containsf(t, db.Bad[0].Reasons[0], tt.want, "Read(%.100s)", tt.pkg)
		}
	}
}

func TestReadErrors(t *testing.T) {
	tests := []struct {
		doc  string
		want string
	}{
		{doc(`"urlprefix": "https://example.org", "distroversion": "v3.19"`, ""), ErrUnknown.Error()},
		{doc(`"distroversion": "v3.19"`, ""), ErrUnknown.Error()},
		{doc(strings.Replace(alpineHead, "v3.19", "3.19", 1), ""), `distroversion: "3.19" is no branch`},
		{doc(strings.Replace(alpineHead, `"v3.19"`, "5", 1), ""), "cannot unmarshal number"},
		{`{` + alpineHead + `}`, "no list of packages"},
		{doc(alpineHead, "")[:40], "unexpected EOF"},
		{doc(alpineHead, strings.Repeat(`{"pkg":[`, 20000)), "exceeded max depth"},
	}
	for _, tt := range tests {
		db, err := Read(strings.NewReader(tt.doc))
		assert.ErrorContainsf(t, err, tt.want, "Read(%.100s)", tt.doc)
		assert.Nil(t, db)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(doc(alpineHead, `{"pkg": {"name": "a", "secfixes": {"1.2-r0": ["CVE-2024-0001 XSA-1 (x)"], "0": ["CVE-2024-0002"]}}}`))
	f.Add(doc(rolling+`"https://packages.wolfi.dev/os"`, `{"pkg": {"secfixes": {"1": [5, null]}}}, null`)) // wrong types
	f.Fuzz(func(t *testing.T, text string) {
		db, err := Read(strings.NewReader(text))
		if err != nil {
			require.Nil(t, db)
			return
		}
		require.NotEmpty(t, db.Ecosystem)
		for _, x := range db.Fixes {
			require.NotEmpty(t, x.ID)
			require.NotContains(t, x.ID, " ")
			require.NotEmpty(t, x.Package)
			require.NotEqual(t, "0", x.Version)
			require.NotEmpty(t, x.Version)
		}
	})
}
