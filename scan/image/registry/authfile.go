package registry

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
)

const (
	// maxAuthFile bounds a file with credentials, and what a helper writes,
	// in bytes.
	maxAuthFile = 4 << 20

	// helperTimeout bounds how long a credential helper may take. Some open a
	// window.
	helperTimeout = time.Minute
)

// AuthFile returns a keychain that reads a file as Docker's config.json and
// Podman's auth.json are, each time that it is asked. In this order, it looks
// for the registry in "credHelpers", asks the helper of "credsStore", and looks
// in "auths" for the repository, each namespace above it and the registry. A
// helper is a program "docker-credential-NAME" in $PATH; it has a minute to
// answer.
//
// See https://docs.docker.com/reference/cli/docker/login/#credential-helpers and
// https://github.com/containers/image/blob/main/docs/containers-auth.json.5.md.
func AuthFile(path string) authn.Keychain { return authFile{path} }

type authFile struct{ path string }

func (f authFile) Resolve(target authn.Resource) (authn.Authenticator, error) {
	return f.ResolveContext(context.Background(), target)
}

// ResolveContext implements [authn.ContextKeychain].
func (f authFile) ResolveContext(ctx context.Context, target authn.Resource) (authn.Authenticator, error) {
	file, err := os.Open(f.path)
	if err != nil {
		return nil, fmt.Errorf("registry: credentials: %w", err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxAuthFile+1))
	if err != nil {
		return nil, fmt.Errorf("registry: credentials: %w", err)
	}
	if len(data) > maxAuthFile {
		return nil, fmt.Errorf("registry: credentials: %q has more than %d bytes", f.path, maxAuthFile)
	}
	auth, err := parseAuthFile(ctx, data, target)
	if err != nil {
		return nil, fmt.Errorf("registry: credentials: %q: %w", f.path, err)
	}
	return auth, nil
}

// An authEntry is one entry of "auths".
type authEntry struct {
	Auth          string `json:"auth"` // base64 of "user:password"
	Username      string `json:"username"`
	Password      string `json:"password"`
	IdentityToken string `json:"identitytoken"`
	RegistryToken string `json:"registrytoken"`
}

func parseAuthFile(ctx context.Context, data []byte, target authn.Resource) (authn.Authenticator, error) {
	var file struct {
		Auths       map[string]authEntry `json:"auths"`
		CredHelpers map[string]string    `json:"credHelpers"`
		CredsStore  string               `json:"credsStore"`
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return authn.Anonymous, nil // Podman makes empty files
	}
	if err := json.Unmarshal(data, &file); err != nil {
		// The error of encoding/json may quote what is a password.
		return nil, errors.New("it is not the JSON that is expected")
	}
	host := hostOf(target.RegistryStr())
	helper := file.CredsStore
	for _, key := range slices.Sorted(maps.Keys(file.CredHelpers)) {
		if name := file.CredHelpers[key]; authKey(key) == host && name != "" {
			helper = name
			break
		}
	}
	if helper != "" {
		servers := []string{target.RegistryStr()}
		if host == hub {
			servers = []string{authn.DefaultAuthKey, hub}
		}
		for _, server := range servers {
			auth, found, err := askHelper(ctx, helper, server)
			if err != nil || found {
				return auth, err
			}
		}
	}
	entries := make(map[string]authEntry, len(file.Auths))
	for _, key := range slices.Sorted(maps.Keys(file.Auths)) {
		// A key that needs no change is nearer to what is meant than another.
		if old := entries[authKey(key)]; old == (authEntry{}) || authKey(key) == key && file.Auths[key] != (authEntry{}) {
			entries[authKey(key)] = file.Auths[key]
		}
	}
	for _, key := range keys(target) {
		e := entries[key]
		if e == (authEntry{}) {
			continue // as Docker leaves behind what a helper keeps
		}
		return e.authenticator(key)
	}
	return authn.Anonymous, nil
}

// authKey is a key of a file as [keys] has it. Docker's may be URLs.
func authKey(key string) string {
	rest, isURL := strings.CutPrefix(key, "https://")
	if !isURL {
		rest, isURL = strings.CutPrefix(key, "http://")
	}
	host, path, _ := strings.Cut(strings.TrimRight(rest, "/"), "/")
	if isURL || path == "" {
		return hostOf(host)
	}
	return hostOf(host) + "/" + path
}

func (e authEntry) authenticator(key string) (authn.Authenticator, error) {
	c := authn.AuthConfig{Username: e.Username, Password: e.Password, IdentityToken: e.IdentityToken, RegistryToken: e.RegistryToken}
	if e.Auth != "" {
		text, err := base64.StdEncoding.DecodeString(e.Auth)
		user, password, ok := strings.Cut(strings.TrimRight(string(text), "\x00"), ":")
		if err != nil || !ok {
			return nil, fmt.Errorf("entry %q: \"auth\" is not base64 of user and password", key)
		}
		c.Username, c.Password = user, password
	}
	return authn.FromConfig(c), nil
}

// askHelper runs a credential helper.
//
// The protocol: https://github.com/docker/docker-credential-helpers#development
func askHelper(ctx context.Context, name, server string) (_ authn.Authenticator, found bool, err error) {
	if strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") != "" {
		return nil, false, fmt.Errorf("credential helper %q: no name of a program", name)
	}
	ctx, cancel := context.WithTimeout(ctx, helperTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "docker-credential-"+name, "get")
	cmd.Stdin = strings.NewReader(server)
	cmd.WaitDelay = time.Second
	out := &boundedBuffer{most: maxAuthFile}
	cmd.Stdout = out
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		// Helpers say so in words: there is no other sign.
		if strings.Contains(out.String(), "credentials not found") {
			return nil, false, nil
		}
		return nil, false, fmt.Errorf("credential helper %q for %q: %w", name, server, err)
	}
	var answer struct{ Username, Secret string }
	if json.Unmarshal(out.Bytes(), &answer) != nil {
		return nil, false, fmt.Errorf("credential helper %q for %q: its answer is not JSON", name, server)
	}
	if answer.Username == "" && answer.Secret == "" {
		return nil, false, nil
	}
	if answer.Username == "<token>" {
		return authn.FromConfig(authn.AuthConfig{IdentityToken: answer.Secret}), true, nil
	}
	return authn.FromConfig(authn.AuthConfig{Username: answer.Username, Password: answer.Secret}), true, nil
}

// A boundedBuffer takes no more than so many bytes.
type boundedBuffer struct {
	bytes.Buffer
	most int
}

func (b *boundedBuffer) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.most {
		return 0, fmt.Errorf("more than %d bytes", b.most)
	}
	return b.Buffer.Write(p)
}
