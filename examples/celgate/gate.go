package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/imagevet/imagevet/cvss"
	"github.com/imagevet/imagevet/scan"
)

// costLimit bounds the work of one expression on one finding, in CEL's units.
// Comparing a handful of fields costs less than a hundred.
const costLimit = 100_000

// A Gate holds expressions of which none may be true for a finding. It is safe
// for concurrent use.
type Gate struct {
	rules []rule
}

type rule struct {
	text    string
	program cel.Program
}

// New compiles expressions. Each is about "finding", which has the keys of a
// finding in the JSON report, and gives true or false. "now" is the time, and
// rank("HIGH") a number by which severities can be compared; that of UNKNOWN is
// above all others.
func New(expressions ...string) (*Gate, error) {
	env, err := cel.NewEnv(
		cel.Variable("finding", cel.MapType(cel.StringType, cel.DynType)),
		cel.Variable("now", cel.TimestampType),
		cel.Function("rank", cel.Overload("rank_string", []*cel.Type{cel.StringType}, cel.IntType, cel.UnaryBinding(rank))),
	)
	if err != nil {
		return nil, err
	}
	g := &Gate{}
	for _, text := range expressions {
		ast, issues := env.Compile(text)
		if err := issues.Err(); err != nil {
			return nil, fmt.Errorf("%q: %w", text, err)
		}
		if t := ast.OutputType(); !t.IsExactType(cel.BoolType) {
			return nil, fmt.Errorf("%q gives %v, and not true or false", text, t)
		}
		program, err := env.Program(ast, cel.CostLimit(costLimit), cel.InterruptCheckFrequency(100))
		if err != nil {
			return nil, fmt.Errorf("%q: %w", text, err)
		}
		g.rules = append(g.rules, rule{text, program})
	}
	return g, nil
}

// rank orders severities. What nobody has rated can be of any.
func rank(value ref.Val) ref.Val {
	text, _ := value.Value().(string)
	s, err := cvss.ParseSeverity(text)
	if err != nil {
		return types.NewErr("%v", err)
	}
	if s == cvss.Unknown {
		return types.Int(cvss.Critical) + 1
	}
	return types.Int(s)
}

// A Denial is a finding that may not be there.
type Denial struct {
	Finding    *scan.Finding
	Expression string
	// Err is set if the expression could not be evaluated, such as for a key that
	// the finding lacks. That denies too: what cannot be judged does not pass.
	Err error
}

// Denied returns the findings of a report that an expression is true for, with
// the first of these, in the order of the report. The error is that of the
// context.
func (g *Gate) Denied(ctx context.Context, r *scan.Report, now time.Time) ([]Denial, error) {
	var out []Denial
	for i := range r.Findings {
		finding, err := asMap(&r.Findings[i])
		if err != nil {
			return nil, err
		}
		for _, rule := range g.rules {
			value, _, err := rule.program.ContextEval(ctx, map[string]any{"finding": finding, "now": now})
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			denied := err != nil
			if !denied {
				yes, ok := value.Value().(bool)
				if denied = yes || !ok; !ok {
					err = errors.New("the result is neither true nor false")
				}
			}
			if denied {
				out = append(out, Denial{&r.Findings[i], rule.text, err})
				break
			}
		}
	}
	return out, nil
}

// asMap gives a finding the keys of the report.
func asMap(f *scan.Finding) (map[string]any, error) {
	data, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	var out map[string]any
	if err := json.Unmarshal(data, &out); err != nil {
		return nil, err
	}
	// A list that is nil is null in JSON, and the report promises a list.
	for _, m := range []any{out, out["package"]} {
		object, _ := m.(map[string]any)
		for key, value := range object {
			if value == nil {
				object[key] = []any{}
			}
		}
	}
	return out, nil
}
