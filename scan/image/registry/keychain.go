package registry

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
)

// hub is the name of Docker Hub, and hubNames the others that it has.
const hub = "docker.io"

var hubNames = map[string]bool{"index.docker.io": true, "registry-1.docker.io": true, "registry.hub.docker.com": true}

// hostOf is the name of a registry under which its credentials are kept.
func hostOf(registry string) string {
	if hubNames[registry] {
		return hub
	}
	return registry
}

// Basic returns a keychain with a user's name and password for one registry,
// such as "registry.example:5000" or "docker.io", and for no other.
func Basic(registry, username, password string) authn.Keychain {
	return &fixed{registry, authn.AuthConfig{Username: username, Password: password}}
}

// Token returns a keychain with a bearer token that one registry takes as it
// is, such as the token that a CI system hands to its jobs. No token server is
// asked.
func Token(registry, token string) authn.Keychain {
	return &fixed{registry, authn.AuthConfig{RegistryToken: token}}
}

type fixed struct {
	registry string
	auth     authn.AuthConfig
}

func (f *fixed) Resolve(target authn.Resource) (authn.Authenticator, error) {
	if hostOf(target.RegistryStr()) != hostOf(f.registry) {
		return authn.Anonymous, nil
	}
	return authn.FromConfig(f.auth), nil
}

// String keeps the credentials out of what is printed.
func (f *fixed) String() string { return "credentials for " + f.registry }

// GoString does so too.
func (f *fixed) GoString() string { return f.String() }

// DefaultKeychain returns the keychain of who runs the program. These files are
// looked at in this order whenever credentials are needed, as [AuthFile] does,
// and the first that has some for the registry wins:
//
//  1. $REGISTRY_AUTH_FILE; it is an error if that is set and there is no such
//     file;
//  2. Docker's: config.json in $DOCKER_CONFIG or else in .docker in the home folder;
//  3. Podman's: containers/auth.json in $XDG_RUNTIME_DIR;
//  4. Podman's: containers/auth.json in $XDG_CONFIG_HOME or else in .config in
//     the home folder.
//
// A file that cannot be read or parsed is an error.
func DefaultKeychain() authn.Keychain { return defaultKeychain{} }

type defaultKeychain struct{}

func (k defaultKeychain) Resolve(target authn.Resource) (authn.Authenticator, error) {
	return k.ResolveContext(context.Background(), target)
}

// ResolveContext implements [authn.ContextKeychain].
func (defaultKeychain) ResolveContext(ctx context.Context, target authn.Resource) (authn.Authenticator, error) {
	explicit := os.Getenv("REGISTRY_AUTH_FILE")
	for i, path := range append([]string{explicit}, defaultFiles()...) {
		if path == "" {
			continue
		}
		auth, err := (authFile{path}).ResolveContext(ctx, target)
		if errors.Is(err, fs.ErrNotExist) && i > 0 {
			continue
		}
		if err != nil || auth != authn.Anonymous {
			return auth, err
		}
	}
	return authn.Anonymous, nil
}

// defaultFiles are the files besides the explicit one.
func defaultFiles() []string {
	home, err := os.UserHomeDir()
	if err != nil {
		home = ""
	}
	in := func(folder string, elements ...string) string {
		if folder == "" {
			return ""
		}
		return filepath.Join(append([]string{folder}, elements...)...)
	}
	docker := os.Getenv("DOCKER_CONFIG")
	if docker == "" {
		docker = in(home, ".docker")
	}
	config := os.Getenv("XDG_CONFIG_HOME")
	if config == "" {
		config = in(home, ".config")
	}
	return []string{
		in(docker, "config.json"),
		in(os.Getenv("XDG_RUNTIME_DIR"), "containers", "auth.json"),
		in(config, "containers", "auth.json"),
	}
}

// keys are the names under which the credentials for a repository may be kept,
// the longest first: "quay.io/team/app", "quay.io/team", "quay.io".
func keys(target authn.Resource) []string {
	host := target.RegistryStr()
	path := strings.TrimPrefix(strings.TrimPrefix(target.String(), host), "/")
	host = hostOf(host)
	var list []string
	for path != "" {
		list = append(list, host+"/"+path)
		i := strings.LastIndexByte(path, '/')
		path = path[:max(i, 0)]
	}
	return append(list, host)
}
