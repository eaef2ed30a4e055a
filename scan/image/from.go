package image

import (
	"context"
	"fmt"
	"strings"
)

// From opens an image by one word that says where it is, too:
//
//	nginx:1.25                a registry
//	registry://nginx:1.25     a registry
//	docker://nginx:1.25       the Docker daemon
//	podman://nginx:1.25       the Podman daemon
//	archive:app.tar           a file, as [Archive]
//	layout:app                a folder in the OCI image layout
//	dir:/srv/chroot           an unpacked root file system
//
// Note that "docker://" is a daemon here, and a registry elsewhere; and that an
// image whose name is one of the words is "registry://dir:1". The options
// and errors are those of the function that is meant. A file or folder can hold
// several images; [WithReference] then chooses.
func From(ctx context.Context, source string, opts ...Option) (*Image, error) {
	for _, known := range sources() {
		if rest, ok := strings.CutPrefix(source, known.prefix); ok {
			if rest == "" {
				return nil, fmt.Errorf("image: %q: nothing behind %q", source, known.prefix)
			}
			return known.open(ctx, rest, opts...)
		}
	}
	return Remote(ctx, source, opts...)
}

type sourceKind struct {
	prefix string
	open   func(ctx context.Context, what string, opts ...Option) (*Image, error)
}

func sources() []sourceKind {
	return []sourceKind{
		{"registry://", Remote},
		{"docker://", from(dockerSockets, "DOCKER_HOST")},
		{"podman://", from(podmanSockets, "CONTAINER_HOST")},
		{"archive:", Archive},
		{"layout:", Layout},
		{"dir:", func(_ context.Context, dir string, _ ...Option) (*Image, error) { return Dir(dir) }},
	}
}

// from opens an image of a daemon that listens at one of the sockets.
func from(sockets func() []string, variable string) func(context.Context, string, ...Option) (*Image, error) {
	return func(ctx context.Context, ref string, opts ...Option) (*Image, error) {
		c, err := newConfig(opts)
		if err != nil {
			return nil, err
		}
		return openDaemon(ctx, ref, c, sockets(), variable)
	}
}
