package edge

import (
	"net/netip"
	"strings"
	"testing"
)

// TestS10 is the table of who is believed about a clicker's address.
func TestS10(t *testing.T) {
	trusted := NewTrustedProxies([]netip.Prefix{
		netip.MustParsePrefix("10.1.2.3/8"), netip.MustParsePrefix("192.168.1.1/32"), netip.MustParsePrefix("fd00::/8"),
		netip.MustParsePrefix("::ffff:172.16.0.0/108"),
	})
	tests := []struct {
		name, peer, want string
		forwardedFor     []string
	}{
		{"direct", "192.0.2.1:1234", "192.0.2.1", nil},
		{"direct, IPv6", "[2001:db8::1]:1234", "2001:db8::1", nil},
		{"direct, IPv6 with a zone", "[fe80::1%eth0]:1234", "fe80::1", nil},
		{"direct, IPv4 in IPv6", "[::ffff:192.0.2.1]:1234", "192.0.2.1", nil},
		{"direct, with a header", "192.0.2.1:1", "192.0.2.1", []string{"198.51.100.7"}},
		{"direct, claims to be a proxy", "192.0.2.1:1", "192.0.2.1", []string{"198.51.100.7, 10.0.0.1"}},
		{"unix socket", "@", "invalid IP", []string{"198.51.100.7"}},
		{"no peer", "", "invalid IP", []string{"198.51.100.7"}},
		{"proxy without a header", "10.0.0.1:1", "10.0.0.1", nil},
		{"proxy with an empty header", "10.0.0.1:1", "10.0.0.1", []string{""}},
		{"proxy with one", "10.0.0.1:1", "198.51.100.7", []string{"198.51.100.7"}},
		{"single address as proxy", "192.168.1.1:1", "198.51.100.7", []string{"198.51.100.7"}},
		{"its neighbour is none", "192.168.1.2:1", "192.168.1.2", []string{"198.51.100.7"}},
		{"IPv6 proxy", "[fd00::5]:1", "2001:db8::9", []string{"2001:db8::9"}},
		{"network written as IPv4 in IPv6", "172.17.0.1:1", "198.51.100.7", []string{"198.51.100.7"}},
		{"peer written as IPv4 in IPv6", "[::ffff:10.0.0.1]:1", "198.51.100.7", []string{"198.51.100.7"}},
		{"leftmost is attacker's text", "10.0.0.1:1", "198.51.100.7", []string{"1.1.1.1, 198.51.100.7"}},
		{"leftmost names the server", "10.0.0.1:1", "198.51.100.7", []string{"127.0.0.1, 198.51.100.7"}},
		{"two proxies", "10.0.0.1:1", "198.51.100.7", []string{"1.1.1.1, 198.51.100.7, 10.0.0.2"}},
		{"two lines", "10.0.0.1:1", "198.51.100.7", []string{"1.1.1.1", "198.51.100.7"}},
		{"two lines, the last is a proxy's", "10.0.0.1:1", "198.51.100.7", []string{"1.1.1.1, 198.51.100.7", "10.0.0.2"}},
		{"an untrusted proxy in the middle", "10.0.0.1:1", "203.0.113.5", []string{"198.51.100.7, 203.0.113.5, 10.0.0.2"}},
		{"all are proxies", "10.0.0.1:1", "10.0.0.3", []string{"10.0.0.3, 10.0.0.2"}},
		{"port appended", "10.0.0.1:1", "198.51.100.7", []string{"198.51.100.7:5678"}},
		{"IPv6 with brackets and port", "10.0.0.1:1", "2001:db8::9", []string{"[2001:db8::9]:5678"}},
		{"IPv6 with brackets", "10.0.0.1:1", "2001:db8::9", []string{"[2001:db8::9]"}},
		{"IPv6 with a zone", "10.0.0.1:1", "fe80::9", []string{"fe80::9%eth0"}},
		{"IPv4 in IPv6", "10.0.0.1:1", "198.51.100.7", []string{"::ffff:198.51.100.7"}},
		{"spaces and tabs", "10.0.0.1:1", "198.51.100.7", []string{" \t198.51.100.7\t , 10.0.0.2 "}},
		{"unknown", "10.0.0.1:1", "10.0.0.1", []string{"unknown"}},
		{"unknown behind one that is known", "10.0.0.1:1", "10.0.0.2", []string{"198.51.100.7, unknown, 10.0.0.2"}},
		{"obfuscated", "10.0.0.1:1", "10.0.0.1", []string{"_hidden"}},
		{"quoted", "10.0.0.1:1", "10.0.0.1", []string{`"198.51.100.7"`}},
		{"empty hop", "10.0.0.1:1", "10.0.0.2", []string{"198.51.100.7,,10.0.0.2"}},
		{"a name", "10.0.0.1:1", "10.0.0.1", []string{"client.example"}},
		{"octal", "10.0.0.1:1", "10.0.0.1", []string{"0300.0000.0002.0001"}},
		{"a number", "10.0.0.1:1", "10.0.0.1", []string{"3221225985"}},
		{"CR and LF", "10.0.0.1:1", "10.0.0.1", []string{"198.51.100.7\r\nX: y"}},
		{"fifty", "10.0.0.1:1", "198.51.100.7", []string{strings.Repeat("1.1.1.1, ", 48) + "198.51.100.7, 10.0.0.2"}},
		{"eight kilobytes of proxies", "10.0.0.1:1", "10.9.9.9", []string{"10.9.9.9" + strings.Repeat(",10.0.0.2", 900)}},
		{"eight kilobytes of nothing", "10.0.0.1:1", "10.0.0.1", []string{strings.Repeat("x", 8192)}},
		{"private leftmost", "10.0.0.1:1", "192.168.7.7", []string{"192.168.7.7"}},
	}
	for _, test := range tests {
		if got := trusted.Client(test.peer, test.forwardedFor).String(); got != test.want {
			t.Errorf("%s: client %s, want %s", test.name, got, test.want)
		}
	}
	t.Logf("%d combinations of peer and header", len(tests))
}

func TestIPMode(t *testing.T) {
	tests := []struct{ mode, addr, want string }{
		{"full", "192.0.2.77", "192.0.2.77"},
		{"full", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6"},
		{"full", "fe80::1%eth0", "fe80::1"},
		{"truncated", "192.0.2.77", "192.0.2.0"},
		{"truncated", "::ffff:192.0.2.77", "192.0.2.0"},
		{"truncated", "2001:db8:1:2:3:4:5:6", "2001:db8:1::"},
		{"none", "192.0.2.77", ""},
	}
	for _, test := range tests {
		mode, err := ParseIPMode(test.mode)
		if err != nil {
			t.Fatal(err)
		}
		if got := mode.Text(netip.MustParseAddr(test.addr)); got != test.want {
			t.Errorf("%s of %s = %q, want %q", test.mode, test.addr, got, test.want)
		}
		if got := mode.Text(netip.Addr{}); got != "" {
			t.Errorf("%s of no address = %q", test.mode, got)
		}
	}
	if _, err := ParseIPMode("some"); err == nil {
		t.Error("mode some is taken")
	}
}
