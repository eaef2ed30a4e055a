//go:build oracle

package sbom_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom"
	"github.com/imagevet/imagevet/scan/image"
)

// TestAgainstTheTools compares inventories with what the package managers
// themselves say of the unpacked images, name by name:
//
//	go test -tags oracle ./sbom -run Tools -v -corpus DIR
//
// It asks dpkg-query, rpm, Python's importlib.metadata, npm, RubyGems and go,
// as far as they are installed.
func TestAgainstTheTools(t *testing.T) {
	if *corpus == "" {
		t.Skip("no folder of images: -corpus DIR")
	}
	names, err := filepath.Glob(filepath.Join(*corpus, "*.docker.tar"))
	require.NoError(t, err)
	for _, archive := range names {
		t.Run(strings.TrimSuffix(filepath.Base(archive), ".docker.tar"), func(t *testing.T) {
			img, err := image.Archive(t.Context(), archive)
			require.NoError(t, err)
			defer img.Close()
			bom, err := sbom.Generate(t.Context(), img)
			require.NoError(t, err)
			root := t.TempDir()
			for i := range img.Layers() {
				r, err := img.OpenLayer(t.Context(), i)
				require.NoError(t, err)
				unpack(t, r, root)
				require.NoError(t, r.Close())
			}
			for _, o := range oracles {
				if _, err := exec.LookPath(o.tool); err != nil {
					t.Logf("%s is not installed", o.tool)
					continue
				}
				want := o.ask(t, root)
				if len(want) == 0 {
					continue
				}
				var got []string
				for i := range bom.Packages {
					if p := &bom.Packages[i]; p.Type == o.kind {
						got = append(got, o.line(p)...)
					}
				}
				compare(t, o.tool, want, got)
			}
		})
	}
}

// compare logs how many lines agree, and fails with those that do not.
func compare(t *testing.T, tool string, want, got []string) {
	slices.Sort(want)
	slices.Sort(got)
	want, got = slices.Compact(want), slices.Compact(got)
	var missing, more []string
	for _, w := range want {
		if _, ok := slices.BinarySearch(got, w); !ok {
			missing = append(missing, w)
		}
	}
	for _, g := range got {
		if _, ok := slices.BinarySearch(want, g); !ok {
			more = append(more, g)
		}
	}
	t.Logf("%s: %d of %d equal, %d more of ours", tool, len(want)-len(missing), len(want), len(more))
	assert.Emptyf(t, missing, "%s has, and we have not", tool)
	if len(more) > 0 {
		t.Logf("%s has not: %q", tool, more[:min(len(more), 15)])
	}
}

// An oracle is a tool that knows packages of one type.
type oracle struct {
	tool, kind string
	ask        func(t *testing.T, root string) []string
	line       func(p *sbom.Package) []string
}

var oracles = []oracle{
	{"dpkg-query", "deb", func(t *testing.T, root string) []string {
		admin := filepath.Join(root, "var/lib/dpkg")
		if _, err := os.Stat(filepath.Join(admin, "status")); err != nil {
			return nil
		}
		format := "${db:Status-Status} ${Package} ${Version} ${Architecture} ${source:Package} ${source:Version}\n"
		var out []string
		for _, line := range run(t, "", "dpkg-query", "--admindir", admin, "-W", "-f", format) {
			if rest, ok := strings.CutPrefix(line, "installed "); ok {
				out = append(out, rest)
			}
		}
		return out
	}, func(p *sbom.Package) []string {
		return []string{strings.Join([]string{p.Name, p.Version, p.Arch, p.Source.Name, p.Source.Version}, " ")}
	}},
	{"rpm", "rpm", func(t *testing.T, root string) []string {
		var out []string
		for _, dir := range []string{"var/lib/rpm", "usr/lib/sysimage/rpm"} {
			for _, base := range []string{"Packages", "rpmdb.sqlite"} { // Debian's rpm reads no NDB
				if _, err := os.Stat(filepath.Join(root, dir, base)); err != nil {
					continue
				}
				for _, line := range run(t, "", "rpm", "-qa", "--dbpath", filepath.Join(root, dir), "--qf", "%{NAME} %{EPOCH}:%{VERSION}-%{RELEASE} %{ARCH} %{LICENSE}\n") {
					if !strings.HasPrefix(line, "gpg-pubkey ") {
						out = append(out, strings.Replace(strings.Replace(line, "(none):", "", 1), " 0:", " ", 1))
					}
				}
			}
		}
		return out
	}, func(p *sbom.Package) []string {
		if path.Base(p.Paths[0]) == "Packages.db" {
			return nil
		}
		return []string{p.Name + " " + p.Version + " " + p.Arch + " " + strings.Join(p.Licenses, "")}
	}},
	{"python3", "pypi", func(t *testing.T, root string) []string {
		return run(t, "", "python3", "-c", `
import importlib.metadata, os, re, sys
for folder, names, files in os.walk(sys.argv[1]):
    if any(n.endswith((".dist-info", ".egg-info")) for n in names + files):
        for d in importlib.metadata.distributions(path=[folder]):
            if d.metadata["Name"]:
                print(re.sub(r"[-_.]+", "-", d.metadata["Name"]).lower(), d.version, os.path.relpath(folder, sys.argv[1]))
`, root)
	}, func(p *sbom.Package) (out []string) {
		for _, file := range p.Paths {
			dir := path.Dir(file)
			if base := path.Base(file); base == "METADATA" || base == "PKG-INFO" {
				dir = path.Dir(dir)
			}
			name := strings.Join(strings.FieldsFunc(strings.ToLower(p.Name), func(c rune) bool { return strings.ContainsRune("-_.", c) }), "-")
			out = append(out, name+" "+p.Version+" "+dir)
		}
		return out
	}},
	{"npm", "npm", func(t *testing.T, root string) []string {
		var out []string
		for _, dir := range []string{"app", "usr/local/lib/node_modules/npm"} {
			if _, err := os.Stat(filepath.Join(root, dir, "node_modules")); err != nil {
				continue
			}
			cmd := exec.Command("npm", "ls", "--all", "--json")
			cmd.Dir = filepath.Join(root, dir)
			data, _ := cmd.Output() // it fails for peers that are missing
			var tree npmTree
			require.NoError(t, json.Unmarshal(data, &tree))
			tree.add(&out)
		}
		return out
	}, func(p *sbom.Package) []string {
		return []string{path.Join(p.Namespace, p.Name) + " " + p.Version}
	}},
	{"ruby", "gem", func(t *testing.T, root string) []string {
		return run(t, "", "ruby", "-e", `
Dir.glob(ARGV[0] + "/**/specifications/**/*.gemspec").each { |f|
  s = Gem::Specification.load(f)
  puts "#{s.name} #{s.version} #{f[ARGV[0].length + 1..]}" if s
}`, root)
	}, func(p *sbom.Package) (out []string) {
		for _, file := range p.Paths {
			out = append(out, p.Name+" "+p.Version+" "+file)
		}
		return out
	}},
	{"go", "golang", func(t *testing.T, root string) []string {
		var out []string
		require.NoError(t, filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			if info, err := d.Info(); err != nil || info.Mode()&0o111 == 0 {
				return err
			}
			data, err := exec.Command("go", "version", "-m", name).Output()
			if err != nil {
				return nil // no Go program
			}
			last := -1
			for i, line := range strings.Split(string(data), "\n") {
				fields := strings.Fields(line)
				switch {
				case i == 0 && len(fields) > 1:
					out = append(out, "stdlib "+strings.TrimPrefix(fields[1], "go"))
				case len(fields) > 2 && fields[0] == "dep":
					last = len(out)
					out = append(out, fields[1]+" "+fields[2])
				case len(fields) > 2 && fields[0] == "=>" && last >= 0:
					out[last] = fields[1] + " " + fields[2]
				}
			}
			return nil
		}))
		return out
	}, func(p *sbom.Package) []string {
		return []string{path.Join(p.Namespace, p.Name) + " " + p.Version}
	}},
}

// npmTree is what "npm ls" prints.
type npmTree struct {
	Version      string
	Name         string
	Missing      bool
	Extraneous   bool
	Dependencies map[string]*npmTree
}

func (n *npmTree) add(out *[]string) {
	for name, d := range n.Dependencies {
		if d.Version != "" && !d.Missing {
			*out = append(*out, name+" "+d.Version)
		}
		d.add(out)
	}
}

// run returns the lines that a command prints.
func run(t *testing.T, dir, name string, args ...string) []string {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoErrorf(t, err, "%s: %s", name, stderr.String())
	return strings.FieldsFunc(string(out), func(c rune) bool { return c == '\n' })
}

// unpack unpacks a layer into a folder, in the simplest way: regular files,
// folders and links, after what its whiteouts remove.
func unpack(t *testing.T, r io.Reader, root string) {
	data, err := io.ReadAll(r)
	require.NoError(t, err)
	switch {
	case bytes.HasPrefix(data, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(bytes.NewReader(data))
		require.NoError(t, err)
		data, err = io.ReadAll(z)
		require.NoError(t, err)
	case bytes.HasPrefix(data, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(bytes.NewReader(data))
		require.NoError(t, err)
		data, err = io.ReadAll(z)
		z.Close()
		require.NoError(t, err)
	}
	each := func(visit func(h *tar.Header, name string, content io.Reader)) {
		for tr := tar.NewReader(bytes.NewReader(data)); ; {
			h, err := tr.Next()
			if err == io.EOF {
				return
			}
			require.NoError(t, err)
			visit(h, filepath.Join(root, filepath.Clean("/"+h.Name)), tr)
		}
	}
	each(func(h *tar.Header, name string, _ io.Reader) {
		dir, base := filepath.Split(name)
		switch gone, ok := strings.CutPrefix(base, ".wh."); {
		case base == ".wh..wh..opq":
			entries, _ := os.ReadDir(dir)
			for _, e := range entries {
				require.NoError(t, os.RemoveAll(filepath.Join(dir, e.Name())))
			}
		case ok:
			require.NoError(t, os.RemoveAll(filepath.Join(dir, gone)))
		}
	})
	each(func(h *tar.Header, name string, content io.Reader) {
		if strings.HasPrefix(filepath.Base(name), ".wh.") || name == root {
			return
		}
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		if h.Typeflag != tar.TypeDir {
			require.NoError(t, os.RemoveAll(name))
		}
		switch h.Typeflag {
		case tar.TypeDir:
			require.NoError(t, os.MkdirAll(name, 0o755))
		case tar.TypeSymlink:
			target := h.Linkname
			if filepath.IsAbs(target) { // stay within the folder
				rel, err := filepath.Rel(filepath.Dir(name), filepath.Join(root, target))
				require.NoError(t, err)
				target = rel
			}
			require.NoError(t, os.Symlink(target, name))
		case tar.TypeLink:
			require.NoError(t, os.Link(filepath.Join(root, filepath.Clean("/"+h.Linkname)), name))
		case tar.TypeReg:
			f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, fs.FileMode(h.Mode).Perm()|0o600)
			require.NoError(t, err)
			_, err = io.Copy(f, content)
			require.NoError(t, err)
			require.NoError(t, f.Close())
		}
	})
}
