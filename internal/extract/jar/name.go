package jar

import (
	"strings"
)

// classifiers follow the version in the names of files that hold something else
// than the usual archive of an artifact, or more.
var classifiers = [...]string{
	"-jar-with-dependencies", "-with-dependencies", "-shaded", "-uber", "-fat", "-all", "-exec", "-standalone", "-bundle", "-nodeps", "-no_aop",
	"-sources", "-source", "-javadoc", "-tests", "-test", "-test-sources", "-client", "-native",
}

// splitName splits the name of a file without extension into artifact and
// version. Maven writes "ARTIFACT-VERSION" or "ARTIFACT-VERSION-CLASSIFIER".
// Both parts may hold hyphens: the version begins at the last one before a
// digit, unless the number behind it only counts builds of a version before it.
func splitName(stem string) (artifact, version string) {
	whole := stem
	for _, classifier := range classifiers {
		if rest, ok := strings.CutSuffix(stem, classifier); ok && rest != "" {
			stem = rest
			break
		}
	}
	// Classifiers of operating systems: "-linux-x86_64", "-osx-aarch_64".
	for _, system := range []string{"-linux-", "-osx-", "-windows-", "-win-", "-mac-"} {
		if i := strings.LastIndex(stem, system); i > 0 {
			stem = stem[:i]
		}
	}
	parts := strings.Split(stem, "-")
	begin := 0
	for i := len(parts) - 1; i > 0; i-- {
		if startsWithDigit(parts[i]) {
			begin = i
			break
		}
	}
	if begin == 0 {
		// Without a version, nothing is a classifier: "netty-all".
		return whole, ""
	}
	for begin > 1 && isBuild(parts[begin]) {
		switch {
		case startsWithDigit(parts[begin-1]):
			begin--
		case begin > 2 && isQualifier(parts[begin-1]) && startsWithDigit(parts[begin-2]):
			begin -= 2
		default:
			return join(parts, begin)
		}
	}
	return join(parts, begin)
}

func join(parts []string, begin int) (artifact, version string) {
	return strings.Join(parts[:begin], "-"), strings.Join(parts[begin:], "-")
}

func startsWithDigit(s string) bool { return s != "" && '0' <= s[0] && s[0] <= '9' }

// isBuild reports whether a part of a name counts something instead of being a
// version: a number without a dot, or the time of a snapshot,
// "20240131.235959".
func isBuild(s string) bool {
	digits, time, found := strings.Cut(s, ".")
	if found && (len(digits) != 8 || len(time) != 6) {
		return false
	}
	return strings.Trim(digits+time, "0123456789") == ""
}

// isQualifier reports whether a part of a name is one of the words that stand
// within versions.
func isQualifier(s string) bool {
	switch strings.ToLower(s[strings.LastIndexByte(s, '.')+1:]) {
	case "alpha", "beta", "a", "b", "m", "milestone", "rc", "cr", "build", "rev", "r", "p", "patch", "sp", "redhat", "snapshot", "final", "ga", "hotfix", "jbossorg", "temp", "cp":
		return true
	}
	return false
}

// isID reports whether a title is meant as the name of an artifact instead of
// for people: only lower-case letters, digits, dots and underscores, and at
// least one hyphen, which names of packages cannot hold.
func isID(title string) bool {
	if !strings.Contains(title, "-") || strings.HasPrefix(title, "-") || strings.HasSuffix(title, "-") {
		return false
	}
	for i := range len(title) {
		switch c := title[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '.', c == '_':
		default:
			return false
		}
	}
	return true
}

// isSourceName reports whether the name of a file says that it holds source
// code or documentation.
func isSourceName(stem string) bool {
	for _, suffix := range []string{"-sources", "-source", "-src", "-javadoc", "-test-sources", "-groovydoc", "-dokka"} {
		if strings.HasSuffix(stem, suffix) {
			return true
		}
	}
	return false
}
