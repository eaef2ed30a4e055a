package fetch

import (
	"crypto/md5" // as servers send it: against accidents
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// validatorOf returns what If-Range can name the file by: a strong ETag, or a
// date that is old enough to be strong (RFC 9110, 8.8.2.2 and 13.1.5). It is
// empty if there is none.
func validatorOf(resp *http.Response) string {
	if etag := header(resp, "ETag"); strings.HasPrefix(etag, `"`) {
		return etag
	}
	modified := header(resp, "Last-Modified")
	m, err := http.ParseTime(modified)
	if err != nil {
		return ""
	}
	if date, err := http.ParseTime(resp.Header.Get("Date")); err != nil || date.Sub(m) < time.Second {
		return ""
	}
	return modified
}

// checkPart checks that an answer with status 206 goes on at the offset, with
// the same file, and to its end.
func checkPart(resp *http.Response, offset int64, validator string) error {
	value := resp.Header.Get("Content-Range")
	bad := fmt.Errorf("%w: Content-Range %q after %d bytes", ErrProtocol, value, offset)
	rest, ok := strings.CutPrefix(value, "bytes ")
	span, size, ok2 := strings.Cut(rest, "/")
	first, last, ok3 := strings.Cut(span, "-")
	if !ok || !ok2 || !ok3 {
		return bad
	}
	from, err := strconv.ParseInt(first, 10, 64)
	to, err2 := strconv.ParseInt(last, 10, 64)
	if err != nil || err2 != nil || from != offset || to < from {
		return bad
	}
	if all, err := strconv.ParseInt(size, 10, 64); err != nil || all-1 != to || resp.ContentLength >= 0 && resp.ContentLength != to-from+1 {
		return bad
	}
	if now := validatorOf(resp); strings.HasPrefix(validator, `"`) && now != "" && now != validator {
		return fmt.Errorf("%w: a part of %s instead of %s", ErrProtocol, now, validator)
	}
	return nil
}

// RetryAfter returns how long a server asks to wait, 0 if it does not:
// https://www.rfc-editor.org/rfc/rfc9110#field.retry-after.
func RetryAfter(resp *http.Response, now time.Time) time.Duration {
	value := strings.TrimSpace(resp.Header.Get("Retry-After"))
	if n, err := strconv.ParseInt(value, 10, 32); err == nil {
		return max(time.Duration(n)*time.Second, 0)
	}
	if t, err := http.ParseTime(value); err == nil {
		return max(t.Sub(now), 0)
	}
	return 0
}

// verify holds the file against the checksums of the answer. They are those of
// the stored form, so they say nothing if the server unpacks it for us.
func (s *session) verify(resp *http.Response) error {
	if stored := resp.Header.Get("X-Goog-Stored-Content-Encoding"); stored != "" && stored != "identity" {
		return nil
	}
	var wantCRC, wantMD5 string
	for _, value := range resp.Header.Values("X-Goog-Hash") {
		for item := range strings.SplitSeq(value, ",") {
			switch name, sum, _ := strings.Cut(strings.TrimSpace(item), "="); name {
			case "crc32c":
				wantCRC = sum
			case "md5":
				wantMD5 = sum
			}
		}
	}
	if wantCRC == "" && wantMD5 == "" {
		return nil
	}
	in, err := s.sink.content()
	if err != nil {
		return err
	}
	crc, sum := crc32.New(crc32.MakeTable(crc32.Castagnoli)), md5.New()
	if _, err := io.Copy(io.MultiWriter(crc, sum), in); err != nil {
		return err
	}
	if got := base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc.Sum32())); wantCRC != "" && got != wantCRC {
		return fmt.Errorf("%w: CRC-32C %s instead of %q", ErrChecksum, got, wantCRC)
	}
	if got := base64.StdEncoding.EncodeToString(sum.Sum(nil)); wantMD5 != "" && got != wantMD5 {
		return fmt.Errorf("%w: MD5 %s instead of %q", ErrChecksum, got, wantMD5)
	}
	return nil
}
