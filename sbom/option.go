package sbom

import (
	"fmt"
	"log/slog"
	"runtime"
	"slices"

	"github.com/imagevet/imagevet/internal/ignore"
	"github.com/imagevet/imagevet/internal/layer"
)

// An Option changes one default of [Generate] and [New]. If two conflict, the
// last one wins.
type Option func(*config) error

type config struct {
	workers    int
	memory     int64
	extractors []Extractor
	deleted    bool
	resolver   ArchiveResolver
	lockfiles  Lockfiles
	skip       *ignore.Rules
	rules      []string // of skip
	cache      Cache
	verify     bool
	log        *slog.Logger
	progress   func(Progress)
}

func defaultConfig() config {
	return config{workers: runtime.GOMAXPROCS(0), memory: 256 << 20, extractors: Extractors(), log: slog.New(slog.DiscardHandler)}
}

// WithWorkers bounds how many layers are read at once. The result does not
// depend on it. The default is runtime.GOMAXPROCS(0).
func WithWorkers(n int) Option {
	return func(c *config) error {
		if n < 1 {
			return fmt.Errorf("sbom: WithWorkers(%d): must be at least 1", n)
		}
		c.workers = n
		return nil
	}
}

// WithMemoryLimit bounds the memory, in bytes, for files that must be read in
// any order, such as databases, over all layers that are read at once. A
// larger file is not read and is one of [BOM.Problems]. The default is
// 256 MiB.
func WithMemoryLimit(bytes int64) Option {
	return func(c *config) error {
		if bytes < 0 {
			return fmt.Errorf("sbom: WithMemoryLimit(%d): must not be negative", bytes)
		}
		c.memory = bytes
		return nil
	}
}

// WithDeleted keeps packages that a layer of the image brought and a later one
// took away, or replaced by another version; [Package].DeletedBy marks them.
// They are in the image's layers, where whoever has the image can read them,
// but not in its containers. The default is false.
func WithDeleted(keep bool) Option {
	return func(c *config) error {
		c.deleted = keep
		return nil
	}
}

// Lockfiles says whether the packages of lock files and manifests count. Those
// within the folder of a dependency, such as node_modules, never do: they say
// what is used to develop the dependency.
type Lockfiles uint8

// The ways.
const (
	// LockfilesAuto: in a source tree they count. In an image a file counts
	// unless what it asks for is installed, since then the packages that are
	// installed speak for themselves, and what is not there, such as tools for
	// development, is of no interest. It is installed if at least half of the
	// packages that are not for development only are found elsewhere in the
	// image, in the same version where the file states one.
	LockfilesAuto Lockfiles = iota
	// LockfilesAlways: they count.
	LockfilesAlways
	// LockfilesNever: they do not count. Packages that leave no other trace are
	// then missing from the inventory without a word.
	LockfilesNever
)

// WithLockfiles sets whether the packages of lock files and manifests count.
// The default is [LockfilesAuto].
func WithLockfiles(l Lockfiles) Option {
	return func(c *config) error {
		if l > LockfilesNever {
			return fmt.Errorf("sbom: WithLockfiles(%d): no such way", l)
		}
		c.lockfiles = l
		return nil
	}
}

// WithSkip passes over files and folders by rules in the syntax of git's
// gitignore (https://git-scm.com/docs/gitignore), for paths relative to the
// root. What lies there is missing from the inventory without a word. The
// default is to pass over nothing, but ".git" in a source tree.
func WithSkip(rules ...string) Option {
	return func(c *config) error {
		skip, err := ignore.New(rules...)
		if err != nil {
			return fmt.Errorf("sbom: WithSkip: %w", err)
		}
		c.skip = skip
		c.rules = slices.Clone(rules)
		return nil
	}
}

// WithArchiveResolver sets who is asked about archives that do not say what
// they are. The default is nobody; such an archive is then called what its
// file's name says.
func WithArchiveResolver(r ArchiveResolver) Option {
	return func(c *config) error {
		if r == nil {
			return fmt.Errorf("sbom: WithArchiveResolver(nil): leave the option out to ask nobody")
		}
		c.resolver = r
		return nil
	}
}

// WithExtractors adds extractors. One that has the name of another takes its
// place. The default is those of [Extractors].
func WithExtractors(extractors ...Extractor) Option {
	return func(c *config) error {
		for _, e := range extractors {
			if e == nil {
				return fmt.Errorf("sbom: WithExtractors: a nil extractor")
			}
			c.remove(e.Name())
			c.extractors = append(c.extractors, e)
		}
		return nil
	}
}

// WithoutExtractors removes the extractors of these names. What only they know
// is then missing from the inventory without a word. The default is to remove
// none.
func WithoutExtractors(names ...string) Option {
	return func(c *config) error {
		for _, name := range names {
			if !c.remove(name) {
				return fmt.Errorf("sbom: WithoutExtractors(%q): no such extractor; there are %s", name, c.names())
			}
		}
		return nil
	}
}

func (c *config) remove(name string) bool {
	before := len(c.extractors)
	c.extractors = slices.DeleteFunc(c.extractors, func(e Extractor) bool { return e.Name() == name })
	return len(c.extractors) < before
}

func (c *config) names() []string {
	var names []string
	for _, e := range c.extractors {
		names = append(names, e.Name())
	}
	return names
}

// A Generator makes inventories with one set of options. It is safe for
// concurrent use; the memory limit counts for all images that are read at one
// time, and a layer that several of them have is read once for all.
type Generator struct {
	workers  int
	router   *layer.Router
	budget   *layer.Budget
	deleted  bool
	resolver ArchiveResolver

	lockfiles Lockfiles
	skip      *ignore.Rules
	skipTree  *ignore.Rules // in source trees
	store     *layerStore
	verify    bool
	progress  func(Progress)
}

// New returns a Generator. With no options it runs every built-in extractor.
func New(opts ...Option) (*Generator, error) {
	cfg := defaultConfig()
	for _, opt := range opts {
		if err := opt(&cfg); err != nil {
			return nil, err
		}
	}
	router, err := layer.NewRouter(cfg.extractors)
	if err != nil {
		return nil, fmt.Errorf("sbom: %w", err)
	}
	skipTree, err := ignore.New(append([]string{".git"}, cfg.rules...)...)
	if err != nil {
		return nil, fmt.Errorf("sbom: %w", err)
	}
	store, err := newLayerStore(&cfg, router)
	if err != nil {
		return nil, fmt.Errorf("sbom: %w", err)
	}
	return &Generator{
		workers: cfg.workers, router: router, budget: layer.NewBudget(cfg.memory), deleted: cfg.deleted, resolver: cfg.resolver,
		lockfiles: cfg.lockfiles, skip: cfg.skip, skipTree: skipTree, store: store, verify: cfg.verify, progress: cfg.progress,
	}, nil
}
