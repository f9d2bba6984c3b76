package chart

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"
)

func burst() *Chart {
	n := 420
	arrivals, stored, waiting := make([]float64, n), make([]float64, n), make([]float64, n)
	sum := 0.0
	for i := range n {
		arrivals[i] = 2682 * math.Exp(-float64(i)/37.3)
		stored[i] = min(500, arrivals[i]+sum)
		sum += arrivals[i] - stored[i]
		waiting[i] = sum
	}
	return &Chart{
		Title: "A campaign & what it costs <here>", Subtitle: "one hour in 60 s", Step: time.Second, Mark: time.Minute, MarkLabel: "first hour",
		Panels: []Panel{
			{Title: "Clicks a second", Height: 200, Series: []Series{
				{Label: "answered", Color: "#2f6fde", Values: arrivals, Filled: true}, {Label: "stored", Color: "#d9480f", Values: stored},
			}},
			{Title: "Waiting", Height: 100, Series: []Series{{Label: "clicks", Color: "#7048a8", Values: waiting, Filled: true, Dashed: true}}},
		},
	}
}

func TestChartRenders(t *testing.T) {
	var svg bytes.Buffer
	if err := burst().WriteSVG(&svg); err != nil {
		t.Fatal(err)
	}
	elements, texts := map[string]int{}, ""
	for d := xml.NewDecoder(bytes.NewReader(svg.Bytes())); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("not well formed: %v", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			elements[token.Name.Local]++
		case xml.CharData:
			texts += string(token)
		}
	}
	if elements["polyline"] != 3 || elements["polygon"] != 2 {
		t.Errorf("elements %v, want 3 lines and 2 areas", elements)
	}
	for _, want := range []string{"A campaign & what it costs <here>", "Clicks a second", "answered", "first hour", "2,000", "7:00"} {
		if !strings.Contains(texts, want) {
			t.Errorf("%q is not in the picture", want)
		}
	}
	if strings.Contains(svg.String(), "NaN") || strings.Contains(svg.String(), "Inf") {
		t.Error("a coordinate is no number")
	}
}

func TestEmptyChartRenders(t *testing.T) {
	var svg bytes.Buffer
	c := &Chart{Step: time.Second, Panels: []Panel{{Title: "nothing", Height: 50, Series: []Series{{Label: "x", Color: "#000000"}}}}}
	if err := c.WriteSVG(&svg); err != nil {
		t.Fatal(err)
	}
	if err := xml.Unmarshal(svg.Bytes(), new(struct{})); err != nil || strings.Contains(svg.String(), "NaN") {
		t.Errorf("error %v in %s", err, svg.String())
	}
}

func TestScale(t *testing.T) {
	for _, highest := range []float64{0.4, 1, 3, 7, 44.7, 99, 100, 101, 2682, 93505} {
		ticks, end := scale(highest)
		if end < highest || end > highest*1.7 || len(ticks) < 3 || len(ticks) > 6 || math.Abs(ticks[len(ticks)-1]-end) > 1e-9 {
			t.Errorf("axis up to %v: %v, end %v", highest, ticks, end)
		}
	}
}

func TestNumbersAndTimes(t *testing.T) {
	for got, want := range map[string]string{
		number(0): "0", number(999): "999", number(1000): "1,000", number(1234567): "1,234,567", number(0.25): "0.25",
		clock(90*time.Second, 3*time.Minute): "1:30", clock(90*time.Minute, 7*time.Hour): "1 h 30",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for whole, most := range map[time.Duration]time.Duration{7 * time.Second: time.Second, 7 * time.Minute: time.Minute, 7 * time.Hour: time.Hour} {
		if unit := timeUnit(whole); whole/unit > 10 || unit > 2*most {
			t.Errorf("marks every %v on %v", unit, whole)
		}
	}
}
