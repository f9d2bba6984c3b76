package main

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// A row is what a test printed of itself. A field that says nothing to the test is not in it.
type row struct {
	id     string
	fields map[string]string
}

// results are the rows of tests and what failed.
type results struct {
	rows   []row
	failed []string
}

var (
	rowLine = regexp.MustCompile(`row: (\S+) (.*)$`)
	field   = regexp.MustCompile(`(\w+)=("(?:[^"\\]|\\.)*"|\S+)`)
	failure = regexp.MustCompile(`^\s*--- FAIL: (\S+)`)
)

// line reads one line of a test's output.
func (r *results) line(text string) {
	if m := failure.FindStringSubmatch(text); m != nil {
		r.failed = append(r.failed, m[1]+" failed")
	}
	m := rowLine.FindStringSubmatch(text)
	if m == nil {
		return
	}
	found := row{m[1], map[string]string{}}
	for _, f := range field.FindAllStringSubmatch(m[2], -1) {
		value := f[2]
		if plain, err := strconv.Unquote(value); err == nil {
			value = plain
		}
		found.fields[f[1]] = value
	}
	r.rows = append(r.rows, found)
}

func (r *results) join(other results) {
	r.rows, r.failed = append(r.rows, other.rows...), append(r.failed, other.failed...)
}

// columns of the table, in order, each with the name of its field.
var columns = []string{"struck", "acked", "rows", "lost", "dup", "unexpected", "recovered", "cells", "noanswer", "others", "plan"}

// print writes the table in the order of ids.
func (r *results) print(w io.Writer, ids []string) {
	fmt.Fprintln(w)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "id\t%s\twhat\n", strings.Join(columns, "\t"))
	for _, id := range ids {
		for _, x := range r.rows {
			if x.id != id {
				continue
			}
			fmt.Fprint(table, x.id)
			for _, name := range columns {
				value, ok := x.fields[name]
				if !ok {
					value = "-"
				}
				fmt.Fprint(table, "\t", value)
			}
			fmt.Fprint(table, "\t", x.fields["what"], "\n")
		}
	}
	table.Flush()
}

// never are the fields that must be 0, or absent.
var never = []string{"lost", "dup", "unexpected", "cells"}

// broken names everything that is not as promised.
func (r *results) broken(ids []string) []string {
	all := slices.Clone(r.failed)
	for _, id := range ids {
		if !slices.ContainsFunc(r.rows, func(x row) bool { return x.id == id }) {
			all = append(all, id+": no row")
		}
	}
	for _, x := range r.rows {
		if n, err := strconv.Atoi(x.fields["struck"]); err != nil || n == 0 {
			all = append(all, x.id+": no fault struck")
		}
		for _, name := range never {
			if value, ok := x.fields[name]; ok && value != "0" {
				all = append(all, fmt.Sprintf("%s: %s is %s", x.id, name, value))
			}
		}
	}
	return all
}
