package faults

import (
	"regexp"
	"testing"
	"time"

	"longtail/e2e/stack"
	"longtail/e2e/stage"
)

// Hosts are gone and their volumes are there: one is mounted by another instance, one is drained by hand. What was
// answered is all delivered; draining again adds nothing, and a volume whose owner lives is refused.
func TestD20OrphanedVolumes(t *testing.T) {
	f := stage.NewFault(t, "D20")
	s := stage.For(t)
	n := stage.Full(20_000, 1_000)
	drained, mounted := t.TempDir(), t.TempDir()
	owner, gone := spare(t, s, "redirector-drained", drained), spare(t, s, "redirector-gone", mounted)
	stage.Kill(t, s.RabbitMQ.Process)
	answers := s.Start(t, owner.URL(), n, 0).Answers()
	answers = append(answers, s.From(t, gone.URL(), n, n, 0).Answers()...)
	f.StruckN("clicks orphaned", stage.Meter(t, []*stack.Program{owner, gone}, "longtail_spool_clicks"))
	stage.Kill(t, gone.Process)

	// The owner stands still: it delivers nothing, and lives.
	if err := owner.Pause(); err != nil {
		t.Fatal(err)
	}
	stage.Start(t, s.RabbitMQ.Process)
	if feeds, err := drain(t, owner); feeds != "0" || err == nil {
		t.Errorf("a volume whose owner lives was drained of %s feeds, error %v; want none and a refusal", feeds, err)
	}
	if rows, err := s.DB.Rows(t.Context(), s.Crowd.ID); err != nil || len(rows) != 0 {
		t.Errorf("%d clicks of an owner that lives were delivered by another (%v)", len(rows), err)
	}

	heir := spare(t, s, "redirector-heir", mounted)
	stage.Kill(t, owner.Process)
	for _, want := range []string{"1", "0"} {
		if feeds, err := drain(t, owner); feeds != want || err != nil {
			t.Errorf("drained %s feeds, error %v; want %s", feeds, err, want)
		}
	}
	found := s.Judge(t, s.Fresh(t, answers))
	f.Judged(found)
	f.Note("%d drained by hand, %d by %s that mounted the volume; refused while the owner lived, 0 when drained again", n, n, heir.Name)
	stage.AllAnswered(t, found)
}

// drain runs the redirector's command on its volume and returns how many feeds it says it handed over.
func drain(t *testing.T, r *stack.Program) (feeds string, err error) {
	t.Helper()
	out, err := r.Run(stage.Within(t, time.Minute), "spool", "drain")
	t.Logf("spool drain: %s", out)
	if found := regexp.MustCompile(`(?m)^(\d+) feeds handed over$`).FindStringSubmatch(out); found != nil {
		feeds = found[1]
	}
	return feeds, err
}
