package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"longtail/e2e/naive"
)

type serveCommand struct {
	Mode string `enum:"naive,uncached" default:"naive" help:"naive: lookup and insert in the request; uncached: lookup in the request, insert in the background."`
	Addr string `default:"127.0.0.1:0" help:"Where to serve."`
	DB   string `name:"db" env:"CAMPAIGN_DB" required:"" help:"DSN of Longtail's database."`
}

// serveGrace bounds the end of a server: the clicks that it holds are inserted.
const serveGrace = 30 * time.Second

// Run is called by kong. It prints the address when it serves.
func (s *serveCommand) Run(ctx context.Context) error {
	server, err := s.open(ctx)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", s.Addr)
	if err != nil {
		return errors.Join(err, server.Close())
	}
	h := &http.Server{Handler: server, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- h.Serve(l) }()
	fmt.Println(l.Addr())
	select {
	case err = <-served:
	case <-ctx.Done():
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), serveGrace)
		defer cancel()
		err = h.Shutdown(grace)
	}
	return errors.Join(err, server.Close())
}

func (s *serveCommand) open(ctx context.Context) (*naive.Server, error) {
	if s.Mode == "uncached" {
		return naive.Uncached(ctx, s.DB, slog.Default())
	}
	return naive.Naive(ctx, s.DB)
}

// startServer runs serve-naive as a process of its own, so that it and the load do not share one. It returns the address
// and what ends it.
func startServer(ctx context.Context, mode, db string) (addr string, finish func() error, err error) {
	if db == "" || strings.HasPrefix(db, "sqlite:") {
		return "", nil, fmt.Errorf("mode %s needs a MySQL or MariaDB in --db", mode)
	}
	self, err := os.Executable()
	if err != nil {
		return "", nil, err
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), self, "serve-naive", "--mode", mode)
	cmd.Env = append(os.Environ(), "CAMPAIGN_DB="+db) // not on the command line, where others see it
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for us; we end it
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	finish = func() error { return errors.Join(cmd.Process.Signal(syscall.SIGTERM), cmd.Wait()) }
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		return "", nil, errors.Join(fmt.Errorf("start the %s server: %w", mode, err), finish())
	}
	return strings.TrimSpace(line), finish, nil
}
