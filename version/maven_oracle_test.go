//go:build oracle

package version_test

import (
	"bufio"
	"flag"
	"fmt"
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

var mavenJar = flag.String("maven.jar", "/usr/share/java/maven3-artifact.jar", "the library of Maven 3.8.7 or 3.9 to compare with")

// mavenProgram answers lines of "c", version, version with the comparison and
// lines of "s", version, constraint with true, false or error.
const mavenProgram = `
import java.io.*;
import java.nio.charset.StandardCharsets;
import org.apache.maven.artifact.versioning.*;

public class Oracle {
	public static void main(String[] args) throws Exception {
		var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
		var out = new PrintWriter(new BufferedWriter(new OutputStreamWriter(System.out, StandardCharsets.UTF_8)));
		for (String line; (line = in.readLine()) != null; ) {
			var p = line.split("\t", -1);
			if (p[0].equals("c")) {
				out.println(Integer.signum(new ComparableVersion(p[1]).compareTo(new ComparableVersion(p[2]))));
				continue;
			}
			try {
				out.println(VersionRange.createFromVersionSpec(p[2]).containsVersion(new DefaultArtifactVersion(p[1])));
			} catch (InvalidVersionSpecificationException e) {
				out.println("error");
			}
		}
		out.flush();
	}
}
`

// askMaven returns Maven's answer to each line.
func askMaven(t *testing.T, lines []string) []string {
	t.Helper()
	java, err := exec.LookPath("java")
	if err != nil {
		t.Skipf("no java to compare with: %v", err)
	}
	if _, err := os.Stat(*mavenJar); err != nil {
		t.Skipf("no Maven to compare with, see testdata/oracles.sh: %v", err)
	}
	source := filepath.Join(t.TempDir(), "Oracle.java")
	require.NoError(t, os.WriteFile(source, []byte(mavenProgram), 0o600))
	return answersOf(t, exec.Command(java, "-cp", *mavenJar+":/usr/share/java/commons-lang3.jar", source), lines)
}

// answersOf feeds lines to a program and returns a line for each.
func answersOf(t *testing.T, cmd *exec.Cmd, lines []string) []string {
	t.Helper()
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	var answers []string
	for scanner := bufio.NewScanner(pipe); scanner.Scan(); {
		answers = append(answers, scanner.Text())
	}
	require.NoError(t, cmd.Wait())
	require.Len(t, answers, len(lines))
	return answers
}

// The rules by which Compare departs from Maven, see the comment at the
// beginning of maven.go. Each is a form that one version of a pair must have for
// the two to disagree.
var (
	mavenDotted = regexp.MustCompile(`(?i)\.[^-.0-9]+[-.]`)
	mavenHollow = regexp.MustCompile(`(?i)(^[-.]|^0+|^ga|^final|^release|--|-\.|-0+|[^-.0-9]0+|[-0-9](ga|final|release)|\.(ga|final|release)0)([-.]|0+|ga|final|release)*[^-.0-9]`)
	mavenZeros  = regexp.MustCompile(`(^|[^0-9])0{10,}($|[^0-9])`)
)

// mavenExcused returns the rule that excuses a disagreement, if there is one.
func mavenExcused(a, b string) string {
	switch {
	case mavenDotted.MatchString(a) || mavenDotted.MatchString(b):
		return "dotted qualifier"
	case mavenZeros.MatchString(a) || mavenZeros.MatchString(b):
		return "many zeros"
	case mavenHollow.MatchString(a) || mavenHollow.MatchString(b):
		return "empty place before a qualifier"
	}
	return ""
}

// mavenOracleVersions returns versions of the order test and of advisories.
func mavenOracleVersions(t *testing.T) []string {
	seen := map[string]bool{}
	var versions []string
	add := func(v string) {
		if v != "" && !seen[v] && isASCII(v) && !strings.ContainsAny(v, "\t\n\r") {
			seen[v] = true
			versions = append(versions, v)
		}
	}
	for _, row := range mavenOrder() {
		for _, v := range row {
			add(v)
		}
	}
	for _, ecosystem := range []string{"Bitnami", "RubyGems", "PyPI", "Packagist"} { // there is none of Maven
		for _, list := range feed(t, ecosystem, 4) {
			for _, v := range list {
				add(v)
			}
		}
	}
	return versions
}

func TestMavenOracle(t *testing.T) {
	real := mavenOracleVersions(t)
	random := rand.New(rand.NewPCG(5, 6))
	pieces := strings.Split("0 1 2 10 01 00 20240101123456789012 . . - - .0 -0 .1 -1 .Final -SNAPSHOT .RELEASE alpha -beta-2 b1 a1 m2 -rc1 cr2 sp -ga x .x jre +b _ final ga1 .rc-1", " ")
	mutate := func(v string) string {
		for range random.IntN(4) {
			i := random.IntN(len(v) + 1)
			j := min(len(v), i+random.IntN(3))
			v = v[:i] + pieces[random.IntN(len(pieces))] + v[j:]
			if random.IntN(3) == 0 {
				v = v[:min(len(v), 1+random.IntN(8))]
			}
		}
		return v
	}
	var lines []string
	var pairs [][2]string
	for len(pairs) < 300000 {
		a := real[random.IntN(len(real))]
		b := real[random.IntN(len(real))]
		if random.IntN(4) != 0 {
			b = mutate(a)
		}
		if random.IntN(3) == 0 {
			a = mutate(a)
		}
		if a == "" || b == "" {
			continue
		}
		pairs = append(pairs, [2]string{a, b})
		lines = append(lines, "c\t"+a+"\t"+b)
	}
	answers := askMaven(t, lines)
	excused := map[string]int{}
	wrong := 0
	for i, pair := range pairs {
		got, err := version.Compare(version.Maven, pair[0], pair[1])
		require.NoError(t, err)
		if strconv.Itoa(got) == answers[i] {
			continue
		}
		if rule := mavenExcused(pair[0], pair[1]); rule != "" {
			excused[rule]++
			continue
		}
		if wrong++; wrong < 20 {
			assert.Failf(t, "disagreement", "Compare(maven, %q, %q) = %d, Maven says %s", pair[0], pair[1], got, answers[i])
		}
	}
	t.Logf("%d pairs, %d disagreements, excused %v", len(pairs), wrong, excused)
}

func TestMavenRangeOracle(t *testing.T) {
	real := mavenOracleVersions(t)
	random := rand.New(rand.NewPCG(7, 8))
	var lines []string
	var questions [][2]string
	for len(lines) < 100000 {
		bound := func() string { return real[random.IntN(len(real))] }
		if random.IntN(2) == 0 {
			bound = func() string {
				return strconv.Itoa(random.IntN(6)) + []string{"", ".0", "-rc1", "-SNAPSHOT"}[random.IntN(4)]
			}
		}
		blank := func() string { return []string{"", "", " "}[random.IntN(3)] }
		var c strings.Builder
		for range 1 + random.IntN(2) {
			open, closing := "[("[random.IntN(2):][:1], "])"[random.IntN(2):][:1]
			low, high := bound(), bound()
			switch random.IntN(6) {
			case 0:
				low = ""
			case 1:
				high = ""
			}
			if cmp, err := version.Compare(version.Maven, low, high); err == nil && cmp > 0 && random.IntN(4) != 0 {
				low, high = high, low
			}
			if c.Len() > 0 {
				c.WriteString("," + blank())
			}
			if random.IntN(8) == 0 {
				fmt.Fprintf(&c, "[%s%s%s]", blank(), low, blank())
				if low == "" {
					c.Reset()
					c.WriteString("[1]")
				}
				continue
			}
			fmt.Fprintf(&c, "%s%s%s%s,%s%s%s%s", open, blank(), low, blank(), blank(), high, blank(), closing)
		}
		v := bound()
		if mavenExcused(v+"/"+c.String(), "") != "" || strings.ContainsAny(v, "[]()<>=|, ") {
			continue
		}
		questions = append(questions, [2]string{v, c.String()})
		lines = append(lines, "s\t"+v+"\t"+c.String())
	}
	answers := askMaven(t, lines)
	counts := map[string]int{}
	for i, q := range questions {
		ok, err := version.Satisfies(version.Maven, q[0], q[1])
		got := strconv.FormatBool(ok)
		if err != nil {
			got = "error"
		}
		counts[got]++
		require.Equalf(t, answers[i], got, "Satisfies(maven, %q, %q): %v", q[0], q[1], err)
	}
	t.Logf("%d questions, answers %v", len(questions), counts)
}
