package oci_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/imagevet/imagevet/vulndb"
	"github.com/imagevet/imagevet/vulndb/oci"
)

// A database of what a database of Trivy has on distributions that OSV has not.
func ExamplePullTrivy() {
	// A registry in this process, in place of ghcr.io/aquasecurity/trivy-db:2.
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	ref := strings.TrimPrefix(server.URL, "http://") + "/aquasecurity/trivy-db:2"
	if err := publishTrivy(ref); err != nil {
		log.Fatal(err)
	}
	if err := buildFromTrivy(context.Background(), ref); err != nil {
		log.Fatal(err)
	}
	// Output:
	// Amazon Linux
	// Oracle Linux
	// Photon OS
	// Red Hat
}

func buildFromTrivy(ctx context.Context, ref string) (err error) {
	dir, err := os.MkdirTemp("", "vulndb")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	trivy, err := oci.PullTrivy(ctx, ref, dir, oci.WithKeychain(authn.NewMultiKeychain()))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, trivy.Close()) }()
	report, err := vulndb.Build(ctx, dir, []vulndb.Source{trivy.Source()})
	if err != nil {
		return err
	}
	for _, s := range report.Info.Sources {
		fmt.Println(s.Ecosystem)
	}
	return nil
}

// publishTrivy stores an archive as Trivy's project does.
func publishTrivy(ref string) error {
	db, err := os.ReadFile("../../internal/trivydb/testdata/trivy.db")
	if err != nil {
		return err
	}
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	tw := tar.NewWriter(zw)
	for name, content := range map[string][]byte{"trivy.db": db, "metadata.json": []byte(`{"Version": 2}`)} {
		if err := tw.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}); err != nil {
			return err
		}
		if _, err := tw.Write(content); err != nil {
			return err
		}
	}
	if err := errors.Join(tw.Close(), zw.Close()); err != nil {
		return err
	}
	layer := mutate.Addendum{Layer: static.NewLayer(b.Bytes(), oci.TrivyLayerType)}
	image, err := mutate.Append(mutate.MediaType(empty.Image, types.OCIManifestSchema1), layer)
	if err != nil {
		return err
	}
	tag, err := name.ParseReference(ref)
	if err != nil {
		return err
	}
	return remote.Write(tag, image)
}
