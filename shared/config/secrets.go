package config

import "os"

// Sizes of secrets.
const (
	minSecret    = 32
	minBootstrap = 32
	maxBootstrap = 128
)

// Secrets are what nothing in the database can stand for.
type Secrets struct {
	Secret    []byte // master of the campaigns' keys, its bytes as they stand
	Previous  []byte // the one before, while links signed with it are about; nil = none
	Bootstrap string // the API key of the first hour; "" = none
}

// ReadSecrets reads the secrets from the environment. They have no flags: every user of a machine can read a command
// line.
func ReadSecrets(p *Problems) Secrets {
	s := Secrets{
		Secret:    secret(p, "LONGTAIL_SECRET"),
		Previous:  secret(p, "LONGTAIL_SECRET_PREVIOUS"),
		Bootstrap: os.Getenv("LONGTAIL_BOOTSTRAP_KEY"),
	}
	if n := len(s.Bootstrap); n != 0 && (n < minBootstrap || n > maxBootstrap || !printable(s.Bootstrap)) {
		p.Add("LONGTAIL_BOOTSTRAP_KEY", "has %d bytes; want %d to %d printable characters without spaces", n, minBootstrap, maxBootstrap)
	}
	return s
}

func secret(p *Problems, setting string) []byte {
	value := os.Getenv(setting)
	if value == "" {
		return nil
	}
	if len(value) < minSecret {
		p.Add(setting, "has %d bytes; want at least %d (make secrets writes one)", len(value), minSecret)
	}
	return []byte(value)
}

// RequireSecret adds a mistake when there is no master secret.
func (s *Secrets) RequireSecret(p *Problems) {
	if s.Secret == nil {
		p.Add("LONGTAIL_SECRET", "is not set; want at least %d bytes (make secrets writes one)", minSecret)
	}
}

func printable(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
