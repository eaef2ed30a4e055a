package fingerprint

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/extract/extracttest"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// elf is the begin of a compiled file.
const elf = "\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// content returns a file with an excerpt in it.
func (e excerpt) content() string {
	if e.plain() {
		return e.data
	}
	return elf + e.data + "\xff\x00\x00"
}

// plain reports whether the excerpt is the begin of a text file.
func (e excerpt) plain() bool {
	return slices.Contains([]string{"VERSION", "OTP_VERSION", "rabbit.app", "version.php"}, e.file)
}

func excerpts() []excerpt { return slices.Concat(real, documented) }

// scanned returns what a scan finds in content, written in pieces.
func scanned(name string, pieces ...string) (found, problems []string) {
	scan := For(name)
	if scan == nil {
		return nil, nil
	}
	for _, piece := range pieces {
		_, _ = scan.Write([]byte(piece))
	}
	for _, p := range scan.Packages() {
		found = append(found, p.Name+" "+p.Version)
	}
	return found, scan.Problems()
}

func TestIdentity(t *testing.T) { extracttest.Identity(t, Extractor{}, "fingerprint", 1) }

func TestPatterns(t *testing.T) {
	want := map[string]bool{
		"usr/sbin/nginx":     true,
		"opt/node/bin/node":  true,
		"python3":            true,
		"usr/bin/python3.11": true,
		"usr/lib/x86_64-linux-gnu/libcrypto.so.3":      true,
		"app/numpy.libs/libcrypto-3dcb6c0e.so.1.1":     true,
		"usr/lib/libpython3.12.so.1.0":                 true,
		"lib/ld-musl-aarch64.so.1":                     true,
		"usr/local/go/VERSION":                         true,
		"usr/sbin/nginx2":                              false,
		"usr/sbin/nginx/other":                         false,
		"usr/bin/python4":                              false,
		"usr/lib/libcryptography.so.3":                 false,
		"usr/lib/libsslcommon.so":                      false,
		"usr/lib/x86_64-linux-gnu/libavcodec.a":        false,
		"usr/share/doc/openssl/copyright":              false,
		"etc/nginx.conf":                               false,
		"usr/bin/bashbug":                              false,
		"usr/bin/gitk":                                 false,
		"usr/bin/curl-config":                          false,
		"":                                             false,
		"usr/lib/erlang/releases/25/installed_version": false,
	}
	extracttest.Wants(t, Extractor{}, want)
	for name, wanted := range want {
		assert.Equalf(t, wanted, For(name) != nil, "For(%q)", name)
	}
}

func TestExcerpts(t *testing.T) {
	for _, e := range excerpts() {
		found, problems := scanned("some/folder/"+e.file, e.content())
		assert.Equalf(t, []string{e.want}, found, "%s of %s: %q", e.file, e.from, e.data)
		assert.Emptyf(t, problems, "%s of %s", e.file, e.from)
	}
}

// Each text of each rule has its excerpt: a rule is not added without.
func TestTextsHaveExcerpts(t *testing.T) {
	table := lookup()
	for i := range table.rules {
		e := &table.rules[i]
		for j, text := range e.texts() {
			seen := slices.ContainsFunc(excerpts(), func(x excerpt) bool {
				if !e.wants(x.file) || !strings.HasPrefix(x.want, e.name()+" ") {
					return false
				}
				if text.whole != nil {
					return text.whole.MatchString(x.data)
				}
				content := []byte(x.content())
				for at := range content {
					if bytes.HasPrefix(content[at:], text.anchor) && text.version(content[:at], content[at:]) != "" {
						return true
					}
				}
				return false
			})
			assert.Truef(t, seen, "text %d of %s", j, e.purl)
		}
	}
}

func TestRules(t *testing.T) {
	table := lookup()
	seen := map[string]bool{}
	for i := range table.rules {
		e := &table.rules[i]
		assert.Falsef(t, seen[e.files+e.purl], "%s is there twice", e.purl)
		seen[e.files+e.purl] = true
		assert.Regexpf(t, `^pkg:generic/[a-z][a-z0-9-]*$`, e.purl, "purl")
		for name := range strings.FieldsSeq(e.cpe) {
			assert.Regexpf(t, `^[a-z0-9._-]+:[a-z0-9._/-]+$`, name, "CPE of %s", e.purl)
		}
		require.NotEmptyf(t, e.globs, "files of %s", e.purl)
		for _, glob := range e.globs {
			_, err := path.Match(glob, "x")
			require.NoErrorf(t, err, "%q", glob)
			assert.NotEmptyf(t, stem(glob), "%q", glob)
		}
		require.NotEmptyf(t, e.texts(), "texts of %s", e.purl)
		for j, text := range e.texts() {
			if text.whole == nil {
				// Shorter ones are so frequent that the search is slow.
				assert.GreaterOrEqualf(t, len(text.anchor), 2, "anchor of text %d of %s", j, e.purl)
			}
		}
	}
	assert.GreaterOrEqual(t, len(table.rules), 50)
}

// What is no evidence: the file has the right name.
func TestForeign(t *testing.T) {
	tests := []struct{ file, why, content string }{
		{"nginx", "a library it is built with", elf + "\x00OpenSSL 3.0.20 7 Apr 2026\x00 deflate 1.2.13 Copyright 1995\x00"},
		{"python3.11", "zlib and expat are in it", elf + "\x001.2.13\x00expat_2.5.0\x00OpenSSL 3.0.11 19 Sep 2023\x00"},
		{"python3.11", "the version of another minor release", elf + "\x003.9.2\x00"},
		{"python3", "SQLite is in it", elf + "\x003.40.1\x00"},
		{"node", "engines and libraries", elf + "\x0010.2.154.26-node.26\x00OpenSSL 3.0.15+quic 3 Sep 2024\x001.1.1\x00"},
		{"node", "another program's headers", elf + "https://nodejs.org/download/release/v21.2.0/docs/"},
		{"deno", "the headers of Node.js", elf + "/download/release/v21.2.0/node-v21.2.0.tar.gz"},
		{"curl", "the library's own name", elf + "\x00libcurl/7.88.1\x00"},
		{"libcurl.so.4", "the program's name", elf + "\x00curl/7.88.1\x00"},
		{"libcrypto.so", "BoringSSL says that it is OpenSSL", elf + "\x00OpenSSL 1.1.1 (compatible; BoringSSL)\x00"},
		{"openssl", "a sentence", elf + "\x00enable OpenSSL 3.0 legacy provider\x00"},
		{"perl", "a version that a feature is from", elf + "\x00v5.32.0\x00%-p::%s\x00"},
		{"mariadbd", "the version of a tool in it", elf + "\x002.7.4-MariaDB\x00"},
		{"wget", "zlib's version", elf + "\x001.2.13\x00"},
		{"traefik", "a pseudo-version", elf + "mod\tgithub.com/traefik/traefik/v3\tv3.0.1-0.20240101120000-abcdefabcdef\t\n"},
		{"caddy", "no version", elf + "mod\tgithub.com/caddyserver/caddy/v2\t(devel)\t\n"},
		{"vault", "the API's module", elf + "dep\tgithub.com/hashicorp/vault/api\tv1.10.0\th1:\n"},
		{"etcd", "a client's variable", elf + "-X go.etcd.io/etcd/api/v3/version.GitSHA=bdbbde998\n"},
		{"redis-server", "the version of a library", elf + "\x005.3.0\x00jemalloc-5.3.0\x00"},
		{"nginx", "nothing", elf},
		{"nginx", "a script", "#!/bin/sh\necho 'nginx version: nginx/1.22.1'\n"},
		{"nginx", "empty", ""},
		{"nginx", "three bytes", "\x7fEL"},
		{"VERSION", "of something else", "2.11.0\n"},
		{"VERSION", "that begins like it", "go1.21.3 and more\n"},
		{"VERSION", "compiled", elf + "\ngo1.21.3\n"},
		{"OTP_VERSION", "not a version", "unknown\n"},
		{"version.php", "of something else", "<?php\n$version = '1.2.3';\n"},
		{"version.php", "beyond what is looked at", "<?php\n" + strings.Repeat("/", maxText) + "\n$wp_version = '6.1.9';\n"},
	}
	for _, tt := range tests {
		found, problems := scanned(tt.file, tt.content)
		assert.Emptyf(t, found, "%s: %s", tt.file, tt.why)
		assert.Emptyf(t, problems, "%s: %s", tt.file, tt.why)
	}
}

func TestTwoVersions(t *testing.T) {
	found, problems := scanned("nginx", elf+"nginx version: nginx/1.22.1\nnginx version: nginx/1.22.1\nnginx version: nginx/1.23.0\n\x00nginx version: nginx/1.9.9\n")
	assert.Empty(t, found)
	assert.Equal(t, []string{`"nginx" holds two versions of nginx: "1.22.1" and "1.23.0"`}, problems)

	scan := For("nginx")
	_, _ = scan.Write([]byte(elf + "nginx version: nginx/1.22.1\nnginx version: nginx/1.23.0\n"))
	_, _ = scan.Write([]byte("nginx version: openresty/1.25.3.1\n" + strings.Repeat("\x00", window)))
	assert.False(t, scan.Done(), "another rule is still looking")
	require.Len(t, scan.Packages(), 1)
	assert.Equal(t, "openresty", scan.Packages()[0].Name)

	scan = For("memcached")
	_, _ = scan.Write([]byte(elf + "\x00memcached 1.6.1\x00\x00memcached 1.6.2\x00" + strings.Repeat("\x00", window)))
	assert.True(t, scan.Done(), "nothing can be found any more")
	assert.Empty(t, scan.Packages())
	assert.Len(t, scan.Problems(), 1)
}

func TestPackage(t *testing.T) {
	tests := []struct{ file, data, version, cpe string }{
		{"nginx", "nginx version: nginx/1.22.1\n", "1.22.1", "cpe:2.3:a:f5:nginx:1.22.1:*:*:*:*:*:*:*"},
		{"node", "\x00node.js/v18.20.4\x00", "18.20.4", "cpe:2.3:a:nodejs:node.js:18.20.4:*:*:*:*:*:*:*"},
		{"openssl", "\x00OpenSSL 1.1.1w  11 Sep 2023\x00", "1.1.1w", "cpe:2.3:a:openssl:openssl:1.1.1w:*:*:*:*:*:*:*"},
		{"openssl", "\x00OpenSSL 3.0.0-alpha4 25 Jun 2020\x00", "3.0.0-alpha4", "cpe:2.3:a:openssl:openssl:3.0.0:alpha4:*:*:*:*:*:*"},
		{"sshd", "OpenSSH_9.2p1 Debian", "9.2p1", "cpe:2.3:a:openbsd:openssh:9.2:p1:*:*:*:*:*:*"},
		{"python3.12", "\x003.12.0b1\x00", "3.12.0b1", "cpe:2.3:a:python:python:3.12.0:beta1:*:*:*:*:*:*"},
		{"python3.12", "\x003.12.0a7\x00", "3.12.0a7", "cpe:2.3:a:python:python:3.12.0:alpha7:*:*:*:*:*:*"},
		{"php", "X-Powered-By: PHP/8.3.0RC4\x00", "8.3.0RC4", "cpe:2.3:a:php:php:8.3.0:rc4:*:*:*:*:*:*"},
		{"libMagickCore-7.Q16.so.10", "ImageMagick 7.1.1-43 Q16", "7.1.1-43", "cpe:2.3:a:imagemagick:imagemagick:7.1.1-43:*:*:*:*:*:*:*"},
		{"traefik", "mod\tgithub.com/traefik/traefik/v3\tv3.0.0-rc.1\t\n", "3.0.0-rc.1", "cpe:2.3:a:traefik:traefik:3.0.0:rc1:*:*:*:*:*:*"},
	}
	for _, tt := range tests {
		scan := For("usr/bin/" + tt.file)
		require.NotNilf(t, scan, "For(%q)", tt.file)
		_, _ = scan.Write([]byte(elf + tt.data))
		got := scan.Packages()
		require.Lenf(t, got, 1, "%s: %q", tt.file, tt.data)
		assert.Equal(t, "generic", got[0].Type)
		assert.Equal(t, tt.version, got[0].Version)
		assert.Equal(t, []string{tt.cpe}, got[0].CPEs)
		assert.Equal(t, got, scan.Packages(), "packages asked for again")
	}
	assert.Equal(t, `cpe:2.3:a:erlang:erlang\/otp:25.2\+x:*:*:*:*:*:*:*`, cpe("erlang", "erlang/otp", "25.2+x"))
}

func TestReal(t *testing.T) {
	content := extracttest.Fixture(t, "debian-12", "tini")
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File("usr/bin/tini", content))
	require.NoError(t, err)
	assert.Equal(t, inventory.Facts{Packages: []inventory.Package{{Type: "generic", Name: "tini", Version: "0.19.0"}}}, facts)

	facts, err = Extractor{}.Extract(t.Context(), extracttest.File("usr/bin/other", content))
	require.NoError(t, err)
	assert.Zero(t, facts, "no rule wants the file")
}

// A text is found however the file is cut into pieces.
func TestSplits(t *testing.T) {
	for _, e := range excerpts() {
		content := e.content()
		for i := range len(content) + 1 {
			found, _ := scanned(e.file, content[:i], content[i:])
			require.Equalf(t, []string{e.want}, found, "%s cut at byte %d: %q", e.from, i, content)
		}
		found, _ := scanned(e.file, strings.Split(content, "")...)
		require.Equalf(t, []string{e.want}, found, "%s by bytes", e.from)
	}
}

// A text is found wherever it lies with respect to the window, and at the end
// of the file.
func TestWindow(t *testing.T) {
	for _, e := range excerpts() {
		if e.plain() {
			continue
		}
		zeros := make([]byte, 2*window)
		for first := window - maxAfter - maxBefore - len(e.data); first <= window+1; first += 7 {
			scan := For(e.file)
			_, _ = scan.Write([]byte(elf))
			_, _ = scan.Write(zeros[:first])
			_, _ = scan.Write([]byte(e.data))
			_, _ = scan.Write(zeros)
			got := scan.Packages()
			require.Lenf(t, got, 1, "%s at byte %d", e.from, first)
			require.Equal(t, e.want, got[0].Name+" "+got[0].Version)
		}
	}
}

func TestHostile(t *testing.T) {
	// Without a limit, this would keep the regular expressions busy.
	found, problems := scanned("nginx", elf, "nginx version: nginx/1.22.1\n", strings.Repeat("nginx version: nginx/", maxLooks+1))
	assert.Empty(t, found)
	assert.Equal(t, []string{`"nginx" holds too many texts like those that tell a version`}, problems)

	// None is counted twice, though a window begins with the end of the last.
	found, problems = scanned("nginx", elf, "nginx version: nginx/1.22.1\n", strings.Repeat("nginx version: nginx/", maxLooks-1))
	assert.Empty(t, problems)
	assert.Equal(t, []string{"nginx 1.22.1"}, found)

	long := strings.Repeat("9", 10_000)
	found, problems = scanned("busybox", elf+"BusyBox v1."+long+" (")
	assert.Empty(t, found, "a version without end")
	assert.Empty(t, problems)

	// A name that a file has is not repeated at length.
	_, problems = scanned("busybox-"+long, elf+"BusyBox v1.2 (BusyBox v1.3 (")
	require.Len(t, problems, 1)
	assert.Less(t, len(problems[0]), 500)
}

func TestScanEnds(t *testing.T) {
	scan := For("nginx")
	n, err := scan.Write([]byte("#!/bin/sh\n"))
	assert.Equal(t, 10, n)
	require.NoError(t, err)
	assert.True(t, scan.Done(), "a script")
	n, err = scan.Write([]byte(elf + "nginx version: nginx/1.22.1\n"))
	assert.Equal(t, len(elf)+28, n)
	require.NoError(t, err)
	assert.Empty(t, scan.Packages(), "written after the end")

	scan = For("VERSION")
	_, _ = scan.Write([]byte("go1.21.3\n"))
	assert.False(t, scan.Done())
	_, _ = scan.Write(bytes.Repeat([]byte("\n"), maxText))
	assert.True(t, scan.Done(), "a long text")

	scan = For("nginx")
	_, _ = scan.Write([]byte(elf + "nginx version: nginx/1.22.1\n"))
	require.Len(t, scan.Packages(), 1)
	assert.True(t, scan.Done())
	_, _ = scan.Write([]byte("nginx version: nginx/1.22.2\n"))
	assert.Len(t, scan.Packages(), 1, "written after the result was asked for")
	assert.Empty(t, scan.Problems())
}

func TestExtractErrors(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	broken := errors.New("broken")
	tests := []struct {
		name string
		ctx  context.Context
		size int64
		r    io.Reader
		want error
	}{
		{"cancelled", cancelled, 10, strings.NewReader(elf), context.Canceled},
		{"broken", t.Context(), 100, io.MultiReader(strings.NewReader(elf), iotest.ErrReader(broken)), broken},
		{"too large", t.Context(), maxFile + 1, strings.NewReader(elf), inventory.ErrTooLarge},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(tt.ctx, inventory.NewFile("nginx", 0o755, tt.size, tt.r, nil))
		require.ErrorIs(t, err, tt.want, tt.name)
		assert.Zero(t, facts, tt.name)
	}
}

func TestForAllocates(t *testing.T) {
	For("nginx") // the table is made once
	for _, name := range []string{"usr/bin/other", "usr/bin/python4", "usr/lib/libcryptography.so.3", "x"} {
		assert.Zerof(t, testing.AllocsPerRun(100, func() { For(name) }), "For(%q)", name)
	}
}

// A scan holds its window and little more, however large the file.
func TestScanAllocates(t *testing.T) {
	piece := bytes.Repeat([]byte{0x90}, 1<<20)
	got := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			scan := For("nginx")
			_, _ = scan.Write([]byte(elf))
			for range 16 {
				_, _ = scan.Write(piece)
			}
			scan.Packages()
		}
	})
	assert.Less(t, got.AllocedBytesPerOp(), int64(2*window))
}

func FuzzExtract(f *testing.F) {
	for _, e := range excerpts() {
		f.Add(e.file, e.content(), uint16(0))
		f.Add(e.file, e.content(), uint16(window-maxAfter))
	}
	f.Add("usr/bin/tini", extracttest.Fixture(f, "debian-12", "tini"), uint16(1))
	f.Add("nginx", elf+strings.Repeat("nginx version: nginx/1.", 100), uint16(7))
	f.Fuzz(func(t *testing.T, name, content string, zeros uint16) {
		content += strings.Repeat("\x00", int(zeros)) + content
		file := func(r io.Reader) *inventory.File {
			return inventory.NewFile(name, 0o755, int64(len(content)), r, nil)
		}
		facts, err := Extractor{}.Extract(t.Context(), file(strings.NewReader(content)))
		extracttest.Check(t, facts, err)
		require.NoError(t, err)
		again, err := Extractor{}.Extract(t.Context(), file(iotest.HalfReader(strings.NewReader(content))))
		require.NoError(t, err)
		require.Equal(t, facts, again, "read in other pieces")
		if len(content) < 4096 {
			slow, err := Extractor{}.Extract(t.Context(), file(iotest.OneByteReader(strings.NewReader(content))))
			require.NoError(t, err)
			require.Equal(t, facts, slow, "read by bytes")
		}
		for _, p := range facts.Packages {
			require.Contains(t, content, p.Version)
			require.LessOrEqual(t, len(p.Version), maxAfter)
			for _, cpe := range p.CPEs {
				fields := strings.Split(strings.ReplaceAll(cpe, `\:`, ""), ":")
				require.Lenf(t, fields, 13, "%q", cpe)
			}
		}
	})
}

func BenchmarkFor(b *testing.B) {
	for _, name := range []string{"usr/bin/dpkg-deb", "usr/lib/x86_64-linux-gnu/libpthread.so.0", "usr/bin/nginx"} {
		b.Run(path.Base(name), func(b *testing.B) {
			for b.Loop() {
				For(name)
			}
		})
	}
}

func BenchmarkScan(b *testing.B) {
	// Ninety megabytes, as node has: code, in which a byte of zero is the most
	// frequent one, as in real programs.
	random := rand.NewPCG(1, 2)
	body := []byte(elf)
	for len(body) < 90<<20 {
		v := random.Uint64()
		if v&3 != 0 {
			v &= 0x00ff0000_0000ffff
		}
		body = append(body, byte(v), byte(v>>8), byte(v>>16), byte(v>>24), byte(v>>32), byte(v>>40), byte(v>>48), byte(v>>56))
	}
	for _, e := range []excerpt{
		{"node", "", "\x00node.js/v18.20.4\x00", "node 18.20.4"},
		{"python3.11", "", "\x003.11.2\x00", "python 3.11.2"},
		{"libcrypto.so.3", "", "\x00OpenSSL 3.0.20 7 Apr 2026\x00", "openssl 3.0.20"},
	} {
		b.Run(e.file, func(b *testing.B) {
			copy(body[60<<20:], "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")
			copy(body[60<<20:], e.data)
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				scan := For(e.file)
				for piece := range slices.Chunk(body, readSize) {
					_, _ = scan.Write(piece)
				}
				found := scan.Packages()
				require.Len(b, found, 1)
				require.Equal(b, e.want, found[0].Name+" "+found[0].Version)
			}
		})
	}
}
