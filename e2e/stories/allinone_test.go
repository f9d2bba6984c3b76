package stories

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"longtail/e2e/platform"
	"longtail/e2e/stack"
	"longtail/e2e/stage"
)

// testKey is the API key of an allinone under test.
const testKey = "a-key-for-stories-0123456789abcdef"

// alone starts allinone in a folder of its own.
func alone(t *testing.T) (*stack.Program, stage.Show) {
	t.Helper()
	p := stack.Private(t, func(ctx context.Context, dir string) (*stack.Program, error) {
		p, err := stack.Allinone("allinone", dir, stack.Settings{Forced: map[string]string{"LONGTAIL_BOOTSTRAP_KEY": testKey}})
		if err != nil {
			return nil, err
		}
		return p, p.Start(ctx)
	})
	api := &platform.API{Base: p.APIURL(), Key: testKey}
	return p, stage.Open(t, api, p.URL(), "sqlite:"+filepath.Join(p.Dir, "longtail.db"))
}

func TestAllinoneCountsAThousandClicksWithinTwoSeconds(t *testing.T) {
	p, s := alone(t)
	answers := s.Start(t, p.URL(), 1000, 0).Answers()
	var last platform.Results
	stage.Until(t, 2*time.Second, func() string { return fmt.Sprintf("1000 clicks in the figures: %d", last.Clicks) }, func() bool {
		var err error
		last, err = s.API.Results(t.Context(), s.Crowd.ID)
		return err == nil && last.Clicks == 1000
	})
	stage.AllAnswered(t, s.Judge(t, answers))
}

func TestAllinoneKilledThreeTimesLosesNothing(t *testing.T) {
	p, s := alone(t)
	run := s.Start(t, p.URL(), 1600, 200)
	for range 3 {
		stage.Pass(t, 800*time.Millisecond)
		if err := p.Restart(stage.Within(t, 20*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	found := s.Judge(t, run.Answers())
	if found.Answered == found.Issued {
		t.Error("nobody noticed three kills: the blows did not fall while people clicked")
	}
	if found.Rows < found.Answered || found.Rows > found.Answered+found.Unanswered {
		t.Errorf("counted %d; want %d to %d", found.Rows, found.Answered, found.Answered+found.Unanswered)
	}
}
