package scan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/imagevet/imagevet/sbom"
	"github.com/imagevet/imagevet/scan/image"
)

// A BaseImage is what is known of the image that another one was built on. The
// layers of the base are the first ones of the image, and what they bring is
// inherited: to mend it takes another base.
//
// Layers are compared by the diff IDs that the images state. Of plain layers in an
// archive on disk nobody verifies those, and a history can say anything: whoever
// makes an image can pass its own packages off as inherited.
type BaseImage struct {
	// Name and Digest name the base. Either can be empty.
	Name   string `json:"name"`
	Digest string `json:"digest"`
	// NamedBy says where those are from: "option" for [WithBase] and
	// [WithBaseImage]; "annotations" or "labels" of the image; "history".
	NamedBy string `json:"named_by,omitempty"`
	// Layers is how many layers of the image are the base's. It is 0 where that
	// is not known or there are none; nothing counts as inherited then.
	Layers int `json:"layers"`
	// FoundBy says how they were found: "comparison" with the layers of the
	// base; "history" for a guess from the image's history; empty if they were
	// not.
	FoundBy string `json:"found_by"`
	// Guess is true if Layers rests on what others do not have to agree with.
	Guess bool `json:"guess,omitempty"`
	// Reason says in words what Layers rests on, or why it is not known.
	Reason string `json:"reason"`

	problem string // why a base that the image names could not be read
}

// How a base was found.
const (
	baseByComparison = "comparison"
	baseByHistory    = "history"
)

// baseConfig is what options say of base images.
type baseConfig struct {
	source string     // of WithBase
	image  sbom.Image // of WithBaseImage
	lookup bool
	ignore bool
}

// given reports whether an option names a base.
func (b *baseConfig) given() bool { return b.source != "" || b.image != nil }

// WithBase names the image that the scanned ones were built on, in a word as
// [image.From] has it, such as "debian:12" or "archive:base.tar". Its manifest
// and configuration are read for each scan, with the options of the Scanner,
// and no layers: the first layers that both images have, by their diff IDs, are
// the base's. It is an error if it cannot be read. The default is none: the
// report then has what the image itself tells, and says that it is a guess.
func WithBase(source string) Option {
	return func(c *config) error {
		if source == "" {
			return errors.New("scan: WithBase(\"\"): leave the option out if the base is not known")
		}
		c.base.source, c.base.image = source, nil
		return nil
	}
}

// WithBaseImage is [WithBase] for an image that is open. The Scanner does not
// close it, and reads nothing but [sbom.Image].Target and Layers. The default
// is none.
func WithBaseImage(img sbom.Image) Option {
	return func(c *config) error {
		if img == nil {
			return errors.New("scan: WithBaseImage(nil): leave the option out if the base is not known")
		}
		c.base.source, c.base.image = "", img
		return nil
	}
}

// WithBaseLookup reads the base image that an image names from its registry,
// where no other option names one. Whoever made the image says so which
// registry is asked, with the credentials that the keychain has for it. If it
// cannot be read, [Report].Problems says so. The default is false.
func WithBaseLookup(lookup bool) Option {
	return func(c *config) error {
		c.base.lookup = lookup
		return nil
	}
}

// WithIgnoreBase leaves out findings in packages that the base image brought;
// they are in [Report].Suppressed. Where the layers of the base are not known
// nothing is left out, see [Report].BaseImage. The default is false.
func WithIgnoreBase(ignore bool) Option {
	return func(c *config) error {
		c.base.ignore = ignore
		return nil
	}
}

// base finds out about the base of an image, and returns nil for what is not
// made of layers.
func (s *Scanner) base(ctx context.Context, bom *sbom.BOM) (*BaseImage, error) {
	if !slices.ContainsFunc(bom.Layers, func(l sbom.Layer) bool { return l.DiffID != "" }) {
		return nil, nil
	}
	told := bom.Target.Base
	b := &BaseImage{Name: told.Name, Digest: told.Digest, NamedBy: told.From}
	switch c := &s.cfg.base; {
	case c.image != nil:
		b.compare(bom, c.image)
		return b, nil
	case c.source != "":
		img, err := s.openBase(ctx, bom, c.source)
		if err != nil {
			return nil, fmt.Errorf("scan: the base image: %w", err)
		}
		defer img.Close()
		b.compare(bom, img)
		return b, nil
	case c.lookup && told.Name != "":
		img, err := s.openBase(ctx, bom, "registry://"+baseReference(told))
		if err == nil {
			defer img.Close()
			b.compare(bom, img)
			b.Name, b.Digest, b.NamedBy = told.Name, cmp.Or(told.Digest, b.Digest), told.From
			return b, nil
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("scan: the base image: %w", err)
		}
		b.problem = err.Error()
	}
	switch {
	case told.Layers > 0 && told.Layers <= len(bom.Layers):
		b.Layers, b.FoundBy, b.Guess, b.Reason = told.Layers, baseByHistory, true, told.Reason
	case b.Name != "" || b.Digest != "":
		b.Reason = "the image names its base, but not which layers are the base's: give the base to compare with"
	default:
		b.Reason = "the image does not tell: give the base to compare with"
	}
	return b, nil
}

// openBase opens a base image for the platform of the image.
func (s *Scanner) openBase(ctx context.Context, bom *sbom.BOM, source string) (*image.Image, error) {
	opts := slices.Clone(s.cfg.image)
	if p, err := image.ParsePlatform(bom.Target.Platform); err == nil {
		opts = append(opts, image.WithPlatform(p))
	}
	return image.From(ctx, source, opts...)
}

// compare finds the layers that the image has from its base.
func (b *BaseImage) compare(bom *sbom.BOM, base sbom.Image) {
	target, layers := base.Target(), base.Layers()
	*b = BaseImage{Name: target.Name, Digest: target.Digest, NamedBy: "option", FoundBy: baseByComparison}
	for b.Layers < len(layers) && b.Layers < len(bom.Layers) {
		id := layers[b.Layers].DiffID
		if id == "" || id != bom.Layers[b.Layers].DiffID {
			break
		}
		b.Layers++
	}
	switch {
	case b.Layers == 0:
		b.Reason = "the first layer of the image is not that of the base: it was not built on it, or on another version of it"
	case b.Layers < len(layers):
		b.Reason = fmt.Sprintf("the image has the first %d of the base's %d layers: it was built on another version of it", b.Layers, len(layers))
	case b.Layers == 1:
		b.Reason = "the image begins with the one layer of the base"
	default:
		b.Reason = fmt.Sprintf("the image begins with all %d layers of the base", b.Layers)
	}
}

// baseReference is the reference of a base image in its registry: with the
// digest, if the image tells it, in place of the tag.
func baseReference(told sbom.Base) string {
	ref, err := name.ParseReference(told.Name)
	if err != nil || told.Digest == "" {
		return told.Name // the error comes when it is opened
	}
	return ref.Context().Name() + "@" + told.Digest
}

// has reports whether a layer is one of the base's.
func (b *BaseImage) has(l PackageLayer) bool {
	return b != nil && l.DiffID != "" && l.Index < b.Layers
}

// reason says why a finding of the base is left out.
func (b *BaseImage) reason() string {
	text := "it is inherited from the base image"
	if name := cmp.Or(b.Name, b.Digest); name != "" {
		text += " " + name
	}
	if b.Guess {
		text += ", as the history lets guess"
	}
	return text
}
