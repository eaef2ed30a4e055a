package vulndb

import (
	"cmp"
	"slices"
	"time"
)

// records keeps what is needed of each record until files are written. There
// may be millions, so that each has some hundred bytes.
type records struct {
	index  map[string]int32 // by ID
	list   [][]keptRecord   // in pieces, so that it grows without being copied
	bases  []string
	baseOf map[string]int32
}

// keptPiece is how many records are allocated at once.
const keptPiece = 4096

// A keptRecord is what is known of a record while others are read.
type keptRecord struct {
	id        string
	sec, seq  int64 // of modified; number of the record in the sources
	nsec      int32
	gitRanges int32
	withdrawn bool
	nameless  bool
	flawless  bool
	malicious bool
	parts     []keptPart
	rare      *rarely // nil for most
}

// rarely is what few records have.
type rarely struct {
	source      string // for messages
	defects     []string
	unsupported []string // for each part, empty if nothing was left out
}

// A keptPart is what a record says about one ecosystem: see [part].
type keptPart struct {
	at   int64 // in the spill
	size uint32
	base int32
}

func (k *keptRecord) modified() time.Time { return time.Unix(k.sec, int64(k.nsec)).UTC() }

func (r *records) at(i int32) *keptRecord { return &r.list[i/keptPiece][i%keptPiece] }

func (r *records) len() int { return len(r.index) }

// add keeps a record, whose parts are in the spill, unless there is a better
// one with its ID: "the one with the later modification time is considered
// authoritative", https://ossf.github.io/osv-schema/#id-modified-fields. It
// reports whether there is another.
func (r *records) add(c *compiled) (duplicate bool) {
	i, duplicate := r.index[c.id]
	if duplicate {
		old := r.at(i)
		if cmp.Or(c.modified.Compare(old.modified()), cmp.Compare(old.seq, c.seq)) <= 0 {
			return true
		}
		c.id = old.id // one string for both
	} else {
		i = int32(len(r.index))
		if r.index == nil {
			r.index, r.baseOf = map[string]int32{}, map[string]int32{}
		}
		r.index[c.id] = i
		if i%keptPiece == 0 {
			r.list = append(r.list, make([]keptRecord, keptPiece))
		}
	}
	k := keptRecord{
		id: c.id, sec: c.modified.Unix(), nsec: int32(c.modified.Nanosecond()), seq: c.seq,
		gitRanges: int32(c.gitRanges), withdrawn: c.withdrawn, nameless: c.nameless, flawless: c.flawless, malicious: c.malicious,
	}
	left := len(c.defects) > 0
	for _, p := range c.parts {
		left = left || p.unsupported != ""
	}
	if left {
		k.rare = &rarely{source: c.source, defects: c.defects}
	}
	if len(c.parts) > 0 {
		k.parts = make([]keptPart, len(c.parts))
	}
	for j, p := range c.parts {
		k.parts[j] = keptPart{p.at, uint32(p.size), r.base(p.base)}
		if k.rare != nil {
			k.rare.unsupported = append(k.rare.unsupported, p.unsupported)
		}
	}
	*r.at(i) = k
	return duplicate
}

// base returns the number of an ecosystem.
func (r *records) base(name string) int32 {
	n, ok := r.baseOf[name]
	if !ok {
		n = int32(len(r.bases))
		r.bases = append(r.bases, name)
		r.baseOf[name] = n
	}
	return n
}

// sorted returns the numbers of all records in the order of their IDs.
func (r *records) sorted() []int32 {
	out := make([]int32, r.len())
	for i := range out {
		out[i] = int32(i)
	}
	slices.SortFunc(out, func(a, b int32) int { return cmp.Compare(r.at(a).id, r.at(b).id) })
	return out
}
