package fetch

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strings"
)

// folderScheme is that of the URLs that a [Folder] serves.
const folderScheme = "file"

// A Folder is a transport that answers requests for file:///NAME from a folder.
// Nothing outside of it is reached, whatever the name and by whatever link. The
// ETag of a file is made of its size and its time of modification.
type Folder string

// FolderURL is the base of the URLs that a [Folder] serves.
const FolderURL = folderScheme + "://"

// RoundTrip implements [http.RoundTripper].
func (f Folder) RoundTrip(req *http.Request) (*http.Response, error) {
	resp := &http.Response{
		StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: http.NoBody, Request: req,
	}
	root, err := os.OpenRoot(string(f))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	name := strings.TrimPrefix(req.URL.Path, "/")
	file, err := root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		resp.StatusCode = http.StatusNotFound
		return resp, nil
	}
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%q is no file", name)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	etag := fmt.Sprintf(`"%x-%x"`, info.Size(), info.ModTime().UnixNano())
	resp.Header.Set("ETag", etag)
	resp.Header.Set("Last-Modified", info.ModTime().UTC().Format(http.TimeFormat))
	if req.Header.Get("If-None-Match") == etag {
		resp.StatusCode = http.StatusNotModified
		return resp, file.Close()
	}
	resp.ContentLength = info.Size()
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(file, info.Size()), file}
	return resp, nil
}
