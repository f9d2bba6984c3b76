package console

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"longtail/e2e/platform"
	"longtail/e2e/stack"
	"longtail/e2e/stage"
)

// watcher notes on every page what ran that is not ours.
const watcher = `window.ran = [];
for (const name of ["alert", "confirm", "prompt", "print"]) window[name] = () => { window.ran.push(name); };`

// strangers are elements and handlers that none of our pages has.
const strangers = `[...document.querySelectorAll("main *")].filter((e) => e.matches("script, style, img, iframe, object, embed, link, base, meta, video, audio")
	|| e.getAttributeNames().some((n) => n.startsWith("on") || n === "style") && !e.closest(".uplot") || /^\s*(javascript|data):/i.test(e.getAttribute("href") || ""))
	.map((e) => e.outerHTML.slice(0, 200))`

// Texts that break programs, as titles, tags, names, agents, referrers, recipients and searches: they stand on the pages as
// they are, and nothing in them runs, also where no policy forbids it.
func TestNaughtyTextsDoNotRun(t *testing.T) {
	t.Parallel()
	texts := naughty(t)
	p, api := alone(t, nil)
	s := campaign(t, p, api)
	titled, tagged := spread(t, api, texts)
	clickWith(t, &s, texts)

	b := signedIn(t, p.APIURL(), testKey)
	b.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		if _, err := chromedp.Call(ctx, page.SetBypassCSP, page.SetBypassCSPParams{Enabled: true}); err != nil {
			return err
		}
		_, err := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: watcher})
		return err
	}))
	w := &watch{tab: b}
	w.all("/console/campaigns")
	w.all("/console/links")
	w.all("/console/audit")
	w.all("/console/keys")
	w.look("/console/campaigns/" + s.Crowd.ID)
	for i := 0; i < len(texts); i += 10 {
		q := url.QueryEscape(strings.Join(texts[i:min(i+10, len(texts))], " "))
		w.look("/console/links?q=" + q + "&tag=" + q + "&campaign=" + q)
		if _, there := titled[i]; there {
			w.look("/console/campaigns/" + id(i) + "?recipient=" + q)
		}
	}
	for _, text := range titled {
		if !strings.Contains(w.seen.String(), strings.Join(strings.Fields(text), " ")) {
			t.Errorf("no page shows %q as it is", text)
		}
	}
	w.look("/console/campaigns")
	ask[int](b, `document.querySelector("main").insertAdjacentHTML("beforeend", "<img src=x: onerror=alert(1)>"); 0`)
	b.until(stepLimit, "what a picture of an attacker runs", func() bool { return len(ask[[]string](b, `window.ran`)) == 1 })
	t.Logf("%d texts, %d as titles, %d as tags, on %d pages: none ran", len(texts), len(titled), tagged, w.pages)
}

// A watch goes through pages and collects what they say.
type watch struct {
	*tab
	pages int
	seen  strings.Builder
}

// all looks at a list to its end.
func (w *watch) all(path string) {
	w.Helper()
	for here := path; here != ""; here = ask[string](w.tab, `document.querySelector(".more a")?.href.slice(location.origin.length) ?? ""`) {
		w.look(here)
	}
}

func (w *watch) look(path string) {
	w.Helper()
	w.visit(path)
	if ran := ask[[]string](w.tab, `window.ran`); len(ran) > 0 {
		w.Errorf("%.200s: %v ran", path, ran)
	}
	if strange := ask[[]string](w.tab, strangers); len(strange) > 0 {
		w.Errorf("%.200s holds what is not ours: %q", path, strange)
	}
	w.seen.WriteString(strings.Join(strings.Fields(ask[string](w.tab, `document.body.textContent`)), " "))
	w.pages++
}

func id(i int) string { return fmt.Sprintf("naughty-%d", i) }

// spread makes a campaign and a link for each text that the API takes, and keys; it returns the titles that were taken, and
// how many tags were.
func spread(t *testing.T, api *platform.API, texts []string) (titled map[int]string, tagged int) {
	t.Helper()
	titled = map[int]string{}
	for i, text := range texts {
		if title := plain(text); strings.TrimSpace(title) != "" {
			call(t, api, http.MethodPut, "/api/v1/campaigns/"+id(i), map[string]string{"name": title})
			titled[i] = title
		}
		l := map[string]any{"url": "https://shop.example/" + url.PathEscape(text), "campaign": id(i), "name": plain(text)}
		if word := strings.TrimSpace(plain(text)); word != "" && len(word) <= 64 {
			l["tags"] = []string{word}
			tagged++
		}
		call(t, api, http.MethodPost, "/api/v1/links", l)
		if i%10 == 0 && len(text) <= 128 {
			call(t, api, http.MethodPost, "/api/v1/keys", map[string]string{"role": "read", "name": plain(text)})
		}
	}
	return titled, tagged
}

// clickWith clicks with each text as agent, referrer and recipient.
func clickWith(t *testing.T, s *stage.Show, texts []string) {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, text := range texts {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+s.Crowd.Links[0].Path+"/"+url.PathEscape(text)+".0123", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("User-Agent", plain(text))
		req.Header.Set("Referer", plain(text))
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusFound {
			t.Errorf("a click with %q: %s", text, res.Status)
		}
	}
}

// plain is a text without control characters, which neither titles nor headers may hold, and no longer than a title may be.
func plain(text string) string {
	text = strings.ToValidUTF8(text[:min(len(text), 512)], "")
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}

// naughty is the big list of naughty strings where it lies beside the repository, else a few of its kinds.
func naughty(t *testing.T) []string {
	t.Helper()
	root, err := stack.Root()
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	text, err := os.ReadFile(filepath.Join(root, "../shared/data/naughty-strings.json"))
	if err != nil {
		return []string{
			"<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, `' onclick='alert(1)`, "javascript:alert(1)", "</textarea><svg onload=alert(1)>",
			"{{.}}", "${alert(1)}", "<a href=\"java\x03script:alert(1)\">x</a>", "\u202etest\u202e", "=cmd|' /C calc'!A0", "田中さん", "../../etc/passwd%00",
		}
	}
	if err := json.Unmarshal(text, &texts); err != nil {
		t.Fatal(err)
	}
	return texts
}
