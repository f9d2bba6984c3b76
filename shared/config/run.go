package config

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// Run reads the command line and the environment into cli, a kong grammar, runs the command that was asked for, and
// returns the process's exit status: 0, 1 when the command failed, 2 when a setting or the command line is wrong. The
// command's context ends at the first SIGTERM or SIGINT; a second one ends the process at once.
func Run(name, description string, cli any, vars kong.Vars) int {
	var p Problems
	LoadFiles(&p)
	if err := p.Err(); err != nil {
		return fail(name, err)
	}
	parser, err := kong.New(cli, kong.Name(name), kong.Description(description), vars, kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		panic(err) // the grammar is ours
	}
	parsed, err := parser.Parse(os.Args[1:])
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v (%s --help shows what there is)\n", name, err, name)
		return ExitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	context.AfterFunc(ctx, stop)
	parsed.BindTo(ctx, (*context.Context)(nil))
	return fail(name, parsed.Run())
}

func fail(name string, err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
	if _, wrong := errors.AsType[*Error](err); wrong {
		return ExitUsage
	}
	return 1
}
