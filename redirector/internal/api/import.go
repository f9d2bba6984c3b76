package api

import (
	"context"
	"encoding/csv"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"longtail/redirector/internal/account"
	"longtail/redirector/internal/links"
	"longtail/redirector/internal/problem"
)

var csvTypes = []string{"text/csv", "application/csv", "text/plain", "application/octet-stream", "application/x-www-form-urlencoded"}

func (s *server) importRoutes() {
	register(s, call{method: http.MethodPost, path: "/api/v1/links/import", id: "import-links",
		summary: "Bring another tracker's links with their codes, as CSV with a header: code, url and, as wanted, campaign, name, tags, expires_at, ref, forward_query (lists are separated by ;)",
		role:    account.Write, body: "", media: csvTypes[0], answers: linesTypes[0]}, s.importLinks)
}

// importLinks makes links with the codes that they have elsewhere, and marks the domain as having such. A repeat finds the
// links that it has made before by their codes.
func (s *server) importLinks(ctx context.Context, who account.Principal, in *struct {
	Domain string `query:"domain" doc:"A domain of the account; its default one if not given."`
}) (*lineStream, error) {
	file, err := s.keepLines(of(ctx), csvTypes)
	if err != nil {
		return nil, err
	}
	rows, err := newCSVRows(file, in.Domain)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return s.stream(ctx, file, (&bulk{server: s, who: who, source: rows}).run), nil
}

// csvRows reads links from CSV.
type csvRows struct {
	in     *csv.Reader
	domain string
	fields []func(*newLinkBody, string) error // of each column
	names  []string
}

// csvFields are the columns that may be there.
var csvFields = map[string]func(*newLinkBody, string) error{
	"code":          func(b *newLinkBody, text string) error { b.Code = &text; return nil },
	"url":           func(b *newLinkBody, text string) error { b.URL = text; return nil },
	"campaign":      func(b *newLinkBody, text string) error { b.Campaign = unlessEmpty(text); return nil },
	"name":          func(b *newLinkBody, text string) error { b.Name = text; return nil },
	"tags":          func(b *newLinkBody, text string) error { b.Tags = words(text); return nil },
	"expires_at":    csvTime,
	"ref":           func(b *newLinkBody, text string) error { b.Ref = unlessEmpty(text); return nil },
	"forward_query": func(b *newLinkBody, text string) error { b.Forward = words(text); return nil },
}

func csvTime(b *newLinkBody, text string) error {
	if text == "" {
		return nil
	}
	at, err := parseMoment(text)
	b.ExpiresAt = at
	return err
}

func unlessEmpty(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// words reads a list within a cell.
func words(text string) []string {
	if text == "" {
		return nil
	}
	all := strings.Split(text, ";")
	for i := range all {
		all[i] = strings.TrimSpace(all[i])
	}
	return slices.DeleteFunc(all, func(word string) bool { return word == "" })
}

// newCSVRows reads the header. What is wrong with it is the whole request's fault.
func newCSVRows(from io.Reader, domain string) (*csvRows, error) {
	in := csv.NewReader(from)
	in.FieldsPerRecord, in.ReuseRecord = -1, true
	header, err := in.Read()
	if err != nil {
		return nil, problem.New(problem.Invalid, problem.Field{Rule: problem.RuleCSV, Line: 1, Detail: "the first line names the columns: code,url,campaign,..."})
	}
	header[0] = strings.TrimPrefix(header[0], "\ufeff") // as spreadsheets write it
	rows := &csvRows{in: in, domain: domain}
	var bad problem.Fields
	for _, cell := range header {
		name := strings.ToLower(strings.TrimSpace(cell))
		set, known := csvFields[name]
		switch {
		case !known:
			addUnknown(&bad, rows, strings.ToValidUTF8(name, ""))
		case slices.Contains(rows.names, name):
			bad.Add(name, problem.RuleCSV, "stands twice")
		}
		rows.names, rows.fields = append(rows.names, name), append(rows.fields, set)
	}
	for _, name := range []string{"code", "url"} {
		if !slices.Contains(rows.names, name) {
			bad.Add(name, problem.RuleRequired, "a column that must be there")
		}
	}
	if err := bad.Err(); err != nil {
		return nil, problem.Of(err).AtLine(1)
	}
	return rows, nil
}

func (c *csvRows) next() (parsed, error) {
	cells, err := c.in.Read()
	var broken *csv.ParseError
	switch {
	case errors.As(err, &broken):
		return parsed{line: broken.StartLine, err: problem.New(problem.Invalid, problem.Field{Rule: problem.RuleCSV, Detail: "quotes do not pair up"})}, nil
	case err != nil:
		return parsed{}, err
	}
	p := parsed{}
	p.line, _ = c.in.FieldPos(0)
	for _, cell := range cells {
		p.size += len(cell)
	}
	p.draft, p.err = c.draft(cells)
	return p, nil
}

func (c *csvRows) draft(cells []string) (links.Draft, error) {
	var bad problem.Fields
	if len(cells) != len(c.fields) {
		bad.Add("", problem.RuleCSV, "not as many cells as the header has")
		return links.Draft{}, bad.Err()
	}
	var body newLinkBody
	for i, cell := range cells {
		if !utf8.ValidString(cell) {
			bad.Add(c.names[i], problem.RuleUTF8, "text is valid UTF-8")
		} else if err := c.fields[i](&body, cell); err != nil {
			bad.Check(c.names[i], err)
		}
	}
	if err := bad.Err(); err != nil {
		return links.Draft{}, err
	}
	draft, err := body.draft()
	draft.Domain, draft.Foreign = c.domain, true
	return draft, err
}
