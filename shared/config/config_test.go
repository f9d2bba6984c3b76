package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestEveryMistakeIsNamedAtOnce(t *testing.T) {
	t.Setenv("LONGTAIL_SECRET", "short")
	t.Setenv("LONGTAIL_BOOTSTRAP_KEY", "has a space")
	var p Problems
	(&PublicFlags{PublicAddr: "8080", PublicURL: "ftp://x", TrustedProxies: "10.0.0.0/33, nonsense", IP: "half"}).Parse(&p)
	(&APIFlags{APIAddr: "127.0.0.1:99999", APIRate: "0"}).Parse(&p)
	(&SpoolFlags{Journal: "fast", SpoolMaxBytes: "8 parsecs"}).Parse(&p)
	(&PoolFlags{InsertRate: "-1", Prefetch: "x", Consumers: "0", BatchSize: "", BatchAge: "soon"}).Parse(&p)
	(&BrokerFlags{AMQPURL: "http://user:hunter2@host/"}).Parse(&p)
	(&StoreFlags{MySQLDSN: "longtail:hunter2@tcp(mysql:3306)"}).Parse(&p)
	(&DebugFlags{DebugAddr: "off", PprofAddr: "off", Log: "xml"}).Parse(&p)
	ReadSecrets(&p)
	err := p.Err()
	var list *Error
	if !errors.As(err, &list) {
		t.Fatalf("no list of mistakes: %v", err)
	}
	for _, setting := range []string{
		"PUBLIC_ADDR", "PUBLIC_URL", "TRUSTED_PROXIES", "IP", "API_ADDR", "API_RATE", "DATA_DIR", "JOURNAL",
		"SPOOL_MAX_BYTES", "INSERT_RATE", "PREFETCH", "CONSUMERS", "BATCH_SIZE", "BATCH_AGE", "AMQP_URL", "MYSQL_DSN", "LOG",
		"SECRET", "BOOTSTRAP_KEY",
	} {
		if !strings.Contains(err.Error(), Prefix+setting+" ") {
			t.Errorf("%s is not named", setting)
		}
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Error("a password stands in the message")
	}
	if !strings.Contains(err.Error(), "want one of text, json") {
		t.Error("the words for LONGTAIL_LOG are not proposed")
	}
	t.Logf("%d mistakes named", len(list.Problems))
}

func TestGoodValues(t *testing.T) {
	var p Problems
	if got := p.bytes("X", "256MiB", 0); got != 256<<20 {
		t.Errorf("256MiB = %d", got)
	}
	if got := p.duration("X", "400d", 0, 1<<62); got != 400*24*time.Hour {
		t.Errorf("400d = %s", got)
	}
	if got := p.address("X", "off"); got != "" {
		t.Errorf("off = %q", got)
	}
	if got := p.prefixes("X", "10.1.2.3/8, ::1"); len(got) != 2 || got[0].String() != "10.0.0.0/8" || got[1].String() != "::1/128" {
		t.Errorf("prefixes = %v", got)
	}
	if err := p.Err(); err != nil {
		t.Error(err)
	}
}

func TestDataSource(t *testing.T) {
	for value, good := range map[string]bool{
		"longtail:longtail@tcp(mysql:3306)/longtail": true, "u:p/w@(a@tcp(db:3306,db2)/x?tls=true": true, "unix(/run/m.sock)/x": true,
		"/x": true, "sqlite:/data/x.db": true, "": false, "::": false, "sqlite:": false, "u:p@tcp(db:3306)": false, "u:p@tcp(db:3306)/": false,
		"u:p@tcp(db:3306/x": false, "u:p@tcp(db)/?tls=true": false,
	} {
		var p Problems
		(&StoreFlags{MySQLDSN: value}).Parse(&p)
		if (p.Err() == nil) != good {
			t.Errorf("%q: %v", value, p.Err())
		}
	}
}

func TestLoadFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte("0123456789abcdef0123456789abcdef\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("LONGTAIL_SECRET", "")
	t.Setenv("LONGTAIL_SECRET_FILE", path)
	t.Setenv("LONGTAIL_AMQP_URL", "")
	t.Setenv("LONGTAIL_AMQP_URL_FILE", path+".absent")
	var p Problems
	LoadFiles(&p)
	if got := string(ReadSecrets(&p).Secret); got != "0123456789abcdef0123456789abcdef" {
		t.Errorf("secret = %q", got)
	}
	if err := p.Err(); err == nil || !strings.Contains(err.Error(), "LONGTAIL_AMQP_URL_FILE cannot be read") {
		t.Errorf("absent file: %v", err)
	}
}
