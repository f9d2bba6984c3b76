// Command cluster runs the whole of the click's way on this machine, for people: private MariaDB, Redis, RabbitMQ and
// HAProxy, two redirectors and three workers on free ports, and keeps it up until Ctrl-C. It is make cluster;
// "cluster stop NAME" and "cluster start NAME" are make cluster-stop and make cluster-start; "cluster install" only installs
// the services' packages where they are missing.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"longtail/e2e/stack"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context, args []string) error {
	switch {
	case len(args) == 0:
		return serve(ctx, os.Stdout)
	case len(args) == 1 && args[0] == "install":
		return stack.Install()
	case len(args) == 2 && (args[0] == "stop" || args[0] == "start"):
		return ask(args[0], args[1])
	default:
		return errors.New("usage: cluster | cluster install | cluster stop NAME | cluster start NAME")
	}
}
