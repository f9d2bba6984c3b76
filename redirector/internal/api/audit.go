package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"longtail/redirector/internal/account"
	"longtail/shared/link"
	"longtail/shared/storage"
)

// An AuditLog keeps who changed what, written in the transaction of each change.
type AuditLog interface {
	// AuditAction writes an entry of what is no change of an object, in the name of the context's actor.
	AuditAction(ctx context.Context, account uint32, action, object string) error
	// AuditLog returns up to limit entries of an account, newest first, with ids below before (0 = from the newest).
	AuditLog(ctx context.Context, account uint32, before uint64, limit int) ([]storage.AuditEntry, error)
}

func (s *server) auditRoutes() {
	register(s, call{method: http.MethodGet, path: "/api/v1/audit", id: "audit", summary: "Who changed what, newest first", role: account.Admin}, s.listAudit)
}

// auditView is one change. What was made has no before, what is gone says so in after.
type auditView struct {
	At     moment         `json:"at"`
	Actor  string         `json:"actor" doc:"The id of the API key, bootstrap, or the command."`
	Action string         `json:"action" doc:"Such as link.update, key.revoke, account.stop."`
	Object string         `json:"object" doc:"The code, campaign, domain, or id of the key or the account."`
	Before map[string]any `json:"before"`
	After  map[string]any `json:"after"`
}

type auditPage struct{ Body page[auditView] }

func (s *server) listAudit(ctx context.Context, who account.Principal, in *struct {
	ForAccount
	Paging
}) (*auditPage, error) {
	owner, err := in.owner(ctx, s, who)
	if err != nil {
		return nil, err
	}
	scope := "audit\x00" + strconv.FormatUint(uint64(owner), 10)
	before, limit, err := in.number(scope)
	if err != nil {
		return nil, err
	}
	entries, err := s.audit.AuditLog(ctx, owner, before, limit+1)
	if err != nil {
		return nil, err
	}
	next := uint64(0)
	if len(entries) > limit {
		entries = entries[:limit]
		next = entries[limit-1].ID
	}
	out := &auditPage{page[auditView]{Data: make([]auditView, len(entries)), Next: numberCursor(scope, next)}}
	for i, e := range entries {
		out.Body.Data[i] = auditView{moment(e.AtMS), e.Actor, e.Action, e.Object, readable(e.Action, e.Before), readable(e.Action, e.After)}
	}
	return out, nil
}

// readable says an object as the store noted it in the API's own words: times, roles and states.
func readable(action, noted string) map[string]any {
	var object map[string]any
	if noted == "" || json.Unmarshal([]byte(noted), &object) != nil {
		return nil
	}
	for name, value := range object {
		n, isNumber := value.(float64)
		switch at, isTime := strings.CutSuffix(name, "_ms"); {
		case isTime && isNumber:
			delete(object, name)
			object[at+"_at"] = moment(int64(n))
		case name == "role" && isNumber:
			object[name] = account.Role(n).String()
		case name == "state" && isNumber:
			object[name] = stateWords[link.State(n)]
		case name == "default" && isNumber && strings.HasPrefix(action, "domain."):
			object[name] = n != 0
		}
	}
	return object
}
