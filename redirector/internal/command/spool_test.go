package command

import (
	"errors"
	"io/fs"
	"path/filepath"
	"testing"

	"longtail/shared/config"
)

// TestDrainOfAMistypedFolder: nothing may look drained that was never there, and nothing is made.
func TestDrainOfAMistypedFolder(t *testing.T) {
	absent := filepath.Join(t.TempDir(), "absent")
	c := spoolDrain{
		StoreFlags:  config.StoreFlags{MySQLDSN: "longtail@tcp(127.0.0.1:1)/longtail"},
		BrokerFlags: config.BrokerFlags{AMQPURL: "amqp://127.0.0.1:1/"},
		SpoolFlags:  config.SpoolFlags{DataDir: absent, Journal: "kill", SpoolMaxBytes: "1GiB"},
	}
	if err := c.Run(t.Context()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("drained an absent folder: %v", err)
	}
	if made, _ := filepath.Glob(absent); made != nil {
		t.Error("the folder was made")
	}
}
