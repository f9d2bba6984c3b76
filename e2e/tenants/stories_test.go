package tenants

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"longtail/e2e/platform"
)

// Two accounts prove their domains, one by a text and one by an alias; what stands on the one is nothing on the other.
func domainsOfTwoAccounts(i *installation) {
	t := i.T
	a, b := i.tenant("a"), i.tenant("b")
	a.proven("a.example", map[string]any{"default": true, "fallback_url": "https://a.example.org/gone"}, func(d platform.Domain) {
		i.zone.Text(d.Verification.TXT.Name+".", d.Verification.TXT.Value)
	})
	b.proven("b.example", map[string]any{"default": true}, func(d platform.Domain) { i.zone.Alias(d.Verification.CNAME.Name+".", d.Verification.CNAME.Value+".") })
	if i.zone.Asked() == 0 {
		t.Error("the programs asked another DNS")
	}
	la := a.link(map[string]any{"url": "https://shop-a.example/"})
	if la.Domain != "a.example" || la.TrackedURL != "https://a.example/"+la.Code {
		t.Errorf("%+v", la)
	}
	a.link(map[string]any{"url": "https://shop-a.example/spring", "code": "spring"})
	b.link(map[string]any{"url": "https://shop-b.example/spring", "code": "spring"})
	i.everywhere(2*time.Second, "a.example", "/"+la.Code, 302, "https://shop-a.example/")
	i.everywhere(2*time.Second, "a.example", "/spring", 302, "https://shop-a.example/spring")
	i.everywhere(2*time.Second, "b.example", "/spring", 302, "https://shop-b.example/spring")
	i.everywhere(0, "b.example", "/"+la.Code, 404, "")
	i.everywhere(0, "go.example", "/"+la.Code, 404, "")
	i.everywhere(0, "nobody.example", "/spring", 404, "")
	t.Log("a link of a.example under b.example: 404; /spring on two domains: two targets")

	i.want(204, i.ask(a.Key, http.MethodDelete, "/api/v1/links/spring", nil, nil))
	took := i.everywhere(2*time.Second, "a.example", "/spring", 302, "https://a.example.org/gone")
	i.everywhere(0, "b.example", "/spring", 302, "https://shop-b.example/spring")
	t.Logf("a dead link leads to the domain's fallback_url on both redirectors after %v", took)

	// A host that an account only says is its own changes nothing for those who ask under it.
	shared := i.link(map[string]any{"url": "https://of-account-1.example/"})
	i.want(201, i.ask(b.Key, http.MethodPost, "/api/v1/domains", map[string]any{"domain": "www.go.example"}, nil))
	i.want(201, i.ask("", http.MethodPost, "/api/v1/domains", map[string]any{"domain": "later.example"}, nil)) // whoever knows this one knows the claim
	later := i.link(map[string]any{"url": "https://later.example.org/", "domain": "later.example"})
	i.everywhere(2*time.Second, "later.example", "/"+later.Code, 302, "https://later.example.org/")
	i.everywhere(0, "www.go.example", "/"+shared.Code, 302, "https://of-account-1.example/")
	i.want(409, i.ask(b.Key, http.MethodPost, "/api/v1/domains", map[string]any{"domain": "a.example"}, nil))
	i.want(404, i.ask(b.Key, http.MethodGet, "/api/v1/domains/a.example", nil, nil))
}

// link makes one in the operator's own account.
func (i *installation) link(body map[string]any) tracked {
	i.Helper()
	return (&tenant{i, "1", i.Key}).link(body)
}

// One switch stops all links of a key, another one all of an account, on every redirector within 2 s.
func killSwitch(i *installation) {
	t := i.T
	a := i.tenant("a")
	var k struct{ ID, Key string }
	i.want(201, i.ask(a.Key, http.MethodPost, "/api/v1/keys", map[string]any{"role": "write", "hosts": []string{"*.shop.example"}}, &k))
	i.want(422, i.ask(k.Key, http.MethodPost, "/api/v1/links", map[string]any{"url": "https://evil.example/"}, nil))
	spam := (&tenant{i, a.Account, k.Key}).link(map[string]any{"url": "https://www.shop.example/"})
	good := a.link(map[string]any{"url": "https://good.example/"})
	warm := func() {
		i.everywhere(2*time.Second, "go.example", "/"+spam.Code, 302, "https://www.shop.example/")
		i.everywhere(2*time.Second, "go.example", "/"+good.Code, 302, "https://good.example/")
	}
	warm()
	for round := range 3 {
		i.want(200, i.ask(a.Key, http.MethodPatch, "/api/v1/keys/"+k.ID, map[string]any{"stopped": true}, nil))
		took := i.everywhere(2*time.Second, "go.example", "/"+spam.Code, 410, "")
		i.everywhere(0, "go.example", "/"+good.Code, 302, "https://good.example/")
		i.want(200, i.ask(a.Key, http.MethodPatch, "/api/v1/keys/"+k.ID, map[string]any{"stopped": false}, nil))
		warm()
		i.want(200, i.ask("", http.MethodPatch, "/api/v1/accounts/"+a.Account, map[string]any{"stopped": true}, nil))
		tookAll := max(i.everywhere(2*time.Second, "go.example", "/"+spam.Code, 410, ""), i.everywhere(2*time.Second, "go.example", "/"+good.Code, 410, ""))
		i.want(200, i.ask("", http.MethodPatch, "/api/v1/accounts/"+a.Account, map[string]any{"stopped": false}, nil))
		warm()
		t.Logf("round %d: all links of a key answer 410 on both redirectors after %v, all of an account after %v", round+1, took, tookAll)
	}

	// Without Redis there is no bus: the feed alone is fast enough.
	if err := i.Redis.Kill9(); err != nil {
		t.Fatal(err)
	}
	i.want(200, i.ask(a.Key, http.MethodPatch, "/api/v1/keys/"+k.ID, map[string]any{"stopped": true}, nil))
	t.Logf("without Redis: after %v", i.everywhere(2*time.Second, "go.example", "/"+spam.Code, 410, ""))

	var log struct {
		Data []struct {
			Actor, Action, Object string
			Before, After         map[string]any
		}
	}
	i.want(200, i.ask(a.Key, http.MethodGet, "/api/v1/audit?limit=3", nil, &log))
	stop := log.Data[0]
	if stop.Action != "key.stop" || stop.Object != k.ID || stop.Actor != a.Key[3:11] || stop.Before["stopped_at"] != nil || stop.After["stopped_at"] == nil {
		t.Errorf("audit: %+v", log)
	}
	t.Logf("audit: %s %s %s before %v after %v", stop.Actor, stop.Action, stop.Object, stop.Before, stop.After)

	// The same switch on the command line, for a day on which the API cannot be reached.
	if out, err := i.Redirectors[0].Run(t.Context(), "keys", "resume", "--account", a.Account, k.ID); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	took := i.everywhere(2*time.Second, "go.example", "/"+spam.Code, 302, "https://www.shop.example/")
	log.Data = nil
	i.want(200, i.ask(a.Key, http.MethodGet, "/api/v1/audit?limit=1", nil, &log))
	if resume := log.Data[0]; resume.Action != "key.resume" || resume.Actor != "keys command" || resume.Before["stopped_at"] == nil || resume.After["stopped_at"] != nil {
		t.Errorf("audit: %+v", resume)
	}
	t.Logf("resumed by the command: after %v", took)
}

// A key's rate is one for all redirectors, as long as Redis counts; a revoked key is refused by all of them within 5 s.
func rateAndRevocation(i *installation) {
	t := i.T
	a := i.tenant("a")
	var k struct{ ID, Key string }
	i.want(201, i.ask(a.Key, http.MethodPost, "/api/v1/keys", map[string]any{"role": "read", "rate": 1}, &k))
	burst := func(n int) (passed int, last *http.Response) {
		for n := range n {
			last = i.askAt(i.Redirectors[n%2].APIURL(), k.Key, http.MethodGet, "/api/v1/links", nil, nil)
			if last.StatusCode == http.StatusOK {
				passed++
			}
		}
		return passed, last
	}
	begin := time.Now()
	passed, last := burst(12)
	if allowed := 2 + int(time.Since(begin)/time.Second) + 1; passed < 2 || passed > allowed {
		t.Errorf("%d of 12 passed on two redirectors; want 2 to %d", passed, allowed)
	}
	header := last.Header
	if last.StatusCode != 429 || header.Get("Retry-After") != "1" || !strings.HasPrefix(header.Get("RateLimit"), `"key";r=0;t=`) || header.Get("RateLimit-Policy") != `"key";q=2;w=2` {
		t.Errorf("%d %v", last.StatusCode, header)
	}
	t.Logf("with a rate of 1: %d of 12 passed on two redirectors; then %s, Retry-After %s, RateLimit %s, RateLimit-Policy %s", passed, last.Status,
		header.Get("Retry-After"), header.Get("RateLimit"), header.Get("RateLimit-Policy"))
	if err := i.Redis.Kill9(); err != nil {
		t.Fatal(err)
	}
	begin = time.Now()
	passed, last = burst(24)
	if allowed := 4 + 2*int(time.Since(begin)/time.Second) + 2; passed < 4 || passed > allowed || last.StatusCode != 429 {
		t.Errorf("without Redis %d of 24 passed, then %d; want 4 to %d", passed, last.StatusCode, allowed)
	}
	t.Logf("without Redis each redirector counts alone: %d of 24 passed", passed)

	i.want(204, i.ask(a.Key, http.MethodDelete, "/api/v1/keys/"+k.ID, nil, nil))
	begin = time.Now()
	open := slices.Clone(i.Redirectors)
	for len(open) > 0 && time.Since(begin) < 5*time.Second {
		if i.askAt(open[0].APIURL(), k.Key, http.MethodGet, "/api/v1/links", nil, nil).StatusCode == http.StatusUnauthorized {
			open = open[1:]
		}
	}
	if len(open) > 0 {
		t.Errorf("%d redirectors take a revoked key after 5 s", len(open))
	}
	t.Logf("a revoked key: 401 on both redirectors after %v", time.Since(begin).Round(time.Millisecond))
}
