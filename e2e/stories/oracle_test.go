package stories

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"longtail/e2e/load"
)

// A crowd is people who click one link, each under a user agent of its own: its name is how the oracle finds its row.
type crowd struct {
	host, path, location string
}

// crowdFor makes a crowd for a link.
func crowdFor(t *testing.T, l linkMade) crowd {
	t.Helper()
	u, err := url.Parse(l.TrackedURL)
	if err != nil {
		t.Fatal(err)
	}
	return crowd{host: u.Host, path: u.Path, location: l.URL}
}

// name is the user agent of person i.
func name(i int) string { return "person-" + strconv.Itoa(i) }

// AppendRequest writes person i's click.
func (c crowd) AppendRequest(dst []byte, i int) []byte {
	dst = append(append(append(dst, "GET "...), c.path...), " HTTP/1.1\r\nHost: "...)
	dst = append(append(dst, c.host...), "\r\nUser-Agent: "...)
	return append(append(dst, name(i)...), "\r\n\r\n"...)
}

// Location is where everybody is sent.
func (c crowd) Location(int) string { return c.location }

// start lets n people click at a fixed rate on addr, whatever the answers.
func (c crowd) start(ctx context.Context, addr string, n, perSecond int) *load.Run {
	due := make([]time.Duration, n)
	for i := range due {
		due[i] = time.Duration(i) * time.Second / time.Duration(perSecond)
	}
	return load.Start(ctx, load.Options{Addr: strings.TrimPrefix(addr, "http://"), Connections: 50, Timeout: 10 * time.Second}, due, c)
}

// A tally is what the oracle found.
type tally struct {
	sent, answered, unknown, other int // by the people
	rows                           int
	lost                           int // answered, and no row
	duplicated                     int // rows beyond the first
	unexpected                     int // rows of clicks that were not sent or answered otherwise
	recovered                      int // no answer came, and there is a row
}

// compare lays the people's answers beside the rows by user agent.
func compare(answers []load.Answer, rows map[string]int) tally {
	t := tally{sent: len(answers)}
	for _, n := range rows {
		t.rows += n
	}
	known := 0
	for i, a := range answers {
		n := rows[name(i)]
		known += n
		t.duplicated += max(0, n-1)
		switch a.Fate {
		case load.Answered:
			t.answered++
			if n == 0 {
				t.lost++
			}
		case load.Unknown:
			t.unknown++
			t.recovered += min(n, 1)
		default:
			t.other++
			t.unexpected += min(n, 1)
		}
	}
	t.unexpected += t.rows - known // of nobody
	return t
}

func (t tally) String() string {
	return fmt.Sprintf("sent %d, answered %d, without an answer %d, other answers %d; rows %d, lost %d, duplicated %d, unexpected %d, recovered %d",
		t.sent, t.answered, t.unknown, t.other, t.rows, t.lost, t.duplicated, t.unexpected, t.recovered)
}

// kept tells whether the promise holds.
func (t tally) kept() bool { return t.lost == 0 && t.duplicated == 0 && t.unexpected == 0 }

func TestOracleSeesWhatIsWrong(t *testing.T) {
	answers := []load.Answer{{Fate: load.Answered}, {Fate: load.Answered}, {Fate: load.Answered}, {Fate: load.Unknown}, {Fate: load.NotSent}}
	rows := map[string]int{name(0): 1, name(2): 3, name(3): 1, name(4): 1, "somebody": 1}
	want := tally{sent: 5, answered: 3, unknown: 1, other: 1, rows: 7, lost: 1, duplicated: 2, unexpected: 2, recovered: 1}
	if got := compare(answers, rows); got != want || got.kept() {
		t.Fatalf("got %v; want %v", got, want)
	}
}
