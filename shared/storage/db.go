package storage

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"log/slog"
	"strings"
	"time"

	gormmysql "gorm.io/driver/mysql"
	gormsqlite "gorm.io/driver/sqlite"
	"gorm.io/gorm"
	gormlog "gorm.io/gorm/logger"

	"longtail/shared/storage/dialect"
)

// Options say where the store is.
type Options struct {
	// DSN is "sqlite:/path/file.db", or go-sql-driver's "user:password@tcp(host:port,host:port)/database", whose hosts
	// are tried in order until one is found that can be written to.
	DSN string
	Log *slog.Logger
	// AnswerWithin bounds the wait for a statement's answer, unless the DSN has a readTimeout; 0 = a minute.
	AnswerWithin time.Duration
	// MaxConns bounds the connections of the pool; 0 = 16.
	MaxConns int
	// Wrap, if not nil, stands between the pool and the driver. Tests let statements fail with it.
	Wrap func(driver.Connector) driver.Connector
}

// DB is the store. It is safe for concurrent use.
type DB struct {
	sql    *sql.DB
	orm    *gorm.DB
	dia    *dialect.Dialect
	log    *slog.Logger
	writer chan struct{} // SQLite: holds the one writer's turn, so that waiters are served in order; else nil
	parsed prepared
	erased erasedAccounts
}

// Open connects to the store and verifies what its promises rest on: strict mode, READ COMMITTED, UTC, a lock wait of
// 5 s, a server that can be written to. Where the server's own settings can lose what it has committed, it warns: of each
// server once, on the first session that finds it so. It does not touch the schema: see Migrate and CheckSchema.
func Open(ctx context.Context, o Options) (*DB, error) {
	d := &DB{log: o.Log.With("component", "storage")}
	connector, err := d.connector(o)
	if err != nil {
		return nil, err
	}
	if o.Wrap != nil {
		connector = o.Wrap(connector)
	}
	d.sql = sql.OpenDB(connector)
	conns := o.MaxConns
	if conns == 0 {
		conns = 16
	}
	d.sql.SetMaxOpenConns(conns)
	d.sql.SetMaxIdleConns(conns)
	d.sql.SetConnMaxIdleTime(5 * time.Minute)
	if err := d.open(ctx); err != nil {
		d.sql.Close()
		return nil, fmt.Errorf("open store: %w", err)
	}
	return d, nil
}

func (d *DB) connector(o Options) (driver.Connector, error) {
	if path, ok := strings.CutPrefix(o.DSN, "sqlite:"); ok {
		d.dia = dialect.NewSQLite()
		d.writer = make(chan struct{}, 1)
		return sqliteConnector(path)
	}
	return newMySQLConnector(o.DSN, cmp.Or(o.AnswerWithin, time.Minute), d.log)
}

// open asks the server what it is and puts gorm over the pool.
func (d *DB) open(ctx context.Context) error {
	var over gorm.Dialector
	if d.dia != nil {
		over = gormsqlite.New(gormsqlite.Config{Conn: d.sql})
	} else {
		var version string
		if err := d.sql.QueryRowContext(ctx, "SELECT VERSION()").Scan(&version); err != nil {
			return err
		}
		d.dia = dialect.NewMySQL()
		if strings.Contains(version, "MariaDB") {
			d.dia = dialect.NewMariaDB()
		}
		over = gormmysql.New(gormmysql.Config{Conn: d.sql, ServerVersion: version, SkipInitializeWithVersion: true, DisableWithReturning: true})
	}
	var err error
	d.orm, err = gorm.Open(over, &gorm.Config{
		Logger: gormlog.Discard, SkipDefaultTransaction: true, DisableAutomaticPing: true, DisableForeignKeyConstraintWhenMigrating: true,
		NowFunc: func() time.Time { return time.Now().UTC() },
	})
	return err
}

// Close closes the pool. Transactions still running are rolled back by the server.
func (d *DB) Close() error { return d.sql.Close() }

// Ping asks whether the store answers.
func (d *DB) Ping(ctx context.Context) error { return d.sql.PingContext(ctx) }

// Dialect names the database.
func (d *DB) Dialect() dialect.Name { return d.dia.Name }

// read returns gorm outside a transaction.
func (d *DB) read(ctx context.Context) *gorm.DB { return d.orm.WithContext(ctx) }

// NowMS returns the database's present time in Unix milliseconds.
func (d *DB) NowMS(ctx context.Context) (ms int64, err error) {
	err = d.sql.QueryRowContext(ctx, "SELECT "+d.dia.NowMS).Scan(&ms)
	return ms, err
}
