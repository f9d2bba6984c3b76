package faults

import (
	"database/sql"
	"fmt"
	"testing"

	"longtail/e2e/stack"
	"longtail/e2e/stage"
	"longtail/shared/storage/storagetest"
)

// enough transactions tell more about an order of locks than chance does.
const enough = 200

// Eight workers store a long tail of clicks on the same links at once, each click delivered twice. Then a part of it
// again, with the locks taken in an order of chance, which shows what their order is good for.
func TestM1EightWorkersOnTheSameLinks(t *testing.T) {
	t.Parallel() // it has a database of its own
	f := stage.NewFault(t, "M1")
	server := stack.Private(t, stack.MariaDB)
	admin, err := sql.Open("mysql", server.RootDSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = admin.Close() })
	databases := 0
	fresh := func(t *testing.T) string {
		t.Helper()
		databases++
		name := fmt.Sprintf("contention_%d", databases)
		if _, err := admin.ExecContext(t.Context(), "CREATE DATABASE "+name); err != nil {
			t.Fatal(err)
		}
		return server.RootDSN() + name
	}
	load := storagetest.Contention{
		Events: stage.Full(2_000_000, 8_000), Links: 1000, Workers: 8, Batch: 500, Seed: f.Random.Uint64(),
	}
	control, apart := load, load
	control.Events, control.Unsorted = stage.Full(100_000, 8_000), true
	apart.Events, apart.Apart = stage.Full(400_000, 4_000), true
	f.Planned(load, control, apart)
	found, shuffled, calm := storagetest.Contend(t, fresh, load), storagetest.Contend(t, fresh, control), storagetest.Contend(t, fresh, apart)
	f.StruckN("clicks that were stored already", found.Duplicate)
	f.StruckN("deadlocks", found.Deadlocks)
	share, wild := found.DeadlockShare(), shuffled.DeadlockShare()
	f.Note("rows %d, differing cells 0, %d transactions given up %d, deadlocks %.2f %% of them; where the second delivery follows the first %.2f %%; unsorted: %d transactions given up %d, deadlocks %.2f %%",
		found.Inserted, found.Transactions, found.GivenUp, share, calm.DeadlockShare(), shuffled.Transactions, shuffled.GivenUp, wild)
	if shuffled.Transactions >= enough && wild <= share {
		t.Errorf("deadlocks: sorted %.2f %%, unsorted %.2f %%; want more in the control", share, wild)
	}
}
