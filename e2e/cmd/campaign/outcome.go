package main

import (
	"time"

	"longtail/e2e/evidence"
	"longtail/e2e/load"
	"longtail/e2e/oracle"
	"longtail/e2e/platform"
)

// An outcome is what came of one run.
type outcome struct {
	*run

	start            time.Time
	answers          []load.Answer
	latency, service load.Percentiles
	settled          time.Duration // from the last answer until all was counted
	note             string        // why it was not

	samples          []evidence.Sample
	firstHour, whole evidence.Counters
	wholeTime        time.Duration

	compared    bool // rows were read
	rows        []oracle.Row
	tally       *oracle.Tally
	figures     oracle.Figures
	results     platform.Results
	balance     platform.Balance
	differences []string
}

// broken tells whether a promise broke. The two usual designs promise nothing but their rows.
func (o *outcome) broken() bool {
	if !o.compared {
		return o.tally.Astray > 0 || o.note != ""
	}
	if o.InsertRateWindows && !o.steady(o.windows()) {
		return true
	}
	return o.tally.Broken() || len(o.differences) > 0 || o.note != "" || (o.mode == "longtail" && !o.balanced())
}

// balanced tells whether the API's balance says what the tally says. Answers that nobody received count as answered
// there.
func (o *outcome) balanced() bool {
	b, t := o.balance, o.tally
	return b.Answered == b.Stored+b.Waiting+b.SetAside && b.Stored == t.Rows &&
		b.Answered >= t.Answered && b.Answered <= t.Answered+t.Unanswered
}
