package storagetest

import (
	"bytes"
	"database/sql/driver"
	"strings"
	"testing"

	"longtail/shared/click"
	"longtail/shared/storage"
)

var bytesTests = []conformance{{"M7TextsByteForByteWithoutWarnings", textsByteForByte}}

// textsByteForByte stores what outsiders can send, asks for warnings after every statement, and reads it back.
func textsByteForByte(t *testing.T, fresh Fresh) {
	w := newWorld(t, fresh)
	f := &faults{}
	db := w.store(f)
	statements := 0
	f.set(nil, func(conn driver.Conn, statement string) error {
		if conn == nil || strings.HasPrefix(w.dsn, "sqlite:") {
			return nil
		}
		statements++
		return warnings(conn)
	})
	texts := map[string]string{
		"over-long": strings.Repeat("Mozilla/5.0 ", 6000), "emoji": "\U0001F4E7 \U0001F600 mail", "invalid UTF-8": "\xff\xfe\x80 \xc3(",
		"NUL": "a\x00b\x00", "quotes": `'"` + "`\\'; DROP TABLE clicks; -- ?", "surrogates": "\xed\xa0\x80", "spaces": "  tail  \r\n\t", "empty": "",
		"letters of MySQL": "\x1a\\%_\\0", "unicode": "Straße ẞ ı ﷺ e\u0301 \u202e", "wild": "?,?),(?",
	}
	for name, text := range texts {
		row := w.at(1, 1, 1, "r-1")
		row.Click.UserAgent, row.Click.Referrer = text, strings.Repeat(text, 64<<10/max(1, len(text)))
		row.Click.Cut()
		letter := w.at(2, 1, 1, "")
		letter.Click.UserAgent = row.Click.UserAgent
		dead := letterFor(&letter, "rejected")
		dead.Detail = text
		_, err := db.Ingest(t.Context(), storage.Batch{Clicks: []storage.ClickRow{row}, Dead: []storage.DeadLetter{dead}})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var agent, referrer []byte
		err = w.raw.QueryRowContext(t.Context(), "SELECT user_agent, referrer FROM clicks WHERE event_id = ?", row.Click.ID[:]).Scan(&agent, &referrer)
		if err != nil || string(agent) != row.Click.UserAgent || string(referrer) != row.Click.Referrer {
			t.Errorf("%s: stored %q (%v)", name, agent, err)
		}
		if len(agent) > click.MaxUserAgent || len(referrer) > click.MaxReferrer {
			t.Errorf("%s: %d and %d bytes are over the limit", name, len(agent), len(referrer))
		}
		kept, ok, err := w.db.DeadLetter(t.Context(), dead.ID)
		if err != nil || !ok || !bytes.Equal(kept.Body, dead.Body) {
			t.Errorf("%s: the letter's body changed (%v, %v)", name, ok, err)
		}
	}
	w.wantSums(int64(len(texts)))
	t.Logf("%d texts stored byte for byte; warnings after %d statements: 0", len(texts), statements)
}
