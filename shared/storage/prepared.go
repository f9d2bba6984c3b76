package storage

import (
	"context"
	"database/sql"
	"sync"
	"sync/atomic"

	"longtail/shared/storage/dialect"
)

// preparedRows is how many rows a prepared statement has. Twice as many cost the server no less for each row; half as many
// a twentieth more. It keeps some mebibytes for each connection that has used the statement.
const preparedRows = 200

// prepared are the statements that the server has parsed before, by their heads.
type prepared struct {
	mu      sync.Mutex
	by      map[string]*sql.Stmt
	refused atomic.Bool // the server takes no more of them
}

// whole is the statement's text with preparedRows rows.
func (m *multi) whole() string { return m.head + rowMarks(preparedRows, m.cols) + m.tail }

// prepare makes the statements known. It takes a connection of the pool, so it must not be called in a transaction. Its
// failure is none: the statements' text can be sent as well.
func (d *DB) prepare(ctx context.Context, statements ...*multi) {
	for _, m := range statements {
		if !d.dia.Prepared || d.parsed.refused.Load() || d.parsed.get(m) != nil {
			continue
		}
		statement, err := d.sql.PrepareContext(ctx, m.whole())
		if err != nil {
			d.refuse(err)
			return
		}
		d.parsed.put(m, statement)
	}
}

func (p *prepared) get(m *multi) *sql.Stmt {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.by[m.head]
}

// put closes the statement when another one came first.
func (p *prepared) put(m *multi, statement *sql.Stmt) {
	p.mu.Lock()
	if p.by == nil {
		p.by = map[string]*sql.Stmt{}
	}
	if p.by[m.head] == nil {
		p.by[m.head], statement = statement, nil
	}
	p.mu.Unlock()
	if statement != nil {
		_ = statement.Close()
	}
}

// refuse notes when the server is out of prepared statements, and tells whether that is what err says.
func (d *DB) refuse(err error) bool {
	if d.dia.Kind(err) != dialect.Unprepared {
		return false
	}
	if !d.parsed.refused.Swap(true) {
		d.log.Warn("the server prepares no statement: ingest costs it twice the CPU", "error", err)
	}
	return true
}
