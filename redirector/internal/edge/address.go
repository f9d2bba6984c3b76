package edge

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// IPMode is what is kept of a clicker's address.
type IPMode uint8

// The modes of LONGTAIL_IP.
const (
	IPNone      IPMode = iota // nothing
	IPTruncated               // the /24 of IPv4, the /48 of IPv6
	IPFull                    // all of it
)

// ParseIPMode reads full, truncated or none.
func ParseIPMode(s string) (IPMode, error) {
	switch s {
	case "none":
		return IPNone, nil
	case "truncated":
		return IPTruncated, nil
	case "full":
		return IPFull, nil
	}
	return IPNone, fmt.Errorf("ip mode %q: want full, truncated or none", s)
}

// Text returns what is kept of addr, "" for none.
func (m IPMode) Text(addr netip.Addr) string {
	if m == IPNone || !addr.IsValid() {
		return ""
	}
	addr = addr.Unmap().WithZone("")
	if m == IPTruncated {
		bits := 48
		if addr.Is4() {
			bits = 24
		}
		network, _ := addr.Prefix(bits) // cannot fail: bits fit the family
		addr = network.Addr()
	}
	return addr.String()
}

// TrustedProxies are the networks whose X-Forwarded-For is believed.
type TrustedProxies []netip.Prefix

// NewTrustedProxies trusts the networks. One of IPv4 may be written as one of IPv6.
func NewTrustedProxies(networks []netip.Prefix) TrustedProxies {
	var p TrustedProxies
	for _, prefix := range networks {
		if prefix.Addr().Is4In6() && prefix.Bits() >= 96 {
			prefix = netip.PrefixFrom(prefix.Addr().Unmap(), prefix.Bits()-96)
		}
		p = append(p, prefix.Masked())
	}
	return p
}

func (p TrustedProxies) trusts(addr netip.Addr) bool {
	for _, prefix := range p {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// Client returns the address of who clicked: the peer's, or, as long as the hop that tells it is trusted, what the
// lines of X-Forwarded-For name, read from right to left. The first hop that is not trusted is the client; what stands
// left of it is attacker's text. A hop that is no address ends the walk at the last one that was. The result is not
// valid when the peer has no address, as on a unix socket, and tells none.
func (p TrustedProxies) Client(peer string, forwardedFor []string) netip.Addr {
	client := hop(peer)
	if !p.trusts(client) {
		return client
	}
	for _, line := range slices.Backward(forwardedFor) {
		for {
			comma := strings.LastIndexByte(line, ',')
			addr := hop(line[comma+1:])
			if !addr.IsValid() {
				return client
			}
			client = addr
			if !p.trusts(client) {
				return client
			}
			if comma < 0 {
				break
			}
			line = line[:comma]
		}
	}
	return client
}

// TrustsClient reports whether the one who asks is itself a trusted proxy, whoever passed the question on.
func (p TrustedProxies) TrustsClient(peer string, forwardedFor []string) bool {
	return p.trusts(p.Client(peer, forwardedFor))
}

// hop reads an address with or without port, brackets and zone. It does not allocate.
func hop(s string) netip.Addr {
	s = strings.Trim(s, " \t")
	if addr, err := netip.ParseAddrPort(s); err == nil {
		return addr.Addr().Unmap().WithZone("")
	}
	if len(s) > 1 && s[0] == '[' && s[len(s)-1] == ']' {
		s = s[1 : len(s)-1]
	}
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}
