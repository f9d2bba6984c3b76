package console

import (
	"context"
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
	for name, value := range settings {
		forced[name] = value
	}
	p := stack.Private(t, func(ctx context.Context, dir string) (*stack.Program, error) {
		p, err := stack.Allinone("allinone", dir, stack.Settings{Forced: forced})
		if err != nil {
			return nil, err
		}
		return p, p.Start(ctx)
	})
	return p, &platform.API{Base: p.APIURL(), Key: testKey}
}

// campaign makes the test's campaign on an allinone.
func campaign(t *testing.T, p *stack.Program, api *platform.API) stage.Show {
	t.Helper()
	return stage.Open(t, api, p.URL(), "sqlite:"+filepath.Join(p.Dir, "longtail.db"))
}
