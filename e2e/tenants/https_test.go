package tenants

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"longtail/e2e/platform"
	"longtail/e2e/stack"
)

// https:// on a proven domain works with a certificate that is had when the first click comes; on every other one there
// is none.
func https(i *installation) {
	t := i.T
	if _, err := stack.Tool("caddy"); err != nil { // an installation takes longer than a start
		t.Fatal(err)
	}
	front := stack.Private(t, func(ctx context.Context, dir string) (*stack.Front, error) {
		return stack.Caddy(ctx, dir, fmt.Sprintf("127.0.0.1:%d", i.HAProxy.Port), i.HAProxy.APIURL()+"/api/v1/tls/allow")
	})
	a := i.tenant("a")
	a.proven("click.brand.example", map[string]any{}, func(d platform.Domain) { i.zone.Text(d.Verification.TXT.Name+".", d.Verification.TXT.Value) })
	i.want(201, i.ask(a.Key, http.MethodPost, "/api/v1/domains", map[string]any{"domain": "claimed.example"}, nil))
	l := a.link(map[string]any{"url": "https://brand.example/spring", "domain": "click.brand.example"})
	if !strings.HasPrefix(l.TrackedURL, "https://click.brand.example/") {
		t.Errorf("%+v", l)
	}
	i.everywhere(2*time.Second, "click.brand.example", "/"+l.Code, 302, "https://brand.example/spring")

	visitor, err := front.Visitor()
	if err != nil {
		t.Fatal(err)
	}
	get := func(url string) (*http.Response, error) { return visitor.Get(t.Context(), url) }
	begin := time.Now()
	resp, err := get(l.TrackedURL)
	if err != nil || resp.StatusCode != 302 || resp.Header.Get("Location") != "https://brand.example/spring" || resp.TLS == nil {
		t.Fatalf("%+v, %v", resp, err)
	}
	first := time.Since(begin)
	begin = time.Now()
	if resp, err = get(l.TrackedURL); err != nil || resp.StatusCode != 302 {
		t.Fatalf("%+v, %v", resp, err)
	}
	t.Logf("%s: %s after %v with a new certificate of %s, after %v with the one that is there", l.TrackedURL, resp.Status, first.Round(time.Millisecond),
		resp.TLS.PeerCertificates[0].Issuer.CommonName, time.Since(begin).Round(time.Millisecond))
	if resp, err = get("http://click.brand.example/" + l.Code); err != nil || resp.StatusCode != 302 || resp.Header.Get("Location") != "https://brand.example/spring" {
		t.Errorf("a link that was mailed without TLS: %+v, %v", resp, err)
	}
	for _, host := range []string{"claimed.example", "nobody.example"} {
		if resp, err := get("https://" + host + "/" + l.Code); err == nil {
			t.Errorf("%s has a certificate: %+v", host, resp)
		}
		if made, _ := filepath.Glob(filepath.Join(front.Dir, "caddy", "certificates", "local", host)); made != nil {
			t.Errorf("a certificate was made for %s", host)
		}
	}
	if _, err := os.Stat(filepath.Join(front.Dir, "caddy", "certificates", "local", "click.brand.example")); err != nil {
		t.Error(err)
	}
	// Asked directly by somebody who is no proxy of ours, the API tells nothing.
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, i.HAProxy.APIURL()+"/api/v1/tls/allow?domain=click.brand.example", nil)
	if err != nil {
		t.Fatal(err)
	}
	for forwarded, want := range map[string]int{"203.0.113.9": 403, "127.0.0.1, 203.0.113.9": 403, "127.0.0.1": 200} {
		req.Header.Set("X-Forwarded-For", forwarded)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("forwarded for %q: %d, want %d", forwarded, resp.StatusCode, want)
		}
	}
}
