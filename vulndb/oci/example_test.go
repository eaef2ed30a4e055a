package oci_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/imagevet/imagevet/vulndb"
	"github.com/imagevet/imagevet/vulndb/oci"
)

const record = `{"id":"ALPINE-CVE-2024-0727","modified":"2024-02-01T00:00:00Z","upstream":["CVE-2024-0727"],"affected":[{"package":{"ecosystem":"Alpine:v3.19","name":"openssl"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"3.1.4-r5"}]}]}]}`

// One program builds a database and pushes it, others pull it.
func Example() {
	// A registry in this process, in place of a real one.
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	ref := strings.TrimPrefix(server.URL, "http://") + "/team/vulndb:latest"
	if err := move(context.Background(), ref); err != nil {
		log.Fatal(err)
	}
	// Output:
	// 1 files fetched
	// 0 files fetched, as nothing is new
	// Alpine: 1 advisories
}

func move(ctx context.Context, ref string) error {
	dir, err := os.MkdirTemp("", "vulndb")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	source, here, there := filepath.Join(dir, "records.jsonl"), filepath.Join(dir, "here"), filepath.Join(dir, "there")
	if err := os.WriteFile(source, []byte(record), 0o666); err != nil {
		return err
	}
	if _, err := vulndb.Build(ctx, here, []vulndb.Source{vulndb.FileSource(source)}); err != nil {
		return err
	}

	anonymous := oci.WithKeychain(authn.NewMultiKeychain()) // by default, Docker's credentials
	digest, err := oci.Push(ctx, here, ref, anonymous)
	if err != nil {
		return err
	}
	result, err := oci.Pull(ctx, ref, there, anonymous)
	if err != nil {
		return err
	}
	fmt.Println(len(result.Fetched), "files fetched")
	byDigest := strings.TrimSuffix(ref, ":latest") + "@" + digest
	if result, err = oci.Pull(ctx, byDigest, there, anonymous); err != nil {
		return err
	}
	fmt.Println(len(result.Fetched), "files fetched, as nothing is new")
	for _, s := range result.Info.Sources {
		fmt.Printf("%s: %d advisories\n", s.Ecosystem, s.Records)
	}
	return nil
}
