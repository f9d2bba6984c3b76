// Package config turns the environment and the flags of a program into checked settings, and names every mistake at
// once. Flags and environment are declared with kong tags as plain text, so that a bad value never hides the next.
//
// Place on the click's way: none; it is read once, before anything starts.
package config

import (
	"fmt"
	"os"
	"sort"
	"strings"
)

// Prefix begins the name of every setting in the environment.
const Prefix = "LONGTAIL_"

// ExitUsage is the exit status for wrong settings.
const ExitUsage = 2

// LoadFiles gives every setting NAME the content of the file that NAME_FILE names, without its last line break, unless
// NAME itself is set too, which is a mistake. Secrets reach a program this way without standing in its environment.
func LoadFiles(p *Problems) {
	for _, entry := range os.Environ() {
		name, path, _ := strings.Cut(entry, "=")
		setting, isFile := strings.CutSuffix(name, "_FILE")
		if !isFile || !strings.HasPrefix(name, Prefix) || path == "" {
			continue
		}
		if os.Getenv(setting) != "" {
			p.Add(name, "is set together with %s; set one of them", setting)
			continue
		}
		content, err := os.ReadFile(path)
		if err != nil {
			p.Add(name, "cannot be read: %v", err)
			continue
		}
		os.Setenv(setting, strings.TrimRight(string(content), "\r\n"))
	}
}

// A Problem is one mistake in the settings.
type Problem struct {
	Setting string // the environment name
	Reason  string // for the person who reads it; never a secret's value
}

// Problems collects every mistake before the program gives up.
type Problems struct{ list []Problem }

// Add notes a mistake.
func (p *Problems) Add(setting, format string, args ...any) {
	p.list = append(p.list, Problem{setting, fmt.Sprintf(format, args...)})
}

// Err returns nil, or one error that names every mistake on a line of its own.
func (p *Problems) Err() error {
	if len(p.list) == 0 {
		return nil
	}
	sort.SliceStable(p.list, func(i, j int) bool { return p.list[i].Setting < p.list[j].Setting })
	return &Error{p.list}
}

// Error is the settings' list of mistakes.
type Error struct{ Problems []Problem }

// Error names every mistake on a line of its own.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d wrong setting(s):", len(e.Problems))
	for _, problem := range e.Problems {
		fmt.Fprintf(&b, "\n  %s %s", problem.Setting, problem.Reason)
	}
	return b.String()
}
