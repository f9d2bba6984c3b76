package stories

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"longtail/e2e/platform"
	"longtail/e2e/stack"
)

// testKey is the API key of an allinone under test.
const testKey = "a-key-for-stories-0123456789abcdef"

// alone starts allinone in a folder of its own.
func alone(t *testing.T) (*stack.Program, show) {
	t.Helper()
	p := stack.Private(t, func(ctx context.Context, dir string) (*stack.Program, error) {
		p, err := stack.Allinone("allinone", dir, stack.Settings{Forced: map[string]string{"LONGTAIL_BOOTSTRAP_KEY": testKey}})
		if err != nil {
			return nil, err
		}
		return p, p.Start(ctx)
	})
	api := &platform.API{Base: p.APIURL(), Key: testKey}
	return p, open(t, api, p.URL(), "sqlite:"+filepath.Join(p.Dir, "longtail.db"))
}

func TestAllinoneCountsAThousandClicksWithinTwoSeconds(t *testing.T) {
	p, s := alone(t)
	answers := s.start(t, p.URL(), 1000, 0).Answers()
	var last platform.Results
	until(t, 2*time.Second, func() string { return fmt.Sprintf("1000 clicks in the figures: %d", last.Clicks) }, func() bool {
		var err error
		last, err = s.api.Results(t.Context(), s.crowd.ID)
		return err == nil && last.Clicks == 1000
	})
	allAnswered(t, s.judge(t, answers))
}

func TestAllinoneKilledThreeTimesLosesNothing(t *testing.T) {
	p, s := alone(t)
	run := s.start(t, p.URL(), 1600, 200)
	for range 3 {
		pass(t, 800*time.Millisecond)
		if err := p.Restart(within(t, 20*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	found := s.judge(t, run.Answers())
	if found.Answered == found.Issued {
		t.Error("nobody noticed three kills: the blows did not fall while people clicked")
	}
	if found.Rows < found.Answered || found.Rows > found.Answered+found.Unanswered {
		t.Errorf("counted %d; want %d to %d", found.Rows, found.Answered, found.Answered+found.Unanswered)
	}
}
