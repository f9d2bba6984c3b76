package stack

import (
	"context"
	"fmt"
)

// Control runs rabbitmqctl on the running broker, which takes a second or two, and returns its output.
func (b *Broker) Control(ctx context.Context, args ...string) (string, error) {
	tool, err := binary("rabbitmqctl")
	if err != nil {
		return "", err
	}
	return run(ctx, tool, b.spec.env, append([]string{"--quiet", "--node", nodeName}, args...)...)
}

// How much memory the broker may use: as deploy/rabbitmq says, and what it has always used up.
const (
	memoryAsDeployed = "1GB"
	memoryTooLow     = "1MB"
)

// Alarm raises the broker's memory alarm, in which it takes no messages, or ends it. A restart ends it, too.
func (b *Broker) Alarm(ctx context.Context, raised bool) error {
	limit := memoryAsDeployed
	if raised {
		limit = memoryTooLow
	}
	_, err := b.Control(ctx, "set_vm_memory_high_watermark", "absolute", limit)
	return err
}

// ImpatientWith lets the broker close channels that hold a delivery without an acknowledgement for longer than limit, at
// its next look at all channels; it looks every so often. Both are in milliseconds and hold for channels that are opened
// from now on, until the broker is started again.
func (b *Broker) ImpatientWith(ctx context.Context, limit, every int64) error {
	_, err := b.Control(ctx, "eval", fmt.Sprintf(
		"application:set_env(rabbit, consumer_timeout, %d), application:set_env(rabbit, channel_tick_interval, %d).", limit, every))
	return err
}
