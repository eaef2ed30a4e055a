//go:build oracle

package rpm

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/rpmdb"
	"github.com/imagevet/imagevet/internal/rpmdb/rpmdbtest"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// go test -tags oracle ./internal/extract/rpm -run Oracle -v -dbs DIR
var dbs = flag.String("dbs", "", "folder below which there are rpm databases to compare with what rpm says")

// TestOracle compares every database below -dbs, and the committed ones, with
// what the rpm of this machine reads of a copy: all fields of all packages,
// dependencies and files.
func TestOracle(t *testing.T) {
	if _, err := exec.LookPath("rpm"); err != nil {
		t.Skip("there is no rpm on this machine")
	}
	if *dbs == "" {
		t.Skip("no folder with databases: -dbs DIR")
	}
	total := 0
	err := filepath.WalkDir(*dbs, func(name string, d fs.DirEntry, err error) error {
		base := filepath.Base(name)
		if err != nil || d.IsDir() || base != "Packages" && base != "Packages.db" && base != "rpmdb.sqlite" {
			return err
		}
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) { total += compare(t, name, base) })
		return nil
	})
	require.NoError(t, err)
	t.Logf("%d packages in all", total)
}

// TestOracleWriter has rpm read what package rpmdbtest writes, but not the
// SQLite database, in which rpm misses its indexes.
func TestOracleWriter(t *testing.T) {
	if _, err := exec.LookPath("rpm"); err != nil {
		t.Skip("there is no rpm on this machine")
	}
	var headers [][]byte
	for i := range 300 {
		headers = append(headers, header(
			fmt.Sprintf("package-%d", i), "1.2.3", "4.el9",
			tag(rpmdb.TagEpoch, []uint32{uint32(i % 3)}), tag(rpmdb.TagArch, "x86_64"), tag(rpmdb.TagSourceRPM, "source-1.2.3-4.el9.src.rpm"), tag(rpmdb.TagLicense, "MIT"),
			tag(rpmdb.TagRequireName, []string{"a", strings.Repeat("b", 10*i+1)}), tag(rpmdb.TagRequireFlags, []uint32{0, 0}),
			tag(rpmdb.TagBaseNames, []string{"x", "y"}), tag(rpmdb.TagDirNames, []string{"/"}), tag(rpmdb.TagDirIndexes, []uint32{0, 0}),
			tag(rpmdb.TagFileModes, []uint16{0o100644, 0o100644}), tag(rpmdb.TagFileFlags, []uint32{0, 0}), tag(rpmdb.TagFileStates, rpmdbtest.Chars{0, 2}),
		))
	}
	for name, data := range map[string][]byte{
		"bdb/Packages":       rpmdbtest.Berkeley(binary.LittleEndian, 4096, 13, headers...),
		"bdb-512/Packages":   rpmdbtest.Berkeley(binary.LittleEndian, 512, 13, headers...),
		"bdb-rhel5/Packages": rpmdbtest.Berkeley(binary.LittleEndian, 4096, 2, headers...),
		"bdb-big/Packages":   rpmdbtest.Berkeley(binary.BigEndian, 4096, 13, headers...),
		"ndb/Packages.db":    rpmdbtest.NDB(headers...),
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), filepath.Base(name))
			require.NoError(t, os.WriteFile(file, data, 0o600))
			assert.Equal(t, len(headers), compare(t, file, filepath.Base(file)))
		})
	}
}

// fields are what is compared as text; the last one is a signature as
// "ALGORITHM, DATE, Key ID 0123456789abcdef".
const fields = `P\t%{NAME}\t%{EPOCH}\t%{VERSION}\t%{RELEASE}\t%{ARCH}\t%{SOURCERPM}\t%{VENDOR}\t%{PACKAGER}\t%{MODULARITYLABEL}\t%{LICENSE}\t` +
	`%|RSAHEADER?{%{RSAHEADER:pgpsig}}:{%|DSAHEADER?{%{DSAHEADER:pgpsig}}:{%|SIGPGP?{%{SIGPGP:pgpsig}}:{%|SIGGPG?{%{SIGGPG:pgpsig}}:{(none)}|}|}|}|\n` +
	`[R\t%{REQUIREFLAGS}\t%{REQUIRENAME}\n][V\t%{PROVIDENAME}\n]`

// files are a query of its own, because rpm gives nothing of an array if one
// of those beside it is missing.
const files = `P\t%{NAME}\n[F\t%{FILEMODES:perms}\t%{FILEFLAGS}\t%{FILESTATES:fstate}\t%{FILENAMES}\n]`

func compare(t *testing.T, name, base string) int {
	data, err := os.ReadFile(name)
	require.NoError(t, err)
	dir := t.TempDir()
	failed := false
	if base == "Packages.db" {
		// The rpm of Debian cannot read NDB, but takes a list of headers.
		cmd := exec.Command("rpmdb", "--dbpath", dir, "--importdb")
		cmd.Stdin = bytes.NewReader(headerList(data))
		out, err := cmd.CombinedOutput()
		require.NoErrorf(t, err, "%s", out)
	} else {
		require.NoError(t, os.WriteFile(filepath.Join(dir, base), data, 0o600))
	}
	query := func(format string) string {
		cmd := exec.Command("rpm", "--nosignature", "--nodigest", "--dbpath", dir, "-qa", "--qf", format)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		for line := range strings.Lines(stderr.String()) {
			if !strings.HasPrefix(line, "warning: could not open") && !strings.HasPrefix(line, "warning: Found") {
				t.Logf("rpm: %s", strings.TrimSpace(line))
				failed = failed || strings.HasPrefix(line, "error:")
			}
		}
		if err != nil {
			t.Logf("rpm: %v", err)
			failed = true
		}
		return string(out)
	}
	want := parse(query(fields), query(files))

	facts, err := Extractor{}.Extract(t.Context(), inventory.NewFile("var/lib/rpm/"+base, 0o644, int64(len(data)), bytes.NewReader(data), nil))
	require.NoError(t, err)
	for _, problem := range facts.Problems {
		t.Logf("problem: %s", problem)
	}
	var got []entry
	owned := 0
	for _, pkg := range facts.Packages {
		e := entry{Package: pkg}
		for _, o := range facts.Owned {
			if o.Package == pkg.Name && o.Arch == pkg.Arch {
				e.owned = append(e.owned, o.Paths...)
			}
		}
		got = append(got, e)
	}
	// Where the database is damaged, rpm stops and lists less.
	sortEntries(got)
	sortEntries(want)
	equal, shown, last := 0, 0, 0
	for _, w := range want {
		for last < len(got) && compareEntries(got[last], w) < 0 {
			last++
		}
		var g entry
		if last < len(got) && compareEntries(got[last], w) == 0 {
			g = got[last]
			last++
			// Of several packages with one name, as of kernels, the files
			// were put together.
			slices.Sort(g.owned)
			owned += len(g.owned)
		}
		if failed {
			g.owned, w.owned = nil, nil
		}
		if assert.ObjectsAreEqual(w, g) {
			equal++
		} else if shown++; shown <= 3 { // one fault may make all differ
			assert.Equalf(t, w, g, "%s", w.Name)
		}
	}
	assert.Equal(t, len(want), equal, "equal packages")
	if !failed {
		assert.Equal(t, len(want), len(got), "packages")
	}
	t.Logf("%d of %d packages equal, %d in all, %d files, %d ignored", equal, len(want), len(got), owned, facts.Ignored)
	return equal
}

// headerList returns the headers in an NDB file as rpmdb --exportdb would. It
// finds blobs by their magic numbers, where the extractor goes by the slots:
// rpm overwrites with zeroes what it removes.
func headerList(data []byte) []byte {
	var list []byte
	for at := 0; at+16 <= len(data); at += 16 {
		if string(data[at:at+4]) != "BlbS" {
			continue
		}
		length := int(binary.LittleEndian.Uint32(data[at+12:]))
		list = append(list, "\x8e\xad\xe8\x01\x00\x00\x00\x00"...)
		list = append(list, data[at+16:at+16+length]...)
	}
	return list
}

type entry struct {
	inventory.Package
	owned []string
}

func sortEntries(list []entry) {
	slices.SortStableFunc(list, compareEntries)
}

func compareEntries(a, b entry) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Arch, b.Arch))
}

// parse turns what rpm prints into packages, by other means than the
// extractor where there are some.
func parse(fields, files string) []entry {
	none := func(s string) string {
		if s == "(none)" {
			return ""
		}
		return s
	}
	var list []entry
	key := false
	for line := range strings.Lines(fields) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		switch {
		case f[0] == "P" && len(f) == 12:
			if key = f[1] == gpgPubkey; key {
				continue
			}
			e := entry{Package: inventory.Package{
				Type: "rpm", Name: f[1], Version: f[3] + "-" + f[4], Arch: none(f[5]),
				Vendor: none(f[7]), Maintainer: none(f[8]), Module: none(f[9]),
			}}
			e.Source = inventory.Source{Name: e.Name, Version: e.Version}
			if parts := strings.Split(strings.TrimSuffix(strings.TrimSuffix(f[6], ".src.rpm"), ".nosrc.rpm"), "-"); len(parts) >= 3 {
				n := len(parts)
				e.Source = inventory.Source{Name: strings.Join(parts[:n-2], "-"), Version: strings.Join(parts[n-2:], "-")}
			}
			if epoch := none(f[2]); epoch != "" && epoch != "0" {
				e.Version = epoch + ":" + e.Version
			}
			if f[10] != "(none)" {
				e.Licenses = []string{f[10]}
			}
			if _, id, ok := strings.Cut(f[11], "Key ID "); ok {
				e.SigningKey = id
			}
			list = append(list, e)
		case key:
		case f[0] == "R":
			e := &list[len(list)-1]
			if strings.HasPrefix(f[2], "rpmlib(") || f[2] == "config("+e.Name+")" {
				continue
			}
			names := []string{f[2]}
			if strings.HasPrefix(f[2], "(") {
				names = rich(f[2], 0)
			}
			for _, name := range names {
				if !slices.Contains(e.Requires, name) {
					e.Requires = append(e.Requires, name)
				}
			}
		case f[0] == "V":
			e := &list[len(list)-1]
			if f[1] != e.Name && !slices.Contains(e.Provides, f[1]) {
				e.Provides = append(e.Provides, f[1])
			}
		}
	}
	i := -1
	for line := range strings.Lines(files) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		switch {
		case f[0] == "P":
			if key = f[1] == gpgPubkey; !key {
				i++
			}
		case key:
		case f[0] == "F" && (f[1][0] == '-' || f[1][0] == 'l') && f[3] == "normal":
			if flags, err := strconv.Atoi(f[2]); err == nil && flags>>6&1 != 0 { // a ghost
				continue
			}
			list[i].owned = append(list[i].owned, strings.TrimPrefix(f[4], "/"))
		}
	}
	// Of several packages with one name, the files are put together.
	merged := map[string][]string{}
	for _, e := range list {
		merged[e.Name+"."+e.Arch] = append(merged[e.Name+"."+e.Arch], e.owned...)
	}
	for i, e := range list {
		list[i].owned = slices.Sorted(slices.Values(merged[e.Name+"."+e.Arch]))
	}
	return list
}
