package osrelease

import (
	"fmt"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// parseOSRelease reads os-release.
func parseOSRelease(text string) (inventory.OS, []string) {
	var os inventory.OS
	problems := assignments(text, func(key, value string) {
		switch key {
		case "ID":
			// The ID is lower-case by definition; openEuler's is not.
			os.ID = strings.ToLower(value)
		case "VERSION_ID":
			os.Version = value
		case "PRETTY_NAME":
			os.Name = value
		case "VERSION_CODENAME":
			os.Codename = value
		case "ID_LIKE":
			os.IDLike = strings.Fields(strings.ToLower(value))
		case "VARIANT_ID":
			os.Variant = value
		case "CPE_NAME":
			os.CPE = value
		}
	})
	return os, problems
}

// parseLSB reads lsb-release, the same in other words: the file of
// https://refspecs.linuxfoundation.org/LSB_3.0.0/LSB-Core-generic/LSB-Core-generic/lsbrelease.html
func parseLSB(text string) (inventory.OS, []string) {
	var os inventory.OS
	problems := assignments(text, func(key, value string) {
		switch key {
		case "DISTRIB_ID":
			os.ID = strings.ToLower(value)
		case "DISTRIB_RELEASE":
			// Arch Linux writes "rolling", which is no version.
			if os.Version = value; value == "rolling" {
				os.Version = ""
			}
		case "DISTRIB_CODENAME":
			os.Codename = value
		case "DISTRIB_DESCRIPTION":
			os.Name = value
		}
	})
	return os, problems
}

// assignments calls set for every line KEY=VALUE of text in their order, so
// that of two with the same key the last one counts, as in a shell. Empty
// lines and those that begin with "#" are comments. Other lines are skipped
// and told of.
func assignments(text string, set func(key, value string)) (problems []string) {
	bad, first := 0, ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if ok = ok && isKey(key); ok {
			value, ok = unquote(value)
			set(key, value)
		}
		if !ok {
			if bad++; bad == 1 {
				first = line
			}
		}
	}
	if bad > 0 {
		problems = append(problems, fmt.Sprintf("%d lines are not KEY=VALUE with matching quotes; the first is %q", bad, lines.Clip(first)))
	}
	return problems
}

// isKey reports whether s is the name of a shell variable.
func isKey(s string) bool {
	for i, c := range []byte(s) {
		letter := 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || c == '_'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// unquote returns the value of a shell assignment without its quotes, and
// whether they match; what an unmatched one holds reaches to the end.
//
// As in a shell, nothing is special between single quotes, between double
// quotes a backslash takes the meaning from `"`, `$`, "`" and itself, and
// outside of quotes from anything. Nothing is ever expanded. A blank outside
// of quotes is part of the value, as systemd reads it.
func unquote(s string) (value string, ok bool) {
	if !strings.ContainsAny(s, `'"\`) {
		return s, true
	}
	var b strings.Builder
	quote := byte(0)
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case quote == '\'':
			if c == '\'' {
				quote = 0
			} else {
				b.WriteByte(c)
			}
		case c == '\\' && i+1 < len(s) && (quote == 0 || strings.IndexByte("\"$`\\", s[i+1]) >= 0):
			i++
			b.WriteByte(s[i])
		case c == '"' && quote == '"':
			quote = 0
		case (c == '"' || c == '\'') && quote == 0:
			quote = c
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), quote == 0
}

// parseLegacy reads a file that only names the distribution and its release.
// The result has no ID if the text is not one that is known.
func parseLegacy(path, text string) inventory.OS {
	first, rest, _ := strings.Cut(text, "\n")
	first = strings.TrimSpace(first)
	switch path {
	case "etc/arch-release":
		// The file is empty; that it is there says all.
		return inventory.OS{ID: "arch", Name: "Arch Linux"}
	case "etc/alpine-release":
		if !startsWithDigit(first) {
			return inventory.OS{}
		}
		return inventory.OS{ID: "alpine", Version: first, Name: "Alpine Linux " + first}
	case "etc/debian_version":
		return parseDebianVersion(first)
	case "etc/mariner-release":
		return parseWords(first, "CBL-Mariner ", "mariner")
	case "etc/SuSE-release":
		return parseSuSE(first, rest)
	}
	return parseRelease(first)
}

// parseDebianVersion reads "12.5", or for what is not released yet a code
// name and "/sid": testing and unstable have the same text.
func parseDebianVersion(line string) inventory.OS {
	if startsWithDigit(line) {
		return inventory.OS{ID: "debian", Version: line, Name: "Debian GNU/Linux " + line}
	}
	if codename, ok := strings.CutSuffix(line, "/sid"); ok && codename != "" {
		return inventory.OS{ID: "debian", Codename: codename, Name: "Debian GNU/Linux " + line}
	}
	return inventory.OS{}
}

// parseRelease reads the line of Red Hat and its relatives,
// "NAME release VERSION (CODENAME)".
func parseRelease(line string) inventory.OS {
	name, rest, ok := strings.Cut(line, " release ")
	if !ok {
		return inventory.OS{}
	}
	id := ""
	switch {
	case strings.HasPrefix(name, "Red Hat Enterprise Linux"):
		id = "rhel"
	case strings.HasPrefix(name, "CentOS"):
		id = "centos"
	case strings.HasPrefix(name, "Oracle Linux"):
		id = "ol"
	case strings.HasPrefix(name, "Rocky Linux"):
		id = "rocky"
	case strings.HasPrefix(name, "AlmaLinux"):
		id = "almalinux"
	case strings.HasPrefix(name, "Fedora"):
		id = "fedora"
	case strings.HasPrefix(name, "Amazon Linux"):
		id = "amzn"
	case strings.HasPrefix(name, "CBL-Mariner"):
		id = "mariner"
	default:
		return inventory.OS{}
	}
	version, _, _ := strings.Cut(rest, " ")
	return inventory.OS{ID: id, Version: version, Name: line}
}

// parseWords reads "NAME VERSION".
func parseWords(line, prefix, id string) inventory.OS {
	version, ok := strings.CutPrefix(line, prefix)
	if !ok || !startsWithDigit(version) {
		return inventory.OS{}
	}
	version, _, _ = strings.Cut(version, " ")
	return inventory.OS{ID: id, Version: version, Name: line}
}

// parseSuSE reads the file that SUSE had until 2014: the name, then lines
// "VERSION = 11" and "PATCHLEVEL = 4".
func parseSuSE(first, rest string) inventory.OS {
	os := inventory.OS{Name: first}
	switch {
	case strings.HasPrefix(first, "SUSE Linux Enterprise Server"):
		os.ID = "sles"
	case strings.HasPrefix(first, "SUSE Linux Enterprise Desktop"):
		os.ID = "sled"
	case strings.HasPrefix(first, "openSUSE"):
		os.ID = "opensuse"
	default:
		return inventory.OS{}
	}
	patch := ""
	for line := range strings.Lines(rest) {
		key, value, _ := strings.Cut(line, "=")
		switch value = strings.TrimSpace(value); strings.TrimSpace(key) {
		case "VERSION":
			os.Version = value
		case "PATCHLEVEL":
			patch = value
		}
	}
	if patch != "" && patch != "0" {
		os.Version += "." + patch
	}
	return os
}

func startsWithDigit(s string) bool { return s != "" && '0' <= s[0] && s[0] <= '9' }
