package version_test

import (
	"bytes"
	"errors"
	"fmt"
	"log"

	"github.com/imagevet/imagevet/version"
)

func ExampleParseScheme() {
	for _, name := range []string{"deb", "Debian:12", "Alpine:v3.19", "Wolfi", "Plan 9"} {
		s, err := version.ParseScheme(name)
		if errors.Is(err, version.ErrUnknownScheme) {
			fmt.Println(name, "cannot be compared")
			continue
		}
		fmt.Println(name, "is compared as", s)
	}
	// Output:
	// deb is compared as deb
	// Debian:12 is compared as deb
	// Alpine:v3.19 is compared as apk
	// Wolfi is compared as apk
	// Plan 9 cannot be compared
}

func ExampleCompare() {
	installed, fixed := "1.1.1n-0+deb11u3", "1.1.1n-0+deb11u10"
	cmp, err := version.Compare(version.Deb, installed, fixed)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("still vulnerable:", cmp < 0)
	// Output: still vulnerable: true
}

func ExampleSatisfies() {
	for _, v := range []string{"3.1.2-r0", "3.1.4-r5", "3.2.0-r0"} {
		ok, err := version.Satisfies(version.APK, v, "~3.1 <3.1.4-r1")
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(v, ok)
	}
	// Output:
	// 3.1.2-r0 true
	// 3.1.4-r5 false
	// 3.2.0-r0 false
}

func ExampleKey() {
	// A database keeps the key of the fixed version and compares bytes.
	fixed, err := version.Key(version.APK, "1.2.10-r0")
	if err != nil {
		log.Fatal(err)
	}
	installed, err := version.Key(version.APK, "1.2.9-r3")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("still vulnerable:", bytes.Compare(installed, fixed) < 0)
	// Output: still vulnerable: true
}

func ExampleParseError() {
	_, err := version.Compare(version.APK, "1.2.3-r1", "1.2.4-beta")
	var perr *version.ParseError
	if errors.As(err, &perr) {
		fmt.Printf("%v version %q is %s from byte %d on\n", perr.Scheme, perr.Text, perr.Reason, perr.Pos)
	}
	// Output: apk version "1.2.4-beta" is not allowed here from byte 5 on
}
