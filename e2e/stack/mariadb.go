package stack

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	_ "github.com/go-sql-driver/mysql" // tells when the server answers
)

// The account and the database that every private MariaDB has.
const (
	dbUser     = "longtail"
	dbPassword = "longtail"
	dbName     = "longtail"
)

// initSQL runs at each start, so that a restart finds and a first start makes the database.
const initSQL = `CREATE DATABASE IF NOT EXISTS ` + dbName + `;
CREATE USER IF NOT EXISTS '` + dbUser + `'@'127.0.0.1' IDENTIFIED BY '` + dbPassword + `';
GRANT ALL ON *.* TO '` + dbUser + `'@'127.0.0.1';
`

// A Database is a private MariaDB with an empty database "longtail". What it has committed survives kill -9.
type Database struct {
	*Process
	client string
}

// MariaDB starts a private server in dir. A folder that held one before is used again, with its data.
func MariaDB(ctx context.Context, dir string) (*Database, error) {
	server, err := binary("mariadbd")
	if err != nil {
		return nil, err
	}
	client, err := binary("mariadb")
	if err != nil {
		return nil, err
	}
	dir, err = filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	tmp := filepath.Join(dir, "tmp")
	if err := os.MkdirAll(tmp, 0o755); err != nil {
		return nil, err
	}
	if err := bootstrap(ctx, data, tmp); err != nil {
		return nil, err
	}
	initFile := filepath.Join(dir, "init.sql")
	if err := os.WriteFile(initFile, []byte(initSQL), 0o600); err != nil {
		return nil, err
	}
	settings, err := deployed("mysql/longtail.cnf")
	if err != nil {
		return nil, err
	}
	db := &Database{client: client}
	db.Process, err = newProcess("mysqld", dir, port, spec{
		path: server,
		args: append([]string{
			"--defaults-file=" + settings,
			"--datadir=" + data,
			"--tmpdir=" + tmp,
			"--socket=" + filepath.Join(os.TempDir(), fmt.Sprintf("longtail-mysqld-%d.sock", port)),
			"--pid-file=" + filepath.Join(dir, "server.pid"),
			"--bind-address=127.0.0.1",
			fmt.Sprintf("--port=%d", port),
			"--init-file=" + initFile,
		}, asRoot()...),
		ready: db.ping,
	})
	if err != nil {
		return nil, err
	}
	if err := db.Start(ctx); err != nil {
		return nil, err
	}
	return db, nil
}

// bootstrap makes the system tables of a new data folder. Temporary tables lie in tmp: a server removes at its start
// what others left in its folder, and takes the tables of those that live for such.
func bootstrap(ctx context.Context, data, tmp string) error {
	if _, err := os.Stat(filepath.Join(data, "mysql")); err == nil {
		return nil
	}
	installer, err := binary("mariadb-install-db")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(data, 0o755); err != nil {
		return err
	}
	args := append([]string{"--no-defaults", "--datadir=" + data, "--auth-root-authentication-method=normal",
		"--skip-test-db", "--skip-name-resolve"}, asRoot()...)
	cmd := exec.CommandContext(ctx, installer, args...)
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("make MariaDB's system tables: %w\n%s", err, out)
	}
	return nil
}

// asRoot lets root run the server, which it refuses without being told.
func asRoot() []string {
	if os.Geteuid() == 0 {
		return []string{"--user=root"}
	}
	return nil
}

// ping succeeds when the server answers and the database is there.
func (d *Database) ping(ctx context.Context) error {
	db, err := sql.Open("mysql", d.DSN())
	if err != nil {
		return err
	}
	return errors.Join(db.PingContext(ctx), db.Close())
}

// DSN is the database for go-sql-driver/mysql.
func (d *Database) DSN() string {
	return fmt.Sprintf("%s:%s@tcp(127.0.0.1:%d)/%s", dbUser, dbPassword, d.Port, dbName)
}

// RootDSN is the server as root, with no database chosen.
func (d *Database) RootDSN() string { return fmt.Sprintf("root@tcp(127.0.0.1:%d)/", d.Port) }

// Command is a command line for a shell: the client with the database chosen.
func (d *Database) Command() string {
	return fmt.Sprintf("%s --no-defaults --protocol=tcp --host=127.0.0.1 --port=%d --user=%s --password=%s --binary-as-hex=0 %s",
		d.client, d.Port, dbUser, dbPassword, dbName)
}
