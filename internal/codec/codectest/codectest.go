// Package codectest has what the tests of all formats of bills of materials
// share: an inventory in which every field of the model is set.
package codectest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// Package returns a package that has every field.
func Package() inventory.Package {
	layers := Layers()
	return inventory.Package{
		Type: "rpm", Namespace: "other", Name: "Bash", Version: "1:5.1-2", Arch: "x86_64",
		Source: inventory.Source{Name: "bash-src", Version: "5.1-2"}, Module: "m:1", Vendor: "V", Maintainer: "M", SigningKey: "ab",
		Licenses: []string{"GPLv3+", "x"}, LicenseExpression: "GPL-3.0-or-later", CPEs: []string{"cpe:2.3:a:x:y:1:*:*:*:*:*:*:*", "odd"},
		Qualifiers: map[string]string{"a": "b"}, SHA1: "00", Hashes: []inventory.Hash{{Algorithm: "SHA-256", Value: "01"}}, Bundled: true,
		Requires: []string{"a|b", "c"}, Provides: []string{"d"}, DependsOn: []string{"pkg:rpm/redhat/x@1"}, Relation: inventory.Direct,
		Development: true, Constraint: "^1", Line: 3, Platforms: []string{"linux/386", "linux/amd64"}, Within: "w", PURL: "pkg:rpm/redhat/bash@5.1-2?arch=i686&c=d&epoch=0&distro=rhel-9",
		Extractor: "rpm", Paths: []string{"a", "b"}, Layer: layers[1], OwnedBy: "pkg:rpm/o@1",
		DeletedBy: &layers[2],
	}
}

// Layers returns three layers.
func Layers() []inventory.Layer {
	return []inventory.Layer{
		{Index: 0, Digest: "sha256:a0", DiffID: "sha256:b0", CreatedBy: "ADD rootfs.tar / # buildkit"},
		{Index: 1, DiffID: "sha256:b1", CreatedBy: "RUN <x> && \"y\""},
		{Index: 2, DiffID: "sha256:b2"},
	}
}

// BOM returns an inventory that has every field but Parts and Document: a
// package with everything, others in a circle, one that is there twice, one
// without a package URL or version, and files that could not be read.
func BOM() *inventory.BOM {
	layers := Layers()
	full := Package()
	b := &inventory.BOM{
		Target: inventory.Target{
			Name: "registry.example/app:1", Kind: "registry", ImageID: "sha256:" + digits('c'), Digest: "sha256:" + digits('d'),
			Platform: "linux/arm64/v8", Created: time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC),
			Labels: map[string]string{"org.opencontainers.image.title": "App <&>", "org.opencontainers.image.version": "1.2"},
		},
		Layers: layers,
		OS: inventory.OS{
			ID: "rhel", Version: "9.3", Name: "Red Hat Enterprise Linux 9.3 (Plow)", Codename: "Plow", IDLike: []string{"fedora", "centos"},
			Variant: "container", CPE: "cpe:/o:redhat:enterprise_linux:9::baseos", Repositories: []string{"r1"},
			ContentSets: []string{"rhel-9-for-x86_64-baseos-rpms"}, ProServices: []string{"esm-apps", "esm-infra"}, Path: "usr/lib/os-release",
		},
		Packages: []inventory.Package{
			full,
			{
				Type: "rpm", Namespace: "redhat", Name: "x", Version: "1", PURL: "pkg:rpm/redhat/x@1", Paths: []string{"usr/lib/sysimage/rpm/rpmdb.sqlite"},
				Extractor: "rpm", Layer: layers[0], DependsOn: []string{"pkg:rpm/redhat/y@2-1"}, Maintainer: "Jane Doe <jane@example.com>",
				Source: inventory.Source{Name: "x", Version: "1"}, Licenses: []string{"MIT"}, LicenseExpression: "MIT",
			},
			{
				Type: "rpm", Namespace: "redhat", Name: "y", Version: "2-1", PURL: "pkg:rpm/redhat/y@2-1", Paths: []string{"usr/lib/sysimage/rpm/rpmdb.sqlite"},
				Extractor: "rpm", Layer: layers[0], DependsOn: []string{"pkg:rpm/redhat/x@1"}, Vendor: "Red Hat, Inc.", Maintainer: "Red Hat, Inc.",
			},
			{
				Type: "npm", Namespace: "@babel", Name: "core", Version: "7.1.0", PURL: "pkg:npm/%40babel/core@7.1.0", Extractor: "npm",
				Paths: []string{"app/node_modules/@babel/core/package.json"}, Layer: layers[2], Licenses: []string{"Apache-2.0 OR MIT"}, LicenseExpression: "Apache-2.0 OR MIT",
			},
			{
				Type: "npm", Namespace: "@babel", Name: "core", Version: "7.1.0", PURL: "pkg:npm/%40babel/core@7.1.0", Extractor: "npm", Development: true,
				Paths: []string{"usr/lib/node_modules/@babel/core/package.json"}, Layer: layers[2], OwnedBy: "pkg:rpm/redhat/x@1",
			},
			{
				Type: "npm", Name: "open", Constraint: "^2", PURL: "pkg:npm/open", Extractor: "npmlock", Paths: []string{"package.json"}, Line: 7,
				Layer: layers[1], Relation: inventory.Transitive, Licenses: []string{"SEE LICENSE IN x"},
			},
			{
				Type: "pypi", Name: "Flask_Thing", Version: "1.0", PURL: "pkg:pypi/flask-thing@1.0", Extractor: "python", Layer: layers[1],
				Paths: []string{"usr/lib/python3/site-packages/Flask_Thing-1.0.dist-info/METADATA"},
			},
			{Name: "thing", Version: "", Extractor: "mine", Paths: []string{"opt/thing"}, Layer: layers[0]},
		},
		Problems: []*inventory.FileError{
			{Path: "app/broken.jar", Extractor: "jar", Layer: 2, Err: errors.New("no zip archive: \"x\"")},
			{Path: "var/lib/x", Extractor: "layer", Err: errors.New("y")},
		},
		Vulnerabilities: []inventory.Vulnerability{{
			ID: "CVE-2024-1", Source: "RHSA-2024:1", Aliases: []string{"GHSA-1", "RHSA-2024:1"}, CWEs: []int{79, 787}, Title: "A title", Detail: "# More\n\ntext",
			Ratings: []inventory.Rating{
				{Source: "NVD", Method: "CVSSv31", Vector: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", Score: 9.8, Severity: "critical"},
				{Source: "RHSA-2024:1", Severity: "medium"},
			},
			References: []string{"https://example.com/1", "https://example.com/2"},
			Published:  time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC), Updated: time.Date(2024, 2, 2, 3, 4, 5, 0, time.UTC), Recommendation: "Update x to 2.",
			Affects:  []inventory.Affected{{PURL: "pkg:rpm/redhat/x@1", Version: "1", Status: "affected"}, {PURL: "pkg:rpm/redhat/y@2-1", Range: "vers:rpm/<3", Status: "unaffected"}},
			Analysis: inventory.Analysis{State: "not_affected", Justification: "code_not_reachable", Responses: []string{"will_not_fix", "update"}, Detail: "because"},
		}, {ID: "OSV-2"}},
	}
	slices.SortStableFunc(b.Packages, codec.ComparePackages)
	return b
}

func digits(c byte) string {
	out := make([]byte, 64)
	for i := range out {
		out[i] = c
	}
	return string(out)
}

// Equal compares inventories; the errors in Problems by their text. It shows
// the lines in which they differ.
func Equal(t assert.TestingT, want, got *inventory.BOM) bool {
	w, g := plain(want), plain(got)
	if assert.ObjectsAreEqual(w, g) {
		return true
	}
	return assert.Fail(t, "the inventories differ", "%s", diff(w, g))
}

// diff returns the lines that only one of two inventories has.
func diff(want, got *inventory.BOM) string {
	lines := func(b *inventory.BOM) []string {
		var errs []string
		for _, p := range b.Problems {
			errs = append(errs, p.Error())
		}
		data, err := json.MarshalIndent(struct {
			*inventory.BOM
			Errors []string
		}{b, errs}, "", " ")
		if err != nil {
			return []string{err.Error()}
		}
		return strings.Split(string(data), "\n")
	}
	count := map[string]int{}
	for _, l := range lines(want) {
		count[l]--
	}
	for _, l := range lines(got) {
		count[l]++
	}
	var out strings.Builder
	for _, l := range slices.Sorted(maps.Keys(count)) {
		if n := count[l]; n != 0 {
			fmt.Fprintf(&out, "%+d %s\n", n, l)
		}
	}
	return out.String()
}

// plain returns a copy whose problems can be compared.
func plain(b *inventory.BOM) *inventory.BOM {
	out := *b
	out.Problems = nil
	for _, p := range b.Problems {
		q := *p
		q.Err = errors.New(p.Err.Error())
		out.Problems = append(out.Problems, &q)
	}
	out.Parts = nil
	for _, p := range b.Parts {
		out.Parts = append(out.Parts, plain(p))
	}
	return &out
}

// Product returns an inventory of two images, which share packages.
func Product() *inventory.BOM {
	other := BOM()
	other.Target = inventory.Target{Name: "other.tar", Kind: "docker-archive", ImageID: "sha256:" + digits('e')}
	other.OS = inventory.OS{ID: "alpine", Version: "3.19.1"}
	other.Vulnerabilities[0].ID = "CVE-2024-2"
	return &inventory.BOM{
		Target: inventory.Target{Name: "Product", Version: "7", Kind: "product"},
		Parts:  []*inventory.BOM{other, BOM(), {Target: inventory.Target{Name: "empty", Kind: "rootfs"}}},
	}
}

// DecodeJSON reads a document of one format as the code that tells formats
// apart does.
func DecodeJSON(doc codec.JSONReader, r io.Reader) (*inventory.BOM, error) {
	dec := json.NewDecoder(r)
	err := codec.Members(dec, func(name string) error {
		known, err := doc.Member(name, dec)
		if !known && err == nil {
			return codec.Skip(dec)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return doc.Finish()
}
