package api

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"longtail/redirector/internal/problem"
)

// openAPI is as much of the OpenAPI document as the tests read.
type openAPI struct {
	OpenAPI string
	Paths   map[string]map[string]struct {
		OperationID string `json:"operationId"`
		RequestBody *struct{ Content map[string]any }
		Responses   map[string]any
	}
	Components struct {
		Schemas map[string]struct {
			Properties map[string]struct{ Enum []string }
		}
	}
}

func TestOpenAPI(t *testing.T) {
	r := newRig(t, nil)
	got := r.want(200, r.ask("GET", "/api/openapi.json", "", "Authorization: "))
	doc := into[openAPI](t, got.body)
	if !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Error(doc.OpenAPI)
	}
	for _, c := range r.api.calls {
		op, ok := doc.Paths[c.path][strings.ToLower(c.method)]
		if !ok || op.OperationID != c.id || (op.Responses["401"] == nil) != c.open || (c.body != nil) != (op.RequestBody != nil) {
			t.Errorf("%s %s: %+v", c.method, c.path, op)
		}
		for _, status := range append(c.errors, c.also) {
			if status != 0 && op.Responses[strconv.Itoa(status)] == nil {
				t.Errorf("%s: %d is not described", c.id, status)
			}
		}
	}
	p := doc.Components.Schemas["Problem"].Properties["code"].Enum
	if len(p) != len(problem.Codes) || !slices.Contains(p, "taken") {
		t.Errorf("codes: %v", p)
	}
	for _, figure := range []string{"clicks", "human", "machine", "unknown", "unique_recipients", "complete_through"} {
		if _, there := doc.Components.Schemas["FiguresView"].Properties[figure]; !there {
			t.Errorf("%s of the figures is not described", figure)
		}
	}
	rules := doc.Components.Schemas["Field"].Properties["rule"].Enum
	if !slices.Equal(rules, problem.Rules) {
		t.Errorf("rules: %v", rules)
	}
}

func TestPanicsAreProblems(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Links = nil })
	wantProblem(t, "panic", r.ask("GET", "/api/v1/links", ""), 500, "internal", "", "")
}

// TestRulesAreClosed: nothing that a rig can be made to say is outside the documented sets.
func TestRulesAreClosed(t *testing.T) {
	seen := make(map[string]bool)
	for _, rule := range problem.Rules {
		if seen[rule] {
			t.Errorf("%s stands twice", rule)
		}
		seen[rule] = true
	}
	for _, code := range problem.Codes {
		if p := problem.New(code); p.Status < 400 || p.Title == "" || p.Detail == "" {
			t.Errorf("%s: %+v", code, p)
		}
	}
}

// TestOnlyWhatIsNeededIsRequired: a generated client may leave out what the server does not ask for.
func TestOnlyWhatIsNeededIsRequired(t *testing.T) {
	r := newRig(t, nil)
	schemas := r.api.huma.OpenAPI().Components.Schemas.Map()
	for name, want := range map[string][]string{"NewLinkBody": {"url"}, "LinkPatch": nil, "CampaignBody": nil, "CheckBody": nil,
		"NewKeyBody": {"role"}, "KeyPatch": nil, "NewDomainBody": {"domain"}, "DomainPatch": nil, "NewAccountBody": {"name"}, "AccountPatch": nil} {
		if schemas[name] == nil || !slices.Equal(schemas[name].Required, want) {
			t.Errorf("%s: %+v", name, schemas[name])
		}
	}
}

// TestTimesThatMayBeNull: a generated client reads what the server answers. Every time that is a pointer can be null.
func TestTimesThatMayBeNull(t *testing.T) {
	schemas := newRig(t, nil).api.huma.OpenAPI().Components.Schemas.Map()
	for name, times := range map[string][]string{
		"ApiKeyView": {"expires_at", "revoked_at", "stopped_at"}, "AccountView": {"stopped_at"}, "CampaignView": {"sent_at"}, "CampaignBody": {"sent_at"},
		"DomainView": {"verified_at"}, "LinkView": {"expires_at"}, "LinkPatch": {"expires_at"}, "KeyPatch": {"expires_at"}, "GapView": {"to"}, "KeyView": {"valid_until"},
	} {
		schema := schemas[name]
		if schema == nil {
			t.Errorf("no %s in the document", name)
			continue
		}
		for _, field := range times {
			if p := schema.Properties[field]; p == nil || !p.Nullable || p.Format != "date-time" {
				t.Errorf("%s.%s: %+v", name, field, p)
			}
		}
	}
}
