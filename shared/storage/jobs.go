package storage

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"longtail/shared/link"
)

// The table jobs: work that is longer than the call that asked for it. What a job needs to know of a person is forgotten
// with its end.

// jobsKept is how long a job that is done can be asked for.
const jobsKept = "30 * 86400000"

// The states of a job.
const (
	JobWaiting JobState = 0
	JobRunning JobState = 1
	JobDone    JobState = 2
)

// JobState is how far a job is.
type JobState uint8

// A Job is work that was asked for.
type Job struct {
	ID        [16]byte
	Account   uint32
	Kind      string
	State     JobState
	CreatedMS int64
	DoneMS    int64  // 0 = not yet
	Result    []byte // JSON, nil = nothing yet
}

// Job returns a job of an account, or link.ErrNotFound.
func (d *DB) Job(ctx context.Context, account uint32, id [16]byte) (Job, error) {
	j := Job{ID: id, Account: account}
	var done sql.Null[int64]
	err := d.sql.QueryRowContext(ctx, "SELECT kind, state, created_ms, done_ms, result_json FROM jobs WHERE id = ? AND account_id = ?", id[:], account).
		Scan(&j.Kind, &j.State, &j.CreatedMS, &done, &j.Result)
	if errors.Is(err, sql.ErrNoRows) {
		return Job{}, link.ErrNotFound
	}
	if err != nil {
		return Job{}, fmt.Errorf("read job: %w", err)
	}
	j.DoneMS = done.V
	return j, nil
}

// DropJobs removes the jobs that were done a month ago.
func (d *DB) DropJobs(ctx context.Context) error {
	if _, err := d.sql.ExecContext(ctx, "DELETE FROM jobs WHERE state = ? AND done_ms < "+d.dia.NowMS+" - "+jobsKept, JobDone); err != nil {
		return fmt.Errorf("drop jobs: %w", err)
	}
	return nil
}

// addJob writes a new job; it returns false if it is there already, from a try whose outcome was unknown.
func (d *DB) addJob(ctx context.Context, tx *sql.Tx, id [16]byte, account uint32, kind string, args any) (bool, error) {
	text, err := json.Marshal(args)
	if err != nil {
		return false, fmt.Errorf("encode job: %w", err)
	}
	result, err := tx.ExecContext(ctx, "INSERT INTO jobs (id, account_id, kind, state, args_json, created_ms) VALUES (?, ?, ?, ?, ?, "+d.dia.NowMS+")"+d.dia.Ignore("jobs", "id"),
		id[:], account, kind, JobWaiting, string(text))
	if err != nil {
		return false, fmt.Errorf("write job: %w", err)
	}
	n, err := result.RowsAffected()
	return n > 0, err
}

// An openJob is one that is to be worked on.
type openJob struct {
	Job
	args []byte
}

// openJobs returns jobs of a kind that wait, and those whose first pass lies as long back as rest, the oldest first.
func (d *DB) openJobs(ctx context.Context, kind string, restMS int64) ([]openJob, error) {
	rows, err := d.sql.QueryContext(ctx, "SELECT id, account_id, kind, state, created_ms, args_json, COALESCE(result_json, '{}') FROM jobs WHERE kind = ?"+
		" AND (state = ? OR state = ? AND taken_ms <= "+d.dia.NowMS+" - ?) ORDER BY state, created_ms LIMIT 100", kind, JobWaiting, JobRunning, restMS)
	if err != nil {
		return nil, fmt.Errorf("look for jobs: %w", err)
	}
	jobs, err := collect(rows, func(j *openJob) []any {
		return []any{into16{&j.ID}, &j.Account, &j.Kind, &j.State, &j.CreatedMS, &j.args, &j.Result}
	})
	if err != nil {
		return nil, fmt.Errorf("look for jobs: %w", err)
	}
	return jobs, nil
}

// takeJob notes the first pass of a job.
func (d *DB) takeJob(ctx context.Context, id [16]byte, result any) error {
	_, err := d.sql.ExecContext(ctx, "UPDATE jobs SET state = ?, taken_ms = "+d.dia.NowMS+", result_json = ? WHERE id = ? AND state = ?", JobRunning, *jsonOf(result), id[:], JobWaiting)
	if err != nil {
		return fmt.Errorf("note a job's first pass: %w", err)
	}
	return nil
}

// endJob ends a job and forgets what it was about.
func (d *DB) endJob(ctx context.Context, id [16]byte, result any) error {
	_, err := d.sql.ExecContext(ctx, "UPDATE jobs SET state = ?, done_ms = "+d.dia.NowMS+", args_json = '{}', result_json = ? WHERE id = ?", JobDone, *jsonOf(result), id[:])
	if err != nil {
		return fmt.Errorf("end job: %w", err)
	}
	return nil
}
