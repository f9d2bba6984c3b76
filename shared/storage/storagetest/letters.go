package storagetest

import (
	"errors"
	"fmt"
	"sync"
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

var letterTests = []conformance{
	{"DeadLetterReplayIsExact", replayExact},
	{"DeadLetterOfAStoredClickIsNeverWritten", neverBoth},
	{"DeadLetterRacesItsClick", letterRace},
	{"AttemptsAreCounted", attemptsCounted},
	{"SuspectsComeBack", suspectsComeBack},
}

func (w *world) setAside(letters ...storage.DeadLetter) storage.Outcome {
	w.t.Helper()
	return w.ingest(storage.Batch{Dead: letters})
}

func replayExact(t *testing.T, fresh Fresh) {
	w := newWorld(t, fresh)
	var rows []storage.ClickRow
	var letters []storage.DeadLetter
	for i := range 6 {
		row := w.at(int64(i), 1, uint32(i), fmt.Sprint("r", i))
		if i == 5 {
			row.Click.Method = click.HEAD
		}
		rows, letters = append(rows, row), append(letters, letterFor(&row, "unknown_link"))
	}
	garbage := storage.DeadLetter{ID: [16]byte{9}, Reason: "undecodable", Feed: feedOf(1), Body: []byte("no frame \x00\xff")}
	if out := w.setAside(append(letters, letters[0], garbage)...); out.Dead != 7 {
		t.Fatalf("%+v, want 7 letters", out)
	}
	if out := w.setAside(append(letters, garbage)...); out.Dead != 0 {
		t.Fatalf("again: %+v, want none", out)
	}
	w.wantBalance(1, 5, 0, 0, 5)
	ids := [][16]byte{letters[0].ID, letters[1].ID, letters[5].ID, garbage.ID}
	held, err := w.db.ReplayDeadLetters(t.Context(), ids)
	w.ok(err)
	if len(held) != 4 {
		t.Fatalf("%d letters to replay, want 4", len(held))
	}
	w.wantBalance(1, 5, 0, 0, 5) // nothing is marked until it is stored
	w.ingest(storage.Batch{Clicks: []storage.ClickRow{rows[0], rows[1], rows[5]}})
	w.ingest(storage.Batch{Clicks: rows[:2]})
	w.wantBalance(1, 5, 2, 0, 3)
	if n, err := w.db.DropDeadLetters(t.Context(), [][16]byte{letters[0].ID, letters[2].ID, garbage.ID}); err != nil || n != 2 {
		t.Fatalf("dropped %d, %v; want the two that were held", n, err)
	}
	w.wantBalance(1, 5, 2, 0, 3)
	states := map[storage.LetterState]int{}
	all, err := w.db.DeadLetters(t.Context(), storage.LetterFilter{})
	w.ok(err)
	for _, l := range all {
		states[l.State]++
		if l.State == storage.LetterDropped && len(l.Body) != 0 {
			t.Error("a dropped letter keeps its body")
		}
	}
	if states[storage.LetterHeld] != 2 || states[storage.LetterReplayed] != 3 || states[storage.LetterDropped] != 2 {
		t.Fatalf("states %v", states)
	}
	if held, err := w.db.DeadLetters(t.Context(), storage.LetterFilter{Held: true, Campaign: 1, Account: 1, Reason: "unknown_link", Limit: 1}); err != nil || len(held) != 1 {
		t.Fatalf("%d held, %v", len(held), err)
	}
	w.wantSums(2)
}

func neverBoth(t *testing.T, fresh Fresh) {
	w := newWorld(t, fresh)
	rows := []storage.ClickRow{w.at(1, 1, 1, "a"), w.at(2, 1, 1, "b"), w.at(3, 1, 1, "c")}
	w.ingest(storage.Batch{Clicks: rows[:1]})
	var letters []storage.DeadLetter
	for i := range rows {
		letters = append(letters, letterFor(&rows[i], "suspect"))
	}
	out := w.ingest(storage.Batch{Clicks: rows[1:2], Dead: letters})
	if out.Dead != 1 {
		t.Fatalf("%+v, want a letter for the third click only", out)
	}
	w.wantBalance(1, 3, 2, 0, 1)
	if n := w.number("SELECT COUNT(*) FROM dead_letters"); n != 1 {
		t.Fatalf("%d letters, want 1", n)
	}
}

// letterRace lets one worker store clicks while another sets the same ones aside.
func letterRace(t *testing.T, fresh Fresh) {
	w := newWorld(t, fresh)
	const n = 60
	var rows []storage.ClickRow
	for i := range n {
		rows = append(rows, w.at(int64(i), 1, 1, fmt.Sprint("r", i)))
	}
	stores, asides := w.store(nil), w.store(nil)
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range rows {
			if _, err := stores.Ingest(t.Context(), storage.Batch{Clicks: rows[i : i+1]}); err != nil {
				t.Errorf("store: %v", err)
			}
		}
	})
	wg.Go(func() {
		for i := range rows {
			if _, err := asides.Ingest(t.Context(), storage.Batch{Dead: []storage.DeadLetter{letterFor(&rows[i], "suspect")}}); err != nil {
				t.Errorf("set aside: %v", err)
			}
		}
	})
	wg.Wait()
	if both := w.number("SELECT COUNT(*) FROM dead_letters WHERE state = 0"); both != 0 {
		t.Fatalf("%d letters of stored clicks are held", both)
	}
	w.wantBalance(1, n, n, 0, 0)
	w.wantSums(n)
}

func attemptsCounted(t *testing.T, fresh Fresh) {
	w := newWorld(t, fresh)
	a, b := click.NewID(w.now), click.NewID(w.now)
	for want := 1; want <= 3; want++ {
		got, err := w.db.Attempt(t.Context(), []click.ID{a, a})
		w.ok(err)
		if got[a] != want || len(got) != 1 {
			t.Fatalf("attempts %v, want %d", got, want)
		}
	}
	if got, err := w.db.Attempt(t.Context(), []click.ID{a, b}); err != nil || got[a] != 4 || got[b] != 1 {
		t.Fatalf("attempts %v, %v", got, err)
	}
	w.ok(w.db.DropAttempts(t.Context()))
}

func suspectsComeBack(t *testing.T, fresh Fresh) {
	w := newWorld(t, fresh)
	row := w.at(1, 1, 1, "a")
	for range storage.MaxAttempts {
		_, err := w.db.Attempt(t.Context(), []click.ID{row.Click.ID})
		w.ok(err)
	}
	never := w.at(2, 1, 1, "b")
	w.setAside(letterFor(&row, "suspect"), letterFor(&never, "rejected"))
	pause := int64(60_000)
	for range 13 {
		due, err := w.db.SuspectsDue(t.Context(), 10)
		w.ok(err)
		if len(due) != 1 || due[0].ID != row.Click.ID || len(due[0].Body) == 0 {
			t.Fatalf("due: %d letters", len(due))
		}
		wait := w.number("SELECT at_ms FROM attempts") - w.clock()
		if wait > pause || wait < pause-5000 {
			t.Fatalf("the next try is in %d ms, want %d", wait, pause)
		}
		if again, err := w.db.SuspectsDue(t.Context(), 10); err != nil || len(again) != 0 {
			t.Fatalf("due again at once: %d, %v", len(again), err)
		}
		_, err = w.raw.ExecContext(t.Context(), "UPDATE attempts SET at_ms = at_ms - ?", pause)
		w.ok(err)
		pause = min(2*pause, 24*3600_000)
	}
	w.ingest(storage.Batch{Clicks: []storage.ClickRow{row}})
	if due, err := w.db.SuspectsDue(t.Context(), 10); err != nil || len(due) != 0 {
		t.Fatalf("a stored suspect is due: %d, %v", len(due), err)
	}
}
