package scan

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// MaxReport is the size in bytes up to which [ReadReport] reads: 512 MiB.
const MaxReport = 512 << 20

// ReadReport reads a report in its JSON form. It has no BOM, and no Packages
// unless it was written with them. The error tells of what is no report, is of
// another schema version, or is larger than [MaxReport].
func ReadReport(r io.Reader) (*Report, error) {
	limited := &io.LimitedReader{R: r, N: MaxReport + 1}
	dec := json.NewDecoder(limited)
	var report Report
	err := dec.Decode(&report)
	if err == nil {
		if _, err = dec.Token(); err == nil {
			err = errors.New("something follows behind the report")
		} else if err == io.EOF {
			err = nil
		}
	}
	switch {
	case limited.N <= 0:
		return nil, fmt.Errorf("scan: ReadReport: more than %d bytes", MaxReport)
	case err == io.EOF:
		return nil, fmt.Errorf("scan: ReadReport: %w", io.ErrUnexpectedEOF)
	case err != nil:
		return nil, fmt.Errorf("scan: ReadReport: %w", err)
	case report.SchemaVersion != SchemaVersion:
		return nil, fmt.Errorf("scan: ReadReport: schema_version is %d, known is %d: it is no report, or one of another version of this program", report.SchemaVersion, SchemaVersion)
	case report.Findings == nil || report.Coverage == nil:
		return nil, errors.New("scan: ReadReport: it lacks findings or coverage, so it is no complete report")
	}
	return &report, nil
}
