package osvexport

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzParseList: an ID of a list is one file below its ecosystem's URL, and a
// list that is written is read as it was.
func FuzzParseList(f *testing.F) {
	for _, s := range []string{
		"2026-01-02T03:04:05.678901Z,CVE-2026-0001\n2026-01-01T00:00:00Z,ALSA-2025:10195\n",
		"2026-01-02T03:04:05+02:00,a\r\n\r\n2026-01-02T03:04:05Z,a", // one ID twice
		"2026-01-02T03:04:05Z,../x\n0001-01-01T00:00:00Z,x",         // leads elsewhere; the year 1
		"0000-01-01T00:00:00-23:59,x\n9999-12-31T23:59:59-23:59,y",  // years that cannot be printed
		"0001-01-01T00:00:00Z,x\n0002-01-01T00:00:00Z,y",            // the zero time is the oldest
		"<html>", ",", "\n", "",
	} {
		f.Add([]byte(s))
	}
	m, err := ParseMirror("https://example.test/osv/")
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := parseList(data)
		if err != nil {
			require.ErrorIs(t, err, ErrBadExport)
			return
		}
		for id, modified := range l.modified {
			u := m.url("Rocky Linux", id+".json")
			rest, ok := strings.CutPrefix(u, "https://example.test/osv/Rocky%20Linux/")
			require.Truef(t, ok && !strings.ContainsAny(rest, "/\\?#"), "URL %q", u)
			require.False(t, modified.Before(l.oldest), "oldest")
		}
		var out bytes.Buffer
		require.NoError(t, l.modified.encode(&out))
		again, err := parseList(out.Bytes())
		require.NoErrorf(t, err, "%q", out.String())
		require.Zero(t, again.bad)
		require.Equal(t, l.modified, again.modified)
		require.Empty(t, l.pending(again.modified))
		require.False(t, l.gone(again.modified))
	})
}
