//go:build compose

package compose

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"longtail/e2e/platform"
	"longtail/e2e/stack"
	"longtail/e2e/stage"
	"longtail/e2e/zone"
)

const (
	brand    = "click.brand.example"
	claimed  = "claimed.example"
	landing  = "https://brand.example/spring"
	campaign = "https"
)

// The profile tls is added to an installation that runs: links on a domain are answered by https:// once its account has
// proven it, with a certificate that is had at the first click, and nothing else is.
func TestHTTPSOnADomainOfAnAccount(t *testing.T) {
	whole(t)
	s := &scene{}
	s.withTLS(t)
	account, tracked := s.linkOnABrand(t)
	visitor := s.visitor(t)

	begin := time.Now()
	certificate := visit(t, visitor, tracked)
	first := time.Since(begin)
	const more = 20
	for range more {
		if again := visit(t, visitor, tracked); again != certificate {
			t.Fatalf("certificate %s at first, then %s; want one", certificate, again)
		}
	}
	if resp, err := visitor.Get(t.Context(), strings.Replace(tracked, "https", "http", 1)); err != nil || resp.StatusCode != http.StatusFound {
		t.Errorf("a link that was mailed before there was HTTPS: %+v, %v; want a 302", resp, err)
	}
	refused(t, visitor, claimed)
	refused(t, visitor, "nobody.example")
	if names := s.read(t, "ls", "/data/caddy/certificates/local"); names != brand {
		t.Errorf("there are certificates for %q; want %s alone", names, brand)
	}

	// A new container has what the volume keeps: the authority and the certificate.
	s.must(t, project.Compose(s.step(t), "up", "--detach", "--no-deps", "--force-recreate", "caddy"))
	whole(t)
	if again := visit(t, visitor, tracked); again != certificate {
		t.Errorf("certificate %s before Caddy's container was made anew, %s after; want the same", certificate, again)
	}
	s.counted(t, account, more+3)
	t.Logf("%s: %d clicks answered and counted, the first after %v with a new certificate; no certificate for %s and nobody.example",
		tracked, more+3, first.Round(time.Millisecond), claimed)
}

// withTLS adds the profile for one story. Nothing that runs is made anew.
func (s *scene) withTLS(t *testing.T) {
	t.Helper()
	before := s.all(t, "redirector")
	project.TLS = true
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), stepLimit) // the story's own has ended
		defer cancel()
		s.must(t, project.Compose(ctx, "rm", "--stop", "--force", "caddy"))
		project.TLS = false
	})
	s.must(t, project.Scale(s.step(t), redirectors, workers))
	whole(t)
	if after := s.all(t, "redirector"); !slices.Equal(before, after) {
		t.Errorf("redirectors were %+v and are %+v; want the same", before, after)
	}
}

// linkOnABrand makes an account that proves its domain by DNS, and a link on it which all redirectors know.
func (s *scene) linkOnABrand(t *testing.T) (account *platform.API, tracked string) {
	t.Helper()
	names := zone.New(t, project.DNS)
	operator := &platform.API{Base: project.APIURL, Key: project.Key}
	_, account, err := operator.NewAccount(s.step(t), "brand")
	s.must(t, err)
	domain, err := account.ClaimDomain(s.step(t), brand)
	s.must(t, err)
	if err := account.VerifyDomain(s.step(t), brand); err == nil || !strings.Contains(err.Error(), "domain_proof") {
		t.Fatalf("verified without a record: %v; want domain_proof", err)
	}
	names.Text(domain.Verification.TXT.Name+".", domain.Verification.TXT.Value)
	s.must(t, account.VerifyDomain(s.step(t), brand))
	_, err = account.ClaimDomain(s.step(t), claimed)
	s.must(t, err)
	tracked, err = account.CreateLinkOn(s.step(t), brand, campaign, landing)
	s.must(t, err)
	path, on := strings.CutPrefix(tracked, "https://"+brand)
	if !on {
		t.Fatalf("tracked URL %s; want one of https://%s", tracked, brand)
	}
	for _, c := range s.all(t, "redirector") {
		s.knows(t, c, path)
	}
	return account, tracked
}

// knows waits until a redirector answers for the brand's link; a HEAD is no click.
func (s *scene) knows(t *testing.T, c Container, path string) {
	t.Helper()
	req, err := http.NewRequestWithContext(s.step(t), http.MethodHead, "http://"+c.Address+":8080"+path, nil)
	s.must(t, err)
	req.Host = brand
	var status string
	stage.Until(t, stepLimit, func() string { return fmt.Sprintf("%s under %s known to %.12s: %s", path, brand, c.ID, status) }, func() bool {
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			status = err.Error()
			return false
		}
		defer resp.Body.Close()
		status = resp.Status
		return resp.StatusCode == http.StatusFound
	})
}

// visitor trusts the authority that Caddy has made for itself.
func (s *scene) visitor(t *testing.T) *stack.Visitor {
	t.Helper()
	root := s.read(t, "cat", "/data/caddy/pki/authorities/local/root.crt")
	visitor, err := stack.NewVisitor(project.HTTPSPort, project.HTTPPort, []byte(root))
	s.must(t, err)
	return visitor
}

// read is what a program prints in Caddy's container.
func (s *scene) read(t *testing.T, program ...string) string {
	t.Helper()
	text, err := project.Read(s.step(t), s.first(t, "caddy"), program...)
	s.must(t, err)
	return text
}

// visit clicks and returns the number of the certificate, which is the brand's and Caddy's own.
func visit(t *testing.T, visitor *stack.Visitor, tracked string) string {
	t.Helper()
	resp, err := visitor.Get(t.Context(), tracked)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusFound || resp.Header.Get("Location") != landing {
		t.Fatalf("%s: %s to %q; want 302 to %s", tracked, resp.Status, resp.Header.Get("Location"), landing)
	}
	leaf := resp.TLS.PeerCertificates[0]
	if !slices.Equal(leaf.DNSNames, []string{brand}) || !strings.HasPrefix(leaf.Issuer.CommonName, "Caddy Local Authority") {
		t.Fatalf("a certificate for %q of %q; want one for %s of Caddy's own authority", leaf.DNSNames, leaf.Issuer.CommonName, brand)
	}
	return leaf.SerialNumber.String()
}

// refused demands that Caddy breaks the handshake off, because it has no certificate.
func refused(t *testing.T, visitor *stack.Visitor, host string) {
	t.Helper()
	var end *net.OpError
	if resp, err := visitor.Get(t.Context(), "https://"+host+"/"); !errors.As(err, &end) || end.Op != "remote error" {
		t.Errorf("%s: %+v, %v; want an alert of Caddy's in the handshake", host, resp, err)
	}
}

// counted waits until the figures are complete, and demands that each visit is one click, of who made it and of no proxy.
func (s *scene) counted(t *testing.T, account *platform.API, visits int) {
	t.Helper()
	ctx, end := s.step(t), time.Now()
	var told platform.Results
	var err error
	stage.Until(t, stepLimit, func() string { return fmt.Sprintf("figures complete past %s: %+v, %v", end.UTC(), told, err) }, func() bool {
		told, err = account.Results(ctx, campaign)
		return err == nil && told.CompleteThrough.After(end)
	})
	clicks, err := account.Clicks(ctx, campaign)
	s.must(t, err)
	proxies := []string{s.first(t, "caddy").Address, s.first(t, "haproxy").Address}
	clicks = slices.DeleteFunc(clicks, func(c platform.Click) bool { return c.Method == http.MethodHead })
	if told.Clicks != visits || len(clicks) != visits {
		t.Errorf("%d clicks in the figures, %d exported; want %d", told.Clicks, len(clicks), visits)
	}
	for _, c := range clicks {
		if c.IP == "" || slices.Contains(proxies, c.IP) {
			t.Fatalf("a click of %q; want the visitor's address, and the proxies have %v", c.IP, proxies)
		}
	}
}
