package telemetry

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"longtail/shared/config"
)

func TestDebug(t *testing.T) {
	var unready error
	h := Debug(NewRegistry(), func() error { return unready })
	ask := func(method, path string) (int, string) {
		answer := httptest.NewRecorder()
		h.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), method, path, nil))
		return answer.Code, answer.Body.String()
	}
	want := func(method, path string, status int, says string) {
		t.Helper()
		if code, body := ask(method, path); code != status || !strings.Contains(body, says) {
			t.Errorf("%s %s: %d %.200s, want %d %s", method, path, code, body, status, says)
		}
	}
	unready = errors.New("starting: the database was not reached yet")
	want("GET", "/readyz", 503, "starting: the database was not reached yet")
	want("GET", "/livez", 200, "ok")
	unready = nil
	want("GET", "/readyz", 200, "ok")
	want("GET", "/metrics", 200, "go_goroutines")
	want("POST", "/readyz", 405, "")
	want("GET", "/debug/pprof/", 404, "")
}

func TestHealthAsksReadyz(t *testing.T) {
	var unready error
	server := httptest.NewServer(Debug(NewRegistry(), func() error { return unready }))
	t.Cleanup(server.Close)
	health := Health{config.DebugFlags{DebugAddr: server.Listener.Addr().String(), PprofAddr: config.Off}}
	if err := health.Run(t.Context()); err != nil {
		t.Error(err)
	}
	unready = errors.New("starting")
	if err := health.Run(t.Context()); err == nil || !strings.Contains(err.Error(), strconv.Itoa(http.StatusServiceUnavailable)) {
		t.Errorf("%v, want 503", err)
	}
}

// A busy port says which, by what setting, and how to choose another.
func TestListenOnABusyPort(t *testing.T) {
	busy, err := Listen(t.Context(), "LONGTAIL_API_ADDR", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { busy.Close() })
	addr := busy.Addr().String()
	_, err = Listen(t.Context(), "LONGTAIL_API_ADDR", addr)
	if err == nil {
		t.Fatal("a busy port was opened")
	}
	for _, want := range []string{"LONGTAIL_API_ADDR: ", addr, "in use", "LONGTAIL_API_ADDR=" + another(addr)} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
}

func TestListenElsewhere(t *testing.T) {
	if _, err := Listen(t.Context(), "LONGTAIL_API_ADDR", "192.0.2.1:80"); err == nil || !strings.HasPrefix(err.Error(), "LONGTAIL_API_ADDR: ") {
		t.Errorf("%v, want the setting's name", err)
	}
}

func TestAnotherPort(t *testing.T) {
	for addr, want := range map[string]string{
		":8080": ":9080", "127.0.0.1:8081": "127.0.0.1:9081", "[::1]:64535": "[::1]:65535", ":64536": ":63536", ":65535": ":64535", ":http": ":1080",
	} {
		got := another(addr)
		if got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
		if _, err := net.ResolveTCPAddr("tcp", got); err != nil {
			t.Error(err)
		}
	}
}
