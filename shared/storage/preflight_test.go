package storage

import (
	"bytes"
	"log/slog"
	"maps"
	"strings"
	"testing"

	"longtail/shared/telemetry"
)

// durable is a server that keeps what it has committed.
func durable() map[string]string {
	return map[string]string{
		"innodb_flush_log_at_trx_commit": "1", "innodb_flush_method": "fsync", "innodb_doublewrite": "ON", "log_bin": "OFF", "sync_binlog": "0",
	}
}

func TestPreflightFindsWhatCanBeLost(t *testing.T) {
	for name, c := range map[string]struct {
		settings map[string]string
		says     []string
	}{
		"durable":                         {nil, nil},
		"a binary log, synced":            {map[string]string{"log_bin": "ON", "sync_binlog": "1"}, nil},
		"three syncs for a commit":        {map[string]string{"innodb_flush_log_at_trx_commit": "3"}, nil},
		"written and flushed each second": {map[string]string{"innodb_flush_log_at_trx_commit": "0"}, []string{"a crash of the server", "set innodb_flush_log_at_trx_commit = 1"}},
		"flushed each second":             {map[string]string{"innodb_flush_log_at_trx_commit": "2"}, []string{"a loss of power", "set innodb_flush_log_at_trx_commit = 1"}},
		"a binary log, not synced":        {map[string]string{"log_bin": "ON"}, []string{"sync_binlog is 0", "set sync_binlog = 1"}},
		"a binary log, synced rarely":     {map[string]string{"log_bin": "1", "sync_binlog": "100"}, []string{"sync_binlog is 100"}},
		"never flushed":                   {map[string]string{"innodb_flush_method": "nosync"}, []string{"innodb_flush_method is nosync"}},
		"half-written pages":              {map[string]string{"innodb_doublewrite": "DETECT_ONLY"}, []string{"innodb_doublewrite"}},
		"two at once":                     {map[string]string{"innodb_flush_log_at_trx_commit": "2", "log_bin": "ON"}, []string{"innodb_flush_log_at_trx_commit", "sync_binlog"}},
	} {
		got := durable()
		maps.Copy(got, c.settings)
		err := preflight(got)
		if (err == nil) != (c.says == nil) {
			t.Errorf("%s: %v; want it to name %q", name, err, c.says)
			continue
		}
		for _, words := range c.says {
			if !strings.Contains(err.Error(), words) {
				t.Errorf("%s: %v; want %q in it", name, err, words)
			}
		}
	}
}

func TestPreflightTellsOfEachServerOnce(t *testing.T) {
	var log bytes.Buffer
	p := preflighter{log: slog.New(slog.NewTextHandler(&log, nil)), known: map[string]*telemetry.Changed{}}
	lossy := durable()
	lossy["innodb_flush_log_at_trx_commit"] = "2"
	for range 3 {
		p.note("db-1:3306", durable())
		p.note("db-2:3306", lossy)
	}
	if n := strings.Count(log.String(), "level=WARN"); n != 1 || !strings.Contains(log.String(), "server=db-2:3306") {
		t.Errorf("%d warnings; want one, of db-2:\n%s", n, &log)
	}
	p.note("db-2:3306", durable())
	p.note("db-2:3306", lossy)
	if n := strings.Count(log.String(), "level=WARN"); n != 2 {
		t.Errorf("%d warnings after the setting was mended and broken again; want two:\n%s", n, &log)
	}
}
