package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"longtail/e2e/stack"
)

// folder is where everything of the cluster lies, in the repository's root.
const folder = ".cluster"

// startLimit bounds the start, which takes about ten seconds; packages that are missing are installed before.
const startLimit = 2 * time.Minute

// serve starts a cluster with nothing in it and keeps it up until ctx ends, then stops it in the order of the click's
// way.
func serve(ctx context.Context, out io.Writer) error {
	root, err := stack.Root()
	if err != nil {
		return err
	}
	if err := os.Chdir(root); err != nil {
		return err
	}
	if alive() {
		return errors.New("a cluster of this folder runs already; stop it first")
	}
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	begin := time.Now()
	if err := stack.Install(); err != nil {
		return err
	}
	fmt.Fprintln(out, "starting MariaDB, Redis, RabbitMQ, HAProxy, 2 redirectors and 3 workers ...")
	starting, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	c, err := stack.Start(starting, stack.Options{Dir: folder, Redirectors: 2, Workers: 3})
	if err != nil {
		return err
	}
	s := newSupervisor(filepath.Join(folder, "pids"), c.Processes(), out)
	err = func() error {
		control, err := listen(s)
		if err != nil {
			return err
		}
		defer control.Close()
		if err := writeEnv(c); err != nil {
			return err
		}
		describe(out, c, time.Since(begin))
		return s.run(ctx)
	}()
	fmt.Fprintln(out, "stopping ...")
	return errors.Join(err, c.Close(), s.clear(), os.Remove(envPath))
}

// describe tells a person what there is now and what to try first.
func describe(out io.Writer, c *stack.Cluster, took time.Duration) {
	fmt.Fprintf(out, `ready after %.1f s

  clicks   %s    (through HAProxy)
  API      %s    (through HAProxy)
  key      %s

In another terminal, in this folder:

  . .cluster/env
  curl -s -X POST $A/api/v1/links -H "Authorization: Bearer $K" --json '{"url":"https://example.com/"}'
  curl -i $P/CODE                                  # the code of the answer
  $SQL -e 'select * from v_clicks'                 # its row, by way of RabbitMQ
  kill -9 $(cat .cluster/pids/worker-1)            # comes back by itself
  make cluster-stop NAME=worker-1                  # stays away until make cluster-start NAME=worker-1

Ctrl-C stops everything.
`, took.Seconds(), c.HAProxy.URL(), c.HAProxy.APIURL(), c.Key)
}
