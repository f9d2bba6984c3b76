package api

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"longtail/redirector/internal/account"
	"longtail/redirector/internal/problem"
	"longtail/shared/click"
	"longtail/shared/storage"
)

// DeadLetters are the clicks that were set aside.
type DeadLetters interface {
	DeadLetters(ctx context.Context, f storage.LetterFilter) ([]storage.KeptLetter, error)
	DeadLetter(ctx context.Context, id [16]byte) (storage.KeptLetter, bool, error)
	HeldLetters(ctx context.Context, reason string, do func(ids [][16]byte) error) error
	DropDeadLetters(ctx context.Context, ids [][16]byte) (int, error)
	// Replay tries them again: what is stored now is no dead letter any more. It may be repeated.
	Replay(ctx context.Context, ids [][16]byte) (stored, refused int, err error)
}

func (s *server) letterRoutes() {
	register(s, call{method: http.MethodGet, path: "/api/v1/ops/deadletters", id: "list-deadletters",
		summary: "Clicks that were set aside and are held, the oldest first", role: account.Operator}, s.listLetters)
	register(s, call{method: http.MethodPost, path: "/api/v1/ops/deadletters/replay", id: "replay-deadletters",
		summary: "Try them again: what is stored now is no dead letter any more", role: account.Operator, body: letterChoice{}}, s.replayLetters)
	register(s, call{method: http.MethodPost, path: "/api/v1/ops/deadletters/drop", id: "drop-deadletters",
		summary: "Give them up for good; they stay set aside in the balance", role: account.Operator, body: letterChoice{}}, s.dropLetters)
}

// letterView is a dead letter as callers see it. Its frame is not told: it holds a person's address and agent.
type letterView struct {
	ID      string `json:"id" doc:"The click's event id, or the hash of bytes that are no click."`
	At      moment `json:"at"`
	Reason  string `json:"reason"`
	Detail  string `json:"detail"`
	Account uint32 `json:"account" doc:"0 = not known."`
}

type letterPage struct{ Body page[letterView] }

func (s *server) listLetters(ctx context.Context, _ account.Principal, in *struct {
	Reason string `query:"reason" doc:"Only those of this reason."`
	Paging
}) (*letterPage, error) {
	scope := "deadletters\x00" + in.Reason
	after, limit, err := in.parse(scope)
	if err != nil {
		return nil, err
	}
	f := storage.LetterFilter{Reason: in.Reason, Held: true, Limit: limit + 1}
	copy(f.After[:], after)
	found, err := s.letters.DeadLetters(ctx, f)
	if err != nil {
		return nil, err
	}
	out := &letterPage{}
	if len(found) > limit {
		found = found[:limit]
		out.Body.Next = cursor(scope, found[limit-1].ID[:])
	}
	out.Body.Data = make([]letterView, len(found))
	for i, l := range found {
		out.Body.Data[i] = letterView{click.ID(l.ID).String(), moment(l.AtMS), l.Reason, l.Detail, l.Account}
	}
	return out, nil
}

// letterChoice names letters one by one, or all that are held for a reason.
type letterChoice struct {
	IDs    []string `json:"ids,omitempty" maxItems:"1000" doc:"Of letters that are held; reason is left out then."`
	Reason string   `json:"reason,omitempty" doc:"All that are held for this reason; ids are left out then."`
}

func (c *letterChoice) String() string {
	if c.Reason != "" {
		return c.Reason
	}
	return strconv.Itoa(len(c.IDs)) + " letters: " + strings.Join(c.IDs, " ")
}

// each calls do with the chosen ids, once the audit has what is done to them. A wrong choice changes nothing.
func (s *server) each(ctx context.Context, who account.Principal, action string, c letterChoice, do func(ids [][16]byte) error) error {
	noted := false
	return s.chosen(ctx, c, func(ids [][16]byte) error {
		if !noted {
			if err := s.audit.AuditAction(ctx, who.Account, action, c.String()); err != nil {
				return err
			}
			noted = true
		}
		return do(ids)
	})
}

func (s *server) chosen(ctx context.Context, c letterChoice, do func(ids [][16]byte) error) error {
	var bad problem.Fields
	switch {
	case len(c.IDs) == 0 && c.Reason == "":
		bad.Add("ids", problem.RuleRequired, "name ids or a reason")
	case len(c.IDs) > 0 && c.Reason != "":
		bad.Add("reason", problem.RuleUnknown, "name ids or a reason, not both")
	case len(c.IDs) > 1000:
		bad.Add("ids", problem.RuleLength, "at most 1000 at once")
	case c.Reason != "":
		return s.letters.HeldLetters(ctx, c.Reason, do)
	}
	ids := make([][16]byte, len(c.IDs))
	for i, text := range c.IDs {
		id, err := click.ParseID(text)
		if err != nil {
			bad.Add("ids", problem.RuleShape, "32 hexadecimal digits each")
			break
		}
		ids[i] = id
	}
	if err := bad.Err(); err != nil {
		return err
	}
	for _, id := range ids {
		letter, found, err := s.letters.DeadLetter(ctx, id)
		if err != nil {
			return err
		}
		if !found || letter.State != storage.LetterHeld {
			bad.Add("ids", problem.RuleRange, "no letter "+click.ID(id).String()+" is held")
			return bad.Err()
		}
	}
	return do(ids)
}

type replayAnswer struct {
	Body struct {
		Stored  int `json:"stored"`
		Refused int `json:"refused" doc:"Set aside again, for the reason that the list tells."`
	}
}

func (s *server) replayLetters(ctx context.Context, who account.Principal, in *struct {
	Doc document[letterChoice]
}) (*replayAnswer, error) {
	out := &replayAnswer{}
	return out, s.each(ctx, who, "deadletters.replay", in.Doc.value, func(ids [][16]byte) error {
		stored, refused, err := s.letters.Replay(ctx, ids)
		out.Body.Stored, out.Body.Refused = out.Body.Stored+stored, out.Body.Refused+refused
		return err
	})
}

type dropAnswer struct {
	Body struct {
		Dropped int `json:"dropped"`
	}
}

func (s *server) dropLetters(ctx context.Context, who account.Principal, in *struct {
	Doc document[letterChoice]
}) (*dropAnswer, error) {
	out := &dropAnswer{}
	return out, s.each(ctx, who, "deadletters.drop", in.Doc.value, func(ids [][16]byte) error {
		n, err := s.letters.DropDeadLetters(ctx, ids)
		out.Body.Dropped += n
		return err
	})
}
