package codec

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// TargetProperties returns what formats have no field for of the target, the
// layers and the problems of an inventory: kind, imageID, platform,
// label:KEY; base:name, :digest, :from, :layers, :reason; layer:INDEX:digest, layer:INDEX:diffID, layer:INDEX:createdBy;
// problem:NUMBER:path, :extractor, :layer and :error.
func TargetProperties(b *inventory.BOM) Properties {
	var l Properties
	l.Add("kind", b.Target.Kind)
	l.Add("imageID", b.Target.ImageID)
	l.Add("platform", b.Target.Platform)
	if !b.Target.Created.IsZero() {
		l.Add("created", FormatTime(b.Target.Created))
	}
	for _, key := range slices.Sorted(maps.Keys(b.Target.Labels)) {
		l.AddAll("label:"+key, []string{b.Target.Labels[key]})
	}
	base := &b.Target.Base
	l.Add("base:name", base.Name)
	l.Add("base:digest", base.Digest)
	l.Add("base:from", base.From)
	l.AddInt("base:layers", base.Layers)
	l.Add("base:reason", base.Reason)
	for i := range b.Layers {
		layer, at := &b.Layers[i], "layer:"+strconv.Itoa(i)+":"
		l.AddAll(at+"digest", []string{layer.Digest}) // so that a layer of which nothing is known counts too
		l.Add(at+"diffID", layer.DiffID)
		l.Add(at+"createdBy", layer.CreatedBy)
	}
	for i, p := range b.Problems {
		at := "problem:" + strconv.Itoa(i) + ":"
		l.Add(at+"path", p.Path)
		l.Add(at+"extractor", p.Extractor)
		l.AddInt(at+"layer", p.Layer)
		l.Add(at+"error", p.Err.Error())
	}
	return l
}

// SetTargetProperty takes over a property that [TargetProperties] made. It
// reports whether it is one.
func SetTargetProperty(b *inventory.BOM, prop Property) (bool, error) {
	name, ok := strings.CutPrefix(prop.Name, Prefix)
	if !ok {
		return false, nil
	}
	switch name {
	case "kind":
		b.Target.Kind = prop.Value
	case "imageID":
		b.Target.ImageID = prop.Value
	case "platform":
		b.Target.Platform = prop.Value
	case "created":
		t, err := ParseTime(prop.Value)
		b.Target.Created = t
		return true, err
	case "base:name":
		b.Target.Base.Name = prop.Value
	case "base:digest":
		b.Target.Base.Digest = prop.Value
	case "base:from":
		b.Target.Base.From = prop.Value
	case "base:layers":
		n, err := strconv.Atoi(prop.Value)
		if err != nil || n < 0 {
			return true, fmt.Errorf("property %q is no number of layers: %q", clip(prop.Name), clip(prop.Value))
		}
		b.Target.Base.Layers = n
	case "base:reason":
		b.Target.Base.Reason = prop.Value
	default:
		if key, ok := strings.CutPrefix(name, "label:"); ok {
			if b.Target.Labels == nil {
				b.Target.Labels = map[string]string{}
			}
			b.Target.Labels[key] = prop.Value
			return true, nil
		}
		return setNumbered(b, name, prop)
	}
	return true, nil
}

// setNumbered takes over a property of a layer or problem.
func setNumbered(b *inventory.BOM, name string, prop Property) (bool, error) {
	kind, rest, _ := strings.Cut(name, ":")
	number, field, ok := strings.Cut(rest, ":")
	if !ok || kind != "layer" && kind != "problem" {
		return false, nil
	}
	next := len(b.Layers)
	if kind == "problem" {
		next = len(b.Problems)
	}
	i, err := strconv.Atoi(number)
	if err != nil || i < 0 || i > next { // they are written in order
		return true, fmt.Errorf("property %q has a number that is not one of 0 to %d", clip(prop.Name), next)
	}
	if kind == "layer" {
		if i == next {
			b.Layers = append(b.Layers, inventory.Layer{Index: i})
		}
		switch field {
		case "digest":
			b.Layers[i].Digest = prop.Value
		case "diffID":
			b.Layers[i].DiffID = prop.Value
		case "createdBy":
			b.Layers[i].CreatedBy = prop.Value
		default:
			return false, nil
		}
		return true, nil
	}
	if i == next {
		b.Problems = append(b.Problems, &inventory.FileError{Err: errors.New("the document does not say what")})
	}
	switch field {
	case "path":
		b.Problems[i].Path = prop.Value
	case "extractor":
		b.Problems[i].Extractor = prop.Value
	case "layer":
		if b.Problems[i].Layer, err = strconv.Atoi(prop.Value); err != nil {
			return true, fmt.Errorf("property %q is no number: %q", clip(prop.Name), clip(prop.Value))
		}
	case "error":
		if prop.Value != "" {
			b.Problems[i].Err = errors.New(prop.Value)
		}
	default:
		return false, nil
	}
	return true, nil
}

// OSProperties returns what formats have no field for of a distribution, other
// than its ID, version and name: os:codename, os:cpe, os:variant, os:path, and,
// once for each value, os:idLike, os:repository, os:contentSet, os:proService.
func OSProperties(os *inventory.OS, hasCPE bool) Properties {
	var l Properties
	l.Add("os:codename", os.Codename)
	l.Add("os:variant", os.Variant)
	l.Add("os:path", os.Path)
	if !hasCPE || ValidCPE(os.CPE) == "" {
		l.Add("os:cpe", os.CPE)
	}
	l.AddAll("os:idLike", os.IDLike)
	l.AddAll("os:repository", os.Repositories)
	l.AddAll("os:contentSet", os.ContentSets)
	l.AddAll("os:proService", os.ProServices)
	return l
}

// SetOSProperty takes over a property that [OSProperties] made. It reports
// whether it is one.
func SetOSProperty(os *inventory.OS, prop Property) bool {
	switch prop.Name {
	case Prefix + "os:codename":
		os.Codename = prop.Value
	case Prefix + "os:variant":
		os.Variant = prop.Value
	case Prefix + "os:path":
		os.Path = prop.Value
	case Prefix + "os:cpe":
		os.CPE = prop.Value
	case Prefix + "os:idLike":
		os.IDLike = append(os.IDLike, prop.Value)
	case Prefix + "os:repository":
		os.Repositories = append(os.Repositories, prop.Value)
	case Prefix + "os:contentSet":
		os.ContentSets = append(os.ContentSets, prop.Value)
	case Prefix + "os:proService":
		os.ProServices = append(os.ProServices, prop.Value)
	default:
		return false
	}
	return true
}
