package rewrite

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"longtail/shared/link"
)

// ours is the tracking domain of these tests.
func ours(t link.Target) bool { return t.Host == "go.example" }

var plain = Options{Tracked: ours}

// store gives every target a tracked URL, the same one each time.
func store(targets []Target) map[string]Stored {
	stored := make(map[string]Stored)
	for i, t := range targets {
		stored[t.URL] = Stored{TrackedURL: "https://go.example/c" + strconv.Itoa(i)}
	}
	return stored
}

func run(p *Plan, token string) Result { return p.Apply(store(Targets(p)), token) }

// back undoes the edits from what stands in the output alone.
func back(tb testing.TB, r Result) string {
	tb.Helper()
	var b strings.Builder
	at, moved := 0, 0
	for _, e := range r.Edits {
		start := e.At + moved
		if !strings.HasPrefix(r.Output[start:], e.New) {
			tb.Fatalf("%q does not stand at %d of the output", e.New, start)
		}
		b.WriteString(r.Output[at:start] + e.Old)
		at = start + len(e.New)
		moved += len(e.New) - len(e.Old)
	}
	return b.String() + r.Output[at:]
}

// mails returns those of the repository, and the real ones that lie beside it if they do.
func mails(tb testing.TB) map[string]string {
	tb.Helper()
	found := make(map[string]string)
	for _, pattern := range []string{"testdata/*.html", "../../../../shared/data/mail/*.html"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			tb.Fatal(err)
		}
		for _, name := range names {
			raw, err := os.ReadFile(name)
			if err != nil {
				tb.Fatal(err)
			}
			found[filepath.Base(name)] = string(raw)
		}
	}
	return found
}

// TestMails: mapped back every mail is what it was, rewritten twice nothing happens any more.
func TestMails(t *testing.T) {
	all := mails(t)
	for name, source := range all {
		p := HTML(source, plain)
		r := run(p, "")
		judgeHTML(t, source, r)
		if back(t, r) != source {
			t.Errorf("%s: mapped back it is another mail", name)
		}
		off := slices.ContainsFunc(r.Skipped, func(s Skip) bool { return s.Reason == Off }) // the mark is gone
		if again := run(HTML(r.Output, plain), ""); !off && again.Output != r.Output {
			t.Errorf("%s: rewritten again it changes: %+v", name, again.Links)
		}
		twice := run(HTML(source, plain), "")
		if twice.Output != r.Output {
			t.Errorf("%s: two rewritings differ", name)
		}
		occurrences := 0
		for _, l := range r.Links {
			occurrences += l.Occurrences
		}
		t.Logf("%s: %d bytes, %d links, %d places, %d left", name, len(source), len(r.Links), occurrences, len(r.Skipped))
	}
}

func TestOutlook(t *testing.T) {
	source := mails(t)["outlook.html"]
	r := run(HTML(source, plain), "{{token}}")
	for old, now := range map[string]string{
		`HREF="https://shop.example/order?id=7&amp;from=mail"`:                                                                `HREF="https://go.example/c0/{{token}}"`,
		`href='https://shop.example/order?id=7&amp;from=mail'`:                                                                `href='https://go.example/c0/{{token}}'`,
		`href="https://shop.example/order?id=7&amp;from=mail" style=`:                                                         `href="https://go.example/c0/{{token}}" style=`,
		`href=https://shop.example/map?x=1&y=2 alt`:                                                                           `href=https://go.example/c1/{{token}} alt`,
		`href="https://shop.example/vip?name={{ user.name | default: "friend" }}&amp;tier=gold&amp;email={{user.email}}#top"`: `href="https://go.example/c2/{{token}}?name={{ user.name | default: "friend" }}&amp;email={{user.email}}"`,
		`<a data-longtail="off" href="https://shop.example/plain">`:                                                           `<a href="https://shop.example/plain">`,
	} {
		if strings.Count(source, old) != 1 || strings.Count(r.Output, old) != 0 || strings.Count(r.Output, now) != 1 {
			t.Errorf("%s\n stands %d times, want\n%s", old, strings.Count(r.Output, old), now)
		}
	}
	want := []Link{
		{"https://shop.example/order?id=7&from=mail", "https://go.example/c0", 3},
		{"https://shop.example/map?x=1&y=2", "https://go.example/c1", 1},
		{"https://shop.example/vip?tier=gold#top", `https://go.example/c2?name={{ user.name | default: "friend" }}&amp;email={{user.email}}`, 1},
	}
	if !slices.Equal(r.Links, want) {
		t.Errorf("%+v", r.Links)
	}
	if got := Targets(HTML(source, plain)); !slices.Equal(got[2].Forward, []string{"name", "email"}) || got[0].Forward != nil {
		t.Errorf("%+v", got)
	}
	wantSkips(t, r.Skipped, "24 mailto", "24 tel", "24 sms", "25 anchor", "25 merge_tag", "25 merge_tag_in_path", "26 merge_tag_in_path", "26 off", "27 unsubscribe")
}

func wantSkips(t *testing.T, got []Skip, want ...string) {
	t.Helper()
	var found []string
	for _, s := range got {
		found = append(found, fmt.Sprintf("%d %s", s.Line, s.Reason))
	}
	if !slices.Equal(found, want) {
		t.Errorf("skipped %q, want %q", found, want)
	}
}

func TestNewsletter(t *testing.T) {
	source := mails(t)["newsletter.html"]
	r := run(HTML(source, plain), "")
	want := []Link{
		{"https://news.example/a?utm_medium=email", "https://go.example/c0?m=*|EMAIL|*", 1},
		{"https://news.example/b", "https://go.example/c1", 1},
		{"https://news.example/c", "https://go.example/c2?x=%7B%7Bname%7D%7D&y=[[segment]]&z=${last}", 1},
		{"https://news.example/vip", "https://go.example/c3", 1},
		{"https://news.example/d", "https://go.example/c4?q=%%first name%%", 1},
		{"https://news.example/e?d=4", "https://go.example/c5?a=1{% if x > 3 %}&amp;b=2&amp;c=3{% endif %}", 1},
	}
	if !slices.Equal(r.Links, want) {
		t.Errorf("%+v", r.Links)
	}
	wantSkips(t, r.Skipped, "5 merge_tag", "14 merge_tag")
	if back(t, r) != source {
		t.Error("mapped back it is another mail")
	}
}

func TestText(t *testing.T) {
	raw, err := os.ReadFile("testdata/letter.txt")
	if err != nil {
		t.Fatal(err)
	}
	source := string(raw)
	o := plain
	o.Unsubscribe = map[string]bool{"https://news.example/unsubscribe?u=1": true}
	r := run(Text(source, o), "{{t}}")
	for _, now := range []string{
		"read https://go.example/c0/{{t}} (or <https://go.example/c1/{{t}}>).\n", "Wiki: https://go.example/c2/{{t}}, and (https://go.example/c3/{{t}}).\n",
		"Yours: https://go.example/c4/{{t}}?email={{ user.email }}.\nNot http://, not xhttps://news.example/e, not www.news.example\n",
	} {
		if !strings.Contains(r.Output, now) {
			t.Errorf("%q is missing in\n%s", now, r.Output)
		}
	}
	wantSkips(t, r.Skipped, "7 merge_tag_in_path", "9 unsubscribe")
	if back(t, r) != source || r.Links[1].URL != "https://news.example/b?x=1&y=2" || r.Links[2].URL != "https://en.wiki.example/Go_(language)" {
		t.Errorf("%+v", r.Links)
	}
	if again := run(Text(r.Output, plain), ""); len(again.Links) != 1 {
		t.Errorf("again: %+v", again.Links)
	}
}

// TestStaysWhole: a link that could not be stored stays, and the report says why.
func TestStaysWhole(t *testing.T) {
	source := "<a href='https://a.example/'>\n<a href=https://b.example/?x={{x}}>\n<a href=https://c.example>"
	r := HTML(source, plain).Apply(map[string]Stored{
		"https://a.example/": {Reason: link.RuleURLHost}, "https://c.example": {TrackedURL: "https://go.example/c"}}, "")
	if r.Output != strings.Replace(source, "https://c.example", "https://go.example/c", 1) {
		t.Error(r.Output)
	}
	wantSkips(t, r.Skipped, "1 url_host", "2 not_stored")
	if r.Skipped[1].URL != "https://b.example/?x={{x}}" {
		t.Errorf("%+v", r.Skipped)
	}
}

func TestUTM(t *testing.T) {
	o := Options{UTM: map[string]string{"source": "mail & more", "utm_campaign": "spring", "ref": "x", "content": "a {{seg}}&"}}
	for source, want := range map[string]string{
		"https://a.example":                       "https://a.example?ref=x&utm_source=mail+%26+more&utm_campaign=spring",
		"https://a.example/?":                     "https://a.example/?ref=x&utm_source=mail+%26+more&utm_campaign=spring",
		"https://a.example/?ref=1#f":              "https://a.example/?ref=1&utm_source=mail+%26+more&utm_campaign=spring#f",
		"https://a.example/?utm_campaign={{c}}#f": "https://a.example/?ref=x&utm_source=mail+%26+more#f",
		"https://a.example/?utm%5Fsource=web":     "https://a.example/?utm%5Fsource=web&ref=x&utm_campaign=spring",
	} {
		p := HTML(`<a href="`+source+`">`, o)
		if got := Targets(p); len(got) != 1 || got[0].URL != want {
			t.Errorf("%s:\n%+v, want\n%s", source, got, want)
		}
		if out := run(p, "").Output; !strings.Contains(out, `utm_content=a+{{seg}}%26">`) {
			t.Error(out)
		}
	}
	p := HTML(`<a href="https://a.example/?x={{x}}">`, o)
	if got := run(p, "").Output; got != `<a href="https://go.example/c0?x={{x}}&amp;utm_content=a+{{seg}}%26">` {
		t.Error(got)
	}
}

func TestTargetsTogether(t *testing.T) {
	source := `<a href="https://a.example/?x={{x}}"><a href="https://a.example/?y={{y}}&z={{z}}"><a href="https://a.example/">`
	text := Text("https://a.example/?x={{x}}", plain)
	p := HTML(source, plain)
	got := Targets(p, text)
	if len(got) != 1 || got[0].URL != "https://a.example/" || !slices.Equal(got[0].Forward, []string{"x", "y", "z"}) {
		t.Errorf("%+v", got)
	}
	if r := p.Apply(store(got), ""); len(r.Links) != 3 || r.Output != `<a href="https://go.example/c0?x={{x}}"><a href="https://go.example/c0?y={{y}}&z={{z}}"><a href="https://go.example/c0">` {
		t.Errorf("%+v", r)
	}
}
