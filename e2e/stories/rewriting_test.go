package stories

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"longtail/e2e/platform"
	"longtail/e2e/stage"
)

// TestMailsComeBackByteForByte: every mail with its targets put back is the one that was sent, and a second call has the
// same codes.
func TestMailsComeBackByteForByte(t *testing.T) {
	d := newDesk(t)
	for name, source := range mailsOf(t) {
		first := d.rewrite(t, map[string]any{"campaign": "c1", "html": source})
		again := d.rewrite(t, map[string]any{"campaign": "c1", "html": source})
		if first.HTML != again.HTML || len(first.Links) == 0 {
			t.Errorf("%s: two calls differ, or no link was found", name)
		}
		if putBack(first) != source {
			t.Errorf("%s: with its targets put back it is another mail", name)
		}
		t.Logf("%s: %d bytes, %d links, %d left; put back: the same; twice: the same codes", name, len(source), len(first.Links), len(first.Skipped))
	}
}

// TestMailsOfAnySize: the time grows with the mail and never faster; beyond 10 MiB it is refused.
func TestMailsOfAnySize(t *testing.T) {
	d := newDesk(t)
	cost := func(mb int) time.Duration {
		var b strings.Builder
		for i := 0; b.Len() < mb<<20; i++ {
			fmt.Fprintf(&b, "<p>Some text of a newsletter that stands around its links, as text does.</p>\n<a href=\"https://shop.example/item?id=%d&amp;of=%d&amp;mail={{email}}\">Item</a>\r\n", i%1000, mb)
		}
		begin := d.spent(t)
		if r := d.rewrite(t, map[string]any{"campaign": "big", "html": b.String()}); len(r.Links) != 1000 {
			t.Fatalf("%d links", len(r.Links))
		}
		return d.spent(t) - begin
	}
	cost(1) // warm
	one, two, four := cost(1), cost(2), cost(4)
	t.Logf("1 MB %v, 2 MB %v, 4 MB %v of the program's time: %.2f, %.2f", one, two, four, two.Seconds()/one.Seconds(), four.Seconds()/two.Seconds())
	if four.Seconds() > 2.3*2.3*one.Seconds() {
		t.Error("the time grows faster than the mail")
	}
	if status, body := d.call(t, "/api/v1/rewrite", map[string]any{"campaign": "big", "html": strings.Repeat("x", 11<<20)}); status != 413 {
		t.Errorf("11 MiB: %d %s", status, body)
	}
}

// TestMailIsClicked sends a rewritten mail to one person and clicks: P13, what mail software makes of a token redirects and
// is credited to nobody, and only the parameter that the mail had is passed on.
func TestMailIsClicked(t *testing.T) {
	d := newDesk(t)
	r := d.rewrite(t, map[string]any{"campaign": "c2", "token_placeholder": "{{t}}", "html": `<a href="https://shop.example/p?id=7&amp;mail={{email}}#top">`})
	if len(r.Links) != 1 || r.HTML != `<a href="`+d.URL()+"/"+r.Links[0].Code+`/{{t}}?mail={{email}}">` {
		t.Fatalf("%+v", r)
	}
	api := platform.API{Base: d.APIURL(), Key: testKey}
	key, err := api.SigningKey(t.Context(), "c2")
	if err != nil {
		t.Fatal(err)
	}
	sent := func(token string) string {
		href := strings.TrimSuffix(strings.TrimPrefix(r.HTML, `<a href="`), `">`)
		return strings.NewReplacer("{{t}}", token, "{{email}}", url.QueryEscape("ann+1@mail.example")).Replace(href)
	}
	token := key.Token("r-18273")
	const want = "https://shop.example/p?id=7&mail=ann%2B1%40mail.example#top"
	good := []string{token, strings.ToUpper(token)}
	twins := []string{token + "%27", token + "=", token + ")", token[:len(token)-1], token[:len(token)-16], "r-18274" + token[7:], token + "x", strings.Replace(token, ".", "%2E%2E", 1),
		token + "%22%3E", token[:len(token)-1] + flip(token[len(token)-1:])}
	for i, text := range append(good, twins...) {
		if status, location := d.open(t, sent(text)+"&evil=https://evil.example"); status != 302 || location != want {
			t.Errorf("token %d: %d %s", i, status, location)
		}
	}
	for _, id := range []string{"ann@mail.example", "ann%40mail.example"} {
		if status, _ := d.open(t, sent(key.Token(id))); status != 302 {
			t.Errorf("%s: %d", id, status)
		}
	}
	var credits map[string]int
	total := len(good) + len(twins) + 2
	stage.Until(t, 30*time.Second, func() string { return fmt.Sprintf("%d clicks: %v", total, credits) }, func() bool {
		credits = d.credits(t, "c2")
		return credits["r-18273 valid"]+credits["invalid"]+credits["none"] == total
	})
	if credits["r-18273 valid"] != len(good) || len(credits) > 3 {
		t.Errorf("credited: %v", credits)
	}
	t.Logf("P13: %d clicks with a good token credited, %d with a mangled one 302 and credited to nobody: %v", len(good), total-len(good), credits)
}

func flip(digit string) string {
	if digit == "0" {
		return "1"
	}
	return "0"
}

// TestScannersUnsubscribeNobody is P7 and P12: a scanner follows every link of a mail ten thousand times, and nobody is
// unsubscribed; a mail provider's one-click POST reaches the sender; a link that is off leaves no trace here.
func TestScannersUnsubscribeNobody(t *testing.T) {
	d := newDesk(t)
	var asked, unsubscribed, off atomic.Int64
	sender := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/off":
			off.Add(1)
		case r.Method == http.MethodPost:
			unsubscribed.Store(1)
		default:
			asked.Add(1)
		}
	}))
	t.Cleanup(sender.Close)
	unsubscribe := sender.URL + "/unsubscribe?u=r-18273"
	source := `<a href="` + unsubscribe + `">no more</a><a href="https://shop.example/">shop</a><a data-longtail="off" href="` + sender.URL + `/off">quiet</a>`
	r := d.rewrite(t, map[string]any{"campaign": "c3", "html": source, "list_unsubscribe": "<" + unsubscribe + ">"})
	if len(r.Links) != 1 || strings.Count(r.HTML, `"`+unsubscribe+`"`) != 1 || strings.Count(r.HTML, `<a href="`+sender.URL+`/off">`) != 1 {
		t.Fatalf("%+v", r)
	}
	const replays = 10_000
	stored := d.link(t, r.Links[0].Code)
	for i := range replays {
		status, _ := d.open(t, []string{unsubscribe, r.Links[0].TrackedURL, sender.URL + "/off", r.Links[0].TrackedURL + "/private"}[i%4])
		if want := []int{200, 302, 200, 302}[i%4]; status != want {
			t.Fatalf("replay %d: %d", i, status)
		}
	}
	if unsubscribed.Load() != 0 || asked.Load() != replays/4 {
		t.Errorf("unsubscribed %d after %d GETs", unsubscribed.Load(), asked.Load())
	}
	if now := d.link(t, r.Links[0].Code); now != stored {
		t.Errorf("%s became %s", stored, now)
	}
	for range 2 {
		res := d.do(t, http.MethodPost, unsubscribe, strings.NewReader("List-Unsubscribe=One-Click"))
		if err := res.Body.Close(); err != nil || res.StatusCode != 200 {
			t.Errorf("%v %v", res.StatusCode, err)
		}
	}
	if unsubscribed.Load() != 1 {
		t.Error("the one-click POST did not reach the sender")
	}
	var balance platform.Balance
	api := platform.API{Base: d.APIURL(), Key: testKey}
	stage.Until(t, 60*time.Second, func() string { return fmt.Sprintf("%+v", balance) }, func() bool {
		var err error
		balance, err = api.Balance(t.Context(), "c3")
		return err == nil && balance.Stored == replays/2
	})
	t.Logf("P7: %d GETs of a scanner, %d of them on the unsubscribe link: 0 unsubscribed; one POST, twice: 1", replays, asked.Load())
	t.Logf("P12: %d clicks on a link that is off: redirected by nobody, 0 rows, %d stored of the two that are on", off.Load(), balance.Stored)
}
