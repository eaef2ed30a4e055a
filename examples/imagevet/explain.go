package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/imagevet/imagevet/sbom"
	"github.com/imagevet/imagevet/vulndb"
)

func (a *app) dbExplain(ctx context.Context, f *flags, args []string) (int, error) {
	name, cacheDir := f.db(a), f.cacheDir(a)
	f.quietFlag(a)
	asJSON := f.tableOrJSON()
	purl := f.set.String("package", "", "the package, as a package `URL`: pkg:deb/debian/libssl3@3.0.15-1?distro=debian-12&upstream=openssl")
	var ids []string
	f.set.Func("id", "only the advisories with this `ID`, their own, an alias or a CVE; may be given several times", func(id string) error {
		if id = strings.TrimSpace(id); id == "" {
			return errors.New("give an ID such as CVE-2024-0727")
		}
		ids = append(ids, id)
		return nil
	})
	distro := f.set.String("distro", "", "the distribution that has the package, as `ID-VERSION` such as alpine-3.19 (default that of the package URL)")
	if err := f.parse(args); err != nil {
		return 0, err
	}
	if err := f.count(0, 0); err != nil {
		return 0, err
	}
	if *purl == "" {
		return 0, usagef("there is no --package\n\n%s", f.usage())
	}
	os, pkg, err := parsePackage(*purl, *distro)
	if err != nil {
		return 0, &usageError{err}
	}
	db, err := a.openDB(ctx, *name, *cacheDir)
	if err != nil {
		return 0, err
	}
	defer db.Close()
	e, err := db.Explain(ctx, os, pkg, ids...)
	if err != nil {
		return 0, err
	}
	if os.ID == "" && e.Coverage.Status == vulndb.CoverageUnsupported {
		a.warn("the distribution is not known; give it with --distro or the qualifier \"distro\" of the package URL")
	}
	if *asJSON {
		return exitOK, printJSON(a.stdout, e)
	}
	return exitOK, printExplanation(a.stdout, *purl, os, e)
}

// tableOrJSON defines --format for what is no report.
func (f *flags) tableOrJSON() (asJSON *bool) {
	asJSON = new(bool)
	f.set.Func("format", "the `FORMAT`: table, json (default table)", func(s string) error {
		if *asJSON = s == "json"; s != "json" && s != "table" {
			return errors.New("give table or json")
		}
		return nil
	})
	return asJSON
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// parsePackage reads a package URL as a list of one, and the distribution, as
// "ID-VERSION", that stands before that of the URL.
func parsePackage(purl, distro string) (sbom.OS, sbom.Package, error) {
	bom, err := sbom.Decode(strings.NewReader(strings.TrimSpace(purl)))
	if err != nil || len(bom.Packages) != 1 || bom.Document.Format != "purl" {
		return sbom.OS{}, sbom.Package{}, fmt.Errorf("--package: %q is no package URL", purl)
	}
	os := bom.OS
	if distro == "" {
		return os, bom.Packages[0], nil
	}
	os = sbom.OS{ID: strings.ToLower(distro)}
	if i := strings.LastIndexByte(distro, '-'); i >= 0 {
		id, version := strings.ToLower(distro[:i]), distro[i+1:]
		if id == "" || version == "" {
			return sbom.OS{}, sbom.Package{}, fmt.Errorf("--distro: %q is not of the form ID-VERSION", distro)
		}
		if version[0] >= '0' && version[0] <= '9' {
			os = sbom.OS{ID: id, Version: version}
		}
	}
	return os, bom.Packages[0], nil
}

// pageWidth is how long a line may be.
const pageWidth = 80

func printExplanation(w io.Writer, purl string, os sbom.OS, e *vulndb.Explanation) error {
	var b strings.Builder
	row := func(head, text string) { wrap(&b, fmt.Sprintf("%-8s ", head), strings.Repeat(" ", 9), text) }
	row("Package", purl)
	row("Distro", cmp.Or(strings.TrimSpace(os.ID+" "+os.Version), "none"))
	row("Database", e.Database)
	row("Coverage", strings.TrimSuffix(fmt.Sprintf("%s: %s: %s", e.Coverage.Ecosystem, e.Coverage.Status, e.Coverage.Reason), ": "))
	if e.Vendor != "" {
		row("Vendor", e.Vendor)
	}
	if len(e.Searched) > 0 {
		row("Searched", strings.Join(e.Searched, ", "))
	}
	for _, l := range e.LookedUp {
		row("Name", strings.TrimSpace(l.Name+" "+l.Version))
	}
	for _, p := range e.Problems {
		row("Problem", p)
	}
	groups := []struct{ verdict, title string }{
		{vulndb.VerdictAffected, "affect the package"},
		{vulndb.VerdictUnknown, "may affect the package"},
		{vulndb.VerdictNotAffected, "name the package and do not affect it"},
	}
	for _, g := range groups {
		var list []vulndb.Judgement
		for _, j := range e.Advisories {
			if j.Verdict == g.verdict {
				list = append(list, j)
			}
		}
		if len(list) == 0 && (g.verdict != vulndb.VerdictAffected || len(e.Searched) == 0) {
			continue
		}
		fmt.Fprintf(&b, "\nAdvisories that %s: %d\n", g.title, len(list))
		for i := range list {
			printJudgement(&b, &list[i])
		}
	}
	if len(e.Missing) > 0 {
		b.WriteString("\nAsked for, and not about the package:\n")
		for _, m := range e.Missing {
			wrap(&b, "  "+m.ID+": ", "    ", m.Text)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func printJudgement(b *strings.Builder, j *vulndb.Judgement) {
	names := append([]string{j.Advisory}, slices.DeleteFunc(slices.Clone(j.Flaws), func(id string) bool { return id == j.Advisory })...)
	wrap(b, "\n  ", "    ", strings.Join(names, ", "))
	if j.Summary != "" {
		wrap(b, "    ", "    ", j.Summary)
	}
	wrap(b, "    ", "      ", fmt.Sprintf("%s: %s", j.Ecosystem, j.Text))
	if j.FixedVersion != "" {
		wrap(b, "    ", "      ", "fixed in "+j.FixedVersion)
	}
	if len(j.Ranges) < 2 && j.Listed == 0 {
		return // the sentence says it all
	}
	for _, r := range j.Ranges {
		var parts []string
		for _, c := range r.Comparisons {
			parts = append(parts, c.String())
		}
		in := "no"
		if r.Holds {
			in = "yes"
		}
		wrap(b, "    ", "      ", strings.TrimSuffix(fmt.Sprintf("range %s: %s: %s", r.Range, in, strings.Join(parts, ", ")), ": "))
	}
}

// wrap writes text in lines of at most [pageWidth] columns, the first after
// first and the others after rest. Texts are from the database and the command
// line, so what a terminal would obey is replaced.
func wrap(b *strings.Builder, first, rest, text string) {
	line := printable(first)
	begin := true // nothing of the text is on the line
	flush := func() {
		b.WriteString(strings.TrimRight(line, " ") + "\n")
		line, begin = rest, true
	}
	length := func(s string) int { return utf8.RuneCountInString(s[strings.LastIndexByte(s, '\n')+1:]) }
	for word := range strings.FieldsSeq(printable(text)) {
		if !begin && length(line)+1+length(word) > pageWidth {
			flush()
		}
		for length(line)+length(word) > pageWidth && begin { // longer than a line
			if length(line) > length(rest) && length(rest)+length(word) <= pageWidth {
				flush()
				continue
			}
			runes := []rune(word)
			n := max(pageWidth-length(line), 1)
			line += string(runes[:n])
			word = string(runes[n:])
			flush()
		}
		if !begin {
			line += " "
		}
		line += word
		begin = false
	}
	flush()
}

// printable replaces what is no text of one line.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}
