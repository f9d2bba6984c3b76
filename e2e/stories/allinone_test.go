package stories

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"longtail/e2e/evidence"
	"longtail/e2e/stack"
)

// testKey is the API key of an allinone under test.
const testKey = "a-key-for-stories-0123456789abcdef"

// alone starts allinone in a folder of its own.
func alone(t *testing.T) (*stack.Program, platform, *evidence.Database) {
	t.Helper()
	p := stack.Private(t, func(ctx context.Context, dir string) (*stack.Program, error) {
		p, err := stack.Allinone("allinone", dir, stack.Settings{Forced: map[string]string{"LONGTAIL_BOOTSTRAP_KEY": testKey}})
		if err != nil {
			return nil, err
		}
		return p, p.Start(ctx)
	})
	db, err := evidence.Open("sqlite:" + filepath.Join(p.Dir, "longtail.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return p, platform{api: p.APIURL(), key: testKey}, db
}

func TestAllinoneCountsAThousandClicksWithinTwoSeconds(t *testing.T) {
	p, user, db := alone(t)
	crowd := user.campaign(t, "alone")
	answers := start(t, crowd, p.URL(), 1000, 0).Answers()
	var f figures
	until(t, 2*time.Second, func() string { return "1000 clicks in the figures" }, func() bool {
		return user.get(t, "/api/v1/campaigns/alone/stats", &f) == nil && f.Clicks == 1000
	})
	allAnswered(t, user.judge(t, crowd, db, answers))
}

func TestAllinoneKilledThreeTimesLosesNothing(t *testing.T) {
	p, user, db := alone(t)
	crowd := user.campaign(t, "killed")
	run := start(t, crowd, p.URL(), 1600, 200)
	for range 3 {
		pass(t, 800*time.Millisecond)
		if err := p.Restart(within(t, 20*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	answers := run.Answers()
	found := user.judge(t, crowd, db, answers)
	if found.Answered == found.Issued {
		t.Error("nobody noticed three kills: the blows did not fall while people clicked")
	}
	if found.Rows < found.Answered || found.Rows > found.Answered+found.Unanswered {
		t.Errorf("counted %d; want %d to %d", found.Rows, found.Answered, found.Answered+found.Unanswered)
	}
}
