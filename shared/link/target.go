package link

import (
	"net/netip"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// MaxURL is the longest target in bytes.
const MaxURL = 8192

// The rules of a target: a closed set.
const (
	RuleURLAbsolute  = "url_absolute"  // begins with http:// or https:// and a host
	RuleURLScheme    = "url_scheme"    // http and https only
	RuleURLUserinfo  = "url_userinfo"  // no user or password
	RuleURLControl   = "url_control"   // no control characters, valid UTF-8
	RuleURLLength    = "url_length"    // at most MaxURL bytes
	RuleURLHost      = "url_host"      // a host name or address that can exist
	RuleURLPort      = "url_port"      // 1 to 65535 in plain digits
	RuleURLAmbiguous = "url_ambiguous" // every program reads the same host in it
)

// A Target is how every browser reads the beginning of a link's URL. The URL itself is stored byte for byte.
type Target struct {
	Scheme string // http | https
	Host   string // ASCII, lower case; an IPv6 address stands in brackets
	Port   string // "" if it is the scheme's own
}

// NewTarget reads a URL by the rules that a link's target must keep, or returns the rule it breaks, a *RuleError. It
// refuses what a browser and another program could read as two different hosts, rather than to guess which is meant.
func NewTarget(raw string) (Target, error) {
	if err := checkText(raw); err != nil {
		return Target{}, err
	}
	scheme, rest, found := strings.Cut(raw, ":")
	if !found || !isScheme(scheme) {
		return Target{}, &RuleError{RuleURLAbsolute, "a target begins with http:// or https://"}
	}
	t := Target{Scheme: strings.ToLower(scheme)}
	if t.Scheme != "http" && t.Scheme != "https" {
		return Target{}, &RuleError{RuleURLScheme, "a target is http or https, nothing else"}
	}
	authority, found := strings.CutPrefix(rest, "//")
	if i := strings.IndexAny(authority, "/?#"); i >= 0 {
		authority = authority[:i]
	}
	if !found || authority == "" {
		return Target{}, &RuleError{RuleURLAbsolute, "two slashes and a host follow the scheme"}
	}
	return t, t.read(authority)
}

// checkText looks for what no part of a target may hold.
func checkText(raw string) error {
	if len(raw) > MaxURL {
		return &RuleError{RuleURLLength, "a target has at most " + strconv.Itoa(MaxURL) + " bytes"}
	}
	if !utf8.ValidString(raw) {
		return &RuleError{RuleURLControl, "a target is valid UTF-8"}
	}
	for _, r := range raw {
		switch {
		case unicode.IsControl(r):
			return &RuleError{RuleURLControl, "a target holds no control characters, tabs or line breaks"}
		case unicode.IsSpace(r):
			return &RuleError{RuleURLAmbiguous, "a space is written as %20"}
		case r == '\\':
			return &RuleError{RuleURLAmbiguous, `browsers read \ as /; write %5C if it is meant`}
		}
	}
	return nil
}

func isScheme(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20
		if (c < 'a' || c > 'z') && (i == 0 || !alphanumeric(s[i]) && !strings.ContainsRune("+-.", rune(s[i]))) {
			return false
		}
	}
	return s != ""
}

// read takes the host and the port from between the slashes.
func (t *Target) read(authority string) error {
	if strings.Contains(authority, "@") {
		return &RuleError{RuleURLUserinfo, "a target holds no user name or password"}
	}
	host, port := authority, ""
	if i := strings.LastIndexByte(authority, ':'); i > strings.LastIndexByte(authority, ']') {
		host, port = authority[:i], authority[i+1:]
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 || port != strconv.FormatUint(n, 10) {
			return &RuleError{RuleURLPort, "a port is a number from 1 to 65535 without leading zeros"}
		}
	}
	if t.Scheme == "http" && port == "80" || t.Scheme == "https" && port == "443" {
		port = ""
	}
	t.Port = port
	var err error
	t.Host, err = readHost(host)
	return err
}

func readHost(host string) (string, error) {
	if strings.HasPrefix(host, "[") {
		return readIPv6(host)
	}
	if strings.Contains(host, "%") {
		return "", &RuleError{RuleURLAmbiguous, "a host is written without percent signs"}
	}
	ascii, err := readName(host)
	if err != nil {
		return "", err
	}
	last := strings.TrimSuffix(ascii, ".")
	last = last[strings.LastIndexByte(last, '.')+1:]
	if !numeric(last) {
		return ascii, nil
	}
	// A browser takes every host whose last label is a number for an IPv4 address, in any of many notations.
	if addr, err := netip.ParseAddr(host); err != nil || !addr.Is4() {
		return "", &RuleError{RuleURLAmbiguous, "an IPv4 address is four decimal numbers from 0 to 255"}
	}
	return ascii, nil
}

func readIPv6(host string) (string, error) {
	inner, closed := strings.CutSuffix(host[1:], "]")
	addr, err := netip.ParseAddr(inner)
	if !closed || err != nil || !addr.Is6() || addr.Zone() != "" {
		return "", &RuleError{RuleURLHost, "what stands in brackets is not an IPv6 address"}
	}
	if addr.Is4In6() || strings.Contains(inner, ".") {
		return "", &RuleError{RuleURLAmbiguous, "an IPv4 address inside an IPv6 address has several notations"}
	}
	return "[" + addr.String() + "]", nil
}

// names reads host names as browsers do (UTS 46, not transitional), and refuses what registries refuse as well.
var names = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false),
	idna.BidiRule(), idna.CheckJoiners(true), idna.ValidateLabels(true))

// readName returns the ASCII form of a host name.
func readName(host string) (string, error) {
	ascii := strings.ToLower(host)
	if !isASCII(host) || strings.Contains(ascii, "xn--") {
		var err error
		if ascii, err = names.ToASCII(host); err != nil {
			return "", &RuleError{RuleURLHost, "the host is not a valid international name"}
		}
		if err := sameName(host, ascii); err != nil {
			return "", err
		}
	}
	if !isName(ascii) {
		return "", &RuleError{RuleURLHost, "a host is labels of letters, digits, - and _, joined by dots, at most 253 characters"}
	}
	return ascii, nil
}

// sameName refuses an international name that means another text than it shows, like letters of full width.
func sameName(host, ascii string) error {
	unicodeName, err := names.ToUnicode(ascii)
	lower := strings.ToLower(host)
	if err != nil || lower != unicodeName && lower != ascii {
		return &RuleError{RuleURLAmbiguous, "the host is another name to a browser; write it as " + ascii}
	}
	return nil
}

func isName(ascii string) bool {
	name := strings.TrimSuffix(ascii, ".")
	if name == "" || len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
		for i := range len(label) {
			if c := label[i]; !alphanumeric(c) && c != '-' && c != '_' {
				return false
			}
		}
	}
	return true
}

// numeric reports whether a browser takes a label for a number: digits, or 0x and hexadecimal digits, if any.
func numeric(label string) bool {
	digits, hex := strings.CutPrefix(label, "0x")
	for i := range len(digits) {
		if c := digits[i]; (c < '0' || c > '9') && (!hex || c < 'a' || c > 'f') {
			return false
		}
	}
	return hex || label != ""
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
