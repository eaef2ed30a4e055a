package cvss

import (
	"math/big"
	"strings"
)

// The functions of this file are the formulas of the specifications, word for
// word and slow, with fractions of unlimited precision and the text of a vector
// as input. They share nothing with the package but the names of metrics.

func rat(s string) *big.Rat {
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		panic(s)
	}
	return r
}

func mul(first *big.Rat, more ...*big.Rat) *big.Rat {
	p := new(big.Rat).Set(first)
	for _, r := range more {
		p.Mul(p, r)
	}
	return p
}

func add(a, b *big.Rat) *big.Rat { return new(big.Rat).Add(a, b) }
func sub(a, b *big.Rat) *big.Rat { return new(big.Rat).Sub(a, b) }

func smaller(a, b *big.Rat) *big.Rat {
	if a.Cmp(b) < 0 {
		return a
	}
	return b
}

func power(x *big.Rat, n int64) *big.Rat {
	num := new(big.Int).Exp(x.Num(), big.NewInt(n), nil)
	return new(big.Rat).SetFrac(num, new(big.Int).Exp(x.Denom(), big.NewInt(n), nil))
}

// floor is the greatest integer not above x, which is not negative.
func floor(x *big.Rat) *big.Rat {
	return new(big.Rat).SetInt(new(big.Int).Quo(x.Num(), x.Denom()))
}

// halfUp rounds to one decimal.
func halfUp(x *big.Rat) *big.Rat {
	return mul(floor(add(mul(x, rat("10")), rat("1/2"))), rat("1/10"))
}

// ceiling is Roundup of version 3.0: the smallest number with one decimal that
// is equal to or higher than x.
func ceiling(x *big.Rat) *big.Rat {
	ten := mul(x, rat("10"))
	f := floor(ten)
	if f.Cmp(ten) < 0 {
		f = add(f, rat("1"))
	}
	return mul(f, rat("1/10"))
}

// appendixA is Roundup of version 3.1, line for line.
func appendixA(x *big.Rat) *big.Rat {
	n := floor(add(mul(x, rat("100000")), rat("1/2")))
	if f := mul(n, rat("1/10000")); f.IsInt() {
		return mul(n, rat("1/100000"))
	}
	return mul(add(floor(mul(n, rat("1/10000"))), rat("1")), rat("1/10"))
}

// metricsOf has the metrics of a vector, none that is not defined.
func metricsOf(vector string) map[string]string {
	m := map[string]string{}
	for part := range strings.SplitSeq(vector, "/") {
		name, val, _ := strings.Cut(part, ":")
		if val != "X" && val != "ND" {
			m[name] = val
		}
	}
	return m
}

// lookup returns the number of a metric's value from a list such as
// "L=0.395 A=0.646"; the empty value is that of a metric not set.
func lookup(val, list string) *big.Rat {
	for item := range strings.FieldsSeq(list) {
		if name, number, _ := strings.Cut(item, "="); name == val {
			return rat(number)
		}
	}
	panic(val + " is not in " + list)
}

// reference2 is https://www.first.org/cvss/v2/guide, section 3.2.
func reference2(m map[string]string) (base, temporal, environmental *big.Rat) {
	one := rat("1")
	impactOf := func(cr, ir, ar *big.Rat) *big.Rat {
		const values = "N=0 P=0.275 C=0.660"
		c := sub(one, mul(lookup(m["C"], values), cr))
		i := sub(one, mul(lookup(m["I"], values), ir))
		a := sub(one, mul(lookup(m["A"], values), ar))
		return mul(rat("10.41"), sub(one, mul(c, i, a)))
	}
	exploitability := mul(rat("20"), lookup(m["AV"], "L=0.395 A=0.646 N=1"),
		lookup(m["AC"], "H=0.35 M=0.61 L=0.71"), lookup(m["Au"], "M=0.45 S=0.56 N=0.704"))
	baseOf := func(impact *big.Rat) *big.Rat {
		f := rat("1.176")
		if impact.Sign() == 0 {
			f = rat("0")
		}
		x := sub(add(mul(rat("0.6"), impact), mul(rat("0.4"), exploitability)), rat("1.5"))
		if x.Sign() < 0 {
			return rat("0") // scores are from 0 to 10
		}
		return halfUp(mul(x, f))
	}
	temporalOf := func(base *big.Rat) *big.Rat {
		return halfUp(mul(base, lookup(m["E"], "U=0.85 POC=0.9 F=0.95 H=1 =1"),
			lookup(m["RL"], "OF=0.87 TF=0.9 W=0.95 U=1 =1"), lookup(m["RC"], "UC=0.9 UR=0.95 C=1 =1")))
	}
	const requirement = "L=0.5 M=1 H=1.51 =1"
	adjusted := smaller(rat("10"), impactOf(lookup(m["CR"], requirement),
		lookup(m["IR"], requirement), lookup(m["AR"], requirement)))
	at := temporalOf(baseOf(adjusted))
	cdp := lookup(m["CDP"], "N=0 L=0.1 LM=0.3 MH=0.4 H=0.5 =0")
	td := lookup(m["TD"], "N=0 L=0.25 M=0.75 H=1 =1")
	base = baseOf(impactOf(one, one, one))
	return base, temporalOf(base), halfUp(mul(add(at, mul(sub(rat("10"), at), cdp)), td))
}

// reference3 is https://www.first.org/cvss/v3.1/specification-document, section
// 7, and the same of version 3.0. unrounded is what the inner Roundup of the
// environmental score rounds.
func reference3(m map[string]string) (base, temporal, environmental, unrounded *big.Rat) {
	one := rat("1")
	v30 := m["CVSS"] == "3.0"
	round := appendixA
	if v30 {
		round = ceiling
	}
	impactOf := func(iss *big.Rat, scope string, modified bool) *big.Rat {
		if scope == "U" {
			return mul(rat("6.42"), iss)
		}
		last := power(sub(iss, rat("0.02")), 15)
		if modified && !v30 {
			last = power(sub(mul(iss, rat("0.9731")), rat("0.02")), 13)
		}
		return sub(mul(rat("7.52"), sub(iss, rat("0.029"))), mul(rat("3.25"), last))
	}
	sum := func(impact, exploitability *big.Rat, scope string) *big.Rat {
		if impact.Sign() <= 0 {
			return rat("0")
		}
		x := add(impact, exploitability)
		if scope == "C" {
			x = mul(rat("1.08"), x)
		}
		return smaller(x, rat("10"))
	}
	exploitability := func(get func(string) string) *big.Rat {
		pr := "N=0.85 L=0.62 H=0.27"
		if get("S") == "C" {
			pr = "N=0.85 L=0.68 H=0.5"
		}
		return mul(rat("8.22"), lookup(get("AV"), "N=0.85 A=0.62 L=0.55 P=0.2"),
			lookup(get("AC"), "L=0.77 H=0.44"), lookup(get("PR"), pr), lookup(get("UI"), "N=0.85 R=0.62"))
	}
	lost := func(get func(string) string, metric, requirement string) *big.Rat {
		const values = "H=0.56 L=0.22 N=0"
		return sub(one, mul(lookup(get(metric), values), lookup(requirement, "H=1.5 M=1 L=0.5 =1")))
	}
	plain := func(name string) string { return m[name] }
	modified := func(name string) string {
		if val, ok := m["M"+name]; ok {
			return val
		}
		return m[name]
	}
	times := mul(lookup(m["E"], "H=1 F=0.97 P=0.94 U=0.91 =1"),
		lookup(m["RL"], "U=1 W=0.97 T=0.96 O=0.95 =1"), lookup(m["RC"], "C=1 R=0.96 U=0.92 =1"))

	iss := sub(one, mul(lost(plain, "C", ""), lost(plain, "I", ""), lost(plain, "A", "")))
	base = round(sum(impactOf(iss, m["S"], false), exploitability(plain), m["S"]))

	miss := smaller(rat("0.915"), sub(one,
		mul(lost(modified, "C", m["CR"]), lost(modified, "I", m["IR"]), lost(modified, "A", m["AR"]))))
	scope := modified("S")
	unrounded = sum(impactOf(miss, scope, true), exploitability(modified), scope)
	return base, round(mul(base, times)), round(mul(round(unrounded), times)), unrounded
}
