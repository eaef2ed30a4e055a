package syftjson

import (
	"cmp"
	"encoding/json"
	"strings"
	"time"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// A source is what Syft looked at. Metadata was called target before version 9
// of the schema, and was a string for folders.
type source struct {
	ID, Name, Version, Supplier, Type string

	Metadata, Target json.RawMessage
}

// An image is the metadata of an image, and with nothing but Path that of a
// folder or file.
type image struct {
	UserInput, ImageID, ManifestDigest string

	Tags, RepoDigests         []string
	Layers                    []struct{ Digest string } // diff IDs
	Architecture, OS, Variant string
	Labels                    map[string]string
	Path                      string
	Manifest, Config          []byte // as they are in the image
}

// The labels that an inventory keeps.
const label = "org.opencontainers.image."

// target takes what the document is about.
func (r *JSON) target(s *source) error {
	raw := s.Metadata
	if len(raw) == 0 {
		raw = s.Target
	}
	var img image
	if isString(raw) {
		img.Path = optional[string](r, raw, "the metadata of the source", s.Name)
	} else {
		img = optional[image](r, raw, "the metadata of the source", s.Name)
	}
	b := r.c.BOM
	b.Document.Supplier = s.Supplier
	t := &b.Target
	t.Name = cmp.Or(img.UserInput, s.Name, img.Path)
	t.ImageID, t.Digest = img.ImageID, img.ManifestDigest
	for _, name := range img.RepoDigests {
		repo, digest, ok := strings.Cut(name, "@")
		if ok {
			t.Name, t.Digest = cmp.Or(t.Name, repo), cmp.Or(t.Digest, digest)
		}
	}
	if len(img.Tags) > 0 {
		t.Name = cmp.Or(t.Name, img.Tags[0])
	}
	if s.Version != t.Digest && len(img.Layers) == 0 {
		t.Version = s.Version
	}
	r.setConfig(&img, s.Name)
	if img.OS != "" && img.Architecture != "" {
		t.Platform = img.OS + "/" + img.Architecture
		if img.Variant != "" {
			t.Platform += "/" + img.Variant
		}
	}
	for key, value := range img.Labels {
		if strings.HasPrefix(key, label) {
			if t.Labels == nil {
				t.Labels = map[string]string{}
			}
			t.Labels[key] = value
		}
	}
	if s.ID == "" || r.c.Known(s.ID) {
		return nil
	}
	return r.c.Element(s.ID)
}

// setConfig takes the layers, with what the image's configuration and manifest
// say of them, and fills in what else only these say.
// https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md#properties
func (r *JSON) setConfig(img *image, name string) {
	config := optional[struct {
		Created, Architecture, OS, Variant string
		History                            []struct {
			CreatedBy  string `json:"created_by"`
			EmptyLayer bool   `json:"empty_layer"`
		}
		Config struct{ Labels map[string]string }
	}](r, img.Config, "the configuration of", name)
	manifest := optional[struct{ Layers []struct{ Digest string } }](r, img.Manifest, "the manifest of", name)
	b := r.c.BOM
	b.Layers = nil
	for i, l := range img.Layers {
		layer := inventory.Layer{Index: i, DiffID: l.Digest}
		// An archive's manifest, which Syft makes up, has diff IDs too.
		if len(manifest.Layers) == len(img.Layers) && manifest.Layers[i].Digest != l.Digest {
			layer.Digest = manifest.Layers[i].Digest
		}
		b.Layers = append(b.Layers, layer)
	}
	var commands []string
	for _, h := range config.History {
		if !h.EmptyLayer {
			commands = append(commands, h.CreatedBy)
		}
	}
	if len(commands) == len(b.Layers) {
		for i := range commands {
			b.Layers[i].CreatedBy = commands[i]
		}
	}
	if config.Created != "" {
		created, err := codec.ParseTime(config.Created)
		if err != nil {
			r.c.Problem("when the image was built: %v", err)
			created = time.Time{}
		}
		b.Target.Created = created
	}
	img.OS, img.Architecture = cmp.Or(img.OS, config.OS), cmp.Or(img.Architecture, config.Architecture)
	img.Variant = cmp.Or(img.Variant, config.Variant)
	if img.Labels == nil {
		img.Labels = config.Config.Labels
	}
}

// A distro is the distribution, with os-release's fields. Before version 2 of
// the schema there were a name, which is the ID, and a version.
type distro struct {
	ID, Name, PrettyName, Version, VersionID, VersionCodename, VariantID, CPEName string

	IDLike words
}

// words are a list, or one string of words as in os-release.
type words []string

func (w *words) UnmarshalJSON(data []byte) error {
	if !isString(data) {
		return json.Unmarshal(data, (*[]string)(w))
	}
	var text string
	err := json.Unmarshal(data, &text)
	*w = strings.Fields(text)
	if len(*w) == 0 {
		*w = nil
	}
	return err
}

func (d *distro) os() inventory.OS {
	os := inventory.OS{
		ID: strings.ToLower(d.ID), Version: d.VersionID, Name: cmp.Or(d.PrettyName, d.Name), Codename: d.VersionCodename,
		IDLike: d.IDLike, Variant: d.VariantID, CPE: d.CPEName,
	}
	if os.ID == "" && !strings.Contains(d.Name, " ") {
		os.ID, os.Version = strings.ToLower(d.Name), cmp.Or(os.Version, d.Version)
	}
	return os
}
