package gradleverification

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
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const filePath = "app/gradle/verification-metadata.xml"

func pkg(line int, group, name, version string) inventory.Package {
	return inventory.Package{Type: "maven", Namespace: group, Name: name, Version: version, Line: line}
}

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "gradleverification", 1)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		filePath:                                   true,
		"gradle/verification-metadata.xml":         true,
		"app/verification-metadata.xml":            false,
		"app/gradle/verification-metadata.dry.xml": false,
	})
}

func TestExtractFixture(t *testing.T) {
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(filePath, extracttest.Fixture(t, "jdk-certs-tool", "verification-metadata.xml")))
	require.NoError(t, err)
	assert.Equal(t, inventory.Facts{Declared: true, Ignored: 3, Packages: []inventory.Package{
		pkg(13, "ch.qos.logback", "logback-classic", "1.3.14"),
		pkg(21, "ch.qos.logback", "logback-classic", "1.3.16"),
		pkg(44, "com.github.ajalt.clikt", "clikt-jvm", "5.1.0"),
	}}, facts)
}

const (
	begin = "<verification-metadata><components>\n"
	one   = `<component group="g" name="a" version="1"><artifact name="a-1.jar"/></component>` + "\n"
	end   = "</components></verification-metadata>\n"
)

func TestExtract(t *testing.T) {
	a := pkg(2, "g", "a", "1")
	tests := []struct {
		name, content string
		want          inventory.Facts
	}{
		{"no components", begin + end, inventory.Facts{}},
		{"another namespace", `<v:verification-metadata xmlns:v="x"><v:components>` + "\n" + `<v:component version="1" name="a" group="g" v:name="b"/></v:components></v:verification-metadata>`, inventory.Facts{Packages: []inventory.Package{a}}},
		{"no files", begin + `<component group="g" name="a" version="1"/>` + end, inventory.Facts{Packages: []inventory.Package{a}}},
		{"another kind of file", begin + `<component group="g" name="a" version="1"><artifact name="a-1.pom"/><artifact name="a-1.aar"/></component>` + end, inventory.Facts{Packages: []inventory.Package{a}}},
		{"a file without a name", begin + `<component group="g" name="a" version="1"><artifact/></component>` + end, inventory.Facts{Packages: []inventory.Package{a}}},
		{"a component elsewhere", `<verification-metadata><configuration><component group="g" name="x" version="1"/></configuration><components>` + "\n" + one + end, inventory.Facts{Packages: []inventory.Package{a}}},
		{"only documentation", begin + `<component group="g" name="a" version="1"><artifact name="a-javadoc.jar"/></component>` + end, inventory.Facts{Ignored: 1}},

		// One bad record must not hide the others, nor itself.
		{"bad records", begin + one + `<component/>
<component group="g" name="b"/>
<component name="b" version="1"/>
<component group="g" name="b" version="` + strings.Repeat("1", maxName+1) + `"/>
` + end, inventory.Facts{
			Packages: []inventory.Package{a},
			Problems: []string{
				`line 3: component ":" has no name`,
				`line 4: component "g:b" has no version`,
				`line 5: component ":b" has no name`,
				`line 6: the name or version of component "g:b" is too long`,
			},
		}},
		{"cut off", begin + one + `<component group="g" name="b" version="1"><art`, inventory.Facts{
			Packages: []inventory.Package{a},
			Problems: []string{`the file ends early or is damaged near byte 163: XML syntax error on line 3: unexpected EOF`},
		}},
	}
	for _, tt := range tests {
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(filePath, tt.content))
		require.NoErrorf(t, err, "Extract, %s", tt.name)
		tt.want.Declared = true
		assert.Equalf(t, tt.want, got, "Extract, %s", tt.name)
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
		text    string
	}{
		{"canceled", canceled, strings.NewReader(begin + one + end), context.Canceled, ""},
		{"read error", t.Context(), io.MultiReader(strings.NewReader(begin+one), iotest.ErrReader(broken)), broken, ""},
		{"a file without end", t.Context(), io.MultiReader(strings.NewReader(begin+one), extracttest.Endless("<x/>")), inventory.ErrTooLarge, "more than 67108864 bytes"},
		{"components without end", t.Context(), io.MultiReader(strings.NewReader(begin), extracttest.Endless("<component/>")), inventory.ErrTooLarge, "more than 200000 components"},
		{"elements without end", t.Context(), io.MultiReader(strings.NewReader(begin), extracttest.Endless("<x>")), inventory.ErrTooLarge, "nested more than 20 deep"},
		{"empty", t.Context(), strings.NewReader(""), io.ErrUnexpectedEOF, ""},
		{"cut off before a component", t.Context(), strings.NewReader(begin), nil, "unexpected EOF"},
		{"another file", t.Context(), strings.NewReader("<project/>"), nil, `element "project" is not of this format`},
		{"two files", t.Context(), strings.NewReader(begin + end + begin + end), nil, `element "verification-metadata" is not of this format`},
	}
	for _, tt := range tests {
		if testing.Short() && strings.HasPrefix(tt.text, "more than") {
			continue
		}
		facts, err := Extractor{}.Extract(tt.ctx, inventory.NewFile(filePath, 0o644, 1, tt.content, nil))
		require.Errorf(t, err, "Extract, %s", tt.name)
		if tt.is != nil {
			require.ErrorIsf(t, err, tt.is, "Extract, %s", tt.name)
		}
		assert.ErrorContainsf(t, err, tt.text, "Extract, %s", tt.name)
		assert.Zerof(t, facts, "Extract, %s", tt.name)
	}
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(filePath, begin+strings.Repeat("<component/>", 1000)+end))
	require.NoError(t, err)
	assert.Len(t, facts.Problems, lines.MaxProblems+1)
}

func FuzzExtract(f *testing.F) {
	f.Add(extracttest.Fixture(f, "jdk-certs-tool", "verification-metadata.xml"))
	f.Add(begin + one + `<component group="g" name="b"/>` + one + end)
	f.Add(begin + one + `<component group="g" name="b" version="1"><art`)
	f.Fuzz(func(t *testing.T, content string) {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(filePath, content))
		extracttest.Check(t, facts, err)
		again, errAgain := Extractor{}.Extract(t.Context(), inventory.NewFile(filePath, 0o644, 0, iotest.OneByteReader(strings.NewReader(content)), nil))
		require.Equal(t, fmt.Sprint(err), fmt.Sprint(errAgain))
		require.Equal(t, facts, again)
		for _, p := range facts.Packages {
			require.NotEmpty(t, p.Namespace)
			require.NotEmpty(t, p.Version)
			require.LessOrEqual(t, p.Line, strings.Count(content, "\n")+1)
		}
	})
}

func BenchmarkExtract(b *testing.B) {
	// A middle-sized build has some 500 components.
	content := []byte(begin + strings.Repeat(one, 500) + end)
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), inventory.NewFile(filePath, 0o644, int64(len(content)), bytes.NewReader(content), nil))
		if err != nil || len(facts.Packages) != 500 {
			b.Fatal(len(facts.Packages), err)
		}
	}
}
