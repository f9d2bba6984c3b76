package api

import (
	"context"
	"encoding/binary"
	"encoding/csv"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"longtail/redirector/internal/account"
	"longtail/redirector/internal/problem"
	"longtail/redirector/internal/stats"
	"longtail/shared/click"
	"longtail/shared/storage"
)

func (s *server) clickRoutes() {
	register(s, call{method: http.MethodGet, path: "/api/v1/clicks", id: "export-clicks", summary: "The clicks themselves, streamed",
		role: account.Read, answers: linesTypes[0]}, s.clicks)
}

// flushEvery is how many clicks are written before the client gets them.
const flushEvery = 1000

// clickView is one exported click. Its fields are also the columns of CSV, all but the reason: programs rely on that
// header as it is.
type clickView struct {
	ID        string `json:"id"`
	Time      moment `json:"time"`
	Domain    string `json:"domain"`
	Code      string `json:"code"`
	Campaign  string `json:"campaign"`
	Recipient string `json:"recipient"`
	Token     string `json:"token"`
	Method    string `json:"method"`
	Class     string `json:"class"`
	IP        string `json:"ip"`
	UserAgent string `json:"user_agent"`
	Referrer  string `json:"referrer"`
	URL       string `json:"url"`
	Reason    string `json:"reason"`
}

var clickColumns = []string{"id", "time", "domain", "code", "campaign", "recipient", "token", "method", "class", "ip", "user_agent", "referrer", "url"}

func viewClick(c *storage.ExportedClick) clickView {
	return clickView{c.ID.String(), moment(c.ID.MS()), c.Domain, c.Code, c.Campaign, c.Recipient, c.Token, c.Method, c.Class, c.IP,
		string(c.UserAgent), string(c.Referrer), c.URL, c.Reason}
}

func (v *clickView) row() []string {
	row := []string{v.ID, v.Time.String(), v.Domain, v.Code, v.Campaign, v.Recipient, v.Token, v.Method, v.Class, v.IP, v.UserAgent, v.Referrer, v.URL}
	for i := range row {
		row[i] = plainCell(row[i])
	}
	return row
}

// formulaBegins are the letters with which a spreadsheet may let a formula begin. It takes those of full width for the
// plain ones. The apostrophe is there so that taking one away gives every text back.
const formulaBegins = "=+-@\t\r\n\x00'\uff1d\uff0b\uff0d\uff20"

// plainCell keeps a spreadsheet from taking a text for a formula: an apostrophe stands before what could begin one.
func plainCell(text string) string {
	if first, _ := utf8.DecodeRuneInString(text); strings.ContainsRune(formulaBegins, first) {
		return "'" + text
	}
	return text
}

// exportStream is an answer of clicks. Next is known before the first click: the answer ends where it says.
type exportStream struct {
	Type string `header:"Content-Type"`
	Next string `header:"Next-Cursor" doc:"The cursor that goes on where this answer ends, once new clicks are complete."`
	Body func(huma.Context)
}

func (s *server) clicks(ctx context.Context, who account.Principal, in *struct {
	Campaign string `query:"campaign" doc:"Without it: all campaigns, one after another."`
	From     string `query:"from"`
	To       string `query:"to"`
	Format   string `query:"format" doc:"ndjson (if not given) or csv, whose cells that could be formulas have an apostrophe before them. Lines of ndjson also have a reason: the rule by which the class is machine, prefetch or crawler, else empty."`
	Cursor   string `query:"cursor" doc:"Next-Cursor of the answer before; or, with a campaign, the id of the last click that arrived."`
}) (*exportStream, error) {
	var bad problem.Fields
	ask := stats.Export{Account: who.Account, FromMS: readMoment(&bad, "from", in.From), ToMS: readMoment(&bad, "to", in.To)}
	if in.Format != "" && in.Format != "ndjson" && in.Format != "csv" {
		bad.Add("format", problem.RuleOneOf, "ndjson or csv")
	}
	scope := "clicks\x00" + who.Scope() + "\x00" + in.Campaign
	readExportCursor(&bad, &ask, scope, in.Cursor, in.Campaign != "")
	if err := bad.Err(); err != nil {
		return nil, err
	}
	if in.Campaign != "" {
		c, err := s.links.Campaign(ctx, who, in.Campaign)
		if err != nil {
			return nil, err
		}
		ask.Campaign = c.ID
	}
	stream, err := s.stats.Export(ctx, ask)
	if err != nil {
		return nil, err
	}
	out := &exportStream{Type: linesTypes[0], Next: *numberCursor(scope, uint64(max(stream.UptoMS, 1)))}
	write := writeLines
	if in.Format == "csv" {
		out.Type, write = "text/csv; charset=utf-8; header=present", writeCSV
	}
	out.Body = func(huma.Context) {
		if err := write(ctx, newLines(of(ctx)), stream); err != nil {
			of(ctx).log.Warn("export cut", "err", err)
			panic(http.ErrAbortHandler) // the client must not take it for the end
		}
	}
	return out, nil
}

// readExportCursor lets an export begin where another one ended.
func readExportCursor(bad *problem.Fields, ask *stats.Export, scope, text string, one bool) {
	if id, err := click.ParseID(text); err == nil && one {
		ask.After = id
		if ask.FromMS == nil || *ask.FromMS < id.MS() {
			ask.FromMS = new(id.MS())
		}
		return
	}
	place, ok := parseCursor(scope, text)
	switch {
	case !ok || place != nil && len(place) != 8:
		bad.Add("cursor", problem.RuleCursor, "not a cursor of this export")
	case place != nil:
		at := int64(binary.BigEndian.Uint64(place))
		if ask.FromMS == nil || *ask.FromMS < at {
			ask.FromMS = &at
		}
	}
}

func writeLines(ctx context.Context, out *lines, stream *stats.Stream) error {
	n := 0
	for c, err := range stream.Clicks(ctx) {
		if err != nil {
			return err
		}
		if err := out.put(viewClick(c)); err != nil {
			return err
		}
		if n++; n%flushEvery == 0 {
			if err := out.flush(); err != nil {
				return err
			}
		}
	}
	return out.flush()
}

func writeCSV(ctx context.Context, out *lines, stream *stats.Stream) error {
	w := csv.NewWriter(out.buffer)
	if err := w.Write(clickColumns); err != nil {
		return err
	}
	for c, err := range stream.Clicks(ctx) {
		if err != nil {
			return err
		}
		v := viewClick(c)
		if err := w.Write(v.row()); err != nil {
			return err
		}
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return err
	}
	return out.flush()
}
