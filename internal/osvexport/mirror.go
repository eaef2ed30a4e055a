package osvexport

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/imagevet/imagevet/internal/fetch"
)

// A Mirror is a place with an export in the layout of OSV's: a server or a
// folder.
type Mirror struct {
	name   string // for messages
	base   string // URL without a final slash
	folder string // instead of a server
}

// ParseMirror reads a URL of http or https, or the path of a folder.
func ParseMirror(text string) (Mirror, error) {
	scheme, _, ok := strings.Cut(text, "://")
	if !ok {
		if text == "" {
			return Mirror{}, errors.New("the mirror is empty")
		}
		return Mirror{name: text, base: fetch.FolderURL, folder: text}, nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return Mirror{}, fmt.Errorf("%q is no URL of a folder", redact(text))
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return Mirror{}, fmt.Errorf("mirror %q: %s is neither http nor https", u.Redacted(), scheme)
	}
	return Mirror{name: u.Redacted(), base: strings.TrimRight(text, "/")}, nil
}

// redact removes what may be a password from something that is no URL.
func redact(text string) string {
	if i := strings.LastIndex(text, "@"); i >= 0 {
		return "…" + text[i:]
	}
	return text
}

// String returns the place, without a password.
func (m *Mirror) String() string { return m.name }

// url returns the URL of a file.
func (m *Mirror) url(elem ...string) string {
	var b strings.Builder
	b.WriteString(m.base)
	for _, e := range elem {
		b.WriteString("/" + url.PathEscape(e))
	}
	return b.String()
}
