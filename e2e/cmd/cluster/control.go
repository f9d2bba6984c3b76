package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"longtail/e2e/stack"
)

// control is the socket where a running cluster takes orders: one line "stop NAME" or "start NAME", answered by one
// line, "ok" or what went wrong. The path is relative to the root, since a socket's path may only be short.
var control = filepath.Join(folder, "control")

// listen takes orders until the listener is closed.
func listen(s *supervisor) (net.Listener, error) {
	l, err := net.Listen("unix", control)
	if err != nil {
		return nil, err
	}
	go func() { // ends when the listener is closed, at the end of the program
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go obey(s, conn)
		}
	}()
	return l, nil
}

// obey carries out one order.
func obey(s *supervisor, conn net.Conn) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(2 * stopLimit))
	line, err := bufio.NewReader(io.LimitReader(conn, 1024)).ReadString('\n')
	if err != nil {
		return
	}
	order, name, _ := strings.Cut(strings.TrimSpace(line), " ")
	switch order {
	case "stop":
		err = s.stop(name)
	case "start":
		err = s.start(name)
	default:
		err = fmt.Errorf("no such order: %q", order)
	}
	answer := "ok"
	if err != nil {
		answer = strings.ReplaceAll(err.Error(), "\n", " | ")
	}
	fmt.Fprintln(conn, answer)
}

// ask gives an order to the running cluster.
func ask(order, name string) error {
	root, err := stack.Root()
	if err != nil {
		return err
	}
	if err := os.Chdir(root); err != nil {
		return err
	}
	conn, err := net.DialTimeout("unix", control, time.Second)
	if err != nil {
		return errors.New("no cluster runs here: make cluster starts one")
	}
	defer conn.Close()
	if _, err := fmt.Fprintln(conn, order, name); err != nil {
		return err
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return fmt.Errorf("the cluster's answer: %w", err)
	}
	if answer = strings.TrimSpace(answer); answer != "ok" {
		return errors.New(answer)
	}
	return nil
}

// alive tells whether a cluster of this folder runs.
func alive() bool {
	conn, err := net.DialTimeout("unix", control, time.Second)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}
