package distro

// PackageScheme reports whether packages of a type of package URL belong to a
// distribution, and which version scheme they follow if that is the same in
// every distribution that has them.
func PackageScheme(typ string) (scheme string, ok bool) {
	switch typ {
	case "deb", "apk", "rpm":
		return typ, true
	case "alpm", "ebuild", "opkg", "qpkg":
		return "", true
	}
	return "", false
}
