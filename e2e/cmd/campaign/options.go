package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"longtail/e2e/curve"
	"longtail/e2e/stack"
)

type runCommand struct {
	Clicks     int           `default:"100000" help:"Clicks of the campaign, exactly."`
	Hour       time.Duration `default:"60s" help:"What an hour of the campaign takes: 60s compresses sixtyfold."`
	Seed       uint64        `default:"1" help:"Decides all arrival times and clicks."`
	Links      int           `default:"10" help:"Links of the campaign."`
	Recipients int           `help:"Recipients of the campaign: 20000 unless given; with --load six for ten of its clicks."`
	Curve      string        `type:"existingfile" help:"Arrivals by this file instead of the long tail: lines of TIME RATE, straight between them."`
	Mode       string        `enum:"longtail,naive,uncached" default:"longtail" help:"Who redirects and records: longtail, or one of the two usual designs (${enum})."`
	Compare    bool          `help:"Run all three modes and print them side by side."`

	Addr string `help:"Where clicks go, as http://host:port. Without it .cluster/env tells all addresses."`
	API  string `name:"api" help:"The API, as http://host:port. Without it, clicks go to the path of --addr and only answers are counted."`
	Key  string `help:"Key of the API, with the role write."`
	DB   string `name:"db" help:"The database, as a DSN of go-sql-driver/mysql or sqlite:PATH. Without it rows are not compared."`

	Connections int           `default:"128" help:"Keep-alive connections at most."`
	Timeout     time.Duration `default:"30s" help:"Of one request; then its answer is not known."`
	Patience    time.Duration `default:"60s" help:"How long the store may stand still, at the end, before it is no longer waited for."`

	Chart             string  `placeholder:"FILE.svg" help:"Draw arrivals, rows and what waits."`
	InsertRateWindows bool    `help:"Print the rows inserted in each 10 s with a backlog; more than 10 % apart is a broken promise."`
	InsertRate        float64 `help:"The insert rate that is promised, in rows a second, for --insert-rate-windows. Else LONGTAIL_INSERT_RATE."`

	Load      int `help:"Store so many clicks of past campaigns, as ingest does it and without HTTP: for figures at a size. Needs --db or make cluster."`
	Campaigns int `default:"8" help:"Campaigns of --load, the first with most clicks. --links and --recipients are those of each."`
	Days      int `default:"30" help:"Days over which the campaigns of --load were sent."`

	Demo bool    `help:"Tell every second what is answered, stored and waiting. Clicks come at --rate."`
	Rate float64 `default:"20" help:"Clicks a second of --demo."`
}

// Validate is called by kong.
func (o *runCommand) Validate() error {
	var errs []error
	positive := func(name string, ok bool) {
		if !ok {
			errs = append(errs, fmt.Errorf("--%s must be above 0", name))
		}
	}
	positive("clicks", o.Clicks > 0)
	positive("hour", o.Hour > 0)
	positive("links", o.Links > 0)
	if o.Recipients == 0 && o.Load == 0 {
		o.Recipients = 20000
	}
	positive("recipients", o.Recipients > 0 || o.Recipients == 0 && o.Load > 0)
	positive("load", o.Load >= 0)
	positive("campaigns", o.Campaigns > 0)
	if o.Days < 2 || o.Days > 34 {
		errs = append(errs, errors.New("--days must be 2 to 34: minutes are kept for 35 days"))
	}
	positive("connections", o.Connections > 0)
	positive("timeout", o.Timeout > 0)
	positive("rate", o.Rate > 0)
	if (o.API == "") != (o.Key == "") {
		errs = append(errs, errors.New("--api and --key go together"))
	}
	if o.API != "" && o.Addr == "" {
		errs = append(errs, errors.New("--api needs --addr"))
	}
	return errors.Join(errs...)
}

// locate fills in the addresses that were not given from the cluster of this folder.
func (o *runCommand) locate() error {
	if o.Addr != "" {
		return nil
	}
	root, err := stack.Root()
	if err != nil {
		return err
	}
	env, err := readEnv(filepath.Join(root, ".cluster", "env"))
	if errors.Is(err, os.ErrNotExist) {
		return errors.New("no cluster runs here: make cluster starts one, or give --addr, --api, --key and --db")
	}
	if err != nil {
		return err
	}
	o.Addr, o.API, o.Key = env["P"], env["A"], env["K"]
	if o.DB == "" {
		o.DB = env["LONGTAIL_MYSQL_DSN"]
	}
	if o.InsertRate == 0 {
		_, _ = fmt.Sscan(env["LONGTAIL_INSERT_RATE"], &o.InsertRate) // 0 when it is not set
	}
	return nil
}

// readEnv reads lines of sh: export NAME='value'.
func readEnv(path string) (map[string]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	env := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "=")
		if ok {
			value = strings.TrimSuffix(strings.TrimPrefix(value, "'"), "'")
			env[name] = strings.ReplaceAll(value, `'\''`, "'")
		}
	}
	return env, nil
}

// target is where clicks go: the address to dial, the Host to name, and the path.
func target(addr string) (dial, host, path string, err error) {
	u, err := url.Parse(addr)
	if err != nil || u.Scheme != "http" || u.Host == "" {
		return "", "", "", fmt.Errorf("--addr %q is not of the form http://host:port", addr)
	}
	port := u.Port()
	if port == "" {
		port = "80"
	}
	return net.JoinHostPort(u.Hostname(), port), u.Host, u.RequestURI(), nil
}

// shape is how the clicks spread over time, and what an hour of that takes.
func (o *runCommand) shape() (curve.Curve, time.Duration, error) {
	if o.Demo {
		return curve.Constant(1), time.Duration(float64(o.Clicks) / o.Rate * float64(time.Second)), nil
	}
	if o.Curve == "" {
		return curve.NewLongTail(), o.Hour, nil
	}
	f, err := os.Open(o.Curve)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	c, err := curve.Read(io.LimitReader(f, 1<<20))
	return c, o.Hour, err
}
