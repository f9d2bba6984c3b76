package command

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"longtail/redirector/internal/app"
)

// banner is what a person sees who has just started allinone: where everything is, and what to try.
func banner(o *app.Options, first string) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	public := strings.TrimSuffix(o.Public.URL.String(), "/")
	line("")
	line("Longtail answers clicks.")
	line("")
	line("  clicks    %s   (listening on %s)", public, o.Public.Addr)
	if api := reachable(o.API.Addr); o.API.Addr != "" {
		line("  API       %s/api/v1   (OpenAPI: %s/api/openapi.json)", api, api)
	}
	if o.Debug.Addr != "" {
		line("  metrics   %s/metrics", reachable(o.Debug.Addr))
	}
	line("  data      %s", o.Spool.DataDir)
	key := "$(cat " + filepath.Join(o.Spool.DataDir, "api-key") + ")"
	switch {
	case first != "":
		line("  API key   %s   (shown only now, kept in %s)", first, filepath.Join(o.Spool.DataDir, "api-key"))
	case os.Getenv("LONGTAIL_BOOTSTRAP_KEY") != "":
		line("  API key   the one of LONGTAIL_BOOTSTRAP_KEY")
		key = "$LONGTAIL_BOOTSTRAP_KEY"
	default:
		line("  API key   in %s", filepath.Join(o.Spool.DataDir, "api-key"))
	}
	line("")
	if o.API.Addr != "" {
		line("%s", experiment(reachable(o.Public.Addr), reachable(o.API.Addr), key))
	}
	line("To grow: make cluster runs redirectors, workers, MariaDB, Redis and RabbitMQ on this machine; docker-compose.yml and")
	line("docs/ARCHITECTURE.md tell the rest. Ctrl-C stops.")
	line("")
	return b.String()
}

// experiment is what to type to see a click on its whole way. The click goes to the address that this process listens
// on, not to the public URL, which may belong to a proxy; a host that nobody owns stands for the default domain.
func experiment(clicks, api, key string) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("In another terminal, from this folder:")
	line("")
	line("  K=%s", key)
	line("  # make a link")
	line(`  curl -s -H "Authorization: Bearer $K" -H 'Content-Type: application/json' \`)
	line(`       -d '{"url":"https://example.com/hello","campaign":"first","code":"hello","ref":"hello"}' %s/api/v1/links`, api)
	line("  # click it")
	line("  curl -si %s/hello", clicks)
	line("  # see it counted")
	line(`  curl -s -H "Authorization: Bearer $K" %s/api/v1/campaigns/first/stats`, api)
	line("  # kill it in mid-flight; start it again with the same command: nothing that was answered is lost")
	line("  kill -9 %d", os.Getpid())
	line("  # a whole campaign, simulated at a rate that can be watched")
	line("  make demo")
	return b.String()
}

// reachable is the URL of a listening address, for a person on this machine.
func reachable(addr string) string {
	host, port, _ := net.SplitHostPort(addr) // it was listened on
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}
