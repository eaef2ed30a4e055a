package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/imagevet/imagevet/scan"
)

// A bar draws how far something is, in the last line of a terminal. Libraries for
// this come with four modules and more, which is more than this program is to
// have; one line needs none.
type bar struct {
	w       io.Writer
	columns int
	now     func() time.Time

	mu    sync.Mutex
	begin time.Time // of the first call
	last  time.Time // something was drawn
	stage string    // of that
	drawn bool      // and is on the screen
}

const (
	// barDelay is how long something must take to be worth a bar.
	barDelay = 300 * time.Millisecond
	// barPause is how long nothing new is drawn.
	barPause = 100 * time.Millisecond
	barWidth = 28 // of what is filled, in columns
)

// newBar returns a bar on stderr, and nil, which draws nothing, where stderr is no
// terminal or nobody wants one.
func (a *app) newBar(silent bool) *bar {
	f, ok := a.stderr.(*os.File)
	if silent || a.quiet || !ok || a.env("TERM") == "dumb" || !isTerminal(f) {
		return nil
	}
	columns, err := strconv.Atoi(a.env("COLUMNS"))
	if err != nil || columns < 1 {
		columns = 80
	}
	a.bar = &bar{w: f, columns: columns, now: time.Now}
	return a.bar
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// show draws what is done. Anything can call it.
func (b *bar) show(p scan.Progress) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	if b.begin.IsZero() {
		b.begin = now
	}
	if now.Sub(b.begin) < barDelay || p.Stage == b.stage && now.Sub(b.last) < barPause {
		return
	}
	b.stage, b.last, b.drawn = p.Stage, now, true
	line := []rune(barLine(p))
	line = line[:min(len(line), b.columns-1)] // the last column would begin a new line
	fmt.Fprintf(b.w, "\r%s\x1b[K", printable(string(line)))
}

// clear takes the bar off the screen, until the next call of show.
func (b *bar) clear() {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.drawn {
		fmt.Fprint(b.w, "\r\x1b[K")
		b.drawn, b.stage = false, ""
	}
}

// barLine is the text of a bar.
func barLine(p scan.Progress) string {
	what, amount := p.Stage, ""
	switch p.Stage {
	case scan.StageOpen:
		return "opening " + p.Target
	case scan.StageMerge:
		return "putting the layers together"
	case scan.StageMatch:
		return "comparing with the database"
	case scan.StageLayers:
		what = fmt.Sprintf("layer %d of %d", min(p.Read+1, p.Layers), p.Layers)
		amount = megabytes(p.Done, p.Total)
	case "export":
		what, amount = p.Target, megabytes(p.Done, p.Total)
	case "records":
		what, amount = p.Target, fmt.Sprintf("%d of %d advisories", p.Done, p.Total)
	case "compile":
		return "compiling " + plural(p.Total, "ecosystem")
	}
	if p.Total <= 0 {
		return fmt.Sprintf("%s  %s", what, amount)
	}
	full := int(barWidth * float64(min(p.Done, p.Total)) / float64(p.Total))
	return fmt.Sprintf("%-16s [%s%s] %s", what, strings.Repeat("=", full), strings.Repeat(" ", barWidth-full), amount)
}

func megabytes(done, total int64) string {
	const mega = 1e6
	if total < 0 {
		return fmt.Sprintf("%.1f MB", float64(done)/mega)
	}
	return fmt.Sprintf("%.1f of %.1f MB", float64(done)/mega, float64(total)/mega)
}
