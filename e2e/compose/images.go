package compose

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"longtail/e2e/stack"
)

// pullLimit bounds the pull of one image.
const pullLimit = 10 * time.Minute

// base is the image that all stand-ins begin with.
const base = "longtail-standin:base"

// Provide sees to it that the daemon has all images: it has them already, or pulls them, or, in a private daemon, they
// are made from Debian's packages. It returns the names of the stand-ins.
func (e *Engine) Provide(ctx context.Context, names []string) (standins []string, err error) {
	for _, name := range names {
		if _, err := e.Docker(ctx, "image", "inspect", name); err == nil {
			continue
		}
		// One that did not come tells enough of the registry.
		if len(standins) == 0 {
			pullErr := e.pull(ctx, name)
			if pullErr == nil {
				continue
			}
			if !e.Private {
				return nil, fmt.Errorf("load the image into the daemon that runs here, or stop that daemon, and one of our own is started with stand-ins: %w", pullErr)
			}
			if err := e.makeBase(ctx); err != nil {
				return nil, errors.Join(pullErr, err)
			}
		}
		if err := e.makeStandin(ctx, name); err != nil {
			return nil, err
		}
		standins = append(standins, name)
	}
	return standins, nil
}

func (e *Engine) pull(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, pullLimit)
	defer cancel()
	_, err := e.Docker(ctx, "pull", "--quiet", name)
	return err
}

// recipes is the folder of what stand-ins are made by.
func recipes() (string, error) {
	root, err := stack.Root()
	return filepath.Join(root, "e2e", "compose", "standins"), err
}

func (e *Engine) makeBase(ctx context.Context) error {
	dir, err := recipes()
	if err != nil {
		return err
	}
	return run(ctx, dir, e.env, filepath.Join(dir, "base"), base)
}

// recipe is the file that makes the stand-in for an image: named as the image is, without registry and tag.
func recipe(image string) string {
	name, _, _ := strings.Cut(path.Base(image), ":")
	return name + ".Dockerfile"
}

func (e *Engine) makeStandin(ctx context.Context, image string) error {
	dir, err := recipes()
	if err != nil {
		return err
	}
	file := filepath.Join(dir, recipe(image))
	if _, err := os.Stat(file); err != nil {
		return fmt.Errorf("there is no stand-in for %s: %w", image, err)
	}
	content := dir
	if recipe(image) == "golang.Dockerfile" {
		content = runtime.GOROOT() //nolint:staticcheck // this machine's Go is what the image is made of
	}
	return run(ctx, dir, e.env, "docker", "build", "--build-arg", "BASE="+base, "--file", file, "--tag", image, content)
}

func sorted(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }
