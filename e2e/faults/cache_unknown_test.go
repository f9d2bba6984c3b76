package faults

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"longtail/e2e/load"
	"longtail/e2e/oracle"
	"longtail/e2e/stage"
	"longtail/shared/link"
)

// requests are clicks on paths by number, such as load.Start wants them.
type requests struct {
	path     func(i int) string
	location func(i int) string // where it must lead; "" = anywhere
}

// AppendRequest implements load.Clicks.
func (r requests) AppendRequest(dst []byte, i int) []byte {
	return fmt.Appendf(dst, "GET %s HTTP/1.1\r\nHost: links.test\r\n\r\n", r.path(i))
}

// Location implements load.Clicks.
func (r requests) Location(i int) string { return r.location(i) }

func anywhere(int) string { return "" }

// start sends n requests to an instance, so many a second; at 0 as fast as they are answered.
func (h *herd) start(t *testing.T, instance, n, perSecond int, r requests) *load.Run {
	t.Helper()
	due := make([]time.Duration, n)
	for i := range due {
		if perSecond > 0 {
			due[i] = time.Duration(i) * time.Second / time.Duration(perSecond)
		}
	}
	return load.Start(t.Context(), load.Options{Addr: loopback(h.all[instance].Public), Connections: 16, Timeout: 15 * time.Second}, due, r)
}

// Somebody guesses codes, most of which die of their check without a lookup; those whose check is right cost one lookup a
// second at most. People on real links do not notice, and memory does not grow.
func TestC3GuessedCodes(t *testing.T) {
	const cacheBytes = 64 << 20
	f := stage.NewFault(t, "C3")
	h := newHerd(t, 2, map[string]string{"LONGTAIL_CACHE_BYTES": fmt.Sprint(cacheBytes)})
	hot := h.links(t, t.Name(), 20)
	h.know(t, hot)
	g := guesses{f.Random.Uint64(), codeKey(t, h.Cluster)}
	f.Planned(g.seed)
	statements := recording(t, h.Cluster)

	alone := h.clickHot(t, hot, 2*time.Second)
	memory := h.resident(t)
	n, refused := stage.Full(1_000_000, 12_000), h.refused(t)
	runs := make([]*load.Run, len(h.all))
	for i := range h.all {
		runs[i] = h.start(t, i, n/len(h.all), 2_500, requests{func(k int) string { return "/" + g.wrong(k*len(h.all)+i) }, anywhere})
	}
	beside := h.clickHot(t, hot, time.Duration(n)*time.Second/5_000)
	found := 0
	for _, run := range runs {
		for _, a := range run.Answers() {
			if a.Status != http.StatusNotFound {
				found++
			}
		}
	}
	grown := h.resident(t) - memory
	refused = h.refused(t) - refused
	f.StruckN("guesses refused by their check", refused)
	const question = "FROM links AS l WHERE l.domain_id"
	if lookups := statements.lookups(t, question); lookups > 0 || found > 0 || refused != n {
		t.Errorf("%d guesses: %d lookups, %d answers other than 404, %d refused; want 0, 0 and all", n, lookups, found, refused)
	}
	if kept := stage.Meter(t, h.all, "longtail_cache_bytes"); grown > cacheBytes || kept > len(h.all)*cacheBytes {
		t.Errorf("memory grew by %d bytes, the caches weigh %d; want at most %d of an instance", grown, kept, cacheBytes)
	}
	f.Note("%d guesses without a lookup, largest growth of an instance %d MiB of %d; right checks: %s; 302 p50 alone %v beside %v, p99 %v and %v",
		n, grown>>20, cacheBytes>>20, h.rightChecks(t, f, g, statements), alone.P50, beside.P50, alone.P99, beside.P99)
}

// guesses are codes of the generated shape that do not exist.
type guesses struct {
	seed uint64
	key  link.CodeKey
}

// wrong is guess i, with a check that is wrong.
func (g guesses) wrong(i int) string {
	random := rand.New(rand.NewPCG(g.seed, uint64(i))).Uint64() //nolint:gosec // a guess, no secret
	code := make([]byte, link.GeneratedLen)
	for k := range code {
		code[k] = link.Alphabet[random>>(5*k)&31]
	}
	for g.key.Checks(string(code)) { // one in 1,024
		random++
		code[0] = link.Alphabet[random&31]
	}
	return string(code)
}

// rightChecks asks both instances again and again for codes that could exist, and holds them to a lookup a second.
func (h *herd) rightChecks(t *testing.T, f *stage.Fault, g guesses, statements record) string {
	t.Helper()
	codes := make([]string, 10)
	for i := range codes {
		codes[i] = g.key.New()
	}
	asked, began := 0, time.Now()
	for time.Since(began) < stage.Full(10*time.Second, 2500*time.Millisecond) {
		spread(len(codes)*len(h.all), func(n int) {
			if r := h.ask(t.Context(), n%len(h.all), "/"+codes[n/len(h.all)]); r.status != http.StatusNotFound {
				t.Errorf("a code that does not exist: %+v; want 404", r)
			}
		})
		asked += len(codes) * len(h.all)
	}
	lives := int(time.Since(began)/time.Second) + 1
	most := 0
	for _, code := range codes {
		most = max(most, statements.lookups(t, code))
	}
	if most == 0 || most > lives*len(h.all) {
		t.Errorf("%d lookups of a code on %d instances in %d lives of what is remembered; want one of each at most", most, len(h.all), lives)
	}
	f.StruckN("guesses with a right check", asked)
	return fmt.Sprintf("at most %d lookups of a code in %d s on %d instances, asked for %d times", most, lives, len(h.all), asked/len(codes))
}

// clickHot lets people click on links for a while, all of whom must be redirected.
func (h *herd) clickHot(t *testing.T, links []oracle.Link, d time.Duration) load.Percentiles {
	t.Helper()
	answers := h.start(t, 0, int(d.Seconds()*200), 200, requests{
		func(i int) string { return links[i%len(links)].Path }, func(i int) string { return links[i%len(links)].URL },
	}).Answers()
	if tally := oracle.Count(answers); tally.Answered != tally.Issued {
		t.Errorf("%d of %d people were redirected", tally.Answered, tally.Issued)
	}
	took := load.Latencies(answers, load.Answer.Latency)
	return load.Percentiles{P50: took.P50.Round(10 * time.Microsecond), P99: took.P99.Round(10 * time.Microsecond)}
}

func (h *herd) refused(t *testing.T) int {
	t.Helper()
	return stage.Meter(t, h.all, "longtail_resolve_total", `tier="check"`)
}

// resident is the memory of the instance that has most.
func (h *herd) resident(t *testing.T) (most int) {
	t.Helper()
	for i := range h.all {
		most = max(most, stage.Meter(t, h.all[i:i+1], "process_resident_memory_bytes"))
	}
	return most
}
