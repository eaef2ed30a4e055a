package cvss_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/cvss"
)

func TestParseSeverity(t *testing.T) {
	tests := []struct {
		name string
		want cvss.Severity
	}{
		{"CRITICAL", cvss.Critical},
		{"high", cvss.High},
		{"Important", cvss.High}, // Red Hat, AlmaLinux
		{"moderate", cvss.Medium},
		{"Low", cvss.Low},
		{"negligible", cvss.Negligible}, // Ubuntu
		{"unimportant", cvss.Negligible},
		{"none", cvss.None},
		{"unknown", cvss.Unknown},
	}
	for _, tt := range tests {
		got, err := cvss.ParseSeverity(tt.name)
		require.NoErrorf(t, err, "ParseSeverity(%q)", tt.name)
		assert.Equalf(t, tt.want, got, "ParseSeverity(%q)", tt.name)
	}
	for _, name := range []string{"", "severe", "HIGH "} {
		_, err := cvss.ParseSeverity(name)
		assert.ErrorContainsf(t, err, "there are UNKNOWN, NONE", "ParseSeverity(%q)", name)
	}
}

func TestSeverityText(t *testing.T) {
	order := cvss.Severities()
	for i, s := range order {
		data, err := json.Marshal(s)
		require.NoError(t, err)
		var back cvss.Severity
		require.NoError(t, json.Unmarshal(data, &back), string(data))
		assert.Equal(t, s, back)
		if i > 0 {
			assert.Greater(t, order[i-1], s, "the highest first")
		}
	}
	_, err := json.Marshal(cvss.Severity(99))
	assert.Error(t, err, "a value without a name")
}

func ExampleParseSeverity() {
	s, err := cvss.ParseSeverity("moderate")
	fmt.Println(s, err, s < cvss.High)
	// Output: MEDIUM <nil> true
}
