package maintain

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestTasksRunWhenTheyAreDueAndOnlyByTheLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var often, seldom atomic.Int32
		var leads atomic.Bool
		tasks := []Task{
			{"often", 5 * time.Second, time.Second, func(context.Context) error { often.Add(1); return errors.New("away") }},
			{"seldom", time.Hour, time.Second, func(context.Context) error { seldom.Add(1); return nil }},
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- Run(ctx, tasks, leads.Load, slog.New(slog.DiscardHandler)) }()
		time.Sleep(time.Minute)
		if often.Load()+seldom.Load() != 0 {
			t.Error("a task ran on a worker that does not lead")
		}
		leads.Store(true)
		time.Sleep(time.Minute)
		if o, s := often.Load(), seldom.Load(); o < 11 || o > 13 || s != 1 {
			t.Errorf("in a minute: every 5 s ran %d times, every hour %d times", o, s)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestATaskThatHangsIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tries atomic.Int32
		tasks := []Task{{"hangs", time.Second, 2 * time.Second, func(ctx context.Context) error {
			tries.Add(1)
			<-ctx.Done()
			return ctx.Err()
		}}}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		if err := Run(ctx, tasks, func() bool { return true }, slog.New(slog.DiscardHandler)); err != nil {
			t.Error(err)
		}
		if tries.Load() < 5 {
			t.Errorf("%d tries in 20 s", tries.Load())
		}
	})
}
