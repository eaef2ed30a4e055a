package osrelease

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// ubuntuPro is where the client of Ubuntu Pro keeps what "pro status" told
// last: https://documentation.ubuntu.com/pro-client/en/latest/references/.
const ubuntuPro = "var/lib/ubuntu-advantage/status.json"

const (
	maxPro      = 1 << 20 // bytes of the file; real ones have about 20 KiB
	maxServices = 1000    // there are about 15
	maxService  = 64      // bytes of a name
)

// extractPro reads which services of Ubuntu Pro are enabled. A machine that is
// not attached has the file too, with all of them disabled or not available.
func extractPro(f *inventory.File) (inventory.Facts, error) {
	content, err := io.ReadAll(io.LimitReader(f, maxPro+1))
	if err != nil {
		return inventory.Facts{}, err
	}
	if len(content) > maxPro {
		return inventory.Facts{}, fmt.Errorf("more than %d bytes: %w", maxPro, inventory.ErrTooLarge)
	}
	var state struct {
		Services []struct {
			Name   string `json:"name"`
			Status string `json:"status"`
		} `json:"services"`
	}
	if err := json.Unmarshal(content, &state); err != nil {
		return inventory.Facts{}, fmt.Errorf("the state of Ubuntu Pro: %w", err)
	}
	if len(state.Services) > maxServices {
		return inventory.Facts{}, fmt.Errorf("%d services: %w", len(state.Services), inventory.ErrTooLarge)
	}
	var facts inventory.Facts
	var os inventory.OS
	for _, s := range state.Services {
		switch {
		case s.Status != "enabled":
		case !isService(s.Name):
			facts.Problems = []string{fmt.Sprintf("%q is not the name of a service", lines.Clip(s.Name))}
		default:
			os.ProServices = append(os.ProServices, s.Name)
		}
	}
	slices.Sort(os.ProServices)
	if os.ProServices = slices.Compact(os.ProServices); len(os.ProServices) > 0 {
		facts.OS = &os
	}
	return facts, nil
}

// isService reports whether a text can be the name of a service, such as
// "esm-infra".
func isService(name string) bool {
	return name != "" && len(name) <= maxService && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}
