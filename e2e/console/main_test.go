// Package console looks at the console as people do: in Debian's Chromium, on the pages of Longtail's built programs, while
// clicks arrive. What it sees is read off the page and held against the API.
package console

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/chromedp/chromedp"

	"longtail/e2e/stack"
	"longtail/e2e/stage"
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

// chromium is the browser that all tests share; each opens tabs of its own, with cookies of its own.
var chromium context.Context

func run(m *testing.M) int {
	flag.Parse()
	if err := flag.Set("test.parallel", "4"); err != nil { // most of the time they wait for clicks
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	path, err := stack.Tool("chromium")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU)
	allocated, end := chromedp.NewExecAllocator(context.Background(), options...)
	defer end()
	tab, stop := chromedp.NewContext(allocated)
	defer stop()
	if err := chromedp.Do(tab); err != nil {
		fmt.Fprintln(os.Stderr, "start", path+":", err)
		return 1
	}
	chromium = tab
	return stage.Main(m)
}
