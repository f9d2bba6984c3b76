package storage

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"longtail/shared/click"
	"longtail/shared/link"
)

// Dead letters keep whole clicks, with the token that names a recipient.

// namedIn returns the click in a dead letter's body and the recipient, in lower case, whom its token names, whether or not
// the tag is right; "" for none, and for bytes that are no click.
func namedIn(body []byte) (c click.Click, recipient string) {
	payload, size, err := click.Next(body)
	if err != nil || size != len(body) {
		return c, ""
	}
	if c, err = click.Decode(payload); err != nil {
		return c, ""
	}
	recipient, _, _ = strings.Cut(strings.ToLower(c.Token), ".")
	if !link.ValidRecipient(recipient) {
		recipient = ""
	}
	return c, recipient
}

// anonymize keeps of a dead letter's click what counts it. When it is tried again it is one of a recipient who opted out.
func (l *DeadLetter) anonymize(c click.Click) {
	empty(&c)
	c.Flags = c.Flags&^(click.Tail|click.CutToken) | click.Private
	l.Body = click.AppendFrame(nil, &c)
	l.Detail = "" // what a database said may quote the value
}

// eraseLetters anonymises the dead letters that name a recipient, and returns their number. Of bytes that are no click
// nothing can be told apart: those that hold the recipient's token are given up, like letters that an operator drops.
func (d *DB) eraseLetters(ctx context.Context, account uint32, recipient string) (found int, err error) {
	token, err := regexp.Compile(`(?i)` + regexp.QuoteMeta(recipient) + `\.[0-9a-f]{8}`)
	if err != nil {
		return 0, fmt.Errorf("erase in dead letters: %w", err)
	}
	var after [16]byte
	for {
		letters, err := d.letters(ctx, d.sql, "WHERE id > ? AND state <> ? AND (account_id = ? OR account_id IS NULL) ORDER BY id LIMIT ?",
			after[:], letterDropped, account, idsAtOnce)
		if err != nil || len(letters) == 0 {
			return found, err
		}
		for i := range letters {
			l := &letters[i]
			c, named := namedIn(l.Body)
			switch {
			case named == recipient && l.Account == account:
				l.anonymize(c)
			case named == "" && token.Match(l.Body):
				l.Body, l.Detail, l.State = []byte{}, "", LetterDropped
			default:
				continue
			}
			if _, err := d.sql.ExecContext(ctx, "UPDATE dead_letters SET body = ?, detail = ?, state = CASE WHEN state = 0 THEN ? ELSE state END WHERE id = ?",
				l.Body, l.Detail, l.State, l.ID[:]); err != nil {
				return found, fmt.Errorf("erase in dead letters: %w", err)
			}
			found++
		}
		after = letters[len(letters)-1].ID
	}
}
