package stories

import (
	"testing"
	"time"

	"longtail/e2e/load"
	"longtail/e2e/oracle"
	"longtail/e2e/stage"
)

func TestAClickBecomesARowByWayOfRabbitMQ(t *testing.T) {
	s := stage.For(t)
	begin := time.Now()
	answers := s.Start(t, s.HAProxy.URL(), 1, 1).Answers()
	if answers[0].Fate != load.Answered {
		t.Fatalf("answer = %+v; want a 302 to %s", answers[0], s.Crowd.Location(0))
	}
	var rows []oracle.Row
	stage.Until(t, 5*time.Second, func() string { return "its row" }, func() bool {
		var err error
		rows, err = s.DB.Rows(t.Context(), s.Crowd.ID)
		return err == nil && len(rows) == 1
	})
	t.Logf("a row %v after the click: %v", time.Since(begin).Round(time.Millisecond), rows[0])
	stage.AllAnswered(t, s.Judge(t, answers))
}
