package console

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// TestAssets: a page names its files by their versions, which a browser may keep; another version is asked for each time.
func TestAssets(t *testing.T) {
	r := newRig(t)
	cookie, _ := r.signIn(adminKey)
	named := regexp.MustCompile(`"(/console/static/[^"]+)"`).FindAllStringSubmatch(r.body(r.send("GET", "/console/campaigns", cookie, nil)), -1)
	if len(named) != len(versions)-1 { // nobody loads the licence
		t.Errorf("the page names %v; there are %v", named, versions)
	}
	for _, m := range named {
		plain, _, versioned := strings.Cut(m[1], "?v=")
		for address, keep := range map[string]string{m[1]: "max-age=31536000, immutable", plain: "no-cache", plain + "?v=of-yesterday": "no-cache"} {
			res := r.send("GET", address, "", nil)
			if res.StatusCode != http.StatusOK || res.Header.Get("Cache-Control") != keep || !versioned {
				t.Errorf("%s: %s, %q; want %q", address, res.Status, res.Header.Get("Cache-Control"), keep)
			}
		}
	}
}
