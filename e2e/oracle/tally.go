package oracle

import (
	"fmt"
	"strings"

	"longtail/e2e/load"
)

// A Row is a click as stored. Token and Method are words of v_clicks.
type Row struct {
	ID, Code, Recipient, Token, Method, UserAgent, Referrer, URL string

	TimeMS, InsertedMS int64
}

// Tally compares the clicks that were issued with the rows that are there.
type Tally struct {
	Issued     int
	NotSent    int            // no connection, or the run was interrupted
	Unanswered int            // sent, and the answer is not known
	Answered   int            // a 302 to the right target: each must be one row
	Astray     int            // a 302 to a wrong target
	Others     map[uint16]int // other answers by status
	Rows       int
	Lost       int // answered, no row
	Duplicated int // rows beyond the first of a click
	Unexpected int // rows that no request explains, or that differ from the click
	Recovered  int // rows of clicks whose answer is not known
	Examples   []string
}

// maxExamples bounds how many broken promises are told one by one.
const maxExamples = 10

func (t *Tally) example(format string, args ...any) {
	if len(t.Examples) < maxExamples {
		t.Examples = append(t.Examples, fmt.Sprintf(format, args...))
	}
}

// Broken tells whether a promise of delivery broke.
func (t *Tally) Broken() bool {
	return t.Lost != 0 || t.Duplicated != 0 || t.Unexpected != 0 || t.Astray != 0 || t.Recovered > t.Unanswered
}

// Count makes a tally of the answers alone.
func Count(answers []load.Answer) *Tally {
	t := &Tally{Issued: len(answers), Others: map[uint16]int{}}
	t.countAnswers(answers)
	return t
}

// Compare makes the tally. signed tells whether rows must carry a valid token.
func (c *Campaign) Compare(answers []load.Answer, rows []Row, signed bool) *Tally {
	t := Count(answers)
	t.Rows = len(rows)
	seen := make([]bool, len(answers))
	for i := range rows {
		n, err := c.explain(&rows[i], answers, signed)
		switch {
		case err != nil:
			t.Unexpected++
			t.example("unexpected row %s: %v", rows[i].ID, err)
		case seen[n]:
			t.Duplicated++
			t.example("duplicated: click %d has another row %s", n, rows[i].ID)
		default:
			seen[n] = true
			if answers[n].Fate == load.Unknown {
				t.Recovered++
			}
		}
	}
	for n := range answers {
		if answers[n].Fate == load.Answered && !seen[n] {
			t.Lost++
			t.example("lost: click %d, answered %v after the start, has no row", n, answers[n].Done)
		}
	}
	return t
}

func (t *Tally) countAnswers(answers []load.Answer) {
	for n, a := range answers {
		switch a.Fate {
		case load.NotSent:
			t.NotSent++
		case load.Unknown:
			t.Unanswered++
		case load.Answered:
			t.Answered++
		case load.Astray:
			t.Astray++
			t.example("astray: click %d was sent to another target", n)
		case load.Other:
			t.Others[a.Status]++
		}
	}
}

// explain finds the click that a row is of. A row is unexpected when its click was never sent, or was told something
// else than a redirect, or differs in any byte.
func (c *Campaign) explain(row *Row, answers []load.Answer, signed bool) (int, error) {
	n, err := Number(row.UserAgent)
	if err != nil {
		return 0, err
	}
	if n >= len(answers) {
		return 0, fmt.Errorf("click %d was never issued", n)
	}
	switch answers[n].Fate {
	case load.NotSent:
		return 0, fmt.Errorf("click %d was never sent", n)
	case load.Other:
		return 0, fmt.Errorf("click %d was answered with %d", n, answers[n].Status)
	}
	click := c.Click(n)
	l := c.Links[click.Link]
	want := Row{Code: l.Code, Recipient: click.Recipient, Token: "valid", Method: "GET", UserAgent: click.UserAgent, Referrer: click.Referrer, URL: l.URL}
	got := *row
	got.ID, got.TimeMS, got.InsertedMS = "", 0, 0
	if !signed {
		got.Token = want.Token
	}
	if got != want {
		return 0, fmt.Errorf("click %d is stored as %s, want %s", n, got, want)
	}
	return n, nil
}

// String tells a row's content.
func (r Row) String() string {
	return strings.Join([]string{r.Method, r.Code, r.Recipient, r.Token, r.UserAgent, r.Referrer, r.URL}, " | ")
}
