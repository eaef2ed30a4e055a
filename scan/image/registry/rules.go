package registry

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/google/go-containerregistry/pkg/name"
)

// Limits of a file with rules.
const (
	maxRules       = 1 << 20 // bytes
	maxRegistries  = 4096
	maxMirrors     = 64
	maxLocationLen = 512
)

// When a [Mirror] is asked: for all references, for those with a digest, for
// those with a tag alone.
const (
	PullAll    = "all"
	PullDigest = "digest-only"
	PullTag    = "tag-only"
)

// Rules say where images really are, and which mirrors have them.
type Rules struct {
	// Search is used for references without a registry, such as "nginx" or
	// "team/app". One entry is put in front of them. With several, such a
	// reference is [ErrAmbiguous]: trying one after another is how the image of
	// a stranger is taken for one's own. With none, Docker Hub is meant.
	Search []string
	// Registries are looked at for every reference: the one with the longest
	// Prefix that fits is used.
	Registries []Rule
}

// A Rule is what is to be known of a registry, or of a part of one.
type Rule struct {
	// Prefix is the beginning of the references that the rule is for, up to a
	// "/", ":" or "@": a host, with or without a port, a namespace, a
	// repository. "*.example.com" is for all hosts below a domain. Docker
	// Hub is "docker.io". Empty stands for Location.
	Prefix string
	// Location is put in the place of Prefix. Empty stands for Prefix.
	Location string
	// Insecure is that of [Config], for this registry alone.
	Insecure bool
	// Blocked forbids to use the registry, and its mirrors.
	Blocked bool
	// MirrorByDigestOnly asks mirrors only for references with a digest,
	// whichever they say themselves.
	MirrorByDigestOnly bool
	// Mirrors are asked in this order, and the registry itself last.
	Mirrors []Mirror
}

// A Mirror is a registry that has what another one has.
type Mirror struct {
	// Location is put in the place of the rule's Prefix.
	Location string
	// Insecure is that of [Config], for this mirror alone.
	Insecure bool
	// Pull is when it is asked. Empty stands for [PullAll].
	Pull string
}

// ReadRules reads a file in the format of registries.conf; see [ParseRules].
// Other files, such as those in registries.conf.d, are not read.
func ReadRules(path string) (*Rules, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxRules+1))
	if err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	rules, err := ParseRules(data)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", path, err)
	}
	return rules, nil
}

// ParseRules parses a text in version 2 of the format of registries.conf, of at
// most 1 MiB:
// https://github.com/containers/image/blob/main/docs/containers-registries.conf.5.md
//
// It knows unqualified-search-registries, and of [[registry]] prefix, location,
// insecure, blocked, mirror-by-digest-only and [[registry.mirror]] with location,
// insecure and pull-from-mirror. Another key of a registry is an error, as what it
// asks for would not be done. The other settings of the file, about short names
// and credential helpers, are passed over. Version 1 of the format is an error.
func ParseRules(data []byte) (*Rules, error) {
	if len(data) > maxRules {
		return nil, fmt.Errorf("registry: rules of more than %d bytes", maxRules)
	}
	var file struct {
		Search   []string `toml:"unqualified-search-registries"`
		Registry []struct {
			Prefix             string `toml:"prefix"`
			Location           string `toml:"location"`
			Insecure           bool   `toml:"insecure"`
			Blocked            bool   `toml:"blocked"`
			MirrorByDigestOnly bool   `toml:"mirror-by-digest-only"`
			Mirror             []struct {
				Location string `toml:"location"`
				Insecure bool   `toml:"insecure"`
				Pull     string `toml:"pull-from-mirror"`
			} `toml:"mirror"`
		} `toml:"registry"`
		V1 any `toml:"registries"`
	}
	meta, err := toml.Decode(string(data), &file)
	if err != nil {
		return nil, fmt.Errorf("registry: rules: %w", err)
	}
	if file.V1 != nil {
		return nil, errors.New("registry: rules: version 1 of the format of registries.conf is not supported")
	}
	for _, key := range meta.Undecoded() {
		if len(key) > 1 && key[0] == "registry" {
			return nil, fmt.Errorf("registry: rules: the key %q is not supported", key.String())
		}
	}
	rules := &Rules{Search: file.Search}
	for _, r := range file.Registry {
		rule := Rule{Prefix: r.Prefix, Location: r.Location, Insecure: r.Insecure, Blocked: r.Blocked, MirrorByDigestOnly: r.MirrorByDigestOnly}
		for _, m := range r.Mirror {
			rule.Mirrors = append(rule.Mirrors, Mirror(m))
		}
		rules.Registries = append(rules.Registries, rule)
	}
	if err := rules.Validate(); err != nil {
		return nil, err
	}
	return rules, nil
}

// Validate reports what is wrong with rules. [ParseRules] and those who use
// rules call it.
func (r *Rules) Validate() error {
	if len(r.Registries) > maxRegistries {
		return fmt.Errorf("registry: rules for more than %d registries", maxRegistries)
	}
	for _, host := range r.Search {
		if err := checkLocation(host); err != nil {
			return fmt.Errorf("registry: registry to search: %w", err)
		}
	}
	seen := map[string]bool{}
	for i := range r.Registries {
		rule := &r.Registries[i]
		prefix := rule.prefix()
		wildcard := strings.HasPrefix(prefix, "*.")
		location := rule.Location
		if location == "" && !wildcard {
			location = prefix
		}
		switch {
		case prefix == "":
			return errors.New("registry: a rule without prefix and location")
		case seen[prefix]:
			return fmt.Errorf("registry: two rules for %q", prefix)
		case wildcard && (strings.ContainsAny(prefix[2:], "*/@") || len(prefix) == 2):
			return fmt.Errorf("registry: prefix %q: only a whole host below a domain can be left open, as in \"*.example.com\"", prefix)
		case len(rule.Mirrors) > maxMirrors:
			return fmt.Errorf("registry: more than %d mirrors for %q", maxMirrors, prefix)
		}
		seen[prefix] = true
		if location != "" {
			if err := checkLocation(location); err != nil {
				return fmt.Errorf("registry: rule for %q: %w", prefix, err)
			}
		}
		for _, m := range rule.Mirrors {
			if err := checkLocation(m.Location); err != nil {
				return fmt.Errorf("registry: mirror for %q: %w", prefix, err)
			}
			switch m.Pull {
			case "", PullAll, PullDigest, PullTag:
			default:
				return fmt.Errorf("registry: mirror for %q: pull-from-mirror is %q, must be %q, %q or %q", prefix, m.Pull, PullAll, PullDigest, PullTag)
			}
			if rule.MirrorByDigestOnly && m.Pull != "" {
				return fmt.Errorf("registry: mirror for %q: both mirror-by-digest-only and pull-from-mirror", prefix)
			}
		}
	}
	return nil
}

func (r *Rule) prefix() string {
	prefix := r.Prefix
	if prefix == "" {
		prefix = r.Location
	}
	if host, _, _ := strings.Cut(prefix, "/"); hostOf(host) != host {
		prefix = hostOf(host) + prefix[len(host):] // another name of Docker Hub
	}
	return prefix
}

// checkLocation looks for what would make another reference of a location than
// is meant.
func checkLocation(s string) error {
	switch host, _, _ := strings.Cut(s, "/"); {
	case s == "" || len(s) > maxLocationLen || strings.HasSuffix(s, "/") || strings.Contains(s, "//"),
		strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("*?#@%\\\"<>", r) }):
		return fmt.Errorf("location %q must be a host, which may have a port and a path", s)
	case !strings.ContainsAny(host, ".:") && host != "localhost":
		return fmt.Errorf("location %q: its host must have a dot or a port", s)
	}
	return nil
}

// An Endpoint is a place to look for an image.
type Endpoint struct {
	Reference name.Reference
	// Mirror is true for all but the registry itself.
	Mirror bool
	// Moved is true if Reference is not the one that was asked for.
	Moved bool
	// Insecure is that of [Config].
	Insecure bool
}

// Endpoints returns where to look for what a reference names, in this order.
// It has at least one element. A nil r has no rules. The error wraps
// [ErrBlocked] or [ErrAmbiguous], or reports what is wrong with the reference.
func (r *Rules) Endpoints(ref string, insecure bool) ([]Endpoint, error) {
	parse := func(s string, insecure bool) (name.Reference, error) {
		if insecure {
			return name.ParseReference(s, name.Insecure)
		}
		return name.ParseReference(s)
	}
	if r == nil {
		parsed, err := parse(ref, insecure)
		if err != nil {
			return nil, err
		}
		return []Endpoint{{Reference: parsed, Insecure: insecure}}, nil
	}
	asked, err := parse(ref, insecure)
	if err != nil {
		return nil, err
	}
	moved := false
	if len(r.Search) > 0 && !qualified(ref) {
		if len(r.Search) > 1 {
			return nil, fmt.Errorf("%w: %q", ErrAmbiguous, r.Search)
		}
		if asked, err = parse(r.Search[0]+"/"+ref, insecure); err != nil {
			return nil, err
		}
		moved = true
	}
	full := fullName(asked)
	rule, rest := r.find(full)
	if rule == nil {
		return []Endpoint{{Reference: asked, Insecure: insecure, Moved: moved}}, nil
	}
	if rule.Blocked {
		return nil, fmt.Errorf("%w: %q", ErrBlocked, rule.prefix())
	}
	_, byDigest := asked.(name.Digest)
	var list []Endpoint
	for _, m := range rule.Mirrors {
		if byDigest && m.Pull == PullTag || !byDigest && (m.Pull == PullDigest || rule.MirrorByDigestOnly) {
			continue
		}
		insecure := insecure || m.Insecure
		parsed, err := parse(m.Location+rest, insecure)
		if err != nil {
			return nil, fmt.Errorf("mirror %q: %w", m.Location, err)
		}
		list = append(list, Endpoint{Reference: parsed, Insecure: insecure, Mirror: true, Moved: true})
	}
	insecure = insecure || rule.Insecure
	itself := full
	if rule.Location != "" && rule.Location != rule.prefix() {
		itself, moved = rule.Location+rest, true
	}
	parsed, err := parse(itself, insecure)
	if err != nil {
		return nil, fmt.Errorf("location %q: %w", rule.Location, err)
	}
	return append(list, Endpoint{Reference: parsed, Insecure: insecure, Moved: moved}), nil
}

// qualified reports whether a reference has a registry, as Docker tells it:
// its first element has a dot or a port, or is "localhost".
func qualified(ref string) bool {
	host, _, ok := strings.Cut(ref, "/")
	return ok && (strings.ContainsAny(host, ".:") || host == "localhost")
}

// fullName is a reference as rules have it.
func fullName(ref name.Reference) string {
	repo := ref.Context()
	separator := ":"
	if _, ok := ref.(name.Digest); ok {
		separator = "@"
	}
	return hostOf(repo.RegistryStr()) + "/" + repo.RepositoryStr() + separator + ref.Identifier()
}

// find returns the rule for a full name, and what follows its prefix. It is
// nil if there is none.
func (r *Rules) find(full string) (best *Rule, rest string) {
	longest := -1
	for i := range r.Registries {
		rule := &r.Registries[i]
		prefix := rule.prefix()
		n := len(prefix)
		if suffix, ok := strings.CutPrefix(prefix, "*"); ok {
			host, _, _ := strings.Cut(full, "/")
			host, _, _ = strings.Cut(host, ":") // any port
			if !strings.HasSuffix(host, suffix) || len(host) == len(suffix) {
				continue
			}
			if n > longest {
				best, rest, longest = rule, full[len(host):], n
			}
			continue
		}
		if strings.HasPrefix(full, prefix) && (len(full) == n || strings.ContainsRune("/:@", rune(full[n]))) && n > longest {
			best, rest, longest = rule, full[n:], n
		}
	}
	return best, rest
}
