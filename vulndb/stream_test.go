package vulndb

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/advisory"
	"github.com/imagevet/imagevet/internal/dbfile"
	"github.com/imagevet/imagevet/version"
)

func TestStreamOf(t *testing.T) {
	for text, want := range map[string]stream{
		"1.0-5.el9_2":                    {9, 2},
		"32:9.11.36-11.el8_9.1":          {8, 9},
		"8.7p1-49.el9_7.alma.1":          {9, 7},
		"5.14.0-284.11.1.rt14.296.el9_2": {9, 2},
		"1.16.2-5.8.el8_10":              {8, 10},
		"1.0-5.el7_9":                    {7, 9},
		"1.0-5.el9":                      {},
		"1.0-5.el9.2":                    {},
		"1.0-5.el9_":                     {},
		"1.0-5.el_2":                     {},
		"1.0-5.el9_x":                    {},
		"1.0-5.el1234567_2":              {},
		"1.0-5.el9_1234567":              {},
		"1.0-5.module+el8.6.0+2+abc":     {}, // modules have no lines of their own
		"1.0-5.module_el8.6.0+2+abc":     {},
		"1.el9_2-5.el9":                  {}, // of the version, not of the release
		"1.el9_2":                        {9, 2},
		"-.el":                           {},
		".el":                            {},
		"":                               {},
		"2.28-236.el8_9.13.el9_2":        {8, 9},
		"1.0-5.elx.el9_2":                {9, 2},
	} {
		assert.Equalf(t, want, streamOf(text), "streamOf(%q)", text)
		assert.Equalf(t, want, streamOf([]byte(text)), "streamOf(%q)", text)
	}
	assert.Equal(t, "el8_10", stream{8, 10}.String())
}

func TestModuleStreamOf(t *testing.T) {
	for text, want := range map[string]stream{
		"1:16.18-3.module+el8.6.0+150+a": {8, 6},
		"7.2.11-1.module+el8.10.0+1+b":   {8, 10},
		"7.2.11-1.module+el8":            {},
		"7.2.11-1.module+el8.":           {},
		"7.2.11-1.module+el.6":           {},
		"7.2.11-1.module_el8.6.0+1+b":    {}, // AlmaLinux has no extended support
		"7.2.11-1.module+el":             {},
		"7.2.11-1.el8_6":                 {},
		"":                               {},
	} {
		assert.Equalf(t, want, moduleStreamOf(text), "moduleStreamOf(%q)", text)
		assert.Equalf(t, want, moduleStreamOf([]byte(text)), "moduleStreamOf(%q)", text)
	}
}

func TestFlavourOf(t *testing.T) {
	for text, want := range map[string]flavour{
		"10:1.1.1k-6.0.1.el8_5_fips": fips,
		"2:2.34-60.0.3.ksplice1.el9": ksplice,
		"1.1.1k-6.el8_5":             usual,
		"1.fips-1.el8":               usual,
		"":                           usual,
	} {
		assert.Equalf(t, want, flavourOf(text), "flavourOf(%q)", text)
	}
}

// Entries on one package are kept apart by what they are for, the highest fix
// first, and each keeps all that it says.
func TestSplitEntries(t *testing.T) {
	entry := func(fix string, arches ...string) advisory.Affected {
		events := []advisory.Event{{Kind: advisory.Introduced, Version: "0"}}
		if fix != "" {
			events = append(events, advisory.Event{Kind: advisory.Fixed, Version: fix})
		}
		return advisory.Affected{Name: "n", Ranges: []advisory.Range{{Events: events}}, Arches: arches}
	}
	entries := []advisory.Affected{
		entry("1-1.el8"), entry("1-2.el8_6"), entry("1-3.el8_6"), entry("1-9.ksplice1.el8"), entry("1-7.el8_6", "aarch64"), entry(""), entry("1-8.el8_10"),
	}
	fixes := func(base string) (out [][]string) {
		for _, group := range splitEntries(base, version.RPM, entries) {
			var list []string
			for _, e := range group {
				fix, _ := onlyFix(&e)
				list = append(list, fix)
			}
			out = append(out, list)
		}
		return out
	}
	assert.Equal(t, [][]string{{"1-9.ksplice1.el8"}, {"1-8.el8_10"}, {"1-7.el8_6"}, {"1-2.el8_6", "1-3.el8_6"}, {"1-1.el8", ""}}, fixes("Oracle Linux"))
	assert.Equal(t, [][]string{{"1-1.el8", "1-9.ksplice1.el8", ""}, {"1-8.el8_10"}, {"1-7.el8_6"}, {"1-2.el8_6", "1-3.el8_6"}}, fixes("Red Hat"))
	assert.Equal(t, [][]string{{"1-1.el8", "1-2.el8_6", "1-3.el8_6", "1-9.ksplice1.el8", "", "1-8.el8_10"}, {"1-7.el8_6"}}, fixes("SUSE"))
}

func TestAppliesTo(t *testing.T) {
	for _, tt := range []struct {
		arch   string
		arches []string
		want   bool
	}{
		{"x86_64", nil, true},
		{"x86_64", []string{"aarch64", "x86_64"}, true},
		{"x86_64", []string{"aarch64"}, false},
		{"amd64", []string{"x86_64"}, true},
		{"arm64", []string{"aarch64"}, true},
		{"aarch64", []string{"arm64"}, true},
		{"i686", []string{"x86_64"}, true}, // is in its repositories
		{"i686", []string{"i386"}, true},
		{"x86_64", []string{"i386"}, false},
		{"i686", []string{"aarch64"}, false},
		{"noarch", []string{"aarch64"}, true},
		{"", []string{"aarch64"}, true},
		{"s390x", []string{"noarch"}, true},
		{"ppc64el", []string{"ppc64le"}, true},
	} {
		data := appendCase(nil, 0, 0, 0, nil, nil, tt.arches...)
		d := dbfile.NewDecoder(data)
		v, _ := judge(&d, nil, "", tt.arch)
		require.NoError(t, d.Err())
		assert.Equalf(t, !tt.want, v.otherArch, "%q for %q", tt.arch, tt.arches)
		assert.Zero(t, d.Len())
	}
}
