package dialect

import (
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// NewMySQL returns the dialect of MySQL 8.0.19 and newer, which warns of VALUES(x) and wants the row named.
func NewMySQL() *Dialect {
	d := mysqlFamily()
	d.Name = MySQL
	d.rowAlias, d.newRow = " AS n", "n.$1"
	return d
}

func mysqlFamily() *Dialect {
	return &Dialect{
		NowMS:      "CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)",
		ForUpdate:  " FOR UPDATE",
		ForShare:   " LOCK IN SHARE MODE",
		Fold:       "LOWER(CONVERT(%s USING utf8mb4)) COLLATE utf8mb4_bin",
		Pin:        "%[1]s >= %[2]d AND %[1]s <= %[2]d",
		MaxParams:  60_000,
		Literals:   true,
		Prepared:   true,
		Partitions: true,
		upsert:     func(string) string { return "ON DUPLICATE KEY UPDATE" },
		ignore:     ignoreByNoChange,
		assign:     func(table, column string) string { return table + "." + column },
		least:      "LEAST",
		greatest:   "GREATEST",
		kind:       mysqlKind,
	}
}

// ignoreByNoChange sets a column to what it is: the server counts such a row as not affected.
func ignoreByNoChange(table, key string) string {
	first, _, _ := strings.Cut(key, ",")
	column := table + "." + first
	return " ON DUPLICATE KEY UPDATE " + column + "=" + column
}

// mysqlKind reads an error of MySQL or MariaDB by its number.
func mysqlKind(err error) Kind {
	var e *mysql.MySQLError
	if !errors.As(err, &e) {
		if lostConnection(err) {
			return Again
		}
		return Other
	}
	switch e.Number {
	case 1022, 1062, 1586, 1859:
		return Duplicate
	case 1213, 1205, 1020, // deadlock, lock wait timeout, record has changed since last read
		1053, 1077, 1079, 1158, 1159, 1160, 1161, 1184, 1927, 3024, 3572, 1317, // shutdown, network, killed, interrupted
		1290, 1792, 1836, // a primary that became read only
		1615: // a prepared statement whose table is altered all the time
		return Again
	case 1243, 1295, 1461: // statement not known, not to be prepared, too many of all clients
		return Unprepared
	case 1366, 1406, 1264, 1265, 1300, 1048, 1292, 1411, 3140, 3819, 4025: // value, length, range, charset, NULL, JSON, CHECK
		return Data
	case 1526, 1054, 1146, 1136, 1364, 1690, 1305: // partition, column, table, count, default, counter below zero
		return Schema
	}
	return Other
}

func lostConnection(err error) bool {
	var network net.Error
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, mysql.ErrInvalidConn) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &network)
}
