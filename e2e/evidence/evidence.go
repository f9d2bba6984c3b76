// Package evidence reads what is stored, from outside: the views that anyone may read, and the database server's own
// counters of statements. It stands behind the click's end and changes nothing.
package evidence

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	_ "modernc.org/sqlite" // the all-in-one's database

	"longtail/e2e/oracle"
)

// A Database is MySQL, MariaDB or an all-in-one's SQLite file.
type Database struct {
	db     *sql.DB
	sqlite bool
}

// Open prepares reading. name is "sqlite:PATH" or a DSN of go-sql-driver/mysql.
func Open(name string) (*Database, error) {
	if path, ok := strings.CutPrefix(name, "sqlite:"); ok {
		db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?mode=ro&_pragma=busy_timeout(5000)")
		return &Database{db: db, sqlite: true}, err
	}
	c, err := mysql.ParseDSN(name)
	if err != nil {
		return nil, fmt.Errorf("read the database's DSN: %w", err)
	}
	c.InterpolateParams, c.ParseTime, c.Loc = true, true, time.UTC
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, fmt.Errorf("read the database's DSN: %w", err)
	}
	return &Database{db: sql.OpenDB(connector)}, nil
}

// Close ends all connections.
func (d *Database) Close() error { return d.db.Close() }

// Rows reads a campaign's clicks.
func (d *Database) Rows(ctx context.Context, campaign string) ([]oracle.Row, error) {
	var all []oracle.Row
	err := d.query(ctx, `SELECT id, code, recipient, token, method, user_agent, referrer, url, time, inserted_at FROM v_clicks WHERE campaign = ?`,
		func(rows *sql.Rows) error {
			var r oracle.Row
			var at, inserted moment
			err := rows.Scan(&r.ID, &r.Code, &r.Recipient, &r.Token, &r.Method, &r.UserAgent, &r.Referrer, &r.URL, &at, &inserted)
			r.TimeMS, r.InsertedMS = time.Time(at).UnixMilli(), time.Time(inserted).UnixMilli()
			all = append(all, r)
			return err
		}, campaign)
	return all, err
}

// Figures reads what the other views tell of a campaign.
func (d *Database) Figures(ctx context.Context, campaign string) (oracle.Figures, error) {
	f := oracle.Figures{Cells: map[oracle.Cell]int{}, Recipients: map[string]int{}}
	err := d.query(ctx, `SELECT code, minute, clicks FROM v_click_minutes WHERE campaign = ?`, func(rows *sql.Rows) error {
		var code string
		var minute moment
		var clicks int
		err := rows.Scan(&code, &minute, &clicks)
		f.Cells[oracle.Cell{Code: code, Minute: time.Time(minute)}] += clicks
		return err
	}, campaign)
	if err != nil {
		return f, err
	}
	err = d.query(ctx, `SELECT recipient FROM v_recipient_first WHERE campaign = ?`, func(rows *sql.Rows) error {
		var recipient string
		err := rows.Scan(&recipient)
		f.Recipients[recipient]++
		return err
	}, campaign)
	return f, err
}

// Older counts a campaign's rows with a time before t.
func (d *Database) Older(ctx context.Context, campaign string, t time.Time) (int, error) {
	return d.count(ctx, `SELECT COUNT(*) FROM v_clicks WHERE campaign = ? AND time < ?`, campaign, t.UTC().Format("2006-01-02 15:04:05.000"))
}

// Of counts a campaign's rows with a user agent.
func (d *Database) Of(ctx context.Context, campaign, userAgent string) (int, error) {
	return d.count(ctx, `SELECT COUNT(*) FROM v_clicks WHERE campaign = ? AND user_agent = ?`, campaign, userAgent)
}

func (d *Database) count(ctx context.Context, query string, args ...any) (n int, err error) {
	err = d.query(ctx, query, func(rows *sql.Rows) error { return rows.Scan(&n) }, args...)
	return n, err
}

func (d *Database) query(ctx context.Context, query string, each func(*sql.Rows) error, args ...any) error {
	rows, err := d.db.QueryContext(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("%s: %w", query, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows); err != nil {
			return fmt.Errorf("%s: %w", query, err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("%s: %w", query, err)
	}
	return nil
}

// moment is a DATETIME in UTC, or text of the same shape in SQLite.
type moment time.Time

// Scan implements sql.Scanner.
func (m *moment) Scan(v any) error {
	switch v := v.(type) {
	case time.Time:
		*m = moment(v.UTC())
		return nil
	case []byte:
		return m.Scan(string(v))
	case string:
		t, err := time.Parse("2006-01-02 15:04:05", v)
		*m = moment(t)
		return err
	default:
		return fmt.Errorf("%T is no time", v)
	}
}
