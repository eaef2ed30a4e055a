package rpmdb

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// A Tag names a value in a header: https://rpm.org/docs/latest/manual/tags.html.
type Tag int32

// The tags of interest. Those of signatures are in the header of an installed
// package under other numbers than in a package file: rpm merges the two
// headers when it installs.
const (
	TagSigPGP          Tag = 259
	TagSigGPG          Tag = 262
	TagDSAHeader       Tag = 267
	TagRSAHeader       Tag = 268
	TagOpenPGP         Tag = 278
	TagName            Tag = 1000
	TagVersion         Tag = 1001
	TagRelease         Tag = 1002
	TagEpoch           Tag = 1003
	TagVendor          Tag = 1011
	TagLicense         Tag = 1014
	TagPackager        Tag = 1015
	TagArch            Tag = 1022
	TagOldFileNames    Tag = 1027
	TagFileStates      Tag = 1029
	TagFileModes       Tag = 1030
	TagFileFlags       Tag = 1037
	TagSourceRPM       Tag = 1044
	TagProvideName     Tag = 1047
	TagRequireFlags    Tag = 1048
	TagRequireName     Tag = 1049
	TagDirIndexes      Tag = 1116
	TagBaseNames       Tag = 1117
	TagDirNames        Tag = 1118
	TagModularityLabel Tag = 5096
)

// The types of values.
const (
	typeChar        = 1
	typeInt8        = 2
	typeInt16       = 3
	typeInt32       = 4
	typeString      = 6
	typeBin         = 7
	typeStringArray = 8
	typeI18NString  = 9
)

const (
	preambleLen = 8  // the number of index entries and the length of the data
	entryLen    = 16 // tag, type, offset and count

	// maxEntries is the limit of rpm itself, which writes some 150.
	maxEntries = 0xffff
	// maxNumbers bounds what one value of many numbers takes: packages have
	// up to some 100,000 files.
	maxNumbers = 1_000_000
)

// A Header is the header of a package. It refers to the bytes that it was made
// of.
type Header struct {
	index []byte // whole entries
	data  []byte
}

// errNoHeader says that a header cannot be taken apart at all.
var errNoHeader = errors.New("it is not a header")

// ParseHeader takes a header as it is in the database apart: without the magic
// number that package files have before it. If the bytes end before the
// header does, the header has those values that are there, and damage is not
// nil; only if nothing is there, the header is nil.
func ParseHeader(blob []byte) (h *Header, damage error) {
	if len(blob) < preambleLen {
		return nil, fmt.Errorf("%d bytes: %w", len(blob), errNoHeader)
	}
	entries := int64(binary.BigEndian.Uint32(blob))
	length := int64(binary.BigEndian.Uint32(blob[4:]))
	rest := blob[preambleLen:]
	if entries == 0 || entries > maxEntries {
		return nil, fmt.Errorf("%d entries: %w", int32(entries), errNoHeader)
	}
	if entries > int64(len(rest))/entryLen {
		return nil, fmt.Errorf("%d entries in %d bytes: %w", entries, len(blob), errNoHeader)
	}
	h = &Header{index: rest[:entries*entryLen], data: rest[entries*entryLen:]}
	if length > int64(len(h.data)) {
		return h, fmt.Errorf("%d bytes of data, of which there are %d: %w", length, len(h.data), errShort)
	}
	h.data = h.data[:length]
	return h, nil
}

// An entry is one entry of the index, whose data begins at its offset.
type entry struct {
	kind  uint32
	count int64
	data  []byte
}

// find returns the entry of a tag, false if there is none. Where there are
// two, the last one counts: in an installed package, rpm adds what it changes
// after what the package file had.
func (h *Header) find(tag Tag) (entry, bool, error) {
	for at := len(h.index) - entryLen; at >= 0; at -= entryLen {
		e := h.index[at : at+entryLen]
		if Tag(binary.BigEndian.Uint32(e)) != tag {
			continue
		}
		kind := binary.BigEndian.Uint32(e[4:])
		off := int64(binary.BigEndian.Uint32(e[8:]))
		count := int64(int32(binary.BigEndian.Uint32(e[12:])))
		if count <= 0 {
			return entry{}, false, fmt.Errorf("tag %d has %d values", tag, count)
		}
		if off >= int64(len(h.data)) {
			return entry{}, false, fmt.Errorf("tag %d: there is no byte %d, the data has %d", tag, int32(off), len(h.data))
		}
		return entry{kind: kind, count: count, data: h.data[off:]}, true, nil
	}
	return entry{}, false, nil
}

// Text returns the first text of a tag, empty if the header lacks the tag.
func (h *Header) Text(tag Tag) (string, error) {
	texts, err := h.texts(tag, 1)
	if len(texts) == 0 {
		return "", err
	}
	return string(texts[0]), nil
}

// Texts returns all texts of a tag, none if the header lacks the tag. Beside
// an error there are those that could be read.
func (h *Header) Texts(tag Tag) ([][]byte, error) { return h.texts(tag, maxNumbers) }

func (h *Header) texts(tag Tag, most int64) ([][]byte, error) {
	e, ok, err := h.find(tag)
	if !ok {
		return nil, err
	}
	switch e.kind {
	case typeString:
		e.count = 1
	case typeStringArray, typeI18NString:
	default:
		return nil, fmt.Errorf("tag %d is of type %d and not text", tag, e.kind)
	}
	want := min(e.count, most)
	// Each text ends with a zero.
	texts := make([][]byte, 0, min(want, int64(len(e.data))))
	for range want {
		text, rest, ok := bytes.Cut(e.data, []byte{0})
		if !ok {
			return texts, fmt.Errorf("tag %d: %d texts of %d", tag, len(texts), e.count)
		}
		texts, e.data = append(texts, text), rest
	}
	if want < e.count && most == maxNumbers {
		return texts, fmt.Errorf("tag %d: %d texts of %d", tag, len(texts), e.count)
	}
	return texts, nil
}

// Numbers returns the integers of a tag, none if the header lacks the tag.
// Beside an error there are those that could be read.
func (h *Header) Numbers(tag Tag) ([]uint32, error) {
	e, ok, err := h.find(tag)
	if !ok {
		return nil, err
	}
	var width int64
	switch e.kind {
	case typeChar, typeInt8:
		width = 1
	case typeInt16:
		width = 2
	case typeInt32:
		width = 4
	default:
		return nil, fmt.Errorf("tag %d is of type %d and no numbers", tag, e.kind)
	}
	have := min(e.count, int64(len(e.data))/width, maxNumbers)
	numbers := make([]uint32, have)
	for i := range numbers {
		switch width {
		case 1:
			numbers[i] = uint32(e.data[i])
		case 2:
			numbers[i] = uint32(binary.BigEndian.Uint16(e.data[2*i:]))
		case 4:
			numbers[i] = binary.BigEndian.Uint32(e.data[4*i:])
		}
	}
	if have < e.count {
		return numbers, fmt.Errorf("tag %d: %d numbers of %d", tag, have, e.count)
	}
	return numbers, nil
}

// Bytes returns the bytes of a tag, nil if the header lacks the tag.
func (h *Header) Bytes(tag Tag) ([]byte, error) {
	e, ok, err := h.find(tag)
	if !ok {
		return nil, err
	}
	if e.kind != typeBin {
		return nil, fmt.Errorf("tag %d is of type %d and not bytes", tag, e.kind)
	}
	if e.count > int64(len(e.data)) {
		return nil, fmt.Errorf("tag %d: %d bytes of %d", tag, len(e.data), e.count)
	}
	return e.data[:e.count], nil
}

// SplitSource splits the value of [TagSourceRPM], the file name of a source
// package: "NAME-VERSION-RELEASE.src.rpm". Version includes the release.
func SplitSource(file string) (name, version string, ok bool) {
	nvr, ok := strings.CutSuffix(file, ".src.rpm")
	if !ok {
		// A source that may not be handed on in full.
		nvr, ok = strings.CutSuffix(file, ".nosrc.rpm")
	}
	release := strings.LastIndexByte(nvr, '-')
	if !ok || release < 1 {
		return "", "", false
	}
	at := strings.LastIndexByte(nvr[:release], '-')
	if at < 1 || at+1 == release || release+1 == len(nvr) {
		return "", "", false
	}
	return nvr[:at], nvr[at+1:], true
}
