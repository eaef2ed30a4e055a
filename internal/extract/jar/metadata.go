package jar

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

const (
	manifestName   = "META-INF/MANIFEST.MF"
	mavenFolder    = "META-INF/maven/"
	propertiesName = "pom.properties"
	pomName        = "pom.xml"

	// A field of a manifest or a pom that says who made what is short. Longer
	// ones are not meant for that, or not in good faith.
	maxField = 1024
	// A pom has its coordinates three deep, and other things hardly deeper.
	maxElements = 64
	maxLicences = 32
)

// isPOM reports whether name is META-INF/maven/GROUP/ARTIFACT/pom.properties
// or pom.xml, at the root or in a folder.
func isPOM(name []byte) bool {
	slash := bytes.LastIndexByte(name, '/')
	if slash < 0 || string(name[slash+1:]) != propertiesName && string(name[slash+1:]) != pomName {
		return false
	}
	group, artifact := coordinatesOf(string(name))
	return group != "" && artifact != ""
}

// coordinatesOf returns the group and the artifact that the path of a pom
// names.
func coordinatesOf(name string) (group, artifact string) {
	elements := strings.Split(name, "/")
	n := len(elements)
	if n < 5 || elements[n-4] != "maven" || elements[n-5] != "META-INF" {
		return "", ""
	}
	return elements[n-3], elements[n-2]
}

// A pom is what pom.properties or pom.xml say.
type pom struct {
	group, artifact, version string
	licences                 []string // of a pom.xml
}

// parseProperties reads the lines of a pom.properties. They are those of
// java.util.Properties, of which Maven writes "key=value" without escapes.
func parseProperties(text []byte) pom {
	var p pom
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' || line[0] == '!' {
			continue
		}
		i := bytes.IndexAny(line, "=:")
		if i < 0 {
			continue
		}
		key, value := string(bytes.TrimSpace(line[:i])), line[i+1:]
		switch key {
		case "groupId":
			p.group = field(value)
		case "artifactId":
			p.artifact = field(value)
		case "version":
			p.version = field(value)
		}
	}
	return p
}

// field returns a field's value, or nothing if it cannot be one: a variable that
// nobody replaced, control characters, or far too many bytes.
func field[T string | []byte](value T) string {
	s := strings.TrimSpace(string(value))
	if len(s) > maxField || strings.Contains(s, "${") || strings.HasPrefix(s, "@") {
		return ""
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			return ""
		}
	}
	return s
}

// parsePOM reads a pom.xml. What it leaves to its parent is taken from its
// element "parent", and variables are replaced by its own properties, one step
// far: what is not found then stays empty.
func parsePOM(text []byte) (pom, error) {
	d := xml.NewDecoder(bytes.NewReader(text))
	d.Strict = false
	// The fields of interest are ASCII nearly always, and all encodings that
	// poms are written in agree there.
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	values := make(map[string]string)
	var p pom
	var stack []string
	var value strings.Builder
	for {
		token, err := d.Token()
		if err != nil {
			// Whatever ends the file, what came before counts.
			resolve(&p, values)
			if err == io.EOF && len(stack) == 0 && len(values) > 0 {
				return p, nil
			}
			if err == io.EOF {
				err = errors.New("it is no complete pom")
			}
			return p, err
		}
		switch token := token.(type) {
		case xml.StartElement:
			if len(stack) == maxElements {
				return p, errors.New("its elements are nested too deep")
			}
			stack = append(stack, token.Name.Local)
			value.Reset()
		case xml.CharData:
			if value.Len() <= maxField {
				value.Write(token)
			}
		case xml.EndElement:
			if len(stack) == 0 {
				return p, errors.New("it is no complete pom")
			}
			take(&p, values, stack, value.String())
			stack = stack[:len(stack)-1]
			value.Reset()
		}
	}
}

// take takes the value of an element.
func take(p *pom, values map[string]string, stack []string, value string) {
	value = strings.TrimSpace(value)
	if value == "" || len(value) > maxField || stack[0] != "project" {
		return
	}
	last := stack[len(stack)-1]
	switch {
	case len(stack) == 2,
		len(stack) == 3 && stack[1] == "parent":
		switch last {
		case "groupId", "artifactId", "version":
			values["project."+strings.Join(stack[1:], ".")] = value
		}
	case len(stack) == 3 && stack[1] == "properties":
		values[last] = value
	case len(stack) == 4 && stack[1] == "licenses" && last == "name":
		if len(p.licences) < maxLicences {
			p.licences = append(p.licences, value)
		}
	}
}

// resolve fills in the coordinates of a pom.
func resolve(p *pom, values map[string]string) {
	first := func(keys ...string) string {
		for _, key := range keys {
			value := values[key]
			for range 4 { // a property may stand for another
				from := strings.Index(value, "${")
				to := strings.Index(value[max(from, 0):], "}") + max(from, 0)
				if from < 0 || to < from || len(value) > maxField {
					break
				}
				name := value[from+2 : to]
				if rest, ok := strings.CutPrefix(name, "pom."); ok {
					name = "project." + rest
				} else if name == "version" || name == "groupId" || strings.HasPrefix(name, "parent.") {
					name = "project." + name
				}
				value = value[:from] + values[name] + value[to+1:]
				if values[name] == "" {
					value = ""
				}
			}
			if value = field(value); value != "" {
				return value
			}
		}
		return ""
	}
	p.group = first("project.groupId", "project.parent.groupId")
	p.artifact = first("project.artifactId")
	p.version = first("project.version", "project.parent.version")
}

// A manifest is the main section of an archive's manifest, with names in lower
// case.
type manifest map[string]string

// wanted are the fields of a manifest that are of interest.
var wanted = [...]string{
	"implementation-title", "implementation-version", "implementation-vendor", "implementation-vendor-id",
	"bundle-name", "bundle-symbolicname", "bundle-version", "bundle-vendor", "bundle-license",
}

// parseManifest reads the main section: lines "Name: value" up to an empty one,
// each of which may go on in lines that begin with a space.
func parseManifest(text []byte) manifest {
	m := make(manifest)
	var name string
	var value []byte
	flush := func() {
		if name != "" {
			if _, ok := m[name]; !ok {
				m[name] = field(value)
			}
		}
		name, value = "", value[:0]
	}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	for len(text) > 0 {
		var line []byte
		i := bytes.IndexAny(text, "\r\n")
		if i < 0 {
			line, text = text, nil
		} else {
			next := i + 1
			if text[i] == '\r' && next < len(text) && text[next] == '\n' {
				next++
			}
			line, text = text[:i], text[next:]
		}
		if len(line) == 0 {
			break
		}
		if line[0] == ' ' {
			if name != "" && len(value) <= 2*maxField {
				value = append(value, line[1:]...)
			}
			continue
		}
		flush()
		colon := bytes.IndexByte(line, ':')
		if colon < 0 {
			continue
		}
		for _, w := range wanted {
			if len(w) == colon && strings.EqualFold(w, string(line[:colon])) {
				name, value = w, append(value, line[colon+1:]...)
			}
		}
	}
	flush()
	return m
}
