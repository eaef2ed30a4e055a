package cpan

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// local reads perllocal.pod, which has an entry of this form for each time
// that something was installed:
//
//	=head2 Mon Jan  1 00:00:00 2024: C<Module> L<LWP|LWP>
//
//	=over 4
//
//	=item *
//
//	C<VERSION: 6.67>
//
//	=back
func local(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	l := log{index: map[string]int{}}
	if err := lines.Each(ctx, f, maxLog, l.line); err != nil {
		return inventory.Facts{}, err
	}
	if err := l.flush(); err != nil {
		return inventory.Facts{}, err
	}
	l.facts.Problems = l.problems.List()
	return l.facts, nil
}

// A log collects the entries of perllocal.pod.
type log struct {
	begun           bool // there is an entry that is not in facts yet
	module, version string
	index           map[string]int // of the packages, by module
	facts           inventory.Facts
	problems        lines.Problems
}

// line takes the next line of the file.
func (l *log) line(line []byte) error {
	line = bytes.TrimSpace(line)
	if heading, ok := bytes.CutPrefix(line, []byte("=head2 ")); ok {
		if err := l.flush(); err != nil {
			return err
		}
		l.begun = true
		l.module = linked(heading)
		if l.module == "" {
			l.problems.Add("a heading names no module: %q", lines.Clip(heading))
			l.begun = false
		}
		return nil
	}
	if item, ok := bytes.CutPrefix(line, []byte("C<VERSION:")); ok && l.begun {
		l.version = string(bytes.TrimSpace(bytes.TrimSuffix(item, []byte{'>'})))
	}
	return nil
}

// linked returns the module that a heading links to: "… L<LWP|LWP>".
func linked(heading []byte) string {
	_, link, _ := bytes.Cut(heading, []byte("L<"))
	link, _, ok := bytes.Cut(link, []byte{'>'})
	name, _, _ := bytes.Cut(link, []byte{'|'})
	if !ok || !plausible(string(name)) {
		return ""
	}
	return string(name)
}

// flush ends an entry. A later one of the same module takes the place of an
// earlier one, since it was installed over it.
func (l *log) flush() error {
	module, version := l.module, l.version
	begun := l.begun
	l.begun, l.module, l.version = false, "", ""
	switch {
	case !begun:
		return nil
	case version == "":
		l.problems.Add("module %q has no version", module)
		return nil
	case !plausible(version):
		l.problems.Add("%q of module %q is no version", lines.Clip(version), module)
		return nil
	}
	if i, ok := l.index[module]; ok {
		l.facts.Packages[i].Version = version
		l.facts.Ignored++
		return nil
	}
	if len(l.facts.Packages) == maxPackages {
		return fmt.Errorf("more than %d modules: %w", maxPackages, inventory.ErrTooLarge)
	}
	l.index[module] = len(l.facts.Packages)
	l.facts.Packages = append(l.facts.Packages, inventory.Package{
		Type:     "cpan",
		Name:     strings.ReplaceAll(module, "::", "-"),
		Version:  version,
		Provides: []string{module},
	})
	return nil
}
