package console

import (
	"fmt"
	"html"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// A range that the API refuses is told beside the form that asked for it; the rest of the page is there.
func TestRefusedRange(t *testing.T) {
	r := newRig(t)
	cookie, _ := r.signIn("the bootstrap key")
	r.instead = func(q *http.Request) (int, string) {
		if !strings.HasSuffix(q.URL.Path, "/stats") || q.URL.Query().Get("tz") == "" {
			return 0, ""
		}
		return 422, `{"status":422,"title":"Unprocessable Entity","errors":[{"field":"from","detail":"from lies before to"},{"field":"tz","detail":"an IANA time zone"}]}`
	}
	const page = "/console/campaigns/spring?span=days&from=2026-11-20&to=2026-11-01&tz=Mars&recipient=r-1"
	res := r.send("GET", page, cookie, nil)
	body := r.body(res)
	if res.StatusCode != 422 || !strings.Contains(body, "from: from lies before to; tz: an IANA time zone") {
		t.Errorf("%s; want the fields and the reasons", res.Status)
	}
	for _, want := range []string{`value="2026-11-20"`, `value="Mars"`, `name="recipient" value="r-1"`, `id="clicks">5<`, `data-zone="UTC"`} {
		if !strings.Contains(body, want) {
			t.Errorf("the page has no %s", want)
		}
	}
	if body := r.body(r.send("GET", page, cookie, nil, "Accept", "application/json")); !strings.Contains(body, `"figures"`) || strings.Contains(body, "trouble") {
		t.Errorf("its script gets %s; want the parts", body)
	}
}

// Figures and balance of one page are of one moment, also while batches are stored between the two questions.
func TestFiguresOfOneMoment(t *testing.T) {
	r := newRig(t)
	cookie, _ := r.signIn("the bootstrap key")
	var balances atomic.Int64
	r.instead = func(q *http.Request) (int, string) {
		if !strings.HasSuffix(q.URL.Path, "/balance") {
			return 0, ""
		}
		stored := min(3+balances.Add(1), 5) // the figures say 5
		return 200, fmt.Sprintf(`{"answered":9,"stored":%d,"waiting":%d}`, stored, 9-stored)
	}
	if body := r.body(r.send("GET", "/console/campaigns/spring", cookie, nil)); !strings.Contains(body, "answered 9, counted 5") || balances.Load() != 2 {
		t.Errorf("after %d questions the page does not say what is counted", balances.Load())
	}
}

// What is chosen on a campaign's page stays when recipients are searched for or paged through.
func TestChoicesStay(t *testing.T) {
	r := newRig(t)
	cookie, _ := r.signIn("the bootstrap key")
	r.instead = func(q *http.Request) (int, string) {
		if !strings.HasSuffix(q.URL.Path, "/recipients") {
			return 0, ""
		}
		return 200, `{"data":[{"recipient":"r-1","clicks":2}],"next":"behind"}`
	}
	body := r.body(r.send("GET", "/console/campaigns/spring?span=week&tz=Asia/Kolkata&recipient=r", cookie, nil))
	for _, want := range []string{
		`name="span" value="week"`, `name="tz" value="Asia/Kolkata"`, `href="?cursor=behind&recipient=r&span=week&tz=Asia%2FKolkata#recipients"`,
	} {
		if !strings.Contains(html.UnescapeString(body), want) {
			t.Errorf("the page has no %s", want)
		}
	}
}

// A gap tells how many clicks it holds.
func TestGapInWords(t *testing.T) {
	r := newRig(t)
	cookie, _ := r.signIn("the bootstrap key")
	r.instead = func(q *http.Request) (int, string) {
		if !strings.HasSuffix(q.URL.Path, "/stats") {
			return 0, ""
		}
		return 200, `{"gaps":[{"from":"2026-11-20T10:00:00Z","to":"2026-11-20T10:05:00Z","reason":"spool_full","clicks":12345},{"from":"2026-11-21T10:00:00Z","to":null,"reason":"late","clicks":null}]}`
	}
	body := r.body(r.send("GET", "/console/campaigns/spring", cookie, nil))
	for _, want := range []string{
		"2026-11-20 10:00:00 to 2026-11-20 10:05:00: people were redirected while the disk was full, and their clicks not recorded, 12\u202f345 clicks</li>",
		"2026-11-21 10:00:00 to now: answered before the database could be told, and not counted yet</li>", `data-gaps="1795168800:1795169100 1795255200: "`,
	} {
		if !strings.Contains(html.UnescapeString(body), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

// A page that is not there has the navigation of those who are signed in, and says why once.
func TestProblemPage(t *testing.T) {
	r := newRig(t)
	cookie, _ := r.signIn("the bootstrap key")
	r.instead = func(*http.Request) (int, string) {
		return 404, `{"status":404,"title":"Not Found","detail":"There is nothing here."}`
	}
	res := r.send("GET", "/console/campaigns/none", cookie, nil)
	if body := r.body(res); res.StatusCode != 404 || !strings.Contains(body, "<nav") || !strings.Contains(body, "<p>There is nothing here.</p>") {
		t.Errorf("%s: %s", res.Status, body)
	}
}
