package storage

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The table erasures: whose clicks are anonymised, also those that arrive later. It keeps no name, only an HMAC of it
// with the installation's key.

// Erase takes a recipient out of an account. It writes the erasure first, so that clicks which are still on their way can
// be anonymised when they arrive (ErasedBefore); then, campaign by campaign, a random pseudonym takes the recipient's
// place, and addresses, agents and referrers of its clicks are emptied. Uniques and all counters stay as they are. An
// ingest transaction that was running meanwhile may have missed the erasure, so it is called again a minute later: to
// repeat it is harmless. It returns in how many campaigns the recipient was found.
func (d *DB) Erase(ctx context.Context, account uint32, recipient string) (campaigns int, err error) {
	recipient = strings.ToLower(recipient)
	hash, err := d.recipientHash(ctx, account, recipient)
	if err != nil {
		return 0, err
	}
	err = d.writeAgain(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO erasures (account_id, recipient_hash, before_ms) VALUES (?, ?, "+d.dia.NowMS+")"+
			d.dia.Upsert("erasures", "account_id, recipient_hash", "before_ms = GREATEST(old.before_ms, new.before_ms)"), account, hash)
		if err != nil {
			return err
		}
		return d.noteAudit(ctx, d.ormOn(ctx, tx), alteration{account: account, action: "recipient.erase", name: hex.EncodeToString(hash)}, changeRow{AtMs: time.Now().UnixMilli()})
	})
	if err != nil {
		return 0, fmt.Errorf("write erasure: %w", err)
	}
	found, err := d.campaignsOf(ctx, account, recipient)
	if err != nil {
		return 0, fmt.Errorf("find campaigns of a recipient: %w", err)
	}
	for _, campaign := range found {
		if err := d.eraseIn(ctx, campaign, recipient); err != nil {
			return 0, fmt.Errorf("erase in campaign %d: %w", campaign, err)
		}
	}
	return len(found), nil
}

func (d *DB) campaignsOf(ctx context.Context, account uint32, recipient string) ([]uint64, error) {
	rows, err := d.sql.QueryContext(ctx, "SELECT c.id FROM campaigns AS c JOIN recipients AS r ON r.campaign_id = c.id AND r.recipient = ? AND r.page = 0"+
		" WHERE c.account_id = ? ORDER BY c.id", []byte(recipient), account)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(id *uint64) []any { return []any{id} })
}

// eraseIn gives the recipient another name in one campaign. Its clicks lie between the first and the last, so only their
// part of the campaign is read.
func (d *DB) eraseIn(ctx context.Context, campaign uint64, recipient string) error {
	pseudonym := newPseudonym()
	return d.writeAgain(ctx, func(tx *sql.Tx) error {
		var first, last int64
		err := tx.QueryRowContext(ctx, "SELECT first_ms, last_ms FROM recipients WHERE campaign_id = ? AND recipient = ? AND page = 0"+d.dia.ForUpdate, campaign, []byte(recipient)).
			Scan(&first, &last)
		if errors.Is(err, sql.ErrNoRows) {
			return nil // a try whose outcome was unknown did it
		}
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "UPDATE recipients SET recipient = ? WHERE campaign_id = ? AND recipient = ?", pseudonym, campaign, []byte(recipient))
		if err != nil {
			return err
		}
		from, to, nothing := firstID(first), firstID(last+1), []byte{}
		_, err = tx.ExecContext(ctx, "UPDATE clicks SET recipient = ?, ip = ?, user_agent = ?, referrer = ? WHERE campaign_id = ? AND event_id >= ? AND event_id < ?"+
			" AND day >= ? AND day <= ? AND recipient = ?", pseudonym, nothing, nothing, nothing, campaign, from[:], to[:], from.Day(), to.Day(), []byte(recipient))
		return err
	})
}

// newPseudonym is a name that nobody has or can have had.
func newPseudonym() []byte {
	var b [16]byte
	rand.Read(b[:])
	return []byte("erased-" + hex.EncodeToString(b[:]))
}

// recipientHash is what erasures keep of a name.
func (d *DB) recipientHash(ctx context.Context, account uint32, recipient string) ([]byte, error) {
	key, err := d.CodeKey(ctx)
	if err != nil {
		return nil, err
	}
	return hashRecipient(key[:], account, recipient), nil
}

func hashRecipient(key []byte, account uint32, recipient string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("longtail erasure 1\x00" + strconv.FormatUint(uint64(account), 10) + "\x00" + recipient))
	return mac.Sum(nil)
}

// ErasedBefore returns, of those of an account's recipients (in lower case) who were erased, the time in Unix
// milliseconds before which their clicks are anonymised.
func (d *DB) ErasedBefore(ctx context.Context, account uint32, recipients []string) (map[string]int64, error) {
	key, err := d.CodeKey(ctx)
	if err != nil {
		return nil, err
	}
	type row struct {
		hash   []byte
		before int64
	}
	erased := map[string]int64{}
	for some := range slices.Chunk(recipients, idsAtOnce) {
		names, args := make(map[string]string, len(some)), []any{account}
		for _, recipient := range some {
			hash := hashRecipient(key[:], account, recipient)
			names[string(hash)], args = recipient, append(args, hash)
		}
		rows, err := d.sql.QueryContext(ctx, "SELECT recipient_hash, before_ms FROM erasures WHERE account_id = ? AND recipient_hash IN ("+marks(len(some))+")", args...)
		if err != nil {
			return nil, fmt.Errorf("read erasures: %w", err)
		}
		found, err := collect(rows, func(r *row) []any { return []any{&r.hash, &r.before} })
		if err != nil {
			return nil, fmt.Errorf("read erasures: %w", err)
		}
		for _, r := range found {
			erased[names[string(r.hash)]] = r.before
		}
	}
	return erased, nil
}

// AnonymizeErased empties, in clicks that are on their way, what would name a recipient who was erased after the click.
// They are counted like those of a recipient who opted out.
func (d *DB) AnonymizeErased(ctx context.Context, rows []ClickRow) error {
	byAccount := map[uint32][]string{}
	for i := range rows {
		if rows[i].Token == TokenValid {
			byAccount[rows[i].Click.Account] = append(byAccount[rows[i].Click.Account], rows[i].Recipient)
		}
	}
	for account, recipients := range byAccount {
		slices.Sort(recipients)
		erased, err := d.ErasedBefore(ctx, account, slices.Compact(recipients))
		if err != nil {
			return err
		}
		for i := range rows {
			r := &rows[i]
			if before, found := erased[r.Recipient]; found && r.Token == TokenValid && r.Click.Account == account && r.Click.ID.MS() < before {
				r.anonymize()
			}
		}
	}
	return nil
}

func (r *ClickRow) anonymize() {
	r.Token, r.Recipient = TokenPrivate, ""
	r.Click.Token, r.Click.IP, r.Click.UserAgent, r.Click.Referrer = "", "", "", ""
}
