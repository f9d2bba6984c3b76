package bench

import (
	"context"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"longtail/e2e/oracle"
	"longtail/shared/link"
)

func TestTable(t *testing.T) {
	got := results{
		"ours": {{"rate": 90, "cpu": 2}, {"rate": 10, "cpu": 4}, {"rate": 60, "cpu": 3}},
		"ref":  {{"rate": 100}, {"rate": 20}, {"rate": 240}},
	}
	l := compare("clicks", "1/s", ">= 0.4", got, quantity{"ours", "rate"}, quantity{"ref", "rate"})
	if r := l.ratio(); r != 0.5 { // 0.9, 0.5, 0.25: not 60 / 100
		t.Errorf("ratio %v", r)
	}
	var out strings.Builder
	if err := printTable(&out, []line{l, cost("CPU", got, quantity{"ours", "cpu"})}); err != nil {
		t.Fatal(err)
	}
	rows := strings.Split(strings.TrimSpace(out.String()), "\n")
	for i, want := range [][]string{{"name", "ours", "reference", "ratio"}, {"clicks", "[1/s]", "60.0", "100", "0.500"}, {"CPU", "[us/click]", "3.00", "-", "-"}} {
		if fields := strings.Fields(rows[i]); len(fields) < len(want) || !slices.Equal(fields[:len(want)], want) {
			t.Errorf("row %d: %q, want it to begin with %q", i, rows[i], want)
		}
	}
}

func TestContendersTakeTurns(t *testing.T) {
	var order []string
	one := func(name string) contender {
		return contender{name, func(context.Context) (sample, error) {
			order = append(order, name)
			return sample{"n": float64(len(order))}, nil
		}}
	}
	got, err := alternate(t.Context(), Options{Rounds: 3, Log: io.Discard}, []contender{one("a"), one("b")})
	if err != nil || strings.Join(order, "") != "abbaab" {
		t.Errorf("%v, %v", order, err)
	}
	if s := got.series(quantity{"b", "n"}); !slices.Equal(s, []float64{2, 3, 6}) {
		t.Errorf("b brought %v", s)
	}
}

func TestCPUIsThatOfTheProcess(t *testing.T) {
	before, err := cpu(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; {
		now, err := cpu(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		if now-before >= 5*tick {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("a minute of work used %v", now-before)
		}
	}
}

// What is ingested and what LOAD DATA reads are the same clicks, whatever bytes their ids have.
func TestProduce(t *testing.T) {
	made := []link.Link{{ID: 1, Account: 1, Campaign: 1, Domain: 1, CampaignName: "bench", URL: oracle.Target(0)}}
	p := newProduce(made, 3000, true)
	clicks := 0
	for _, m := range p.messages {
		clicks += m.Clicks
	}
	if clicks != 3000 || strings.Count(string(p.text), "\n") != 3000 {
		t.Errorf("%d clicks in messages, %d lines", clicks, strings.Count(string(p.text), "\n"))
	}
	if got := string(escaped([]byte("a\tb\nc\\d\x00"))); got != `a\tb\nc\\d\0` {
		t.Errorf("escaped: %s", got)
	}
}
