package oci

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/imagevet/imagevet/scan/image/registry"
)

// An Option changes one default of [Push], [Pull], [PullTrivy] or [Sign]. If two
// conflict, the last one wins.
type Option func(*config) error

type config struct {
	registry   registry.Config
	progress   func(Progress)
	ecosystems []string
	keys       []publicKey
	workers    int
	maxBytes   int64
}

func newConfig(opts []Option) (*config, error) {
	c := config{workers: 4}
	for _, opt := range opts {
		if err := opt(&c); err != nil {
			return nil, err
		}
	}
	if err := c.registry.Validate(); err != nil {
		return nil, fmt.Errorf("oci: %w", err)
	}
	return &c, nil
}

// WithRegistry sets how the registry is talked to: credentials, mirrors, which
// only [Pull] and [PullTrivy] ask, certificates, what is tried again, what is
// refused. It replaces what [WithKeychain], [WithTransport] and [WithInsecure]
// before it say; after it they change it. The default is the zero value of
// [registry.Config].
func WithRegistry(r registry.Config) Option {
	return func(c *config) error {
		c.registry = r
		return nil
	}
}

// WithKeychain sets where the credentials of a registry are found, and nothing
// else of [WithRegistry]. The default is [registry.DefaultKeychain]: the
// configuration files of Docker and Podman, with the credential helpers that they
// name.
func WithKeychain(k authn.Keychain) Option {
	return func(c *config) error {
		if k == nil {
			return errors.New("oci: WithKeychain(nil): must not be nil")
		}
		c.registry.Keychain = k
		return nil
	}
}

// WithTransport sets what requests are sent through, and nothing else of
// [WithRegistry]. The default is that of [registry.Config].
func WithTransport(t http.RoundTripper) Option {
	return func(c *config) error {
		if t == nil {
			return errors.New("oci: WithTransport(nil): must not be nil")
		}
		c.registry.Transport = t
		return nil
	}
}

// WithInsecure allows plain HTTP, and TLS without looking at the certificate:
// whoever is in between can read the credentials, and replace the database
// unless a digest or [WithPublicKey] says which it is. See [registry.Config]. It
// changes nothing else of [WithRegistry]. The default is false.
func WithInsecure(insecure bool) Option {
	return func(c *config) error {
		c.registry.Insecure = insecure
		return nil
	}
}

// Progress says how far a transfer is.
type Progress struct {
	// Name is the file that it is about, and Ecosystem whose advisories that
	// has.
	Name, Ecosystem string
	// Done and Size are bytes of the file. Done can be smaller than before if
	// a transfer had to start again.
	Done, Size int64
}

// WithProgress sets a function that is told about files on their way, after
// each piece. Calls come one after
// another, from several goroutines, and the transfer waits for them. Files that
// need not be transferred are not told about. The default is none.
func WithProgress(report func(Progress)) Option {
	return func(c *config) error {
		if report == nil {
			return errors.New("oci: WithProgress(nil): must not be nil")
		}
		c.progress = report
		return nil
	}
}

// WithWorkers bounds how many files are transferred at once. It does not
// change the result. The default is 4.
func WithWorkers(n int) Option {
	return func(c *config) error {
		if n < 1 {
			return fmt.Errorf("oci: WithWorkers(%d): must be at least 1", n)
		}
		c.workers = n
		return nil
	}
}

// WithEcosystems has [Pull] fetch the advisories on these ecosystems only, such
// as "Debian" or "PyPI". The folder then has nothing else, and its
// [vulndb.Info].ID stands for what it has. It is an error with the others. The
// default is all.
func WithEcosystems(names ...string) Option {
	return func(c *config) error {
		if len(names) == 0 || slices.Contains(names, "") {
			return fmt.Errorf("oci: WithEcosystems(%q): must name some", names)
		}
		c.ecosystems = slices.Clone(names)
		return nil
	}
}

// WithMaxBytes bounds the size of all files that [Pull] accepts together, and of
// what [PullTrivy] accepts, in bytes. The default is [vulndb.DefaultMaxBytes].
func WithMaxBytes(n int64) Option {
	return func(c *config) error {
		if n < 1 {
			return fmt.Errorf("oci: WithMaxBytes(%d): must be at least 1", n)
		}
		c.maxBytes = n
		return nil
	}
}

// WithPublicKey has [Pull] and [PullTrivy] accept only what is signed with the key that belongs
// to this one, in PEM as "cosign generate-key-pair" writes it to cosign.pub:
// ECDSA on P-256, Ed25519, or RSA of 2048 to 8192 bits. If the text holds several
// keys, one signature with any of them will do, as while a key is changed. The
// default is to ask for no signature.
func WithPublicKey(pem []byte) Option {
	pem = bytes.Clone(pem)
	return func(c *config) error {
		keys, err := parsePublicKeys(pem)
		if err != nil {
			return fmt.Errorf("oci: WithPublicKey: %w", err)
		}
		c.keys = keys
		return nil
	}
}
