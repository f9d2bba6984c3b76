//go:build compose

package compose

import (
	"fmt"
	"io"
	"testing"
	"text/tabwriter"

	"longtail/e2e/evidence"
	"longtail/e2e/platform"
	"longtail/e2e/stack"
	"longtail/e2e/stage"
)

// A scene is the project and one campaign in it, for one story.
type scene struct{ stage.Show }

// onStage makes the story's campaign, with everything in the project healthy.
func onStage(t *testing.T) *scene {
	t.Helper()
	whole(t)
	api := &platform.API{Base: project.APIURL, Key: project.Key}
	return &scene{stage.Open(t, api, project.PublicURL, store(t))}
}

// whole waits until everything is healthy and the load balancer has found it.
func whole(t *testing.T) {
	t.Helper()
	ctx := stage.Within(t, stepLimit)
	if err := project.Healthy(ctx, redirectors, workers); err != nil {
		t.Fatal(err)
	}
	if err := stack.Balances(ctx, project.PublicURL, redirectors); err != nil {
		t.Fatal(err)
	}
}

// store is the database as it is reached from here: by its container's address, since docker-compose.yml publishes no
// port of it.
func store(t *testing.T) string {
	t.Helper()
	all, err := project.Containers(stage.Within(t, stepLimit), "mysql")
	if err != nil || len(all) != 1 {
		t.Fatalf("containers of mysql: %v, %v; want one", all, err)
	}
	return fmt.Sprintf("longtail:%s@tcp(%s:3306)/longtail", project.MySQLPassword, all[0].Address)
}

// reopen finds the database again where it is now.
func (s *scene) reopen(t *testing.T) {
	t.Helper()
	db, err := evidence.Open(store(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	s.DB = db
}

// tell lets people click while blow falls, judges, and writes the story's row.
func (s *scene) tell(t *testing.T, atLeast int, what string, blow func()) *stage.Found {
	t.Helper()
	answers := s.Clicking(t, stage.People{AtLeast: atLeast, PerSecond: pace}, blow)
	whole(t)
	s.reopen(t)
	found := s.Judge(t, s.Fresh(t, answers))
	row(what, found)
	if len(found.Others) != 0 {
		t.Errorf("answers other than 302: %v; want none", found.Others)
	}
	return found
}

// rows of the table of all stories.
var rows []string

func row(what string, f *stage.Found) {
	others := 0
	for _, n := range f.Others {
		others += n
	}
	rows = append(rows, fmt.Sprintf("%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d", what,
		f.Issued, f.Answered, f.Unanswered+f.NotSent, others, f.Rows, f.Lost, f.Duplicated, f.Unexpected, f.Recovered, f.Cells))
}

// printTable prints what came of all stories that were told to their end.
func printTable(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "struck\tissued\tanswered\tno answer\tothers\trows\tlost\tduplicated\tunexpected\trecovered\tcells")
	for _, r := range rows {
		fmt.Fprintln(w, r)
	}
	w.Flush()
}
