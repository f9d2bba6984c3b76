package console

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"longtail/e2e/platform"
	"longtail/e2e/stack"
	"longtail/e2e/stage"
)

// pictures is where the screenshots go, below the root of the repository.
const pictures = "bin/console"

// Of the console's pages there is a screenshot on each kind of screen, first with nothing in them, then with a campaign
// that is over. Each page is no wider than the screen, and axe finds nothing serious.
func TestPicturesAtRest(t *testing.T) {
	t.Parallel()
	p, api := alone(t, nil)
	g := hang(t, p)
	g.state("empty", "/console/campaigns", "/console/links", "/console/pipeline", "/console/keys", "/console/domains", "/console/audit", "/console/rewrite")
	s := campaign(t, p, api)
	call(t, api, "PUT", "/api/v1/campaigns/"+s.Crowd.ID, map[string]string{"name": "Spring sale"})
	call(t, api, "POST", "/api/v1/keys", map[string]string{"role": "write", "name": "the shop's mail software"})
	call(t, api, "POST", "/api/v1/domains", map[string]string{"domain": "click.shop.example"})
	call(t, api, "PATCH", "/api/v1/links/"+s.Crowd.Links[0].Code, map[string]string{"name": "the button"})
	stage.AllAnswered(t, s.Judge(t, s.Start(t, p.URL(), 300, 0).Answers()))
	g.state("drained", "/console/campaigns", "/console/links", "/console/links/"+s.Crowd.Links[0].Code, "/console/pipeline", "/console/keys", "/console/domains", "/console/audit")
	g.visit("/console/campaigns/" + s.Crowd.ID + "?span=days&from=2026-11-20&to=2026-11-01&tz=Mars")
	g.take("refused-range")
	g.send("/console/links", "many", map[string]string{"campaign": "spring", "lines": "https://shop.example/a\nftp://shop.example/b\n{\"url\":\"https://shop.example/c\",\"tags\":[\"red shoes\"]}\nnot a link"})
	g.take("lines")
	if result := g.text("[role=status] tbody"); !strings.Contains(result, "url: a space is written as %20") || !strings.Contains(result, "2\tftp://") {
		t.Errorf("the lines came back as %q; want the bad ones with their number and reason", result)
	}
	g.send("/console/rewrite", "mail", map[string]string{"campaign": "spring", "html": `<a href="https://shop.example/a">A</a> <a href="mailto:x@shop.example">M</a> <a href="https://аррӏе.example/">B</a>`})
	g.take("rewrite")
	if result := g.text("[role=status]"); !strings.Contains(result, "writes a mail") || !strings.Contains(result, "xn--80ak6aa92e.example") {
		t.Errorf("the mail came back as %q; want why a link is left alone, and a strange host in plain letters", result)
	}
	g.visit("/console/campaigns/no-such")
	g.take("problem")
	long := strings.Repeat("x", 128)
	clicked(t, p, api, long)
	for name, page := range map[string]string{"campaigns": "campaigns", "campaign": "campaigns/" + long, "links": "links", "link": "links/" + long[:64], "audit": "audit"} {
		g.visit("/console/" + page)
		g.take("long-" + name)
	}
	t.Logf("%d pictures in %s; axe judged %d of them and found nothing serious", g.taken, g.dir, g.judged)
}

// The same of what is looked at while clicks arrive faster than they are counted, after that, and when nobody answers.
func TestPicturesOfClicks(t *testing.T) {
	t.Parallel()
	p, api := alone(t, map[string]string{"LONGTAIL_INSERT_RATE": "40"})
	s := campaign(t, p, api)
	call(t, api, "PUT", "/api/v1/campaigns/"+s.Crowd.ID, map[string]string{"name": "Spring sale"})
	g := hang(t, p)
	page := "/console/campaigns/" + s.Crowd.ID
	g.visit(page)
	run := s.Start(t, p.URL(), 1000, 100)
	g.until(stepLimit, "clicks that wait", func() bool { return g.number("#waiting") > 50 })
	g.take("running-campaign")
	g.visit("/console/pipeline")
	g.until(stepLimit, "some seconds of clicks that wait", func() bool { return ask[int](g.tab, `lived[0].length`) > 3 && g.text(".way .holds") != "" })
	g.take("running-pipeline")

	stage.AllAnswered(t, s.Judge(t, run.Answers()))
	g.visit(page)
	g.until(stepLimit, "a live page", func() bool { return ask[int](g.tab, `lived[0].length`) > 2 && g.number("#clicks") == 1000 })
	g.take("drained-campaign")
	if err := p.Pause(); err != nil {
		t.Fatal(err)
	}
	g.until(stepLimit, "a page that says how old its figures are", func() bool {
		return silent.MatchString(g.text("#stale"))
	})
	g.take("api-down-campaign")
	if err := p.Cont(); err != nil {
		t.Fatal(err)
	}
	g.until(stepLimit, "a page that is true again", func() bool { return g.text("#stale") == "" })
	t.Logf("%d pictures in %s; axe judged %d of them and found nothing serious", g.taken, g.dir, g.judged)
}

// silent is what a page says whose server is; the number of seconds grows.
var silent = regexp.MustCompile(`^No answer for ([89]|[1-9]\d+) s; figures from `)

// outside are the cells of tables that lie beside the screen, by what they say.
const outside = `[...document.querySelectorAll(".cells tbody :is(td, th)")].filter((e) => e.getBoundingClientRect().right > innerWidth).map((e) => e.innerText)`

// clicked makes a campaign, and a link with a click, of names as long as they may be.
func clicked(t *testing.T, p *stack.Program, api *platform.API, long string) {
	t.Helper()
	call(t, api, "POST", "/api/v1/links", map[string]any{
		"url": "https://" + strings.Repeat("sub.", 40) + "example/" + long, "campaign": long, "code": long[:64], "name": long, "tags": []string{long[:64]},
	})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.URL()+"/"+long[:64], nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultTransport.RoundTrip(req) // goes nowhere
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	stage.Until(t, stepLimit, func() string { return "a click that is counted" }, func() bool {
		r, err := api.Results(t.Context(), long)
		return err == nil && r.Clicks == 1
	})
}

// A gallery is a tab whose pages are photographed.
type gallery struct {
	*tab
	dir    string
	taken  int
	judged int // by axe
}

func hang(t *testing.T, p *stack.Program) *gallery {
	t.Helper()
	root, err := stack.Root()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(root, pictures)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	g := &gallery{tab: open(t, p.APIURL()), dir: dir}
	g.visit("/console/")
	g.take("sign-in")
	g.signIn(testKey)
	return g
}

// state takes pages in one state.
func (g *gallery) state(name string, pages ...string) {
	g.Helper()
	for _, page := range pages {
		g.visit(page)
		part := strings.Split(page, "/")
		shown := part[2]
		if shown == "links" && len(part) > 3 {
			shown = "link"
		}
		g.take(name + "-" + shown)
	}
}

// send fills in a form of a page, sends it and waits for the answer.
func (g *gallery) send(page, form string, values map[string]string) {
	g.Helper()
	g.visit(page)
	text, err := json.Marshal(values)
	if err != nil {
		g.Fatal(err)
	}
	ask[int](g.tab, fmt.Sprintf(`window.asked = true; (() => { const form = document.getElementById(%q);
		for (const [name, value] of Object.entries(%s)) form.elements[name].value = value;
		form.requestSubmit(); })(); 0`, form, text))
	g.until(stepLimit, "an answer", func() bool { return ask[bool](g.tab, `!window.asked && document.readyState === "complete"`) })
}

// fits changes the screen, and reports what of the present page lies beside it.
func (g *gallery) fits(name string, l look) {
	g.Helper()
	g.as(l)
	ask[int](g.tab, `new Promise((then) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => then(0), 50))))`) // charts follow the screen
	if wide := ask[int](g.tab, `document.documentElement.scrollWidth - innerWidth`); wide > 0 {
		g.Errorf("%s is %d pixels wider than a screen of %d", name, wide, l.width)
	}
	if beside := ask[[]string](g.tab, outside); len(beside) > 0 {
		g.Errorf("%s on a screen of %d: cells that nobody sees without scrolling: %q", name, l.width, beside)
	}
}

// take photographs the present page on every screen.
func (g *gallery) take(name string) {
	g.Helper()
	g.fits(name, look{768, "light"})
	for _, l := range looks {
		g.fits(name, l)
		picture, err := chromedp.Run(g.ctx, chromedp.FullScreenshot(100))
		if err != nil {
			g.Fatal(err)
		}
		file := fmt.Sprintf("%s-%d-%s.png", name, l.width, l.scheme)
		if err := os.WriteFile(filepath.Join(g.dir, file), picture, 0o644); err != nil {
			g.Fatal(err)
		}
		g.taken++
		if l == looks[0] || l == looks[3] { // each scheme and each width
			for _, barrier := range g.barriers() {
				g.Errorf("%s, %v: %s", name, l, barrier)
			}
			g.judged++
		}
	}
}
