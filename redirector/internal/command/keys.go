package command

import (
	"context"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"longtail/redirector/internal/account"
	"longtail/shared/config"
	"longtail/shared/storage"
)

type keysCommand struct {
	Create keysCreate `cmd:"" help:"Make a key and print it, once."`
	List   keysList   `cmd:"" help:"Show an account's keys, without their text."`
	Revoke keysRevoke `cmd:"" help:"End a key: every redirector refuses it within 5 s. Its links live on."`
	Stop   keysStop   `cmd:"" help:"Let every link that a key made answer as a disabled one, on every redirector within 2 s."`
	Resume keysResume `cmd:"" help:"End a stop."`
}

// auditName is who changes keys from the command line, in the audit.
const auditName = "keys command"

type keysCreate struct {
	config.StoreFlags
	Account uint32        `default:"1" help:"The account it speaks for."`
	Role    string        `default:"write" enum:"read,write,admin,operator" help:"read, write, admin or operator."`
	Name    string        `help:"For the person who reads the list."`
	Expires time.Duration `help:"How long it lives; 0 = until it is revoked."`
	Rate    int           `help:"Requests a second; 0 = the installation's rate."`
	Hosts   []string      `help:"Hosts to which its links may lead, such as shop.example or *.shop.example; none = all."`
}

// Run prints the key alone on standard output, so that a script can keep it.
func (c *keysCreate) Run(ctx context.Context) error {
	role, err := account.ParseRole(c.Role)
	if err != nil {
		return err
	}
	db, err := store(ctx, &c.StoreFlags)
	if err != nil {
		return err
	}
	defer db.Close()
	want := account.NewKey{Account: c.Account, Role: role, Name: c.Name, Rate: c.Rate, Hosts: c.Hosts}
	if c.Expires > 0 {
		want.Expires = time.Now().Add(c.Expires)
	}
	text, key, err := account.Create(storage.AsActor(ctx, auditName), db, want)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "key %s of account %d, role %s; it is shown only now:\n", key.ID, key.Account, c.Role)
	fmt.Println(text)
	return nil
}

type keysList struct {
	config.StoreFlags
	Account uint32 `default:"1" help:"Whose keys."`
}

// Run prints one line a key.
func (c *keysList) Run(ctx context.Context) error {
	db, err := store(ctx, &c.StoreFlags)
	if err != nil {
		return err
	}
	defer db.Close()
	keys, err := account.List(ctx, db, c.Account)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tROLE\tNAME\tCREATED\tEXPIRES\tREVOKED\tSTOPPED")
	for _, k := range keys {
		fmt.Fprintf(table, "%s\t%s\t%q\t%s\t%s\t%s\t%s\n", k.ID, k.Role, k.Name, day(k.CreatedMS), day(k.ExpiresMS), day(k.RevokedMS), day(k.StoppedMS))
	}
	return table.Flush()
}

func day(ms int64) string {
	if ms == 0 {
		return "-"
	}
	return time.UnixMilli(ms).UTC().Format(time.RFC3339)
}

// keyFlags name a key.
type keyFlags struct {
	config.StoreFlags
	Account uint32 `default:"1" help:"Whose key."`
	ID      string `arg:"" help:"The id that list shows."`
}

// with opens the database and does something to the key.
func (c *keyFlags) with(ctx context.Context, do func(ctx context.Context, db *storage.DB, id account.KeyID) error) error {
	id, ok := account.ParseKeyID(c.ID)
	if !ok {
		return fmt.Errorf("%q is no id of a key; keys list shows them", c.ID)
	}
	db, err := store(ctx, &c.StoreFlags)
	if err != nil {
		return err
	}
	defer db.Close()
	return do(storage.AsActor(ctx, auditName), db, id)
}

type keysRevoke struct{ keyFlags }

// Run revokes.
func (c *keysRevoke) Run(ctx context.Context) error {
	return c.with(ctx, func(ctx context.Context, db *storage.DB, id account.KeyID) error {
		return account.Revoke(ctx, db, c.Account, id)
	})
}

type keysStop struct{ keyFlags }

// Run stops the key's links.
func (c *keysStop) Run(ctx context.Context) error { return c.stop(ctx, true) }

type keysResume struct{ keyFlags }

// Run lets them go again.
func (c *keysResume) Run(ctx context.Context) error { return c.stop(ctx, false) }

func (c *keyFlags) stop(ctx context.Context, stop bool) error {
	return c.with(ctx, func(ctx context.Context, db *storage.DB, id account.KeyID) error {
		return account.Stop(ctx, db, c.Account, id, stop)
	})
}
