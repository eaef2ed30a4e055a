package vulndb_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/vulndb"
)

var checksumField = regexp.MustCompile(`"checksum": "[^"]*"`)

// FuzzInstall delivers manifests that somebody has changed on purpose, with a
// checksum that is right. The folder then has the database that Install tells
// of, or what it had; and nothing appears beside it.
func FuzzInstall(f *testing.F) {
	from := folder(f, "CVE-2026-0001")
	d := delivery(f, from, func(vulndb.File) {})
	text := string(d.Manifest)
	s, err := vulndb.OpenSnapshot(from)
	require.NoError(f, err)
	defer s.Close()
	name, size := s.Files()[0].Name, fmt.Sprintf(`"size": %d`, s.Files()[0].Size)
	f.Add(text)
	for _, change := range [][2]string{
		{name, "../" + name},
		{name, "/" + name},
		{name, s.Files()[1].Name},
		{size, `"size": 99999999999999`},
		{size, `"size": -1`},
		{`"Alpine"`, `"Debian"`},
		{`"Alpine"`, `"Zebra"`},
		{`"records": 1`, `"records": 9223372036854775807`},
		{`"id": "sha256:`, `"id": "sha256:0`},
	} {
		require.Contains(f, text, change[0])
		f.Add(strings.ReplaceAll(text, change[0], change[1]))
	}
	old := folder(f, "CVE-2026-0002")
	f.Fuzz(func(t *testing.T, text string) {
		text = checksumField.ReplaceAllString(text, `"checksum": ""`)
		text = strings.Replace(text, `"checksum": ""`, fmt.Sprintf(`"checksum": "sha256:%x"`, sha256.Sum256([]byte(text))), 1)
		parent := t.TempDir()
		dir := filepath.Join(parent, "db")
		replace(t, dir, old)
		before := files(t, dir)
		got, err := vulndb.Install(t.Context(), dir, vulndb.Delivery{
			Manifest: []byte(text), MaxBytes: 1 << 20,
			Fetch: func(_ context.Context, f vulndb.File, w io.Writer) error {
				for _, have := range s.Files() {
					if have.SHA256 == f.SHA256 {
						r, err := s.Open(have)
						if err == nil {
							_, err = io.Copy(w, r)
						}
						return err
					}
				}
				return os.ErrNotExist
			},
		})
		if err != nil {
			assert.Equal(t, before, files(t, dir))
		} else {
			assert.Equal(t, got.Info, open(t, dir).Info())
		}
		entries, err := os.ReadDir(parent)
		require.NoError(t, err)
		assert.Len(t, entries, 1)
	})
}
