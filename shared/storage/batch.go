package storage

import (
	"longtail/shared/click"
	"longtail/shared/queue"
)

// What the ingest transaction takes and gives. See docs/ARCHITECTURE.md for the transaction, step by step.

// Token is what the worker found about a click's recipient token, in the numbers of the table clicks.
type Token uint8

// The findings about a token.
const (
	TokenNone    Token = 0
	TokenValid   Token = 1
	TokenInvalid Token = 2
	TokenPrivate Token = 3
)

// Class is who clicked, as far as the rules know.
type Class uint8

// The classes.
const (
	Unknown Class = 0
	Human   Class = 1
	Machine Class = 2
)

// A ClickRow is one click on its way into the table clicks.
type ClickRow struct {
	Click     click.Click
	Feed      queue.FeedID // whose balance it is part of
	Recipient string       // lower case; "" unless Token is TokenValid
	Token     Token
	Class     Class
	Rule      int16 // which rule gave the class, 0 none
	Rules     int16 // the rule set's version
}

// A DeadLetter is a click that cannot be stored, kept with its reason until an operator replays or drops it.
type DeadLetter struct {
	ID       [16]byte // the event id, or a hash of an undecodable frame: writing it twice is writing it once
	AtMS     int64
	Reason   string // closed set: undecodable | unknown_link | expired | bad_day | rejected | suspect
	Detail   string
	Account  uint32 // 0 = not known
	Campaign uint64 // 0 = not known
	Feed     queue.FeedID
	Counts   bool   // a GET: it is in the feed's balance as set aside
	Body     []byte // the frame
}

// A Range tells that all of [From, To) of a feed is in this transaction or covered by a gap.
type Range struct {
	Feed     queue.FeedID
	From, To int64
	UptoMS   int64
}

// A Batch is what one ingest transaction makes durable. Clicks need not be sorted or unique.
type Batch struct {
	Clicks []ClickRow
	Dead   []DeadLetter
	Ranges []Range
}

// Outcome is what a committed batch really did.
type Outcome struct {
	Inserted  int // rows of clicks
	Duplicate int // clicks that were there already, or twice in the batch
	Dead      int // dead letters written for the first time
	Retries   int // transactions that were rolled back and run again
}

// A LinkFact is what ingest must know of a link to judge a click.
type LinkFact struct {
	Account      uint32
	Campaign     uint64
	CampaignName string
	Domain       uint32
	Ordinal      uint32
}
