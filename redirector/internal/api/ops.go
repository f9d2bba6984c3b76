package api

import (
	"context"
	"net/http"

	"longtail/redirector/internal/account"
	"longtail/redirector/internal/problem"
	"longtail/shared/pool"
)

// Pipeline tells how the clicks' way is doing, in the words of GET /api/v1/ops/pipeline.
type Pipeline interface {
	View(ctx context.Context) (*pool.Pipeline, error)
}

func (s *server) opsRoutes() {
	register(s, call{method: http.MethodGet, path: "/api/v1/ops/pipeline", id: "ops-pipeline", summary: "What waits where, and how fast it goes",
		role: account.Operator}, s.pipelineView)
}

type pipelineAnswer struct{ Body *pool.Pipeline }

func (s *server) pipelineView(ctx context.Context, _ account.Principal, _ *struct{}) (*pipelineAnswer, error) {
	if s.pipeline == nil {
		return nil, problem.New(problem.NotFound)
	}
	view, err := s.pipeline.View(ctx)
	if err != nil {
		return nil, err
	}
	return &pipelineAnswer{view}, nil
}
