package hostile

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A Case is a hostile image and the answer to it.
type Case struct {
	Name string
	// Write writes an archive of "docker save".
	Write func(io.Writer) error
	// Error is part of the error that the scan must end with; empty if there
	// must be a report.
	Error string
	// Problems are parts of problems that the report must have, each of one.
	Problems []string
	// Packages are "name version" of packages that it must have, Absent of such
	// that it must not have.
	Packages, Absent []string
	// Large is true if it takes many seconds to make or to read.
	Large bool
}

// What an honest layer of these images has.
const (
	osRelease = "ID=alpine\nVERSION_ID=3.19.1\nPRETTY_NAME=\"Alpine Linux v3.19\"\n"
	installed = "P:musl\nV:1.2.4-r2\nA:x86_64\no:musl\n\n"
	database  = "lib/apk/db/installed"
	musl      = "musl 1.2.4-r2"
)

func alpine() []member { return []member{file("etc/os-release", osRelease), file(database, installed)} }

func apk(name, version string) string {
	return "P:" + name + "\nV:" + version + "\nA:x86_64\no:" + name + "\n\n"
}

// with is an honest layer and more members.
func with(more ...member) []byte { return tarOf(append(alpine(), more...)...) }

// after is an honest layer and more bytes of a tar archive.
func after(more ...[]byte) []byte {
	t := with()
	t = t[:len(t)-1024] // the end
	return append(append(t, slices.Concat(more...)...), make([]byte, 1024)...)
}

func one(data []byte) func(io.Writer) error { return image{layers: []layer{plain(data)}}.write }

// later makes what is large when it is asked for.
func later(f func() func(io.Writer) error) func(io.Writer) error {
	return func(w io.Writer) error { return f()(w) }
}

func layers(list ...layer) func(io.Writer) error { return image{layers: list}.write }

// Cases returns all cases.
func Cases() []Case {
	return slices.Concat(names(), links(), members(), bombs(), manifests(), parsers())
}

// names are paths that lead elsewhere.
func names() []Case {
	deep := strings.Repeat("d/", 5000)
	return []Case{
		{
			Name:     "names that climb out of the root mean what is in it",
			Write:    one(with(file("../../../../etc/passwd", "x"), file("a/../../../usr/lib/node_modules/a/package.json", `{"name":"a","version":"1.0.0"}`))),
			Packages: []string{musl, "a 1.0.0"},
		},
		{
			Name:     "absolute names are those of the image",
			Write:    one(tarOf(file("/etc/os-release", osRelease), file("//lib/./apk/db//installed", installed))),
			Packages: []string{musl},
		},
		{
			Name:     "names that are not UTF-8",
			Write:    one(with(file("usr/lib/node_modules/\xff\xfe/package.json", `{"name":"b","version":"1.0.0"}`), file("\x1b[2J\xc3\x28", "x"))),
			Packages: []string{musl, "b 1.0.0"},
		},
		{
			Name:  "a path of ten thousand bytes is an error, as no system can have it",
			Write: one(with(file(deep+"x", "x"))),
			Error: "path of 10001 bytes",
		},
		{
			Name:  "a pax header of many megabytes",
			Write: one(after(padded("PaxHeaders/x", 'x', strings.Repeat("a", 4<<20)), padded("x", '0', "x"))),
			Error: "extension of 4194304 bytes",
		},
		{
			Name:     "a name of a shell command is a name",
			Write:    one(with(file("usr/lib/node_modules/$(touch hostile)/package.json", `{"name":"c","version":"$(touch hostile)"}`))),
			Packages: []string{musl, "c $(touch hostile)"},
		},
		{
			Name:     "whiteouts of the root, of nothing and of folders above",
			Write:    layers(plain(with()), plain(tarOf(file(".wh.", ""), file("lib/.wh..wh.plnk", ""), file("x/.wh...", ""), file("lib/.wh..", "")))),
			Packages: []string{musl}, Problems: []string{"x/.wh...: a whiteout", "lib/.wh..: a whiteout"},
		},
		{
			Name:   "an opaque root removes what is below",
			Write:  layers(plain(with()), plain(tarOf(file(".wh..wh..opq", ""), file("usr/lib/node_modules/d/package.json", `{"name":"d","version":"1.0.0"}`)))),
			Absent: []string{musl}, Packages: []string{"d 1.0.0"},
		},
		{
			Name:   "a whiteout of a parent removes the package database",
			Write:  layers(plain(with()), plain(tarOf(file("lib/.wh.apk", "")))),
			Absent: []string{musl},
		},
	}
}

// links lead out of the root, in circles, or to what is no file.
func links() []Case {
	var loop []member
	for i := range 100 {
		loop = append(loop, link(fmt.Sprintf("l%d", i), fmt.Sprintf("l%d", (i+1)%100)))
	}
	return []Case{
		{
			Name:     "a link out of the root leads to the root",
			Write:    one(tarOf(link("etc/os-release", "../../../../../../../usr/lib/os-release"), file("usr/lib/os-release", osRelease), file(database, installed))),
			Packages: []string{musl},
		},
		{
			Name:  "links to files of the system that scans show nothing of them",
			Write: one(tarOf(link("etc/os-release", "/proc/self/environ"), link(database, "/proc/self/cmdline"), link("var/lib/dpkg/status", "/var/lib/dpkg/status"))),
		},
		{
			Name:     "a package database reached by links",
			Write:    one(tarOf(file("etc/os-release", osRelease), link("lib", "usr/lib"), link("usr/lib/apk/db/installed", "../../../../data/real"), file("data/real", installed))),
			Packages: []string{musl},
		},
		{
			Name:     "a package database that is a hard link",
			Write:    one(tarOf(file("etc/os-release", osRelease), file("data/real", installed), hardLink(database, "data/real"))),
			Packages: []string{musl},
		},
		{
			Name:     "a hard link to a file of a lower layer",
			Write:    layers(plain(tarOf(file("etc/os-release", osRelease), file("data/real", installed))), plain(tarOf(hardLink(database, "data/real")))),
			Packages: []string{musl},
		},
		{
			Name:     "a package database in a circle of links",
			Write:    one(tarOf(append(loop, file("etc/os-release", osRelease), link(database, "../../../l0"))...)),
			Problems: []string{"lib/apk/db/installed: symbolic links in a circle"},
		},
		{
			Name:     "hard links to themselves, to nothing and to a device",
			Write:    one(tarOf(file("etc/os-release", osRelease), hardLink(database, database), special("dev/zero", tar.TypeChar), hardLink("var/lib/dpkg/status", "dev/zero"), hardLink("var/lib/rpm/Packages", "nothing"))),
			Problems: []string{"lib/apk/db/installed", "dev/zero", "var/lib/rpm/Packages"},
		},
		{
			Name:     "devices and pipes in the place of package databases",
			Write:    one(with(special("var/lib/dpkg/status", tar.TypeFifo), special("var/lib/rpm/rpmdb.sqlite", tar.TypeChar), special("usr/lib/os-release", tar.TypeBlock))),
			Packages: []string{musl},
		},
		{
			Name:     "a folder in the place of a package database",
			Write:    one(with(member{tar.Header{Name: "var/lib/dpkg/status/", Typeflag: tar.TypeDir, Mode: 0o755}, ""})),
			Packages: []string{musl},
		},
	}
}

// members are tar headers that lie.
func members() []Case {
	huge := append([]byte{0x80, 0, 0, 0}, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
	negative := bytes.Repeat([]byte{0xff}, 12)
	sparse := padded("PaxHeaders/s", 'x', "22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n"+"30 GNU.sparse.name=lib/x.json\n"+"38 GNU.sparse.realsize=10995116277760\n")
	return []Case{
		{Name: "a negative size", Write: one(after(header("x", '0', string(negative)))), Error: "size"},
		{Name: "a size beyond all numbers", Write: one(after(header("x", '0', string(huge)))), Error: ""},
		{Name: "a size that octal digits cannot hold", Write: one(after(header("x", '0', "777777777777"))), Error: "EOF"},
		{Name: "a size that is no number", Write: one(after(header("x", '0', "evil"))), Error: "size"},
		{
			Name:     "a sparse file of ten terabytes",
			Write:    one(after(sparse, padded("GNUSparseFile.0/x", '0', "1\n0\n1\n"+strings.Repeat("\x00", 506)))),
			Packages: []string{musl},
		},
		{
			Name:     "a package database that is sparse is told of",
			Write:    one(systemAnd(sparseDatabase())),
			Problems: []string{"sparse"},
		},
		{
			Name:     "of two members of one name the last counts",
			Write:    one(tarOf(file("etc/os-release", osRelease), file(database, apk("old", "1.0-r0")), file(database, apk("new", "2.0-r0")))),
			Packages: []string{"new 2.0-r0"}, Absent: []string{"old 1.0-r0"},
		},
		{
			Name:     "a file that becomes a folder",
			Write:    layers(plain(with()), plain(tarOf(member{tar.Header{Name: database + "/", Typeflag: tar.TypeDir, Mode: 0o755}, ""}))),
			Absent:   []string{musl},
			Packages: nil,
		},
		{Name: "a layer of text", Write: one([]byte(strings.Repeat("this is no archive\n", 1000))), Error: "tar"},
		{Name: "a layer of random bytes", Write: one(noise(64 << 10)), Error: ""},
		{Name: "a layer that is cut in the middle of a file", Write: one(with()[:1100]), Error: "EOF"},
		{Name: "a gzip layer that is cut", Write: layers(layer{gzipped(with())[:200], digest(with())}), Error: "EOF"},
		{Name: "a gzip layer with a wrong checksum", Write: layers(layer{wrongChecksum(gzipped(with())), digest(with())}), Error: "checksum"},
		{Name: "content of another diff ID", Write: layers(layer{gzipped(with()), digest([]byte("other"))}), Error: "has diff ID"},
		{Name: "bytes behind the end of a layer are part of its digest", Write: layers(layer{gzipped(append(with(), "more"...)), digest(with())}), Error: "has diff ID"},
	}
}

// noise are bytes without a pattern, always the same.
func noise(n int) []byte {
	out := make([]byte, n)
	x := uint64(88172645463325252)
	for i := range out {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		out[i] = byte(x)
	}
	return out
}

func wrongChecksum(z []byte) []byte {
	z[len(z)-8] ^= 1
	return z
}

// sparseDatabase is a package database with a hole, as GNU tar writes it.
func sparseDatabase() []byte {
	h := header(database, 'S', fmt.Sprintf("%011o\x00", len(installed)))
	copy(h[386:], fmt.Sprintf("%011o\x00%011o\x00", 0, len(installed)))
	copy(h[483:], fmt.Sprintf("%011o\x00", int64(1<<32)))
	copy(h[148:], "        ")
	sum := 0
	for _, c := range h {
		sum += int(c)
	}
	copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
	return append(append(h, installed...), make([]byte, 512-len(installed))...)
}

// systemAnd is a layer with os-release and more bytes of a tar archive.
func systemAnd(raw []byte) []byte {
	t := tarOf(file("etc/os-release", osRelease))
	return append(append(t[:len(t)-1024], raw...), make([]byte, 1024)...)
}

// bombs are small and become large.
func bombs() []Case {
	const giga = 1 << 30
	return []Case{
		{
			Name: "a gigabyte of zeros for a package database",
			Write: later(func() func(io.Writer) error {
				return layers(plain(with()), bomb("var/lib/dpkg/status", giga, "\x00", gzipWriter))
			}),
			Packages: []string{musl}, Problems: []string{"var/lib/dpkg/status"},
		},
		{
			Name: "a gigabyte of spaces for a package.json, as zstd",
			Write: later(func() func(io.Writer) error {
				return layers(plain(with()), bomb("usr/lib/node_modules/x/package.json", giga, " ", zstdWriter))
			}),
			Packages: []string{musl}, Problems: []string{"package.json"},
		},
		{
			Name: "a gigabyte of packages without an end",
			Write: later(func() func(io.Writer) error {
				return layers(plain(with()), bomb("var/lib/dpkg/status", giga, "Package: a\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n\n", gzipWriter))
			}),
			Packages: []string{musl}, Problems: []string{"var/lib/dpkg/status"}, Large: true,
		},
		{
			Name: "a gigabyte that nobody wants",
			Write: later(func() func(io.Writer) error {
				return layers(plain(with()), bomb("data/zeros", giga, "\x00", gzipWriter))
			}),
			Packages: []string{musl},
		},
		{
			Name: "a Java archive of four gigabytes",
			Write: later(func() func(io.Writer) error {
				return layers(plain(with()), bomb("app.jar", 4*giga, "\x00", gzipWriter))
			}),
			Packages: []string{musl}, Problems: []string{"app.jar"}, Large: true,
		},
		{
			Name:     "a program of a gigabyte",
			Write:    later(func() func(io.Writer) error { return layers(plain(with()), elfBomb(giga)) }),
			Packages: []string{musl},
		},
		{Name: "a hundred thousand empty gzip members", Write: later(func() func(io.Writer) error {
			return layers(layer{append(bytes.Repeat(gzipped(nil), 100_000), gzipped(with())...), digest(with())})
		}), Packages: []string{musl}},
		{Name: "a million tiny files", Write: later(func() func(io.Writer) error { return one(crowd(1_000_000)) }), Packages: []string{musl}, Large: true},
		{Name: "a hundred thousand packages", Write: later(func() func(io.Writer) error {
			return one(tarOf(file("etc/os-release", osRelease), file(database, installed+numbered(100_000))))
		}), Packages: []string{musl, "p99999 1-r0"}, Large: true},
	}
}

func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(apk(fmt.Sprintf("p%d", i), "1-r0"))
	}
	return b.String()
}

// crowd is a layer of n empty files.
func crowd(n int) []byte {
	t := with()
	t = t[:len(t)-1024]
	for i := range n {
		t = append(t, header(fmt.Sprintf("d/%d", i), '0', "00000000000\x00")...)
	}
	return append(t, make([]byte, 1024)...)
}

// elfBomb is a layer with a program of size bytes.
func elfBomb(size int64) layer {
	return bomb("usr/bin/x", size, "\x7fELF\x02\x01\x01\x00", gzipWriter)
}

// manifests disagree with the layers.
func manifests() []Case {
	thousand := slices.Repeat([]string{digest(nil)}, 1000)
	field := func(name string, value any) func([]any) []any {
		return func(list []any) []any {
			list[0].(map[string]any)[name] = value
			return list
		}
	}
	l := []layer{plain(with())}
	return []Case{
		{Name: "more diff IDs than layers", Write: image{layers: l, diffIDs: append(thousand, l[0].diffID)}.write, Error: "1 layers, the configuration 1001"},
		{Name: "fewer diff IDs than layers", Write: image{layers: l, diffIDs: []string{}}.write, Error: "1 layers, the configuration 0"},
		{Name: "a layer that is not there", Write: image{layers: l, manifest: field("Layers", []string{"1/layer.tar"})}.write, Error: "layer 0"},
		{Name: "a layer that is outside of the archive", Write: image{layers: l, manifest: field("Layers", []string{"../../../etc/passwd"})}.write, Error: "layer 0"},
		{Name: "a configuration that is outside of the archive", Write: image{layers: l, manifest: field("Config", "/etc/passwd")}.write, Error: "passwd"},
		{Name: "no images", Write: image{layers: l, manifest: func([]any) []any { return []any{} }}.write, Error: "no image"},
		{Name: "ten thousand images", Write: image{layers: l, manifest: func(list []any) []any { return slices.Repeat(list, 10_000) }}.write, Error: ""},
		{Name: "a thousand layers that are one", Write: image{layers: l, diffIDs: slices.Repeat([]string{l[0].diffID}, 1000), manifest: field("Layers", slices.Repeat([]string{"0/layer.tar"}, 1000))}.write, Packages: []string{musl}},
		{Name: "a manifest of brackets", Write: func(w io.Writer) error {
			_, err := w.Write(tarOf(file("manifest.json", strings.Repeat("[", 1<<20))))
			return err
		}, Error: "manifest.json"},
		{Name: "a manifest that is a link to itself", Write: func(w io.Writer) error {
			_, err := w.Write(tarOf(link("manifest.json", "manifest.json")))
			return err
		}, Error: "link"},
	}
}
