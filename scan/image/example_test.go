package image_test

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing/fstest"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	memory "github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/imagevet/imagevet/scan/image"
	"github.com/imagevet/imagevet/scan/image/registry"
)

// save writes what "docker save" would write of a tiny image to a file.
func save(dir string) string {
	path := filepath.Join(dir, "hello.tar")
	f, err := os.Create(path)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	layer := make([]byte, 1024) // an empty tar archive
	config := fmt.Sprintf(`{"os": "linux", "architecture": "amd64",
		"history": [{"created_by": "COPY hello /"}],
		"rootfs": {"type": "layers", "diff_ids": ["sha256:%x"]}}`, sha256.Sum256(layer))
	w := tar.NewWriter(f)
	for _, member := range []struct{ name, data string }{
		{"config.json", config},
		{"base/layer.tar", string(layer)},
		{"manifest.json", `[{"Config": "config.json", "RepoTags": ["hello:1"], "Layers": ["base/layer.tar"]}]`},
	} {
		if err := w.WriteHeader(&tar.Header{Name: member.name, Size: int64(len(member.data))}); err != nil {
			log.Fatal(err)
		}
		if _, err := io.WriteString(w, member.data); err != nil {
			log.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
	return path
}

func ExampleOpen() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	img, err := image.Open(context.Background(), save(dir), image.WithReference("hello:1"))
	if err != nil {
		log.Fatal(err)
	}
	defer img.Close()
	fmt.Println(img.Target().Kind, img.Target().Platform)
	for _, l := range img.Layers() {
		fmt.Println(l.Index, l.CreatedBy)
	}
	// Output:
	// docker-archive linux/amd64
	// 0 COPY hello /
}

func ExampleRemote() {
	// A registry on this machine, with an empty image in it.
	server := httptest.NewServer(memory.New(memory.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	ref := strings.TrimPrefix(server.URL, "http://") + "/team/app:1"
	tag, err := name.NewTag(ref)
	if err != nil {
		log.Fatal(err)
	}
	if err := remote.Write(tag, empty.Image); err != nil {
		log.Fatal(err)
	}

	img, err := image.Remote(context.Background(), ref, image.WithKeychain(authn.NewMultiKeychain()))
	if err != nil {
		log.Fatal(err)
	}
	defer img.Close()
	fmt.Println(img.Target().Kind, len(img.Layers()), img.Target().Name == ref)
	// Output: registry 0 true
}

func ExampleWithRegistry() {
	mirror := httptest.NewServer(memory.New(memory.Logger(log.New(io.Discard, "", 0))))
	defer mirror.Close()
	host := strings.TrimPrefix(mirror.URL, "http://")
	tag, err := name.NewTag(host + "/hub/library/app:1")
	if err != nil {
		log.Fatal(err)
	}
	if err := remote.Write(tag, empty.Image); err != nil {
		log.Fatal(err)
	}

	img, err := image.Remote(context.Background(), "app:1", image.WithRegistry(registry.Config{
		Keychain: registry.Basic(host, "robot", "secret"),
		Rules: &registry.Rules{Registries: []registry.Rule{{
			Prefix:  "docker.io",
			Mirrors: []registry.Mirror{{Location: host + "/hub"}},
		}}},
	}))
	if err != nil {
		log.Fatal(err)
	}
	defer img.Close()
	fmt.Println(img.Target().Name, strings.TrimPrefix(img.Target().PulledFrom, host))
	// Output: app:1 /hub/library/app:1
}

func ExampleFS() {
	root := fstest.MapFS{"etc/os-release": {Data: []byte("ID=alpine\n")}}
	img := image.FS("embedded root", root)
	_, ok := img.LayerFS(0)
	fmt.Println(img.Target().Name, img.Target().Kind, ok)
	// Output: embedded root rootfs true
}

func ExampleParsePlatform() {
	p, err := image.ParsePlatform("linux/aarch64")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(p, p.Architecture)
	// Output: linux/arm64 arm64
}

func ExampleFrom() {
	img, err := image.From(context.Background(), "archive:../../testdata/images/alpine-3.8.tar.gz")
	if err != nil {
		log.Fatal(err)
	}
	defer img.Close()
	fmt.Println(img.Target().Kind, len(img.Layers()))
	// Output: docker-archive 3
}

// An image that was just built, which no registry has yet.
func ExampleDaemon() {
	img, err := image.Daemon(context.Background(), "app:dev", image.WithDaemonHost("unix:///nowhere/docker.sock"))
	if e, ok := errors.AsType[*image.DaemonError](err); ok {
		fmt.Println("no daemon at", e.Host)
		return
	}
	defer img.Close()
	// Output: no daemon at unix:///nowhere/docker.sock
}
