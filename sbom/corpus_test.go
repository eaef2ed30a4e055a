package sbom_test

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom"
	"github.com/imagevet/imagevet/scan/image"
)

var (
	update = flag.Bool("update", false, "write the golden files anew")
	corpus = flag.String("corpus", "", "the folder of images that mkimages has built")
)

// maxGolden is how many packages an image may have for all of them to stand in
// its golden file. Of others there are counts, and ten that are spread evenly.
const maxGolden = 120

// golden is what the golden file of an image says.
func golden(bom *sbom.BOM) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "os\t%s %s\n", bom.OS.ID, bom.OS.Version)
	counts := map[string]int{}
	for _, p := range bom.Packages {
		counts["packages of type "+p.Type]++
		counts["packages by "+p.Extractor]++
		if p.OwnedBy != "" {
			counts["packages of type "+p.Type+" that are part of another"]++
		}
		if p.LicenseExpression != "" {
			counts["packages with a licence expression"]++
		}
		counts["dependencies"] += len(p.DependsOn)
	}
	for _, p := range bom.Problems {
		counts["problems of "+p.Extractor]++
	}
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(&b, "%s\t%d\n", name, counts[name])
	}
	step := 1
	if len(bom.Packages) > maxGolden {
		step = len(bom.Packages) / 10
	}
	for i := 0; i < len(bom.Packages); i += step {
		p := &bom.Packages[i]
		fmt.Fprintf(&b, "%s\tlayer %d\t%s", p.PURL, p.Layer.Index, strings.Join(p.Paths, " "))
		if p.OwnedBy != "" {
			fmt.Fprintf(&b, "\tpart of %s", p.OwnedBy)
		}
		b.WriteByte('\n')
	}
	for _, p := range bom.Problems[:min(len(bom.Problems), 20)] {
		fmt.Fprintf(&b, "problem\t%v\n", p)
	}
	return b.Bytes()
}

// checkGolden compares the inventory of an archive with its golden file.
func checkGolden(t *testing.T, archive, file string) {
	img, err := image.Archive(t.Context(), archive)
	require.NoError(t, err)
	defer img.Close()
	bom, err := sbom.Generate(t.Context(), img)
	require.NoError(t, err)
	got := golden(bom)
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, got, 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got))
}

func TestGoldenInventory(t *testing.T) {
	checkGolden(t, filepath.Join("..", "testdata", "images", "alpine-3.8.tar.gz"), filepath.Join("testdata", "alpine-3.8.golden"))
}

// TestCorpus does the same with the images of mkimages. What of them comes
// from mirrors is newer in a newer corpus, and differs then.
func TestCorpus(t *testing.T) {
	if *corpus == "" {
		t.Skip("no folder of images: go test ./sbom -run Corpus -corpus DIR")
	}
	archives, err := filepath.Glob(filepath.Join(*corpus, "*.docker.tar"))
	require.NoError(t, err)
	require.NotEmpty(t, archives)
	for _, archive := range archives {
		name := strings.TrimSuffix(filepath.Base(archive), ".docker.tar")
		t.Run(name, func(t *testing.T) {
			checkGolden(t, archive, filepath.Join("testdata", "corpus", name+".golden"))
		})
	}
}
