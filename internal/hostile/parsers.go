package hostile

import (
	"archive/zip"
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
)

// parsers are files that are to break whoever reads what they record.
func parsers() []Case {
	return []Case{
		{
			Name:     "a database of rpm packages of 12 KiB that claims billions",
			Write:    one(with(file("var/lib/rpm/Packages", string(rpmBDB())), file("var/lib/rpm/Packages.db", string(rpmNDB())))),
			Packages: []string{musl}, Problems: []string{"var/lib/rpm/Packages", "var/lib/rpm/Packages.db"},
		},
		{
			Name:     "a SQLite database whose pages go in circles",
			Write:    one(with(file("var/lib/rpm/rpmdb.sqlite", string(rpmSQLite())))),
			Packages: []string{musl}, Problems: []string{"rpmdb.sqlite"},
		},
		{
			Name:     "shell code in os-release is text",
			Write:    one(tarOf(file("etc/os-release", "ID=\"$(touch hostile)\"\nNAME=`touch hostile`\nVERSION_ID='1;touch hostile'\n"), file(database, installed))),
			Packages: []string{musl},
		},
		{
			Name: "Ruby code in a gemspec is text",
			Write: one(with(file("usr/lib/ruby/gems/3.0.0/specifications/evil-1.0.gemspec",
				"Gem::Specification.new do |s|\n  s.name = \"evil\"\n  s.version = \"1.0\"\n  system(\"touch hostile\")\n  `touch hostile`\nend\n"))),
			Packages: []string{musl, "evil 1.0"},
		},
		{
			Name: "a package.json of brackets",
			Write: later(func() func(io.Writer) error {
				return one(with(file("usr/lib/node_modules/x/package.json", strings.Repeat("[", 1<<20)), file("usr/lib/node_modules/y/package.json", `{"name":"y","version":"1.0.0","x":`+strings.Repeat(`{"a":`, 1<<18))))
			}),
			Packages: []string{musl}, Problems: []string{"node_modules/x/package.json", "node_modules/y/package.json"},
		},
		{
			Name: "a database of one line",
			Write: later(func() func(io.Writer) error {
				return one(with(file("var/lib/dpkg/status", "Package: "+strings.Repeat("a", 32<<20))))
			}),
			Packages: []string{musl}, Problems: []string{"var/lib/dpkg/status"},
		},
		{
			Name:     "a Java archive whose entries overlap",
			Write:    later(func() func(io.Writer) error { return one(with(file("app.jar", string(overlapping(2000, 1<<20))))) }),
			Packages: []string{musl},
		},
		{
			Name:     "Java archives in one another, a hundred deep",
			Write:    later(func() func(io.Writer) error { return one(with(file("app.jar", string(nested(100))))) }),
			Packages: []string{musl}, Problems: []string{"app.jar"},
		},
		{
			Name:     "a Java archive of ten thousand archives",
			Write:    later(func() func(io.Writer) error { return one(with(file("app.jar", string(wide(10_000))))) }),
			Packages: []string{musl},
		},
		{
			Name:     "a Java archive that is no archive",
			Write:    one(with(file("app.jar", "PK\x03\x04"+strings.Repeat("x", 1000)+"PK\x05\x06"+strings.Repeat("\xff", 18)))),
			Packages: []string{musl}, Problems: []string{"app.jar"},
		},
		{
			Name:     "a program whose sections are elsewhere",
			Write:    one(with(program("usr/bin/x", string(elf(1<<62, 1<<62))), program("usr/bin/y", string(elf(64, 1<<40))))),
			Packages: []string{musl}, Problems: []string{"usr/bin/x"},
		},
		{
			Name: "a list of crates that inflates to a gigabyte",
			Write: later(func() func(io.Writer) error {
				return one(with(program("usr/bin/x", string(elfWith(".dep-v0", deflated(1<<30))))))
			}),
			Packages: []string{musl}, Problems: []string{"usr/bin/x"},
		},
		{
			Name:     "aliases of YAML that become billions",
			Write:    one(with(file("app/pnpm-lock.yaml", yamlBomb()))),
			Packages: []string{musl},
		},
		{
			Name:     "entities of XML that become billions",
			Write:    one(with(file("app/pom.xml", xmlBomb()), file("app/packages.config", xmlBomb()))),
			Packages: []string{musl},
		},
	}
}

// rpmBDB is a hash database of Berkeley DB whose only value has a length of
// 2 GiB, in pages that follow one another in a circle.
func rpmBDB() []byte {
	const size = 4096
	b := make([]byte, 3*size)
	le := binary.LittleEndian
	le.PutUint32(b[12:], 0x061561)
	le.PutUint32(b[16:], 9)
	le.PutUint32(b[20:], size)
	b[25] = 8
	le.PutUint32(b[32:], 2)
	p := b[size:]
	le.PutUint32(p[8:], 1)
	le.PutUint16(p[20:], 2) // entries
	p[25] = 13
	le.PutUint16(p[26:], 100)
	le.PutUint16(p[28:], 200)
	p[100] = 1
	p[200] = 3
	le.PutUint32(p[204:], 2)
	le.PutUint32(p[208:], 0x7fffffff)
	o := b[2*size:]
	le.PutUint32(o[8:], 2)
	le.PutUint32(o[16:], 2) // the next is itself
	le.PutUint16(o[22:], size-26)
	o[25] = 7
	return b
}

// rpmNDB is a database of rpm's own whose slots claim two billion pages.
func rpmNDB() []byte {
	b := make([]byte, 12<<10)
	le := binary.LittleEndian
	copy(b, "RpmP")
	le.PutUint32(b[12:], 0x7fffffff)
	for at := 32; at+16 <= len(b); at += 16 {
		copy(b[at:], "Slot")
		le.PutUint32(b[at+4:], uint32(at))
		le.PutUint32(b[at+8:], 1)
		le.PutUint32(b[at+12:], 0x7fffffff)
	}
	return b
}

// rpmSQLite is a database of three pages; the schema is its own child.
func rpmSQLite() []byte {
	const size = 4096
	b := make([]byte, 3*size)
	be := binary.BigEndian
	copy(b, "SQLite format 3\x00")
	be.PutUint16(b[16:], size)
	b[18], b[19] = 1, 1
	b[21], b[22], b[23] = 64, 32, 32
	be.PutUint32(b[28:], 3)
	be.PutUint32(b[56:], 1)
	b[100] = 0x05 // an interior page of a table
	be.PutUint16(b[103:], 1)
	be.PutUint16(b[105:], size-8)
	be.PutUint32(b[108:], 1) // the rightmost child is itself
	be.PutUint16(b[112:], size-8)
	be.PutUint32(b[size-8:], 1)
	return b
}

// overlapping is a zip archive in which n names share one content that inflates
// to size bytes.
func overlapping(n, size int) []byte {
	var body bytes.Buffer
	w := zip.NewWriter(&body)
	f := must(w.Create("META-INF/maven/a/b/pom.properties"))
	must(f.Write(bytes.Repeat([]byte("#"), size)))
	check(w.Close())
	whole := body.Bytes()
	end := bytes.LastIndex(whole, []byte("PK\x05\x06"))
	start := bytes.LastIndex(whole[:end], []byte("PK\x01\x02"))
	entry := whole[start:end]
	out := bytes.Clone(whole[:start])
	for range n {
		out = append(out, entry...)
	}
	tail := bytes.Clone(whole[end:])
	le := binary.LittleEndian
	le.PutUint16(tail[8:], uint16(n))
	le.PutUint16(tail[10:], uint16(n))
	le.PutUint32(tail[12:], uint32(n*len(entry)))
	le.PutUint32(tail[16:], uint32(start))
	return append(out, tail...)
}

// jar is a Java archive with the given files.
func jar(files map[string][]byte) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, content := range files {
		f := must(w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store}))
		must(f.Write(content))
	}
	check(w.Close())
	return b.Bytes()
}

func nested(depth int) []byte {
	out := jar(map[string][]byte{"META-INF/MANIFEST.MF": []byte("Manifest-Version: 1.0\n")})
	for range depth {
		out = jar(map[string][]byte{"lib/inner.jar": out})
	}
	return out
}

func wide(n int) []byte {
	inner := jar(map[string][]byte{"META-INF/MANIFEST.MF": []byte("Manifest-Version: 1.0\n")})
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := range n {
		f := must(w.Create(fmt.Sprintf("lib/%d.jar", i)))
		must(f.Write(inner))
	}
	check(w.Close())
	return b.Bytes()
}

// elf is the head of a program whose section headers are at an offset, with a
// size that nothing has.
func elf(offset, size uint64) []byte {
	b := make([]byte, 4096)
	copy(b, "\x7fELF\x02\x01\x01")
	le := binary.LittleEndian
	le.PutUint16(b[16:], 2)      // an executable
	le.PutUint16(b[18:], 62)     // x86-64
	le.PutUint32(b[20:], 1)      // version
	le.PutUint64(b[40:], offset) // of the section headers
	le.PutUint16(b[52:], 64)     // size of this header
	le.PutUint16(b[58:], 64)     // size of a section header
	le.PutUint16(b[60:], 32)     // sections
	le.PutUint16(b[62:], 1)      // the one with the names
	for i := range 32 {
		h := b[64+64*i:]
		le.PutUint32(h[4:], 1)
		le.PutUint64(h[24:], offset)
		le.PutUint64(h[32:], size)
	}
	return b
}

// elfWith is a program with one section of content.
func elfWith(name string, content []byte) []byte {
	names := "\x00" + name + "\x00.shstrtab\x00"
	le := binary.LittleEndian
	b := make([]byte, 64)
	copy(b, "\x7fELF\x02\x01\x01")
	le.PutUint16(b[16:], 2)
	le.PutUint16(b[18:], 62)
	le.PutUint32(b[20:], 1)
	le.PutUint16(b[52:], 64)
	le.PutUint16(b[58:], 64)
	le.PutUint16(b[60:], 3)
	le.PutUint16(b[62:], 2)
	at := uint64(len(b))
	b = append(b, content...)
	namesAt := uint64(len(b))
	b = append(b, names...)
	le.PutUint64(b[40:], uint64(len(b)))
	section := func(name, typ uint32, offset, size uint64) {
		h := make([]byte, 64)
		le.PutUint32(h[0:], name)
		le.PutUint32(h[4:], typ)
		le.PutUint64(h[24:], offset)
		le.PutUint64(h[32:], size)
		b = append(b, h...)
	}
	section(0, 0, 0, 0)
	section(1, 1, at, uint64(len(content)))
	section(uint32(len(name)+2), 3, namesAt, uint64(len(names)))
	return b
}

func deflated(size int64) []byte {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	must(io.Copy(w, &repeat{bytes.Repeat([]byte(" "), 64<<10), size}))
	check(w.Close())
	return b.Bytes()
}

func yamlBomb() string {
	var b strings.Builder
	b.WriteString("lockfileVersion: '9.0'\na0: &a0 [x,x,x,x,x,x,x,x,x,x]\n")
	for i := 1; i < 12; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i-1), 10), ","))
	}
	b.WriteString("packages: *a11\n")
	return b.String()
}

func xmlBomb() string {
	var b strings.Builder
	b.WriteString("<?xml version=\"1.0\"?>\n<!DOCTYPE project [\n<!ENTITY a0 \"x\">\n")
	for i := 1; i < 12; i++ {
		fmt.Fprintf(&b, "<!ENTITY a%d \"%s\">\n", i, strings.Repeat(fmt.Sprintf("&a%d;", i-1), 10))
	}
	b.WriteString("]>\n<project><groupId>&a11;</groupId><artifactId>a</artifactId><version>1</version></project>\n")
	return b.String()
}
