package stack

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
)

// Root is the folder of the repository: where go.work stands, looked for upwards from the working folder and then from
// where this file was compiled.
var Root = sync.OnceValues(func() (string, error) {
	wd, err := os.Getwd()
	if err != nil {
		return "", err
	}
	_, source, _, _ := runtime.Caller(0)
	for _, start := range []string{wd, filepath.Dir(source)} {
		for dir := start; ; dir = filepath.Dir(dir) {
			if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
				return dir, nil
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	return "", errors.New("the repository is not found: no go.work above the working folder")
})

// deployed is the path of a settings file that the compose file uses too.
func deployed(name string) (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	path := filepath.Join(root, "deploy", name)
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("settings of a service: %w", err)
	}
	return path, nil
}
