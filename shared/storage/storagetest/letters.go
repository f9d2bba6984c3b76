package storagetest

import (
	"errors"
	"testing"

	"longtail/shared/click"
	"longtail/shared/storage"
)

func wantErr(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error %v, want %v", err, want)
	}
}

// letterFor makes the dead letter of a click.
func letterFor(r *storage.ClickRow, reason string) storage.DeadLetter {
	return storage.DeadLetter{
		ID: r.Click.ID, AtMS: r.Click.ID.MS(), Reason: reason, Detail: "a test", Account: r.Click.Account, Campaign: r.Click.Campaign,
		Feed: r.Feed, Counts: r.Click.Counts(), Body: click.AppendFrame(nil, &r.Click),
	}
}
