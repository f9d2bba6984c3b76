package command

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"longtail/shared/queue/spool"
)

// newSecret returns 52 random characters: 260 bits.
func newSecret() string { return rand.Text() + rand.Text() }

// keptSecret returns the secret in the file at path, which is made, readable by its owner only, when there is none.
func keptSecret(path string, generate func() string) (secret string, made bool, err error) {
	content, err := os.ReadFile(filepath.Clean(path))
	if err == nil {
		if secret = strings.TrimSpace(string(content)); len(secret) < 32 {
			return "", false, fmt.Errorf("%s holds no secret of 32 characters; remove it and a new one is made", path)
		}
		return secret, false, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", false, err
	}
	if err := writeOnce(path, generate()+"\n"); err != nil {
		return "", false, err
	}
	// Of two processes that start at once one has written it: both read the same.
	if content, err = os.ReadFile(filepath.Clean(path)); err != nil {
		return "", false, err
	}
	return strings.TrimSpace(string(content)), true, nil
}

// writeOnce writes a file, readable by its owner only, unless there is one. It is whole and durable before it has its
// name: neither a dead process nor a loss of power leaves half of a secret.
func writeOnce(path, content string) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.new") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return spool.OS{}.SyncDir(filepath.Dir(path))
}
