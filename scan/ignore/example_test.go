package ignore_test

import (
	"fmt"
	"log"
	"time"

	"github.com/imagevet/imagevet/scan/ignore"
)

func ExampleParse() {
	rules, err := ignore.Parse(".imagevetignore", []byte(`ignore:
  - id: CVE-2026-0001
    package: openssl
    until: 2026-12-31
    reason: not reachable
`))
	if err != nil {
		log.Fatal(err)
	}
	r := &rules[0]
	fmt.Printf("%s:%d: %s (%s)\n", r.Source, r.Line, r, r.Reason)
	fmt.Println("expired:", r.Expired(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)))
	// Output:
	// .imagevetignore:2: CVE-2026-0001 of openssl (not reachable)
	// expired: true
}
