package layer

import "bytes"

// cleaner turns the names of an archive into paths relative to the root:
// "./a//b/" and "/a/b" into "a/b". ".." does not lead out of the root. It uses
// one buffer again and again.
type cleaner struct{ buf []byte }

// clean returns the path, empty for the root itself. The result is valid until
// the next call or until name changes.
func (c *cleaner) clean(name []byte) []byte {
	for len(name) > 0 && name[0] == '/' {
		name = name[1:]
	}
	for len(name) > 1 && name[0] == '.' && name[1] == '/' {
		name = name[2:]
		for len(name) > 0 && name[0] == '/' {
			name = name[1:]
		}
	}
	for len(name) > 0 && name[len(name)-1] == '/' {
		name = name[:len(name)-1]
	}
	if isClean(name) {
		return name
	}
	c.buf = c.buf[:0]
	for rest := name; len(rest) > 0; {
		var element []byte
		element, rest, _ = bytes.Cut(rest, []byte{'/'})
		c.buf = appendElement(c.buf, element)
	}
	return c.buf
}

// isClean reports whether a path without slashes at its ends has no empty, "."
// or ".." element.
func isClean(p []byte) bool {
	start := true // of an element
	for i, b := range p {
		if start && (b == '/' || b == '.' && isDots(p[i:])) {
			return false
		}
		start = b == '/'
	}
	return true
}

// isDots reports whether p begins with an element "." or "..".
func isDots(p []byte) bool {
	n := 1
	if len(p) > 1 && p[1] == '.' {
		n = 2
	}
	return len(p) == n || p[n] == '/'
}

// appendElement goes from the folder in path to element, in the way a path is
// cleaned lexically.
func appendElement(path, element []byte) []byte {
	switch string(element) {
	case "", ".":
		return path
	case "..":
		return path[:max(0, bytes.LastIndexByte(path, '/'))]
	}
	if len(path) > 0 {
		path = append(path, '/')
	}
	return append(path, element...)
}

// split splits a path into its folder, empty for the root, and last element.
func split(p []byte) (dir, base []byte) {
	i := bytes.LastIndexByte(p, '/')
	if i < 0 {
		return nil, p
	}
	return p[:i], p[i+1:]
}
