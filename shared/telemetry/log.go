// Package telemetry is how a program tells what it does: structured logs, Prometheus metrics, and the debug server
// where operators and probes ask.
//
// Place on the click's way: beside it, never on it.
package telemetry

import (
	"log/slog"
	"os"
)

// NewLog returns a logger that writes text or JSON lines to w. format is text, json, or "" to write text to a terminal
// and JSON elsewhere.
func NewLog(w *os.File, format string) *slog.Logger {
	if format == "text" || format == "" && terminal(w) {
		return slog.New(slog.NewTextHandler(w, nil))
	}
	return slog.New(slog.NewJSONHandler(w, nil))
}

func terminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// A Changed logs a condition once when it begins, when its reason changes, and when it ends, however often it is told.
// One goroutine owns it.
type Changed struct {
	Log  *slog.Logger
	What string // constant message, e.g. "database is unreachable"
	last string
}

// Note tells the condition's present error; nil ends it.
func (c *Changed) Note(err error) {
	reason := ""
	if err != nil {
		reason = err.Error()
	}
	switch {
	case reason == c.last:
		return
	case err == nil:
		c.Log.Info(c.What + ": over")
	default:
		c.Log.Warn(c.What, "error", reason)
	}
	c.last = reason
}
