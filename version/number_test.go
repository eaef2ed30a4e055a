package version

import (
	"bytes"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestAppendNumber looks at both sides of every change of form.
func TestAppendNumber(t *testing.T) {
	ascending := []string{
		"", "1", "9", "10", "126", "127", "128", "129", "255", "256", "383", "384", "6270", "6271", "6272", "6273",
		"65535", "65536", "16777215", "16777216", "20231231", "4294967295", "4294967296",
		"1099511627775", "1099511627776", "20231231235959", "281474976710655", "281474976710656",
		"72057594037927935", "72057594037927936", "9999999999999999999",
		"10000000000000000000", "18446744073709551615", "18446744073709551616", "99999999999999999999",
		"1" + strings.Repeat("0", 99), strings.Repeat("9", 126), strings.Repeat("9", 127), strings.Repeat("9", 128),
		"1" + strings.Repeat("0", 4000), "2" + strings.Repeat("0", 4000),
	}
	const base = 7
	var last []byte
	for i, digits := range ascending {
		got := appendNumber(nil, base, digits)
		assert.Equalf(t, got, appendNumber(nil, base, "000"+digits), "leading zeros of %q", digits)
		assert.GreaterOrEqual(t, int(got[0]), base)
		assert.Less(t, int(got[0]), base+numberCodes)
		if i > 0 {
			assert.Negativef(t, bytes.Compare(last, got), "appendNumber of %q and %q: %x, %x", ascending[i-1], digits, last, got)
			assert.Falsef(t, bytes.HasPrefix(got, last), "appendNumber of %q and %q: %x, %x", ascending[i-1], digits, last, got)
		}
		last = got
	}
	assert.Len(t, appendNumber(nil, base, "127"), 1)
	assert.Len(t, appendNumber(nil, base, "6271"), 2)
	assert.Len(t, appendNumber(nil, base, "20231231"), 5)
}

func FuzzNumber(f *testing.F) {
	f.Add("0", "1")
	f.Add("127", "128")
	f.Add("18446744073709551616", "018446744073709551615")
	f.Fuzz(func(t *testing.T, a, b string) {
		a, _ = cutDigits(a)
		b, _ = cutDigits(b)
		x, y := new(big.Int), new(big.Int)
		x.SetString("0"+a, 10)
		y.SetString("0"+b, 10)
		assert.Equalf(t, x.Cmp(y), compareDigits(a, b), "compareDigits(%q, %q)", a, b)
		assert.Equalf(t, x.Cmp(y), bytes.Compare(appendNumber(nil, 1, a), appendNumber(nil, 1, b)), "keys of %q, %q", a, b)
	})
}
