package stories

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"longtail/e2e/stack"
	"longtail/e2e/stage"
	"longtail/shared/link"
)

// mailing is an allinone whose secret changes while its mails are about.
type mailing struct {
	*testing.T
	*stack.Program
}

func (m *mailing) secrets(present, previous string) {
	m.Helper()
	m.Configure(stack.Settings{Forced: map[string]string{
		"LONGTAIL_BOOTSTRAP_KEY": testKey, "LONGTAIL_SECRET": present, "LONGTAIL_SECRET_PREVIOUS": previous, "LONGTAIL_PUBLIC_URL": m.URL(),
	}})
	if err := m.Restart(stage.Within(m.T, 30*time.Second)); err != nil {
		m.Fatal(err)
	}
}

// call asks the API.
func (m *mailing) call(method, path, body string, into any) {
	m.Helper()
	req, err := http.NewRequestWithContext(m.Context(), method, m.APIURL()+path, strings.NewReader(body))
	if err != nil {
		m.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+testKey)
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		m.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 300 {
		m.Fatalf("%s %s: %d %s %v", method, path, resp.StatusCode, text, err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		m.Fatalf("%s: %v", text, err)
	}
}

// click follows a tracked URL, which must redirect.
func (m *mailing) click(path string) {
	m.Helper()
	req, err := http.NewRequestWithContext(m.Context(), http.MethodGet, m.URL()+"/"+path, nil)
	if err != nil {
		m.Fatal(err)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		m.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusFound {
		m.Errorf("%s: %d", path, resp.StatusCode)
	}
}

// keys are the campaign's, the one that signs first.
func (m *mailing) keys() (ids []string) {
	m.Helper()
	var v struct {
		Keys []struct{ ID string }
	}
	m.call("GET", "/api/v1/campaigns/spring/signing-keys", "", &v)
	for _, k := range v.Keys {
		ids = append(ids, k.ID)
	}
	return ids
}

// credited waits until so many clicks are counted, and returns who is credited with them.
func (m *mailing) credited(clicks int) string {
	m.Helper()
	var figures struct{ Clicks int }
	stage.Until(m.T, 20*time.Second, func() string { return "the clicks are counted" }, func() bool {
		m.call("GET", "/api/v1/campaigns/spring/stats", "", &figures)
		return figures.Clicks == clicks
	})
	var who struct {
		Data []struct{ Recipient string }
	}
	m.call("GET", "/api/v1/campaigns/spring/recipients?limit=100", "", &who)
	names := make(map[string]bool)
	for _, r := range who.Data {
		names[r.Recipient] = true
	}
	var all []string
	for _, name := range []string{"before", "during", "after", "opted-out"} {
		if names[name] {
			all = append(all, name)
		}
	}
	return strings.Join(all, " ")
}

// TestSecretIsChangedWhileMailsAreAbout: no link breaks, and a tag of the previous secret counts for as long as it is set.
func TestSecretIsChangedWhileMailsAreAbout(t *testing.T) {
	old, young := strings.Repeat("o", 32), strings.Repeat("y", 32)
	m := &mailing{T: t, Program: stack.Private(t, func(ctx context.Context, dir string) (*stack.Program, error) {
		p, err := stack.Allinone("allinone", dir, stack.Settings{Forced: map[string]string{"LONGTAIL_BOOTSTRAP_KEY": testKey, "LONGTAIL_SECRET": old}})
		if err != nil {
			return nil, err
		}
		return p, p.Start(ctx)
	})}
	var l struct{ Code string }
	m.call("POST", "/api/v1/links", `{"url":"https://shop.example/","campaign":"spring"}`, &l)
	keyOf := func(secret string) *link.CampaignKey {
		key := link.NewCampaignKey([]byte(secret), 1, "spring")
		return &key
	}
	mailed := func(recipient, secret string) string { return l.Code + "/" + keyOf(secret).Token(recipient) }
	if got := m.keys(); len(got) != 1 || got[0] != keyOf(old).ID() {
		t.Errorf("keys before: %v", got)
	}

	m.secrets(young, old)
	if got := m.keys(); len(got) != 2 || got[0] != keyOf(young).ID() || got[1] != keyOf(old).ID() {
		t.Errorf("keys during the overlap: %v", got)
	}
	m.click(mailed("before", old))
	m.click(mailed("during", young))
	m.click(l.Code + "/private")
	m.click(mailed("opted-out", old) + "%27")
	if got := m.credited(4); got != "before during" {
		t.Errorf("credited during the overlap: %q", got)
	}

	m.secrets(young, "")
	m.click(mailed("after", old))
	if got := m.credited(5); got != "before during" {
		t.Errorf("credited after the overlap: %q", got)
	}
}
