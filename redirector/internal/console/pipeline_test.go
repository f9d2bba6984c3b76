package console

import (
	"encoding/json"
	"regexp"
	"slices"
	"testing"
)

// Beside each keeper's count stands how old its oldest click is, also when the page is brought up to date. The place for it
// is there when nothing waits, so that nothing jumps.
func TestPipelineTellsTheOldestOfEachKeeper(t *testing.T) {
	r := newRig(t)
	cookie, _ := r.signIn("the bootstrap key")
	ages := regexp.MustCompile(`<span>(\w+)</span><strong>(\d+)</strong><small>[a-z ]+</small><small class="age"[^>]*>(?:<em>(\w+)</em> )?([^<]*)</small>`)
	for _, c := range []struct {
		more map[string]any
		want []string
	}{
		{nil, []string{"spool 0  ", "broker 0  ", "workers 0  "}},
		{map[string]any{
			"backlog": map[string]int{"spool": 7, "broker": 8, "held": 9},
			"oldest":  map[string]any{"spool": 4.2, "broker": 7260.0, "held": 0.0},
		}, []string{"spool 7 oldest 4 s", "broker 8 oldest ≤ 2 h", "workers 9 oldest 0 s"}},
		{map[string]any{
			"backlog": map[string]int{"spool": 0, "broker": 0, "held": 9},
			"oldest":  map[string]any{"spool": nil, "broker": nil, "held": 119.4},
		}, []string{"spool 0  ", "broker 0  ", "workers 9 oldest 119 s"}},
	} {
		r.more = c.more
		var event struct{ Parts map[string]string }
		if err := json.Unmarshal([]byte(r.body(r.send("GET", "/console/pipeline", cookie, nil, "Accept", "application/json"))), &event); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{"page": r.body(r.send("GET", "/console/pipeline", cookie, nil)), "live part": event.Parts["way"]} {
			var got []string
			for _, m := range ages.FindAllStringSubmatch(text, -1) {
				got = append(got, m[1]+" "+m[2]+" "+m[3]+" "+m[4])
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%s: %q, want %q", name, got, c.want)
			}
		}
	}
}
