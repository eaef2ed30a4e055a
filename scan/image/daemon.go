package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/imagevet/imagevet/internal/archive"
)

// WithDaemonHost sets where [Daemon] finds the daemon: "unix:///path/to/socket",
// or "tcp://host:port" for plain HTTP, which whoever is in between can read and
// change. The default is described at Daemon.
func WithDaemonHost(host string) Option {
	return func(c *config) error {
		if _, err := newDaemonHost(host); err != nil {
			return fmt.Errorf("image: WithDaemonHost(%q): %w", host, err)
		}
		c.daemon = host
		return nil
	}
}

// A DaemonError reports that a daemon did not hand out what was asked for.
type DaemonError struct {
	Reference string // what was asked for
	// Host is the daemon's address, or all that were tried, between commas.
	Host string
	// Status is the HTTP status of the answer, 0 if there was none.
	Status int
	Err    error // the cause, never nil
}

func (e *DaemonError) Error() string {
	hint := fmt.Sprintf("the daemon at %q answers with status %d", e.Host, e.Status)
	switch e.Status {
	case 0:
		hint = fmt.Sprintf("no usable answer from a daemon at %q: check that it runs, that you may use it, and DOCKER_HOST", e.Host)
	case http.StatusNotFound:
		hint = fmt.Sprintf("the daemon at %q does not have it: check the name and the tag, or pull it first", e.Host)
	}
	return fmt.Sprintf("%q: %s: %v", e.Reference, hint, e.Err)
}

// Unwrap returns the cause.
func (e *DaemonError) Unwrap() error { return e.Err }

// Daemon opens an image that a Docker or Podman daemon has, by a tag such as
// "nginx:1.25", a digest, or an image ID of which the first 12 digits will do;
// without a tag "latest" is meant. Nothing is pulled.
//
// The daemon is asked through Docker's HTTP interface
// (https://docs.docker.com/reference/api/engine/), for what "docker save" writes.
// That is a stream, which is never stored: it is read once here, for what the
// image consists of, and once more for the layers; see [Image.Sequential].
//
// The daemon is that of [WithDaemonHost]; or else that of the environment
// variable DOCKER_HOST, then CONTAINER_HOST, as Docker and Podman have them; or
// else the first of their usual sockets that is there: Docker's for the whole
// system, then for the user, then Podman's for the user and for the system.
// Addresses of ssh, of named pipes and of TLS are an error.
//
// [WithPlatform] chooses where the daemon has an image for several platforms.
// Failure is a [DaemonError], or what [Archive] says of a stream that is no
// image or is cut.
func Daemon(ctx context.Context, ref string, opts ...Option) (*Image, error) {
	c, err := newConfig(opts)
	if err != nil {
		return nil, err
	}
	return openDaemon(ctx, ref, c, append(dockerSockets(), podmanSockets()...), "DOCKER_HOST", "CONTAINER_HOST")
}

// dockerSockets are where Docker listens: for all, then rootless
// (https://docs.docker.com/engine/security/rootless/), then Docker Desktop.
func dockerSockets() []string {
	sockets := []string{"/var/run/docker.sock"}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		sockets = append(sockets, filepath.Join(dir, "docker.sock"))
	}
	if home, err := os.UserHomeDir(); err == nil {
		sockets = append(sockets, filepath.Join(home, ".docker", "run", "docker.sock"))
	}
	return sockets
}

// podmanSockets are where Podman listens: for the user, then for all
// (https://docs.podman.io/en/latest/markdown/podman-system-service.1.html).
func podmanSockets() []string {
	var sockets []string
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		sockets = append(sockets, filepath.Join(dir, "podman", "podman.sock"))
	}
	return append(sockets, "/run/podman/podman.sock")
}

// openDaemon opens an image of the daemon that c names, or else the first of
// these variables that is set, or else the first of the sockets that is there.
func openDaemon(ctx context.Context, ref string, c *config, sockets []string, variables ...string) (*Image, error) {
	if c.reference != "" {
		return nil, fmt.Errorf("image: WithReference(%q) with Daemon(%q): the latter says which image", c.reference, ref)
	}
	wanted, err := daemonReference(ref)
	if err != nil {
		return nil, err
	}
	addr := c.daemon
	for _, v := range variables {
		if addr == "" {
			addr = os.Getenv(v)
		}
	}
	for _, s := range sockets {
		if _, err := os.Stat(s); addr == "" && err == nil {
			addr = "unix://" + s
		}
	}
	if addr == "" {
		return nil, &DaemonError{Reference: ref, Host: strings.Join(sockets, ", "), Err: errors.New("none of these sockets is there")}
	}
	host, err := newDaemonHost(addr)
	if err != nil {
		return nil, &DaemonError{Reference: ref, Host: addr, Err: err}
	}
	d := &daemon{asked: ref, ref: wanted, addr: addr, host: host, client: host.client(), want: c.platform}
	img, err := d.open(ctx, c)
	if err != nil {
		d.client.CloseIdleConnections()
		return nil, err
	}
	return img, nil
}

// daemonReference is a reference as daemons take it: one that has a tag, as
// they give all images of a repository otherwise.
func daemonReference(ref string) (string, error) {
	digits := strings.TrimPrefix(ref, "sha256:")
	if n := len(digits); n >= 12 && n <= 64 && strings.Trim(digits, "0123456789abcdef") == "" {
		return ref, nil // an image ID
	}
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return "", &ReferenceError{Reference: ref, Err: err}
	}
	for element := range strings.SplitSeq(ref, "/") {
		if element == "" || element == "." || element == ".." {
			return "", &ReferenceError{Reference: ref, Err: fmt.Errorf("%q is no part of a name", element)}
		}
	}
	if tag, ok := parsed.(name.Tag); ok && !strings.HasSuffix(ref, ":"+tag.TagStr()) {
		ref += ":" + tag.TagStr()
	}
	return ref, nil
}

// A daemonHost is where a daemon listens.
type daemonHost struct{ network, address string }

func newDaemonHost(addr string) (daemonHost, error) {
	scheme, rest, ok := strings.Cut(addr, "://")
	switch {
	case !ok || rest == "":
		return daemonHost{}, errors.New("write it as unix:///path/to/socket or tcp://host:port")
	case scheme == "unix":
		return daemonHost{"unix", rest}, nil
	case scheme == "tcp" || scheme == "http":
		if os.Getenv("DOCKER_TLS_VERIFY") != "" {
			return daemonHost{}, errors.New("TLS to a daemon is not supported: use its socket")
		}
		host, port, err := net.SplitHostPort(strings.TrimSuffix(rest, "/"))
		if err != nil || port == "" {
			return daemonHost{}, errors.New("write it as tcp://host:port")
		}
		return daemonHost{"tcp", net.JoinHostPort(host, port)}, nil
	}
	return daemonHost{}, fmt.Errorf("%q is not supported: use the daemon's socket, unix:///path/to/socket", scheme+"://")
}

// client returns a client that connects to the host whatever the URL says.
func (h daemonHost) client() *http.Client {
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	return &http.Client{
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return dialer.DialContext(ctx, h.network, h.address)
			},
			DisableCompression: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return errors.New("a redirect, which daemons do not send") },
	}
}

// A daemon is where one image is read from.
type daemon struct {
	asked, ref string // the reference as the caller and as the daemon has it
	addr       string
	host       daemonHost
	client     *http.Client
	want       Platform
	version    string // of the interface, such as "1.47"
}

func (d *daemon) open(ctx context.Context, c *config) (*Image, error) {
	if err := d.ping(ctx); err != nil {
		return nil, err
	}
	// The answer to a request for an image that is not there is clear here only.
	body, err := d.get(ctx, "/images/"+d.ref+"/json", nil)
	if err != nil {
		return nil, err
	}
	body.Close()
	t, err := archive.NewStream(ctx, d.save)
	if err != nil {
		if e, ok := errors.AsType[*DaemonError](err); ok {
			return nil, e
		}
		return nil, archiveError(d.asked, err)
	}
	img, err := fromTar(ctx, d.asked, t, c)
	if err != nil {
		return nil, err
	}
	img.target.Kind = KindDaemon
	img.close = func() error {
		d.client.CloseIdleConnections()
		return nil
	}
	return img, nil
}

// ping asks for the version of the interface.
func (d *daemon) ping(ctx context.Context) error {
	resp, err := d.do(ctx, "/_ping", nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return d.fail(resp.StatusCode, errors.New("it does not answer like a daemon"))
	}
	d.version = resp.Header.Get("Api-Version")
	if strings.Trim(d.version, "0123456789.") != "" || len(d.version) > 16 {
		return d.fail(0, fmt.Errorf("version %q of the interface", d.version))
	}
	return nil
}

// save returns the stream of the image.
func (d *daemon) save(ctx context.Context) (io.ReadCloser, error) {
	query := url.Values{}
	if d.want != (Platform{}) && d.atLeast(48) {
		p := map[string]string{"os": d.want.OS, "architecture": d.want.Architecture}
		if d.want.Variant != "" {
			p["variant"] = d.want.Variant
		}
		raw, err := json.Marshal(p)
		if err != nil {
			return nil, err
		}
		query.Set("platform", string(raw))
	}
	return d.get(ctx, "/images/"+d.ref+"/get", query)
}

// atLeast reports whether the interface is of version 1.minor or a later one.
func (d *daemon) atLeast(minor int) bool {
	var major, have int
	if _, err := fmt.Sscanf(d.version, "%d.%d", &major, &have); err != nil {
		return false
	}
	return major > 1 || major == 1 && have >= minor
}

// get returns the body of an answer with status 200.
func (d *daemon) get(ctx context.Context, path string, query url.Values) (io.ReadCloser, error) {
	if d.version != "" {
		path = "/v" + d.version + path
	}
	resp, err := d.do(ctx, path, query)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusOK {
		return resp.Body, nil
	}
	defer resp.Body.Close()
	var answer struct {
		Message string `json:"message"`
	}
	const maxAnswer = 64 << 10
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil || json.Unmarshal(raw, &answer) != nil || answer.Message == "" {
		answer.Message = http.StatusText(resp.StatusCode)
	}
	return nil, d.fail(resp.StatusCode, fmt.Errorf("it says %q", answer.Message))
}

func (d *daemon) do(ctx context.Context, path string, query url.Values) (*http.Response, error) {
	u := url.URL{Scheme: "http", Host: "daemon", Path: path, RawQuery: query.Encode()}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, d.fail(0, err)
	}
	resp, err := d.client.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("%q: %w", d.asked, ctx.Err())
		}
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err // the URL is not the daemon's address
		}
		return nil, d.fail(0, err)
	}
	return resp, nil
}

func (d *daemon) fail(status int, err error) error {
	return &DaemonError{Reference: d.asked, Host: d.addr, Status: status, Err: err}
}
