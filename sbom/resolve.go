package sbom

import (
	"context"
	"fmt"
)

// An ArchiveResolver knows archives by their content: Java's jars that do not
// say what they are. It must be safe for concurrent use.
type ArchiveResolver interface {
	// ResolveArchive returns what the archive with a SHA-1 digest, in 40
	// lower-case hexadecimal digits, is: for a jar the group, artifact and
	// version that it was published under. ok is false if that is not known.
	// An error is one of [BOM.Problems]; the inventory is made without it.
	ResolveArchive(ctx context.Context, sha1 string) (id ArchiveID, ok bool, err error)
}

// An ArchiveID says what an archive is, in the terms of [Package].
type ArchiveID struct {
	Namespace, Name, Version string
}

// resolveArchives asks the resolver for those archives that do not say what
// they are. The error is that of the context.
func (a *assembler) resolveArchives(ctx context.Context) error {
	if a.resolver == nil {
		return nil
	}
	for i := range a.found {
		p := &a.found[i].Package
		if p.SHA1 == "" {
			continue
		}
		id, ok, err := a.resolver.ResolveArchive(ctx, p.SHA1)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			a.problem(a.found[i].file, p.Extractor, p.Layer.Index, fmt.Errorf("archive %q: %w", p.SHA1, err))
			continue
		}
		if ok && id.Name != "" && id.Version != "" {
			p.Namespace, p.Name, p.Version = id.Namespace, id.Name, id.Version
		}
	}
	return nil
}
