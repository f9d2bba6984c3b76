package console

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"longtail/e2e/stage"
)

// stepLimit bounds one step of a browser on a busy machine.
const stepLimit = 30 * time.Second

// A tab of the browser, on one console.
type tab struct {
	*testing.T
	ctx  context.Context
	base string // without a trailing slash
}

// open opens a tab that shares nothing with others.
func open(t *testing.T, base string) *tab {
	t.Helper()
	ctx, closeTab := chromedp.NewContext(chromium, chromedp.WithNewBrowserContext())
	t.Cleanup(closeTab)
	return &tab{t, ctx, base}
}

// signedIn opens a tab and signs in through the page.
func signedIn(t *testing.T, base, key string) *tab {
	t.Helper()
	b := open(t, base)
	b.visit("/console/")
	b.signIn(key)
	return b
}

// signIn fills in the form that is shown.
func (b *tab) signIn(key string) {
	b.Helper()
	b.do(chromedp.SendKeys(chromedp.CSS("input[name=key]"), key+"\r"), chromedp.WaitReady(chromedp.CSS("nav")))
}

// do does steps, which fail the test.
func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, stepLimit)
	defer cancel()
	// The first step of a tab opens it: with a limit of its own it would be closed with that.
	if chromedp.FromContext(b.ctx).Target == nil {
		ctx = b.ctx
	}
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.Fatal(err)
	}
}

// visit goes to a page and waits until it is loaded.
func (b *tab) visit(path string) { b.Helper(); b.do(chromedp.Navigate(b.base + path)) }

// ask evaluates an expression on the page; a promise is awaited.
func ask[T any](b *tab, expression string) T {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, stepLimit)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.Fatalf("%.80s: %v", expression, err)
	}
	return v
}

// text is what stands in an element, "" when there is none.
func (b *tab) text(css string) string {
	b.Helper()
	return ask[string](b, fmt.Sprintf(`document.querySelector(%q)?.innerText ?? ""`, css))
}

// number is a figure of the page, -1 when it is not there.
func (b *tab) number(css string) int {
	b.Helper()
	n := -1
	_, _ = fmt.Sscan(strings.ReplaceAll(b.text(css), "\u202f", ""), &n)
	return n
}

// until waits for the page to be as it should.
func (b *tab) until(limit time.Duration, what string, is func() bool) time.Duration {
	b.Helper()
	begin := time.Now()
	stage.Until(b.T, limit, func() string { return what + "; the page says: " + b.text("main") }, is)
	return time.Since(begin).Round(10 * time.Millisecond)
}

// A look is how somebody's screen is.
type look struct {
	width  int64
	scheme string
}

// looks are what every page must be good at.
var looks = []look{{390, "light"}, {390, "dark"}, {1440, "light"}, {1440, "dark"}}

// as changes the screen.
func (b *tab) as(l look) {
	b.Helper()
	b.do(chromedp.EmulateViewport(l.width, 900), chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		media := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.scheme}}
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: media})
		return err
	}))
}
