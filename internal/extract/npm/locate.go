package npm

import "strings"

// A place is what the path of a package.json makes of it.
type place int

const (
	application place = iota // outside of any node_modules
	installed                // in the folder of an installed package
	inside                   // somewhere else in a package
)

// locate tells the place of a package.json, the folder's name as a package
// name, such as "@babel/core", and whether another package brought it along.
//
// A package is where node looks for it, in node_modules/NAME or
// node_modules/@SCOPE/NAME, or where a package manager keeps what it links
// from there: node_modules/.pnpm/ID/node_modules/NAME (also .bun, .deno, and
// .store of npm), node_modules/.store/ID/package of yarn. A package has a
// node_modules of its own for dependencies that differ. One in a deeper
// folder counts too, since a few packages carry or install dependencies there
// (pnpm/dist/node_modules, protobufjs/cli/node_modules), unless that folder
// is for tests or examples, whose node_modules are made up for the purpose.
func locate(file string) (where place, folder string, bundled bool) {
	elements := strings.Split(file, "/")
	elements = elements[:len(elements)-1]
	start := debianRoot(elements)
	for i, e := range elements {
		if e == "node_modules" {
			if start > 0 {
				deeper := withinPackage(elements[start:i])
				if anyForTests(deeper) {
					return inside, "", false
				}
				bundled = bundled || len(deeper) > 0 && !strings.HasPrefix(elements[start], ".")
			}
			start = i + 1
		}
	}
	if start == 0 {
		if anyForTests(elements) {
			return inside, "", false
		}
		return application, "", false
	}
	rest := elements[start:]
	switch {
	case len(rest) == 3 && rest[0] == ".store" && rest[2] == "package":
		return installed, "", bundled
	case len(rest) == 0 || strings.HasPrefix(rest[0], ".") || len(withinPackage(rest)) > 0:
		return inside, "", false
	case len(rest) == 1 && rest[0][0] == '@':
		return inside, "", false
	}
	return installed, strings.Join(rest, "/"), bundled
}

// withinPackage cuts the folder of the package, or of a package manager's
// store, from the path elements that follow after node_modules.
func withinPackage(elements []string) []string {
	n := 1
	if len(elements) > 0 && (strings.HasPrefix(elements[0], "@") || strings.HasPrefix(elements[0], ".")) {
		n = 2
	}
	return elements[min(n, len(elements)):]
}

// debianRoot returns how many elements lead to the packages in one of the
// folders that Debian's node looks into, or 0.
func debianRoot(elements []string) int {
	switch {
	case len(elements) < 4 || elements[0] != "usr":
	case elements[1] == "share" && elements[2] == "nodejs":
		return 3
	case elements[1] == "lib" && elements[2] == "nodejs":
		return 3
	case elements[1] == "lib" && elements[3] == "nodejs": // usr/lib/x86_64-linux-gnu
		return 4
	}
	return 0
}

// anyForTests reports whether one of the folders is for tests or examples by
// its name.
func anyForTests(elements []string) bool {
	for _, e := range elements {
		switch e {
		case "test", "tests", "__tests__", "testdata", "spec", "specs",
			"fixture", "fixtures", "__fixtures__", "test-fixtures",
			"mock", "mocks", "__mocks__",
			"example", "examples", "sample", "samples", "demo", "demos":
			return true
		}
	}
	return false
}
