package pom

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/extract/extracttest"
	"github.com/imagevet/imagevet/sbom/inventory"
)

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "pom", 1)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		"pom.xml":                 true,
		"src/app/pom.xml":         true,
		"root/.m2/x/y/1/y-1.pom":  false,
		"src/app/effective.xml":   false,
		"src/app/target/pom.yaml": false,
	})
}

// join extracts and joins files. What there is not to know without the other
// files is that of Extract, what there is to know with them that of Join.
func join(t testing.TB, files map[string]string) map[string]inventory.Facts {
	t.Helper()
	data := make(map[string][]byte)
	all := make(map[string]inventory.Facts)
	for name, content := range files {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(name, content))
		require.NoError(t, err, name)
		require.True(t, facts.Declared)
		require.Empty(t, facts.Packages)
		if facts.Data != nil {
			data[name] = facts.Data
		}
		facts.Data = nil
		all[name] = facts
	}
	joined, err := Extractor{}.Join(t.Context(), data)
	require.NoError(t, err)
	for name, more := range joined {
		require.True(t, more.Declared)
		facts := all[name]
		facts.Packages = more.Packages
		facts.Ignored += more.Ignored
		facts.Problems = append(facts.Problems, more.Problems...)
		all[name] = facts
	}
	return all
}

// poms reads all poms of a folder of testdata.
func poms(tb testing.TB, name string) map[string]string {
	tb.Helper()
	files := make(map[string]string)
	root := os.DirFS("testdata/" + name)
	require.NoError(tb, fs.WalkDir(root, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Name() != "pom.xml" {
			return err
		}
		content, err := fs.ReadFile(root, path)
		files[path] = string(content)
		return err
	}))
	return files
}

// An effective.txt holds what Maven's model builder makes of the poms of a
// folder: P and a project, or D and a dependency, with the file, the
// coordinates and, of a dependency, its scope.
func TestJoinAsMavenDoes(t *testing.T) {
	for name, fewest := range map[string]int{"made": 40, "plexus-containers-2.1.1": 10, "maven-resolver-1.6.3": 25} {
		files := poms(t, name)
		projects := make(map[string]bool)
		want := make(map[string][]string)
		ignored := make(map[string]int)
		text := strings.TrimSuffix(extracttest.Fixture(t, name, "effective.txt"), "\n")
		for line := range strings.SplitSeq(text, "\n") {
			if f := strings.Split(line, "\t"); f[0] == "P" {
				projects[strings.Join(f[2:5], ":")] = true
			}
		}
		for line := range strings.SplitSeq(text, "\n") {
			f := strings.Split(line, "\t")
			if f[0] != "D" {
				continue
			}
			if projects[strings.Join(f[2:5], ":")] {
				ignored[f[1]]++
				continue
			}
			version, constraint := pin(f[4])
			want[f[1]] = append(want[f[1]], fmt.Sprintf("%s:%s:%s %q %t", f[2], f[3], version, constraint, f[5] == "test" || f[5] == "provided"))
		}
		n := 0
		all := join(t, files)
		require.Len(t, all, len(files))
		for file, facts := range all {
			var got []string
			for _, p := range facts.Packages {
				got = append(got, fmt.Sprintf("%s:%s:%s %q %t", p.Namespace, p.Name, p.Version, p.Constraint, p.Development))
				n++
				assert.Equal(t, "maven", p.Type)
				assert.Equal(t, inventory.Direct, p.Relation)
				if p.Line > 0 {
					line := strings.Split(files[file], "\n")[p.Line-1]
					assert.Containsf(t, line, "<dependency>", "%s of %s", p.Name, file)
				}
			}
			assert.Equalf(t, want[file], got, "%s of %s", file, name)
			assert.GreaterOrEqualf(t, facts.Ignored, ignored[file]+1, "%s of %s", file, name)
			assert.Emptyf(t, facts.Problems, "%s of %s", file, name)
		}
		assert.GreaterOrEqual(t, n, fewest, name)
	}
}

const (
	begin = `<?xml version="1.0"?><project xmlns="http://maven.apache.org/POM/4.0.0">` + "\n"
	own   = "<groupId>g</groupId><artifactId>a</artifactId><version>1</version>\n"
	end   = "</project>\n"
)

// dep returns the element of a dependency, on a line of its own.
func dep(name, version, more string) string {
	group, artifact, _ := strings.Cut(name, ":")
	if version != "" {
		version = "<version>" + version + "</version>"
	}
	return "<dependency><groupId>" + group + "</groupId><artifactId>" + artifact + "</artifactId>" + version + more + "</dependency>\n"
}

// wants returns a list.
func wants(list ...string) string {
	return "<dependencies>\n" + strings.Join(list, "") + "</dependencies>\n"
}

// managed returns a list in dependencyManagement.
func managed(list ...string) string {
	return "<dependencyManagement>" + wants(list...) + "</dependencyManagement>\n"
}

// pkg returns a package of a pom.
func pkg(name, version string, line int) inventory.Package {
	group, artifact, _ := strings.Cut(name, ":")
	return inventory.Package{Type: "maven", Namespace: group, Name: artifact, Version: version, Relation: inventory.Direct, Line: line}
}

func TestOnePom(t *testing.T) {
	x := pkg("x:y", "1.0", 4)
	test, unknown := x, pkg("x:z", "", 5)
	test.Development = true
	unknown.Constraint = "${z}"
	found := func(ignored int, p ...inventory.Package) inventory.Facts {
		return inventory.Facts{Declared: true, Packages: p, Ignored: ignored}
	}
	damaged := func(f inventory.Facts, problems ...string) inventory.Facts {
		f.Problems = problems
		return f
	}
	tests := []struct {
		name, content string
		want          inventory.Facts
	}{
		{"nothing", begin + own + end, found(1)},
		{"no coordinates", begin + end, found(1)},
		{"two", begin + own + wants(dep("x:y", "1.0", ""), dep("x:z", "${z}", "")) + end, found(1, x, unknown)},
		{"byte order mark", "\xef\xbb\xbf" + begin + own + wants(dep("x:y", "1.0", "")) + end, found(1, x)},
		{"test", begin + own + wants(dep("x:y", "1.0", "<scope>test</scope>")) + end, found(1, test)},
		{"test and not", begin + own + wants(dep("x:y", "1.0", "<scope>test</scope><type>test-jar</type>"), dep("x:y", "1.0", "")) + end, found(1, x)},
		{"not test and test", begin + own + wants(dep("x:y", "1.0", ""), dep("x:y", "1.0", "<scope>test</scope><type>test-jar</type>")) + end, found(1, x)},
		{"the last one counts", begin + own + wants() + wants(dep("x:y", "0.9", "")+dep("x:y", "1.0", "")) + end, found(1, pkg("x:y", "1.0", 7))},
		{"white space and comments", begin + own + wants(dep(" x :<!-- no -->\ty ", "\n1<!-- no -->.<![CDATA[0]]>", "<exclusions><exclusion><groupId>e</groupId><artifactId>f</artifactId></exclusion></exclusions>")) + end, found(1, x)},
		{"managed ones are not asked for", begin + own + managed(dep("x:y", "1.0", ""), dep("x:z", "1.0", "")) + end, found(3)},
		{"nor are plugins", begin + own + "<build><plugins><plugin><groupId>x</groupId><artifactId>y</artifactId>" + wants(dep("x:y", "1", "")) + "</plugin></plugins></build>" + end, found(1)},
		{"nor are those of profiles", begin + own + "<profiles><profile><id>p</id><activation><jdk>17</jdk></activation>" + wants(dep("x:y", "1", "")) + "</profile></profiles>" + end, found(2)},
		{"Latin 1", `<?xml version="1.0" encoding="ISO-8859-1"?><project>` + "\n" + "<name>B\xfccher</name><properties><gr\xf6\xdfe>1.0</gr\xf6\xdfe></properties>" + "\n" + wants(dep("x:y", "${gr\xf6\xdfe}", "")) + end, found(1, x)},
		{"Latin 1 in disguise", begin + "<name>B\xfccher</name>\n" + wants(dep("x:y", "1.0", "")) + end, found(1, x)},
		{"entities", begin + "<name>&copy;&nbsp;&amp;</name>\n" + wants(dep("x:y", "1.&#48;", "")) + end, found(1, x)},
		{"a loop of properties", begin + "<properties><z>${q}</z><q>${z}</q></properties>\n" + wants(dep("x:y", "1.0", ""), dep("x:z", "${z}", "")) + end, found(1, x, unknown)},
		{"an open property", begin + own + wants(dep("x:y", "1.0", "")) + wants() + end, found(1, x)},

		// One bad entry must not hide the others, nor itself.
		{
			"no name", begin + own + wants(dep("x:y", "1.0", ""), dep(":z", "1", ""), dep("x:", "1", ""), dep("x:${u}", "1", "")) + end,
			damaged(found(1, x), `line 5: the dependency ":z" has no name`, `line 6: the dependency "x:" has no name`, `the name of dependency "x:${u}" has unknown properties`),
		},
		{
			"too long", begin + own + wants(dep("x:y", "1.0", ""), dep("x:z", strings.Repeat("1", maxName+1), "")) + end,
			damaged(found(1, x, pkg("x:z", "", 5)), fmt.Sprintf(`line 5: too long: %q`, strings.Repeat("1", 80)+"…")),
		},
		{
			"too long with its properties", begin + "<properties><z>" + strings.Repeat("1", maxName+1) + "</z></properties>\n" + wants(dep("x:y", "1.0", ""), dep("x:z", "${z}", "")) + end,
			damaged(found(1, x), `the name or version of dependency "x:z" is too long`),
		},
		{
			"a long property", begin + "<properties><z>" + strings.Repeat("1", maxValue+1) + "</z></properties>\n" + wants(dep("x:y", "1.0", ""), dep("x:z", "${z}", "")) + end,
			damaged(found(1, x, unknown), `property "z" is too long`),
		},
		{
			"cut off", begin + own + "<dependencies>\n" + dep("x:y", "1.0", "") + "<dependency><groupId>x",
			damaged(found(1, x), `the file ends early or is damaged near byte 271: XML syntax error on line 5: unexpected EOF`),
		},
	}
	for _, tt := range tests {
		assert.Equalf(t, tt.want, join(t, map[string]string{"pom.xml": tt.content})["pom.xml"], tt.name)
	}
}

func TestPin(t *testing.T) {
	for text, want := range map[string][2]string{
		"1.0":       {"1.0", ""},
		"":          {"", ""},
		"[1.0]":     {"1.0", ""},
		"[ 1.0 ]":   {"1.0", ""},
		"[]":        {"", "[]"},
		"[1.0":      {"", "[1.0"},
		"[1.0],[2]": {"", "[1.0],[2]"},
		"[1,2)":     {"", "[1,2)"},
		"(,1]":      {"", "(,1]"},
		"[${x}]":    {"", "[${x}]"},
		"1.${x}":    {"", "1.${x}"},
		"LATEST":    {"", "LATEST"},
		"RELEASE":   {"", "RELEASE"},
		"$1":        {"$1", ""},
	} {
		version, constraint := pin(text)
		assert.Equalf(t, want, [2]string{version, constraint}, "pin(%q)", text)
	}
}

func TestExploded(t *testing.T) {
	for _, name := range []string{"META-INF/maven/g/a/pom.xml", "app/META-INF/maven/g/a/pom.xml"} {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(name, begin+wants(dep("x:y", "1.0", ""))+end))
		require.NoError(t, err)
		assert.Equal(t, inventory.Facts{Declared: true, Ignored: 1}, facts, name)
	}
}

// of returns a pom with another parent.
func of(parent, artifact, rest string) string {
	return begin + "<parent><groupId>g</groupId><artifactId>" + parent + "</artifactId><version>1</version></parent><artifactId>" + artifact + "</artifactId>" + rest + end
}

func TestSourceTrees(t *testing.T) {
	all := join(t, map[string]string{
		// A module of the tree, and the same artifact for another tree.
		"one/pom.xml":   begin + own + "<modules><module>../two</module></modules>" + end,
		"one/b/pom.xml": begin + "<groupId>g</groupId><artifactId>b</artifactId><version>1</version>" + wants(dep("g:c", "1", ""), dep("g:a", "", "<type>test-jar</type>"), dep("g:a", "0.9", "")) + end,
		"two/pom.xml":   begin + "<groupId>g</groupId><artifactId>c</artifactId><version>1</version>" + wants(dep("g:b", "1", "")) + end,
		"other/pom.xml": begin + "<groupId>g</groupId><artifactId>z</artifactId><version>1</version>" + wants(dep("g:b", "1", "")) + end,
	})
	assert.Equal(t, []inventory.Package{pkg("g:a", "0.9", 5)}, all["one/b/pom.xml"].Packages)
	assert.Equal(t, 3, all["one/b/pom.xml"].Ignored)
	assert.Empty(t, all["two/pom.xml"].Packages)
	assert.Equal(t, []inventory.Package{pkg("g:b", "1", 3)}, all["other/pom.xml"].Packages)
}

func TestNearestCopy(t *testing.T) {
	parent := func(version string) string {
		return begin + own + "<properties><x>" + version + "</x></properties>" + end
	}
	child := of("a", "b", "\n"+wants(dep("x:y", "${x}", "")))
	all := join(t, map[string]string{
		"old/deep/parent/pom.xml": parent("1"), "old/deep/child/pom.xml": child,
		"new/deep/parent/pom.xml": parent("2"), "new/deep/child/pom.xml": child,
	})
	assert.Equal(t, []inventory.Package{pkg("x:y", "1", 4)}, all["old/deep/child/pom.xml"].Packages)
	assert.Equal(t, []inventory.Package{pkg("x:y", "2", 4)}, all["new/deep/child/pom.xml"].Packages)
}

// A parent may have a property for a version, and be named by its value.
func TestParentWithProperty(t *testing.T) {
	all := join(t, map[string]string{
		"pom.xml":   begin + "<groupId>g</groupId><artifactId>a</artifactId><version>${r}</version><properties><r>1</r><x>2</x></properties>" + end,
		"b/pom.xml": of("a", "b", "\n"+wants(dep("x:y", "${x}", ""))),
		"c/pom.xml": strings.Replace(of("a", "c", "\n"+wants(dep("x:y", "${x}", ""))), "</version></parent>", "</version><relativePath/></parent>", 1),
	})
	assert.Equal(t, []inventory.Package{pkg("x:y", "2", 4)}, all["b/pom.xml"].Packages)
	assert.Equal(t, []inventory.Package{pkg("x:y", "2", 4)}, all["c/pom.xml"].Packages)
}

func TestCircles(t *testing.T) {
	problem := []string{"parents or imported boms go too deep, turn in a circle or have too many entries: what they say is known in part"}
	x := []inventory.Package{pkg("x:y", "1.0", 4)}
	deep := map[string]string{"0/pom.xml": begin + own + end}
	for i := range maxParents + 2 {
		deep[fmt.Sprintf("%d/pom.xml", i+1)] = of(strings.Repeat("a", i+1), strings.Repeat("a", i+2), "\n"+wants(dep("x:y", "1.0", "")))
	}
	bom := func(name, imports string) string {
		return begin + "<groupId>g</groupId><artifactId>" + name + "</artifactId><version>1</version>" + managed(dep("g:"+imports, "1", "<type>pom</type><scope>import</scope>"), dep("x:y", "1.0", "")) + end
	}
	tests := map[string]map[string]string{
		"parents": {
			"1/pom.xml": of("b", "a", "\n"+wants(dep("x:y", "1.0", ""))),
			"2/pom.xml": of("a", "b", ""),
		},
		"boms": {
			"1/pom.xml": begin + strings.ReplaceAll(managed(dep("g:a", "1", "<type>pom</type><scope>import</scope>")), "\n", "") + "\n" + wants(dep("x:y", "", "")) + end,
			"2/pom.xml": bom("a", "b"),
			"3/pom.xml": bom("b", "a"),
		},
	}
	for name, files := range tests {
		facts := join(t, files)["1/pom.xml"]
		assert.Equal(t, x, facts.Packages, name)
		assert.Equal(t, problem, facts.Problems, name)
	}
	all := join(t, deep)
	assert.Empty(t, all[fmt.Sprintf("%d/pom.xml", maxParents)].Problems)
	assert.Equal(t, problem, all[fmt.Sprintf("%d/pom.xml", maxParents+2)].Problems)
	assert.Equal(t, x, all[fmt.Sprintf("%d/pom.xml", maxParents+2)].Packages)
}

// Properties that double again and again, in many projects, end in little time.
func TestWork(t *testing.T) {
	var properties strings.Builder
	properties.WriteString("<properties>")
	for i := range 30 {
		fmt.Fprintf(&properties, "<p%d>${p%d}${p%d}</p%d>", i, i+1, i+1, i)
	}
	properties.WriteString("<p30></p30></properties>\n")
	const n = 1000
	list := make([]string, n)
	for i := range list {
		list[i] = dep(fmt.Sprintf("x:y%d", i), "${p0}", "")
	}
	content := begin + own + properties.String() + wants(list...) + end
	facts := join(t, map[string]string{"pom.xml": content})["pom.xml"]
	require.Len(t, facts.Packages, n)
	for _, p := range facts.Packages {
		assert.Empty(t, p.Version)
		assert.Equal(t, "${p0}", p.Constraint)
	}

	// What goes beyond the work of all is known alone, and says so.
	if testing.Short() {
		t.Skip("takes seconds")
	}
	files := map[string]string{"pom.xml": content}
	for i := range 30 {
		files[fmt.Sprintf("m%02d/pom.xml", i)] = of("a", "b", strings.ReplaceAll(properties.String()+wants(list...), "<artifactId>y", "<artifactId>z"))
	}
	all := join(t, files)
	last := all["m29/pom.xml"]
	assert.Len(t, last.Packages, n)
	assert.Equal(t, []string{"the projects of the image are too many or too large: what the parent and boms of this one say is unknown"}, last.Problems)
}

// Many heirs of a large parent end with a problem, not without memory.
func TestManyPackages(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	const n = 10_000
	list := make([]string, n)
	for i := range list {
		list[i] = dep(fmt.Sprintf("x:y%d", i), "1", "")
	}
	files := map[string]string{"pom.xml": begin + own + wants(list...) + end}
	for i := range maxPackages/n + 1 {
		files[fmt.Sprintf("m%03d/pom.xml", i)] = of("a", "b", "")
	}
	all := join(t, files)
	total := 0
	for _, facts := range all {
		total += len(facts.Packages)
	}
	assert.Equal(t, maxPackages, total)
	last := all[fmt.Sprintf("m%03d/pom.xml", maxPackages/n)]
	assert.Equal(t, []string{"the projects of the image have more than 500000 dependencies: 10000 of this one are left out"}, last.Problems)
}

func TestTooMuchData(t *testing.T) {
	big, err := Extractor{}.Extract(t.Context(), extracttest.File("pom.xml", begin+own+wants(dep("x:y", "1.0", ""))+end))
	require.NoError(t, err)
	padding := bytes.Repeat([]byte(" "), maxData-len(big.Data)+1)
	joined, err := Extractor{}.Join(t.Context(), map[string][]byte{"a/pom.xml": append(big.Data, padding...), "b/pom.xml": big.Data})
	require.NoError(t, err)
	assert.Equal(t, []inventory.Package{pkg("x:y", "1.0", 4)}, joined["a/pom.xml"].Packages)
	assert.Len(t, joined["a/pom.xml"].Problems, 1)
	assert.Equal(t, []inventory.Package{pkg("x:y", "1.0", 4)}, joined["b/pom.xml"].Packages)
	assert.Empty(t, joined["b/pom.xml"].Problems)
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
		{"canceled", canceled, strings.NewReader(begin + end), context.Canceled, ""},
		{"read error", t.Context(), io.MultiReader(strings.NewReader(begin), iotest.ErrReader(broken)), broken, ""},
		{"a file without end", t.Context(), extracttest.Endless(" "), inventory.ErrTooLarge, "more than 16777216 bytes"},
		{"entries without end", t.Context(), strings.NewReader(begin + wants(strings.Repeat("<dependency/>", maxEntries+1)) + end), inventory.ErrTooLarge, "more than 100000 entries"},
		{"properties without end", t.Context(), strings.NewReader(begin + "<properties>" + strings.Repeat("<x/>", maxEntries+1)), inventory.ErrTooLarge, "more than 100000 entries"},
		{"elements without end", t.Context(), strings.NewReader(begin + strings.Repeat("<x>", 1<<20)), inventory.ErrTooLarge, "nested more than 100 deep"},
		{"elements without end in a text", t.Context(), strings.NewReader(begin + "<version>" + strings.Repeat("<x>", 1<<20)), inventory.ErrTooLarge, "nested more than 100 deep"},
		{"empty", t.Context(), strings.NewReader(""), nil, "there is no project"},
		{"another file", t.Context(), strings.NewReader("<web-app/>"), nil, "the file is no pom"},
		{"two projects", t.Context(), strings.NewReader(begin + end + begin + end), nil, "the file is no pom"},
		{"no XML", t.Context(), strings.NewReader("{}"), nil, "there is no project"},
		{"UTF-16", t.Context(), strings.NewReader("\xff\xfe<\x00p\x00"), nil, "XML syntax error"},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(tt.ctx, inventory.NewFile("pom.xml", 0o644, 1, tt.content, nil))
		require.Errorf(t, err, "Extract, %s", tt.name)
		if tt.is != nil {
			require.ErrorIsf(t, err, tt.is, "Extract, %s", tt.name)
		}
		assert.ErrorContainsf(t, err, tt.text, "Extract, %s", tt.name)
		assert.Zerof(t, facts, "Extract, %s", tt.name)
	}
}

func TestJoinErrors(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	joined, err := Extractor{}.Join(canceled, map[string][]byte{"pom.xml": []byte("{}")})
	assert.ErrorIs(t, err, context.Canceled)
	assert.Nil(t, joined)
	joined, err = Extractor{}.Join(t.Context(), map[string][]byte{"pom.xml": []byte("{")})
	assert.ErrorContains(t, err, `what was kept of "pom.xml"`)
	assert.Nil(t, joined)
}

func FuzzExtract(f *testing.F) {
	made := poms(f, "made")
	for _, name := range slices.Sorted(maps.Keys(made)) {
		f.Add(made[name], made["app/pom.xml"])
	}
	f.Add(begin+own+"<properties><a>${b}</a><b>${a}x</b></properties>"+end, of("a", "b", wants(dep("${a}:y", "${project.version}", ""))))
	f.Add(of("b", "a", ""), of("a", "b", managed(dep("g:a", "1", "<type>pom</type><scope>import</scope>"))))
	f.Fuzz(func(t *testing.T, above, below string) {
		data := make(map[string][]byte)
		for name, content := range map[string]string{"pom.xml": above, "b/pom.xml": below} {
			facts, err := Extractor{}.Extract(t.Context(), extracttest.File(name, content))
			extracttest.Check(t, facts, err)
			again, errAgain := Extractor{}.Extract(t.Context(), inventory.NewFile(name, 0o644, 0, iotest.OneByteReader(strings.NewReader(content)), nil))
			require.Equal(t, fmt.Sprint(err), fmt.Sprint(errAgain))
			require.Equal(t, facts, again)
			if err == nil {
				data[name] = facts.Data
			}
		}
		all, err := Extractor{}.Join(t.Context(), data)
		require.NoError(t, err)
		require.Len(t, all, len(data))
		again, err := Extractor{}.Join(t.Context(), data)
		require.NoError(t, err)
		require.Equal(t, all, again)
		for name, facts := range all {
			extracttest.Check(t, facts, nil)
			lines := strings.Count(map[string]string{"pom.xml": above, "b/pom.xml": below}[name], "\n") + 1
			for _, p := range facts.Packages {
				require.NotEmpty(t, p.Namespace)
				require.NotContains(t, p.Name+p.Version, "${")
				require.False(t, p.Version != "" && p.Constraint != "")
				require.LessOrEqual(t, len(p.Version), maxName)
				require.LessOrEqual(t, p.Line, lines)
			}
		}
	})
}

func BenchmarkExtract(b *testing.B) {
	content := extracttest.Fixture(b, "maven-resolver-1.6.3", "pom.xml")
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), extracttest.File("pom.xml", content))
		if err != nil || len(facts.Data) < 1000 {
			b.Fatal(len(facts.Data), err)
		}
	}
}

func BenchmarkJoin(b *testing.B) {
	// Large projects have some 1,000 modules and boms of 2,000 entries.
	list := make([]string, 2000)
	for i := range list {
		list[i] = dep(fmt.Sprintf("x:y%d", i), "${v}", "")
	}
	files := map[string]string{
		"pom.xml":     begin + own + managed(dep("g:bom", "1", "<type>pom</type><scope>import</scope>")) + end,
		"bom/pom.xml": begin + "<groupId>g</groupId><artifactId>bom</artifactId><version>1</version><properties><v>2</v></properties>" + managed(list...) + end,
	}
	for i := range 1000 {
		files[fmt.Sprintf("m%d/pom.xml", i)] = of("a", fmt.Sprintf("m%d", i), wants(dep("x:y1", "", ""), dep("x:y1999", "", "")))
	}
	data := make(map[string][]byte)
	for name, content := range files {
		facts, err := Extractor{}.Extract(b.Context(), extracttest.File(name, content))
		require.NoError(b, err)
		data[name] = facts.Data
	}
	b.ReportAllocs()
	for b.Loop() {
		all, err := Extractor{}.Join(b.Context(), data)
		if err != nil || len(all["m7/pom.xml"].Packages) != 2 || all["m7/pom.xml"].Packages[1].Version != "2" {
			b.Fatal(all["m7/pom.xml"], err)
		}
	}
}
