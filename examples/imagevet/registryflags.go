package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/imagevet/imagevet/scan/image/registry"
)

const (
	// maxCertificates bounds a file with certificates, in bytes.
	maxCertificates = 4 << 20

	// maxPassword bounds a password on standard input, in bytes.
	maxPassword = 64 << 10
)

// A registryConfig is what can be said about how a registry is talked to.
type registryConfig struct {
	config            registry.Config
	authFile          string
	username, token   string
	passwordFromStdin bool
	stdin             io.Reader
}

// registryConfig defines the flags of all verbs that talk to a registry, where
// somebody on the way could change a thing.
func (f *flags) registryConfig(thing string) *registryConfig {
	r := &registryConfig{stdin: os.Stdin}
	f.set.BoolVar(&r.config.Insecure, "insecure", false, "allow plain HTTP, and TLS without a valid certificate: anybody on the way can change the "+thing)
	f.set.Func("ca-file", "trust the certificates in a `FILE` in PEM too", func(path string) (err error) {
		r.config.RootCAs, err = readFile(path, maxCertificates)
		return err
	})
	f.set.StringVar(&r.config.CertsDir, "certs-dir", "", "a `DIR` with certificates of single registries, as /etc/docker/certs.d has them")
	f.set.Func("registries-conf", "ask the mirrors in a `FILE` in the format of registries.conf", func(path string) (err error) {
		r.config.Rules, err = registry.ReadRules(path)
		return err
	})
	f.set.StringVar(&r.authFile, "authfile", "", "look for credentials in a `FILE` such as config.json or auth.json only (default those of Docker and Podman)")
	f.set.StringVar(&r.username, "username", "", "the `NAME` to log in with; needs --password-stdin")
	f.set.BoolVar(&r.passwordFromStdin, "password-stdin", false, "read the password from the first line of standard input")
	f.set.StringVar(&r.token, "registry-token", "", "a bearer `TOKEN`, as CI systems have, for the registry of REF, whichever that is; others on this machine can see it in the list of processes, so better $IMAGEVET_REGISTRY_TOKEN")
	f.set.Func("token-host", "a `HOST` whose token server may get the credentials, if it is not in the domain of the registry; repeatable", func(host string) error {
		r.config.TokenHosts = append(r.config.TokenHosts, host)
		return nil
	})
	return r
}

// resolve returns what the flags say for references. Credentials are for their
// registry alone, and neither for its mirrors nor for others.
func (r *registryConfig) resolve(a *app, refs ...string) (registry.Config, error) {
	c := r.config
	token := r.token
	if token == "" {
		token = a.env("IMAGEVET_REGISTRY_TOKEN")
	}
	if (r.username != "") != r.passwordFromStdin {
		return c, usagef("--username and --password-stdin go together")
	}
	if r.username != "" && r.token != "" || r.authFile != "" && (r.username != "" || r.token != "") {
		return c, usagef("give one of --authfile, --username and --registry-token")
	}
	if err := c.Validate(); err != nil {
		return c, &usageError{err}
	}
	if r.authFile != "" {
		if _, err := os.Stat(r.authFile); err != nil {
			return c, fmt.Errorf("--authfile: %w", err)
		}
		c.Keychain = registry.AuthFile(r.authFile)
		return c, nil
	}
	if r.username == "" && token == "" {
		return c, nil
	}
	var host string
	for _, ref := range refs {
		other := registryOf(ref)
		if host != "" && other != "" && other != host {
			return c, usagef("%q and %q are two registries, which do not get the same credentials: give --authfile", host, other)
		}
		if other != "" {
			host = other
		}
	}
	given := registry.Token(host, token)
	if r.username != "" {
		password, err := firstLine(r.stdin)
		if err != nil {
			return c, fmt.Errorf("--password-stdin: %w", err)
		}
		given = registry.Basic(host, r.username, password)
	}
	c.Keychain = authn.NewMultiKeychain(given, registry.DefaultKeychain())
	return c, nil
}

// registryOf is the registry that a reference names, empty if it names none:
// a file, a folder, an image of a daemon, nonsense.
func registryOf(ref string) string {
	ref, explicit := strings.CutPrefix(ref, "registry://")
	if !explicit {
		for _, other := range []string{"docker://", "podman://", "archive:", "layout:", "dir:"} { // see image.From
			if strings.HasPrefix(ref, other) {
				return ""
			}
		}
		if _, err := os.Stat(ref); err == nil {
			return ""
		}
	}
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return ""
	}
	return parsed.Context().RegistryStr()
}

func firstLine(r io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, maxPassword)).ReadString('\n')
	line = strings.TrimRight(line, "\r\n")
	if err != nil && err != io.EOF {
		return "", err
	}
	if line == "" {
		return "", errors.New("there is no password on standard input")
	}
	return line, nil
}
