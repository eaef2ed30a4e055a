package pydep

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestNeedsGroup(t *testing.T) {
	tests := []struct {
		marker string
		want   bool
	}{
		{"", false},
		{"os_name == 'nt'", false},
		{"'dev' in dependency_groups", true},
		{`("dev"  in  dependency_groups)`, true},
		{"'Main' in dependency_groups", false}, // a default
		{"'dev' not in dependency_groups", false},
		{"'dev' in dependency_groups and os_name == 'nt'", true},
		{"os_name == 'or' and 'dev' in dependency_groups", true},
		{"os_name == 'nt' or 'dev' in dependency_groups", false},
		{"'dev' in dependency_groups or 'test' in dependency_groups", true},
		{"('dev' in dependency_groups or 'test' in dependency_groups) and (os_name == 'x' or os_name == 'y')", true},
		{"('dev' in dependency_groups or 'main' in dependency_groups) and os_name == 'x'", false},
		{"'dev' in dependency_groups or 'x' in extras", false},
		{"'dependency_groups' == 'dev'", false},
		{"(('dev' in dependency_groups", false},
		{"'dev in dependency_groups", false},
	}
	for _, tt := range tests {
		assert.Equalf(t, tt.want, NeedsGroup(tt.marker, []string{"main"}), "NeedsGroup(%q)", tt.marker)
	}
}
