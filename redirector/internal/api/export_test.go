package api

import "longtail/redirector/internal/account"

// A Route is a row of the route table, for tests that go through all of them.
type Route struct {
	Method, Path, ID string
	Role             account.Role
	Open             bool
	HasBody          bool
}

// Routes returns the route table.
func Routes(o Options) []Route {
	_, s := build(o)
	routes := make([]Route, len(s.calls))
	for i, c := range s.calls {
		routes[i] = Route{c.method, c.path, c.id, c.role, c.open, c.body != nil}
	}
	return routes
}
