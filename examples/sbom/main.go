// Sbom is what a build can run to keep a bill of materials of its image, and
// to comment on what a change does to it.
//
//	sbom IMAGE          writes the bill of materials, in CycloneDX
//	sbom IMAGE OLD      tells what has changed since OLD was written, by whatever tool
//
// IMAGE is an archive, a layout or a folder; no database is needed.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/imagevet/imagevet/sbom"
	"github.com/imagevet/imagevet/scan/image"
)

func main() {
	var err error
	switch ctx := context.Background(); len(os.Args) {
	case 2:
		err = write(ctx, os.Stdout, os.Args[1])
	case 3:
		err = compare(ctx, os.Stdout, os.Args[1], os.Args[2])
	default:
		log.Fatal("usage: sbom IMAGE [OLD]")
	}
	if err != nil {
		log.Fatal(err)
	}
}

func generate(ctx context.Context, path string) (*sbom.BOM, error) {
	img, err := image.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	defer img.Close()
	return sbom.Generate(ctx, img)
}

// write writes the bill of materials. The same image gives the same bytes: its
// time is the one that the build states, or none.
func write(ctx context.Context, w io.Writer, path string) error {
	bom, err := generate(ctx, path)
	if err != nil {
		return err
	}
	return sbom.Encode(w, bom, sbom.CycloneDXJSON,
		sbom.WithSourceDateEpoch(os.Getenv("SOURCE_DATE_EPOCH")), sbom.WithAuthors("Example Org"), sbom.WithSupplier("Example Org"))
}

// compare writes a comment on a change: what is new, what is gone, what has
// another version, and what the minimum elements of NTIA want besides.
func compare(ctx context.Context, w io.Writer, path, old string) error {
	bom, err := generate(ctx, path)
	if err != nil {
		return err
	}
	f, err := os.Open(old)
	if err != nil {
		return err
	}
	defer f.Close()
	before, err := sbom.Decode(f)
	if err != nil {
		return err
	}
	changes := sbom.Diff(before, bom)
	if changes.IsZero() {
		fmt.Fprintln(w, "The packages are the same.")
	}
	for _, c := range changes.Changed {
		fmt.Fprintf(w, "- %s: %s → %s\n", c.To.Name, c.From.Version, c.To.Version)
	}
	for _, p := range changes.Added {
		fmt.Fprintf(w, "- %s %s is new\n", p.Name, p.Version)
	}
	for _, p := range changes.Removed {
		fmt.Fprintf(w, "- %s %s is gone\n", p.Name, p.Version)
	}
	gaps, err := sbom.Check(bom, sbom.NTIA2021, sbom.WithAuthors("Example Org"), sbom.WithSupplier("Example Org"))
	if err != nil {
		return err
	}
	for _, g := range gaps {
		fmt.Fprintf(w, "- %s: %s\n", g.Element, g.Message)
	}
	return nil
}
