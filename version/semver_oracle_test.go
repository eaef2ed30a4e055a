//go:build oracle

package version_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/version"
)

// semverOraclePairs is the number of questions of each kind.
const semverOraclePairs = 150000

// semverMaterial makes versions and mutations of them.
type semverMaterial struct {
	random *rand.Rand
	real   []string
}

func newSemverMaterial(t *testing.T, seed uint64, ecosystems ...string) *semverMaterial {
	m := &semverMaterial{random: rand.New(rand.NewPCG(seed, seed))}
	for _, ecosystem := range ecosystems {
		for _, list := range feed(t, ecosystem, 2) {
			for _, v := range list {
				if len(v) < 100 && !strings.ContainsAny(v, "\n\r") {
					m.real = append(m.real, v)
				}
			}
		}
	}
	return m
}

func (m *semverMaterial) pick(list ...string) string { return list[m.random.IntN(len(list))] }

// version returns a real version, most often changed in a few places.
func (m *semverMaterial) version() string {
	v := m.pick(m.real...)
	for range m.random.IntN(3) {
		v = m.mutate(v)
	}
	return v
}

func (m *semverMaterial) mutate(v string) string {
	if number := semverNumber.FindAllStringIndex(v, -1); len(number) > 0 && m.random.IntN(2) == 0 {
		at := number[m.random.IntN(len(number))] // most often still a version
		return v[:at[0]] + m.pick("0", "1", "2", "9", "10", "19", "100", "3-rc", "4-beta.2", "5+b", "2-1a") + v[at[1]:]
	}
	piece := m.pick("0", "1", "2", "9", "10", "-", ".", "a", "rc", "beta", "-alpha.1", "-0", ".0", "+b", "x", "00", "12345678901234",
		"-rc.1", "-rc.2", "-rc.10", "A", "v", "-beta", "-1")
	i := m.random.IntN(len(v) + 1)
	switch m.random.IntN(5) {
	case 0:
		return v + piece
	case 1, 2:
		return v[:i] + piece + v[i:]
	case 3:
		return v[:i]
	}
	if i < len(v) {
		return v[:i] + piece + v[i+1:]
	}
	return piece + v
}

var semverNumber = regexp.MustCompile(`\d+`)

// near returns a version that shares much with v.
func (m *semverMaterial) near(v string) string {
	if m.random.IntN(4) == 0 {
		return m.version()
	}
	for range 1 + m.random.IntN(2) {
		v = m.mutate(v)
	}
	return v
}

// askSemver feeds lines to a process and returns its answers, one per line.
func askSemver(t *testing.T, questions [][]string, name string, args ...string) []string {
	t.Helper()
	var in bytes.Buffer
	encoder := json.NewEncoder(&in)
	encoder.SetEscapeHTML(false)
	for _, q := range questions {
		require.NoError(t, encoder.Encode(q))
	}
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "NODE_PATH=/usr/share/nodejs") // where Debian has packages for node
	cmd.Stdin = &in
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoErrorf(t, err, "%s: %s", name, stderr.String())
	var answers []string
	for scanner := bufio.NewScanner(bytes.NewReader(out)); scanner.Scan(); {
		answers = append(answers, scanner.Text())
	}
	require.Len(t, answers, len(questions))
	return answers
}

// nodeScript answers ["compare", a, b] and ["satisfies", v, range].
const nodeScript = `
const semver = require(process.argv[1])
const rl = require('readline').createInterface({input: process.stdin})
const out = []
rl.on('line', line => {
  const [what, a, b] = JSON.parse(line)
  let answer = 'invalid'
  try {
    if (what === 'strict') answer = semver.compare(a, b)
    else if (what === 'loose') answer = semver.compare(a, b, true)
    else {
      new semver.SemVer(a, {loose: true})
      const strict = semver.validRange(b) !== null
      new semver.Range(b, {loose: true})
      answer = (strict ? '' : 'loose ') + semver.satisfies(a, b, {loose: true})
    }
  } catch (e) {}
  out.push(answer)
})
rl.on('close', () => process.stdout.write(out.join('\n') + '\n'))
`

func nodeSemver(t *testing.T, questions [][]string) []string {
	t.Helper()
	const module = "/usr/share/nodejs/semver"
	if _, err := os.Stat(module); err != nil {
		t.Skipf("no node-semver to compare with: %v", err)
	}
	if _, err := exec.LookPath("node"); err != nil {
		t.Skipf("no node to compare with: %v", err)
	}
	return askSemver(t, questions, "node", "-e", nodeScript, module)
}

// bigSemver finds numbers that are not exact in floating point: the named
// exception "numbers beyond 2^53-1" of parseNPM's comment.
var bigSemver = regexp.MustCompile(`\d{16}`)

// splitSemver finds a dot after the third number: the named exception "third
// number split in two" of parseNPM's comment.
var splitSemver = regexp.MustCompile(`\d+\.\d+\.\d+\.`)

func TestNodeCompare(t *testing.T) {
	tests := []struct {
		scheme version.Scheme
		mode   string
	}{
		{version.SemVer, "strict"},
		{version.NPM, "loose"},
	}
	for i, tt := range tests {
		t.Run(tt.scheme.String(), func(t *testing.T) {
			m := newSemverMaterial(t, uint64(i+1), "Bitnami", "Go", "crates.io", "RubyGems", "PyPI")
			var questions [][]string
			for len(questions) < 4*semverOraclePairs {
				a := m.version()
				questions = append(questions, []string{tt.mode, a, m.near(a)})
			}
			valid, left, disagreements := 0, map[string]int{}, 0
			for i, answer := range nodeSemver(t, questions) {
				a, b := questions[i][1], questions[i][2]
				got, err := version.Compare(tt.scheme, a, b)
				switch {
				case answer == "invalid": // more is accepted here, see parseSemver
					left["not valid for node-semver"]++
					continue
				case bigSemver.MatchString(a + " " + b):
					left["numbers beyond 2^53-1"]++
					continue
				case splitSemver.MatchString(a + " " + b):
					left["third number split in two"]++
					continue
				}
				valid++
				if err != nil || strconv.Itoa(got) != answer {
					disagreements++
					assert.Failf(t, "disagreement", "Compare(%v, %q, %q) = %d, %v, but node-semver says %s", tt.scheme, a, b, got, err, answer)
				}
			}
			t.Logf("%d pairs compared, %d disagreements, left out: %v", valid, disagreements, left)
			assert.Greater(t, valid, 100000)
		})
	}
}

// npmRange makes a range that is near to v.
func (m *semverMaterial) npmRange(v string) string {
	partial := func() string {
		w := m.pick(m.near(v), m.near(v), v, m.pick("*", "x", "0", "1", "0.0.0", "0.0", "1.2", "2.x", "1.2.X", "0.1.x", "x.1", "1.x.2", "0.0.1-a"))
		if m.random.IntN(3) == 0 {
			w = strings.Join(strings.SplitAfterN(w, ".", 3)[:1], "")
			w = strings.TrimSuffix(w, ".")
		} else if parts := strings.SplitN(w, ".", 3); len(parts) == 3 && m.random.IntN(3) == 0 {
			w = parts[0] + "." + parts[1] + m.pick("", ".x", ".*")
		}
		return w
	}
	one := func() string {
		return m.pick("", "=", "<", "<=", ">", ">=", "~", "^", "~>", "^", "~", ">=", "<") + m.pick("", "", "", " ", "v") + partial()
	}
	set := func() string {
		if m.random.IntN(6) == 0 {
			return partial() + " - " + partial()
		}
		var s strings.Builder
		s.WriteString(one())
		for m.random.IntN(3) == 0 {
			s.WriteString(m.pick(" ", "  ") + one())
		}
		return s.String()
	}
	var r strings.Builder
	r.WriteString(set())
	for m.random.IntN(4) == 0 {
		r.WriteString(m.pick("||", " || ") + set())
	}
	return r.String()
}

// operatorsSemver finds operators without a version, which are errors here: the
// named exception in parseNPMConstraint's comment.
var operatorsSemver = regexp.MustCompile(`[<>=~^]\s+[<>=~^]|v\s+v`)

func TestNodeSatisfies(t *testing.T) {
	m := newSemverMaterial(t, 3, "Bitnami", "Go", "crates.io", "RubyGems")
	var questions [][]string
	for len(questions) < 4*semverOraclePairs {
		v := m.version()
		questions = append(questions, []string{"satisfies", v, m.npmRange(v)})
	}
	valid, yes, left := 0, 0, map[string]int{}
	disagreements := 0
	for i, answer := range nodeSemver(t, questions) {
		v, constraint := questions[i][1], questions[i][2]
		got, err := version.Satisfies(version.NPM, v, constraint)
		loose := strings.HasPrefix(answer, "loose ")
		switch {
		case answer == "invalid":
			left["not valid for node-semver"]++
			continue
		case bigSemver.MatchString(v + " " + constraint):
			left["numbers beyond 2^53-1"]++
			continue
		case splitSemver.MatchString(v + " " + constraint):
			left["third number split in two"]++
			continue
		case strings.TrimSpace(constraint) == "":
			left["the empty range has pre-releases here"]++
			continue
		case operatorsSemver.MatchString(constraint):
			left["an operator without a version joins the next one"]++
			continue
		case loose && err != nil:
			left["loose mode ignores what it cannot read"]++
			continue
		}
		valid++
		if got {
			yes++
		}
		if err != nil || strconv.FormatBool(got) != strings.TrimPrefix(answer, "loose ") {
			if disagreements++; disagreements < 30 {
				t.Errorf("Satisfies(npm, %q, %q) = %t, %v, but node-semver says %s", v, constraint, got, err, answer)
			}
		}
	}
	t.Logf("%d pairs compared (%d satisfied), %d disagreements, left out: %v", valid, yes, disagreements, left)
	assert.Greater(t, valid, 100000)
}

// goProgram compares with the package that Go's own commands use.
const goProgram = `package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	"oracle/semver"
)

func main() {
	scanner := bufio.NewScanner(os.Stdin)
	for scanner.Scan() {
		var q []string
		if err := json.Unmarshal(scanner.Bytes(), &q); err != nil {
			panic(err)
		}
		if !semver.IsValid(q[0]) || !semver.IsValid(q[1]) {
			fmt.Println("invalid")
			continue
		}
		fmt.Println(semver.Compare(q[0], q[1]))
	}
}
`

// TestGoSemver compares with golang.org/x/mod/semver, of which every
// distribution of Go has a copy.
func TestGoSemver(t *testing.T) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	require.NoError(t, err)
	source, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "src/cmd/vendor/golang.org/x/mod/semver/semver.go"))
	if err != nil {
		t.Skipf("no golang.org/x/mod/semver to compare with: %v", err)
	}
	dir := t.TempDir()
	for name, data := range map[string]string{"go.mod": "module oracle\n\ngo 1.26\n", "main.go": goProgram, "semver/semver.go": string(source)} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
		require.NoError(t, os.WriteFile(path, []byte(data), 0o666))
	}
	program := filepath.Join(dir, "oracle")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Dir = dir
	build.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	out, err := build.CombinedOutput()
	require.NoErrorf(t, err, "%s", out)

	m := newSemverMaterial(t, 4, "Bitnami", "Go", "crates.io", "RubyGems")
	var questions [][]string
	for len(questions) < 4*semverOraclePairs {
		a := m.version()
		questions = append(questions, []string{"v" + strings.TrimPrefix(a, "v"), "v" + strings.TrimPrefix(m.near(a), "v")})
	}
	valid, disagreements := 0, 0
	for i, answer := range askSemver(t, questions, program) {
		if answer == "invalid" {
			continue
		}
		valid++
		a, b := questions[i][0], questions[i][1]
		got, err := version.Compare(version.Golang, a, b)
		if err != nil || strconv.Itoa(got) != answer {
			disagreements++
			assert.Failf(t, "disagreement", "Compare(golang, %q, %q) = %d, %v, but x/mod/semver says %s", a, b, got, err, answer)
		}
	}
	t.Logf("%d pairs compared, %d disagreements", valid, disagreements)
	assert.Greater(t, valid, 100000)
}
