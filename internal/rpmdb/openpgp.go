package rpmdb

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
)

// KeyID returns the ID of the key that the header is signed with, 16 digits in
// lower-case hexadecimal. It is empty if there is no signature, or none that
// says so in a way that is understood.
func (h *Header) KeyID() string {
	for _, tag := range []Tag{TagRSAHeader, TagDSAHeader, TagSigPGP, TagSigGPG} {
		// A signature that cannot be read is like none.
		signature, _ := h.Bytes(tag)
		if id := keyID(signature); id != "" {
			return id
		}
	}
	// Since rpm 6: one or several signatures in base64.
	texts, _ := h.Texts(TagOpenPGP)
	for _, text := range texts {
		signature, err := base64.StdEncoding.AppendDecode(nil, text)
		if err != nil {
			continue
		}
		if id := keyID(signature); id != "" {
			return id
		}
	}
	return ""
}

// OpenPGP, RFC 9580; version 3 of signatures is of RFC 4880, section 5.2.2.
const (
	pgpSignature = 2 // packet type

	pgpIssuer            = 16 // subpacket: a key ID
	pgpIssuerFingerprint = 33 // subpacket: the version of the key and its fingerprint

	keyIDLen = 8
)

// keyID returns the key ID in an OpenPGP signature packet.
func keyID(packet []byte) string {
	body, ok := packetBody(packet)
	if !ok || len(body) < 1 {
		return ""
	}
	version := body[0]
	if version == 3 {
		// Version, the length of what is hashed (5), type, time, key ID.
		if len(body) < 7+keyIDLen {
			return ""
		}
		return hex.EncodeToString(body[7 : 7+keyIDLen])
	}
	// Version, type, two algorithms; then the subpackets that are hashed and
	// those that are not, each with their length before them.
	width := 2
	switch version {
	case 4, 5:
	case 6:
		width = 4
	default:
		return ""
	}
	rest := body[min(4, len(body)):]
	for range 2 {
		if len(rest) < width {
			return ""
		}
		length := uint64(binary.BigEndian.Uint16(rest))
		if width == 4 {
			length = uint64(binary.BigEndian.Uint32(rest))
		}
		rest = rest[width:]
		if length > uint64(len(rest)) {
			return ""
		}
		if id := issuer(rest[:length]); id != "" {
			return id
		}
		rest = rest[length:]
	}
	return ""
}

// packetBody returns the body of the signature packet at the beginning of p:
// RFC 9580, section 4.2.
func packetBody(p []byte) ([]byte, bool) {
	if len(p) < 2 || p[0]&0x80 == 0 {
		return nil, false
	}
	if p[0]&0x40 != 0 { // the newer format
		if p[0]&0x3f != pgpSignature {
			return nil, false
		}
		length, n := packetLen(p[1:])
		if n == 0 || length > uint64(len(p)-1-n) {
			return nil, false
		}
		return p[1+n:][:length], true
	}
	if p[0]>>2&0x0f != pgpSignature {
		return nil, false
	}
	var length uint64
	width := 1 << (p[0] & 3)
	p = p[1:]
	if width == 8 { // to the end
		return p, true
	}
	if len(p) < width {
		return nil, false
	}
	for _, b := range p[:width] {
		length = length<<8 | uint64(b)
	}
	if length > uint64(len(p)-width) {
		return nil, false
	}
	return p[width:][:length], true
}

// packetLen reads a length of one, two or five bytes, of which it returns the
// number, 0 if it cannot be read. Lengths of a part, which begin with bytes
// from 224 to 254, are not used for signatures.
func packetLen(p []byte) (length uint64, n int) {
	switch {
	case len(p) >= 1 && p[0] < 192:
		return uint64(p[0]), 1
	case len(p) >= 2 && p[0] < 224:
		return uint64(p[0]-192)<<8 + uint64(p[1]) + 192, 2
	case len(p) >= 5 && p[0] == 255:
		return uint64(binary.BigEndian.Uint32(p[1:])), 5
	}
	return 0, 0
}

// issuer returns the key ID that subpackets tell: RFC 9580, section 5.2.3.
// Their length is like that of a packet, but 255 values more have two bytes.
func issuer(p []byte) string {
	for len(p) > 0 {
		length, n := packetLen(p)
		if p[0] >= 224 && p[0] < 255 && len(p) >= 2 {
			length, n = uint64(p[0]-192)<<8+uint64(p[1])+192, 2
		}
		if n == 0 || length == 0 || length > uint64(len(p)-n) {
			return ""
		}
		body := p[n:][:length]
		p = p[n:][length:]
		switch kind := body[0] & 0x7f; { // without the bit that says critical
		case kind == pgpIssuer && len(body) == 1+keyIDLen:
			return hex.EncodeToString(body[1:])
		case kind == pgpIssuerFingerprint && len(body) >= 2+20:
			// Section 5.5.4: the ID is the end of a fingerprint of version 4,
			// and the beginning of one of a later version.
			if body[1] == 4 {
				return hex.EncodeToString(body[len(body)-keyIDLen:])
			}
			return hex.EncodeToString(body[2 : 2+keyIDLen])
		}
	}
	return ""
}
