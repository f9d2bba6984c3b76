package config

import (
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Off is the value that switches an address off.
const Off = "off"

// address checks a listening address; "" stands for off.
func (p *Problems) address(setting, value string) string {
	if value == Off {
		return ""
	}
	host, port, err := net.SplitHostPort(value)
	if err != nil {
		p.Add(setting, "is %q; want HOST:PORT, :PORT or off", value)
		return ""
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		p.Add(setting, "has port %q; want a number from 0 to 65535", port)
	}
	if host != "" && host != "localhost" && net.ParseIP(host) == nil && strings.ContainsAny(host, " /:") {
		p.Add(setting, "has host %q; want a name or an address", host)
	}
	return value
}

// bytes reads a size such as 256MiB, 8GiB, 64KB or a plain number of bytes.
func (p *Problems) bytes(setting, value string, low int64) int64 {
	number, unit := splitUnit(value)
	scale, known := map[string]float64{
		"": 1, "B": 1, "K": 1 << 10, "KIB": 1 << 10, "KB": 1e3, "M": 1 << 20, "MIB": 1 << 20, "MB": 1e6,
		"G": 1 << 30, "GIB": 1 << 30, "GB": 1e9, "T": 1 << 40, "TIB": 1 << 40, "TB": 1e12,
	}[strings.ToUpper(unit)]
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || !known || n*scale > 1<<60 {
		p.Add(setting, "is %q; want a size such as 256MiB or 8GiB", value)
		return low
	}
	if size := int64(n * scale); size >= low {
		return size
	}
	p.Add(setting, "is %q; the least is %d bytes", value, low)
	return low
}

// duration reads a time.Duration, or a number of days such as 400d.
func (p *Problems) duration(setting, value string, low, high time.Duration) time.Duration {
	d, err := time.ParseDuration(value)
	if number, unit := splitUnit(value); unit == "d" {
		var days float64
		days, err = strconv.ParseFloat(number, 64)
		d = time.Duration(days * float64(24*time.Hour))
	}
	switch {
	case err != nil:
		p.Add(setting, "is %q; want a duration such as 500ms, 30s or 400d", value)
	case d < low || d > high:
		p.Add(setting, "is %q; want from %s to %s", value, low, high)
	default:
		return d
	}
	return low
}

func splitUnit(value string) (number, unit string) {
	at := strings.LastIndexAny(value, "0123456789.") + 1
	return strings.TrimSpace(value[:at]), strings.TrimSpace(value[at:])
}

// number reads a whole number from low to high.
func (p *Problems) number(setting, value string, low, high int) int {
	n, err := strconv.Atoi(value)
	if err != nil || n < low || n > high {
		p.Add(setting, "is %q; want a whole number from %d to %d", value, low, high)
		return low
	}
	return n
}

// oneOf checks a word of a closed set. An empty one among them stands for "not set" and is not proposed.
func (p *Problems) oneOf(setting, value string, words ...string) string {
	if slices.Contains(words, value) {
		return value
	}
	proposed := slices.DeleteFunc(slices.Clone(words), func(word string) bool { return word == "" })
	p.Add(setting, "is %q; want one of %s", value, strings.Join(proposed, ", "))
	return words[0]
}

// prefixes reads a comma-separated list of CIDRs or single addresses.
func (p *Problems) prefixes(setting, value string) []netip.Prefix {
	var list []netip.Prefix
	for _, text := range strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' }) {
		if addr, err := netip.ParseAddr(text); err == nil {
			list = append(list, netip.PrefixFrom(addr, addr.BitLen()))
			continue
		}
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			p.Add(setting, "holds %q; want addresses or CIDRs such as 10.0.0.0/8, separated by commas", text)
			continue
		}
		list = append(list, prefix.Masked())
	}
	return list
}

// baseURL reads the base of tracked URLs: scheme and host only.
func (p *Problems) baseURL(setting, value string) *url.URL {
	u, err := url.Parse(value)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		p.Add(setting, "is %q; want http:// or https:// and a host", value)
	case u.User != nil || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "":
		p.Add(setting, "is %q; want no user, path, query or fragment", value)
	default:
		u.Path, u.Host = "", strings.ToLower(u.Host)
		return u
	}
	return &url.URL{Scheme: "http", Host: "localhost"}
}

// dataSource checks that a data source name has the driver's shape and names a database. It may hold a password and is
// never repeated in the reason.
func (p *Problems) dataSource(setting, value string) string {
	if path, ok := strings.CutPrefix(value, "sqlite:"); ok && path != "" {
		return value
	}
	slash := strings.LastIndexByte(value, '/')
	name, _, _ := strings.Cut(value[slash+1:], "?")
	server := value[:max(slash, 0)]
	switch address := server[strings.LastIndexByte(server, '@')+1:]; {
	case slash < 0 || strings.Contains(address, "(") != strings.HasSuffix(address, ")"):
		p.Add(setting, "is no data source name; want user:password@tcp(host:port)/database")
	case name == "":
		p.Add(setting, "names no database; want user:password@tcp(host:port)/database")
	}
	return value
}

// serviceURLs checks a comma-separated list of service URLs of one of the schemes. A value may hold a password and is
// never repeated in the reason.
func (p *Problems) serviceURLs(setting, value string, schemes ...string) string {
	for text := range strings.SplitSeq(value, ",") {
		u, err := url.Parse(strings.TrimSpace(text))
		if err != nil || u.Host == "" {
			p.Add(setting, "is not a URL; want %s://HOST:PORT/...", schemes[0])
			continue
		}
		known := false
		for _, scheme := range schemes {
			known = known || u.Scheme == scheme
		}
		if !known {
			p.Add(setting, "begins with %q; want %s", u.Scheme+"://", strings.Join(schemes, ":// or ")+"://")
		}
	}
	return value
}
