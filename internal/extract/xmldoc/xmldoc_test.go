package xmldoc

import (
	"context"
	"encoding/xml"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom/inventory"
)

func TestOpen(t *testing.T) {
	tests := []struct{ name, content, want string }{
		{"plain", "<a>ä</a>", "ä"},
		{"declared", `<?xml version="1.0" encoding="utf-8"?><a>ä</a>`, "ä"},
		{"byte order mark", "\xef\xbb\xbf<a>b</a>", "b"},
		{"UTF-16, little endian", "\xff\xfe<\x00a\x00>\x00\xe4\x00<\x00/\x00a\x00>\x00", "ä"},
		{"UTF-16, big endian", "\xfe\xff\x00<\x00a\x00>\x00\xe4\x00<\x00/\x00a\x00>", "ä"},
		{"UTF-16 that says so", "\xff\xfe" + strings.Join(strings.Split(`<?xml version="1.0" encoding="utf-16"?><a>b</a>`, ""), "\x00") + "\x00", "b"},
		{"another encoding", "<?xml version=\"1.0\" encoding=\"windows-1252\"?><a>b\xe4</a>", "b?"},
	}
	for _, tt := range tests {
		d, err := Open(t.Context(), strings.NewReader(tt.content), 1000)
		require.NoError(t, err, tt.name)
		var got string
		require.NoError(t, d.Decode(&got), tt.name)
		assert.Equal(t, tt.want, got, tt.name)
	}
}

func TestOpenErrors(t *testing.T) {
	_, err := Open(t.Context(), strings.NewReader("12345"), 4)
	require.ErrorIs(t, err, inventory.ErrTooLarge)
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Open(canceled, strings.NewReader("<a/>"), 4)
	require.ErrorIs(t, err, context.Canceled)

	d, err := Open(t.Context(), strings.NewReader(`<!DOCTYPE a [<!ENTITY x "&y;&y;"><!ENTITY y "long">]><a>&x;</a>`), 1000)
	require.NoError(t, err)
	var syntax *xml.SyntaxError
	var got string
	require.ErrorAs(t, d.Decode(&got), &syntax)
}
