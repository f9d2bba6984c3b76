package tenants

import (
	"net/http"
	"time"
)

// The landing page is down: one call sends all links of a campaign elsewhere, one takes them back, each seen by both
// redirectors within 2 s, with Redis' hint and without.
func landingPageDown(i *installation) {
	t := i.T
	a := i.tenant("a")
	first := a.link(map[string]any{"url": "https://shop.example/one", "campaign": "spring"})
	second := a.link(map[string]any{"url": "https://shop.example/two", "campaign": "spring"})
	other := a.link(map[string]any{"url": "https://shop.example/other", "campaign": "autumn"})
	elsewhere := func(all any) {
		i.Helper()
		i.want(200, i.ask(a.Key, http.MethodPut, "/api/v1/campaigns/spring", map[string]any{"redirect_all": all}, nil))
	}
	lead := func(one, two string) time.Duration {
		i.Helper()
		took := max(i.everywhere(2*time.Second, "go.example", "/"+first.Code, 302, one), i.everywhere(2*time.Second, "go.example", "/"+second.Code, 302, two))
		i.everywhere(0, "go.example", "/"+other.Code, 302, "https://shop.example/other")
		return took
	}
	const down = "https://status.example/back-soon"
	measure := func(how string) {
		var away, back time.Duration
		for range 3 {
			elsewhere(down)
			away = max(away, lead(down, down))
			elsewhere(nil)
			back = max(back, lead("https://shop.example/one", "https://shop.example/two"))
		}
		t.Logf("redirect_all %s: on both redirectors after %v at most, taken back after %v at most", how, away, back)
	}
	i.everywhere(2*time.Second, "go.example", "/"+other.Code, 302, "https://shop.example/other")
	lead("https://shop.example/one", "https://shop.example/two")
	measure("with Redis")
	if err := i.Redis.Kill9(); err != nil {
		t.Fatal(err)
	}
	measure("without Redis")
}
