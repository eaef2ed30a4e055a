package codec

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// clip shortens text from a document for a message.
func clip(text string) string {
	const most = 80
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// FormatTime writes a time as all formats want it: in UTC and whole seconds.
func FormatTime(t time.Time) string { return t.UTC().Truncate(time.Second).Format(time.RFC3339) }

// ParseTime reads a time of RFC 3339, and dates alone, as some tools write.
// The result is in UTC.
func ParseTime(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("no time: %q", clip(s))
}

// The forms that the schema of CycloneDX allows:
// https://cyclonedx.org/docs/1.6/json/#components_items_cpe
var (
	cpe23 = regexp.MustCompile(`^cpe:2\.3:[aho*\-](:(((\?*|\*?)([a-zA-Z0-9\-._]|(\\[\\*?!"#$%&'()+,/:;<=>@\[\]^` + "`" + `{|}~]))+(\?*|\*?))|[*\-])){5}(:(([a-zA-Z]{2,3}(-([a-zA-Z]{2}|[0-9]{3}))?)|[*\-]))(:(((\?*|\*?)([a-zA-Z0-9\-._]|(\\[\\*?!"#$%&'()+,/:;<=>@\[\]^` + "`" + `{|}~]))+(\?*|\*?))|[*\-])){4}$`)
	cpe22 = regexp.MustCompile(`^[c][pP][eE]:/[AHOaho]?(:[A-Za-z0-9._\-~%]*){0,6}$`)
)

// ValidCPE returns a name of the Common Platform Enumeration that formats
// accept, in version 2.3 or 2.2, or "".
func ValidCPE(name string) string {
	if cpe23.MatchString(name) || cpe22.MatchString(name) {
		return name
	}
	return ""
}

// EscapeInvisible writes what encoding/json leaves as it is and a terminal may
// obey as \u escapes: the control characters above ASCII, and the format
// characters that hide text or change its direction. They occur in strings
// only, where the escape means the same (RFC 8259, section 7,
// https://www.rfc-editor.org/rfc/rfc8259#section-7).
func EscapeInvisible(b []byte) []byte {
	if slices.IndexFunc(b, func(c byte) bool { return c >= 0x7f }) < 0 || bytes.IndexFunc(b, invisible) < 0 {
		return b
	}
	out := make([]byte, 0, len(b)+64)
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		switch {
		case !invisible(r):
			out = append(out, b[:n]...)
		case r > 0xffff:
			r -= 0x10000
			out = fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+(r>>10), 0xdc00+(r&0x3ff))
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		b = b[n:]
	}
	return out
}

// invisible reports whether r is a control or format character. Line feeds are
// none here: they separate the lines of the output.
func invisible(r rune) bool {
	return r != '\n' && r >= 0x7f && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}
