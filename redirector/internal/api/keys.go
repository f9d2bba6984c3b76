package api

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"longtail/redirector/internal/account"
	"longtail/shared/link"
	"longtail/shared/storage"
)

func (s *server) keyRoutes() {
	register(s, call{method: http.MethodPost, path: "/api/v1/keys", id: "create-key", summary: "Make an API key; its text is shown only in this answer",
		role: account.Admin, status: http.StatusCreated, body: newKeyBody{}, once: true, secret: true}, s.createKey)
	register(s, call{method: http.MethodGet, path: "/api/v1/keys", id: "list-keys", summary: "Keys of the account, the oldest first, without their text",
		role: account.Admin}, s.listKeys)
	register(s, call{method: http.MethodGet, path: "/api/v1/keys/{key}", id: "get-key", summary: "One key, without its text", role: account.Admin}, s.getKey)
	register(s, call{method: http.MethodPatch, path: "/api/v1/keys/{key}", id: "edit-key",
		summary: "Change a key, or stop all links that it made (merge patch)",
		role:    account.Admin, body: keyPatch{}, media: "application/merge-patch+json"}, s.editKey)
	register(s, call{method: http.MethodDelete, path: "/api/v1/keys/{key}", id: "revoke-key",
		summary: "End a key for ever: every redirector refuses it within 5 s; its links live on",
		role:    account.Admin, status: http.StatusNoContent}, s.revokeKey)
}

type newKeyBody struct {
	Role      string   `json:"role" enum:"read,write,admin,operator" doc:"read < write < admin of the account; operator: the installation. At most the role of the key that asks."`
	Name      string   `json:"name,omitempty" doc:"For people."`
	ExpiresAt moment   `json:"expires_at,omitempty"`
	Rate      int      `json:"rate,omitempty" doc:"Requests a second, twice as many in a burst; the installation's if not given."`
	Hosts     []string `json:"hosts,omitempty" doc:"To which its links may lead: shop.example, or *.shop.example for all below it; everywhere if not given."`
}

// keyPatch is a merge patch of a key.
type keyPatch struct {
	Name      optional[string]   `json:"name,omitzero"`
	ExpiresAt optional[moment]   `json:"expires_at,omitzero" doc:"null = never"`
	Rate      optional[int]      `json:"rate,omitzero" doc:"null = the installation's"`
	Hosts     optional[[]string] `json:"hosts,omitzero" doc:"null = everywhere"`
	Stopped   optional[bool]     `json:"stopped,omitzero" doc:"While true all links that the key made answer as disabled ones, on every redirector within 2 s. The key itself goes on."`
}

func (*keyPatch) fixed() []string {
	return []string{"id", "key", "account", "role", "created_at", "revoked_at", "stopped_at"}
}

// apiKeyView is an API key as callers see it.
type apiKeyView struct {
	ID        string   `json:"id" doc:"The eight characters behind lt_."`
	Key       string   `json:"key,omitempty" doc:"The key itself, only in the answer that made it."`
	Account   uint32   `json:"account"`
	Role      string   `json:"role" enum:"read,write,admin,operator"`
	Name      string   `json:"name"`
	CreatedAt moment   `json:"created_at"`
	ExpiresAt *moment  `json:"expires_at" nullable:"true"`
	RevokedAt *moment  `json:"revoked_at" nullable:"true"`
	Stopped   bool     `json:"stopped"`
	StoppedAt *moment  `json:"stopped_at" nullable:"true"`
	Rate      *int     `json:"rate" doc:"null = the installation's"`
	Hosts     []string `json:"hosts" doc:"Empty = everywhere."`
}

func viewKey(k account.Key, text string) apiKeyView {
	v := apiKeyView{ID: k.ID.String(), Key: text, Account: k.Account, Role: k.Role.String(), Name: k.Name, CreatedAt: moment(k.CreatedMS),
		ExpiresAt: orNull(k.ExpiresMS), RevokedAt: orNull(k.RevokedMS), Stopped: k.StoppedMS != 0, StoppedAt: orNull(k.StoppedMS), Hosts: list(k.Hosts)}
	if k.RatePerS != 0 {
		v.Rate = &k.RatePerS
	}
	return v
}

type apiKeyAnswer struct{ Body apiKeyView }

func (s *server) createKey(ctx context.Context, who account.Principal, in *struct {
	ForAccount
	Key string `header:"Idempotency-Key" doc:"The same key with the same body within 24 h, asked with the same API key, gets the same answer with the same new key; until then it is kept encrypted, with a secret that is not in the database."`
	Doc document[newKeyBody]
}) (*apiKeyAnswer, error) {
	owner, err := in.owner(ctx, s, who)
	if err != nil {
		return nil, err
	}
	b := in.Doc.value
	role, _ := account.ParseRole(b.Role) // what is no role is refused with all the rest
	want := account.NewKey{Account: owner, Role: role, Name: b.Name, Rate: b.Rate, Hosts: b.Hosts}
	if b.ExpiresAt != 0 {
		want.Expires = time.UnixMilli(int64(b.ExpiresAt))
	}
	text, key, err := s.accounts.CreateKey(ctx, who, want)
	if err != nil {
		return nil, err
	}
	return &apiKeyAnswer{viewKey(key, text)}, nil
}

// WhichKey names a key.
type WhichKey struct {
	ForAccount
	Key string `path:"key" doc:"Its id."`
}

// find returns the account and the id of the key that is meant.
func (w *WhichKey) find(ctx context.Context, s *server, who account.Principal) (uint32, account.KeyID, error) {
	id, ok := account.ParseKeyID(w.Key)
	if !ok {
		return 0, id, link.ErrNotFound
	}
	owner, err := w.owner(ctx, s, who)
	return owner, id, err
}

func (s *server) getKey(ctx context.Context, who account.Principal, in *WhichKey) (*apiKeyAnswer, error) {
	owner, id, err := in.find(ctx, s, who)
	if err != nil {
		return nil, err
	}
	key, err := s.accounts.Key(ctx, owner, id)
	if err != nil {
		return nil, err
	}
	return &apiKeyAnswer{viewKey(key, "")}, nil
}

func (s *server) changeKey(ctx context.Context, who account.Principal, which *WhichKey, patch storage.KeyPatch) (*apiKeyAnswer, error) {
	owner, id, err := which.find(ctx, s, who)
	if err != nil {
		return nil, err
	}
	key, err := s.accounts.ChangeKey(ctx, who, owner, id, patch)
	if err != nil {
		return nil, err
	}
	return &apiKeyAnswer{viewKey(key, "")}, nil
}

func (s *server) editKey(ctx context.Context, who account.Principal, in *struct {
	WhichKey
	Doc document[keyPatch]
}) (*apiKeyAnswer, error) {
	p := in.Doc.value
	return s.changeKey(ctx, who, &in.WhichKey, storage.KeyPatch{Name: p.Name.ptr(), ExpiresMS: (*int64)(p.ExpiresAt.ptr()), RatePerS: p.Rate.ptr(),
		Hosts: p.Hosts.ptr(), Stopped: p.Stopped.ptr()})
}

func (s *server) revokeKey(ctx context.Context, who account.Principal, in *WhichKey) (*struct{}, error) {
	_, err := s.changeKey(ctx, who, in, storage.KeyPatch{Revoked: true})
	return nil, err
}

type apiKeyPage struct{ Body page[apiKeyView] }

func (s *server) listKeys(ctx context.Context, who account.Principal, in *struct {
	ForAccount
	Paging
}) (*apiKeyPage, error) {
	owner, err := in.owner(ctx, s, who)
	if err != nil {
		return nil, err
	}
	scope := "keys\x00" + strconv.FormatUint(uint64(owner), 10)
	after, limit, err := in.parse(scope)
	if err != nil {
		return nil, err
	}
	keys, err := s.accounts.Keys(ctx, owner)
	if err != nil {
		return nil, err
	}
	// A key is never deleted, so the one that ended the page before is still there.
	first := slices.IndexFunc(keys, func(k account.Key) bool { return k.ID.String() == string(after) }) + 1
	keys = keys[first:]
	out := &apiKeyPage{page[apiKeyView]{Data: []apiKeyView{}}}
	if len(keys) > limit {
		keys = keys[:limit]
		out.Body.Next = cursor(scope, []byte(keys[limit-1].ID.String()))
	}
	for _, k := range keys {
		out.Body.Data = append(out.Body.Data, viewKey(k, ""))
	}
	return out, nil
}
