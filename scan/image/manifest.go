package image

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/imagevet/imagevet/internal/regclient"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// Limits of what is read of an image besides its layers. Each is an error that
// wraps [inventory.ErrTooLarge] when it is exceeded.
const (
	// maxManifest bounds a manifest, an index and a manifest.json, in bytes.
	// Registries are to accept 4 MiB and may refuse more:
	// https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-manifests
	maxManifest = regclient.MaxManifest

	// maxConfig bounds the configuration of an image, in bytes.
	maxConfig = 8 << 20

	// maxEntries bounds every list in these files, as the shortest entry is
	// far smaller in the file than in memory.
	maxEntries = 1 << 16

	// maxLayers bounds the layers of an image. Docker stops at 127.
	maxLayers = 4096

	// maxLabel bounds a label of an image with its key, in bytes. A longer one
	// is left out.
	maxLabel = 64 << 10

	// maxDocuments bounds how many manifests, indexes and configurations are
	// read to find one image.
	maxDocuments = 1024

	// maxDepth bounds how deep indexes are nested. Builders nest two.
	maxDepth = 4
)

// entries is a JSON list of at most maxEntries elements.
type entries[T any] []T

func (e *entries[T]) UnmarshalJSON(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	token, err := dec.Token()
	if err != nil {
		return err
	}
	if token == nil { // null
		*e = nil
		return nil
	}
	if token != json.Delim('[') {
		return fmt.Errorf("%v in place of a list", token)
	}
	var list []T
	for dec.More() {
		if len(list) == maxEntries {
			return fmt.Errorf("list of more than %d entries: %w", maxEntries, inventory.ErrTooLarge)
		}
		var v T
		if err := dec.Decode(&v); err != nil {
			return err
		}
		list = append(list, v)
	}
	*e = list
	return nil
}

// A document is a manifest or an index: the two are told apart by what is in
// them.
type document struct {
	SchemaVersion int64                   `json:"schemaVersion"`
	MediaType     types.MediaType         `json:"mediaType"`
	Manifests     *entries[v1.Descriptor] `json:"manifests"`
	ArtifactType  string                  `json:"artifactType"`
	Config        *v1.Descriptor          `json:"config"`
	Layers        entries[v1.Descriptor]  `json:"layers"`
	Annotations   json.RawMessage         `json:"annotations"` // for people: one that is odd is none
}

func (d *document) isIndex() bool { return d.Manifests != nil }

// artifact returns the media type of what is known to be no image, empty of
// what may be one. Some programs give the configuration of an image a media
// type of their own or none, so only what is meant for something else counts:
// https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md#guidelines-for-artifact-usage
func (d *document) artifact() string {
	if d.isIndex() {
		return ""
	}
	if isConfigType(d.Config.MediaType) {
		// Signatures and attestations are dressed up as images.
		for _, l := range d.Layers {
			if t := string(l.MediaType); t == "" || strings.Contains(t, "layer") || strings.Contains(t, "tar") || strings.Contains(t, "octet-stream") {
				return ""
			}
		}
		if len(d.Layers) > 0 {
			return string(d.Layers[0].MediaType)
		}
		return ""
	}
	t := string(d.Config.MediaType)
	if d.ArtifactType != "" {
		return d.ArtifactType
	}
	switch t {
	case "", "application/json", "application/octet-stream", "text/plain":
		return ""
	}
	if strings.HasPrefix(t, "application/vnd.docker.container.image.") {
		return ""
	}
	return t
}

// parseDocument parses raw, which is said to be of a media type that may be
// empty.
//
// What can be read as a manifest and as an index is refused, as two programs
// could see two different images in it:
// https://github.com/opencontainers/image-spec/security/advisories/GHSA-77vh-xpmg-72qh
func parseDocument(raw []byte, declared types.MediaType) (*document, error) {
	var d document
	if err := json.Unmarshal(raw, &d); err != nil {
		return nil, err
	}
	switch {
	case d.SchemaVersion == 1:
		return nil, ErrSchema1
	case d.Manifests != nil && (d.Config != nil || d.Layers != nil):
		return nil, errors.New("both an index and a manifest")
	case d.Manifests == nil && d.Config == nil:
		return nil, errors.New("neither an index nor a manifest")
	case declared.IsIndex() && !d.isIndex(), declared.IsImage() && d.isIndex(),
		d.MediaType.IsIndex() && !d.isIndex(), d.MediaType.IsImage() && d.isIndex():
		return nil, fmt.Errorf("media type %q for what is none", join(string(declared), string(d.MediaType)))
	}
	list := d.Layers
	if d.isIndex() {
		list = *d.Manifests
	} else {
		list = append(list[:len(list):len(list)], *d.Config)
	}
	for _, desc := range list {
		if desc.Digest.Hex == "" || desc.Size < 0 {
			return nil, fmt.Errorf("digest %q with %d bytes", desc.Digest, desc.Size)
		}
	}
	return &d, nil
}

// verify compares raw with what a manifest says of it.
func verify(name string, raw []byte, want v1.Hash, size int64) error {
	h, err := v1.Hasher(want.Algorithm)
	if err != nil {
		return &FormatError{Name: name, Reason: "digest " + want.String(), Err: err}
	}
	h.Write(raw)
	got := v1.Hash{Algorithm: want.Algorithm, Hex: hex.EncodeToString(h.Sum(nil))}
	if got != want || int64(len(raw)) != size {
		return &DigestError{Name: name, Want: want.String(), Got: got.String(), WantSize: size, GotSize: int64(len(raw))}
	}
	return nil
}

// An imageConfig is what there is to know in an image's configuration:
// https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md#properties
type imageConfig struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
	Variant      string `json:"variant"`
	// What follows is for people: an image whose is odd can be scanned.
	Created json.RawMessage `json:"created"`
	Config  json.RawMessage `json:"config"`

	RootFS struct {
		Type    string           `json:"type"`
		DiffIDs entries[v1.Hash] `json:"diff_ids"`
	} `json:"rootfs"`
	History entries[historyEntry] `json:"history"`
}

// A historyEntry is one step of an image's history:
// https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md#properties
type historyEntry struct {
	CreatedBy  string `json:"created_by"`
	Comment    string `json:"comment"`
	EmptyLayer bool   `json:"empty_layer"` // it changed the configuration only
}

func (c *imageConfig) platform() Platform {
	return Platform{OS: c.OS, Architecture: c.Architecture, Variant: c.Variant}
}

// labels returns the labels that say what the image is:
// https://github.com/opencontainers/image-spec/blob/v1.1.1/annotations.md#pre-defined-annotation-keys
func (c *imageConfig) labels() map[string]string {
	var config struct{ Labels map[string]string }
	if json.Unmarshal(c.Config, &config) != nil {
		return nil
	}
	labels := config.Labels
	maps.DeleteFunc(labels, func(key, value string) bool {
		return !strings.HasPrefix(key, "org.opencontainers.image.") || value == "" || len(key)+len(value) > maxLabel
	})
	if len(labels) == 0 {
		return nil
	}
	return labels
}

// created returns when the image was built, the zero time if that is not
// stated or no time.
func (c *imageConfig) created() time.Time {
	var t time.Time
	if json.Unmarshal(c.Created, &t) != nil {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Second)
}

func parseConfig(name string, raw []byte) (*imageConfig, error) {
	var c imageConfig
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil, &FormatError{Name: name, Reason: "the image's configuration is not readable", Err: err}
	}
	return &c, nil
}

// A storedLayer is one layer as a manifest lists it.
type storedLayer struct {
	digest string // empty if it is not recorded
	name   string // names the bytes: the same name for the same bytes
	size   int64  // in bytes, 0 if it is not known
}

// newImage makes an image of its configuration and the layers that go with it.
// What target says already is kept; hint is the platform that an index states,
// for what the configuration leaves out.
func newImage(target inventory.Target, raw []byte, stored []storedLayer, hint Platform) (*Image, error) {
	wrong := func(reason string, err error) (*Image, error) {
		return nil, &FormatError{Name: target.Name, Reason: reason, Err: err}
	}
	c, err := parseConfig(target.Name, raw)
	if err != nil {
		return nil, err
	}
	switch {
	case len(stored) > maxLayers:
		return wrong(fmt.Sprintf("an image of %d layers, more than %d", len(stored), maxLayers), inventory.ErrTooLarge)
	case len(stored) != len(c.RootFS.DiffIDs):
		return wrong(fmt.Sprintf("the manifest has %d layers, the configuration %d: either it is damaged, or no image but another artifact", len(stored), len(c.RootFS.DiffIDs)), nil)
	case len(stored) == 0 && c.RootFS.Type != "layers":
		// Otherwise any artifact would pass for an image without content.
		return wrong("the configuration describes no root file system: it is no image but another artifact", nil)
	}
	if target.ImageID == "" {
		sum := sha256.Sum256(raw)
		target.ImageID = "sha256:" + hex.EncodeToString(sum[:])
	}
	target.Platform = effective(c.platform(), hint).String()
	target.Created, target.Labels = c.created(), c.labels()
	target.Base = c.base(target.Base, target.Labels)

	img := &Image{target: target, layers: make([]inventory.Layer, len(stored)), stored: make([]string, len(stored)), sizes: make([]int64, len(stored))}
	createdBy := c.createdBy()
	first := make(map[string]int, len(stored))
	for i, s := range stored {
		img.stored[i], img.sizes[i] = s.name, s.size
		img.layers[i] = inventory.Layer{Index: i, Digest: s.digest, DiffID: c.RootFS.DiffIDs[i].String(), CreatedBy: createdBy[i]}
		j, ok := first[s.name]
		if !ok {
			first[s.name] = i
			continue
		}
		if img.layers[i].DiffID != img.layers[j].DiffID {
			return wrong(fmt.Sprintf("layers %d and %d are the same in the manifest, and different in the configuration", j, i), nil)
		}
	}
	return img, nil
}

// createdBy tells the command of each layer. It tells nothing if the history
// has not one entry for each layer, as it would have to: it is informative,
// and some builders leave it out or squash layers without it.
func (c *imageConfig) createdBy() []string {
	commands := make([]string, 0, len(c.RootFS.DiffIDs))
	for _, h := range c.History {
		if !h.EmptyLayer {
			commands = append(commands, h.CreatedBy)
		}
	}
	if len(commands) != len(c.RootFS.DiffIDs) {
		return make([]string, len(c.RootFS.DiffIDs))
	}
	return commands
}

// effective is the platform of an image whose configuration says p and whose
// entry in an index says hint: often only the latter has the variant.
func effective(p, hint Platform) Platform {
	p, hint = p.normal(), hint.normal()
	if p.OS == "" || p.Architecture == "" {
		return hint
	}
	if p.Variant == "" && p.OS == hint.OS && p.Architecture == hint.Architecture {
		return hint
	}
	return p
}
