package oci_test

import (
	"bytes"
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
	"fmt"
	"net/http"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/vulndb/oci"
)

func publicPEM(tb testing.TB, key crypto.PublicKey) []byte {
	tb.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	require.NoError(tb, err)
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func p256(tb testing.TB) *ecdsa.PrivateKey {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(tb, err)
	return key
}

func TestSign(t *testing.T) {
	reg, dir := newTestRegistry(t), usual(t)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	local := t.TempDir()
	for name, key := range map[string]crypto.Signer{"ecdsa": p256(t), "ed25519": ed, "rsa": rsaKey} {
		ref := reg.Host + "/" + name + ":latest"
		digest := push(t, dir, ref)
		with := oci.WithPublicKey(publicPEM(t, key.Public()))
		assert.ErrorIs(t, unchanged(t, ref, local, with), oci.ErrUnsigned, name)
		signed, err := oci.Sign(t.Context(), ref, key, anonymous())
		require.NoError(t, err, name)
		assert.Equal(t, digest, signed)
		result := pull(t, ref, local, with)
		assert.True(t, result.Signed)
		assert.Equal(t, digest, result.Digest)
		pull(t, reg.Host+"/"+name+"@"+digest, local, with)

		wrong := p256(t)
		assert.ErrorIs(t, unchanged(t, ref, local, oci.WithPublicKey(publicPEM(t, wrong.Public()))), oci.ErrSignature, name)
		// Any of several keys will do, and any of several signatures.
		pull(t, ref, local, oci.WithPublicKey(append(publicPEM(t, wrong.Public()), publicPEM(t, key.Public())...)))
		_, err = oci.Sign(t.Context(), ref, wrong, anonymous())
		require.NoError(t, err)
		pull(t, ref, local, oci.WithPublicKey(publicPEM(t, wrong.Public())))
		pull(t, ref, local, with)
		assert.Len(t, reg.manifest(t, name, tagOf(digest)).Layers, 2)

		// A new database has no signature, whatever the tag had before.
		push(t, database(t, map[string]int{"Debian:12": 2}), ref)
		assert.ErrorIs(t, unchanged(t, ref, local, with), oci.ErrUnsigned, name)
	}
}

func tagOf(digest string) string { return strings.Replace(digest, ":", "-", 1) + ".sig" }

// A signature as cosign stores it, written here by hand, and ways to get
// around it.
func TestSignatures(t *testing.T) {
	reg, local := newTestRegistry(t), t.TempDir()
	ref := reg.Host + "/db:latest"
	digest := push(t, usual(t), ref)
	other := push(t, database(t, map[string]int{"Debian:12": 2}), reg.Host+"/db:other")
	key := p256(t)
	with := oci.WithPublicKey(publicPEM(t, key.Public()))
	text := func(digest, kind string) string {
		return fmt.Sprintf(`{"critical":{"identity":{"docker-reference":"example.com/x"},"image":{"docker-manifest-digest":%q},"type":%q},"optional":{"a":1}}`, digest, kind)
	}
	const kind = "cosign container image signature"
	store := func(payload string, signed string, change func(d *v1.Descriptor)) {
		sum := sha256.Sum256([]byte(signed))
		signature, err := key.Sign(rand.Reader, sum[:], crypto.SHA256)
		require.NoError(t, err)
		d := reg.putBlob(t, "db", []byte(payload))
		d.MediaType = "application/vnd.dev.cosign.simplesigning.v1+json"
		d.Annotations = map[string]string{"dev.cosignproject.cosign/signature": base64.StdEncoding.EncodeToString(signature), "dev.sigstore.cosign/bundle": "{}"}
		change(&d)
		config := reg.putBlob(t, "db", []byte("{}"))
		config.MediaType = types.OCIConfigJSON
		reg.putManifest(t, "db", tagOf(digest), v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Config: config, Layers: []v1.Descriptor{d}})
	}
	good := text(digest, kind)
	same := func(*v1.Descriptor) {}
	store(good, good, same)
	pull(t, ref, local, with)

	annotation := "dev.cosignproject.cosign/signature"
	tests := []struct {
		name            string
		payload, signed string
		change          func(d *v1.Descriptor)
		want            error
	}{
		{"of another database", text(other, kind), text(other, kind), same, oci.ErrSignature},
		{"of another payload", good, text(other, kind), same, oci.ErrSignature},
		{"of something else", text(digest, "atomic container signature"), text(digest, "atomic container signature"), same, oci.ErrSignature},
		{"of no JSON", digest, digest, same, oci.ErrSignature},
		{"of an empty digest", text("", kind), text("", kind), same, oci.ErrSignature},
		{"no base64", good, good, func(d *v1.Descriptor) { d.Annotations[annotation] = "?" }, oci.ErrSignature},
		{"empty", good, good, func(d *v1.Descriptor) { d.Annotations[annotation] = "" }, oci.ErrSignature},
		{"huge payload", good, good, func(d *v1.Descriptor) { d.Size = 1 << 40 }, oci.ErrSignature},
		{"payload of another size", good, good, func(d *v1.Descriptor) { d.Size++ }, oci.ErrDigest},
		{"no annotation", good, good, func(d *v1.Descriptor) { d.Annotations = nil }, oci.ErrUnsigned},
		{"another media type", good, good, func(d *v1.Descriptor) { d.MediaType = types.OCILayer }, oci.ErrUnsigned},
	}
	for _, tt := range tests {
		store(tt.payload, tt.signed, tt.change)
		assert.ErrorIs(t, unchanged(t, ref, local, with), tt.want, tt.name)
	}
	store(good, good, same)
	m := reg.manifest(t, "db", tagOf(digest))
	m.Layers[0].Annotations[annotation] = base64.StdEncoding.EncodeToString([]byte("wrong"))
	for range 100 {
		m.Layers = append(m.Layers, m.Layers[0])
	}
	reg.putManifest(t, "db", tagOf(digest), m)
	reg.Misbehave(nil)
	assert.ErrorIs(t, unchanged(t, ref, local, with), oci.ErrSignature, "too many")
	assert.LessOrEqual(t, len(reg.Asked("/blobs/")), 64)
	_, err := oci.Sign(t.Context(), ref, key, anonymous())
	assert.ErrorContains(t, err, "101 signatures already")

	reg.Misbehave(send("/manifests/"+tagOf(digest), []byte("[]"), false))
	assert.ErrorIs(t, unchanged(t, ref, local, with), oci.ErrSignature, "no manifest")
	// A registry that cannot say whether there is a signature has not said
	// that there is none.
	reg.Misbehave(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, ".sig") {
			return false
		}
		w.WriteHeader(http.StatusForbidden)
		return true
	})
	assert.NotErrorIs(t, unchanged(t, ref, local, with), oci.ErrUnsigned)
}

// What Sign stores is what the specification says.
func TestSignForm(t *testing.T) {
	reg := newTestRegistry(t)
	digest := push(t, usual(t), reg.Host+"/db:1")
	key := p256(t)
	_, err := oci.Sign(t.Context(), reg.Host+"/db@"+digest, key, anonymous())
	require.NoError(t, err)
	m := reg.manifest(t, "db", tagOf(digest))
	require.Len(t, m.Layers, 1)
	assert.Equal(t, types.MediaType("application/vnd.dev.cosign.simplesigning.v1+json"), m.Layers[0].MediaType)
	text := reg.do(t, http.MethodGet, "db/blobs/"+m.Layers[0].Digest.String(), "", nil, http.StatusOK)
	assert.JSONEq(t, fmt.Sprintf(`{"critical":{"identity":{"docker-reference":%q},"image":{"docker-manifest-digest":%q},"type":"cosign container image signature"},"optional":null}`, reg.Host+"/db", digest), string(text))
	signature, err := base64.StdEncoding.DecodeString(m.Layers[0].Annotations["dev.cosignproject.cosign/signature"])
	require.NoError(t, err)
	sum := sha256.Sum256(text)
	assert.True(t, ecdsa.VerifyASN1(&key.PublicKey, sum[:], signature))
	var config v1.ConfigFile
	require.NoError(t, json.Unmarshal(reg.do(t, http.MethodGet, "db/blobs/"+m.Config.Digest.String(), "", nil, http.StatusOK), &config))
	assert.Equal(t, []v1.Hash{m.Layers[0].Digest}, config.RootFS.DiffIDs)

	image := reg.manifest(t, "db", "1")
	image.ArtifactType = ""
	reg.putManifest(t, "db", "image", image)
	_, err = oci.Sign(t.Context(), reg.Host+"/db:image", key, anonymous())
	assert.ErrorIs(t, err, oci.ErrNotDatabase)
	_, err = oci.Sign(t.Context(), reg.Host+"/db:1", nil, anonymous())
	assert.ErrorContains(t, err, "no key")
}

func TestPublicKeyErrors(t *testing.T) {
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(p384)
	require.NoError(t, err)
	tests := []struct {
		name string
		text []byte
		want string
	}{
		{"nothing", nil, "no public key"},
		{"no PEM", []byte("ssh-ed25519 AAAA"), "no public key"},
		{"a private key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), `"PRIVATE KEY"`},
		{"no key", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte("x")}), "asn1"},
		{"another curve", publicPEM(t, p384.Public()), "P-384"},
		{"huge", bytes.Repeat([]byte("\n"), 2<<20), "more than"},
	}
	for _, tt := range tests {
		_, err := oci.Pull(t.Context(), "localhost:1/db", t.TempDir(), oci.WithPublicKey(tt.text))
		assert.ErrorContains(t, err, "oci: WithPublicKey: ", tt.name)
		assert.ErrorContains(t, err, tt.want, tt.name)
	}
	_, err = oci.Sign(t.Context(), "localhost:1/db", p384, anonymous())
	assert.ErrorContains(t, err, "P-384")
}
