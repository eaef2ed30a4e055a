package report

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/imagevet/imagevet/cvss"
	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/internal/distro"
	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/vulndb"
)

// The layout is that of schema version 2, as
// https://pkg.go.dev/github.com/aquasecurity/trivy/pkg/types#Report reads it.
const trivySchema = 2

type trivyMetadata struct {
	OS          *trivyOS      `json:",omitempty"`
	ImageID     string        `json:",omitempty"`
	DiffIDs     []string      `json:",omitempty"`
	RepoTags    []string      `json:",omitempty"`
	RepoDigests []string      `json:",omitempty"`
	ImageConfig *trivyConfig  `json:",omitempty"`
	Layers      []*trivyLayer `json:",omitempty"`
}

type trivyOS struct {
	Family string
	Name   string
	EOSL   bool `json:",omitempty"`
}

// trivyConfig is the beginning of an image's configuration.
type trivyConfig struct {
	Architecture string    `json:"architecture"`
	Created      time.Time `json:"created,omitzero"`
	OS           string    `json:"os"`
	Variant      string    `json:"variant,omitempty"`
}

type trivyLayer struct {
	Digest    string `json:",omitempty"`
	DiffID    string `json:",omitempty"`
	CreatedBy string `json:",omitempty"`
}

type trivyPackage struct {
	ID         string          `json:",omitempty"`
	Name       string          `json:",omitempty"`
	Identifier trivyIdentifier `json:",omitzero"`
	Version    string          `json:",omitempty"`
	Arch       string          `json:",omitempty"`
	Dev        bool            `json:",omitempty"`
	SrcName    string          `json:",omitempty"`
	SrcVersion string          `json:",omitempty"`
	Indirect   bool            `json:",omitempty"`
	Layer      *trivyLayer     `json:",omitempty"`
	FilePath   string          `json:",omitempty"`
	Locations  []trivyLines    `json:",omitempty"`
}

type trivyLines struct {
	StartLine int
	EndLine   int
}

type trivyIdentifier struct {
	PURL string `json:",omitempty"`
}

type trivyVulnerability struct {
	VulnerabilityID  string
	VendorIDs        []string        `json:",omitempty"`
	PkgID            string          `json:",omitempty"`
	PkgName          string          `json:",omitempty"`
	PkgPath          string          `json:",omitempty"`
	PkgIdentifier    trivyIdentifier `json:",omitzero"`
	InstalledVersion string          `json:",omitempty"`
	FixedVersion     string          `json:",omitempty"`
	Status           string          `json:",omitempty"`
	Layer            *trivyLayer     `json:",omitempty"`
	SeveritySource   string          `json:",omitempty"`
	PrimaryURL       string          `json:",omitempty"`
	DataSource       *trivySource    `json:",omitempty"`
	Fingerprint      string          `json:",omitempty"`
	Title            string          `json:",omitempty"`
	Description      string          `json:",omitempty"`
	Severity         string
	CweIDs           []string              `json:",omitempty"`
	CVSS             map[string]*trivyCVSS `json:",omitempty"`
	References       []string              `json:",omitempty"`
	PublishedDate    time.Time             `json:",omitzero"`
	LastModifiedDate time.Time             `json:",omitzero"`
}

type trivySource struct {
	ID   string `json:",omitempty"`
	Name string `json:",omitempty"`
	URL  string `json:",omitempty"`
}

type trivyCVSS struct {
	V2Vector  string  `json:",omitempty"`
	V3Vector  string  `json:",omitempty"`
	V40Vector string  `json:",omitempty"`
	V2Score   float64 `json:",omitempty"`
	V3Score   float64 `json:",omitempty"`
	V40Score  float64 `json:",omitempty"`
}

// trivyModified is a finding that was taken out.
type trivyModified struct {
	Type      string
	Status    string
	Statement string
	Source    string
	Finding   trivyVulnerability
}

// trivyMore is what Trivy's layout has no place for: what was not compared.
// Readers of the layout pass it over.
type trivyMore struct {
	Coverage   []vulndb.Coverage
	Problems   []scan.Problem
	Suppressed int
	Database   string `json:",omitempty"`
}

// A trivyResult is the place of some packages.
type trivyResult struct{ class, kind, target string }

func writeTrivy(w io.Writer, r *scan.Report, cfg *config) error {
	j := codec.NewJSONWriter(w, false)
	j.Member("SchemaVersion", trivySchema)
	if !cfg.time.IsZero() {
		j.Member("CreatedAt", cfg.when(r))
	}
	j.Member("ArtifactName", r.Target.Name)
	j.Member("ArtifactType", trivyArtifact(r))
	j.Member("Metadata", trivyMetadataOf(r))

	j.List("Results")
	for _, g := range trivyGroups(r, cfg) {
		g.write(j, r, cfg)
	}
	j.EndList()
	j.Member("Imagevet", trivyMore{Coverage: list(r.Coverage), Problems: list(r.Problems), Suppressed: len(r.Suppressed), Database: r.Database.ID})
	return j.Close()
}

// A trivyGroup is what a result holds, as indexes of the report's lists.
type trivyGroup struct {
	trivyResult
	packages, findings, suppressed []int
}

// trivyGroups returns all results: those of the distribution first.
func trivyGroups(r *scan.Report, cfg *config) []*trivyGroup {
	groups := map[trivyResult]*trivyGroup{}
	at := func(p *scan.Package) *trivyGroup {
		place := trivyPlace(r, p)
		if groups[place] == nil {
			groups[place] = &trivyGroup{trivyResult: place}
		}
		return groups[place]
	}
	for i := range r.Packages {
		g := at(&r.Packages[i])
		g.packages = append(g.packages, i)
	}
	for i := range r.Findings {
		g := at(&r.Findings[i].Package)
		g.findings = append(g.findings, i)
	}
	if cfg.suppressed {
		for i := range r.Suppressed {
			g := at(&r.Suppressed[i].Package)
			g.suppressed = append(g.suppressed, i)
		}
	}
	return slices.SortedFunc(maps.Values(groups), func(a, b *trivyGroup) int {
		return cmp.Or(-cmp.Compare(a.class, b.class), cmp.Compare(a.kind, b.kind), cmp.Compare(a.target, b.target))
	})
}

func (g *trivyGroup) write(j *codec.JSONWriter, r *scan.Report, cfg *config) {
	j.Object("")
	j.Member("Target", g.target)
	j.Member("Class", g.class)
	j.Member("Type", g.kind)
	list := func(name string, indexes []int, element func(i int) any) { // empty ones are left out, as Trivy does
		if len(indexes) == 0 {
			return
		}
		j.List(name)
		for _, i := range indexes {
			j.Element(element(i))
		}
		j.EndList()
	}
	if cfg.packages {
		list("Packages", g.packages, func(i int) any { return trivyPackageOf(&r.Packages[i], g.trivyResult) })
	}
	list("Vulnerabilities", g.findings, func(i int) any { return trivyFinding(&r.Findings[i], g.trivyResult) })
	list("ExperimentalModifiedFindings", g.suppressed, func(i int) any {
		s := &r.Suppressed[i]
		return trivyModified{Type: "vulnerability", Status: "ignored", Statement: s.Reason, Source: cmp.Or(s.Source, s.By), Finding: trivyFinding(&s.Finding, g.trivyResult)}
	})
	j.EndObject()
}

// trivyArtifact is Trivy's word for the kind of target.
func trivyArtifact(r *scan.Report) string {
	switch r.Target.Kind {
	case "rootfs", "tree":
		return "filesystem"
	case "sbom", "product":
		if r.BOM != nil && r.BOM.Document.Format == "SPDX" {
			return "spdx"
		}
		return "cyclonedx"
	}
	return "container_image"
}

func trivyMetadataOf(r *scan.Report) trivyMetadata {
	m := trivyMetadata{ImageID: r.Target.ImageID}
	if r.OS.ID != "" {
		m.OS = &trivyOS{trivyFamily(r.OS.ID), r.OS.Version, r.OS.EndOfLife}
	}
	for _, l := range r.Target.Layers {
		m.Layers = append(m.Layers, &trivyLayer{Digest: l.Digest, DiffID: l.DiffID, CreatedBy: l.CreatedBy})
		if l.DiffID != "" {
			m.DiffIDs = append(m.DiffIDs, l.DiffID)
		}
	}
	if r.Target.Kind == "registry" {
		if repo := repository(r); repo != r.Target.Name && !strings.Contains(r.Target.Name, "@") {
			m.RepoTags = []string{r.Target.Name}
		}
		if r.Target.Digest != "" {
			m.RepoDigests = []string{repository(r) + "@" + r.Target.Digest}
		}
	}
	if os, rest, ok := strings.Cut(r.Target.Platform, "/"); ok {
		arch, variant, _ := strings.Cut(rest, "/")
		m.ImageConfig = &trivyConfig{Architecture: arch, Variant: variant, OS: os, Created: r.Target.Created}
	}
	return m
}

// trivyFamily is Trivy's name of a distribution, where it is not the ID in
// os-release (https://pkg.go.dev/github.com/aquasecurity/trivy/pkg/fanal/types#OSType).
func trivyFamily(id string) string {
	switch id {
	case "rhel":
		return "redhat"
	case "almalinux":
		return "alma"
	case "amzn":
		return "amazon"
	case "ol":
		return "oracle"
	case "mariner":
		return "cbl-mariner"
	case "opensuse-leap":
		return "opensuse.leap"
	case "opensuse-tumbleweed":
		return "opensuse.tumbleweed"
	case "sles":
		return "suse linux enterprise server"
	}
	return id
}

// trivyPlace says in which of Trivy's results a package is: one for the
// distribution, one for the packages of each language that are installed, and
// one for each lock file, archive or program.
func trivyPlace(r *scan.Report, p *scan.Package) trivyResult {
	place := trivyPlaceOf(r, p)
	place.target = clean(place.target)
	if _, err := url.Parse(place.target); err != nil { // Trivy takes targets for addresses when it writes SARIF
		place.target = relativeURI(place.target)
	}
	return place
}

func trivyPlaceOf(r *scan.Report, p *scan.Package) trivyResult {
	name := cmp.Or(p.Target, r.Target.Name)
	if _, ok := distro.PackageScheme(p.Type); ok {
		return trivyResult{"os-pkgs", cmp.Or(trivyFamily(r.OS.ID), p.Type), strings.TrimSpace(fmt.Sprintf("%s (%s)", name, strings.TrimSpace(r.OS.ID+" "+r.OS.Version)))}
	}
	file := firstPath(p)
	base := path.Base(file)
	if kind, ok := trivyLockfiles[base]; ok {
		return trivyResult{"lang-pkgs", kind, file}
	}
	switch p.Type {
	case "npm":
		return trivyResult{"lang-pkgs", "node-pkg", "Node.js"}
	case "pypi":
		if strings.HasPrefix(base, "requirements") {
			return trivyResult{"lang-pkgs", "pip", file}
		}
		return trivyResult{"lang-pkgs", "python-pkg", "Python"}
	case "gem":
		return trivyResult{"lang-pkgs", "gemspec", "Ruby"}
	case "maven":
		return trivyResult{"lang-pkgs", "jar", "Java"}
	case "golang":
		return trivyResult{"lang-pkgs", "gobinary", file}
	case "cargo":
		return trivyResult{"lang-pkgs", "rustbinary", file}
	case "nuget":
		return trivyResult{"lang-pkgs", "dotnet-core", file}
	case "composer":
		return trivyResult{"lang-pkgs", "composer-vendor", file}
	case "conda":
		return trivyResult{"lang-pkgs", "conda-pkg", "Conda"}
	}
	return trivyResult{"lang-pkgs", cmp.Or(p.Type, "unknown"), file}
}

// trivyLockfiles are Trivy's types of lock files and manifests, by their names
// (https://pkg.go.dev/github.com/aquasecurity/trivy/pkg/fanal/types#LangType).
var trivyLockfiles = map[string]string{
	"package-lock.json": "npm", "npm-shrinkwrap.json": "npm", "yarn.lock": "yarn", "pnpm-lock.yaml": "pnpm", "bun.lock": "bun",
	"Pipfile.lock": "pipenv", "poetry.lock": "poetry", "uv.lock": "uv", "pylock.toml": "pylock", "environment.yml": "conda-environment",
	"pom.xml": "pom", "gradle.lockfile": "gradle", "go.mod": "gomod", "Cargo.lock": "cargo", "Gemfile.lock": "bundler",
	"composer.lock": "composer", "packages.lock.json": "nuget", "packages.config": "nuget", "Directory.Packages.props": "packages-props",
	"conan.lock": "conan", "Package.resolved": "swift", "Podfile.lock": "cocoapods", "pubspec.lock": "pub", "mix.lock": "hex", "Manifest.toml": "julia",
}

// trivyID is how Trivy's packages refer to each other.
func trivyID(p *scan.Package) string {
	if p.Type == "maven" {
		return fullName(p) + ":" + p.Version
	}
	return fullName(p) + "@" + p.Version
}

// trivyFile is the file of a package, unless that is the result's.
func trivyFile(p *scan.Package, place trivyResult) string {
	if file := firstPath(p); place.class == "lang-pkgs" && clean(file) != place.target {
		return file
	}
	return ""
}

func trivyLayerOf(p *scan.Package) *trivyLayer {
	if p.Layer.DiffID == "" {
		return nil
	}
	return &trivyLayer{DiffID: p.Layer.DiffID}
}

func trivyPackageOf(p *scan.Package, place trivyResult) trivyPackage {
	out := trivyPackage{
		ID: trivyID(p), Name: fullName(p), Identifier: trivyIdentifierOf(p), Version: p.Version, Arch: p.Arch, Dev: p.Development,
		SrcName: p.Source.Name, SrcVersion: p.Source.Version, Indirect: p.Relation == "transitive", Layer: trivyLayerOf(p), FilePath: trivyFile(p, place),
	}
	if p.Line > 0 {
		out.Locations = []trivyLines{{p.Line, p.Line}}
	}
	return out
}

func trivyIdentifierOf(p *scan.Package) trivyIdentifier {
	purl, _ := validPURL(p)
	return trivyIdentifier{PURL: purl}
}

func trivyFinding(f *scan.Finding, place trivyResult) trivyVulnerability {
	p := &f.Package
	digest := identity(f)
	v := trivyVulnerability{
		VulnerabilityID: f.ID, PkgID: trivyID(p), PkgName: fullName(p), PkgPath: trivyFile(p, place), PkgIdentifier: trivyIdentifierOf(p),
		InstalledVersion: p.Version, FixedVersion: f.FixedVersion, Status: trivyStatus(f.Status), Layer: trivyLayerOf(p), SeveritySource: trivySourceID(f.SeveritySource),
		PrimaryURL: flawPage(f.ID), Fingerprint: fmt.Sprintf("sha256:%x", digest), Title: f.Title, Description: f.Description, Severity: trivySeverity(f.Severity),
		References: f.References, PublishedDate: f.Published.UTC(), LastModifiedDate: f.Modified.UTC(),
	}
	for _, alias := range f.Aliases {
		if alias != f.ID && !strings.HasSuffix(alias, "-"+f.ID) { // what only adds a prefix tells nothing
			v.VendorIDs = append(v.VendorIDs, alias)
		}
	}
	if e := f.Evidence; e.Advisory != "" {
		v.DataSource = &trivySource{ID: trivySourceID(e.Advisory), Name: e.Ecosystem + ": " + e.Advisory, URL: recordPage(e.Advisory)}
	}
	for _, n := range f.CWEs {
		v.CweIDs = append(v.CweIDs, fmt.Sprintf("CWE-%d", n))
	}
	for _, c := range f.CVSS {
		if v.CVSS == nil {
			v.CVSS = map[string]*trivyCVSS{}
		}
		id := trivySourceID(c.Source)
		if v.CVSS[id] == nil {
			v.CVSS[id] = &trivyCVSS{}
		}
		v.CVSS[id].add(&c)
	}
	return v
}

// add sets the vector of a version, of which there is one place for 3.0 and 3.1;
// the first counts.
func (t *trivyCVSS) add(c *scan.CVSS) {
	vector, score := &t.V3Vector, &t.V3Score
	switch c.Version {
	case "2.0":
		vector, score = &t.V2Vector, &t.V2Score
	case "4.0":
		vector, score = &t.V40Vector, &t.V40Score
	}
	if *vector == "" {
		*vector, *score = c.Vector, c.Score
	}
}

// trivyStatus is a status that Trivy knows: it refuses documents with others.
func trivyStatus(s scan.Status) string {
	if slices.Contains(scan.Statuses(), s) {
		return string(s)
	}
	return "unknown"
}

// trivySeverity is one of Trivy's five words.
func trivySeverity(s cvss.Severity) string {
	switch s {
	case cvss.Negligible, cvss.None:
		return cvss.Low.String()
	}
	return s.String()
}

// trivySourceID is Trivy's name of who says something: of an advisory, the
// distribution or database that it is of.
func trivySourceID(source string) string {
	kind := flawSource(source)
	switch kind {
	case "rhsa", "rhba", "rhea", "redhat":
		return "redhat"
	case "dsa", "dla", "dtsa":
		return "debian"
	case "usn":
		return "ubuntu"
	case "alsa", "alba":
		return "alma"
	case "rlsa", "rxsa":
		return "rocky"
	case "elsa":
		return "oracle-oval"
	case "cve", "pysec", "go", "rustsec", "mal", "osv":
		return "osv"
	case "other":
		return strings.ToLower(source)
	}
	return strings.TrimSuffix(kind, "-cve")
}
