package codec

import (
	"encoding/json"
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
// licenseExpression; line; maintainer; module; ownedBy; path; platforms; provides;
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
	l.AddList("platforms", p.Platforms)
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
	case "platforms":
		list(&p.Platforms)
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
