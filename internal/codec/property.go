package codec

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// A Property is a name and a value that a document has of something. Names can
// be there several times.
type Property struct{ Name, Value string }

// Prefix begins the names of this library's properties. They are stable: a
// name is never given another meaning.
const Prefix = Name + ":"

// Properties is a list that is being made.
type Properties []Property

// Add adds a property, unless value is empty.
func (l *Properties) Add(name, value string) {
	if value != "" {
		*l = append(*l, Property{Prefix + name, value})
	}
}

// AddInt adds a number, unless it is 0.
func (l *Properties) AddInt(name string, n int) {
	if n != 0 {
		l.Add(name, strconv.Itoa(n))
	}
}

// AddBool adds "true", or nothing.
func (l *Properties) AddBool(name string, b bool) {
	if b {
		l.Add(name, "true")
	}
}

// AddAll adds a property of the same name for each value, also for empty ones.
func (l *Properties) AddAll(name string, values []string) {
	for _, v := range values {
		*l = append(*l, Property{Prefix + name, v})
	}
}

// AddList adds a list as one property, a JSON array, as it has many members.
func (l *Properties) AddList(name string, values []string) {
	if len(values) == 0 {
		return
	}
	data, err := json.Marshal(values)
	if err != nil {
		panic(err) // strings can be marshalled
	}
	l.Add(name, string(data))
}

// Fields says which facts of a package a format has fields of its own for, so
// that they need no property.
type Fields struct {
	Paths       bool // all files that record the package
	Line        bool // the line in the first of them
	Expression  bool // [inventory.Package].LicenseExpression
	Licenses    bool // a list of licences word for word, where there is no expression
	CPEs        bool // all of them; otherwise the first that is valid has a field
	Hashes      bool
	Maintainer  bool
	Vendor      bool
	Development bool
}

// PackageProperties returns what a format with the given fields, a package URL
// and a name and version does not hold of a package.
//
// The names, each behind "imagevet:", are: type, namespace, name, version and
// qualifier:KEY where they do not follow from the package URL; arch;
// bundled; constraint; cpe; deletedBy:index, deletedBy:diffID; development;
// extractor; hash:ALGORITHM; layer:index, layer:diffID; license;
// licenseExpression; line; maintainer; module; ownedBy; path; provides;
// relation; requires; signingKey; source:name, source:version; vendor; within.
func PackageProperties(p *inventory.Package, has Fields) Properties {
	var l Properties
	told, _ := PackageOf(p.PURL)
	if p.Type != told.Type {
		l.AddAll("type", []string{p.Type})
	}
	if p.Namespace != told.Namespace {
		l.AddAll("namespace", []string{p.Namespace})
	}
	if p.Name != told.Name {
		l.AddAll("name", []string{p.Name})
	}
	if p.Version != told.Version {
		l.AddAll("version", []string{p.Version})
	}
	if !maps.Equal(p.Qualifiers, told.Qualifiers) {
		for _, key := range slices.Sorted(maps.Keys(told.Qualifiers)) {
			if _, ok := p.Qualifiers[key]; !ok {
				l.AddAll("qualifier:"+key, []string{""})
			}
		}
		for _, key := range slices.Sorted(maps.Keys(p.Qualifiers)) {
			if value, ok := told.Qualifiers[key]; !ok || value != p.Qualifiers[key] {
				l.AddAll("qualifier:"+key, []string{p.Qualifiers[key]})
			}
		}
	}
	l.Add("arch", p.Arch)
	if p.Arch == "" && told.Arch != "" {
		l.AddAll("arch", []string{""})
	}
	l.AddBool("bundled", p.Bundled)
	l.Add("constraint", p.Constraint)
	if !has.CPEs && len(p.CPEs) > 0 {
		if len(p.CPEs) > 1 || ValidCPE(p.CPEs[0]) == "" {
			l.AddAll("cpe", p.CPEs)
		}
	}
	if p.DeletedBy != nil {
		l.Add("deletedBy:index", strconv.Itoa(p.DeletedBy.Index))
		l.Add("deletedBy:diffID", p.DeletedBy.DiffID)
	}
	if !has.Development {
		l.AddBool("development", p.Development)
	}
	l.Add("extractor", p.Extractor)
	if !has.Hashes {
		l.Add("hash:SHA-1", p.SHA1)
		for _, h := range p.Hashes {
			l.Add("hash:"+h.Algorithm, h.Value)
		}
	}
	l.Add("layer:index", strconv.Itoa(p.Layer.Index))
	l.Add("layer:diffID", p.Layer.DiffID)
	if !has.Licenses || p.LicenseExpression != "" && !slices.Equal(p.Licenses, []string{p.LicenseExpression}) {
		l.AddAll("license", p.Licenses)
	}
	if !has.Expression {
		l.Add("licenseExpression", p.LicenseExpression)
	}
	if !has.Line {
		l.AddInt("line", p.Line)
	}
	if !has.Maintainer {
		l.Add("maintainer", p.Maintainer)
	}
	if p.Module != told.Module {
		l.AddAll("module", []string{p.Module})
	}
	l.Add("ownedBy", p.OwnedBy)
	if !has.Paths {
		l.AddAll("path", p.Paths)
	}
	l.AddList("provides", p.Provides)
	l.Add("relation", p.Relation.String())
	l.AddList("requires", p.Requires)
	l.Add("signingKey", p.SigningKey)
	l.Add("source:name", p.Source.Name)
	l.Add("source:version", p.Source.Version)
	if p.Source.Name == "" && told.Source.Name != "" {
		l.AddAll("source:name", []string{""})
	}
	if p.Source.Version == "" && told.Source.Version != "" {
		l.AddAll("source:version", []string{""})
	}
	if !has.Vendor {
		l.Add("vendor", p.Vendor)
	}
	l.Add("within", p.Within)
	return l
}

// SetPackageProperty takes over a property that [PackageProperties] made. It
// reports whether it is one: others are left alone. Where it is, but its value
// cannot be understood, there is an error.
//
// Lists that come as several properties (cpe, license, path) are added to: who
// calls empties those that its format filled before the first property. The
// layers are set by [Collector.Finish].
func SetPackageProperty(p *inventory.Package, prop Property) (bool, error) {
	name, ok := strings.CutPrefix(prop.Name, Prefix)
	if !ok {
		return false, nil
	}
	value := prop.Value
	var err error
	number := func(into *int) {
		var n int
		if n, err = strconv.Atoi(value); err == nil && n >= 0 {
			*into = n
		} else {
			err = fmt.Errorf("property %q is no number: %q", prop.Name, clip(value))
		}
	}
	deleted := func() *inventory.Layer {
		if p.DeletedBy == nil {
			p.DeletedBy = &inventory.Layer{}
		}
		return p.DeletedBy
	}
	list := func(into *[]string) {
		*into = nil
		if e := json.Unmarshal([]byte(value), into); e != nil {
			err = fmt.Errorf("property %q is no list: %w", prop.Name, e)
		}
	}
	switch name {
	case "type":
		p.Type = value
	case "namespace":
		p.Namespace = value
	case "name":
		p.Name = value
	case "version":
		p.Version = value
	case "arch":
		p.Arch = value
	case "bundled":
		p.Bundled = value == "true"
	case "constraint":
		p.Constraint = value
	case "cpe":
		p.CPEs = append(p.CPEs, value)
	case "deletedBy:index":
		number(&deleted().Index)
	case "deletedBy:diffID":
		deleted().DiffID = value
	case "development":
		p.Development = value == "true"
	case "extractor":
		p.Extractor = value
	case "layer:index":
		number(&p.Layer.Index)
	case "layer:diffID":
		p.Layer.DiffID = value
	case "license":
		p.Licenses = append(p.Licenses, value)
	case "licenseExpression":
		p.LicenseExpression = value
	case "line":
		number(&p.Line)
	case "maintainer":
		p.Maintainer = value
	case "module":
		p.Module = value
	case "ownedBy":
		p.OwnedBy = value
	case "path":
		p.Paths = append(p.Paths, value)
	case "provides":
		list(&p.Provides)
	case "relation":
		p.Relation = relationOf(value)
	case "requires":
		list(&p.Requires)
	case "signingKey":
		p.SigningKey = value
	case "source:name":
		p.Source.Name = value
	case "source:version":
		p.Source.Version = value
	case "vendor":
		p.Vendor = value
	case "within":
		p.Within = value
	default:
		if algorithm, ok := strings.CutPrefix(name, "hash:"); ok {
			AddHash(p, algorithm, value)
			return true, nil
		}
		key, ok := strings.CutPrefix(name, "qualifier:")
		if !ok {
			return false, nil
		}
		if value == "" {
			delete(p.Qualifiers, key)
			if len(p.Qualifiers) == 0 {
				p.Qualifiers = nil
			}
			return true, nil
		}
		if p.Qualifiers == nil {
			p.Qualifiers = map[string]string{}
		}
		p.Qualifiers[key] = value
	}
	return true, err
}

func relationOf(s string) inventory.Relation {
	switch s {
	case inventory.Direct.String():
		return inventory.Direct
	case inventory.Transitive.String():
		return inventory.Transitive
	}
	return inventory.RelationUnknown
}

// AddHash adds a digest to a package, where the model has it: SHA-1 has a
// field of its own.
func AddHash(p *inventory.Package, algorithm, value string) {
	value = strings.ToLower(value)
	if algorithm == "SHA-1" && p.SHA1 == "" {
		p.SHA1 = value
		return
	}
	p.Hashes = append(p.Hashes, inventory.Hash{Algorithm: algorithm, Value: value})
}

// Hashes returns all digests of a package, the SHA-1 first.
func Hashes(p *inventory.Package) []inventory.Hash {
	if p.SHA1 == "" {
		return p.Hashes
	}
	return append([]inventory.Hash{{Algorithm: "SHA-1", Value: p.SHA1}}, p.Hashes...)
}

// TargetProperties returns what formats have no field for of the target, the
// layers and the problems of an inventory: kind, imageID, platform,
// label:KEY; layer:INDEX:digest, layer:INDEX:diffID, layer:INDEX:createdBy;
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
// once for each value, os:idLike, os:repository, os:contentSet.
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
	default:
		return false
	}
	return true
}
