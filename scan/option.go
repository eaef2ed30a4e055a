package scan

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/imagevet/imagevet/cvss"
	"github.com/imagevet/imagevet/sbom"
	"github.com/imagevet/imagevet/scan/ignore"
	"github.com/imagevet/imagevet/scan/image"
	"github.com/imagevet/imagevet/scan/image/registry"
	"github.com/imagevet/imagevet/scan/vex"
	"github.com/imagevet/imagevet/vulndb"
)

// An Option changes one default of [New]. If two conflict, the last one wins.
type Option func(*config) error

type config struct {
	db             *vulndb.DB
	watcher        *vulndb.Watcher     // instead of db
	auto           *vulndb.AutoUpdater // instead of db
	sbom           []sbom.Option
	image          []image.Option
	minSeverity    cvss.Severity
	severities     []cvss.Severity // nil: all
	ignoreStatuses []Status
	ignoreUnfixed  bool
	matchOwned     bool
	informational  bool // report remarks as findings
	base           baseConfig
	severityOrder  []SeverityBasis
	clock          func() time.Time
	log            *slog.Logger
	ignore         *ignore.Set // nil: no rule
	vex            *vex.Set    // nil: no document
	progress       func(Progress)
}

func defaultConfig() config {
	return config{severityOrder: SeverityBases(), clock: time.Now, log: slog.New(slog.DiscardHandler)}
}

// WithDB sets the database to compare packages with. The Scanner does not
// close it. The default is none: a report then has the packages, and its
// coverage says that nothing was compared.
func WithDB(db *vulndb.DB) Option {
	return func(c *config) error {
		if db == nil {
			return errors.New("scan: WithDB(nil): leave the option out to scan without a database")
		}
		c.db, c.watcher, c.auto = db, nil, nil
		return nil
	}
}

// WithWatcher compares packages with the newest database of a watcher. Each
// report rests on one database from start to end, whatever comes meanwhile. The
// Scanner does not close the watcher; once that is closed, scans fail with an
// error that wraps [vulndb.ErrClosed]. It takes the place of [WithDB]. The default
// is none.
func WithWatcher(w *vulndb.Watcher) Option {
	return func(c *config) error {
		if w == nil {
			return errors.New("scan: WithWatcher(nil): leave the option out to scan without a database")
		}
		c.db, c.watcher, c.auto = nil, w, nil
		return nil
	}
}

// WithAutoUpdate compares packages with a database that is brought up to date
// first, with what an image needs of it: see [vulndb.AutoUpdater.Acquire]. What
// could not be updated is among the problems of the report. The Scanner does not
// close the updater. It takes the place of [WithDB]. The default is none.
func WithAutoUpdate(a *vulndb.AutoUpdater) Option {
	return func(c *config) error {
		if a == nil {
			return errors.New("scan: WithAutoUpdate(nil): leave the option out to scan without a database")
		}
		c.db, c.watcher, c.auto = nil, nil, a
		return nil
	}
}

// WithMinSeverity reports findings of this severity and above. Findings that
// nobody has rated stay: they can be of any severity. The others are in
// [Report].Suppressed. The default is [cvss.Unknown], which reports all.
func WithMinSeverity(s cvss.Severity) Option {
	return func(c *config) error {
		if _, err := s.MarshalText(); err != nil {
			return fmt.Errorf("scan: WithMinSeverity: %w", err)
		}
		c.minSeverity = s
		return nil
	}
}

// WithSeverities reports findings of these severities only; those that nobody
// has rated are reported if [cvss.Unknown] is one of them. The others are in
// [Report].Suppressed. The default is all.
func WithSeverities(severities ...cvss.Severity) Option {
	return func(c *config) error {
		if len(severities) == 0 {
			return errors.New("scan: WithSeverities: no severity")
		}
		for _, s := range severities {
			if _, err := s.MarshalText(); err != nil {
				return fmt.Errorf("scan: WithSeverities: %w", err)
			}
		}
		c.severities = slices.Clone(severities)
		return nil
	}
}

// WithIgnoreUnfixed leaves out findings without a fixed version; they are in
// [Report].Suppressed. The default is false.
func WithIgnoreUnfixed(ignore bool) Option {
	return func(c *config) error {
		c.ignoreUnfixed = ignore
		return nil
	}
}

// WithIgnoreStatuses leaves out findings of these statuses; they are in
// [Report].Suppressed. The default is to leave out none.
func WithIgnoreStatuses(statuses ...Status) Option {
	return func(c *config) error {
		for _, s := range statuses {
			if !slices.Contains(Statuses(), s) {
				return fmt.Errorf("scan: WithIgnoreStatuses(%q): no such status; there are %q", s, Statuses())
			}
		}
		c.ignoreStatuses = slices.Clone(statuses)
		return nil
	}
}

// WithPlatform chooses one image of a multi-platform index, such as
// "linux/arm64" or "linux/arm/v7". The default is the platform of the running
// program, with Linux on systems that have no images of their own.
func WithPlatform(platform string) Option {
	return func(c *config) error {
		p, err := image.ParsePlatform(platform)
		if err != nil {
			return fmt.Errorf("scan: WithPlatform: %w", err)
		}
		c.image = append(c.image, image.WithPlatform(p))
		return nil
	}
}

// WithRegistry sets how [Scanner.Image] talks to registries: credentials,
// mirrors, certificates, what is tried again, what is refused. It replaces what
// [WithKeychain], [WithTransport] and [WithInsecure] before it say; after it they
// change it. The default is the zero value of [registry.Config].
func WithRegistry(r registry.Config) Option {
	return func(c *config) error {
		if err := r.Validate(); err != nil {
			return fmt.Errorf("scan: WithRegistry: %w", err)
		}
		c.image = append(c.image, image.WithRegistry(r))
		return nil
	}
}

// WithKeychain sets where [Scanner.Image] finds the credentials of a registry,
// and nothing else of [WithRegistry]. The default is
// [registry.DefaultKeychain], which reads the files of Docker and Podman.
func WithKeychain(k authn.Keychain) Option {
	return func(c *config) error {
		c.image = append(c.image, image.WithKeychain(k))
		return nil
	}
}

// WithTransport sets what [Scanner.Image] sends its requests with, and nothing
// else of [WithRegistry]. The default is that of [registry.Config].
func WithTransport(t http.RoundTripper) Option {
	return func(c *config) error {
		c.image = append(c.image, image.WithTransport(t))
		return nil
	}
}

// WithInsecure allows plain HTTP, and TLS without a valid certificate, between
// [Scanner.Image] and the registry. Whoever sits on the network can then give
// it any image. It changes nothing else of [WithRegistry]. The default is false.
func WithInsecure(insecure bool) Option {
	return func(c *config) error {
		c.image = append(c.image, image.WithInsecure(insecure))
		return nil
	}
}

// WithWorkers bounds how many layers are read at once. The report does not
// depend on it. The default is runtime.GOMAXPROCS(0).
func WithWorkers(n int) Option {
	return func(c *config) error {
		c.sbom = append(c.sbom, sbom.WithWorkers(n))
		return nil
	}
}

// WithMemoryLimit bounds the memory, in bytes, for files that must be read in
// any order, over all scans of the Scanner. Larger files are reported as
// problems. The default is 256 MiB.
func WithMemoryLimit(bytes int64) Option {
	return func(c *config) error {
		c.sbom = append(c.sbom, sbom.WithMemoryLimit(bytes))
		return nil
	}
}

// WithMatchOwned compares packages with the database that are part of an
// operating system package too. By default they are not: the distribution's
// advisories for that package say what concerns it, and those of the language
// do not know what the distribution has mended. The default is false.
func WithMatchOwned(match bool) Option {
	return func(c *config) error {
		c.matchOwned = match
		return nil
	}
}

// WithInventory sets options of the inventory, besides those that have an
// option here. The default is that of [sbom.New].
func WithInventory(opts ...sbom.Option) Option {
	return func(c *config) error {
		for _, opt := range opts {
			if opt == nil {
				return errors.New("scan: WithInventory: a nil option")
			}
		}
		c.sbom = append(c.sbom, opts...)
		return nil
	}
}

// WithExtractors adds extractors of the embedder's own; one with the name of a
// built-in extractor takes its place. The default is [sbom.Extractors].
func WithExtractors(extractors ...sbom.Extractor) Option {
	return func(c *config) error {
		c.sbom = append(c.sbom, sbom.WithExtractors(extractors...))
		return nil
	}
}

// WithoutExtractors removes extractors by name, as [sbom.WithoutExtractors] does.
// The default is to remove none.
func WithoutExtractors(names ...string) Option {
	return func(c *config) error {
		c.sbom = append(c.sbom, sbom.WithoutExtractors(names...))
		return nil
	}
}

// WithLockfiles says whether the packages of lock files and manifests count. The
// default is [sbom.LockfilesAuto].
func WithLockfiles(l sbom.Lockfiles) Option {
	return func(c *config) error {
		c.sbom = append(c.sbom, sbom.WithLockfiles(l))
		return nil
	}
}

// WithDaemonHost sets where [Scanner.Daemon] finds the daemon, such as
// "unix:///run/user/1000/podman/podman.sock". The default is that of
// [image.Daemon].
func WithDaemonHost(host string) Option {
	return func(c *config) error {
		c.image = append(c.image, image.WithDaemonHost(host))
		return nil
	}
}

// WithClock sets the clock, which decides whether a distribution has reached
// its end of life and an ignore rule has expired. The default is [time.Now].
func WithClock(now func() time.Time) Option {
	return func(c *config) error {
		if now == nil {
			return errors.New("scan: WithClock(nil)")
		}
		c.clock = now
		return nil
	}
}

// WithLogger sets where a Scanner tells what it does, at the levels Debug and
// Warn. The default discards everything.
func WithLogger(l *slog.Logger) Option {
	return func(c *config) error {
		if l == nil {
			return errors.New("scan: WithLogger(nil)")
		}
		c.log = l
		return nil
	}
}
