package main

import (
	"context"
	"errors"
	"os"
	"slices"

	"longtail/e2e/stack"
	"longtail/e2e/volume"
)

type volumeCommand struct {
	Sizes    []int  `default:"1000000,10000000" help:"Clicks at which is measured, ascending: each size is loaded on top of the one before."`
	Requests int    `default:"200" help:"Requests of each question at each size."`
	Dir      string `help:"Parent of the folder in which the database lies meanwhile, some 5 GB for ten million clicks. By default the one for temporary files."`
}

// Validate is called by kong.
func (v *volumeCommand) Validate() error {
	if len(v.Sizes) == 0 || v.Sizes[0] < 10_000 || !slices.IsSorted(v.Sizes) || v.Requests < 1 {
		return errors.New("--sizes must be ascending, from 10000 on; --requests above 0")
	}
	return nil
}

// Run is called by kong.
func (v *volumeCommand) Run(ctx context.Context) error {
	if err := stack.Install(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(v.Dir, "longtail-volume-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	return volume.Run(ctx, os.Stdout, volume.Options{Sizes: v.Sizes, Requests: v.Requests, Dir: dir, Log: os.Stderr})
}
