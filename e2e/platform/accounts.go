package platform

import (
	"context"
	"encoding/json"
	"net/http"
)

// NewAccount makes an account, as the operator, and returns its number and the API as its admin sees it.
func (a *API) NewAccount(ctx context.Context, name string) (number string, admin *API, err error) {
	var made struct{ Account json.Number }
	if err := a.send(ctx, http.MethodPost, "/api/v1/accounts", map[string]any{"name": name}, &made); err != nil {
		return "", nil, err
	}
	number = made.Account.String()
	var boss struct{ Key string }
	err = a.send(ctx, http.MethodPost, "/api/v1/keys?account="+number, map[string]any{"role": "admin", "name": "boss of " + name}, &boss)
	return number, &API{Base: a.Base, Key: boss.Key}, err
}

// A Domain is what the API tells of one: the records of which one proves it.
type Domain struct {
	Verification struct{ CNAME, TXT struct{ Name, Value string } }
}

// ClaimDomain says that a domain is the account's, which proves nothing.
func (a *API) ClaimDomain(ctx context.Context, host string) (Domain, error) {
	var d Domain
	err := a.send(ctx, http.MethodPost, "/api/v1/domains", map[string]any{"domain": host}, &d)
	return d, err
}

// VerifyDomain has the proof looked for in DNS.
func (a *API) VerifyDomain(ctx context.Context, host string) error {
	return a.send(ctx, http.MethodPost, "/api/v1/domains/"+host+"/verify", nil, nil)
}
