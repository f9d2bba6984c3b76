//go:build !race

package resolve

const scale = 1
