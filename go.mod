module github.com/imagevet/imagevet

go 1.26.0

require (
	github.com/BurntSushi/toml v1.6.0 // lock files and manifests in TOML
	github.com/CycloneDX/cyclonedx-go v0.12.0 // the inventory in CycloneDX
	github.com/aquasecurity/go-version v0.0.1 // the generic version scheme
	github.com/github/go-spdx/v2 v2.8.0 // SPDX licence expressions and identifiers
	github.com/google/go-containerregistry v0.22.1 // registries: references, authentication, download
	github.com/klauspost/compress v1.20.3 // zstd, and a faster gzip than the standard library's
	github.com/package-url/packageurl-go v0.1.7 // package URLs
	github.com/spdx/tools-golang v0.5.7 // the types of SPDX 2
	github.com/stretchr/testify v1.12.1 // tests
	go.yaml.in/yaml/v3 v3.0.5 // YAML: workflows, environments of conda
	golang.org/x/mod v0.42.0 // go.mod, and the versions of modules
	golang.org/x/sync v0.24.0 // errgroup and a weighted semaphore
)

require github.com/santhosh-tekuri/jsonschema/v6 v6.0.3

require (
	github.com/anchore/go-struct-converter v0.1.0 // indirect
	github.com/docker/cli v29.7.2+incompatible // indirect
	github.com/docker/docker-credential-helpers v0.9.3 // indirect
	github.com/opencontainers/go-digest v1.0.0 // indirect
	github.com/opencontainers/image-spec v1.1.1 // indirect
	github.com/sirupsen/logrus v1.9.4 // indirect
	golang.org/x/sys v0.47.0 // indirect
	golang.org/x/text v0.14.0 // indirect
	golang.org/x/xerrors v0.0.0-20231012003039-104605ab7028 // indirect
	gotest.tools/v3 v3.5.2 // indirect
)
