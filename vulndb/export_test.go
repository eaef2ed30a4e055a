package vulndb

import (
	"context"
	"time"
)

// WithoutWaits makes failed requests be repeated at once, and not for long.
func WithoutWaits() UpdateOption {
	return updateOption(func(c *updateConfig) error {
		c.client.Attempts = 2
		c.client.Sleep = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
		return nil
	})
}

// WithMaxRecords lowers the number of records that are fetched one by one.
func WithMaxRecords(n int) UpdateOption {
	return updateOption(func(c *updateConfig) error {
		c.maxRecords = n
		return nil
	})
}
