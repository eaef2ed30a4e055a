package main

import (
	"strconv"
	"strings"

	"github.com/imagevet/imagevet/sbom"
	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/scan/report"
)

// boolean defines a flag that sets an option of a scan.
func (f *flags) boolean(s *scanFlags, name, usage string, option func(bool) scan.Option) {
	f.set.BoolFunc(name, usage, func(text string) error {
		value, err := strconv.ParseBool(text)
		s.options = append(s.options, option(value))
		return err
	})
}

// tableFlags define what a table looks like.
func (f *flags) table(s *scanFlags) {
	f.set.Func("group-by", "how a table is divided, `BY` severity, package or layer (default severity)", func(text string) error {
		by, err := report.ParseGroupBy(text)
		s.table = append(s.table, report.WithGroupBy(by))
		return err
	})
	f.set.BoolFunc("dependency-tree", "tell in a table who brings in the packages of languages", func(text string) error {
		tell, err := strconv.ParseBool(text)
		s.table = append(s.table, report.WithChains(tell))
		return err
	})
}

// inventoryFlags define what an inventory is made of, and where severities are from.
func (f *flags) inventory(s *scanFlags) {
	f.set.Func("severity-source", "what a severity is taken from, a `LIST` of distribution, advisory and enrichment, the first that says something (default all, in this order)", func(text string) error {
		order, err := parseList(text, func(word string) (scan.SeverityBasis, error) { return scan.SeverityBasis(strings.ToLower(word)), nil })
		if err != nil {
			return err
		}
		s.options = append(s.options, scan.WithSeverityOrder(order...))
		return check(scan.WithSeverityOrder(order...))
	})
	f.set.Func("lockfiles", "`WHEN` the packages of lock files count: auto, always or never (default auto)", func(text string) error {
		ways := map[string]sbom.Lockfiles{"auto": sbom.LockfilesAuto, "always": sbom.LockfilesAlways, "never": sbom.LockfilesNever}
		way, ok := ways[text]
		if !ok {
			return usagef("%q is none of auto, always and never", text)
		}
		s.options = append(s.options, scan.WithLockfiles(way))
		return nil
	})
	f.set.Func("without-extractors", "the extractors to leave out, a `LIST` such as jar,npm", func(text string) error {
		names, err := parseList(text, func(word string) (string, error) { return word, nil })
		if err != nil {
			return err
		}
		s.options = append(s.options, scan.WithoutExtractors(names...))
		return check(scan.WithoutExtractors(names...))
	})
}

// check tells what is wrong with an option.
func check(option scan.Option) error {
	_, err := scan.New(option)
	return err
}

// baseFlags define what is known of the base image.
func (f *flags) base(s *scanFlags) {
	f.set.Func("base", "the base image to compare layers with, as `REF` of a registry, docker://REF, podman://REF, archive:FILE or layout:DIR", func(text string) error {
		s.options = append(s.options, scan.WithBase(text))
		return check(scan.WithBase(text))
	})
	f.boolean(s, "base-lookup", "look up the base that the image names in its registry", scan.WithBaseLookup)
	f.boolean(s, "ignore-base", "leave out what the base image brought, where that is known", func(ignore bool) scan.Option {
		s.ignoreBase = ignore
		return scan.WithIgnoreBase(ignore)
	})
}
