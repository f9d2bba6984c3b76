package storage

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"longtail/shared/telemetry"
)

// The settings of every session. Rows, counters and their promises rest on them, so they are set and then read back.
const (
	sessionMode     = "STRICT_TRANS_TABLES,STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
	sessionLockWait = 5
)

// mysqlConnector opens connections to the first host that answers and can be written to.
type mysqlConnector struct {
	hosts     []driver.Connector
	names     []string
	preflight preflighter
}

func newMySQLConnector(dsn string, answerWithin time.Duration, log *slog.Logger) (driver.Connector, error) {
	// The driver knows one address; a list is taken out before it reads the rest.
	first, rest, hosts := splitHosts(dsn)
	c, err := mysql.ParseDSN(dsn)
	if err != nil && len(hosts) > 1 {
		c, err = mysql.ParseDSN(first + hosts[0] + rest)
	}
	if err != nil {
		return nil, fmt.Errorf("read the store's DSN: %w", err)
	}
	if c.DBName == "" {
		return nil, errors.New("the store's DSN names no database")
	}
	c.InterpolateParams, c.ParseTime, c.Loc = true, true, time.UTC
	c.RejectReadOnly, c.ClientFoundRows, c.MultiStatements = true, false, false
	c.MaxAllowedPacket = 0 // ask the server
	c.Logger = silent{}
	if c.Timeout == 0 {
		c.Timeout = 3 * time.Second
	}
	if c.ReadTimeout == 0 {
		c.ReadTimeout = answerWithin
	}
	if c.WriteTimeout == 0 {
		c.WriteTimeout = 30 * time.Second
	}
	if c.Collation == "" {
		c.Collation = "utf8mb4_bin"
	}
	if len(hosts) < 2 {
		hosts = []string{c.Addr}
	}
	m := &mysqlConnector{preflight: preflighter{log: log, known: map[string]*telemetry.Changed{}}}
	for _, host := range hosts {
		one := c.Clone()
		one.Addr = withPort(c.Net, strings.TrimSpace(host))
		connector, err := mysql.NewConnector(one)
		if err != nil {
			return nil, fmt.Errorf("read the store's DSN: %w", err)
		}
		m.hosts, m.names = append(m.hosts, connector), append(m.names, one.Addr)
	}
	return m, nil
}

// silent takes the driver's own lines: each of them also comes back as an error.
type silent struct{}

func (silent) Print(...any) {}

func splitHosts(dsn string) (before, after string, hosts []string) {
	open := strings.LastIndexByte(dsn, '(')
	end := strings.LastIndexByte(dsn, ')')
	if open < 0 || end < open {
		return dsn, "", nil
	}
	return dsn[:open+1], dsn[end:], strings.Split(dsn[open+1:end], ",")
}

func withPort(network, host string) string {
	if _, _, err := net.SplitHostPort(host); err == nil || network != "tcp" {
		return host
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), "3306")
}

// Connect tries the hosts in order.
func (m *mysqlConnector) Connect(ctx context.Context) (driver.Conn, error) {
	var errs []error
	for i, host := range m.hosts {
		conn, err := host.Connect(ctx)
		if err == nil {
			var got map[string]string
			if got, err = prepareSession(ctx, conn); err == nil {
				m.preflight.note(m.names[i], got)
				return conn, nil
			}
			conn.Close()
		}
		errs = append(errs, fmt.Errorf("%s: %w", m.names[i], err))
	}
	return nil, errors.Join(errs...)
}

// Driver returns the driver below.
func (m *mysqlConnector) Driver() driver.Driver { return m.hosts[0].Driver() }

// sessionVariables are what verifySession judges, in SQL.
const sessionVariables = "'sql_mode','time_zone','innodb_lock_wait_timeout','tx_isolation','transaction_isolation','autocommit'," +
	"'tx_read_only','transaction_read_only','read_only','innodb_read_only'"

// prepareSession forces the settings of a new session and verifies them. It returns them, and those of the server that
// preflight judges.
func prepareSession(ctx context.Context, conn driver.Conn) (map[string]string, error) {
	exec, query := conn.(driver.ExecerContext), conn.(driver.QueryerContext)
	for _, set := range []string{
		fmt.Sprintf("SET SESSION sql_mode='%s', time_zone='+00:00', innodb_lock_wait_timeout=%d, foreign_key_checks=1, unique_checks=1, autocommit=1"+
			// MariaDB turns a long IN (...) into a join over a temporary table, which may read a whole campaign.
			" /*M!100303 , in_predicate_conversion_threshold=0 */", sessionMode, sessionLockWait),
		"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE",
	} {
		if _, err := exec.ExecContext(ctx, set, nil); err != nil {
			return nil, fmt.Errorf("prepare session: %w", err)
		}
	}
	got, err := namedValues(ctx, query, "SHOW SESSION VARIABLES WHERE Variable_name IN ("+sessionVariables+","+preflightVariables+")")
	if err != nil {
		return nil, fmt.Errorf("verify session: %w", err)
	}
	return got, verifySession(got)
}

func verifySession(got map[string]string) error {
	isolation := got["transaction_isolation"]
	if isolation == "" {
		isolation = got["tx_isolation"]
	}
	switch {
	case !strings.Contains(got["sql_mode"], "STRICT_ALL_TABLES"):
		return fmt.Errorf("session is not strict: sql_mode is %q", got["sql_mode"])
	case got["time_zone"] != "+00:00", got["innodb_lock_wait_timeout"] != fmt.Sprint(sessionLockWait), got["autocommit"] != "ON":
		return fmt.Errorf("session settings did not hold: %v", got)
	case isolation != "READ-COMMITTED":
		return fmt.Errorf("session reads at %q, not READ-COMMITTED", isolation)
	case got["read_only"] != "OFF", on(got["innodb_read_only"]), on(got["tx_read_only"]), on(got["transaction_read_only"]):
		return errors.New("server is read only: not the primary, or a replica that was not promoted")
	}
	return nil
}

// namedValues reads pairs of name and value.
func namedValues(ctx context.Context, q driver.QueryerContext, query string) (map[string]string, error) {
	rows, err := q.QueryContext(ctx, query, nil)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	pairs := map[string]string{}
	for values := make([]driver.Value, 2); ; {
		if err := rows.Next(values); errors.Is(err, io.EOF) {
			return pairs, nil
		} else if err != nil {
			return nil, err
		}
		pairs[text(values[0])] = text(values[1])
	}
}

func text(v driver.Value) string {
	if b, ok := v.([]byte); ok {
		return string(b)
	}
	return fmt.Sprint(v)
}
