package console

import (
	_ "embed"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// axe is axe-core 4.14.1 as npm has it (axe.min.js), under the Mozilla Public License 2.0; only tests use it.
//
//go:embed testdata/axe-4.14.1.min.js
var axe string

// barriers are what axe finds on the present page that keeps people from using it.
func (b *tab) barriers() []string {
	b.Helper()
	if !ask[bool](b, `"axe" in window`) {
		b.do(chromedp.Evaluate[chromedp.Void](axe + ";0"))
	}
	found := ask[[]string](b, `axe.run({resultTypes: ["violations"]}).then((r) => r.violations
		.filter((v) => v.impact === "serious" || v.impact === "critical")
		.flatMap((v) => v.nodes.map((n) => v.impact + " " + v.id + ": " + n.target.join(" ") + ": " + n.failureSummary)))`)
	for i := range found {
		found[i] = strings.Join(strings.Fields(found[i]), " ")
	}
	return found
}

// What axe must find, it finds: a picture without words, a button without a name, pale text.
func TestAxeSeesBarriers(t *testing.T) {
	t.Parallel()
	p, _ := alone(t, nil)
	b := open(t, p.APIURL())
	b.visit("/console/sign-in")
	if found := b.barriers(); len(found) != 0 {
		t.Errorf("the sign-in has %q", found)
	}
	ask[int](b, `document.querySelector("main").insertAdjacentHTML("beforeend", '<img src="/console/static/icon.svg"><button></button><p id="pale">pale</p>');
		document.getElementById("pale").style.cssText = "color: #bbb; background: #fff"; 0`)
	if found := b.barriers(); len(found) != 3 {
		t.Errorf("axe found %q; want three barriers", found)
	}
}
