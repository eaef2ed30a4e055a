package license

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestExpression(t *testing.T) {
	tests := []struct {
		kind     string
		declared []string
		want     string
	}{
		{"npm", []string{"MIT"}, "MIT"},
		{"npm", []string{"mit"}, "MIT"}, // identifiers have no case
		{"npm", []string{" (MIT OR Apache-2.0) "}, "MIT OR Apache-2.0"},
		{"npm", []string{"MIT", "GPL-2.0+"}, "MIT OR GPL-2.0-or-later"}, // the old form of a choice
		{"npm", []string{"MIT AND ISC", "Zlib"}, "(MIT AND ISC) OR Zlib"},
		{"composer", []string{"LGPL-2.1-only", "GPL-3.0-or-later"}, "LGPL-2.1-only OR GPL-3.0-or-later"},
		{"gem", []string{"MIT", "Ruby"}, ""}, // RubyGems does not say whether both or either
		{"gem", []string{"Apache License 2.0"}, "Apache-2.0"},
		{"maven", []string{"The Apache Software License, Version 2.0"}, "Apache-2.0"},
		{"maven", []string{"http://www.apache.org/licenses/LICENSE-2.0.txt"}, "Apache-2.0"},
		{"pypi", []string{"GPL-2.0"}, "GPL-2.0-only"}, // deprecated, and what it means
		{"pypi", []string{"BSD"}, ""},                 // which one?
		{"pypi", []string{"Apache Software License"}, ""},
		{"pypi", []string{"LicenseRef-Proprietary"}, "LicenseRef-Proprietary"},
		{"apk", []string{"GPL-2.0-only WITH Linux-syscall-note"}, "GPL-2.0-only WITH Linux-syscall-note"},
		{"apk", []string{"MIT BSD GPL2+"}, ""},
		{"rpm", []string{"GPLv2+ and (ASL 2.0 or MIT)"}, "GPL-2.0-or-later AND (Apache-2.0 OR MIT)"},
		{"rpm", []string{"GPLv2+ and BSD"}, ""},
		{"rpm", []string{"(GPLv2+ or MIT"}, ""},
		{"rpm", []string{"MIT or"}, ""},
		{"rpm", []string{"Apache-2.0 AND MIT"}, "Apache-2.0 AND MIT"},
		{"rpm", []string{"LGPLv2+"}, ""}, // 2.0 or 2.1
		{"cran", []string{"GPL (>= 2)"}, "GPL-2.0-or-later"},
		{"cran", []string{"GPL-2 | GPL-3"}, "GPL-2.0-only OR GPL-3.0-only"},
		{"cran", []string{"MIT + file LICENSE"}, "MIT"},
		{"cran", []string{"Part of R 4.2.2"}, ""},
		{"cran", []string{"file LICENSE"}, ""},
		{"cpan", []string{"perl_5"}, "Artistic-1.0-Perl OR GPL-1.0-or-later"},
		{"deb", nil, ""},
		{"npm", []string{""}, ""},
		{"npm", []string{strings.Repeat("(", 400) + "MIT" + strings.Repeat(")", 400)}, ""},
		{"npm", []string{"MIT OR " + strings.Repeat("MIT OR ", 100) + "MIT"}, ""}, // longer than any honest one
		{"npm", []string{"MIT\x00"}, ""},
	}
	var c Cache
	for range 2 { // the second time from memory
		for _, tt := range tests {
			assert.Equalf(t, tt.want, c.Expression(tt.kind, tt.declared), "Expression(%q, %q)", tt.kind, tt.declared)
		}
	}
}

// TestTables holds what the tables say against the SPDX list.
func TestTables(t *testing.T) {
	for _, table := range []map[string]string{names, rpmNames, cpanNames, cranNames, replaced} {
		for name, expression := range table {
			assert.Equalf(t, expression, spdx(expression), "for %q", name)
		}
	}
	for _, table := range []map[string]string{names, rpmNames, cpanNames, cranNames} {
		for name := range table {
			assert.Equal(t, strings.ToLower(name), name)
		}
	}
}

func FuzzExpression(f *testing.F) {
	for _, s := range []string{"MIT", "GPLv2+ and (ASL 2.0 or MIT)", "GPL (>= 2) | MIT + file LICENSE", "MIT OR", "((", "a and b or"} {
		f.Add("rpm", s)
		f.Add("cran", s)
		f.Add("npm", s)
	}
	f.Fuzz(func(t *testing.T, kind, declared string) {
		var c Cache
		got := c.Expression(kind, []string{declared})
		assert.Equal(t, got, c.Expression("npm", []string{got}), "an expression is one")
	})
}
