package command

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestKeptSecretIsMadeOnce(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "secret")
	first, made, err := keptSecret(path, newSecret)
	if err != nil || !made || len(first) < 32 {
		t.Fatalf("%d characters, made %v, %v; want a new secret", len(first), made, err)
	}
	again, made, err := keptSecret(path, func() string { t.Error("a second secret was made"); return newSecret() })
	if err != nil || made || again != first {
		t.Errorf("made %v, %v, the same %v; want the first secret again", made, err, again == first)
	}
	if other, _, err := keptSecret(filepath.Join(dir, "api-key"), newSecret); err != nil || other == first {
		t.Errorf("two files hold one secret (%v)", err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 2 {
		t.Errorf("%v (%v); want the two files alone", files, err)
	}
}

func TestKeptSecretIsItsOwnersAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	if _, _, err := keptSecret(path, newSecret); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode(); mode != fs.FileMode(0o600) {
		t.Errorf("mode %v, want -rw-------", mode)
	}
}

// A file that somebody has cut short or emptied is never replaced behind his back: links in mails depend on what it held.
func TestKeptSecretRefusesAShortOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	for _, content := range []string{"", "\n", strings.Repeat("x", 31), "  " + strings.Repeat("x", 31) + "\n\n"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		secret, made, err := keptSecret(path, newSecret)
		if err == nil || secret != "" || made || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: made %v, %v; want an error that names the file", content, made, err)
		}
		if err != nil && strings.Contains(err.Error(), "xxx") {
			t.Errorf("the error tells the secret: %v", err)
		}
		if left, err := os.ReadFile(path); err != nil || string(left) != content {
			t.Errorf("%q became %q (%v)", content, left, err)
		}
	}
}

// A file written by a person ends with a line feed, which is not part of the secret.
func TestKeptSecretOfAPerson(t *testing.T) {
	path, want := filepath.Join(t.TempDir(), "secret"), strings.Repeat("s", 32)
	if err := os.WriteFile(path, []byte(want+"\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, made, err := keptSecret(path, newSecret); got != want || made || err != nil {
		t.Errorf("%q, made %v, %v; want %q", got, made, err, want)
	}
}

func TestKeptSecretWithoutItsFolder(t *testing.T) {
	if secret, made, err := keptSecret(filepath.Join(t.TempDir(), "none", "secret"), newSecret); err == nil || secret != "" || made {
		t.Errorf("made %v, %v; want an error", made, err)
	}
}
