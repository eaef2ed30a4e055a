package jsondoc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// read lists what is in a document: keys with their lines, and values.
func read(ctx context.Context, r io.Reader) (string, error) {
	d, err := Open(ctx, r, 1000)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	_, err = d.Object(func(key string) error {
		fmt.Fprintf(&b, "%s:%d=", key, d.Line())
		switch key {
		case "list":
			ok, err := d.List(func() error {
				line := d.Line()
				value, err := d.Value()
				fmt.Fprintf(&b, "%s@%d,", value, line)
				return err
			})
			fmt.Fprintf(&b, "%t;", ok)
			return err
		case "text":
			text, err := d.Text()
			fmt.Fprintf(&b, "%q;", text)
			return err
		}
		b.WriteString("skipped;")
		return d.Skip()
	})
	if err == nil {
		err = d.End()
	}
	return b.String(), err
}

func TestDocument(t *testing.T) {
	tests := []struct{ content, want string }{
		{"{}", ""},
		{"7", ""},
		{"\xef\xbb\xbf{\"text\":\"a\"}", `text:1="a";`},
		{"{\n\"text\"\n:\n\"a\",\n\n\"text\": [\"b\", {}]}", `text:2="a";text:6="";`},
		{"{\"list\": [\n{\n},\n\n7, 8]\n}\n", "list:1={\n}@2,7@5,8@5,true;"},
		{"{\"list\": {\"a\": [1]},\n\"x\": {\"a\":{}}}", "list:1=false;x:2=skipped;"},
	}
	for _, tt := range tests {
		got, err := read(t.Context(), strings.NewReader(tt.content))
		require.NoErrorf(t, err, "%q", tt.content)
		assert.Equalf(t, tt.want, got, "%q", tt.content)
	}
}

func TestDocumentErrors(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	broken := errors.New("broken")
	deep := strings.Repeat("[", 990)
	tests := []struct {
		ctx     context.Context
		content io.Reader
		read    string
		is      error
		text    string
	}{
		{canceled, strings.NewReader("{}"), "", context.Canceled, ""},
		{t.Context(), iotest.ErrReader(broken), "", broken, ""},
		{t.Context(), strings.NewReader(strings.Repeat(" ", 1001)), "", inventory.ErrTooLarge, ""},
		{t.Context(), strings.NewReader(""), "", io.ErrUnexpectedEOF, "near byte 0"},
		{t.Context(), strings.NewReader(`{"text":"a","text":`), `text:1="a";text:1="";`, ErrDamaged, "unexpected EOF"},
		{t.Context(), strings.NewReader(`{"list":[1,`), `list:1=1@1,@1,true;`, ErrDamaged, ""},
		{t.Context(), strings.NewReader(`{"x":` + deep), `x:1=skipped;`, ErrDamaged, ""},
		{t.Context(), strings.NewReader(`{"text":"a"} {}`), `text:1="a";`, ErrDamaged, "more behind the end"},
		{t.Context(), strings.NewReader(`{"text" "a"}`), `text:1="";`, ErrDamaged, "invalid character"},
	}
	for i, tt := range tests {
		got, err := read(tt.ctx, tt.content)
		require.ErrorIsf(t, err, tt.is, "row %d", i)
		assert.ErrorContainsf(t, err, tt.text, "row %d", i)
		assert.Equalf(t, tt.read, got, "row %d", i)
	}

	d, err := Open(t.Context(), strings.NewReader(strings.Repeat("[", maxDepth+1)), 1<<20)
	require.NoError(t, err)
	assert.ErrorContains(t, d.Skip(), "more than 10000 values in each other")
}

func FuzzDocument(f *testing.F) {
	f.Add("{\"list\": [\n{\n},\n\n7, 8],\n\"text\":\"a\"}")
	f.Add(`{"x":[[{"a":[{}]}]],"list":{}`)
	f.Fuzz(func(t *testing.T, content string) {
		d, err := Open(t.Context(), strings.NewReader(content), 1000)
		if err != nil {
			return
		}
		last := 1
		_, _ = d.Object(func(string) error {
			line := d.Line()
			require.GreaterOrEqual(t, line, last)
			require.LessOrEqual(t, line, strings.Count(content, "\n")+1)
			last = line
			return d.Skip()
		})
	})
}
