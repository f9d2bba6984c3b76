package tenants

import (
	"fmt"
	"net/http"
	"time"

	"longtail/e2e/stage"
)

// The pool is tuned while it runs: at work in less than five seconds, on the one worker that is here, and after its restart.
func tuning(i *installation) {
	t := i.T
	atWork := func(consumers, rate int) bool {
		got, err := i.Workers[0].Metric(t.Context(), "longtail_consumers")
		var p struct {
			Rate int `json:"insert_rate"`
		}
		i.want(200, i.ask("", http.MethodGet, "/api/v1/ops/pipeline", nil, &p))
		return err == nil && int(got) == consumers && p.Rate == rate
	}
	tune := func(body map[string]any, consumers, rate int) time.Duration {
		i.Helper()
		i.want(200, i.ask("", http.MethodPut, "/api/v1/ops/tuning", body, nil))
		begin := time.Now()
		stage.Until(t, 5*time.Second, func() string { return fmt.Sprint(body) }, func() bool { return atWork(consumers, rate) })
		return time.Since(begin).Round(time.Millisecond)
	}
	var own struct{ Consumers, Prefetch int }
	i.want(200, i.ask("", http.MethodGet, "/api/v1/ops/tuning", nil, &own))
	took := tune(map[string]any{"consumers": 3, "prefetch": 7, "batch_size": 100, "batch_age": "250ms", "insert_rate": 5000}, 3, 5000)
	stage.Kill(t, i.Workers[0].Process)
	stage.Start(t, i.Workers[0].Process)
	stage.Until(t, 5*time.Second, func() string { return "the tuning after a restart" }, func() bool { return atWork(3, 5000) })
	back := tune(map[string]any{}, own.Consumers, 0)
	t.Logf("tuned after %v, still after a restart, back to the worker's own settings after %v", took, back)
}
