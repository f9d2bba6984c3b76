package storagetest

import (
	"bytes"
	"database/sql/driver"
	"strconv"
	"strings"
	"testing"

	"longtail/shared/click"
	"longtail/shared/storage"
)

// bytesBatch is a number of clicks of which some fill statements of their own and some do not.
const bytesBatch = 417

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
		// In a long batch a row goes into the database by another way than alone.
		rows := make([]storage.ClickRow, bytesBatch)
		for i := range rows {
			rows[i] = w.at(3, 1, uint32(i%2*70), "r-"+strconv.Itoa(i))
			rows[i].Click.UserAgent, rows[i].Click.Referrer, rows[i].Click.IP = row.Click.UserAgent, row.Click.Referrer, text[:min(len(text), click.MaxIP)]
			rows[i].Recipient += text[:min(len(text), 48)]
		}
		for _, batch := range []storage.Batch{{Clicks: []storage.ClickRow{row}, Dead: []storage.DeadLetter{dead}}, {Clicks: rows}} {
			if _, err := db.Ingest(t.Context(), batch); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		for _, r := range append(rows, row) {
			wantTexts(t, w, &r)
		}
		kept, ok, err := w.db.DeadLetter(t.Context(), dead.ID)
		if err != nil || !ok || !bytes.Equal(kept.Body, dead.Body) {
			t.Errorf("%s: the letter's body changed (%v, %v)", name, ok, err)
		}
	}
	w.wantSums(int64(len(texts) * (bytesBatch + 1)))
	t.Logf("%d texts stored byte for byte; warnings after %d statements: 0", len(texts), statements)
}

// wantTexts reads the texts of a row back.
func wantTexts(t *testing.T, w *world, r *storage.ClickRow) {
	t.Helper()
	var agent, referrer, ip, recipient []byte
	err := w.raw.QueryRowContext(t.Context(), "SELECT user_agent, referrer, ip, recipient FROM clicks WHERE campaign_id = ? AND event_id = ? AND day = ?",
		r.Click.Campaign, r.Click.ID[:], r.Click.ID.Day()).Scan(&agent, &referrer, &ip, &recipient)
	if err != nil || string(agent) != r.Click.UserAgent || string(referrer) != r.Click.Referrer || string(ip) != r.Click.IP || string(recipient) != r.Recipient {
		t.Errorf("stored %q, %q, %q, %q of %+v (%v)", agent, referrer, ip, recipient, r, err)
	}
	if len(agent) > click.MaxUserAgent || len(referrer) > click.MaxReferrer {
		t.Errorf("%d and %d bytes are over the limit", len(agent), len(referrer))
	}
}
