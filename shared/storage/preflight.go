package storage

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"longtail/shared/telemetry"
)

// preflightVariables are what preflight judges, in SQL.
const preflightVariables = "'innodb_flush_log_at_trx_commit','innodb_flush_method','innodb_doublewrite','log_bin','sync_binlog'"

// How a setting is set for good.
const (
	byStatement = "by SET GLOBAL, and in the server's configuration"
	byRestart   = "in the server's configuration, and restart it"
)

// preflight returns what a server's settings can lose of what it has committed, and how to set them; nil if nothing.
// The keepers before the store forget a click when it is committed: what a commit loses is lost.
func preflight(got map[string]string) error {
	var risks []error
	risk := func(setting, loses, want, how string) {
		risks = append(risks, fmt.Errorf("%s is %s: %s; set %s = %s %s", setting, got[setting], loses, setting, want, how))
	}
	switch got["innodb_flush_log_at_trx_commit"] { // MariaDB's 3 keeps what 1 keeps
	case "0":
		risk("innodb_flush_log_at_trx_commit", "a crash of the server or a loss of power loses the last second of committed clicks, or more", "1", byStatement)
	case "2":
		risk("innodb_flush_log_at_trx_commit", "a loss of power or a crash of the system loses the last second of committed clicks, or more", "1", byStatement)
	}
	if on(got["log_bin"]) && got["sync_binlog"] != "1" {
		risk("sync_binlog", "a loss of power loses committed clicks with the end of the binary log, and replicas differ afterwards", "1", byStatement)
	}
	if strings.EqualFold(got["innodb_flush_method"], "nosync") {
		risk("innodb_flush_method", "nothing is ever flushed to the disk, and a loss of power can destroy all tables", "O_DIRECT", byRestart)
	}
	switch strings.ToLower(got["innodb_doublewrite"]) {
	case "off", "0", "detect_only":
		risk("innodb_doublewrite", "a loss of power can leave half-written pages, unless the file system writes whole pages", "ON", byRestart)
	}
	return errors.Join(risks...)
}

func on(value string) bool { return strings.EqualFold(value, "on") || value == "1" }

// A preflighter tells of each server once, and again when its settings have changed.
type preflighter struct {
	log *slog.Logger

	mu    sync.Mutex
	known map[string]*telemetry.Changed // by host
}

// note takes what a new session on host has read.
func (p *preflighter) note(host string, got map[string]string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.known[host]
	if c == nil {
		c = &telemetry.Changed{Log: p.log.With("server", host), What: "the database can lose what it has committed"}
		p.known[host] = c
	}
	c.Note(preflight(got))
}
