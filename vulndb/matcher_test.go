package vulndb_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom/inventory"
	"github.com/imagevet/imagevet/vulndb"
)

// A matcher answers for each package as Match does for it alone.
func TestMatcher(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	var records []string
	for i := range 300 {
		records = append(records,
			osv(fmt.Sprintf("CVE-2026-%04d", 1000+i), "Debian:12", fmt.Sprintf("p%d", rnd.IntN(60)), ranges(fmt.Sprintf("introduced 0, fixed %d", rnd.IntN(9)+1))),
			osv(fmt.Sprintf("CVE-2026-%04d", 2000+i), "PyPI", fmt.Sprintf("p-%d", rnd.IntN(60)), ranges(fmt.Sprintf("introduced 0, fixed %d", rnd.IntN(9)+1))))
	}
	db, _ := build(t, records...)
	m, err := db.Matcher(bookworm)
	require.NoError(t, err)
	affected := 0
	for range 3000 {
		p := deb(fmt.Sprintf("p%d", rnd.IntN(80)), []string{"1", "5", "9", "", "no version"}[rnd.IntN(5)])
		switch rnd.IntN(4) {
		case 0:
			p = inventory.Package{Type: "pypi", Name: fmt.Sprintf("P_%d", rnd.IntN(80)), Version: p.Version}
		case 1:
			p.Type = []string{"npm", "odd"}[rnd.IntN(2)]
		}
		want := match(t, db, bookworm, p)
		matches, problems, err := m.Match(t.Context(), &p)
		require.NoError(t, err)
		require.Equal(t, len(want.Matches) == 0, matches == nil)
		require.Equal(t, len(want.Problems) == 0, problems == nil)
		require.Equal(t, want.Matches, append([]vulndb.Match{}, matches...))
		require.Equal(t, want.Problems, append([]vulndb.Problem{}, problems...))
		for _, c := range want.Coverage {
			c.Packages = 0
			require.Equal(t, c, m.Coverage(p.Type))
		}
		affected += len(matches)
	}
	assert.Greater(t, affected, 1000)

	fixed, unknown := deb("p1", "10"), deb("nobody", "1")
	python := inventory.Package{Type: "pypi", Name: "P..1", Version: "10"}
	scoped := inventory.Package{Type: "npm", Namespace: "@a", Name: "b", Version: "1.0.0"}
	for _, p := range []inventory.Package{fixed, unknown, python, scoped} {
		assert.Zero(t, testing.AllocsPerRun(100, func() {
			if matches, problems, err := m.Match(t.Context(), &p); matches != nil || problems != nil || err != nil {
				t.Error(matches, problems, err)
			}
		}), "allocations for %s", p.Name)
	}

	require.NoError(t, db.Close())
	_, _, err = m.Match(t.Context(), &fixed)
	require.NoError(t, err, "it keeps the database open")
	m.Close()
	m.Close()
	_, _, err = m.Match(t.Context(), &fixed)
	require.ErrorIs(t, err, vulndb.ErrClosed)
	_, err = db.Matcher(bookworm)
	require.ErrorIs(t, err, vulndb.ErrClosed)
}
