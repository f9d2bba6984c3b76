// Package app wires the rooms of a redirector, or of allinone, and stops them in the right order.
//
// The two differ in one hop: with a broker the spool is published to it, without one it is read by ingest at once.
package app

import (
	"log/slog"
	"time"

	"longtail/shared/config"
)

// Options are the checked settings of a redirector or of allinone.
type Options struct {
	Public     config.Public
	API        config.API
	Debug      config.Debug
	Spool      config.Spool
	CacheBytes int64
	RedisURL   string // "" = no second tier
	DSN        string
	Secrets    config.Secrets
	// BrokerURL is "" in the embedded mode; Pool and Retention are used only there.
	BrokerURL string
	Pool      config.Pool
	Retention time.Duration
	Log       *slog.Logger
	// Started, if not nil, is called once clicks are answered.
	Started func()
}

func (o *Options) embedded() bool { return o.BrokerURL == "" }
