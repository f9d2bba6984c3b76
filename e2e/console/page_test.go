package console

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"longtail/e2e/stack"
)

// The first page is small, comes from here alone, and our own script is short.
func TestWeight(t *testing.T) {
	t.Parallel()
	p, api := alone(t, nil)
	s := campaign(t, p, api)
	b := signedIn(t, p.APIURL(), testKey)
	for _, page := range []string{"/console/campaigns", "/console/campaigns/" + s.Crowd.ID} {
		b.visit(page)
		const entries = `[...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]`
		for _, from := range ask[[]string](b, entries+`.map((e) => e.name)`) {
			if !strings.HasPrefix(from, b.base+"/") {
				t.Errorf("%s needs %s", page, from)
			}
		}
		weight := ask[int](b, entries+`.reduce((sum, e) => sum + e.decodedBodySize, 0)`)
		if weight < 50_000 || weight > 120_000 {
			t.Errorf("%s weighs %d bytes; want 120,000 at most", page, weight)
		}
		t.Logf("%s weighs %d bytes, in %d requests", page, weight, ask[int](b, entries+`.length`))
	}
	root, err := stack.Root()
	if err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile(filepath.Join(root, "redirector/internal/console/static/console.js"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Count(string(script), "\n")
	if lines > 400 {
		t.Errorf("our script has %d lines; want 400 at most", lines)
	}
	t.Logf("our script has %d lines", lines)
}

// Whoever has only a keyboard sees where they are, passes by the navigation, and makes a link.
func TestKeyboardAlone(t *testing.T) {
	t.Parallel()
	p, _ := alone(t, nil)
	b := signedIn(t, p.APIURL(), testKey)
	b.visit("/console/links")
	b.press(kb.Tab)
	if at := b.focus(); !at.Visible || at.Text != "Skip to content" {
		t.Errorf("the first stop is %+v; want a link past the navigation", at)
	}
	b.press(kb.Enter)
	stops := 0
	for b.press(kb.Tab); b.focus().Name != "url"; b.press(kb.Tab) {
		at := b.focus()
		if !at.Outlined || !at.Visible || !at.InMain {
			t.Errorf("stop %d after the navigation: %+v; want it seen, and on the page", stops, at)
		}
		if stops++; stops > 30 {
			t.Fatal("no way to the form's first field")
		}
	}
	b.press("https://shop.example/by-keyboard")
	b.press(kb.Tab)
	b.press("by-keyboard")
	b.press(kb.Enter)
	b.do(chromedp.WaitReady(chromedp.CSS(".note.good")))
	if !strings.Contains(b.text("main"), "https://shop.example/by-keyboard") {
		t.Errorf("no link was made; the page says %q", b.text("main"))
	}
	t.Logf("%d stops from the page's beginning to its form", stops)
}

func (b *tab) press(keys string) { b.Helper(); b.do(chromedp.KeyEvent(keys)) }

// A stop is where the focus is.
type stop struct {
	Name, Text                string
	Visible, Outlined, InMain bool
}

func (b *tab) focus() stop {
	b.Helper()
	return ask[stop](b, `(() => {
		const e = document.activeElement, box = e.getBoundingClientRect(), look = getComputedStyle(e);
		return {Name: e.name || "", Text: e.innerText || "", InMain: document.querySelector("main").contains(e),
			Visible: box.width > 0 && box.left >= 0 && box.top >= 0 && box.bottom <= innerHeight,
			Outlined: look.outlineStyle !== "none" && parseFloat(look.outlineWidth) >= 2};
	})()`)
}
