package console

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"testing"

	"longtail/e2e/platform"
	"longtail/e2e/stack"
	"longtail/e2e/stage"
)

// testKey is the API key of an allinone under test: the operator's, so that it may see every page.
const testKey = "a-key-for-the-console-0123456789abcdef"

// alone starts allinone in a folder of its own.
func alone(t *testing.T, settings map[string]string) (*stack.Program, *platform.API) {
	t.Helper()
	forced := map[string]string{"LONGTAIL_BOOTSTRAP_KEY": testKey, "LONGTAIL_API_RATE": "10000"}
	maps.Copy(forced, settings)
	p := stack.Private(t, func(ctx context.Context, dir string) (*stack.Program, error) {
		p, err := stack.Allinone("allinone", dir, stack.Settings{Forced: forced})
		if err != nil {
			return nil, err
		}
		return p, p.Start(ctx)
	})
	api := &platform.API{Base: p.APIURL(), Key: testKey}
	// A program is ready when it answers clicks; its API opens at the same time and may be some milliseconds later.
	stage.Until(t, stepLimit, func() string { return "an API" }, func() bool {
		res, err := http.Get(api.Base + "/console/sign-in")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
	return p, api
}

// campaign makes the test's campaign on an allinone.
func campaign(t *testing.T, p *stack.Program, api *platform.API) stage.Show {
	t.Helper()
	return stage.Open(t, api, p.URL(), "sqlite:"+filepath.Join(p.Dir, "longtail.db"))
}

// call calls the API with an object and returns the object that it answers; nil where it answers none.
func call(t *testing.T, api *platform.API, method, path string, body any) map[string]any {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, api.Base+path, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+api.Key)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var answer map[string]any
	err = json.NewDecoder(res.Body).Decode(&answer)
	if res.StatusCode/100 != 2 || (err != nil && !errors.Is(err, io.EOF)) {
		t.Fatalf("%s %s: %s, %v, %v", method, path, res.Status, answer, err)
	}
	return answer
}
