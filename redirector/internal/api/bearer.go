package api

import (
	"context"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"longtail/redirector/internal/account"
)

type actingKey struct{}

// Acting returns a context in which calls of the handler are made in a principal's name, without a key: for a caller in
// this process that has proven who asks.
func Acting(ctx context.Context, who account.Principal) context.Context {
	return context.WithValue(ctx, actingKey{}, who)
}

// principal is who asks.
func (s *server) principal(ctx huma.Context) (account.Principal, error) {
	if who, ok := ctx.Context().Value(actingKey{}).(account.Principal); ok {
		return who, nil
	}
	return s.gate.Principal(ctx.Context(), bearer(ctx.Header("Authorization")))
}

// bearer returns the key of an Authorization header, or "".
func bearer(header string) string {
	scheme, key, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(key)
}
