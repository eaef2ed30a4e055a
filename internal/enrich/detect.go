package enrich

import "bytes"

// A Kind is a format of documents.
type Kind int

// The kinds of documents.
const (
	Unknown       Kind = iota // none of those below: an OSV record, or something else
	KindKEV                   // catalogue of known exploited vulnerabilities
	KindEPSS                  // scores in CSV
	KindCVE                   // a record of the CVE list
	KindNVD                   // a page or feed of the NVD
	KindNVDOne                // one element of such a page
	KindSecDB                 // a security database as Alpine Linux publishes them
	KindEndOfLife             // all products of endoflife.date
	KindDelta                 // the CVE list's own list of what has changed, without content
)

// HeadSize is how many bytes of a document [Detect] looks at.
const HeadSize = 4 << 10

// Detect tells what a document is that begins with head. All kinds but
// [KindEPSS] are JSON, and told by the first of their keys that no other kind
// has.
func Detect(head []byte) Kind {
	head = head[:min(len(head), HeadSize)]
	if IsEPSS(head) {
		return KindEPSS
	}
	s := scanner{b: bytes.TrimPrefix(head, []byte("\xEF\xBB\xBF"))}
	s.space()
	if s.next('[') {
		s.space()
		if s.next('{') && string(s.key()) == "fetchTime" {
			return KindDelta
		}
		return Unknown
	}
	if !s.next('{') {
		return Unknown
	}
	versioned := false
	for {
		switch string(s.key()) {
		case "schema_version": // of OSV's records too
			versioned = true
		case "generated_at":
			if versioned {
				return KindEndOfLife
			}
			return Unknown
		case "catalogVersion", "dateReleased":
			return KindKEV
		case "dataType", "cveMetadata", "containers":
			return KindCVE
		case "resultsPerPage", "startIndex", "totalResults":
			return KindNVD
		case "cve":
			return KindNVDOne
		case "vulnerabilities":
			return s.element()
		case "apkurl", "distroversion", "reponame", "urlprefix", "packages", "archs":
			return KindSecDB
		case "fetchTime":
			return KindDelta
		case "", "id", "affected", "modified", "published", "aliases", "summary", "details":
			return Unknown
		}
		if !s.skip() {
			return Unknown
		}
	}
}

// IsEPSS reports whether a document begins like the scores of FIRST.
func IsEPSS(head []byte) bool {
	return bytes.HasPrefix(head, []byte("#model_version:")) || bytes.HasPrefix(head, []byte("cve,epss"))
}

// A scanner steps over JSON as far as needed to find keys. It need not be
// right about text that is no JSON: whoever reads the document will be.
type scanner struct {
	b []byte
}

func (s *scanner) space() { s.b = bytes.TrimLeft(s.b, " \t\r\n") }

func (s *scanner) next(c byte) bool {
	if len(s.b) == 0 || s.b[0] != c {
		return false
	}
	s.b = s.b[1:]
	return true
}

// text reads a string and returns what is between the quotes, as it is.
func (s *scanner) text() []byte {
	if !s.next('"') {
		return nil
	}
	for i := 0; i < len(s.b); i++ {
		switch s.b[i] {
		case '\\':
			i++
		case '"':
			text := s.b[:i]
			s.b = s.b[i+1:]
			return text
		}
	}
	s.b = nil
	return nil
}

// key reads the next key of an object, and the colon after it. It is empty at
// the end.
func (s *scanner) key() []byte {
	s.space()
	if s.next(',') {
		s.space()
	}
	key := s.text()
	s.space()
	if !s.next(':') {
		return nil
	}
	s.space()
	return key
}

// skip steps over a value, and reports whether its end is there.
func (s *scanner) skip() bool {
	depth := 0
	for len(s.b) > 0 {
		switch s.b[0] {
		case '"':
			s.text()
			if depth == 0 {
				return len(s.b) > 0
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth <= 0 {
				s.b = s.b[1:]
				return len(s.b) > 0
			}
		case ',':
			if depth == 0 {
				return true
			}
		}
		s.b = s.b[1:]
	}
	return false
}

// element tells from the first element whose list of vulnerabilities it is.
func (s *scanner) element() Kind {
	if !s.next('[') {
		return Unknown
	}
	s.space()
	if !s.next('{') {
		return Unknown
	}
	for {
		switch string(s.key()) {
		case "cve":
			return KindNVD
		case "cveID":
			return KindKEV
		case "":
			return Unknown
		}
		if !s.skip() {
			return Unknown
		}
	}
}
