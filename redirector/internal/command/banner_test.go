package command

import (
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"

	"longtail/redirector/internal/app"
	"longtail/shared/config"
)

func bannerOptions() *app.Options {
	return &app.Options{
		Public: config.Public{Addr: ":9080", URL: &url.URL{Scheme: "https", Host: "go.example"}},
		API:    config.API{Addr: "127.0.0.1:9081"},
		Debug:  config.Debug{Addr: "[::]:9082"},
		Spool:  config.Spool{DataDir: "elsewhere"},
	}
}

// What a person copies from the banner must reach this process, whatever the settings say.
func TestBannerNamesTheRealAddresses(t *testing.T) {
	t.Setenv("LONGTAIL_BOOTSTRAP_KEY", "")
	text := banner(bannerOptions(), "")
	for _, want := range []string{
		"https://go.example   (listening on :9080)", "http://127.0.0.1:9081/api/openapi.json", "http://localhost:9082/metrics",
		"API key   in elsewhere/api-key", "K=$(cat elsewhere/api-key)", "curl -si http://localhost:9080/hello\n", "http://127.0.0.1:9081/api/v1/links\n",
		"http://127.0.0.1:9081/api/v1/campaigns/first/stats\n", "kill -9 " + strconv.Itoa(os.Getpid()) + "\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}

func TestBannerTellsTheKeyOnce(t *testing.T) {
	t.Setenv("LONGTAIL_BOOTSTRAP_KEY", "")
	const key = "the-key-of-the-first-hour-and-no-other"
	if text := banner(bannerOptions(), key); strings.Count(text, key) != 1 || !strings.Contains(text, "shown only now, kept in elsewhere/api-key") {
		t.Errorf("first start:\n%s", text)
	}
	t.Setenv("LONGTAIL_BOOTSTRAP_KEY", key)
	if text := banner(bannerOptions(), ""); strings.Contains(text, key) || !strings.Contains(text, "K=$LONGTAIL_BOOTSTRAP_KEY\n") {
		t.Errorf("key of the environment:\n%s", text)
	}
}

func TestBannerSaysNothingOfWhatIsOff(t *testing.T) {
	o := bannerOptions()
	o.API.Addr, o.Debug.Addr = "", ""
	if text := banner(o, ""); strings.Contains(text, "curl") || strings.Contains(text, "metrics") || strings.Contains(text, "/api/v1") {
		t.Errorf("API and debug are off:\n%s", text)
	}
}

func TestReachable(t *testing.T) {
	for addr, want := range map[string]string{
		":8080": "http://localhost:8080", "0.0.0.0:80": "http://localhost:80", "[::]:80": "http://localhost:80",
		"127.0.0.1:8081": "http://127.0.0.1:8081", "[::1]:8081": "http://[::1]:8081", "host.example:1": "http://host.example:1",
	} {
		if got := reachable(addr); got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
}
