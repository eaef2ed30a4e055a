package image

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/imagevet/imagevet/scan/image/registry"
)

// An Option changes one default of [Open], [Archive], [Layout], [Remote],
// [Daemon] or [From]. If two conflict, the last one wins.
type Option func(*config) error

type config struct {
	reference string
	platform  Platform
	registry  registry.Config
	daemon    string
}

func newConfig(opts []Option) (*config, error) {
	var c config
	for _, opt := range opts {
		if err := opt(&c); err != nil {
			return nil, err
		}
	}
	if err := c.registry.Validate(); err != nil {
		return nil, fmt.Errorf("image: %w", err)
	}
	return &c, nil
}

// WithReference chooses one of the images of an archive or a layout: by a
// tag, such as "nginx:1.25" or "docker.io/library/nginx:1.25"; by any other name
// that it is stored under; by the digest of its manifest, such as "sha256:…" or
// "nginx@sha256:…"; or by its image ID, of which the first 12 digits will do.
// It is an error with [Remote], which has a reference already. The default is to
// take the only image, and to return a [SelectError] if there are several.
func WithReference(ref string) Option {
	return func(c *config) error {
		if ref == "" {
			return errors.New("image: WithReference(\"\"): must not be empty")
		}
		c.reference = ref
		return nil
	}
}

// WithPlatform chooses one of the images of an index, and makes it an error if
// an image is for another platform. It must have an OS and an architecture.
//
// An image matches if it is made for the variant that is asked for or, failing
// that, for the next lower one: linux/arm/v7 finds arm/v7, arm/v6, arm/v5 in this
// order. A variant that is left out stands for v7 of arm, v8 of arm64 and v1 of
// amd64.
//
// The default is the platform of the running program, then linux on the same
// architecture. An image that is there for one platform only is taken whichever
// that is.
func WithPlatform(p Platform) Option {
	return func(c *config) error {
		if p.OS == "" || p.Architecture == "" {
			return fmt.Errorf("image: WithPlatform(%q): must have an OS and an architecture", p)
		}
		c.platform = p.normal()
		return nil
	}
}

// WithRegistry sets how [Remote] talks to registries: credentials, mirrors,
// certificates, what is tried again, what is refused. It replaces what
// [WithKeychain], [WithTransport] and [WithInsecure] before it say; after it they
// change it. The default is the zero value of [registry.Config].
func WithRegistry(r registry.Config) Option {
	return func(c *config) error {
		c.registry = r
		return nil
	}
}

// WithKeychain sets where [Remote] finds credentials, and nothing else of
// [WithRegistry]. The default is [registry.DefaultKeychain]: the configuration
// files of Docker and Podman, with the credential helpers that they name.
func WithKeychain(k authn.Keychain) Option {
	return func(c *config) error {
		if k == nil {
			return errors.New("image: WithKeychain(nil): must not be nil")
		}
		c.registry.Keychain = k
		return nil
	}
}

// WithTransport sets what [Remote] sends its requests through, and nothing else
// of [WithRegistry]. The default is that of [registry.Config].
func WithTransport(t http.RoundTripper) Option {
	return func(c *config) error {
		if t == nil {
			return errors.New("image: WithTransport(nil): must not be nil")
		}
		c.registry.Transport = t
		return nil
	}
}

// WithInsecure allows [Remote] to talk to any registry over plain HTTP, and over
// TLS without looking at the certificate: see [registry.Config]. It changes
// nothing else of [WithRegistry]. The default is false.
func WithInsecure(insecure bool) Option {
	return func(c *config) error {
		c.registry.Insecure = insecure
		return nil
	}
}
