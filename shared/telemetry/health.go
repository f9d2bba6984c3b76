package telemetry

import (
	"context"

	"longtail/shared/config"
)

// Health is the command with which a container asks the program beside it whether it is ready.
type Health struct{ config.DebugFlags }

// Run asks /readyz of the debug address.
func (c *Health) Run(ctx context.Context) error {
	var p config.Problems
	debug := c.Parse(&p)
	if err := p.Err(); err != nil {
		return err
	}
	return Probe(ctx, debug.Addr, "/readyz")
}
