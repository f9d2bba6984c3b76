package console

import (
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/idna"
)

// words are the functions of templates: how figures, times and addresses are written.
var words = template.FuncMap{
	"number":   number,
	"percent":  percent,
	"ago":      ago,
	"clock":    clock,
	"moment":   moment,
	"seconds":  seconds,
	"path":     url.PathEscape,
	"query":    url.QueryEscape,
	"punycode": punycode,
	"spark":    spark,
	"bar":      bar,
	"join":     strings.Join,
	"tab":      tab,
	"asset":    asset,
	"spans":    func() []span { return spans },
	"gapWords": func(reason string) string { return gapWords[reason] },
}

// gapWords say why figures of a time are not whole.
var gapWords = map[string]string{
	"spool_full":  "people were redirected while the disk was full, and their clicks not recorded",
	"forgotten":   "a redirector's disk is gone",
	"quarantined": "damaged records were set aside",
	"power_loss":  "a machine lost power",
	"late":        "answered before the database could be told, and not counted yet",
}

// number groups the digits of a whole number: 1 234 567, with narrow spaces that do not break.
func number(v any) string {
	s := ""
	switch n := v.(type) {
	case float64:
		s = strconv.FormatFloat(n, 'f', 0, 64)
	case *int64: // one that may not be known; with asked for it
		s = strconv.FormatInt(*n, 10)
	default:
		s = fmt.Sprint(n)
	}
	sign, digits := "", s
	if strings.HasPrefix(s, "-") {
		sign, digits = "-", s[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "\u202f" + digits[i:]
	}
	return sign + digits
}

// percent is a share of a whole, 0 of nothing.
func percent(part, whole int64) string {
	if whole == 0 {
		return "0"
	}
	return strconv.FormatFloat(100*float64(part)/float64(whole), 'f', 1, 64)
}

// ago tells how long ago a time was, as people say it.
func ago(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return seconds(time.Since(t).Seconds()) + " ago"
}

// seconds writes a span: 4 s, 12 min, 3 h, 2 d.
func seconds(s float64) string {
	switch d := max(s, 0); {
	case d < 120:
		return fmt.Sprintf("%.0f s", d)
	case d < 2*3600:
		return fmt.Sprintf("%.0f min", d/60)
	case d < 48*3600:
		return fmt.Sprintf("%.0f h", d/3600)
	default:
		return fmt.Sprintf("%.0f d", d/86400)
	}
}

// clock is a time of day in a zone; another day than today has its date before it.
func clock(t time.Time, zone *time.Location) string {
	t = t.In(zone)
	if now := time.Now().In(zone); t.YearDay() != now.YearDay() || t.Year() != now.Year() {
		return t.Format("2 Jan 2006 15:04:05")
	}
	return t.Format("15:04:05")
}

// moment is a date and a time in a zone.
func moment(t time.Time, zone *time.Location) string { return t.In(zone).Format("2006-01-02 15:04:05") }

// zoneOf is the zone that a page shows times in: the one that is asked for, which may be none, or the browser's own as its
// script told, or UTC.
func zoneOf(r *http.Request) string {
	if name := r.URL.Query().Get("tz"); name != "" {
		return name
	}
	cookie, err := r.Cookie("longtail_zone")
	if err != nil {
		return "UTC"
	}
	name, _ := url.QueryUnescape(cookie.Value)
	return location(name).String()
}

// location is the zone of a name, UTC for a name that is none.
func location(name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" { // the server's own: nobody's who looks
		return time.UTC
	}
	return zone
}

// punycode is the ASCII form of an address's host when that differs from what is shown, else "": letters of other
// alphabets may look like the ones that people expect.
func punycode(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	host := strings.ToLower(u.Hostname())
	ascii, err := idna.ToASCII(host)
	if err != nil || ascii == host {
		return ""
	}
	return ascii
}

// A segment is a part of a bar that is 100 wide.
type segment struct{ Kind, From, Width string }

// bar lays counts, each after the name of its kind, one after the other on a bar that is as long as whole.
func bar(whole int64, parts ...any) ([]segment, error) {
	var all []segment
	var before int64
	at := func(n int64) string { return strconv.FormatFloat(100*float64(n)/float64(max(1, whole)), 'f', 2, 64) }
	for i := 0; i+1 < len(parts); i += 2 {
		kind, named := parts[i].(string)
		n, counted := parts[i+1].(int64)
		if !named || !counted {
			return nil, fmt.Errorf("bar: part %d is not a name and a count", i/2)
		}
		all = append(all, segment{kind, at(before), at(n)})
		before += n
	}
	return all, nil
}

// spark draws counts as the points of a polyline in a box of 100 by 20.
func spark(counts []int64) string {
	most := int64(1)
	for _, n := range counts {
		most = max(most, n)
	}
	points := make([]string, len(counts))
	for i, n := range counts {
		x := 100 * float64(i) / float64(max(1, len(counts)-1))
		points[i] = fmt.Sprintf("%.1f,%.1f", x, 19-18*float64(n)/float64(most))
	}
	return strings.Join(points, " ")
}
