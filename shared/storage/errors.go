package storage

import "errors"

// Errors of the store come in the product's three kinds. Anything that is neither of these, nor one of package link's
// sentinels, is to be retried: the database is down, busy, or cut off.
var (
	// ErrPoison: the data of the batch, not the database, is why it failed. Halving finds the click.
	ErrPoison = errors.New("data cannot be stored")
	// ErrBug: an error of our own arithmetic or schema (a counter out of range, no partition). Hold, alert, never
	// dead-letter.
	ErrBug = errors.New("schema or counter does not fit")
	// ErrFeedLost: another process owns the feed now.
	ErrFeedLost = errors.New("feed has another owner")
	// ErrFeedUnknown: no feed of this id was ever registered.
	ErrFeedUnknown = errors.New("no feed of this id was ever registered")
	// ErrFeedForgotten: an operator has written the feed off.
	ErrFeedForgotten = errors.New("feed was forgotten")
	// ErrSchema: the database's schema is newer than this program, or was never migrated.
	ErrSchema = errors.New("schema does not fit this program")
)
