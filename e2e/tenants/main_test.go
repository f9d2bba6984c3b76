package tenants

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"longtail/e2e/platform"
	"longtail/e2e/stack"
	"longtail/e2e/stage"
	"longtail/e2e/zone"
)

func TestMain(m *testing.M) { os.Exit(stage.Main(m)) }

// An installation is a cluster of two redirectors, whose operator knows everybody.
type installation struct {
	*testing.T
	*stack.Cluster
	zone *zone.Zone
}

// TestTenants tells all stories on one installation; each brings accounts of its own.
func TestTenants(t *testing.T) {
	z := zone.New(t, "127.0.0.1:0")
	c := stage.Own(t, stack.Options{Redirectors: 2, Workers: 1, Settings: map[string]string{
		"LONGTAIL_DNS_ADDR": z.Addr, "LONGTAIL_PUBLIC_URL": "https://go.example", "LONGTAIL_API_RATE": "1000",
	}})
	for name, tell := range map[string]func(*installation){
		"DomainsOfTwoAccounts": domainsOfTwoAccounts, "KillSwitch": killSwitch, "LandingPageDown": landingPageDown, "Erasure": erasure, "Tuning": tuning,
		"RateAndRevocation": rateAndRevocation, "HTTPS": https,
	} {
		t.Run(name, func(t *testing.T) {
			stage.Whole(t, c) // whatever the story before has killed
			tell(&installation{t, c, z})
		})
	}
}

// A tenant is an account with an admin's key.
type tenant struct {
	*installation
	Account, Key string
}

// tenant makes an account.
func (i *installation) tenant(name string) *tenant {
	i.Helper()
	operator := &platform.API{Base: i.HAProxy.APIURL(), Key: i.Key}
	number, admin, err := operator.NewAccount(i.Context(), name)
	if err != nil {
		i.Fatal(err)
	}
	return &tenant{i, number, admin.Key}
}

// ask asks the API through the load balancer, as the operator if key is "".
func (i *installation) ask(key, method, path string, body, into any) int {
	i.Helper()
	return i.askAt(i.HAProxy.APIURL(), key, method, path, body, into).StatusCode
}

func (i *installation) askAt(base, key, method, path string, body, into any) *http.Response {
	i.Helper()
	var sent io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			i.Fatal(err)
		}
		sent = bytes.NewReader(text)
	}
	if key == "" {
		key = i.Key
	}
	ctx, cancel := context.WithTimeout(i.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, base+path, sent)
	if err != nil {
		i.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		i.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && into != nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		i.Fatalf("%s %s: %v: %s", method, path, err, text)
	}
	return resp
}

func (i *installation) want(status, got int) {
	i.Helper()
	if got != status {
		i.Fatalf("status %d, want %d", got, status)
	}
}

// A tracked link is what the API tells of one.
type tracked struct {
	Code, Domain string
	TrackedURL   string `json:"tracked_url"`
}

func (p *tenant) link(body map[string]any) tracked {
	p.Helper()
	var l tracked
	p.want(201, p.ask(p.Key, http.MethodPost, "/api/v1/links", body, &l))
	return l
}

// proven claims a domain, publishes the record and has it verified.
func (p *tenant) proven(host string, body map[string]any, publish func(platform.Domain)) platform.Domain {
	p.Helper()
	var d platform.Domain
	body["domain"] = host
	p.want(201, p.ask(p.Key, http.MethodPost, "/api/v1/domains", body, &d))
	p.want(422, p.ask(p.Key, http.MethodPost, "/api/v1/domains/"+host+"/verify", nil, nil))
	publish(d)
	p.want(200, p.ask(p.Key, http.MethodPost, "/api/v1/domains/"+host+"/verify", nil, &d))
	return d
}

// click asks a redirector for a path under a host.
func (i *installation) click(base, host, path string) (status int, location string) {
	i.Helper()
	ctx, cancel := context.WithTimeout(i.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+path, nil)
	if err != nil {
		i.Fatal(err)
	}
	req.Host = host
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		i.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode, resp.Header.Get("Location")
}

// everywhere waits until both redirectors answer a click with the status and location, and returns how long that took.
func (i *installation) everywhere(limit time.Duration, host, path string, status int, location string) time.Duration {
	i.Helper()
	begin := time.Now()
	var all sync.WaitGroup
	for _, p := range i.Redirectors {
		all.Go(func() {
			for {
				gotStatus, gotLocation := i.click(p.URL(), host, path)
				if gotStatus == status && gotLocation == location {
					return
				}
				if time.Since(begin) > limit {
					i.Errorf("%s: %s%s answers %d %q after %v; want %d %q", p.Name, host, path, gotStatus, gotLocation, limit, status, location)
					return
				}
				time.Sleep(10 * time.Millisecond)
			}
		})
	}
	all.Wait()
	return time.Since(begin)
}
