package pydep

import (
	"context"
	"errors"
	"io"

	"github.com/imagevet/imagevet/internal/extract/bounded"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// Read reads a TOML document and gives its sections to visit, by name. What
// visit returns is a problem of the section, unless it is a limit or the
// context; sections that nobody visits are not decoded. It is an error if
// there are problems only.
func Read(ctx context.Context, r io.Reader, problems *lines.Problems, visit map[string]func(*Section) error) error {
	data, err := bounded.ReadAll(ctx, r, MaxTOML)
	if err != nil {
		return err
	}
	good := false
	var first error
	err = Sections(ctx, data, func(s *Section) error {
		var err error
		switch v, ok := visit[s.Name]; {
		case ok:
			err = v(s)
		case s.Name == "":
			// Where the file is no TOML at all, this is all there is.
			var top map[string]any
			_, err = s.Decode(&top)
		default:
			return nil
		}
		switch {
		case err == nil:
			good = true
		case errors.Is(err, inventory.ErrTooLarge) || ctx.Err() != nil:
			return err
		default:
			message := s.Message(err)
			problems.Add("%s", message)
			if first == nil {
				first = errors.New(message)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if !good {
		return first
	}
	return nil
}

// Check notes what keeps a name or a version from being one.
func Check(name, version string, line int, problems *lines.Problems) bool {
	switch {
	case namePattern.FindString(name) != name || name == "" || len(name) > MaxField:
		problems.Add("line %d: %q is no name of a package; its version is %q", line, lines.Clip(name), lines.Clip(version))
	case version == "":
		problems.Add("line %d: package %q has no version", line, lines.Clip(name))
	case len(version) > MaxField:
		problems.Add("line %d: version of package %q is too long: %q", line, lines.Clip(name), lines.Clip(version))
	default:
		return true
	}
	return false
}
