package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/imagevet/imagevet/scan/report"
)

// maxTemplate bounds a template, in bytes.
const maxTemplate = 1 << 20

// formatFlags defines what only some formats obey.
func (f *flags) formatFlags(s *scanFlags) {
	f.set.StringVar(&s.template, "template", "", "the template of --format template: a `FILE`, which may follow an @, or a text with {{ in it")
	f.set.BoolVar(&s.suppressed, "show-suppressed", false, "list the suppressed findings too, marked as such (formats sarif, markdown, csv and trivy)")
}

// reportOptions reads the template and the time that some formats state. Nothing
// has been scanned yet: what is wrong is told at once.
func (a *app) reportOptions(s *scanFlags) ([]report.Option, error) {
	opts := []report.Option{report.WithSuppressed(s.suppressed)}
	switch *s.format {
	case report.Template:
		if s.template == "" {
			return nil, usagef("--format template needs --template")
		}
		text, err := readTemplate(s.template)
		if err != nil {
			return nil, fmt.Errorf("--template: %w", err)
		}
		if err := report.CheckTemplate(text); err != nil {
			return nil, &usageError{fmt.Errorf("--template: %w", err)}
		}
		return append(opts, report.WithTemplate(text)), nil
	case report.GitLab, report.JUnit, report.OpenVEX, report.Trivy:
		t, err := a.documentTime(s)
		if err != nil {
			return nil, err
		}
		opts = append(opts, report.WithTime(t))
	}
	if s.template != "" {
		return nil, usagef("--template is for --format template, not %v", *s.format)
	}
	return opts, nil
}

// readTemplate returns the text of a template. Trivy's users write "@" before
// the name of a file, or the text itself.
func readTemplate(template string) (string, error) {
	name, isFile := strings.CutPrefix(template, "@")
	if !isFile && strings.Contains(template, "{{") {
		return template, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxTemplate+1))
	if err != nil {
		return "", err
	}
	if len(data) > maxTemplate {
		return "", fmt.Errorf("%q is larger than %d bytes", name, maxTemplate)
	}
	return string(data), nil
}

// documentTime is the time of SOURCE_DATE_EPOCH, or else now
// (https://reproducible-builds.org/specs/source-date-epoch/).
func (a *app) documentTime(s *scanFlags) (time.Time, error) {
	if value := a.env("SOURCE_DATE_EPOCH"); value != "" {
		seconds, err := strconv.ParseInt(value, 10, 64)
		const last = 253402300799 // of the year 9999
		if err != nil || seconds < 0 || seconds > last {
			return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH: %q is no number of seconds", value)
		}
		return time.Unix(seconds, 0), nil
	}
	return s.time(), nil
}
