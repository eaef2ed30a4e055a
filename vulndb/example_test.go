package vulndb_test

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/imagevet/imagevet/sbom/inventory"
	"github.com/imagevet/imagevet/vulndb"
)

// advisories are two records, one a line. Real ones are an export of OSV:
// a folder with an all.zip for each ecosystem.
const advisories = `{"id":"ALPINE-CVE-2024-0727","modified":"2024-02-01T00:00:00Z","upstream":["CVE-2024-0727"],"affected":[{"package":{"ecosystem":"Alpine:v3.19","name":"openssl"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"3.1.4-r5"}]}]}]}
{"id":"X-1","modified":"2024-02-01T00:00:00Z","affected":[{"package":{"ecosystem":"Spaceport:7","name":"rocket"},"versions":["1"]}]}
`

func ExampleBuild() {
	dir, err := os.MkdirTemp("", "vulndb")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	source := filepath.Join(dir, "advisories.jsonl")
	if err := os.WriteFile(source, []byte(advisories), 0o666); err != nil {
		log.Fatal(err)
	}
	report, err := vulndb.Build(context.Background(), filepath.Join(dir, "db"), []vulndb.Source{vulndb.FileSource(source)})
	if err != nil {
		log.Fatal(err)
	}
	for _, e := range report.Ecosystems {
		fmt.Printf("%s: %d records on %d packages\n", e.Ecosystem, e.Records, e.Packages)
	}
	for _, u := range report.Unsupported {
		fmt.Printf("%s: %d records left out\n", u.Ecosystem, u.Records)
	}
	// Output:
	// Alpine: 1 records on 1 packages
	// Spaceport: 1 records left out
}

func ExampleUpdate() {
	dir, err := os.MkdirTemp("", "vulndb")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	// A mirror: a folder in the layout of OSV's export. Without WithMirrors it
	// is OSV's own server.
	mirror := filepath.Join(dir, "mirror")
	record, _, _ := strings.Cut(advisories, "\n")
	if err := writeExport(filepath.Join(mirror, "Alpine"), "ALPINE-CVE-2024-0727", record); err != nil {
		log.Fatal(err)
	}
	for range 2 {
		report, err := vulndb.Update(context.Background(), filepath.Join(dir, "db"),
			vulndb.WithMirrors(mirror), vulndb.WithEcosystems("Alpine"))
		if err != nil {
			log.Fatal(err)
		}
		for _, e := range report.Ecosystems {
			fmt.Printf("%s: %s, %d records, compiled: %v\n", e.Ecosystem, e.Status, e.Records, e.Compiled)
		}
		for _, p := range report.Problems {
			fmt.Println(p.Ecosystem, p.Reason)
		}
	}
	// Output:
	// Alpine: full, 1 records, compiled: true
	// Alpine: unchanged, 1 records, compiled: false
}

// writeExport writes all.zip with one record.
func writeExport(dir, id, record string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(dir, "all.zip"))
	if err != nil {
		return err
	}
	defer f.Close()
	z := zip.NewWriter(f)
	w, err := z.Create(id + ".json")
	if err != nil {
		return err
	}
	if _, err := io.WriteString(w, record); err != nil {
		return err
	}
	return z.Close()
}

func ExampleDB_Match() {
	dir, err := os.MkdirTemp("", "vulndb")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	source := filepath.Join(dir, "advisories.jsonl")
	if err := os.WriteFile(source, []byte(advisories), 0o666); err != nil {
		log.Fatal(err)
	}
	if _, err := vulndb.Build(context.Background(), dir, []vulndb.Source{vulndb.FileSource(source)}); err != nil {
		log.Fatal(err)
	}

	db, err := vulndb.Open(dir)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	result, err := db.Match(context.Background(), inventory.OS{ID: "alpine", Version: "3.19.1"}, []inventory.Package{
		{Type: "apk", Name: "libssl3", Version: "3.1.4-r2", Source: inventory.Source{Name: "openssl", Version: "3.1.4-r2"}},
		{Type: "firmware", Name: "modem", Version: "1"},
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, m := range result.Matches {
		fmt.Printf("%s: %s %s is in %s, fixed in %s\n", m.ID, m.Evidence.MatchedName, m.Evidence.MatchedVersion, m.Evidence.Range, m.FixedVersion)
	}
	for _, c := range result.Coverage {
		fmt.Printf("%s: %d %s (%s)\n", c.Ecosystem, c.Packages, c.Status, c.Reason)
	}
	// Output:
	// CVE-2024-0727: openssl 3.1.4-r2 is in >= 0, < 3.1.4-r5, fixed in 3.1.4-r5
	// Alpine:v3.19: 1 matched ()
	// firmware: 1 unsupported (no ecosystem of advisories is known for packages of type "firmware")
}

func ExampleDB_Explain() {
	dir, err := os.MkdirTemp("", "vulndb")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	source := filepath.Join(dir, "advisories.jsonl")
	if err := os.WriteFile(source, []byte(advisories), 0o666); err != nil {
		log.Fatal(err)
	}
	if _, err := vulndb.Build(context.Background(), dir, []vulndb.Source{vulndb.FileSource(source)}); err != nil {
		log.Fatal(err)
	}

	db, err := vulndb.Open(dir)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	pkg := inventory.Package{Type: "apk", Name: "libssl3", Version: "3.1.4-r5", Source: inventory.Source{Name: "openssl", Version: "3.1.4-r5"}}
	e, err := db.Explain(context.Background(), inventory.OS{ID: "alpine", Version: "3.19.1"}, pkg, "CVE-2024-0727", "CVE-2024-0001")
	if err != nil {
		log.Fatal(err)
	}
	for _, j := range e.Advisories {
		fmt.Printf("%s, %s %s: %s\n", j.Advisory, j.Ecosystem, j.Name, j.Text)
	}
	for _, m := range e.Missing {
		fmt.Printf("%s: %s\n", m.ID, m.Text)
	}
	// Output:
	// ALPINE-CVE-2024-0727, Alpine:v3.19 openssl: not affected: 3.1.4-r5 is at or above fixed 3.1.4-r5 (apk)
	// CVE-2024-0001: the database has no such advisory for Alpine; it keeps none that were withdrawn
}

func ExampleDiff() {
	dir, err := os.MkdirTemp("", "vulndb")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	const more = `{"id":"ALPINE-CVE-2024-2511","modified":"2024-05-01T00:00:00Z","affected":[{"package":{"ecosystem":"Alpine:v3.19","name":"openssl"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"3.1.4-r6"}]}]}]}`
	var dbs []*vulndb.DB
	for i, text := range [...]string{advisories, advisories + more} {
		source, folder := filepath.Join(dir, fmt.Sprint(i, ".jsonl")), filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(source, []byte(text), 0o666); err != nil {
			log.Fatal(err)
		}
		if _, err := vulndb.Build(context.Background(), folder, []vulndb.Source{vulndb.FileSource(source)}); err != nil {
			log.Fatal(err)
		}
		db, err := vulndb.Open(folder)
		if err != nil {
			log.Fatal(err)
		}
		defer db.Close()
		dbs = append(dbs, db)
	}

	changes, err := vulndb.Diff(context.Background(), dbs[0], dbs[1])
	if err != nil {
		log.Fatal(err)
	}
	for _, e := range changes.Ecosystems {
		for _, p := range e.Packages {
			fmt.Println(e.Ecosystem, p.Name, p.Change)
		}
	}
	alpine := inventory.OS{ID: "alpine", Version: "3.19.1"}
	for _, name := range []string{"openssl", "musl"} {
		affected := changes.Affects(alpine, []inventory.Package{{Type: "apk", Name: name, Version: "1", Source: inventory.Source{Name: name, Version: "1"}}})
		fmt.Printf("an image with %s is to be matched again: %v\n", name, affected)
	}
	// Output:
	// Alpine:v3.19 openssl changed
	// an image with openssl is to be matched again: true
	// an image with musl is to be matched again: false
}

func ExampleAutoUpdater() {
	dir, err := os.MkdirTemp("", "vulndb")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	mirror := filepath.Join(dir, "mirror") // see the example of Update
	record, _, _ := strings.Cut(advisories, "\n")
	if err := writeExport(filepath.Join(mirror, "Alpine"), "ALPINE-CVE-2024-0727", record); err != nil {
		log.Fatal(err)
	}

	auto, err := vulndb.NewAutoUpdater(filepath.Join(dir, "db"), 24*time.Hour, vulndb.WithMirrors(mirror))
	if err != nil {
		log.Fatal(err)
	}
	defer auto.Close()

	// With scan.WithAutoUpdate(auto) a Scanner does what follows.
	system := inventory.OS{ID: "alpine", Version: "3.19.1"}
	packages := []inventory.Package{{
		Type: "apk", Name: "libcrypto3", Version: "3.1.4-r1", Source: inventory.Source{Name: "openssl", Version: "3.1.4-r1"},
	}}
	lease, err := auto.Acquire(context.Background(), vulndb.Ecosystems(system, packages)...)
	if err != nil {
		log.Fatal(err)
	}
	defer lease.Release()
	result, err := lease.DB.Match(context.Background(), system, packages)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Matches[0].ID)
	// Output: CVE-2024-0727
}

// A fix that only subscribers get is told apart.
func ExampleFixIn() {
	const record = `{"id": "UBUNTU-CVE-2024-0001", "upstream": ["CVE-2024-0001"], "affected": [
		{"package": {"ecosystem": "Ubuntu:22.04:LTS", "name": "jq"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]},
		{"package": {"ecosystem": "Ubuntu:Pro:22.04:LTS", "name": "jq"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.6-2.1ubuntu3+esm1"}]}]}]}`
	db, cleanup, err := exampleDB(record)
	if err != nil {
		log.Fatal(err)
	}
	defer cleanup()
	jq := inventory.Package{Type: "deb", Name: "jq", Version: "1.6-2.1ubuntu3", Source: inventory.Source{Name: "jq", Version: "1.6-2.1ubuntu3"}}
	for _, services := range [][]string{nil, {"esm-apps"}} {
		result, err := db.Match(context.Background(), inventory.OS{ID: "ubuntu", Version: "22.04", ProServices: services}, []inventory.Package{jq})
		if err != nil {
			log.Fatal(err)
		}
		for _, m := range result.Matches {
			fmt.Printf("%s: %s, fixed in %q\n", m.ID, m.Status, m.FixedVersion)
			if m.FixIn != nil {
				fmt.Println("it is", m.FixIn)
			}
		}
	}
	// Output:
	// CVE-2024-0001: affected, fixed in ""
	// it is fixed in 1.6-2.1ubuntu3+esm1 of Ubuntu Pro (ESM)
	// CVE-2024-0001: fixed, fixed in "1.6-2.1ubuntu3+esm1"
}

func ExampleDB_EndOfLife() {
	const products = `{"schema_version": "1.2.0", "generated_at": "2026-01-02T00:00:00Z", "total": 1, "result": [
		{"name": "alpine-linux", "category": "os", "releases": [{"name": "3.19", "eolFrom": "2025-11-01"}]}]}`
	record, _, _ := strings.Cut(advisories, "\n")
	db, cleanup, err := exampleDB(record, products)
	if err != nil {
		log.Fatal(err)
	}
	defer cleanup()
	day, err := db.EndOfLife(inventory.OS{ID: "alpine", Version: "3.19.1"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(day.Format(time.DateOnly))
	// Output: 2025-11-01
}

// exampleDB makes a database of documents.
func exampleDB(documents ...string) (db *vulndb.DB, cleanup func(), err error) {
	dir, err := os.MkdirTemp("", "vulndb")
	if err != nil {
		return nil, nil, err
	}
	for i, text := range documents {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.json", i)), []byte(text), 0o666); err != nil {
			return nil, nil, err
		}
	}
	if _, err := vulndb.Build(context.Background(), filepath.Join(dir, "db"), []vulndb.Source{vulndb.FileSource(dir)}); err != nil {
		return nil, nil, err
	}
	db, err = vulndb.Open(filepath.Join(dir, "db"))
	return db, func() {
		db.Close()
		os.RemoveAll(dir)
	}, err
}
