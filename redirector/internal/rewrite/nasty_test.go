package rewrite

import (
	"strings"
	"testing"
)

// TestNasty goes through forms that break rewriters: what comes out, what is left, and the way back.
func TestNasty(t *testing.T) {
	const c = "https://go.example/c0"
	for name, x := range map[string]struct{ source, want, skips string }{
		"double":             {`<a href="https://a.example/">x</a>`, `<a href="` + c + `">x</a>`, ""},
		"single":             {`<a href='https://a.example/'>`, `<a href='` + c + `'>`, ""},
		"unquoted":           {`<a href=https://a.example/>x</a>`, `<a href=` + c + `>x</a>`, ""},
		"upper case":         {`<A HREF="HTTPS://A.EXAMPLE/X">`, `<A HREF="` + c + `">`, ""},
		"spaces around =":    {"<a href \n=\t \"https://a.example/\" >", "<a href \n=\t \"" + c + "\" >", ""},
		"white space in it":  {"<a href=\"\r\n https://a.example/\t\">", "<a href=\"\r\n " + c + "\t\">", ""},
		"newlines in it":     {"<a href=\"https://a.exam\r\n\tple/\">", `<a href="` + c + `">`, ""},
		"entity newlines":    {`<a href="&#10;https://a.example/&#x20;">`, `<a href="&#10;` + c + `&#x20;">`, ""},
		"space in it":        {`<a href="https://a.example/a b">`, `<a href="https://a.example/a b">`, "url_ambiguous"},
		"duplicate":          {`<a href="https://a.example/" href="https://b.example/">`, `<a href="` + c + `" href="https://b.example/">`, ""},
		"no space between":   {`<a class="x"href="https://a.example/"id=y>`, `<a class="x"href="` + c + `"id=y>`, ""},
		"slashes":            {`<a/href="https://a.example/"/>`, `<a/href="` + c + `"/>`, ""},
		"quote in a name":    {`<a "href="https://a.example/">`, `<a "href="https://a.example/">`, ""},
		"> in a value":       {`<a title="a>b" href="https://a.example/">`, `<a title="a>b" href="` + c + `">`, ""},
		"= before a name":    {`<a =href="https://a.example/">`, `<a =href="https://a.example/">`, ""},
		"data-href":          {`<a data-href="https://a.example/" xhref="https://a.example/">`, `<a data-href="https://a.example/" xhref="https://a.example/">`, ""},
		"no value":           {`<a href>`, `<a href>`, "empty"},
		"empty value":        {`<a href= >`, `<a href= >`, "empty"},
		"entities":           {`<a href="&#104;ttps&colon;&#x2F;&sol;a.example/?a=1&amp;b=2">`, `<a href="` + c + `">`, ""},
		"not entities":       {`<a href="https://a.example/?a=1&copy=2&para&not;x">`, `<a href="` + c + `">`, ""},
		"no semicolon":       {`<a href="https://a.example/?a=1&ampb=2&amp">`, `<a href="` + c + `">`, ""},
		"area":               {`<area shape=rect href=https://a.example/>`, `<area shape=rect href=` + c + `>`, ""},
		"vml":                {`<v:rect href="https://a.example/"><v:OVAL hRef='https://a.example/'/>`, `<v:rect href="` + c + `"><v:OVAL hRef='` + c + `'/>`, ""},
		"not links":          {`<link href="https://a.example/"><base href="https://a.example/"><form action="https://a.example/"><img src="https://a.example/"><abbr href="https://a.example/">`, "", ""},
		"conditional":        {`<!--[if mso]><a href="https://a.example/"><![endif]-->`, `<!--[if mso]><a href="` + c + `"><![endif]-->`, ""},
		"conditional spaces": {"<!-- \n[IF (gte mso 9)|(IE)]><a href=\"https://a.example/\"><![endif]-->", "<!-- \n[IF (gte mso 9)|(IE)]><a href=\"" + c + "\"><![endif]-->", ""},
		"nested conditional": {`<!--[if mso]><!--[if gte mso 9]><a href="https://a.example/"><![endif]--><a href=https://a.example/><![endif]-->`,
			`<!--[if mso]><!--[if gte mso 9]><a href="` + c + `"><![endif]--><a href=` + c + `><![endif]-->`, ""},
		"unclosed conditional": {`<!--[if mso]><a href="https://a.example/">`, `<!--[if mso]><a href="` + c + `">`, ""},
		"revealed":             {`<!--[if !mso]><!--><a href="https://a.example/"><!--<![endif]-->`, `<!--[if !mso]><!--><a href="` + c + `"><!--<![endif]-->`, ""},
		"revealed bare":        {`<![if !mso]><a href="https://a.example/"><![endif]>`, `<![if !mso]><a href="` + c + `"><![endif]>`, ""},
		"comment":              {`<!-- [x] <a href="https://a.example/"> -->`, `<!-- [x] <a href="https://a.example/"> -->`, ""},
		"cdata":                {`<![CDATA[<a href="https://a.example/">]]>`, "", ""},
		"raw text":             {`<script><a href="https://a.example/"></script><style><a href="https://a.example/"></style><textarea><a href="https://a.example/"></textarea><title><a href="https://a.example/"></title><xmp><a href="https://a.example/"></xmp>`, "", ""},
		"noscript":             {`<noscript><a href="https://a.example/"></noscript>`, `<noscript><a href="` + c + `"></noscript>`, ""},
		"a at the end":         {`x<a`, `x<a`, ""},
		"cut tag":              {`<a href="https://a.example/"`, `<a href="https://a.example/"`, ""},
		"cut value":            {`<a href="https://a.example/>x</a>`, `<a href="https://a.example/>x</a>`, ""},
		"broken nesting":       {`<table><a href="https://a.example/"><p></a></table></p></a>`, `<table><a href="` + c + `"><p></a></table></p></a>`, ""},
		"byte order mark":      {"\ufeff<a href=\"https://a.example/\">", "\ufeff<a href=\"" + c + "\">", ""},
		"latin-1":              {"<p>\xe4\xf6</p><a href=\"https://a.example/\" title=\"\xfc\">", "<p>\xe4\xf6</p><a href=\"" + c + "\" title=\"\xfc\">", ""},
		"latin-1 inside":       {"<a href=\"https://a.example/\xe4\">", "<a href=\"https://a.example/\xe4\">", "url_control"},
		"nul":                  {"\x00<a\x00 href=\"https://b.example/\"><a href=\"https://a.example/\">", "\x00<a\x00 href=\"https://b.example/\"><a href=\"" + c + "\">", ""},
		"nul before":           {"<a href=\x00https://a.example/>", "<a href=\x00https://a.example/>", "relative"},
		"crlf":                 {"a\r\n<a\r\nhref=\"https://a.example/\"\r\n>\r\n", "a\r\n<a\r\nhref=\"" + c + "\"\r\n>\r\n", ""},
		"quoted-printable":     {`<a href=3D"https://a.example/?a=3D1">`, `<a href=3D"https://a.example/?a=3D1">`, "relative"},
		"relative":             {`<a href="/x"><a href="//a.example/"><a href="?q">`, "", "relative relative relative"},
		"schemes":              {`<a href="javascript:x()"><a href="cid:1"><a href="ftp://a.example/"><a href="data:,x">`, "", "scheme scheme scheme scheme"},
		"breaks a rule":        {`<a href="https://u:p@a.example/"><a href="https:/a.example"><a href="https://a.example:0/">`, "", "url_userinfo url_absolute url_port"},
		"tracked":              {`<a href="https://go.example/c/{{t}}?x={{y}}"><a href="HTTPS://GO.example">`, "", "tracked tracked"},
		"off":                  {`<a DATA-LONGTAIL = 'Off' href="https://a.example/">`, `<a href="https://a.example/">`, "off"},
		"off behind unquoted":  {`<a href=https://a.example data-longtail=off/><a href=https://a.example data-longtail="off"/>`, `<a href=` + c + ` data-longtail=off/><a href=https://a.example />`, "off"},
		"off without space":    {`<a data-longtail="off"href="https://a.example/">`, `<a href="https://a.example/">`, "off"},
		"number of one digit":  {`<a href="https://a.example/?x&#3y">`, `<a href="https://a.example/?x&#3y">`, "url_control"},
		"NUL in the name":      {"<v:\x00\x00\x00\x00 x=\"  href=https://a.example/\">", "<v:\x00\x00\x00\x00 x=\"  href=https://a.example/\">", ""},
		"off before equals":    {`<a b data-longtail="off" =c href="https://a.example/">`, `<a b data-longtail="off" =c href="https://a.example/">`, "off"},
		"off behind a slash":   {`<a href="https://a.example/" / data-longtail="off">`, `<a href="https://a.example/" / data-longtail="off">`, "off"},
		"off twice":            {`<a href="mailto:x" data-longtail="off" data-longtail=off>`, `<a href="mailto:x">`, "off"},
		"off elsewhere":        {`<p data-longtail="off"><a href="https://a.example/">`, `<p data-longtail="off"><a href="` + c + `">`, ""},
		"another mark":         {`<a data-longtail="on" href="https://a.example/">`, `<a data-longtail="on" href="` + c + `">`, ""},
		"unsubscribe":          {`<a data-longtail=unsubscribe href="https://a.example/"><a rel=Unsubscribe href="https://a.example/">`, `<a href="https://a.example/"><a rel=Unsubscribe href="https://a.example/">`, "unsubscribe unsubscribe"},
		"template around":      {`<a {{#if a}}href="https://a.example/"{{else}}href="https://a.example/"{{/if}}>`, `<a {{#if a}}href="` + c + `"{{else}}href="` + c + `"{{/if}}>`, ""},
		"template inside":      {`<a href="{{#if a}}https://a.example/{{else}}https://b.example/{{/if}}">`, "", "merge_tag_in_path"},
		"template with >":      {`{% if a > 1 and b <c %}<a href="https://a.example/">{% endif %}`, `{% if a > 1 and b <c %}<a href="` + c + `">{% endif %}`, ""},
		"template comment":     {`{{!-- <a href="https://a.example/"> --}}`, `{{!-- <a href="https://a.example/"> --}}`, ""},
		"only merge tags":      {`<a href=" {{a}} *|B|* ">`, `<a href=" {{a}} *|B|* ">`, "merge_tag"},
		"merge tag in a name":  {`<a href="https://a.example/?{{n}}=1"><a href="https://a.example/?{{all}}"><a href="https://a.example/?={{x}}">`, "", "merge_tag_in_name merge_tag_in_name merge_tag_in_name"},
		"merge tag behind #":   {`<a href="https://a.example/#{{x}}">`, `<a href="https://a.example/#{{x}}">`, "merge_tag_in_fragment"},
		"unclosed merge tag":   {`<a href="https://a.example/?x={{y">`, `<a href="` + c + `">`, ""},
		"percent signs":        {`<a href="https://a.example/?x=100%%25">`, `<a href="` + c + `">`, ""},
		"three braces":         {`<a href="https://a.example/?x={{{y}}}&z=1">`, `<a href="` + c + `?x={{{y}}}">`, ""},
		"decides":              {`<a href="https://a.example/?a=1{{#if x}}&b=2&c=3{{/if}}&d=4">`, `<a href="` + c + `?a=1{{#if x}}&b=2&c=3{{/if}}">`, ""},
		"named by escapes":     {`<a href="https://a.example/?a%5B%5D={{x}}&amp;k=1">`, `<a href="` + c + `?a%5B%5D={{x}}">`, ""},
	} {
		if x.want == "" {
			x.want = x.source
		}
		r := run(HTML(x.source, plain), "")
		if r.Output != x.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, r.Output, x.want)
		}
		var skips []string
		for _, s := range r.Skipped {
			skips = append(skips, string(s.Reason))
		}
		if got := strings.Join(skips, " "); got != x.skips {
			t.Errorf("%s: skipped %q, want %q", name, got, x.skips)
		}
		if back(t, r) != x.source {
			t.Errorf("%s: mapped back it is another mail", name)
		}
		judgeHTML(t, x.source, r)
	}
}

// TestReadTargets: what is stored is what a browser would open.
func TestReadTargets(t *testing.T) {
	for source, want := range map[string]Target{
		`<a href="https://a.example/?a=1&amp;b=2&#38;c=3&#x26d=4">`:            {URL: "https://a.example/?a=1&b=2&c=3\u026d=4"},
		`<a href="https://a.example/?a=1&copy=2&reg;&amp">`:                    {URL: "https://a.example/?a=1&copy=2®&"},
		`<a href="https://a.example/?&ampx&notit;&#xZ;&#;&unknown;">`:          {URL: "https://a.example/?&ampx&notit;&#xZ;&#;&unknown;"},
		`<a href="https://a.example/&semi;&fjlig;&#47x">`:                      {URL: "https://a.example/;fj/x"},
		"<a href='https://a.example/?a\n=1\t'>":                                {URL: "https://a.example/?a=1"},
		`<a href="https://a.example?x={{x}}#f">`:                               {URL: "https://a.example#f", Forward: []string{"x"}},
		`<a href="https://a.example/?k=1&amp;x=a{{x}}b&amp;l=2&amp;x=c">`:      {URL: "https://a.example/?k=1&l=2&x=c", Forward: []string{"x"}},
		`<a href="https://a.example/?x+y={{x}}&x%20z=*%7CQ%7C*&">`:             {URL: "https://a.example/?", Forward: []string{"x y", "x z"}},
		`<a href="https://a.example/?q={{ a ? b # c & d }}&amp;r={{ &lt; }}">`: {URL: "https://a.example/", Forward: []string{"q", "r"}},
	} {
		got := Targets(HTML(source, plain))
		if len(got) != 1 || got[0].URL != want.URL || strings.Join(got[0].Forward, "|") != strings.Join(want.Forward, "|") {
			t.Errorf("%s:\n%+v, want\n%+v", source, got, want)
		}
	}
}
