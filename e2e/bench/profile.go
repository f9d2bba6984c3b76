package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
)

// profile writes where the redirector's time goes during one more round.
func (t *stand) profile(ctx context.Context, o Options) error {
	fetched := make(chan error, 1)
	go func() { fetched <- t.fetchProfile(ctx, o) }()
	_, err := t.wrk.run(ctx, t.front.Public, o.Round)
	return errors.Join(err, <-fetched)
}

func (t *stand) fetchProfile(ctx context.Context, o Options) error {
	url := fmt.Sprintf("http://127.0.0.1:%d/debug/pprof/profile?seconds=%d", t.front.Pprof, max(1, int(o.Round.Seconds())-1))
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
	file, err := os.Create(o.Profile)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, res.Body)
	return errors.Join(err, file.Close())
}
