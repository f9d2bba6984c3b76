package storage

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"longtail/shared/click"
)

// The table erasures: whose clicks are anonymised, also those that arrive later. It keeps no name, only an HMAC of it
// with the installation's key.

// eraseJob is the kind of the job that erases a recipient.
const eraseJob = "erase"

// eraseArgs are what the job has to know while it runs.
type eraseArgs struct {
	Recipient string `json:"recipient"`
}

// Erased is what a job found of a recipient.
type Erased struct {
	Campaigns   int `json:"campaigns"`
	DeadLetters int `json:"dead_letters"`
}

// CreateErasure asks for a recipient to be taken out of an account. From now on clicks of before that are still on their
// way are anonymised when they arrive (AnonymizeErased); RunErasures does the rest. The audit names the recipient by its
// hash alone.
func (d *DB) CreateErasure(ctx context.Context, account uint32, recipient string) (Job, error) {
	recipient = strings.ToLower(recipient)
	hash, err := d.recipientHash(ctx, account, recipient)
	if err != nil {
		return Job{}, err
	}
	var id [16]byte
	rand.Read(id[:])
	err = d.writeAgain(ctx, func(tx *sql.Tx) error {
		if added, err := d.addJob(ctx, tx, id, account, eraseJob, eraseArgs{recipient}); err != nil || !added {
			return err
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO erasures (account_id, recipient_hash, before_ms) VALUES (?, ?, "+d.dia.NowMS+")"+
			d.dia.Upsert("erasures", "account_id, recipient_hash", "before_ms = GREATEST(old.before_ms, new.before_ms)"), account, hash)
		if err != nil {
			return err
		}
		return d.noteAudit(ctx, d.ormOn(ctx, tx), alteration{account: account, action: "recipient.erase", name: hex.EncodeToString(hash)}, changeRow{AtMs: time.Now().UnixMilli()})
	})
	if err != nil {
		return Job{}, fmt.Errorf("write erasure: %w", err)
	}
	d.erased.forget()
	return d.Job(ctx, account, id)
}

// RunErasures works on the jobs of CreateErasure: campaign by campaign a random pseudonym takes the recipient's place, and
// addresses, agents and referrers of its clicks are emptied, in dead letters too. Uniques and all counters stay as they
// are. An ingest transaction that was running meanwhile may have missed the erasure: so each job has a second pass, no
// sooner than rest after the first, and is done then. It is idempotent and may run twice at once.
func (d *DB) RunErasures(ctx context.Context, rest time.Duration) error {
	jobs, err := d.openJobs(ctx, eraseJob, rest.Milliseconds())
	if err != nil {
		return err
	}
	var failed []error
	for i := range jobs {
		if err := d.runErasure(ctx, &jobs[i]); err != nil {
			failed = append(failed, fmt.Errorf("erase a recipient of account %d: %w", jobs[i].Account, err))
		}
	}
	return errors.Join(failed...)
}

func (d *DB) runErasure(ctx context.Context, j *openJob) error {
	var args eraseArgs
	var before Erased
	if err := errors.Join(json.Unmarshal(j.args, &args), json.Unmarshal(j.Result, &before)); err != nil {
		return fmt.Errorf("decode job: %w", err)
	}
	if args.Recipient == "" {
		return nil // somebody else ended it just now
	}
	found, err := d.erase(ctx, j.Account, args.Recipient)
	if err != nil {
		return err
	}
	found = Erased{max(found.Campaigns, before.Campaigns), found.DeadLetters + before.DeadLetters}
	if j.State == JobWaiting {
		return d.takeJob(ctx, j.ID, found)
	}
	return d.endJob(ctx, j.ID, found)
}

// erase makes one pass over what is stored of a recipient.
func (d *DB) erase(ctx context.Context, account uint32, recipient string) (Erased, error) {
	campaigns, err := d.campaignsOf(ctx, account, recipient)
	if err != nil {
		return Erased{}, fmt.Errorf("find campaigns of a recipient: %w", err)
	}
	for _, campaign := range campaigns {
		if err := d.eraseIn(ctx, campaign, recipient); err != nil {
			return Erased{}, fmt.Errorf("campaign %d: %w", campaign, err)
		}
	}
	letters, err := d.eraseLetters(ctx, account, recipient)
	return Erased{len(campaigns), letters}, err
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

// erasedFresh is how long the set of accounts with erasures is believed: much less than the rest before a second pass.
const erasedFresh = 5 * time.Second

// erasedAccounts are the accounts that ever erased anybody: most never did, and their clicks cost no question.
type erasedAccounts struct {
	mu    sync.Mutex
	known map[uint32]bool
	at    time.Time
}

func (e *erasedAccounts) forget() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.known = nil
}

func (e *erasedAccounts) of(ctx context.Context, d *DB) (map[uint32]bool, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.known != nil && time.Since(e.at) < erasedFresh {
		return e.known, nil
	}
	asked := time.Now()
	rows, err := d.sql.QueryContext(ctx, "SELECT DISTINCT account_id FROM erasures")
	if err != nil {
		return nil, fmt.Errorf("read erasures: %w", err)
	}
	ids, err := collect(rows, func(id *uint32) []any { return []any{id} })
	if err != nil {
		return nil, fmt.Errorf("read erasures: %w", err)
	}
	e.known, e.at = make(map[uint32]bool, len(ids)), asked
	for _, id := range ids {
		e.known[id] = true
	}
	return e.known, nil
}

// AnonymizeErased empties, in clicks and dead letters that are on their way, what would name a recipient who was erased
// after the click. They are counted like those of a recipient who opted out. It is to be called right before each Ingest.
func (d *DB) AnonymizeErased(ctx context.Context, b Batch) error {
	accounts, err := d.erased.of(ctx, d)
	if err != nil || len(accounts) == 0 {
		return err
	}
	named := map[uint32][]string{}
	note := func(account uint32, recipient string) {
		if accounts[account] && recipient != "" {
			named[account] = append(named[account], recipient)
		}
	}
	for i := range b.Clicks {
		if b.Clicks[i].Token == TokenValid {
			note(b.Clicks[i].Click.Account, b.Clicks[i].Recipient)
		}
	}
	for i := range b.Dead {
		_, recipient := namedIn(b.Dead[i].Body)
		note(b.Dead[i].Account, recipient)
	}
	for account, recipients := range named {
		slices.Sort(recipients)
		before, err := d.ErasedBefore(ctx, account, slices.Compact(recipients))
		if err != nil {
			return err
		}
		if len(before) > 0 {
			b.anonymize(account, before)
		}
	}
	return nil
}

// anonymize empties what is older than its recipient's erasure.
func (b *Batch) anonymize(account uint32, before map[string]int64) {
	for i := range b.Clicks {
		r := &b.Clicks[i]
		if erased, found := before[r.Recipient]; found && r.Token == TokenValid && r.Click.Account == account && r.Click.ID.MS() < erased {
			r.Token, r.Recipient = TokenPrivate, ""
			empty(&r.Click)
		}
	}
	for i := range b.Dead {
		l := &b.Dead[i]
		c, recipient := namedIn(l.Body)
		if erased, found := before[recipient]; found && l.Account == account && c.ID.MS() < erased {
			l.anonymize(c)
		}
	}
}

// empty takes out of a click what tells who it was.
func empty(c *click.Click) {
	c.Token, c.IP, c.UserAgent, c.Referrer = "", "", "", ""
}
