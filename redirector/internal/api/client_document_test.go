package api

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the document from which the Go client is generated")

const clientDocument = "../../client/openapi.json"

// clientCalls are those that the Go client makes.
var clientCalls = []string{"create-link", "get-link", "edit-link", "delete-link", "create-links", "rewrite", "campaign-stats"}

// TestClientDocument: the Go client's types are generated from what the server really serves. make client brings them up
// to date.
func TestClientDocument(t *testing.T) {
	got := clientPart(t)
	if *update {
		if err := os.WriteFile(clientDocument, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(clientDocument)
	if err != nil || !bytes.Equal(kept, got) {
		t.Errorf("the API differs from the document of redirector/client (make client): %v", err)
	}
}

// clientPart returns the calls of the client and the schemas that they name, as OpenAPI 3.0, which more generators know.
func clientPart(t *testing.T) []byte {
	t.Helper()
	whole, err := newRig(t, nil).api.huma.OpenAPI().Downgrade()
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(whole, &doc); err != nil {
		t.Fatal(err)
	}
	paths := doc["paths"].(map[string]any)
	for path, item := range paths {
		calls := item.(map[string]any)
		for method, op := range calls {
			if id, _ := op.(map[string]any)["operationId"].(string); !slices.Contains(clientCalls, id) {
				delete(calls, method)
			}
		}
		if len(calls) == 0 {
			delete(paths, path)
		}
	}
	prune(t, doc)
	loosen(doc)
	part, err := json.MarshalIndent(doc, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return append(part, '\n')
}

// prune removes the schemas that nothing names, until none is left.
func prune(t *testing.T, doc map[string]any) {
	t.Helper()
	schemas := doc["components"].(map[string]any)["schemas"].(map[string]any)
	for again := true; again; {
		text, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		again = false
		for name := range schemas {
			if !strings.Contains(string(text), `"#/components/schemas/`+name+`"`) {
				delete(schemas, name)
				again = true
			}
		}
	}
}

// loosen makes a field that takes one of several types an any: Go has no better word for it.
func loosen(v any) {
	switch v := v.(type) {
	case map[string]any:
		if _, several := v["oneOf"]; several {
			delete(v, "oneOf")
			v["x-go-type"], v["x-go-type-skip-optional-pointer"] = "any", true
		}
		for _, one := range v {
			loosen(one)
		}
	case []any:
		for _, one := range v {
			loosen(one)
		}
	}
}
