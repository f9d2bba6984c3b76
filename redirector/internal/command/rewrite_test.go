package command

import (
	"strings"
	"testing"

	"longtail/redirector/internal/rewrite"
)

func TestRewriteReport(t *testing.T) {
	source := "<p>Hi</p>\r\n<a href=\"https://a.example/?x={{x}}\">one</a> <a href='https://a.example/'>two</a>\r\n" +
		"<a href=\"mailto:\x1b[2Jx@a.example\">three</a> <a href=\"\nhttps://b.example/\n\" data-longtail=\"off\">" + strings.Repeat("ü", 100) + "<a href=https://c.example>"
	var out strings.Builder
	report(&out, "mail.html", source, rewrite.HTML(source, rewrite.Options{}), "https://go.example", "{{t}}")
	want := `--- mail.html
+++ rewritten
@@ line 2 @@
-<a href="https://a.example/?x={{x}}">one</a> <a href='https://a.example/'>two</a>
+<a href="https://go.example/code-1/{{t}}?x={{x}}">one</a> <a href='https://go.example/code-1/{{t}}'>two</a>
@@ line 5 @@
-" data-longtail="off">` + strings.Repeat("ü", 29) + `
+">` + strings.Repeat("ü", 29) + `
@@ line 5 @@
-` + strings.Repeat("ü", 26) + `<a href=https://c.example>
+` + strings.Repeat("ü", 26) + `<a href=https://go.example/code-2/{{t}}>

2 targets:
  code-1, 2 times: https://a.example/ (passes on x)
  code-2, 1 times: https://c.example
2 links left alone:
  line 3: mailto:` + "\ufffd" + `[2Jx@a.example: mailto (writes a mail)
  line 4: https://b.example/: off (marked data-longtail="off")
`
	if out.String() != want {
		t.Errorf("%s\nwant\n%s", out.String(), want)
	}
}

func TestReadMail(t *testing.T) {
	if _, err := readMail("testdata/no-such-mail.html"); err == nil {
		t.Error("a mail that is not there was read")
	}
	if source, err := readMail("../rewrite/testdata/letter.txt"); err != nil || !strings.HasPrefix(source, "Hello {{name}}") {
		t.Errorf("%q %v", source, err)
	}
}
