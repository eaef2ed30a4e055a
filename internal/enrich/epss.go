package enrich

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// ReadEPSS reads the scores of the Exploit Prediction Scoring System as FIRST
// publishes them every day, in CSV, https://www.first.org/epss/data_stats: a
// comment with the version of the model and the date, the names of the
// columns, then one line for each CVE. Like a catalogue they are read in full
// or not at all: with an error, the caller must not use the entries that yield
// has got.
func ReadEPSS(r io.Reader, yield func(Entry) error) (Catalogue, []Bad, error) {
	var c Catalogue
	var bad badList
	in := bufio.NewReaderSize(r, 1<<10)
	header, good := false, 0
	for n := 1; ; n++ {
		line, err := in.ReadSlice('\n')
		if err != nil && err != io.EOF {
			if errors.Is(err, bufio.ErrBufferFull) {
				err = errors.New("a line of more than 1 KiB")
			}
			return Catalogue{}, nil, fmt.Errorf("line %d: %w", n, err)
		}
		text := string(bytes.TrimSpace(line))
		var lineErr error
		switch {
		case text == "":
		case strings.HasPrefix(text, "#"):
			lineErr = c.comment(text[1:])
		case !header:
			if header = text == "cve,epss,percentile"; !header {
				lineErr = fmt.Errorf("%q instead of the names of the columns", clip(text))
			}
		default:
			e, reason := epssEntry(text)
			if reason == "" {
				good++
				e.EPSS.Date = c.Date
				lineErr = yield(e)
				break
			}
			lineErr = bad.add(fmt.Sprintf("line %d", n), "", []string{reason})
		}
		if lineErr != nil {
			return Catalogue{}, nil, fmt.Errorf("line %d: %w", n, lineErr)
		}
		if err == io.EOF {
			break
		}
	}
	if good == 0 {
		return Catalogue{}, nil, errors.New("no scores")
	}
	return c, bad.list, nil
}

// comment reads "model_version:v2025.03.14,score_date:2026-08-01T12:00:00Z".
func (c *Catalogue) comment(s string) error {
	for field := range strings.SplitSeq(s, ",") {
		key, value, _ := strings.Cut(field, ":")
		switch strings.TrimSpace(key) {
		case "model_version":
			if len(value) > maxWord {
				return fmt.Errorf("a version of %d bytes", len(value))
			}
			c.Version = strings.ToValidUTF8(strings.TrimSpace(value), "\uFFFD")
		case "score_date":
			t, ok := parseTime(strings.TrimSpace(value))
			if !ok {
				return fmt.Errorf("score_date: %q is no date", clip(value))
			}
			c.Date = t
		}
	}
	return nil
}

// epssEntry reads "CVE-2024-1234,0.00043,0.09781". The reason is empty if it
// can.
func epssEntry(line string) (e Entry, reason string) {
	id, rest, _ := strings.Cut(line, ",")
	score, percentile, ok := strings.Cut(rest, ",")
	if !ok || strings.Contains(percentile, ",") {
		return Entry{}, fmt.Sprintf("%q does not have three columns", clip(line))
	}
	if !ValidCVE(id) {
		return Entry{}, fmt.Sprintf("%q is no CVE", clip(id))
	}
	out := Entry{CVE: strings.Clone(id), EPSS: &EPSS{}}
	for _, field := range [...]struct {
		text string
		to   *float64
	}{{score, &out.EPSS.Score}, {percentile, &out.EPSS.Percentile}} {
		v, err := strconv.ParseFloat(field.text, 64)
		if err != nil || !(v >= 0 && v <= 1) { // NaN is neither
			return Entry{}, fmt.Sprintf("%s: %q is no number from 0 to 1", id, clip(field.text))
		}
		*field.to = v
	}
	return out, ""
}
