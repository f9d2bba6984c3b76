package storage

import (
	"database/sql/driver"
	"net/url"

	"modernc.org/sqlite"
)

// sqliteConnector opens the file in WAL mode with every commit synced: after COMMIT the spool forgets its clicks, so a
// commit must survive a power loss. Writing transactions begin IMMEDIATE; read-only ones see one snapshot.
func sqliteConnector(path string) (driver.Connector, error) {
	q := url.Values{}
	q.Set("_txlock", "immediate")
	for _, pragma := range []string{"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "temp_store(MEMORY)", "cache_size(-16000)"} {
		q.Add("_pragma", pragma)
	}
	return sqlite.NewConnector("file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode())
}
