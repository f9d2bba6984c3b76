package stack

import (
	"maps"
	"os"
	"slices"
	"strings"
)

// environment is what a program of ours starts with: this process's own environment, with defaults where it names
// neither NAME nor NAME_FILE, and forced whatever it names.
func environment(defaults, forced map[string]string) []string {
	vars := map[string]string{}
	for _, kv := range os.Environ() {
		name, value, _ := strings.Cut(kv, "=")
		vars[name] = value
	}
	for name, value := range defaults {
		if _, file := vars[name+"_FILE"]; !file {
			if _, own := vars[name]; !own {
				vars[name] = value
			}
		}
	}
	for name, value := range forced {
		delete(vars, name+"_FILE")
		vars[name] = value
	}
	env := make([]string, 0, len(vars))
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		env = append(env, name+"="+vars[name])
	}
	return env
}

// merged lays maps over each other, the last one on top.
func merged(layers ...map[string]string) map[string]string {
	all := map[string]string{}
	for _, layer := range layers {
		maps.Copy(all, layer)
	}
	return all
}
