package console

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"longtail/e2e/stack"
	"longtail/e2e/stage"
)

// pictures is where the screenshots go, below the root of the repository.
const pictures = "bin/console"

// TestPictures takes a screenshot of the console in each of its states on each kind of screen. In every one of them the
// page is no wider than the screen, and axe finds nothing serious.
func TestPictures(t *testing.T) {
	t.Parallel()
	root, err := stack.Root()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(root, pictures)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	p, api := alone(t, map[string]string{"LONGTAIL_INSERT_RATE": "60"})
	b := &gallery{tab: signedIn(t, p.APIURL(), testKey), dir: dir}
	t.Logf("pictures are in %s", dir)

	b.as(looks[0])
	b.state("empty", "/console/campaigns", "/console/links", "/console/pipeline", "/console/keys", "/console/domains", "/console/audit", "/console/rewrite")

	s := campaign(t, p, api)
	page := "/console/campaigns/" + s.Crowd.ID
	b.visit(page)
	run := s.Start(t, p.URL(), 900, 90)
	b.until(stepLimit, "clicks that wait", func() bool { return b.number("#waiting") > 100 })
	b.take("running-campaign")
	b.visit("/console/pipeline")
	stage.Pass(t, 4*time.Second)
	b.take("running-pipeline")

	stage.AllAnswered(t, s.Judge(t, run.Answers()))
	b.visit(page)
	b.take("drained-campaign")
	code := s.Crowd.Links[0].Code
	b.state("drained", "/console/campaigns", "/console/links", "/console/links/"+code, "/console/pipeline", "/console/audit")

	b.visit(page)
	b.until(stepLimit, "a live page", func() bool { return b.number("#clicks") == 900 })
	if err := p.Pause(); err != nil {
		t.Fatal(err)
	}
	b.until(stepLimit, "a page that says how old its figures are", func() bool { return strings.HasPrefix(b.text("#stale"), "No answer for 8 s; figures from ") })
	b.take("api-down-campaign")
	if err := p.Cont(); err != nil {
		t.Fatal(err)
	}
	b.until(stepLimit, "a page that is true again", func() bool { return b.text("#stale") == "" })
	t.Logf("%d pictures; axe judged %d of them and found nothing serious", b.taken, b.judged)
}

// A gallery is a tab whose pages are photographed.
type gallery struct {
	*tab
	dir    string
	taken  int
	judged int // by axe
}

// state takes pages in one state.
func (g *gallery) state(name string, pages ...string) {
	g.Helper()
	for _, page := range pages {
		g.visit(page)
		g.take(name + "-" + strings.Split(page, "/")[len(strings.Split(page, "/"))-1])
	}
}

// take photographs the present page on every screen.
func (g *gallery) take(name string) {
	g.Helper()
	for _, l := range looks {
		g.as(l)
		ask[int](g.tab, `new Promise((then) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => then(0), 50))))`) // charts follow the screen
		if wide := ask[int](g.tab, `document.documentElement.scrollWidth - innerWidth`); wide > 0 {
			g.Errorf("%s is %d pixels wider than a screen of %d", name, wide, l.width)
		}
		picture, err := chromedp.Run(g.ctx, chromedp.FullScreenshot(100))
		if err != nil {
			g.Fatal(err)
		}
		file := filepath.Join(g.dir, fmt.Sprintf("%s-%d-%s.png", name, l.width, l.scheme))
		if err := os.WriteFile(file, picture, 0o644); err != nil {
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
