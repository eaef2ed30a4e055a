package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"github.com/imagevet/imagevet/internal/regclient"
	"github.com/imagevet/imagevet/sbom/inventory"
	"github.com/imagevet/imagevet/scan/image/registry"
)

// ErrSchema1 is wrapped by the [FormatError] of an image in Docker's first
// format of manifests, which cannot be read:
// https://distribution.github.io/distribution/spec/deprecated-schema-v1/
var ErrSchema1 = regclient.ErrSchema1

// A FormatError reports that something is no image, or is one that is damaged
// or that this package does not understand.
type FormatError struct {
	Name   string // what was read: a file, a folder or a reference
	Reason string // what is wrong and, where that helps, what to try
	// Err is the cause, nil if Reason says everything. It wraps
	// [io.ErrUnexpectedEOF] if an archive is cut short, [fs.ErrNotExist] if
	// a file is missing in it, and [inventory.ErrTooLarge] if it exceeds a
	// limit.
	Err error
}

func (e *FormatError) Error() string {
	switch {
	case e.Err == nil:
		return fmt.Sprintf("%q: %s", e.Name, e.Reason)
	case e.Reason == "":
		return fmt.Sprintf("%q: %v", e.Name, e.Err)
	}
	return fmt.Sprintf("%q: %s: %v", e.Name, e.Reason, e.Err)
}

// Unwrap returns the cause.
func (e *FormatError) Unwrap() error { return e.Err }

// A DigestError reports content that is not what its digest or its size says:
// it is damaged, or somebody has changed it.
type DigestError = inventory.DigestError

// A PlatformError reports that an image is not there for a platform.
type PlatformError struct {
	Name      string     // what was read: a file, a folder or a reference
	Want      Platform   // the platform that was asked for, or the default
	Available []Platform // what there is, in the order of the index
}

func (e *PlatformError) Error() string {
	names := make([]string, len(e.Available))
	for i, p := range e.Available {
		names[i] = p.String()
	}
	return fmt.Sprintf("%q: no image for platform %q: choose one of %s", e.Name, e.Want, list(names))
}

// A SelectError reports that an archive or a layout holds several images of
// which none was chosen, or none with the reference that was asked for.
type SelectError struct {
	Name string // the file or folder
	Want string // the reference that was asked for, empty if none was
	// Available lists references, or digests where an image has no reference,
	// in stored order. Each of them is accepted by [WithReference].
	Available []string
}

func (e *SelectError) Error() string {
	if e.Want == "" {
		return fmt.Sprintf("%q: holds several images: choose one with a reference: %s", e.Name, list(e.Available))
	}
	return fmt.Sprintf("%q: no image, or more than one, is %q: choose one of %s", e.Name, e.Want, list(e.Available))
}

// A ReferenceError reports a reference that cannot be parsed.
type ReferenceError struct {
	Reference string
	Err       error // the cause, never nil
}

func (e *ReferenceError) Error() string {
	return fmt.Sprintf("%q is no image reference: write it as \"nginx:1.25\" or \"registry.example/team/app@sha256:…\": %v", e.Reference, e.Err)
}

// Unwrap returns the cause.
func (e *ReferenceError) Unwrap() error { return e.Err }

// A RegistryError reports that a registry did not hand out what was asked for.
type RegistryError struct {
	Reference string // what was asked for
	// Status is the HTTP status of the answer, 0 if there was none.
	Status int
	// RetryAfter is how long the registry asks to wait before the next try, 0 if
	// it does not. It is longer than [registry.Config] lets the client wait, or
	// waiting did not help.
	RetryAfter time.Duration
	// Err is the cause, never nil. It wraps a *transport.Error of
	// go-containerregistry if Status is not 0.
	Err error
}

func (e *RegistryError) Error() string {
	return fmt.Sprintf("%q: %s: %v", e.Reference, e.hint(), e.Err)
}

func (e *RegistryError) hint() string {
	switch {
	case e.Status == 0 && errors.Is(e.Err, registry.ErrForeignLayer):
		return "a layer is missing"
	case e.Status == 0 && refused(e.Err):
		return "a request was not sent"
	case e.Status == 0:
		return "no usable answer from the registry: check its name, the network and the proxy"
	case e.Status == http.StatusUnauthorized, e.Status == http.StatusForbidden:
		return "the registry refuses access: check the name, and log in to the registry"
	case e.Status == http.StatusNotFound:
		return "the registry does not have it: check the name and the tag"
	case e.Status == http.StatusTooManyRequests && e.RetryAfter > 0:
		return fmt.Sprintf("the registry limits requests: try again in %v, or log in for a higher limit", e.RetryAfter.Round(time.Second))
	case e.Status == http.StatusTooManyRequests:
		return "the registry limits requests: try later, or log in for a higher limit"
	case e.Status >= http.StatusInternalServerError:
		return "the registry is out of order: try later"
	}
	return fmt.Sprintf("the registry answers with status %d", e.Status)
}

// Unwrap returns the cause.
func (e *RegistryError) Unwrap() error { return e.Err }

// refused reports whether an error is that of what must not be sent.
func refused(err error) bool {
	return errors.Is(err, registry.ErrPlainHTTP) || errors.Is(err, registry.ErrAddress) ||
		errors.Is(err, registry.ErrTokenHost) || errors.Is(err, registry.ErrBlocked)
}

// A MirrorError reports that neither the mirrors of a registry nor the registry
// itself handed out an image.
type MirrorError struct {
	Err     error   // that of the registry itself
	Mirrors []error // those of the mirrors, in the order in which they were asked
}

func (e *MirrorError) Error() string {
	var text strings.Builder
	text.WriteString(e.Err.Error())
	for _, err := range e.Mirrors {
		text.WriteString("; before that, mirror " + err.Error())
	}
	return text.String()
}

// Unwrap returns all errors, that of the registry itself first.
func (e *MirrorError) Unwrap() []error { return append([]error{e.Err}, e.Mirrors...) }

// An ArtifactError reports that what a reference names is no image, but
// something else that is kept in a registry or a layout: a chart of Helm, a
// signature, a database. It is wrapped by a [FormatError].
type ArtifactError struct {
	// Type is the media type that says what it is: of the artifact or, if it
	// states none, of its configuration or its first layer.
	Type string
}

func (e *ArtifactError) Error() string {
	what := "another artifact"
	for _, known := range artifactTypes {
		if strings.HasPrefix(e.Type, known.prefix) {
			what = known.what
			break
		}
	}
	return fmt.Sprintf("no image, but %s (media type %q)", what, e.Type)
}

// artifactTypes are those that are met most.
var artifactTypes = []struct{ prefix, what string }{
	{"application/vnd.imagevet.vulndb.", "an advisory database: it is fetched with \"db pull\""},
	{"application/vnd.cncf.helm.", "a chart of Helm"},
	{"application/vnd.aquasec.trivy.", "a database of Trivy"},
	{"application/vnd.dev.cosign.", "a signature or attestation"},
	{"application/vnd.dev.sigstore.", "a signature or attestation"},
	{"application/vnd.in-toto", "an attestation"},
	{"application/vnd.cncf.notary.", "a signature"},
	{"application/vnd.wasm.", "a WebAssembly module"},
	{"application/vnd.cyclonedx", "a bill of materials: it is scanned as a file"},
	{"application/spdx", "a bill of materials: it is scanned as a file"},
	{"text/spdx", "a bill of materials: it is scanned as a file"},
	{"application/vnd.cncf.flux.", "an artifact of Flux"},
	{"application/vnd.cncf.openpolicyagent.", "a policy of Open Policy Agent"},
	{"application/vnd.docker.plugin.", "a plugin of Docker"},
	{"application/vnd.docker.ai.", "a model for machine learning"},
	{"application/vnd.ollama.", "a model for machine learning"},
}

// list shows the first of the names, as an index can have any number.
func list(names []string) string {
	const shown = 12
	more := ""
	if len(names) > shown {
		more = fmt.Sprintf(" and %d more", len(names)-shown)
		names = names[:shown]
	}
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = fmt.Sprintf("%q", name)
	}
	return strings.Join(quoted, ", ") + more
}

// storageError makes a [FormatError] of an error of an archive or a layout. The
// end of a context is not one.
func storageError(name, reason string, err error) error {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%q: %w", name, err)
	case errors.Is(err, io.ErrUnexpectedEOF):
		reason = join(reason, "it ends too early, as after a broken download or on a full disk: fetch or save it again")
	case errors.Is(err, fs.ErrNotExist):
		reason = join(reason, "a part is missing: save the image again")
	}
	return &FormatError{Name: name, Reason: reason, Err: err}
}

func join(a, b string) string {
	if a == "" {
		return b
	}
	return a + ": " + b
}
