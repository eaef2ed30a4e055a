// Package jar reads Java archives: .jar, .war, .ear, .par, .hpi and .jpi, and
// the archives within them.
//
// An archive is a zip file ([zip], [jar]). What Maven builds holds a file
// META-INF/maven/GROUP/ARTIFACT/pom.properties ([archiver]) that says which
// artifact it is. Where the archive was put together from several artifacts,
// "shaded", there is one for each. Where the file is missing, the pom.xml beside
// it tells, then the manifest, and at last the name of the file.
//
// Each archive is one package, even if only its name is known: then its version
// is empty, and its SHA-1 may tell others what it is. An archive that a
// pom.properties identifies has no SHA-1, so that it need not be read to its
// end. A group that is not written in a pom is given only where the manifest or
// the archive's content leave no doubt; see [group].
//
// Archives are hostile. The directory of an archive is read as a stream and
// only what is of interest is kept. An archive that is stored in another one is
// read in place, one that is compressed is unpacked into memory. Nesting,
// members, the bytes that are read and unpacked, and all that is kept are
// limited for the outermost file. Beyond a limit the result so far is kept, and
// one of the problems names the place.
//
// [zip]: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
// [jar]: https://docs.oracle.com/en/java/javase/21/docs/specs/jar/jar.html
// [archiver]: https://maven.apache.org/shared/maven-archiver/
package jar

import (
	"context"
	"path"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// Extractor reads Java archives. The zero value is ready, and safe for use by
// many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "jar".
func (Extractor) Name() string { return "jar" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// extensions are those of Java archives that hold classes or other archives.
var extensions = [...]string{".jar", ".war", ".ear", ".par", ".hpi", ".jpi"}

// Patterns returns the archives' extensions.
func (Extractor) Patterns() []inventory.Pattern {
	patterns := make([]inventory.Pattern, len(extensions))
	for i, ext := range extensions {
		patterns[i].Glob = "**/*" + ext
	}
	return patterns
}

// Extract returns the packages of the archive and of those within it. It is an
// error if the file is no zip archive. What is wrong further inside is one of
// the problems.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	content, err := f.ReaderAt()
	if err != nil {
		return inventory.Facts{}, err
	}
	w := newWalker(ctx)
	if err := w.outermost(content, f.Size(), path.Base(f.Path())); err != nil {
		return inventory.Facts{}, err
	}
	w.facts.Problems = w.list()
	return w.facts, nil
}
