//go:build oracle

package version_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/version"
)

// cargoProgram answers lines of tab-separated questions with Cargo's library,
// the crate semver: "compare", a, b, without the builds, or "match", version,
// requirement.
const cargoProgram = `
use semver::{BuildMetadata, Version, VersionReq};
use std::io::{self, Read, Write};

fn compare(a: &str, b: &str) -> Result<String, semver::Error> {
    let (mut a, mut b) = (Version::parse(a)?, Version::parse(b)?);
    a.build = BuildMetadata::EMPTY;
    b.build = BuildMetadata::EMPTY;
    Ok((a.cmp(&b) as i8).to_string())
}

fn matches(v: &str, requirement: &str) -> Result<String, semver::Error> {
    let v = Version::parse(v)?;
    Ok(VersionReq::parse(requirement)?.matches(&v).to_string())
}

fn main() {
    let mut questions = String::new();
    io::stdin().read_to_string(&mut questions).unwrap();
    let mut answers = String::new();
    for line in questions.lines() {
        let q: Vec<&str> = line.split('\t').collect();
        let answer = if q[0] == "compare" { compare(q[1], q[2]) } else { matches(q[1], q[2]) };
        answers += &answer.unwrap_or_else(|_| "invalid".to_string());
        answers += "\n";
    }
    io::stdout().write_all(answers.as_bytes()).unwrap();
}
`

// cargoOracle compiles the program with the crate that Debian has.
func cargoOracle(t *testing.T) string {
	t.Helper()
	crates, err := filepath.Glob("/usr/share/cargo/registry/semver-1.*/src/lib.rs")
	require.NoError(t, err)
	if len(crates) == 0 {
		t.Skip("no crate semver to compare with, see testdata/oracles.sh")
	}
	rustc := interpreter(t, "rustc", "--version")
	dir := t.TempDir()
	source := filepath.Join(dir, "oracle.rs")
	require.NoError(t, os.WriteFile(source, []byte(cargoProgram), 0o600))
	for _, args := range [][]string{
		{"--crate-type", "rlib", "--crate-name", "semver", "--cap-lints", "allow", crates[0]},
		{"--extern", "semver=" + filepath.Join(dir, "libsemver.rlib"), source},
	} {
		cmd := exec.Command(rustc, append([]string{"--edition", "2018", "-O", "--out-dir", dir}, args...)...)
		out, err := cmd.CombinedOutput()
		require.NoErrorf(t, err, "%s", out)
	}
	return filepath.Join(dir, "oracle")
}

func TestCargoOracle(t *testing.T) {
	oracle := cargoOracle(t)
	pairs := strictPairs(t, version.Cargo, rand.New(rand.NewPCG(5, 6)), 250000)
	questions := make([]string, len(pairs))
	for i, p := range pairs {
		questions[i] = "compare\t" + p[0] + "\t" + p[1]
	}
	counts := map[string]int{}
	for i, answer := range askInterpreter(t, questions, oracle) {
		a, b := pairs[i][0], pairs[i][1]
		if answer == "invalid" { // more is accepted here, see semver.go
			counts["left out, not valid for Cargo"]++
			continue
		}
		counts[answer]++
		got, err := version.Compare(version.Cargo, a, b)
		assert.Truef(t, err == nil && fmt.Sprint(got) == answer, "Compare(cargo, %q, %q) = %d, %v, but Cargo says %s", a, b, got, err, answer)
	}
	t.Logf("%d pairs: %v", len(pairs), counts)
	assert.Greater(t, counts["-1"]+counts["0"]+counts["1"], 100000)
}

func TestCargoRequirementOracle(t *testing.T) {
	oracle := cargoOracle(t)
	random := rand.New(rand.NewPCG(7, 8))
	pairs := strictPairs(t, version.Cargo, random, 400000)
	questions := make([]string, len(pairs))
	for i, p := range pairs {
		other := pairs[random.IntN(len(pairs))][0]
		pairs[i][1] = cargoRequirement(random, p[0], p[1], p[1], p[1], other)
		questions[i] = "match\t" + p[0] + "\t" + pairs[i][1]
	}
	counts := map[string]int{}
	for i, answer := range askInterpreter(t, questions, oracle) {
		v, requirement := pairs[i][0], pairs[i][1]
		ok, err := version.Satisfies(version.Cargo, v, requirement)
		switch {
		case answer != "invalid":
			counts[answer]++
			assert.Truef(t, err == nil && fmt.Sprint(ok) == answer, "Satisfies(cargo, %q, %q) = %t, %v, but Cargo says %s", v, requirement, ok, err, answer)
		case err != nil:
			counts["refused by both"]++
		default:
			counts["left out, not valid for Cargo"]++
			assert.Truef(t, cargoAccepted(v, requirement), "Satisfies(cargo, %q, %q), which Cargo refuses", v, requirement)
		}
	}
	t.Logf("%d pairs: %v", len(pairs), counts)
	assert.Greater(t, counts["true"], 20000)
	assert.Greater(t, counts["true"]+counts["false"], 100000)
}

// cargoRequirement makes a requirement of comparisons with versions.
func cargoRequirement(random *rand.Rand, versions ...string) string {
	pick := func(list ...string) string { return list[random.IntN(len(list))] }
	partial := func() string {
		v := pick(versions...)
		parts := strings.SplitN(v, ".", 3)
		if len(parts) < 3 || random.IntN(2) == 0 {
			return v
		}
		switch random.IntN(6) {
		case 0, 1:
			return parts[0] + "." + parts[1]
		case 2:
			return parts[0] + "." + parts[1] + pick(".*", ".x", ".X")
		case 3:
			return parts[0] + pick(".*", ".x", ".*.*", ".X.x", ".*."+parts[2])
		case 4:
			return pick("*", "x", "0", "0.0", "0.0.0", "0.0.0-a", "*."+parts[1])
		}
		return parts[0]
	}
	one := func() string {
		op := pick("", "", "", "=", "<", "<=", ">", ">=", "~", "~", "^", "^", "^", pick("", "==", "!=", "~>", "=>"))
		return op + pick("", "", " ", "  ") + partial()
	}
	var r strings.Builder
	r.WriteString(pick("", "", " ") + one() + pick("", "", " "))
	for random.IntN(3) == 0 {
		r.WriteString(pick(",", ",", ", ", " , ", pick(",", " ", "||", ",,")) + one())
	}
	return r.String()
}

// cargoNumbers finds zeros before a number and numbers beyond 64 bits.
var cargoNumbers = regexp.MustCompile(`(^|[^0-9A-Za-z])(0\d|\d{20})`)

// cargoAccepted reports whether we accept what Cargo refuses for a reason that
// the comments of semver.go and parseCargoConstraint give.
func cargoAccepted(v, requirement string) bool {
	return strings.TrimSpace(requirement) == "" || !strictSemver.MatchString(v) || cargoNumbers.MatchString(v) || cargoNumbers.MatchString(requirement)
}

// strictSemver finds versions of three numbers, without anything before them.
var strictSemver = regexp.MustCompile(`^\d+\.\d+\.\d+([-+].*)?$`)

func strictPieces() []string {
	return strings.Split("0 1 2 9 10 00 . - + .0 .1 -rc -rc.1 -rc.2 -rc.10 -0 -a.b -A +b +b-1 a rc beta 1.2.3 0.0.1 v -1 18446744073709551615 18446744073709551616", " ")
}

// strictPairs returns pairs of versions, most of which have three numbers. They
// are those of crates and of Bitnami's images.
func strictPairs(t *testing.T, s version.Scheme, random *rand.Rand, n int) [][2]string {
	t.Helper()
	versions := mutatedVersions(acceptedFeeds(t, s, "crates.io", "Bitnami"), strictPieces(), random)
	kept := versions[:0]
	for _, list := range versions {
		var strict []string
		for _, v := range list {
			if strictSemver.MatchString(v) || random.IntN(10) == 0 {
				strict = append(strict, v)
			}
		}
		if len(strict) > 0 {
			kept = append(kept, strict)
		}
	}
	return packagePairs(kept, random, n)
}

// acceptedFeeds returns the versions of ecosystems that a scheme can read.
func acceptedFeeds(t *testing.T, s version.Scheme, ecosystems ...string) [][]string {
	t.Helper()
	var lists [][]string
	for _, ecosystem := range ecosystems {
		for _, list := range feed(t, ecosystem, 4) {
			var kept []string
			for _, v := range list {
				if _, err := version.Parse(s, v); err == nil {
					kept = append(kept, v)
				}
			}
			if len(kept) > 0 {
				lists = append(lists, kept)
			}
		}
	}
	return lists
}
