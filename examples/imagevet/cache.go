package main

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/imagevet/imagevet/sbom"
	"github.com/imagevet/imagevet/sbom/cache"
	"github.com/imagevet/imagevet/scan"
)

// layerCache returns the cache of layers in the cache folder.
func (a *app) layerCache(cacheDir string) (*cache.Folder, string, error) {
	dir, err := a.cache(cacheDir)
	if err != nil {
		return nil, "", err
	}
	dir = filepath.Join(dir, "layers")
	folder, err := cache.NewFolder(dir)
	return folder, dir, err
}

// cacheOptions make a scan use the cache of layers.
func (a *app) cacheOptions(cacheDir string) []scan.Option {
	folder, _, err := a.layerCache(cacheDir)
	if err != nil {
		a.warn("without a cache of layers: %v", err)
		return nil
	}
	return []scan.Option{scan.WithCache(folder), scan.WithInventory(sbom.WithLogger(slog.New(warner{a})))}
}

// A warner is a log whose records are warnings of the program.
type warner struct{ app *app }

func (w warner) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }
func (w warner) WithAttrs([]slog.Attr) slog.Handler               { return w }
func (w warner) WithGroup(string) slog.Handler                    { return w }

func (w warner) Handle(_ context.Context, r slog.Record) error {
	text := []string{r.Message}
	r.Attrs(func(a slog.Attr) bool {
		text = append(text, a.String())
		return true
	})
	w.app.warn("%s", strings.Join(text, ", "))
	return nil
}

func (a *app) cacheInfo(ctx context.Context, f *flags, args []string) (int, error) {
	folder, dir, err := a.cacheArgs(f, args)
	if err != nil {
		return 0, err
	}
	info, err := folder.Info(ctx)
	if err != nil {
		return 0, err
	}
	const mega = 1e6
	_, err = fmt.Fprintf(a.stdout, "Layers %s\n%s, %.1f MB\n", dir, plural(int64(info.Entries), "layer"), float64(info.Bytes)/mega)
	return exitOK, err
}

func (a *app) cacheClear(ctx context.Context, f *flags, args []string) (int, error) {
	folder, _, err := a.cacheArgs(f, args)
	if err != nil {
		return 0, err
	}
	return exitOK, folder.Clear(ctx)
}

func (a *app) cacheArgs(f *flags, args []string) (*cache.Folder, string, error) {
	cacheDir := f.cacheDir(a)
	if err := f.parse(args); err != nil {
		return nil, "", err
	}
	if err := f.count(0, 0); err != nil {
		return nil, "", err
	}
	return a.layerCache(*cacheDir)
}
