package migrations

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"
)

// reserved are words that MySQL 8 and newer reserve, MariaDB does not, and no step needs as anything but a name.
var reserved = strings.Fields(`ACCESSIBLE CUBE CUME_DIST DENSE_RANK EMPTY FIRST_VALUE FUNCTION GENERATED GET GROUPING GROUPS
	IO_AFTER_GTIDS IO_BEFORE_GTIDS JSON_TABLE LAG LAST_VALUE LATERAL LEAD LIBRARY MANUAL MASTER_BIND NTH_VALUE NTILE OF
	OPTIMIZER_COSTS PARALLEL PERCENT_RANK QUALIFY RANK ROW_NUMBER STORED SYSTEM TABLESAMPLE VIRTUAL`)

var (
	comment = regexp.MustCompile(`--.*|/\*(?s:.*?)\*/|'[^']*'`)
	bare    = regexp.MustCompile("(?i)(^|[^`.\\w])(" + strings.Join(reserved, "|") + ")($|[^`\\w])")
)

func TestNoBareNameIsReservedByMySQL(t *testing.T) {
	steps := FS("mysql")
	names, err := fs.Glob(steps, "*.sql")
	if err != nil || len(names) < 40 {
		t.Fatalf("steps: %d, %v", len(names), err)
	}
	for _, name := range names {
		text, err := fs.ReadFile(steps, name)
		if err != nil {
			t.Fatal(err)
		}
		if m := bare.FindStringSubmatch(comment.ReplaceAllString(string(text), "")); m != nil {
			t.Errorf("%s: MySQL reserves %q: put it in backticks", name, m[2])
		}
	}
}
