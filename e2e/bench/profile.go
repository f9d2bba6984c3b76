package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"golang.org/x/sync/errgroup"

	"longtail/e2e/stack"
)

// withPprof lets the programs that start from now on serve pprof, if a profile is wanted. Package stack chooses ports.
func withPprof(o Options) error {
	if o.Profile == "" {
		return nil
	}
	return os.Setenv("LONGTAIL_PPROF_ADDR", "127.0.0.1:0")
}

// profile writes where the programs' time goes during one more round.
func (s *site) profile(ctx context.Context, o Options, group string, programs ...*stack.Program) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, p := range programs {
		path := fmt.Sprintf("%s-%s-%s.pprof", o.Profile, group, p.Name)
		g.Go(func() error { return fetchProfile(ctx, p, path, max(1, int(o.Round.Seconds())-1)) })
	}
	g.Go(func() error {
		_, err := s.wrk.fire(ctx, o, s.front.Public)
		return err
	})
	return g.Wait()
}

func fetchProfile(ctx context.Context, p *stack.Program, path string, seconds int) error {
	url := fmt.Sprintf("http://127.0.0.1:%d/debug/pprof/profile?seconds=%d", p.Pprof, seconds)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, res.Status)
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, res.Body)
	return errors.Join(err, file.Close())
}
