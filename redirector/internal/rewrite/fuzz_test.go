package rewrite

import (
	"strings"
	"syscall"
	"testing"
	"time"
)

// FuzzRewrite: whatever comes in, nothing panics, the way back is exact, and nothing but targets of links has changed.
func FuzzRewrite(f *testing.F) {
	for _, source := range mails(f) {
		for line := range strings.Lines(source) { // short ones, which the fuzzer is quick with
			if len(line) < 500 && strings.Contains(strings.ToLower(line), "href") {
				f.Add(line)
			}
		}
	}
	for _, seed := range []string{
		`<a data-longtail=off href=https://a.example/?x={{y}}&amp;z=1#f>`, `<!--[if mso]><!--[if x]><v:rect href='&#104;ttps://a.example'/><![endif]-->`,
		"<A\r\nHREF=\"\n https://a.ex\nample/%%x%% \">", `<area href="https://a.example/?*%7Cx%7C*&{%if%}&${a}&[[b]]">`, "(https://a.example/?q={{ a \" }}).", `<a =href>`,
		`<a b data-longtail="off" =c"https://a.example/">`, `<a b=x/ data-longtail=off>`, `<a /data-longtail=off>`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		for _, p := range []*Plan{HTML(source, plain), Text(source, plain)} {
			r := run(p, "")
			if back(t, r) != source {
				t.Fatalf("mapped back %q is %q", r.Output, back(t, r))
			}
			for _, s := range append(r.Skipped, run(p, "{{t}}").Skipped...) {
				if s.Reason.Words() == "" || s.Line < 1 || s.Line > strings.Count(source, "\n")+1 {
					t.Fatalf("%+v", s)
				}
			}
			if p.html {
				judgeHTML(t, source, r)
			}
		}
	})
}

// A growth is a mail as long as one wants.
type growth struct{ name, before, piece, behind string }

// growths are made of what makes readers slow. The first one is a mail, the others attack.
var growths = []growth{
	{"links", "", "<p>text &amp; more</p>\n<a href=\"https://a.example/?id=1&amp;m={{m}}\">link</a>\r\n", ""},
	{"open tags", "", "<a href=\"https://a.example/\" <a <!--[if x]>", ""},
	{"open braces", "", "{{ {% *| %%a [[ ${ %7b%7b ", ""},
	{"conditionals", "", "<!--[if mso]><!--[if mso]><a href=https://a.example/>", ""},
	{"attributes", "", "<a a=1 b c='", ""},
	{"one tag", "<a ", "href=https://a.example/ rel='x y' {{x}} ", ">"},
	{"one href", "<a href='https://a.example/?", "&amp;{{#if x}}", "'>"},
	{"entities", "", "<a href='&amp;&#1;&x;' >", ""},
	{"urls", "", "https://a.example/?x={{y}}) x://(http://.,)) ", ""},
	{"colons", "", "x://https://)", ""},
	{"brackets", "https://a.example/", ")", ""},
}

// TestLinear: twice the mail takes about twice as long, whatever it is made of. It is this process' own time, and the least
// of some runs; the ratios are printed. A quadratic reader would take 16 times as long for four times the mail: that is what
// fails, not a step that a busy machine made longer.
func TestLinear(t *testing.T) {
	for i, g := range growths {
		size := 128 << 10
		if i == 0 {
			size = 1 << 20
		}
		for try := 1; ; try++ {
			one, two, four := g.cost(t, size), g.cost(t, 2*size), g.cost(t, 4*size)
			t.Logf("%-12s %d bytes %v, twice %v, four times %v: %.2f, %.2f", g.name, size, one, two, four,
				two.Seconds()/one.Seconds(), four.Seconds()/two.Seconds())
			if four.Seconds() <= 10*one.Seconds() {
				break
			}
			if try == 3 {
				t.Fatalf("%s grows faster than the mail", g.name)
			}
		}
	}
}

func (g *growth) cost(t *testing.T, size int) time.Duration {
	t.Helper()
	source := g.before + strings.Repeat(g.piece, size/len(g.piece)) + g.behind
	best := time.Hour
	for range 2 {
		began := spent(t)
		p, q := HTML(source, plain), Text(source, plain)
		run(p, "")
		run(q, "")
		best = min(best, spent(t)-began)
	}
	return best
}

// spent returns how long this process has computed.
func spent(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
