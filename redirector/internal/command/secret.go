package command

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
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
	secret = generate()
	// Written aside and renamed: a process that dies here leaves no half of a secret.
	if err := os.WriteFile(path+".new", []byte(secret+"\n"), 0o600); err != nil {
		return "", false, err
	}
	return secret, true, os.Rename(path+".new", path)
}
