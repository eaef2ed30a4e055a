package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/vulndb"
)

func TestDBDiff(t *testing.T) {
	from := testDB(t, records)
	changed := []string{strings.Replace(records, `{"fixed":"2"}`, `{"fixed":"3"}`, 1)}
	for i := range 25 {
		changed = append(changed, fmt.Sprintf(`{"id":"GO-%d","modified":"2026-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"Go","name":"example.com/m%02d"},"versions":["1"]}]}`, i, i))
	}
	to := testDB(t, strings.Join(changed, "\n"))
	r := imagevet(t, nil, "db", "diff", from, to)
	require.Zero(t, r.status, r.stderr)
	_, body, _ := strings.Cut(r.stdout, "\n\n")
	assert.Equal(t, `Alpine:v3.10: 1 package
  1 changed: musl

Go added: 25 packages
  25 added: example.com/m00, example.com/m01, example.com/m02, example.com/m03,
    example.com/m04, example.com/m05, example.com/m06, example.com/m07,
    example.com/m08, example.com/m09, example.com/m10, example.com/m11,
    example.com/m12, example.com/m13, example.com/m14, example.com/m15,
    example.com/m16, example.com/m17, example.com/m18, example.com/m19, and 5
    more (--format json has them)
`, body)

	r = imagevet(t, nil, "db", "diff", to, from, "--format=json")
	require.Zero(t, r.status, r.stderr)
	var c vulndb.Changes
	require.NoError(t, json.Unmarshal([]byte(r.stdout), &c))
	assert.Len(t, c.Ecosystems[1].Packages, 25)
	assert.Equal(t, vulndb.ChangeRemoved, c.Ecosystems[1].Change)

	assert.Contains(t, imagevet(t, nil, "db", "diff", from, from).stdout, "the same advisories")
	assert.Equal(t, exitUsage, imagevet(t, nil, "db", "diff", from).status)
	assert.Equal(t, exitUsage, imagevet(t, nil, "db", "diff", from, to, "--format", "cyclonedx").status)
	assert.Equal(t, exitFailed, imagevet(t, nil, "db", "diff", from, t.TempDir()).status)
}
