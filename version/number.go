package version

import "strings"

// Versions hold decimal numbers of any length: dates and times of 14 digits
// are common, and a hostile version may have thousands. They are kept as text
// and never converted to an integer that could overflow.

// The first byte of an encoded number is one of numberCodes successive codes:
//
//	128  the number itself, 0 to 127
//	 24  high part of a number of two bytes, 128 to 6271
//	  7  count of bytes of a number of up to 64 bits, 2 to 8 bytes
//	  1  a number of more than maxDigits digits
const (
	numberCodes = oneByte + twoBytes + 7 + 1
	oneByte     = 128
	twoBytes    = 24
	maxDigits   = 19 // 10^19-1 is the largest power of ten that fits in 64 bits
)

// appendNumber appends the decimal number in digits so that encoded numbers
// sort by value, and none is the beginning of another. The first byte is in
// base to base+numberCodes-1. No digits mean 0.
func appendNumber(dst []byte, base byte, digits string) []byte {
	digits = trimZeros(digits)
	if len(digits) > maxDigits {
		dst = append(dst, base+numberCodes-1)
		dst = appendUint(dst, 0, uint64(len(digits)))
		return append(dst, digits...)
	}
	var n uint64
	for i := range len(digits) {
		n = n*10 + uint64(digits[i]-'0')
	}
	return appendUint(dst, base, n)
}

// appendUint appends n in the encoding of appendNumber.
func appendUint(dst []byte, base byte, n uint64) []byte {
	if n < oneByte {
		return append(dst, base+byte(n))
	}
	if m := n - oneByte; m < twoBytes<<8 {
		return append(dst, base+oneByte+byte(m>>8), byte(m))
	}
	size := 2
	for size < 8 && n>>(8*size) != 0 {
		size++
	}
	dst = append(dst, base+oneByte+twoBytes+byte(size-2))
	for size--; size >= 0; size-- {
		dst = append(dst, byte(n>>(8*size)))
	}
	return dst
}

// compareDigits compares two decimal numbers by value. No digits mean 0.
func compareDigits(a, b string) int {
	a, b = trimZeros(a), trimZeros(b)
	if len(a) != len(b) {
		if len(a) < len(b) {
			return -1
		}
		return 1
	}
	return strings.Compare(a, b)
}

// cutDigits splits s after its leading decimal digits.
func cutDigits(s string) (digits, rest string) {
	i := 0
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	return s[:i], s[i:]
}

func trimZeros(s string) string {
	for s != "" && s[0] == '0' {
		s = s[1:]
	}
	return s
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isLower(c byte) bool { return 'a' <= c && c <= 'z' }

func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }
