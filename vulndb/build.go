package vulndb

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/imagevet/imagevet/internal/advisory"
)

// A BuildOption changes one default of [Build]. If two conflict, the last one
// wins.
type BuildOption func(*buildConfig) error

type buildConfig struct {
	now     func() time.Time
	workers int
	limits  *limits
	spill   int64 // bytes in memory
	// malicious is true if records on malicious packages are taken in.
	malicious bool
	carry     *carry // nil: the database is replaced as a whole
}

// WithClock sets what tells the time, for [Info].Built. The default is
// [time.Now].
func WithClock(now func() time.Time) BuildOption {
	return func(c *buildConfig) error {
		if now == nil {
			return errors.New("vulndb: WithClock(nil)")
		}
		c.now = now
		return nil
	}
}

// WithWorkers bounds how many records are decoded at once. It does not change
// the result. The default is runtime.GOMAXPROCS(0).
func WithWorkers(n int) BuildOption {
	return func(c *buildConfig) error {
		if n < 1 {
			return fmt.Errorf("vulndb: WithWorkers(%d): must be at least 1", n)
		}
		c.workers = n
		return nil
	}
}

// WithMaliciousPackages sets whether records on packages that were made to do
// harm are taken in, those whose ID begins with "MAL-"
// (https://github.com/ossf/malicious-packages). For npm they are a hundred times
// as many as those on flaws. The default is false.
func WithMaliciousPackages(yes bool) BuildOption {
	return func(c *buildConfig) error {
		c.malicious = yes
		return nil
	}
}

// A BuildReport says what became of the sources.
type BuildReport struct {
	// Info is that of the new database.
	Info Info `json:"info"`
	// Ecosystems are those in the database, sorted by name.
	Ecosystems []EcosystemReport `json:"ecosystems"`
	// Unsupported are ecosystems that were left out, in full or in part,
	// because package version does not know the order of their versions. They
	// are sorted by name.
	Unsupported []UnsupportedReport `json:"unsupported"`
	// Bad is the number of records that were left out, in full or in part.
	// BadRecords names the first [MaxNamed] of them, in the order of the
	// sources. Entries of catalogues count like records.
	Bad        int         `json:"bad"`
	BadRecords []BadRecord `json:"bad_records"`
	// Skipped is the number of files and members that are of no kind that is
	// read. SkippedFiles names the first [MaxNamed].
	Skipped      int      `json:"skipped"`
	SkippedFiles []string `json:"skipped_files"`
	// Duplicates is the number of records that were left out because another
	// with the same ID was modified later or, at the same time, came first. So
	// it is with catalogues and scores, each of which replaces older ones as a
	// whole.
	Duplicates int `json:"duplicates"`
	// NeverAffected is the number of statements of security databases that a
	// package never had a flaw. They are not in the database.
	NeverAffected int `json:"never_affected"`
	// Nameless is the number of records that name no package.
	Nameless int `json:"nameless"`
	// Flawless is the number of records that were left out because a
	// distribution tells in them of bug fixes or enhancements, not of flaws.
	Flawless int `json:"flawless"`
	// Malicious is the number of records on malicious packages that were left
	// out, see [WithMaliciousPackages].
	Malicious int `json:"malicious"`
	// GitRanges is the number of ranges of commits, which packages cannot be
	// compared with, beside the ranges and versions that were used.
	GitRanges int `json:"git_ranges"`
}

// An EcosystemReport counts what a database holds on an ecosystem.
type EcosystemReport struct {
	// Ecosystem is OSV's name without a release, such as "Debian".
	Ecosystem string `json:"ecosystem"`
	// Records is the number of records, without withdrawn ones.
	Records int `json:"records"`
	// Packages is the number of names of affected packages.
	Packages int `json:"packages"`
	// Withdrawn is the number of records that were left out as withdrawn.
	Withdrawn int `json:"withdrawn"`
	// Modified is when the newest record was modified.
	Modified time.Time `json:"modified"`
}

// An UnsupportedReport names an ecosystem that was left out.
type UnsupportedReport struct {
	// Ecosystem is OSV's name without a release.
	Ecosystem string `json:"ecosystem"`
	// Records is the number of records that affect it.
	Records int `json:"records"`
	// Reason is one sentence without a full stop.
	Reason string `json:"reason"`
}

// A BadRecord names a record with a defect.
type BadRecord struct {
	// Source is the file and, in archives, the member or line.
	Source string `json:"source"`
	// ID is empty if it could not be read.
	ID string `json:"id,omitempty"`
	// Reasons say what is wrong. If there is an ID, the rest of the record was
	// used.
	Reasons []string `json:"reasons"`
}

// MaxNamed is how many bad records and skipped files a [BuildReport] names,
// and how many reasons for one record.
const MaxNamed = 100

// Build compiles the advisories of the sources into the database folder dir,
// which is created if need be. A database that is there is replaced at once
// when the new one is complete; on error it stays as it was. Two builds of one
// folder at the same time are safe: the one that ends last stays.
//
// Records with a defect are used as far as possible and listed in the report.
// A source that cannot be read is an error. So is the lack of any usable
// record, [ErrNoRecords], and too much data, [ErrLimit].
//
// A catalogue (KEV) or table of scores (EPSS) that cannot be read to its end is
// not used at all, and named among the bad records. A security database that
// does not tell whose it is is an error.
//
// Build keeps what it needs of records in a temporary file of the folder, and
// some hundred bytes in memory for each; and, for as many ecosystems as there
// are workers, all that they say of versions.
func Build(ctx context.Context, dir string, sources []Source, opts ...BuildOption) (BuildReport, error) {
	cfg := buildConfig{now: time.Now, workers: runtime.GOMAXPROCS(0), limits: defaultLimits(), spill: spillMemory}
	for _, opt := range opts {
		if err := opt(&cfg); err != nil {
			return BuildReport{}, err
		}
	}
	report, err := build(ctx, dir, sources, cfg, func(report *BuildReport, files []*fileBuilder) error {
		for _, f := range files {
			if len(f.records) > 0 {
				return nil
			}
		}
		return fmt.Errorf("%w%s", ErrNoRecords, report.excuse())
	})
	if err != nil {
		return BuildReport{}, fmt.Errorf("vulndb: build %s: %w", dir, err)
	}
	return report, nil
}

// build compiles sources into a folder, unless check finds that what came of
// them is not enough.
func build(ctx context.Context, dir string, sources []Source, cfg buildConfig, check func(*BuildReport, []*fileBuilder) error) (BuildReport, error) {
	b := builder{cfg: cfg, spill: spill{dir: dir, limit: cfg.spill}}
	b.enricher.spill = &b.spill
	defer b.spill.close()
	if err := b.read(ctx, sources); err != nil {
		return BuildReport{}, err
	}
	if err := b.addSecDB(); err != nil {
		return BuildReport{}, err
	}
	report, files := b.assemble()
	b.reportSkips(&report)
	b.records = records{} // files have what they need of them
	if err := check(&report, files); err != nil {
		return BuildReport{}, err
	}
	var full []newFile // one of withdrawn records alone is none
	for _, f := range files {
		if len(f.records) > 0 {
			full = append(full, newFile{f.base, len(f.records), f.modified, func(ctx context.Context, out io.Writer) (uint32, error) {
				return f.write(ctx, out, &b.spill)
			}})
		}
	}
	more := b.enricher.file()
	if more != nil && cfg.carry.builds(enrichEcosystem) {
		full = append(full, newFile{enrichEcosystem, more.texts, more.modified, more.write})
		slices.SortFunc(full, func(a, b newFile) int { return cmp.Compare(a.ecosystem, b.ecosystem) })
	}
	info, err := publish(ctx, dir, full, cfg)
	if err != nil {
		return BuildReport{}, err
	}
	if more != nil {
		info.Enrichment = more.infos
	}
	report.Info = info
	for _, f := range files {
		report.Ecosystems = append(report.Ecosystems, f.report())
	}
	return report, nil
}

// excuse tells why there may be no records.
func (r *BuildReport) excuse() string {
	var b strings.Builder
	if r.Bad > 0 {
		fmt.Fprintf(&b, "; %d are bad, the first is %s: %s", r.Bad, r.BadRecords[0].Source, r.BadRecords[0].Reasons[0])
	}
	if len(r.Unsupported) > 0 {
		fmt.Fprintf(&b, "; %d ecosystems are not supported, the first is %q", len(r.Unsupported), r.Unsupported[0].Ecosystem)
	}
	if r.Malicious > 0 {
		fmt.Fprintf(&b, "; %d on malicious packages were left out", r.Malicious)
	}
	if r.Skipped > 0 {
		fmt.Fprintf(&b, "; %d files were skipped, the first is %s", r.Skipped, r.SkippedFiles[0])
	}
	return b.String()
}

// A builder collects records.
type builder struct {
	cfg     buildConfig
	spill   spill
	skipped []string
	nSkip   int

	mu         sync.Mutex // guards what follows
	records    records
	duplicates int
	bad        []badRecord
	skips      []skip
	enricher   enricher
	secdb      secdbs
}

type badRecord struct {
	BadRecord
	seq int64
}

// read reads all sources, decoding on the workers.
func (b *builder) read(ctx context.Context, sources []Source) error {
	group, ctx := errgroup.WithContext(ctx)
	chunks := make(chan chunk, b.cfg.workers)
	f := &feeder{limits: b.cfg.limits}
	defer f.close()
	f.emit = func(c chunk) error {
		select {
		case chunks <- c:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	f.skipped = func(name string) {
		if b.nSkip++; b.nSkip <= MaxNamed {
			b.skipped = append(b.skipped, name)
		}
	}
	f.bad = func(name, reason string) { b.addBad(name, "", []string{reason}, f.next) }
	group.Go(func() error {
		defer close(chunks)
		for _, s := range sources {
			if err := f.source(ctx, s); err != nil {
				return err
			}
		}
		return f.flush()
	})
	for range b.cfg.workers {
		group.Go(func() error {
			var buf []byte
			for c := range chunks {
				if err := b.decode(ctx, c, &buf); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// decode decodes the records of a chunk.
func (b *builder) decode(ctx context.Context, c chunk, buf *[]byte) error {
	for i := range c.records {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := b.document(ctx, &c.records[i], c.first+int64(i), buf); err != nil {
			return fmt.Errorf("%s: %w", c.records[i].name, err)
		}
	}
	return nil
}

// compile turns a record into its form for files, unless it is left out.
func (b *builder) compile(rec *advisory.Record, defects []error, source string, seq int64) *compiled {
	if !b.cfg.malicious && strings.HasPrefix(rec.ID, "MAL-") {
		return &compiled{id: rec.ID, source: source, seq: seq, modified: rec.Modified, malicious: true}
	}
	return compile(rec, defects, source, seq)
}

// add keeps a record.
func (b *builder) add(c *compiled) error {
	for i := range c.parts {
		p := &c.parts[i]
		if p.size = len(p.cases); p.size == 0 {
			continue
		}
		var err error
		if p.at, err = b.spill.add(p.cases); err != nil {
			return err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.records.add(c) {
		b.duplicates++
	}
	return nil
}

func (b *builder) addBad(source, id string, reasons []string, seq int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(reasons) > MaxNamed {
		reasons = append(reasons[:MaxNamed:MaxNamed], fmt.Sprintf("and %d more", len(reasons)-MaxNamed))
	}
	b.bad = append(b.bad, badRecord{BadRecord{source, id, reasons}, seq})
}
