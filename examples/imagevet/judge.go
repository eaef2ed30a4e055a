package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/scan/ignore"
	"github.com/imagevet/imagevet/scan/policy"
	"github.com/imagevet/imagevet/scan/vex"
)

// exitGate is the exit status for an image that a policy does not let pass, if
// --exit-code gives no other.
const exitGate = 3

// ignoreFiles are looked for in the working folder if --ignorefile is not
// given. The first that is there is used.
func ignoreFiles() []string {
	return []string{".imagevetignore", ".trivyignore", ".trivyignore.yaml"}
}

// A judgeFlags is what can be said about which findings count.
type judgeFlags struct {
	ignoreFile string
	vexFiles   []string
	policyFile string
}

func (f *flags) judge() *judgeFlags {
	j := &judgeFlags{}
	f.set.StringVar(&j.ignoreFile, "ignorefile", "",
		"a `FILE` of rules on what to leave out (default the first of "+strings.Join(ignoreFiles(), ", ")+" in the working folder)")
	f.set.Func("vex", "a `FILE` of VEX, as OpenVEX, CycloneDX or CSAF; may be given several times", func(name string) error {
		j.vexFiles = append(j.vexFiles, name)
		return nil
	})
	f.set.StringVar(&j.policyFile, "policy", "", "a `FILE` that says what may not pass; the exit status is then that of --exit-code (default 3) if something does not")
	return j
}

// options reads the files. The policy is nil if there is none.
func (j *judgeFlags) options(a *app) ([]scan.Option, *policy.Policy, error) {
	var opts []scan.Option
	name, data, err := j.rules(a)
	if err != nil {
		return nil, nil, err
	}
	if name != "" {
		rules, err := ignore.Parse(name, data)
		if err != nil {
			return nil, nil, err
		}
		opts = append(opts, scan.WithIgnore(rules...))
	}
	for _, name := range j.vexFiles {
		f, err := os.Open(name)
		if err != nil {
			return nil, nil, fmt.Errorf("--vex: %w", err)
		}
		doc, err := vex.Read(name, f)
		f.Close()
		if err != nil {
			return nil, nil, err
		}
		opts = append(opts, scan.WithVEX(doc))
	}
	if j.policyFile == "" {
		return opts, nil, nil
	}
	if data, err = readFile(j.policyFile, policy.MaxSize); err != nil {
		return nil, nil, fmt.Errorf("--policy: %w", err)
	}
	p, err := policy.Parse(j.policyFile, data)
	return opts, p, err
}

// rules reads the file of rules. The name is empty if there is none.
func (j *judgeFlags) rules(a *app) (name string, data []byte, err error) {
	if j.ignoreFile != "" {
		if data, err = readFile(j.ignoreFile, ignore.MaxSize); err != nil {
			return "", nil, fmt.Errorf("--ignorefile: %w", err)
		}
		return j.ignoreFile, data, nil
	}
	for _, name := range ignoreFiles() {
		data, err := readFile(name, ignore.MaxSize)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", nil, err
		}
		if !a.quiet {
			a.say("what %s in the working folder says is left out", name)
		}
		return name, data, nil
	}
	return "", nil, nil
}

// status is the exit status for a report. With a policy that decides, and the
// reasons are told.
func (a *app) status(r *scan.Report, p *policy.Policy, s *scanFlags) (int, error) {
	if p == nil {
		if len(r.Findings) > 0 {
			return s.exitCode, nil
		}
		return exitOK, nil
	}
	verdict, err := p.Evaluate(r, s.time())
	if err != nil {
		return 0, err
	}
	if verdict.Pass {
		return exitOK, nil
	}
	for _, reason := range verdict.Reasons {
		var text strings.Builder
		fmt.Fprintf(&text, "does not pass: %s: %s", reason.Rule, reason.Text)
		for _, f := range reason.Findings {
			fmt.Fprintf(&text, "\n  %s (%v) in %s", f.ID, f.Severity, strings.TrimSpace(f.Package+" "+f.Version))
			if f.Target != "" {
				text.WriteString(" of " + f.Target)
			}
		}
		if more := reason.Count - len(reason.Findings); more > 0 && len(reason.Findings) > 0 {
			fmt.Fprintf(&text, "\n  and %d more", more)
		}
		a.say("%s", text.String())
	}
	if s.exitCodeSet {
		return s.exitCode, nil
	}
	return exitGate, nil
}

// warnJudged says what became of rules and documents that had no effect.
func (a *app) warnJudged(r *scan.Report) {
	expired, unused := 0, 0
	for i := range r.Rules {
		switch note := &r.Rules[i]; note.State {
		case scan.RuleExpired:
			if expired++; expired == 1 {
				a.warn("the ignore rule %q (%s:%d) has expired on %s", note.Rule, note.Source, note.Line, note.Until.Format(time.DateOnly))
			}
		case scan.RuleUnused:
			unused++
		}
	}
	if expired > 1 {
		a.warn("%d more ignore rules have expired", expired-1)
	}
	if unused > 0 {
		a.warn("%d ignore rules mean no finding", unused)
	}
	for i := range r.VEX {
		if d := &r.VEX[i]; d.Findings == 0 {
			a.warn("nothing in %s (%s, %d statements) is about a finding", d.Source, d.Format, d.Statements)
		}
	}
}
