package scan_test

import (
	"context"
	"fmt"
	"log"
	"testing/fstest"

	"github.com/imagevet/imagevet/sbom"
	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/scan/image"
)

// The sources of a project, here a file system in memory. [scan.Scanner.Tree]
// does the same for a folder.
func ExampleScanner_Scan_sourceTree() {
	sources := fstest.MapFS{
		"Gemfile.lock":          {Data: []byte("GEM\n  remote: https://rubygems.org/\n  specs:\n    mail (2.8.1)\n      mini_mime (>= 0.1.1)\n    mini_mime (1.1.5)\n\nDEPENDENCIES\n  mail\n")},
		"docs/requirements.txt": {Data: []byte("sphinx==7.2.6\nfuro>=2023\n")},
	}
	s, err := scan.New(scan.WithInventory(sbom.WithSkip("examples/")))
	if err != nil {
		log.Fatal(err)
	}
	report, err := s.Scan(context.Background(), image.TreeFS("project", sources))
	if err != nil {
		log.Fatal(err)
	}
	for _, p := range report.Packages {
		fmt.Printf("%s:%d %s %s%s %s\n", p.Paths[0], p.Line, p.Name, p.Version, p.Constraint, p.Relation)
	}
	// Output:
	// Gemfile.lock:4 mail 2.8.1 direct
	// Gemfile.lock:6 mini_mime 1.1.5 transitive
	// docs/requirements.txt:2 furo >=2023 direct
	// docs/requirements.txt:1 sphinx 7.2.6
}
