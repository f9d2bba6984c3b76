package bench

import (
	"errors"
	"fmt"
	"os"
	"strconv"
)

// autogroup is where Linux keeps the priority of this session, to which all processes of the benchmark belong. Between
// sessions it is what counts, and not the priorities of threads.
const autogroup = "/proc/self/autogroup"

// ahead runs a load ahead of whatever else the machine does, if that was asked for: on a busy machine the figures of a
// short round are then nearer to those of an idle one.
func ahead(o Options, load func() error) (err error) {
	if o.Nice == 0 {
		return load()
	}
	defer func() { err = errors.Join(err, prefer(0)) }()
	if err := prefer(o.Nice); err != nil {
		return err
	}
	return load()
}

func prefer(priority int) error {
	if err := os.WriteFile(autogroup, []byte(strconv.Itoa(priority)), 0); err != nil {
		return fmt.Errorf("priority of the session: %w", err)
	}
	return nil
}
