package api

import (
	"context"
	"net/http"
	"strconv"

	"longtail/redirector/internal/account"
	"longtail/redirector/internal/problem"
	"longtail/shared/link"
	"longtail/shared/storage"
)

func (s *server) accountRoutes() {
	register(s, call{method: http.MethodPost, path: "/api/v1/accounts", id: "create-account", summary: "Make an account",
		role: account.Operator, status: http.StatusCreated, errors: []int{409}, body: newAccountBody{}, once: true}, s.createAccount)
	register(s, call{method: http.MethodGet, path: "/api/v1/accounts", id: "list-accounts", summary: "All accounts, newest first",
		role: account.Operator}, s.listAccounts)
	register(s, call{method: http.MethodGet, path: "/api/v1/accounts/{account}", id: "get-account", summary: "One account",
		role: account.Operator}, s.getAccount)
	register(s, call{method: http.MethodPatch, path: "/api/v1/accounts/{account}", id: "edit-account",
		summary: "Rename an account, stop all its links, or lock the hosts of its targets (merge patch)",
		role:    account.Operator, body: accountPatch{}, media: "application/merge-patch+json"}, s.editAccount)
}

// ForAccount says in whose name a call works that the operator may make for every account.
type ForAccount struct {
	Account string `query:"account" doc:"An account's number; only the operator may name another one than his own."`
}

// owner is the account in which the call works.
func (a *ForAccount) owner(ctx context.Context, s *server, who account.Principal) (uint32, error) {
	if a.Account == "" {
		return who.Account, nil
	}
	id, err := parseAccount(a.Account)
	if err != nil {
		return 0, err
	}
	return s.accounts.Speaks(ctx, who, id)
}

// parseAccount reads the number of an account; what is none is the number of nobody.
func parseAccount(text string) (uint32, error) {
	id, err := strconv.ParseUint(text, 10, 32)
	if err != nil || id == 0 || text != strconv.FormatUint(id, 10) {
		return 0, link.ErrNotFound
	}
	return uint32(id), nil
}

type newAccountBody struct {
	Name string `json:"name" doc:"For people."`
}

// accountPatch is a merge patch of an account.
type accountPatch struct {
	Name      optional[string] `json:"name,omitzero"`
	Stopped   optional[bool]   `json:"stopped,omitzero" doc:"While true all links of the account answer as disabled ones, on every redirector within 2 s."`
	LockHosts optional[bool]   `json:"lock_target_hosts,omitzero" doc:"While true no edit, redirect_all or fallback_url changes the host to which a click leads."`
}

func (*accountPatch) fixed() []string { return []string{"account", "stopped_at", "created_at"} }

// accountView is an account as the operator sees it.
type accountView struct {
	Account   uint32  `json:"account" doc:"Its number."`
	Name      string  `json:"name"`
	Stopped   bool    `json:"stopped"`
	StoppedAt *moment `json:"stopped_at" nullable:"true"`
	LockHosts bool    `json:"lock_target_hosts"`
	CreatedAt moment  `json:"created_at"`
}

func viewAccount(a storage.Account) accountView {
	return accountView{a.ID, a.Name, a.StoppedMS != 0, orNull(a.StoppedMS), a.LockHosts, moment(a.CreatedMS)}
}

type accountAnswer struct{ Body accountView }

func answerAccount(a storage.Account, err error) (*accountAnswer, error) {
	if err != nil {
		return nil, err
	}
	return &accountAnswer{viewAccount(a)}, nil
}

func (s *server) createAccount(ctx context.Context, _ account.Principal, in *struct {
	Key string `header:"Idempotency-Key" doc:"The same key with the same body within 24 h gets the same answer."`
	Doc document[newAccountBody]
}) (*accountAnswer, error) {
	return answerAccount(s.accounts.CreateAccount(ctx, in.Doc.value.Name))
}

// InAccount names an account.
type InAccount struct {
	Account string `path:"account"`
}

func (s *server) getAccount(ctx context.Context, _ account.Principal, in *InAccount) (*accountAnswer, error) {
	id, err := parseAccount(in.Account)
	if err != nil {
		return nil, err
	}
	return answerAccount(s.accounts.Account(ctx, id))
}

func (s *server) editAccount(ctx context.Context, _ account.Principal, in *struct {
	InAccount
	Doc document[accountPatch]
}) (*accountAnswer, error) {
	id, err := parseAccount(in.Account)
	if err != nil {
		return nil, err
	}
	p := in.Doc.value
	if p.Name.set && p.Name.value == "" {
		return nil, problem.New(problem.Invalid, problem.Field{Field: "name", Rule: problem.RuleRequired, Detail: "whose account it is"})
	}
	return answerAccount(s.accounts.ChangeAccount(ctx, id, storage.AccountPatch{Name: p.Name.ptr(), Stopped: p.Stopped.ptr(), LockHosts: p.LockHosts.ptr()}))
}

type accountPage struct{ Body page[accountView] }

func (s *server) listAccounts(ctx context.Context, _ account.Principal, in *struct{ Paging }) (*accountPage, error) {
	const scope = "accounts"
	before, limit, err := in.number(scope)
	if err != nil {
		return nil, err
	}
	found, next, err := s.accounts.Accounts(ctx, before, limit)
	if err != nil {
		return nil, err
	}
	out := &accountPage{page[accountView]{Data: make([]accountView, len(found)), Next: numberCursor(scope, next)}}
	for i, a := range found {
		out.Body.Data[i] = viewAccount(a)
	}
	return out, nil
}
