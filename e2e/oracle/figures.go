package oracle

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Cell is a link's minute.
type Cell struct {
	Code   string
	Minute time.Time
}

// Figures are the same clicks as told in other places than their rows.
type Figures struct {
	Cells      map[Cell]int   // v_click_minutes
	Recipients map[string]int // v_recipient_first: rows by recipient
	Stats      *Stats         // the API's; nil when there is none
}

// Stats are the API's figures of a campaign over its lifetime.
type Stats struct {
	Clicks, Human, Machine, Unknown, UniqueRecipients int

	Links map[string]LinkStats // by code
}

// linksTold is how many links the API tells of at most: those that were clicked most.
const linksTold = 1000

// LinkStats are a link's figures.
type LinkStats struct{ Clicks, UniqueRecipients int }

// Differences tells where the figures do not say what the rows say.
func Differences(rows []Row, f Figures) []string {
	var all []string
	differ := func(what string, got, want int) {
		if got != want {
			all = append(all, fmt.Sprintf("%s is %d, the rows say %d", what, got, want))
		}
	}
	cells, recipients, links, perLink := map[Cell]int{}, map[string]int{}, map[string]int{}, map[string]map[string]bool{}
	for _, r := range rows {
		cells[Cell{r.Code, time.UnixMilli(r.TimeMS).UTC().Truncate(time.Minute)}]++
		links[r.Code]++
		if r.Token == "valid" {
			recipients[r.Recipient] = 1
			if perLink[r.Code] == nil {
				perLink[r.Code] = map[string]bool{}
			}
			perLink[r.Code][r.Recipient] = true
		}
	}
	all = append(all, differingCells(f.Cells, cells)...)
	if !maps.Equal(f.Recipients, recipients) {
		all = append(all, fmt.Sprintf("v_recipient_first has %d recipients, the rows say %d, or others", len(f.Recipients), len(recipients)))
	}
	if s := f.Stats; s != nil {
		differ("stats.clicks", s.Clicks, len(rows))
		differ("human + machine + unknown", s.Human+s.Machine+s.Unknown, s.Clicks)
		differ("stats.unique_recipients", s.UniqueRecipients, len(recipients))
		for _, code := range slices.Sorted(maps.Keys(links)) {
			if _, listed := s.Links[code]; !listed && len(s.Links) == linksTold {
				continue
			}
			differ("stats of link "+code+": clicks", s.Links[code].Clicks, links[code])
			differ("stats of link "+code+": unique recipients", s.Links[code].UniqueRecipients, len(perLink[code]))
		}
	}
	return all
}

// differingCells tells the cells of v_click_minutes that differ from the rows'.
func differingCells(got, want map[Cell]int) []string {
	var all []string
	keys := maps.Clone(want)
	maps.Copy(keys, got)
	for cell := range keys {
		if got[cell] != want[cell] {
			all = append(all, fmt.Sprintf("v_click_minutes has %d clicks of link %s in the minute %s, the rows say %d",
				got[cell], cell.Code, cell.Minute.Format("15:04"), want[cell]))
		}
	}
	slices.Sort(all)
	if n := len(all); n > maxExamples {
		all = append(all[:maxExamples], fmt.Sprintf("and %d cells more of v_click_minutes differ", n-maxExamples))
	}
	return all
}

// Sum adds the cells.
func (f Figures) Sum() int {
	n := 0
	for _, k := range f.Cells {
		n += k
	}
	return n
}
