package rivals

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	goark2 "github.com/goark/go-cvss/v2/metric"
	goark3 "github.com/goark/go-cvss/v3/metric"
	pandatix2 "github.com/pandatix/go-cvss/20"
	pandatix30 "github.com/pandatix/go-cvss/30"
	pandatix31 "github.com/pandatix/go-cvss/31"
	pandatix4 "github.com/pandatix/go-cvss/40"

	"github.com/imagevet/imagevet/cvss"
)

// A cvssContest is one version of CVSS: how to write its vectors, and who
// scores them.
type cvssContest struct {
	version, prefix string
	metrics         string // each with its values
	base            int    // the number of mandatory metrics
	rivals          []cvssRival
}

type cvssRival struct {
	name  string
	score func(vector string) (float64, error) // by all metrics
	base  func(vector string) (float64, error) // by the base metrics; the vector has no others
	// allowed is how many disagreements in a thousand random vectors are
	// known, and why tells whose they are.
	allowed int
	why     string
}

const metrics3 = "AV:N,A,L,P AC:L,H PR:N,L,H UI:N,R S:U,C C:H,L,N I:H,L,N A:H,L,N E:X,H,F,P,U RL:X,U,W,T,O RC:X,C,R,U " +
	"CR:X,H,M,L IR:X,H,M,L AR:X,H,M,L MAV:X,N,A,L,P MAC:X,L,H MPR:X,N,L,H MUI:X,N,R MS:X,U,C MC:X,H,L,N MI:X,H,L,N MA:X,H,L,N"

func cvssContests() []cvssContest {
	return []cvssContest{
		{"2.0", "", "AV:L,A,N AC:H,M,L Au:M,S,N C:N,P,C I:N,P,C A:N,P,C E:ND,U,POC,F,H RL:ND,OF,TF,W,U RC:ND,UC,UR,C " +
			"CDP:ND,N,L,LM,MH,H TD:ND,N,L,M,H CR:ND,L,M,H IR:ND,L,M,H AR:ND,L,M,H", 6, []cvssRival{
			{"pandatix", scored(pandatix2.ParseVector, (*pandatix2.CVSS20).EnvironmentalScore), scored(pandatix2.ParseVector, (*pandatix2.CVSS20).BaseScore), 12, "binary fractions lose exact halves; negative scores are not cut off"},
			{"goark", func(s string) (float64, error) {
				v, err := goark2.NewEnvironmental().Decode(s)
				return v.Score(), err
			}, func(s string) (float64, error) {
				v, err := goark2.NewBase().Decode(s)
				return v.Score(), err
			}, 60, "rounds the sub-scores first, which the guide does not"},
		}},
		{"3.0", "CVSS:3.0/", metrics3, 8, []cvssRival{
			{"pandatix", scored(pandatix30.ParseVector, (*pandatix30.CVSS30).EnvironmentalScore), scored(pandatix30.ParseVector, (*pandatix30.CVSS30).BaseScore), 0, ""},
			{"goark", goarkScore3, goarkBase3, 0, ""},
		}},
		{"3.1", "CVSS:3.1/", metrics3, 8, []cvssRival{
			{"pandatix", scored(pandatix31.ParseVector, (*pandatix31.CVSS31).EnvironmentalScore), scored(pandatix31.ParseVector, (*pandatix31.CVSS31).BaseScore), 0, ""},
			{"goark", goarkScore3, goarkBase3, 0, ""},
		}},
		{"4.0", "CVSS:4.0/", "AV:N,A,L,P AC:L,H AT:N,P PR:N,L,H UI:N,P,A VC:H,L,N VI:H,L,N VA:H,L,N SC:H,L,N SI:H,L,N SA:H,L,N E:X,A,P,U " +
			"CR:X,H,M,L IR:X,H,M,L AR:X,H,M,L MAV:X,N,A,L,P MAC:X,L,H MAT:X,N,P MPR:X,N,L,H MUI:X,N,P,A MVC:X,H,L,N MVI:X,H,L,N " +
			"MVA:X,H,L,N MSC:X,H,L,N MSI:X,S,H,L,N MSA:X,S,H,L,N", 11, []cvssRival{
			{"pandatix", scored(pandatix4.ParseVector, (*pandatix4.CVSS40).Score), scored(pandatix4.ParseVector, (*pandatix4.CVSS40).Score), 8, "rounds exact halves down, FIRST's calculator up"},
		}},
	}
}

func scored[T any](parse func(string) (T, error), score func(T) float64) func(string) (float64, error) {
	return func(s string) (float64, error) {
		v, err := parse(s)
		if err != nil {
			return 0, err
		}
		return score(v), nil
	}
}

func goarkScore3(s string) (float64, error) {
	v, err := goark3.NewEnvironmental().Decode(s)
	return v.Score(), err
}

func goarkBase3(s string) (float64, error) {
	v, err := goark3.NewBase().Decode(s)
	return v.Score(), err
}

// vector makes a random vector of the first n metrics, or all if n is 0.
func (c *cvssContest) vector(random *rand.Rand, n int) string {
	var b strings.Builder
	b.WriteString(c.prefix)
	for i, m := range strings.Fields(c.metrics) {
		if n > 0 && i == n {
			break
		}
		name, values, _ := strings.Cut(m, ":")
		list := strings.Split(values, ",")
		if i > 0 {
			b.WriteByte('/')
		}
		b.WriteString(name + ":" + list[random.IntN(len(list))])
	}
	return b.String()
}

// TestCVSSAgrees compares scores of random vectors with all metrics. Their
// number is bounded for the time it takes; the flag -cvss.vectors raises it.
func TestCVSSAgrees(t *testing.T) {
	for _, c := range cvssContests() {
		t.Run(c.version, func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, 2))
			bad := make([]int, len(c.rivals))
			example := make([]string, len(c.rivals))
			for range *cvssVectors {
				s := c.vector(random, 0)
				v, err := cvss.Parse(s)
				if err != nil {
					t.Fatal(err)
				}
				for i, r := range c.rivals {
					theirs, err := r.score(s)
					if err != nil {
						t.Fatalf("%s: %q: %v", r.name, s, err)
					}
					if theirs != v.EnvironmentalScore() {
						bad[i]++
						example[i] = fmt.Sprintf("%s: %v, imagevet %v", s, theirs, v.EnvironmentalScore())
					}
				}
			}
			for i, r := range c.rivals {
				t.Logf("%-10s %d of %d disagree %s %s", r.name, bad[i], *cvssVectors, r.why, example[i])
				if bad[i]*1000 > r.allowed**cvssVectors {
					t.Errorf("%s: more than %d in a thousand disagree", r.name, r.allowed)
				}
			}
		})
	}
}

// baseVectors returns all vectors of base metrics.
func (c *cvssContest) baseVectors() []string {
	vectors := []string{strings.TrimSuffix(c.prefix, "/")}
	for _, m := range strings.Fields(c.metrics)[:c.base] {
		name, values, _ := strings.Cut(m, ":")
		var longer []string
		for _, v := range vectors {
			for value := range strings.SplitSeq(values, ",") {
				longer = append(longer, strings.TrimPrefix(v+"/"+name+":"+value, "/"))
			}
		}
		vectors = longer
	}
	return vectors
}

// TestCVSSBaseVectors compares the scores of all base vectors.
func TestCVSSBaseVectors(t *testing.T) {
	counts := map[string]int{"2.0": 729, "3.0": 2592, "3.1": 2592, "4.0": 104976}
	known := map[string]int{"2.0 goark": 22, "4.0 pandatix": 450} // for the reasons above
	for _, c := range cvssContests() {
		vectors := c.baseVectors()
		if len(vectors) != counts[c.version] {
			t.Fatalf("%d vectors of version %s", len(vectors), c.version)
		}
		for _, r := range c.rivals {
			bad := 0
			for _, s := range vectors {
				theirs, err := r.base(s)
				if err != nil {
					t.Fatalf("%s: %q: %v", r.name, s, err)
				}
				if theirs != cvss.MustParse(s).BaseScore() {
					bad++
				}
			}
			t.Logf("%s %-8s %d of %d disagree", c.version, r.name, bad, len(vectors))
			if want := known[c.version+" "+r.name]; bad != want {
				t.Errorf("%s: %d of version %s disagree, known are %d", r.name, bad, c.version, want)
			}
		}
	}
}

// cvssOps are what a library does with the vectors of one version. Each
// function prepares and returns the work.
type cvssOps struct {
	name                string
	parse, score, print func(vectors []string) func() error
}

func opsOf[T any](name string, parse func(string) (T, error), score func(T) float64, text func(T) string) cvssOps {
	each := func(use func(T) bool) func([]string) func() error {
		return func(vectors []string) func() error {
			var parsed []T
			for _, s := range vectors {
				v, err := parse(s)
				if err != nil {
					return func() error { return err }
				}
				parsed = append(parsed, v)
			}
			return func() error {
				for i, v := range parsed {
					if !use(v) {
						return fmt.Errorf("no answer for %q", vectors[i])
					}
				}
				return nil
			}
		}
	}
	return cvssOps{
		name: name,
		parse: func(vectors []string) func() error {
			return func() error {
				for _, s := range vectors {
					if _, err := parse(s); err != nil {
						return err
					}
				}
				return nil
			}
		},
		score: each(func(v T) bool { return score(v) >= 0 }),
		print: each(func(v T) bool { return text(v) != "" }),
	}
}

// BenchmarkCVSS parses, scores and prints vectors: of base metrics, as feeds
// have them, and of all metrics.
func BenchmarkCVSS(b *testing.B) {
	pandatix := map[string]cvssOps{
		"2.0": opsOf("pandatix", pandatix2.ParseVector, (*pandatix2.CVSS20).EnvironmentalScore, (*pandatix2.CVSS20).Vector),
		"3.0": opsOf("pandatix", pandatix30.ParseVector, (*pandatix30.CVSS30).EnvironmentalScore, (*pandatix30.CVSS30).Vector),
		"3.1": opsOf("pandatix", pandatix31.ParseVector, (*pandatix31.CVSS31).EnvironmentalScore, (*pandatix31.CVSS31).Vector),
		"4.0": opsOf("pandatix", pandatix4.ParseVector, (*pandatix4.CVSS40).Score, (*pandatix4.CVSS40).Vector),
	}
	ours := opsOf("imagevet", cvss.Parse, cvss.Vector.EnvironmentalScore, cvss.Vector.String)
	for _, c := range cvssContests() {
		for kind, n := range map[string]int{"base": c.base, "full": 0} {
			random := rand.New(rand.NewPCG(3, 4))
			vectors := make([]string, 1000)
			for i := range vectors {
				vectors[i] = c.vector(random, n)
			}
			for _, who := range []cvssOps{ours, pandatix[c.version]} {
				for what, prepare := range map[string]func([]string) func() error{"parse": who.parse, "score": who.score, "print": who.print} {
					b.Run(c.version+"/"+kind+"/"+what+"/"+who.name, func(b *testing.B) {
						work := prepare(vectors)
						b.ReportAllocs()
						for b.Loop() {
							if err := work(); err != nil {
								b.Fatal(err)
							}
						}
						b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(vectors)), "ns/vector")
					})
				}
			}
		}
	}
}
