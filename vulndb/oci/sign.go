package oci

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Errors of [Pull] with [WithPublicKey].
var (
	// ErrUnsigned says that there is no signature where one was asked for.
	ErrUnsigned = errors.New("the database is not signed, sign it or leave out the key")
	// ErrSignature says that there are signatures, and none is by the key.
	ErrSignature = errors.New("no signature of the database is by the given key, which may be the wrong one; else do not use the database")
)

// What cosign stores: https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md.
const (
	payloadType         = "application/vnd.dev.cosign.simplesigning.v1+json"
	payloadKind         = "cosign container image signature"
	annotationSignature = "dev.cosignproject.cosign/signature"

	maxSignatures = 64
	maxPayload    = 64 << 10 // bytes
	maxKeyFile    = 1 << 20  // bytes
)

// A payload is what is signed.
type payload struct {
	Critical struct {
		Identity struct {
			DockerReference string `json:"docker-reference"`
		} `json:"identity"`
		Image struct {
			DockerManifestDigest string `json:"docker-manifest-digest"`
		} `json:"image"`
		Type string `json:"type"`
	} `json:"critical"`
	Optional map[string]any `json:"optional"`
}

// A publicKey verifies signatures of payloads.
type publicKey interface {
	verify(payload, signature []byte) bool
}

type (
	ecdsaKey   struct{ *ecdsa.PublicKey }
	rsaKey     struct{ *rsa.PublicKey }
	ed25519Key struct{ ed25519.PublicKey }
)

func (k ecdsaKey) verify(payload, signature []byte) bool {
	sum := sha256.Sum256(payload)
	return ecdsa.VerifyASN1(k.PublicKey, sum[:], signature)
}

func (k rsaKey) verify(payload, signature []byte) bool {
	sum := sha256.Sum256(payload)
	return rsa.VerifyPKCS1v15(k.PublicKey, crypto.SHA256, sum[:], signature) == nil
}

func (k ed25519Key) verify(payload, signature []byte) bool {
	return ed25519.Verify(k.PublicKey, payload, signature)
}

// newPublicKey checks that a key is of a kind that can be used.
func newPublicKey(key any) (publicKey, error) {
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P256() {
			return nil, fmt.Errorf("ECDSA on %s, known is P-256", key.Curve.Params().Name)
		}
		return ecdsaKey{key}, nil
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < 2048 || bits > 8192 {
			return nil, fmt.Errorf("RSA of %d bits, known are 2048 to 8192", bits)
		}
		return rsaKey{key}, nil
	case ed25519.PublicKey:
		return ed25519Key{key}, nil
	}
	return nil, fmt.Errorf("a key of type %T, known are ECDSA, Ed25519 and RSA", key)
}

// parsePublicKeys reads all keys of a PEM file.
func parsePublicKeys(text []byte) ([]publicKey, error) {
	if len(text) > maxKeyFile {
		return nil, fmt.Errorf("%d bytes, more than %d", len(text), maxKeyFile)
	}
	var keys []publicKey
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		var parsed any
		var err error
		switch block.Type {
		case "PUBLIC KEY":
			parsed, err = x509.ParsePKIXPublicKey(block.Bytes)
		case "RSA PUBLIC KEY":
			parsed, err = x509.ParsePKCS1PublicKey(block.Bytes)
		default:
			return nil, fmt.Errorf("PEM of type %q, which is no public key", block.Type)
		}
		if err != nil {
			return nil, err
		}
		key, err := newPublicKey(parsed)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errors.New("no public key in PEM")
	}
	return keys, nil
}

// signatureTag is where cosign keeps the signatures of a manifest.
func (c *client) signatureTag(digest v1.Hash) name.Tag {
	return c.ref.Context().Tag(digest.Algorithm + "-" + digest.Hex + ".sig")
}

// verify looks for a signature of the digest by one of the keys.
func (c *client) verify(ctx context.Context, digest v1.Hash, keys []publicKey) error {
	m, err := c.signatures(ctx, digest)
	if err != nil {
		return err
	}
	found := 0
	for _, d := range m.Layers {
		text, ok := d.Annotations[annotationSignature]
		if !ok || d.MediaType != payloadType {
			continue
		}
		if found++; found > maxSignatures {
			return fmt.Errorf("%w: %q: more than %d", ErrSignature, c.asked, maxSignatures)
		}
		signature, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			continue // one that is damaged is none
		}
		signed, err := c.readBlob(ctx, d, maxPayload)
		if errors.Is(err, ErrNotDatabase) {
			continue // too large
		}
		if err != nil {
			return err
		}
		for _, key := range keys {
			if key.verify(signed, signature) && isFor(signed, digest) {
				return nil
			}
		}
	}
	if found == 0 {
		return fmt.Errorf("%w: %q, digest %q", ErrUnsigned, c.asked, digest)
	}
	return fmt.Errorf("%w: %q, digest %q, %d signatures", ErrSignature, c.asked, digest, found)
}

// isFor reports whether what was signed speaks of a digest. The reference in it
// is not looked at: a database that was copied to another registry stays what
// it is.
func isFor(signed []byte, digest v1.Hash) bool {
	var p payload
	return json.Unmarshal(signed, &p) == nil && p.Critical.Type == payloadKind &&
		p.Critical.Image.DockerManifestDigest == digest.String()
}

// signatures returns the manifest that lists the signatures. The error wraps
// ErrUnsigned if there is none.
func (c *client) signatures(ctx context.Context, digest v1.Hash) (*v1.Manifest, error) {
	raw, _, err := c.get(ctx, c.signatureTag(digest))
	if notFound(err) {
		return nil, fmt.Errorf("%w: %q, digest %q", ErrUnsigned, c.asked, digest)
	}
	if err != nil {
		return nil, err
	}
	m, err := c.parseManifest(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: %q: tag %q: %w", ErrSignature, c.asked, c.signatureTag(digest).TagStr(), err)
	}
	return m, nil
}

// Sign signs the database that is stored under ref, and returns the digest that
// it has signed. The signature is stored beside the database, where cosign
// keeps it (a tag of the digest with ".sig"), with those that are there; the tag
// is read and written again, so that of two signers at the same time one can be
// lost. The key is ECDSA on P-256, Ed25519 or RSA of 2048 to 8192 bits.
//
// With a tag, whatever it names at the moment is signed: use the digest that
// [Push] returns, "registry.example/team/vulndb@sha256:…". The error wraps
// [ErrNotDatabase], or is an [*image.RegistryError] or [*image.ReferenceError].
func Sign(ctx context.Context, ref string, key crypto.Signer, opts ...Option) (digest string, err error) {
	digest, err = sign(ctx, ref, key, opts)
	if err != nil {
		return "", fmt.Errorf("oci: sign: %w", err)
	}
	return digest, nil
}

func sign(ctx context.Context, ref string, key crypto.Signer, opts []Option) (string, error) {
	cfg, err := newConfig(opts)
	if err != nil {
		return "", err
	}
	if cfg.ecosystems != nil || cfg.keys != nil {
		return "", errors.New("WithEcosystems and WithPublicKey are for Pull")
	}
	if key == nil {
		return "", errors.New("no key")
	}
	public, err := newPublicKey(key.Public())
	if err != nil {
		return "", err
	}
	c, err := newWriter(ref, cfg)
	if err != nil {
		return "", err
	}
	defer c.close()
	raw, digest, err := c.get(ctx, c.ref)
	if err != nil {
		return "", err
	}
	m, err := c.parseManifest(raw)
	if err != nil {
		return "", err
	}
	if _, _, err := c.layers(m); err != nil {
		return "", err
	}
	var p payload
	p.Critical.Identity.DockerReference = c.ref.Context().Name()
	p.Critical.Image.DockerManifestDigest = digest.String()
	p.Critical.Type = payloadKind
	text, err := json.Marshal(&p)
	if err != nil {
		return "", err
	}
	signature, err := signPayload(key, text)
	if err != nil {
		return "", err
	}
	if !public.verify(text, signature) {
		return "", errors.New("the key makes signatures that are wrong")
	}
	return digest.String(), c.store(ctx, digest, text, signature)
}

func signPayload(key crypto.Signer, text []byte) ([]byte, error) {
	if _, ok := key.Public().(ed25519.PublicKey); ok {
		return key.Sign(rand.Reader, text, crypto.Hash(0))
	}
	sum := sha256.Sum256(text)
	return key.Sign(rand.Reader, sum[:], crypto.SHA256)
}

// store adds a signature to those that are there.
func (c *client) store(ctx context.Context, digest v1.Hash, text, signature []byte) error {
	m, err := c.signatures(ctx, digest)
	if errors.Is(err, ErrUnsigned) {
		m, err = &v1.Manifest{SchemaVersion: 2}, nil
	}
	if err != nil {
		return err
	}
	if len(m.Layers) >= maxSignatures {
		return fmt.Errorf("%q: there are %d signatures already", c.asked, len(m.Layers))
	}
	layer := bytesBlob(payloadType, text)
	layer.desc.Annotations = map[string]string{annotationSignature: base64.StdEncoding.EncodeToString(signature)}
	m.MediaType = types.OCIManifestSchema1
	m.Layers = append(m.Layers, layer.desc)
	// A configuration as images have it, which cosign asks for.
	file := v1.ConfigFile{RootFS: v1.RootFS{Type: "layers"}}
	for _, d := range m.Layers {
		file.RootFS.DiffIDs = append(file.RootFS.DiffIDs, d.Digest)
	}
	fileText, err := json.Marshal(&file)
	if err != nil {
		return err
	}
	config := bytesBlob(types.OCIConfigJSON, fileText)
	m.Config = config.desc
	raw, err := json.Marshal(m)
	if err != nil {
		return err
	}
	for _, b := range []*blob{layer, config} {
		if err := c.pusher.Upload(ctx, c.ref.Context(), b); err != nil {
			return c.fail(ctx, err)
		}
	}
	if err := c.pusher.Put(ctx, c.signatureTag(digest), rawManifest(raw)); err != nil {
		return c.fail(ctx, err)
	}
	return nil
}
