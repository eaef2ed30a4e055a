package image

import (
	"cmp"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Annotations of an index that name an image. The first is the whole name, set
// by containerd, Docker and BuildKit. The second is the specification's, which
// often has the tag only:
// https://github.com/opencontainers/image-spec/blob/v1.1.1/annotations.md#pre-defined-annotation-keys
const (
	annotationImageName = "io.containerd.image.name"
	annotationRefName   = "org.opencontainers.image.ref.name"
)

// labels are the names under which an image is stored.
type labels []string

// match reports whether one of the labels is meant by want, which may be
// shorter or longer: "alpine:3.10" is "docker.io/library/alpine:3.10".
func (l labels) match(want string) bool {
	full, ok := fullName(want)
	for _, label := range l {
		if label == want {
			return true
		}
		if labelled, okLabel := fullName(label); ok && okLabel && labelled == full {
			return true
		}
	}
	return false
}

// fullName is a reference with the registry and the tag that are left out.
func fullName(s string) (string, bool) {
	ref, err := name.ParseReference(s)
	if err != nil {
		return "", false
	}
	return ref.Name(), true
}

func descriptorLabels(d v1.Descriptor) labels {
	var l labels
	for _, key := range []string{annotationImageName, annotationRefName} {
		if label := d.Annotations[key]; label != "" {
			l = append(l, label)
		}
	}
	return l
}

// matchesName reports whether an entry of an index has the name that is wanted.
func matchesName(d v1.Descriptor, want string) bool { return descriptorLabels(d).match(want) }

// matchesTag reports whether an entry of an index, of which the tag alone is
// recorded, has the tag of what is wanted. It may be of any repository. A tag
// that is left out does not count, as all names would match "latest".
func matchesTag(d v1.Descriptor, want string) bool {
	tag := d.Annotations[annotationRefName]
	if d.Annotations[annotationImageName] != "" || !strings.HasSuffix(want, ":"+tag) {
		return false
	}
	ref, err := name.NewTag(want)
	return err == nil && ref.TagStr() == tag
}

// descriptorLabel is the best name of an entry of an index, empty if it has
// none.
func descriptorLabel(d v1.Descriptor) string {
	return cmp.Or(d.Annotations[annotationImageName], d.Annotations[annotationRefName])
}

// descriptorNames are what WithReference takes for the entries of an index.
func descriptorNames(list []v1.Descriptor) []string {
	names := make([]string, len(list))
	for i, d := range list {
		names[i] = cmp.Or(descriptorLabel(d), d.Digest.String())
	}
	return names
}

// wantedDigest is the digest in a reference that is one or has one.
func wantedDigest(want string) (v1.Hash, bool) {
	if _, digest, ok := strings.Cut(want, "@"); ok {
		want = digest
	}
	h, err := v1.NewHash(want)
	return h, err == nil
}

// isImageID reports whether want is the image ID or a usual beginning of it.
func isImageID(id v1.Hash, want string) bool {
	const short = 12
	return id.String() == want || len(want) >= short && strings.HasPrefix(id.Hex, want)
}
