package stories

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"longtail/e2e/stack"
	"longtail/e2e/stage"
	"longtail/shared/click"
)

// headerSize is that of a spool's segment.
const headerSize = 64

// inSpool reads the last click of a data folder's spool, as an operator with a hex editor would.
func inSpool(t *testing.T, dir string) click.ID {
	t.Helper()
	var last click.ID
	segments, err := filepath.Glob(filepath.Join(dir, "spool", "*", "*.seg"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range segments {
		b, err := os.ReadFile(path)
		if err != nil || len(b) < headerSize {
			continue
		}
		for b = b[headerSize:]; ; {
			payload, size, err := click.Next(b)
			if err != nil {
				break
			}
			if c, err := click.Decode(payload); err == nil && c.ID.MS() > last.MS() {
				last = c.ID
			}
			b = b[size:]
		}
	}
	if last == (click.ID{}) {
		t.Fatal("no click in the spool")
	}
	return last
}

// A click that is not in the figures is found wherever it is: in the spool, in the broker, in the database.
func TestTraceFindsAClickWhereverItIs(t *testing.T) {
	c := stage.Own(t, stack.Options{Redirectors: 1, Workers: 1})
	s := stage.On(t, c)
	s.Warm(t)
	stage.Kill(t, c.RabbitMQ.Process, c.Workers[0].Process)
	answers := s.Show.Start(t, s.HAProxy.URL(), 1, 1).Answers()
	id := inSpool(t, c.Redirectors[0].Dir)
	told := func(want string) func() bool {
		return func() (is bool) {
			out, err := c.Workers[0].Run(stage.Within(t, 10*time.Second), "trace", id.String(), "--data-dir", c.Redirectors[0].Dir)
			if is = err == nil && strings.Contains(out, want); is {
				t.Log(out)
			}
			return is
		}
	}
	if !told("the broker has not confirmed it")() {
		t.Error("the click in the spool was not found")
	}
	stage.Start(t, c.RabbitMQ.Process)
	stage.Until(t, 20*time.Second, func() string { return "the click found in the broker" }, told("the broker confirmed it"))
	stage.Start(t, c.Workers[0].Process)
	stage.Until(t, 20*time.Second, func() string { return "the click found in the database" }, told("row       stored"))
	stage.AllAnswered(t, s.Judge(t, answers))
}
