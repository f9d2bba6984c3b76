package volume

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

const (
	largest  = "/api/v1/campaigns/load-1" // the campaign with most clicks
	warm     = 10                         // answers of each question that are not measured
	askLimit = time.Minute
)

// A question asks for another answer each time: i counts from 0, next is the cursor of the answer before, "" at first.
type question struct {
	name string
	path func(i int, next string) string
}

// questions are what the promise names, and what stands beside it on the same pages.
func questions(code string, now time.Time) []question {
	fixed := func(path string) func(int, string) string { return func(int, string) string { return path } }
	paged := func(path string) func(int, string) string {
		return func(_ int, next string) string { return path + "&cursor=" + url.QueryEscape(next) }
	}
	days := func(n int) string {
		return "?resolution=hour&tz=Asia/Kolkata&from=" + now.AddDate(0, 0, -n).Truncate(time.Hour).Format(time.RFC3339)
	}
	return []question{
		{"stats of the largest campaign", fixed(largest + "/stats")},
		{"stats, 7 days by the hour", fixed(largest + "/stats" + days(7))},
		{"stats, 30 days by the hour", fixed(largest + "/stats" + days(30))},
		{"stats of its first link", fixed("/api/v1/links/" + code + "/stats")},
		{"balance", fixed(largest + "/balance")},
		{"who clicked, page after page of 100", paged(largest + "/recipients?limit=100")},
		{"who clicked, searched", func(i int, _ string) string {
			return largest + "/recipients?limit=100&q=r-" + strconv.Itoa(i*7919%100_000)
		}},
		{"links, page after page of 100", paged("/api/v1/links?campaign=" + catalogue + "&limit=100")},
	}
}

// asked is a question with the times of its answers at one size.
type asked struct {
	clicks      int
	name        string
	median, p99 time.Duration
}

// measure asks each question so often, one after another over one connection.
func (s *site) measure(ctx context.Context) error {
	var stats struct{ Links []struct{ Code string } }
	if _, err := s.ask(ctx, largest+"/stats", &stats); err != nil {
		return err
	}
	for _, q := range questions(stats.Links[0].Code, time.Now().UTC()) {
		a, err := s.times(ctx, q)
		if err != nil {
			return err
		}
		s.asked = append(s.asked, a)
		fmt.Fprintf(s.out, "%10d clicks  %-38s median %7.2f ms  p99 %7.2f ms\n", s.clicks, a.name, ms(a.median), ms(a.p99))
	}
	return nil
}

func (s *site) times(ctx context.Context, q question) (asked, error) {
	var all []time.Duration
	next := ""
	for i := range warm + s.o.Requests {
		var page struct{ Next *string }
		took, err := s.ask(ctx, q.path(i, next), &page)
		if err != nil {
			return asked{}, err
		}
		if next = ""; page.Next != nil {
			next = *page.Next
		}
		if i >= warm {
			all = append(all, took)
		}
	}
	slices.Sort(all)
	at := func(p float64) time.Duration { return all[int(math.Ceil(p*float64(len(all))))-1] }
	return asked{s.clicks, q.name, at(0.5), at(0.99)}, nil
}

// ask returns how long the whole answer took to arrive.
func (s *site) ask(ctx context.Context, path string, into any) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	begin := time.Now()
	res, err := s.open(ctx, path)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	took := time.Since(begin)
	if err != nil {
		return 0, err
	}
	return took, json.Unmarshal(text, into)
}

// open sends a request and returns an answer of 200.
func (s *site) open(ctx context.Context, path string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.cluster.Redirectors[0].APIURL()+path, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+s.cluster.Key)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		defer res.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(res.Body, 1000))
		return nil, fmt.Errorf("%s: %s: %s", path, res.Status, text)
	}
	return res, nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// print puts the sizes side by side: medians, 99th percentiles, and the last size's median divided by the first one's.
func (s *site) print() error {
	per := len(s.asked) / len(s.o.Sizes)
	fmt.Fprintf(s.out, "\n%-38s", "ms, median and p99")
	for _, size := range s.o.Sizes {
		fmt.Fprintf(s.out, "%20d", size)
	}
	fmt.Fprintln(s.out, "     ratio")
	for k := range per {
		fmt.Fprintf(s.out, "%-38s", s.asked[k].name)
		for i := range s.o.Sizes {
			a := s.asked[i*per+k]
			fmt.Fprintf(s.out, "%12.2f%8.2f", ms(a.median), ms(a.p99))
		}
		fmt.Fprintf(s.out, "%10.2f\n", float64(s.asked[len(s.asked)-per+k].median)/float64(s.asked[k].median))
	}
	_, err := fmt.Fprintf(s.out, "\n%d answers of each, one after another; load %s\n", s.o.Requests, busyness())
	return err
}
